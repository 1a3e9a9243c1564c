"""A remission day is the same for the same seed, breaks no rule of the office, and its report says what was missed."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contracts.lapas import ClientReleased, ReleaseCancelled
from contracts.reference import load_reference
from tests.bench.day.clock import AFTERWARDS, Day
from tests.bench.day.plan import SPAN, Freed, freed, messages
from tests.bench.day.report import Run, bounds_hold, in_time, table

BEGINS_AT = datetime(2026, 6, 1, 10, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
IN_TIME = Run(
    releases=200, behind=0, minutes=5, factor=24, messages=240, sender_late_ms=1.0, feed_ms=[10.0] * 200,
    board_ms=[9.0] * 10, looks_a_second=5.0, boards_ms=[7.0], contacts_ms=[30.0], told_ms={"EMAIL": [100.0]}, untold=0,
    mails=400, rest_seconds=3.0, broken=(),
)  # fmt: skip


@pytest.fixture(scope="module")
def people() -> list[Freed]:
    """Two thousand of them."""
    return freed(2_000, begins_at=BEGINS_AT, reference=load_reference())


def released(one: Freed) -> ClientReleased:
    """What its prison said first."""
    assert isinstance(one.released.event, ClientReleased)
    return one.released.event


def test_the_same_seed_is_the_same_day(people: list[Freed]) -> None:
    assert people == freed(2_000, begins_at=BEGINS_AT, reference=load_reference())


def test_nobody_is_reported_before_the_gate(people: list[Freed]) -> None:
    assert all(released(one).released_at < BEGINS_AT + one.released.due for one in people)
    assert all(timedelta() <= one.released.due <= SPAN for one in people)


def test_every_message_is_another_one(people: list[Freed]) -> None:
    told = [told.event for told in messages(people)]

    assert max(Counter((event.subject, event.revision) for event in told).values()) == 1
    assert [told.due for told in messages(people)] == sorted(told.due for told in messages(people))


def test_every_kind_of_report_comes_from_every_prison(people: list[Freed]) -> None:
    assert {one.facility for one in people} == load_reference().facilities.keys()
    assert all(any(holds(one) for one in people) for holds in (
        lambda one: one.announced, lambda one: one.is_corrected, lambda one: one.is_taken_back, lambda one: one.met_at,
        lambda one: not one.released.event.model_dump(exclude_none=True).get("decree_no"),
    ))  # fmt: skip


def test_whom_an_officer_meets_is_never_taken_back(people: list[Freed]) -> None:
    """Else the end would hang on which of the two comes first."""
    assert not [one for one in people if one.met_at is not None and one.is_taken_back]
    assert all(one.met_at > one.released.due for one in people if one.met_at is not None)


def test_what_is_taken_back_is_not_on_the_board_in_the_end(people: list[Freed]) -> None:
    taken_back = [one for one in people if isinstance(one.later and one.later.event, ReleaseCancelled)]

    assert taken_back
    assert not any(one.is_awaited for one in taken_back)


def test_office_time_and_real_time_are_told_from_each_other() -> None:
    day = Day(BEGINS_AT, real=1_000.0, factor=24, slowed_at=1_301.0)

    assert day.due(SPAN) == 1_300.0
    assert day.real_of(BEGINS_AT + timedelta(minutes=24)) == 1_060.0
    assert day.office_at(1_301.0) == BEGINS_AT + SPAN + timedelta(seconds=24)
    assert day.office_at(1_401.0) == day.office_at(1_301.0) + timedelta(seconds=100 * AFTERWARDS)
    assert [day.real_of(day.office_at(real)) for real in (1_060.0, 1_301.0, 1_401.0)] == [1_060.0, 1_301.0, 1_401.0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"board_ms": [10.0] * 190 + [2_500.0] * 10}, id="late on the board"),
        pytest.param({"broken": ["1 dead letters of registration"]}, id="something lost"),
        pytest.param({"untold": 1}, id="somebody untold"),
    ],
)
def test_a_day_that_is_not_right_is_found(change: dict[str, object]) -> None:
    run = replace(IN_TIME, **change)  # type: ignore[arg-type]  # fields by name

    assert bounds_hold(IN_TIME)
    assert not bounds_hold(run)
    assert ("MISSED" in "\n".join(table([run]))) is not in_time(run)
