"""The life of an alert: every state and step, every rung, and what leaves nothing to take care of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import registration
from contracts.reference import load_reference
from contracts.roles import Role
from services.notifications.domain import alerting, climb, telling
from services.notifications.domain.alerting import ALERTING, REMINDS, SETTLED_BY
from services.notifications.domain.audience import Audience, Staff, Whereabouts, recipients
from services.notifications.domain.climb import (
    ALERT_STATES,
    LADDER,
    Alert,
    AlertState,
    AlertStep,
    NobodyWaits,
    TooEarly,
)
from services.notifications.domain.ledger import Matter, Urgency
from services.notifications.domain.roster import Roster
from services.notifications.domain.telling import RULES, Occasion
from tests.unit.notifications.builders import DAY, PARTICULARS, REGISTRATION, a_fact

REFERENCE = load_reference()
NOW = datetime(2026, 5, 29, 9, 30, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
DUTY, KASI, HEAD = "PO-SKY-01", "SHA-HQ-01", "HEAD-HQ-01"


def staff(*, without: frozenset[Role] = frozenset(), now: datetime = NOW) -> Staff:
    officers = {code: officer for code, officer in REFERENCE.officers.items() if officer.role not in without}
    return Staff(officers=officers, roster=Roster(), head_office="PLG-HQ", at=now)


def an_alert(occasion: Occasion = Occasion.RELEASED, told: Sequence[str] = (DUTY,), **about: Any) -> Alert:
    matter = Matter(about=REGISTRATION, occasion=occasion, urgency=Urgency.URGENT, cause="an event", **about)
    return climb.raised(
        matter,
        Whereabouts(receiving_unit="PLG-SKY", juvenile=matter.juvenile),
        audiences=RULES[occasion].audiences,
        told=told,
        link="/v1/registrations/x",
        now=NOW,
        climbs_at=NOW + TWO_HOURS,
    )


def after(alert: Alert, hours: float, office: Staff | None = None) -> Alert:
    """The alert when its clock rings so many hours after it was raised, and those of the rung are told."""
    now = NOW + timedelta(hours=hours)
    higher = climb.climb(alert, office or staff(), now=now, next_at=now + TWO_HOURS)
    told = recipients((higher.rung,), higher.whereabouts, office or staff()) if higher.state is AlertState.OPEN else ()
    return climb.having_told(higher, told)


# --- the table --------------------------------------------------------------------------------------------------------

STAYS_OPEN, TOP = AlertState.OPEN, AlertState.UNANSWERED
EXPECTED = {
    (None, AlertStep.RAISE): STAYS_OPEN,
    (STAYS_OPEN, AlertStep.CLIMB): STAYS_OPEN,
    (STAYS_OPEN, AlertStep.REACH_THE_TOP): TOP,
    (STAYS_OPEN, AlertStep.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (STAYS_OPEN, AlertStep.WITHDRAW): AlertState.WITHDRAWN,
    (TOP, AlertStep.ACKNOWLEDGE): AlertState.ACKNOWLEDGED,
    (TOP, AlertStep.WITHDRAW): AlertState.WITHDRAWN,
}


def test_the_table_of_an_alert_is_this_one_and_no_other() -> None:
    assert {(state, step): end for state, step, end in ALERT_STATES.product() if end is not None} == EXPECTED
    assert ALERT_STATES.unreachable() == frozenset()


def in_state(state: AlertState) -> Alert:
    alert = an_alert()
    if state is AlertState.UNANSWERED:
        return after(after(after(alert, 2), 4), 6)
    if state is AlertState.ACKNOWLEDGED:
        return climb.acknowledge(alert, by=DUTY, now=NOW)
    return climb.withdraw(alert, now=NOW) if state is AlertState.WITHDRAWN else alert


@pytest.mark.parametrize("state", list(AlertState))
def test_what_happens_to_an_alert_in_each_state(state: AlertState) -> None:
    alert, now = in_state(state), NOW + timedelta(hours=9)
    assert alert.state is state

    acknowledged, withdrawn = climb.acknowledge(alert, by=KASI, now=now), climb.withdraw(alert, now=now)

    if alert.is_open:
        assert (acknowledged.state, acknowledged.acknowledged_by) == (AlertState.ACKNOWLEDGED, KASI)
        assert (withdrawn.state, withdrawn.ended_at) == (AlertState.WITHDRAWN, now)
        assert acknowledged.climbs_at is withdrawn.climbs_at is None
    else:
        assert acknowledged == withdrawn == alert, "what is over stays as it is"
    if state is not AlertState.OPEN:
        with pytest.raises(NobodyWaits):
            climb.climb(alert, staff(), now=now, next_at=now)


# --- rung by rung -----------------------------------------------------------------------------------------------------


def test_an_alert_climbs_from_duty_to_the_section_head_to_the_head_and_then_is_unanswered() -> None:
    first = after(an_alert(), 2)
    second = after(first, 4)
    top = after(second, 6)

    assert [(each.rung, each.told[-1]) for each in (first, second)] == [
        (Audience.SECTION_HEAD, KASI),
        (Audience.HEAD, HEAD),
    ]
    assert first.climbs_at == NOW + timedelta(hours=4)
    assert (top.state, top.climbs_at, top.climbed, top.told) == (AlertState.UNANSWERED, None, 2, (DUTY, KASI, HEAD))
    assert top.is_open, "it stays visible until somebody takes care"


@pytest.mark.parametrize("audience", sorted(Audience))
def test_every_audience_has_its_place_on_the_ladder(audience: Audience) -> None:
    seen, rung = [audience], LADDER[audience]
    while rung is not None:
        seen.append(rung)
        rung = LADDER[rung]

    assert len(set(seen)) == len(seen)
    assert seen[-1] in {Audience.HEAD, Audience.TOLD_BEFORE}


@pytest.mark.parametrize(
    ("occasion", "rung"),
    [
        (Occasion.RELEASED, Audience.DUTY),
        (Occasion.UNSEEN_24, Audience.DUTY),
        (Occasion.UNSEEN_48, Audience.SECTION_HEAD),
        (Occasion.UNSEEN_72, Audience.HEAD),
        (Occasion.CONFLICT, Audience.HEAD),
        (Occasion.SET_ASIDE, Audience.DUTY),
        (Occasion.ROSTER_GAP, Audience.SECTION_HEAD),
    ],
)
def test_an_alert_climbs_from_the_highest_who_were_told(occasion: Occasion, rung: Audience) -> None:
    assert an_alert(occasion).rung is rung


def test_a_rung_on_which_all_were_told_already_is_passed_over() -> None:
    """Nobody was on duty, so the section head was told at once: two hours later it is the head's turn."""
    assert after(an_alert(told=[KASI]), 2).rung is Audience.HEAD


def test_an_office_without_a_section_head_climbs_to_the_head_and_not_twice() -> None:
    office = staff(without=frozenset({Role.SECTION_HEAD_ADULT}))
    first = after(an_alert(), 2, office)

    assert first.told == (DUTY, HEAD)
    assert after(first, 4, office).state is AlertState.UNANSWERED


def test_a_childs_alert_climbs_to_the_section_head_of_children() -> None:
    assert after(an_alert(juvenile=True), 2).told == (DUTY, "SHC-HQ-01")


def test_a_clock_that_rings_a_day_late_passes_nobody_over() -> None:
    late = after(an_alert(), 26)

    assert (late.rung, late.climbs_at) == (Audience.SECTION_HEAD, NOW + timedelta(hours=28))


def test_a_clock_that_rings_too_early_changes_nothing() -> None:
    with pytest.raises(TooEarly):
        after(an_alert(), 1.9)


@given(st.lists(st.sampled_from(["ring", "acknowledge", "withdraw"]), max_size=12), st.booleans())
def test_whatever_happens_nobody_is_told_twice_nor_after_somebody_took_care(acts: list[str], child: bool) -> None:  # noqa: FBT001
    alert, hours = an_alert(juvenile=child), 0.0
    for act in acts:
        hours += 2
        before = alert
        if act == "ring":
            try:
                alert = after(alert, hours)
            except NobodyWaits:
                assert not before.is_open or before.state is AlertState.UNANSWERED
        else:
            change = climb.acknowledge if act == "acknowledge" else climb.withdraw
            now = NOW + timedelta(hours=hours)
            alert = change(alert, now=now, **({"by": DUTY} if act == "acknowledge" else {}))
        assert len(set(alert.told)) == len(alert.told)
        assert before.is_open or alert == before
        assert (alert.climbs_at is not None) == (alert.state is AlertState.OPEN)


# --- names ------------------------------------------------------------------------------------------------------------


def test_the_same_cause_is_the_same_alert_and_a_climb_names_it() -> None:
    alert = an_alert()

    assert an_alert().alert_id == alert.alert_id
    assert an_alert(Occasion.UNSEEN_24).alert_id != alert.alert_id
    assert climb.alert_named_by(climb.cause_of_climb(alert.alert_id, NOW)) == alert.alert_id


@pytest.mark.parametrize("cause", ["an event", "roster-gap|x", "gate-day-before|x|y", "an event|missed"])
def test_another_cause_names_no_alert(cause: str) -> None:
    assert climb.alert_named_by(cause) is None


# --- which occasions --------------------------------------------------------------------------------------------------


def test_all_that_is_urgent_is_an_alert_but_for_what_belongs_to_one() -> None:
    urgent = {occasion for occasion, rule in RULES.items() if rule.urgency is Urgency.URGENT}

    assert urgent - ALERTING == {
        Occasion.STILL_UNCONFIRMED,
        Occasion.STILL_SET_ASIDE,
        Occasion.UNREACHABLE,
        Occasion.NOT_REACHED,
        Occasion.CLIMBED_TO_SECTION_HEAD,
        Occasion.CLIMBED_TO_HEAD,
        Occasion.UNANSWERED,
    }
    assert urgent >= ALERTING
    assert set(REMINDS.values()) <= ALERTING


@pytest.mark.parametrize("kind", sorted(PARTICULARS, key=str), ids=lambda kind: kind.__name__)
def test_what_leaves_nothing_to_take_care_of(kind: type[registration.RegistrationFact]) -> None:
    """Whoever was met needs nobody at the gate, and a case that is over needs nobody at all."""
    settled = alerting.settled_by(None, a_fact(kind))

    ends = {registration.RegistrationCancelled, registration.RegistrationClosed, registration.ClientHandedOn}
    if kind in ends:
        assert settled == ALERTING - {Occasion.GLASS_BROKEN}
    elif kind is registration.FirstContactMade:
        assert {Occasion.RELEASED, Occasion.UNSEEN_72, Occasion.GATE_SAME_DAY, Occasion.UNCONFIRMED} <= settled
        assert {Occasion.ABSCONDED, Occasion.SEARCH_REVIEW} <= settled
        assert Occasion.SUBMISSION_OVERDUE not in settled
    elif kind is registration.RegistrationOpened:
        assert Occasion.GATE_DAY_BEFORE in settled
        assert Occasion.RELEASED not in settled
    else:
        assert bool(settled) == (kind in SETTLED_BY)
    assert telling.TOLD_AS.get(kind) not in settled


def test_another_day_leaves_nothing_of_the_day_before() -> None:
    known = telling.learn(None, a_fact(registration.RegistrationAnnounced))
    moved = a_fact(registration.RegistrationCorrected, releases_on=DAY + timedelta(days=3))

    assert Occasion.GATE_SAME_DAY in alerting.settled_by(known, moved)
    assert alerting.settled_by(known, a_fact(registration.RegistrationCorrected)) == frozenset()


def test_a_case_remembers_its_alerts_until_they_are_settled() -> None:
    case = telling.learn(None, a_fact(registration.RegistrationOpened))
    one, other = UUID(int=1), UUID(int=2)
    case = alerting.having_raised(case, Occasion.RELEASED, one)
    case = alerting.having_raised(case, Occasion.BREACH, other)
    case = alerting.having_raised(case, Occasion.SUBMITTED, UUID(int=3))
    assert alerting.having_raised(case, Occasion.RELEASED, one) == case

    met, over = alerting.settle(case, SETTLED_BY[registration.FirstContactMade])

    assert over == (one,)
    assert [each.alert_id for each in met.alerts] == [other]
