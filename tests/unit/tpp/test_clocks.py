"""The two clocks of hearings: routine hearings often enough (D40), recommendations soon enough (D41)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.reference import ReferenceInvalid
from contracts.tpp import HandOverDueSoon, HandOverOverdue, RoutineHearingDueSoon, RoutineHearingOverdue
from services.tpp.domain import clocks
from services.tpp.domain.hearing import Status
from tests.unit.tpp.examples import MONDAY, REFERENCE, a_bench, a_hearing

TODAY = MONDAY.date()


def test_the_head_is_told_at_half_and_four_fifths_and_at_the_end_of_two_days() -> None:
    hearing, told = a_hearing(Status.DECIDED), []
    while (due := clocks.recommendation_due(hearing, REFERENCE)) is not None:
        decided = clocks.miss_recommendation(hearing, now=due, reference=REFERENCE)
        told.append((due - MONDAY, type(decided.facts[0])))
        hearing = decided.hearing

    assert told == [
        (timedelta(hours=24), HandOverDueSoon),
        (timedelta(hours=38, minutes=24), HandOverDueSoon),
        (timedelta(hours=48), HandOverOverdue),
    ]


def test_a_service_that_was_down_tells_only_that_it_is_over() -> None:
    decided = clocks.miss_recommendation(a_hearing(Status.DECIDED), now=MONDAY + timedelta(days=9), reference=REFERENCE)

    assert [type(fact) for fact in decided.facts] == [HandOverOverdue]
    assert clocks.recommendation_due(decided.hearing, REFERENCE) is None


def test_a_recommendation_that_is_handed_over_is_chased_no_more() -> None:
    handed_over = a_hearing(Status.HANDED_OVER, handed_over_at=MONDAY)

    with pytest.raises(clocks.ClockStopped):
        clocks.miss_recommendation(handed_over, now=MONDAY + timedelta(days=3), reference=REFERENCE)


def test_a_panel_that_does_not_meet_is_told_of_every_fifteen_days() -> None:
    bench, told = a_bench(), []
    for _ in range(4):
        due = clocks.routine_due(bench, TODAY, REFERENCE)
        assert due is not None
        bench, [fact] = clocks.miss_routine(bench, now=due, reference=REFERENCE)
        told.append(((due - MONDAY).days, type(fact)))

    assert told == [
        (12, RoutineHearingDueSoon), (15, RoutineHearingOverdue),
        (27, RoutineHearingDueSoon), (30, RoutineHearingOverdue),
    ]  # fmt: skip


def test_a_routine_hearing_starts_the_time_anew() -> None:
    later = MONDAY + timedelta(days=14)

    bench = clocks.held(a_bench(warnings_given=1), later)

    assert clocks.routine_due(bench, TODAY, REFERENCE) == later + timedelta(days=12)


def test_a_panel_without_a_team_owes_no_hearing() -> None:
    assert clocks.routine_due(a_bench(), date(2027, 1, 1), REFERENCE) is None
    assert clocks.routine_due(a_bench(teams=(), counted_from=None), TODAY, REFERENCE) is None


def test_a_long_silence_is_one_alert_and_not_one_for_each_period() -> None:
    now = MONDAY + timedelta(days=100)

    bench, [fact] = clocks.miss_routine(a_bench(), now=now, reference=REFERENCE)

    assert isinstance(fact, RoutineHearingOverdue)
    assert clocks.routine_due(bench, TODAY, REFERENCE) == now + timedelta(days=12)


def test_a_policy_that_is_missing_is_named_when_the_service_starts() -> None:
    lacking = replace(REFERENCE, policies={name: row for name, row in REFERENCE.policies.items() if name != "D41"})

    with pytest.raises(ReferenceInvalid, match="tpp needs D41"):
        clocks.check_policies(lacking)
