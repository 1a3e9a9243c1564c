"""Holes in the duty roster: where they are, what was told of them, and when to look again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.gaps import (
    REVIEW_PAUSE,
    Gap,
    Review,
    Watch,
    holes,
    next_review,
    review,
)
from services.notifications.domain.roster import Shift

NOW = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
AHEAD = timedelta(hours=72)
UNIT = "PLG-SKY"


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def a_shift(begin: float, end: float, *, unit: str = UNIT) -> Shift:
    return Shift(unit, f"PO-{begin}", at(begin), at(end), "PROBATION_OFFICER")


def a_gap(begin: float, end: float | None = None) -> Gap:
    return Gap(unit=UNIT, starts_at=at(begin), ends_at=None if end is None else at(end))


def found(*shifts: Shift, hours: float = 0) -> tuple[Gap, ...]:
    now = at(hours)
    return holes(UNIT, shifts, now=now, until=now + AHEAD)


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        pytest.param([(-8, 100)], [], id="somebody for longer than one looks ahead"),
        pytest.param([(-8, 72)], [(72, None)], id="exactly as long as one looks ahead"),
        pytest.param([(-8, 72.1)], [], id="a little longer than one looks ahead"),
        pytest.param([(-8, 71)], [(71, None)], id="the plan ends an hour too early"),
        pytest.param([(-8, 8), (16, 100)], [(8, 16)], id="a hole between two"),
        pytest.param([(-8, 8), (8, 100)], [], id="one begins when the other ends"),
        pytest.param([(-8, 20), (8, 12), (20, 100)], [], id="one within another"),
        pytest.param([(4, 100)], [(0, 4)], id="nobody now"),
        pytest.param([(-8, -2), (4, 100)], [(-2, 4)], id="nobody since the last shift ended"),
        pytest.param([(-8, 0), (4, 100)], [(0, 4)], id="it ended this minute"),
        pytest.param([], [(0, None)], id="nobody at all"),
        pytest.param([(-8, 8), (16, 24), (30, 100)], [(8, 16), (24, 30)], id="two holes"),
        pytest.param([(-8, 80), (90, 100)], [], id="a hole further ahead"),
    ],
)
def test_where_the_holes_are(shifts: list[tuple[float, float]], expected: list[tuple[float, float | None]]) -> None:
    assert found(*(a_shift(*each) for each in shifts)) == tuple(a_gap(*each) for each in expected)


def test_a_shift_of_another_unit_fills_nothing() -> None:
    assert found(a_shift(-8, 8), a_shift(8, 100, unit="PLG-HQ")) == (a_gap(8),)


@given(st.lists(st.tuples(st.integers(-50, 120), st.integers(1, 30)), max_size=12))
def test_every_minute_ahead_is_served_or_lies_in_a_hole_and_never_both(spans: list[tuple[int, int]]) -> None:
    shifts = [a_shift(begin, begin + length) for begin, length in spans]
    gaps = found(*shifts)

    for hour in range(72):
        moment = at(hour + 0.5)
        served = any(shift.starts_at <= moment < shift.ends_at for shift in shifts)
        in_hole = [gap for gap in gaps if gap.starts_at <= moment and (gap.ends_at is None or moment < gap.ends_at)]
        assert len(in_hole) == (0 if served else 1)


# --- what is told -----------------------------------------------------------------------------------------------------


def told(*gaps: Gap, hours: float = 0) -> Watch:
    return Watch(office="PLG", gaps=review(Watch(office="PLG"), gaps, now=at(hours)).gaps)


def counts(seen: Review) -> tuple[int, int, int]:
    return len(seen.found), len(seen.filled), len(seen.over)


@pytest.mark.parametrize(
    ("before", "after", "hours", "expected"),
    [
        pytest.param([], [(8, 16)], 0, (1, 0, 0), id="a new hole is told"),
        pytest.param([(8, 16)], [(8, 16)], 1, (0, 0, 0), id="once"),
        pytest.param([(8, 16)], [], 1, (0, 1, 0), id="it is filled"),
        pytest.param([(8, 16)], [], 16, (0, 0, 1), id="it has passed"),
        pytest.param([(8, 16)], [(8, 12)], 1, (0, 0, 0), id="half of it is filled"),
        pytest.param([(8, 16)], [(8, 10), (12, 16)], 1, (0, 0, 0), id="its middle is filled"),
        pytest.param([(8, 16)], [(8, 20)], 1, (1, 0, 1), id="it has grown"),
        pytest.param([(8, None)], [(8, 30)], 1, (0, 0, 0), id="there is a plan after it now"),
        pytest.param([(8, 30)], [(8, None)], 1, (1, 0, 1), id="the plan after it is gone"),
        pytest.param([(8, 16)], [(20, 24)], 1, (1, 1, 0), id="filled, and another one"),
        pytest.param([(8, 16)], [(8, 16), (20, 24)], 1, (1, 0, 0), id="another one beside it"),
    ],
)
def test_a_hole_is_told_once_and_withdrawn_when_it_is_filled(
    before: list[tuple[float, float | None]],
    after: list[tuple[float, float | None]],
    hours: float,
    expected: tuple[int, int, int],
) -> None:
    seen = review(told(*(a_gap(*each) for each in before)), [a_gap(*each) for each in after], now=at(hours))

    assert counts(seen) == expected
    assert [each.gap for each in seen.gaps] == [a_gap(*each) for each in after]


def test_a_hole_that_was_told_with_no_end_does_not_hide_the_next_one() -> None:
    watch = told(a_gap(8))
    watch = Watch(office="PLG", gaps=review(watch, [a_gap(8, 20)], now=at(1)).gaps)

    seen = review(watch, [a_gap(8, 20), a_gap(60)], now=at(2))

    assert [each.gap for each in seen.found] == [a_gap(60)]


def test_a_hole_is_told_again_by_no_clock_that_runs_twice_or_jumps() -> None:
    shifts = [a_shift(-8, 8), a_shift(16, 30)]
    watch = Watch(office="PLG")
    told_of: list[Any] = []
    for hours in (0, 0, 5, 4, 12, 9, 9):
        seen = review(watch, found(*shifts, hours=hours), now=at(hours))
        told_of += [each.gap for each in seen.found]
        watch = Watch(office="PLG", gaps=seen.gaps)

    assert told_of == [a_gap(8, 16), a_gap(30)]


# --- when to look again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("upcoming", "told_gaps", "expected"),
    [
        pytest.param([(100, None)], [], 28, id="when the end of the plan comes near"),
        pytest.param([(90, 95), (100, None)], [], 18, id="when the first of two comes near"),
        pytest.param([(8, 16), (100, None)], [(8, 16)], 16, id="when one that was told has passed"),
        pytest.param([(8, None)], [(8, None)], None, id="nothing changes by itself"),
        pytest.param([(72.1, None)], [], 0.25, id="never more often than every quarter of an hour"),
    ],
)
def test_when_to_look_again(
    upcoming: list[tuple[float, float | None]], told_gaps: list[tuple[float, float | None]], expected: float | None
) -> None:
    watch = told(*(a_gap(*each) for each in told_gaps))
    due = next_review([a_gap(*each) for each in upcoming], watch.gaps, now=NOW, ahead=AHEAD)

    assert due == (None if expected is None else at(expected))
    assert timedelta(minutes=15) == REVIEW_PAUSE


@given(st.lists(st.tuples(st.integers(-50, 300), st.integers(1, 48)), min_size=1, max_size=10))
def test_clocks_alone_find_every_hole_in_time(spans: list[tuple[int, int]]) -> None:
    """From one look to the next no hole comes nearer than 72 hours without being told."""
    shifts = [a_shift(begin, begin + length) for begin, length in spans]
    watch, now, due = Watch(office="PLG"), NOW, None
    told_at: dict[datetime, datetime] = {}
    for _ in range(50):
        seen = review(watch, holes(UNIT, shifts, now=now, until=now + AHEAD), now=now)
        told_at |= {each.gap.starts_at: now for each in seen.found}
        watch = Watch(office="PLG", gaps=seen.gaps)
        due = next_review(holes(UNIT, shifts, now=now, until=None), watch.gaps, now=now, ahead=AHEAD)
        if due is None:
            break
        now = due

    assert due is None
    for gap in holes(UNIT, shifts, now=NOW, until=None):
        assert told_at[gap.starts_at] <= max(NOW, gap.starts_at - AHEAD + REVIEW_PAUSE)
