"""How a case is decided: who counts, how many are enough, what a decision may say, and what a block may approve."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.rules.refusal import Irrelevant, Refused
from chassis.rules.transitions import StepNotAllowed
from contracts.tpp import Decision, HearingKind, Outcome, SubjectKind, Tally
from services.tpp.domain import agenda, attendance, session
from services.tpp.domain.acts import Announcement, Conflict, Listing, Motion
from services.tpp.domain.hearing import Choice, Line, LineState, Part, PresenceMethod, Status, Vote
from services.tpp.domain.item import ItemState
from tests.unit.tpp.examples import (
    AUTHOR,
    CHAIR,
    MEMBERS,
    MONDAY,
    REFERENCE,
    REPORT,
    SECRETARY,
    a_hearing,
    a_line,
    an_item,
    outcomes,
    there,
)

CONSENTING = replace(REFERENCE, board=REFERENCE.board.model_copy(update={"consent_part": True}))
ROUTINE: dict[str, Any] = {"kind": SubjectKind.STAGE, "risk_band": "LOW"}


def voting(**votes: Choice) -> Line:
    """A case with a motion and these votes, by the last figure of the member's code."""
    cast = tuple(Vote(member=f"PO-HQ-0{name[1:]}", choice=choice, at=MONDAY) for name, choice in votes.items())
    return a_line(LineState.VOTING, motion=outcomes(), votes=cast)


@pytest.mark.parametrize(
    ("present", "members", "enough"),
    [(3, 5, False), (4, 5, True), (4, 6, False), (5, 6, True), (6, 9, False), (7, 9, True), (0, 5, False)],
)
def test_a_quorum_is_more_than_two_thirds(present: int, members: int, *, enough: bool) -> None:
    assert attendance.is_quorate(present=present, members=members) is enough


@pytest.mark.parametrize(
    ("votes", "voters", "passed"),
    [
        ({"m1": Choice.IN_FAVOUR, "m2": Choice.IN_FAVOUR, "m3": Choice.AGAINST}, 4, False),
        ({"m1": Choice.IN_FAVOUR, "m2": Choice.IN_FAVOUR, "m3": Choice.IN_FAVOUR}, 4, True),
        ({"m1": Choice.IN_FAVOUR, "m2": Choice.AGAINST}, 3, False),
        ({"m1": Choice.IN_FAVOUR, "m2": Choice.IN_FAVOUR}, 3, True),
        ({"m1": Choice.ABSTAIN, "m2": Choice.IN_FAVOUR}, 3, False),
        ({}, 3, False),
    ],
    ids=["half is a tie", "more than half", "one each", "two of three", "who abstains is not in favour", "nobody"],
)
def test_a_motion_passes_by_more_than_half_of_those_who_may_vote(
    votes: dict[str, Choice], voters: int, *, passed: bool
) -> None:
    line = voting(**votes)
    known = [vote.member for vote in line.votes]
    entitled = frozenset([*known, *(f"other-{number}" for number in range(voters - len(known)))])

    tally, result = session.count(line, entitled)

    assert result is passed
    assert tally.in_favour + tally.against + tally.abstained == voters


def test_a_defeated_motion_is_replaced_by_another() -> None:
    line = voting(m1=Choice.AGAINST, m2=Choice.AGAINST, m3=Choice.IN_FAVOUR)

    with pytest.raises(session.MotionDefeated):
        session.count(line, frozenset(MEMBERS[1:4]))

    act = Motion(outcomes=outcomes(Decision.REJECT))
    hearing = a_hearing(lines=(line,))
    again = session.put_motion(hearing, an_item(ItemState.HEARD), act, by=CHAIR, now=MONDAY).hearing.line(REPORT)
    assert (again.votes, again.motion[0].decision) == ((), Decision.REJECT)


def test_the_votes_of_all_who_may_make_the_tally() -> None:
    tally, _ = session.count(voting(m1=Choice.IN_FAVOUR, m2=Choice.AGAINST), frozenset(MEMBERS[:4]))

    assert tally == Tally(in_favour=1, against=1, abstained=2)


def test_author_and_interested_stand_apart() -> None:
    line = a_line(LineState.VOTING, conflicts=("PO-HQ-01",))

    assert attendance.entitled(line, frozenset(MEMBERS)) == {CHAIR, "PO-HQ-02", "PO-HQ-03"}
    for member in (AUTHOR, "PO-HQ-01"):
        with pytest.raises((agenda.AuthorStandsApart, agenda.ConflictStandsApart)):
            agenda.require_part(line, an_item(ItemState.HEARD), member)


@pytest.mark.parametrize(
    ("method", "joined", "left", "counts"),
    [
        (PresenceMethod.VIDEO, 0, None, True),
        (PresenceMethod.VIDEO, 2, None, True),
        (PresenceMethod.VIDEO, 3, None, False),
        (PresenceMethod.VIDEO, 0, 8, True),
        (PresenceMethod.VIDEO, 0, 7, False),
        (PresenceMethod.ROOM, 9, None, True),
        (PresenceMethod.ROOM, -20, -5, False),
        (PresenceMethod.ROOM, 11, None, False),
    ],
)
def test_who_took_part_signed_in_the_room_or_followed_most_of_it(
    method: PresenceMethod, joined: int, left: int | None, *, counts: bool
) -> None:
    [came] = there("PO-HQ-01", method=method, at=MONDAY + timedelta(minutes=joined))
    if left is not None:
        came = came.model_copy(update={"left_at": MONDAY + timedelta(minutes=left)})
    hearing = a_hearing(presence=(came,))
    until = MONDAY + timedelta(minutes=10)

    found = attendance.took_part(hearing, a_line(LineState.VOTING), until=until, reference=REFERENCE)

    assert found == ({"PO-HQ-01"} if counts else frozenset())


@pytest.mark.parametrize(
    ("decided", "refused"),
    [
        ((), session.ProgrammesDiffer),
        ((Outcome(programme="CONDITIONAL_LEAVE", decision=Decision.APPROVE),), session.ProgrammesDiffer),
        (outcomes() * 2, session.ProgrammesDiffer),
        (outcomes(Decision.PROMOTE), session.NoSuchDecision),
        (outcomes(Decision.REJECT, "REPORT-WEEKLY"), session.ConditionWithoutApproval),
    ],
)
def test_a_decision_names_every_programme_once_in_words_of_its_kind(
    decided: tuple[Outcome, ...], refused: type[Refused]
) -> None:
    hearing = a_hearing(lines=(a_line(LineState.IN_DISCUSSION),))

    with pytest.raises(refused):
        session.put_motion(
            hearing, an_item(ItemState.HEARD), Motion.model_construct(outcomes=decided), by=CHAIR, now=MONDAY
        )


def test_a_case_is_not_deferred_in_part() -> None:
    heard = a_line(LineState.IN_DISCUSSION).heard
    assert heard is not None
    two = heard.model_copy(update={"programmes": ("CONDITIONAL_LEAVE", "CONDITIONAL_RELEASE")})
    hearing = a_hearing(lines=(a_line(LineState.IN_DISCUSSION, heard=two),))
    mixed = (*outcomes(Decision.DEFER), Outcome(programme="CONDITIONAL_LEAVE", decision=Decision.APPROVE))

    with pytest.raises(session.DeferredInPart):
        session.put_motion(hearing, an_item(ItemState.HEARD), Motion(outcomes=mixed), by=CHAIR, now=MONDAY)


def test_a_consensus_of_those_who_read_nothing_is_none() -> None:
    hearing = a_hearing(lines=(a_line(LineState.IN_DISCUSSION),))
    act = Announcement(consensus=outcomes())

    with pytest.raises(session.DossiersUnread):
        session.announce(
            hearing, an_item(ItemState.HEARD), act, by=SECRETARY, readers=MEMBERS[:2], now=MONDAY, reference=REFERENCE
        )


def test_a_case_in_the_block_is_approved_unless_a_member_pulls_it_out() -> None:
    act = Listing(subjects=(REPORT,), part=Part.CONSENT)
    waiting = an_item(**ROUTINE)
    draft = a_hearing(Status.DRAFT_AGENDA, lines=())
    listed = agenda.put_on(draft, [waiting], act, by=SECRETARY, now=MONDAY, reference=CONSENTING)
    item, hearing = listed.cases[0].item, replace(listed.hearing, status=Status.IN_SESSION)

    block = session.approve_in_block(hearing, [item], by=CHAIR, now=MONDAY)
    pulled = agenda.pull_out(hearing, REPORT, by="PO-HQ-01", now=MONDAY).hearing
    left = session.approve_in_block(pulled, [item], by=CHAIR, now=MONDAY)

    assert block.hearing.line(REPORT).state is LineState.DECIDED
    assert block.cases[0].item.state is ItemState.DECIDED
    assert (left.hearing.line(REPORT).state, left.cases) == (LineState.LISTED, ())
    with pytest.raises(session.HeardInBlock):
        session.call(hearing, item, by=CHAIR, now=MONDAY)
    with pytest.raises(agenda.NotInConsentPart):
        agenda.pull_out(pulled, REPORT, by="PO-HQ-02", now=MONDAY)


@pytest.mark.parametrize(
    ("changes", "consenting", "refused"),
    [
        (ROUTINE, False, agenda.ConsentPartOff),
        ({"kind": SubjectKind.LITMAS, "risk_band": "LOW"}, True, agenda.NeedsFullHearing),
        ({"kind": SubjectKind.VIOLATION, "risk_band": "LOW"}, True, agenda.NeedsFullHearing),
        ({"kind": SubjectKind.STAGE, "risk_band": "HIGH"}, True, agenda.NeedsFullHearing),
    ],
)
def test_what_is_never_approved_in_a_block(
    changes: dict[str, Any], *, consenting: bool, refused: type[Refused]
) -> None:
    act = Listing(subjects=(REPORT,), part=Part.CONSENT)
    reference = CONSENTING if consenting else REFERENCE

    with pytest.raises(refused):
        agenda.put_on(
            a_hearing(Status.DRAFT_AGENDA, lines=()), [an_item(**changes)], act, by=SECRETARY, now=MONDAY,
            reference=reference,
        )  # fmt: skip


def test_an_express_hearing_is_for_express_cases() -> None:
    hearing = a_hearing(Status.DRAFT_AGENDA, lines=(), kind=HearingKind.EXPRESS)
    act = Listing(subjects=(REPORT,))

    with pytest.raises(agenda.NotExpress):
        agenda.put_on(hearing, [an_item()], act, by=SECRETARY, now=MONDAY, reference=REFERENCE)
    agenda.put_on(hearing, [an_item(express=True)], act, by=SECRETARY, now=MONDAY, reference=REFERENCE)


@pytest.mark.parametrize(("hours", "kind"), [(24, HearingKind.ROUTINE), (1, HearingKind.EXPRESS)])
def test_the_dossiers_are_open_for_long_enough(hours: int, kind: HearingKind) -> None:
    hearing, listed = a_hearing(Status.DRAFT_AGENDA, kind=kind), an_item(ItemState.ON_AGENDA)
    in_time = MONDAY - timedelta(hours=hours)

    agenda.schedule(hearing, [listed], by=CHAIR, now=in_time, reference=REFERENCE)
    with pytest.raises(agenda.DossierTooShort):
        agenda.schedule(hearing, [listed], by=CHAIR, now=in_time + timedelta(seconds=1), reference=REFERENCE)


def test_a_session_does_not_end_over_an_open_case() -> None:
    hearing = a_hearing(lines=(a_line(LineState.VOTING),))

    with pytest.raises(agenda.CaseStillOpen):
        session.conclude(hearing, [an_item(ItemState.HEARD)], by=CHAIR, now=MONDAY)


def test_a_withdrawn_case_is_dropped_when_the_session_ends() -> None:
    decided = session.conclude(a_hearing(), [an_item(ItemState.WITHDRAWN)], by=CHAIR, now=MONDAY)

    assert (decided.hearing.line(REPORT).state, decided.cases) == (LineState.DROPPED, ())


def test_a_case_that_was_withdrawn_is_not_called() -> None:
    with pytest.raises(Irrelevant):
        session.call(a_hearing(), an_item(ItemState.WITHDRAWN), by=CHAIR, now=MONDAY)


def test_an_interest_is_declared_before_the_vote() -> None:
    act = Conflict(reason="A cousin")

    with pytest.raises(StepNotAllowed):
        agenda.declare_conflict(a_hearing(lines=(a_line(LineState.VOTING),)), REPORT, act, by="PO-HQ-01", now=MONDAY)


def test_a_hearing_of_withdrawn_cases_alone_is_not_scheduled() -> None:
    withdrawn = an_item(ItemState.WITHDRAWN)

    with pytest.raises(agenda.NothingOnAgenda):
        agenda.schedule(
            a_hearing(Status.DRAFT_AGENDA), [withdrawn], by=CHAIR, now=MONDAY - timedelta(days=2), reference=REFERENCE
        )


def test_a_case_of_a_hearing_that_did_not_go_on_gets_another_one() -> None:
    adjourned = a_hearing(Status.ADJOURNED)

    decided = agenda.take_off(
        adjourned, an_item(ItemState.ON_AGENDA), by=SECRETARY, reason="Nobody could come", now=MONDAY
    )

    assert (decided.hearing.lines, decided.cases[0].item.state) == ((), ItemState.QUEUED)


def test_a_case_that_was_heard_stays_on_the_agenda() -> None:
    adjourned = a_hearing(Status.ADJOURNED, lines=(a_line(LineState.DECIDED),))

    with pytest.raises(agenda.HeardAlready):
        agenda.take_off(adjourned, an_item(ItemState.DECIDED), by=SECRETARY, reason="A mistake", now=MONDAY)
