"""The clocks of first contact, of the search, of the submission and of the silent prison."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts.reference import Reference, ReferenceInvalid
from contracts.registration import FirstContactOverdue, RegistrationOpened, TracingStarted
from services.registration.domain import casework, clocks, meeting
from services.registration.domain.acts import Return, Submission, SubmittedFile, TraceEntry, TraceKind
from services.registration.domain.case import Registration, Status
from services.registration.domain.decided import Decided
from tests.unit.registration.examples import (
    FRIDAY_1630,
    REFERENCE,
    REGISTRAR,
    SECTION_HEAD_ADULT,
    a_met_client,
    a_release,
    a_released_client,
    a_submitted_client,
    an_announced_client,
    hours_later,
    meet,
    report,
    said,
)

MONDAY_HOLIDAY: Reference = replace(REFERENCE, holidays=frozenset({datetime(2026, 2, 2, tzinfo=UTC).date()}))


def at_hour(case: Registration, hour: float) -> Decided:
    """The clock of first contact is looked at, so many hours after the release."""
    return clocks.check_first_contact(case, now=hours_later(hour), reference=REFERENCE)


def overdue(decided: Decided) -> list[tuple[int, bool, bool]]:
    """The rungs that a decision made known: hours, known late, to be escalated."""
    return [
        (fact.hours, fact.known_late, fact.escalate) for fact in decided.facts if isinstance(fact, FirstContactOverdue)
    ]


def test_the_clock_of_first_contact_is_due_a_day_after_the_release() -> None:
    assert clocks.timers_of(a_released_client(), REFERENCE) == {"first-contact": hours_later(24)}


def test_each_rung_comes_once_in_its_time_and_changes_the_state() -> None:
    first = at_hour(a_released_client(), 24)
    second = at_hour(first.case, 48)
    third = at_hour(second.case, 72)

    assert [overdue(each) for each in (first, second, third)] == [
        [(24, False, True)],
        [(48, False, True)],
        [(72, False, True)],
    ]
    assert [each.case.status for each in (first, second, third)] == [
        Status.RELEASED,
        Status.CONTACT_OVERDUE,
        Status.TRACING,
    ]


def test_the_rungs_turn_on_a_weekend_with_a_holiday_on_monday() -> None:
    case = at_hour(a_released_client(), 24).case

    assert clocks.timers_of(case, MONDAY_HOLIDAY)["first-contact"] == hours_later(48)


def test_rungs_that_passed_while_the_service_was_down_are_one_notice_known_late() -> None:
    decided = at_hour(a_released_client(), 75)

    assert overdue(decided) == [(24, True, False), (48, True, False), (72, True, True)]
    assert decided.case.status is Status.TRACING


def test_a_release_reported_late_opens_with_its_true_hour_and_one_notice() -> None:
    decided = report(None, a_release(), now=hours_later(50))

    opened = decided.facts[0]
    assert isinstance(opened, RegistrationOpened)
    assert opened.released_at == FRIDAY_1630
    assert opened.reported_late
    assert overdue(decided) == [(24, True, False), (48, True, True)]
    assert clocks.timers_of(decided.case, REFERENCE) == {"first-contact": hours_later(72)}


def test_at_72_hours_the_search_starts_with_calls_and_a_visit() -> None:
    decided = at_hour(at_hour(a_released_client(), 48).case, 72)

    started = decided.facts[-1]
    assert isinstance(started, TracingStarted)
    assert started.calls_due_at == hours_later(76)
    # Monday 16:30 is closing time: one working day later is Tuesday at closing time.
    assert started.visit_due_at == datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
    assert set(clocks.timers_of(decided.case, REFERENCE)) == {"tracing-calls", "tracing-visit"}


def test_after_72_hours_no_rung_is_left() -> None:
    assert "first-contact" not in clocks.timers_of(at_hour(a_released_client(), 72).case, REFERENCE)


def test_a_noted_call_stops_the_clock_of_the_calls_and_no_other() -> None:
    traced = at_hour(a_released_client(), 72).case

    case = meeting.record_trace(
        traced, TraceEntry(kind=TraceKind.CALL_GUARANTOR, at=hours_later(73)), now=hours_later(73), reference=REFERENCE
    ).case

    assert case.status is Status.TRACING
    assert set(clocks.timers_of(case, REFERENCE)) == {"tracing-visit"}


def test_missed_calls_and_a_missed_visit_are_told_once_each() -> None:
    traced = at_hour(a_released_client(), 72).case

    calls = clocks.miss_calls(traced, due=hours_later(76))
    visit = clocks.miss_visit(calls.case, due=hours_later(96))

    assert said(calls) == said(visit) == ["TracingOverdue"]
    assert set(clocks.timers_of(visit.case, REFERENCE)) == {"search-review"}


@pytest.mark.parametrize("hour", [3, 30, 60, 80], ids=["same evening", "amber coming", "red coming", "searched for"])
def test_somebody_who_comes_at_any_hour_is_provisionally_registered(hour: int) -> None:
    case = report(None, a_release(), now=hours_later(hour)).case

    decided = meet(case, contact_at=hours_later(hour))

    assert decided.case.status is Status.PROVISIONALLY_REGISTERED
    assert set(clocks.timers_of(decided.case, REFERENCE)) == {"submission"}


def test_a_clock_that_fires_after_the_contact_changes_nothing() -> None:
    with pytest.raises(clocks.ClockStopped):
        at_hour(a_met_client(), 24)


def test_two_working_days_to_submit_begin_with_the_contact() -> None:
    # Met on Friday evening: Monday and Tuesday count, the weekend does not.
    assert clocks.timers_of(a_met_client(), REFERENCE) == {"submission": datetime(2026, 2, 3, 9, 30, tzinfo=UTC)}


def test_a_holiday_gives_a_day_more_to_submit() -> None:
    assert clocks.timers_of(a_met_client(), MONDAY_HOLIDAY) == {"submission": datetime(2026, 2, 4, 9, 30, tzinfo=UTC)}


def test_a_late_submission_is_told_once() -> None:
    decided = clocks.miss_submission(a_met_client(), due=hours_later(96))

    assert said(decided) == ["SubmissionOverdue"]
    assert clocks.timers_of(decided.case, REFERENCE) == {}
    with pytest.raises(clocks.ClockStopped):
        clocks.miss_submission(decided.case, due=hours_later(96))


def test_a_returned_registration_has_two_working_days_again() -> None:
    returned = casework.give_back(
        a_submitted_client(), Return(reason="nama tidak sama"), by=SECTION_HEAD_ADULT, now=hours_later(66)
    ).case

    assert clocks.timers_of(returned, REFERENCE)["submission"] == datetime(2026, 2, 4, 9, 30, tzinfo=UTC)


def test_a_prison_that_stays_silent_is_asked_at_ten_in_the_evening_of_the_announced_day() -> None:
    announced = an_announced_client()
    due = clocks.timers_of(announced, REFERENCE)["release-unconfirmed"]
    assert due == datetime(2026, 1, 30, 15, 0, tzinfo=UTC)

    decided = clocks.miss_release(announced, due=due, now=due, reference=REFERENCE)

    assert said(decided) == ["ReleaseUnconfirmed"]
    assert decided.case.status is Status.RELEASE_ANNOUNCED
    assert clocks.timers_of(decided.case, REFERENCE) == {}


def test_a_reported_release_ends_the_question() -> None:
    assert "release-unconfirmed" not in clocks.timers_of(report(an_announced_client(), a_release()).case, REFERENCE)


def test_somebody_met_inside_is_not_late_before_the_release() -> None:
    inside = meet(an_announced_client(), method="AT_OUTPOST", contact_at=hours_later(-30)).case
    assert set(clocks.timers_of(inside, REFERENCE)) == {"release-unconfirmed"}

    released = report(inside, a_release())

    assert released.case.status is Status.PROVISIONALLY_REGISTERED
    assert set(clocks.timers_of(released.case, REFERENCE)) == {"submission"}


def test_a_submitted_registration_with_all_its_papers_has_no_clock() -> None:
    whole = Submission(files=frozenset(SubmittedFile))
    case = casework.submit(a_met_client(), whole, by=REGISTRAR, now=hours_later(5), reference=REFERENCE).case

    assert clocks.timers_of(case, REFERENCE) == {}


def test_an_office_without_a_policy_for_a_clock_does_not_start() -> None:
    policies = {name: row for name, row in REFERENCE.policies.items() if name != "D30-48"}

    with pytest.raises(ReferenceInvalid, match="D30-48"):
        clocks.check_policies(replace(REFERENCE, policies=policies))
