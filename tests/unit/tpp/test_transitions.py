"""The three tables of tpp, whole: what is listed moves, everything else is refused in words and changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.rules.transitions import StepNotAllowed
from contracts.tpp import AdjournReason, HearingMode, Panel
from services.tpp.domain import agenda, attendance, minutes, session
from services.tpp.domain.acts import (
    Adjourning,
    Announcement,
    Arrival,
    Ballot,
    Departure,
    Drafting,
    Excuse,
    Listing,
    MinutesDraft,
    Motion,
    Rescheduling,
    Signing,
    StandIn,
    WrittenOpinion,
)
from services.tpp.domain.decided import Decided
from services.tpp.domain.hearing import (
    LINE_MOVES,
    LINE_TRANSITIONS,
    MOVES,
    TRANSITIONS,
    Choice,
    Hearing,
    LineState,
    LineStep,
    PresenceMethod,
    Signature,
    Status,
    Step,
)
from services.tpp.domain.item import ITEM_MOVES, ITEM_TRANSITIONS, ItemState, ItemStep
from tests.unit.tpp.examples import (
    CHAIR,
    HASH,
    MEMBERS,
    MONDAY,
    REFERENCE,
    REPORT,
    SECRETARY,
    a_bench,
    a_hearing,
    a_line,
    an_item,
    outcomes,
)

LATER = MONDAY + timedelta(days=1)


@pytest.mark.parametrize("table", [TRANSITIONS, LINE_TRANSITIONS, ITEM_TRANSITIONS], ids=lambda table: table.matter)
def test_every_pair_of_state_and_step_moves_as_listed_or_is_refused(table: Any) -> None:
    moves: dict[Any, Any] = MOVES | LINE_MOVES | ITEM_MOVES
    for state, step, after in table.product():
        if (state, step) in moves:
            assert table.move(state, step) is after is moves[state, step]
        else:
            with pytest.raises(StepNotAllowed) as refused:
                table.move(state, step)
            assert step.value in refused.value.reason


def test_every_state_can_be_reached() -> None:
    assert not TRANSITIONS.unreachable()
    assert not ITEM_TRANSITIONS.unreachable()
    # A case is put on the agenda in its first state.
    assert LINE_TRANSITIONS.unreachable() == frozenset(LineState)


def test_a_hearing_goes_the_way_of_the_study_and_no_other() -> None:
    forward = [(before, after) for (before, _), after in MOVES.items() if before not in (None, after)]

    assert set(forward) == {
        (Status.DRAFT_AGENDA, Status.SCHEDULED),
        (Status.SCHEDULED, Status.QUORUM_CHECK),
        (Status.QUORUM_CHECK, Status.IN_SESSION),
        (Status.SCHEDULED, Status.ADJOURNED),
        (Status.QUORUM_CHECK, Status.ADJOURNED),
        (Status.IN_SESSION, Status.ADJOURNED),
        (Status.ADJOURNED, Status.SCHEDULED),
        (Status.IN_SESSION, Status.DECIDED),
        (Status.DECIDED, Status.MINUTES_DRAFTED),
        (Status.MINUTES_DRAFTED, Status.SIGNED),
        (Status.SIGNED, Status.HANDED_OVER),
        (Status.HANDED_OVER, Status.CLOSED),
    }


def _signed(hearing: Hearing) -> Hearing:
    """The same, with every signature under its minutes, if it has any."""
    if hearing.minutes is None:
        return hearing
    signatures = [Signature(member=each, minutes_hash=HASH, at=MONDAY) for each in (*MEMBERS, SECRETARY)]
    return a_hearing(hearing.status, minutes=hearing.minutes.model_copy(update={"signatures": tuple(signatures)}))


ACTS: dict[str, tuple[Step, Callable[[Hearing], Decided]]] = {
    "put on": (
        Step.PUT_ON,
        lambda hearing: agenda.put_on(
            a_hearing(hearing.status, lines=()), [an_item()], Listing(subjects=(REPORT,)), by=SECRETARY, now=MONDAY,
            reference=REFERENCE,
        ),
    ),
    "take off": (
        Step.TAKE_OFF,
        lambda hearing: agenda.take_off(
            hearing, an_item(ItemState.ON_AGENDA), by=SECRETARY, reason="Not ready", now=MONDAY
        ),
    ),
    "schedule": (
        Step.SCHEDULE,
        lambda hearing: agenda.schedule(
            hearing, [an_item(ItemState.ON_AGENDA)], by=CHAIR, now=MONDAY - timedelta(days=2), reference=REFERENCE
        ),
    ),
    "stand in": (
        Step.APPOINT_STAND_IN,
        lambda hearing: agenda.stand_in(hearing, StandIn(chair="PO-HQ-01", reason="On leave"), now=MONDAY),
    ),
    "opinion": (
        Step.PREPARE,
        lambda hearing: agenda.note_opinion(
            hearing, an_item(ItemState.ON_AGENDA), WrittenOpinion(text="In favour"), by=CHAIR, has_read=True, now=MONDAY
        ),
    ),
    "roll": (Step.CALL_ROLL, lambda hearing: attendance.call_roll(hearing, by=SECRETARY, now=MONDAY)),
    "arrive": (
        Step.RECORD_PRESENCE,
        lambda hearing: attendance.arrive(
            a_hearing(hearing.status, presence=()),
            Arrival(member=CHAIR, method=PresenceMethod.ROOM, joined_at=MONDAY), by=SECRETARY, now=MONDAY,
        ),
    ),
    "leave": (
        Step.RECORD_PRESENCE,
        lambda hearing: attendance.leave(hearing, CHAIR, Departure(left_at=MONDAY), by=SECRETARY, now=MONDAY),
    ),
    "open": (Step.OPEN, lambda hearing: attendance.open_session(hearing, by=CHAIR, now=MONDAY)),
    "call": (
        Step.HEAR, lambda hearing: session.call(hearing, an_item(ItemState.ON_AGENDA), by=CHAIR, now=MONDAY),
    ),
    "motion": (
        Step.HEAR,
        lambda hearing: session.put_motion(
            a_hearing(hearing.status, lines=(a_line(LineState.IN_DISCUSSION),)), an_item(ItemState.HEARD),
            Motion(outcomes=outcomes()), by=CHAIR, now=MONDAY,
        ),
    ),
    "vote": (
        Step.HEAR,
        lambda hearing: session.vote(
            a_hearing(hearing.status, lines=(a_line(LineState.VOTING, motion=outcomes()),)), an_item(ItemState.HEARD),
            Ballot(choice=Choice.IN_FAVOUR), by=CHAIR, has_read=True, now=MONDAY, reference=REFERENCE,
        ),
    ),
    "decide": (
        Step.HEAR,
        lambda hearing: session.announce(
            a_hearing(hearing.status, lines=(a_line(LineState.IN_DISCUSSION),)), an_item(ItemState.HEARD),
            Announcement(consensus=outcomes()), by=SECRETARY, readers=MEMBERS, now=MONDAY, reference=REFERENCE,
        ),
    ),
    "carry over": (
        Step.HEAR,
        lambda hearing: session.carry_over(
            hearing, an_item(ItemState.ON_AGENDA), by=CHAIR, reason="No time", now=MONDAY
        ),
    ),
    "block": (Step.HEAR, lambda hearing: session.approve_in_block(hearing, [], by=CHAIR, now=MONDAY)),
    "adjourn": (
        Step.ADJOURN,
        lambda hearing: agenda.adjourn(
            hearing, Adjourning(reason=AdjournReason.QUORUM), by=CHAIR, now=MONDAY, reference=REFERENCE
        ),
    ),
    "reschedule": (
        Step.RESCHEDULE,
        lambda hearing: agenda.reschedule(
            hearing, [], Rescheduling(starts_at=LATER), bench=a_bench(), by=CHAIR, now=MONDAY, reference=REFERENCE
        ),
    ),
    "conclude": (
        Step.CONCLUDE,
        lambda hearing: session.conclude(hearing, [an_item(ItemState.ON_AGENDA)], by=CHAIR, now=MONDAY),
    ),
    "draft minutes": (
        Step.DRAFT_MINUTES,
        lambda hearing: minutes.draft(
            hearing, MinutesDraft(notes="Notes", summary="Summary"), number="0001/TPP/PLG-HQ/VI/2026", by=SECRETARY,
            now=MONDAY,
        ),
    ),
    "sign": (
        Step.SIGN,
        lambda hearing: minutes.sign(hearing, Signing(minutes_hash=HASH), by=CHAIR, now=MONDAY),
    ),
    "excuse": (
        Step.EXCUSE,
        lambda hearing: minutes.excuse(
            hearing, Excuse(member="PO-HQ-01", reason="On leave"), by=CHAIR, now=LATER, reference=REFERENCE
        ),
    ),
    "ratify": (Step.RATIFY, lambda hearing: minutes.ratify(_signed(hearing), by=CHAIR, now=MONDAY)),
    "hand over": (
        Step.HAND_OVER,
        lambda hearing: minutes.hand_over(hearing, [], by=SECRETARY, now=MONDAY, reference=REFERENCE),
    ),
    "receive": (Step.RECEIVE, lambda hearing: minutes.receive(hearing, now=MONDAY)),
}  # fmt: skip
"""Every act on a hearing as it succeeds in its states, and the step of the table that it takes."""


def test_every_step_of_the_table_has_an_act() -> None:
    assert {step for step, _ in ACTS.values()} == set(Step) - {Step.DRAFT}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("name", ACTS)
def test_an_act_does_what_the_table_says_and_nothing_where_it_says_nothing(name: str, status: Status) -> None:
    step, act = ACTS[name]
    hearing = a_hearing(status)

    if TRANSITIONS.allows(status, step):
        assert act(hearing).hearing.status is MOVES[status, step]
    else:
        with pytest.raises(StepNotAllowed):
            act(hearing)


@pytest.mark.parametrize("state", LineState)
def test_a_case_is_decided_once_in_a_hearing(state: LineState) -> None:
    hearing = a_hearing(lines=(a_line(state, motion=outcomes()),))

    def decide(act: Announcement) -> LineState:
        done = session.announce(
            hearing, an_item(ItemState.HEARD), act, by=SECRETARY, readers=MEMBERS, now=MONDAY, reference=REFERENCE
        )
        return done.hearing.line(REPORT).state

    if state is LineState.IN_DISCUSSION:
        assert decide(Announcement(consensus=outcomes())) is LineState.DECIDED
    else:
        with pytest.raises(StepNotAllowed):
            decide(Announcement(consensus=outcomes()))
    if state is LineState.VOTING:
        assert decide(Announcement()) is LineState.DEFERRED  # nobody has voted
    else:
        with pytest.raises((StepNotAllowed, session.NoMotion)):
            decide(Announcement())


@pytest.mark.parametrize("state", ItemState)
@pytest.mark.parametrize("step", ItemStep)
def test_a_case_moves_as_its_table_says(state: ItemState, step: ItemStep) -> None:
    item = an_item(state)

    if (state, step) in ITEM_MOVES:
        assert item.moved(step).state is ITEM_MOVES[state, step]
    else:
        with pytest.raises(StepNotAllowed):
            item.moved(step)


def test_a_hearing_begins_as_a_draft() -> None:
    act = Drafting(panel=Panel.ADULT, mode=HearingMode.VIDEO, starts_at=LATER)

    decided = agenda.draft(
        a_bench(), act, hearing_id=a_hearing().hearing_id, by=SECRETARY, now=MONDAY, reference=REFERENCE
    )

    assert decided.hearing.status is MOVES[None, Step.DRAFT]


def test_an_open_line_is_one_that_can_be_decided() -> None:
    steps = (LineStep.DECIDE, LineStep.COUNT)

    assert {state for state, step in LINE_MOVES if step in steps} == {LineState.IN_DISCUSSION, LineState.VOTING}
