"""From a policy row to the instants at which somebody is warned, told and told higher up."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at, passed, rungs, upcoming, warnings_at
from contracts.reference import load_reference


@dataclass(frozen=True)
class Row:
    """A deadline policy row."""

    id: str
    clock: str
    amount: int
    warn_at: tuple[int, ...] = (50, 80)


CALENDAR = OfficeCalendar(holidays=frozenset({date(2025, 9, 29)}))
FRIDAY_CLOSING = datetime(2025, 9, 26, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        pytest.param("CAL_HOURS", datetime(2025, 9, 26, 11, 30, tzinfo=UTC), id="calendar hours"),
        pytest.param("CAL_DAYS", datetime(2025, 9, 28, 9, 30, tzinfo=UTC), id="calendar days"),
        pytest.param("WORK_DAYS", datetime(2025, 10, 1, 9, 30, tzinfo=UTC), id="working days: closing time"),
        pytest.param("WORK_HOURS", datetime(2025, 9, 30, 3, 0, tzinfo=UTC), id="working hours: tuesday at ten"),
    ],
)
def test_each_clock_counts_in_its_own_way(clock: str, due: datetime) -> None:
    assert due_at(Row("D", clock, 2), FRIDAY_CLOSING, CALENDAR) == due


def test_an_unknown_clock_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="D99 counts by 'MOON_DAYS'"):
        due_at(Row("D99", "MOON_DAYS", 1), FRIDAY_CLOSING, CALENDAR)


def test_warnings_of_calendar_hours_come_at_any_hour() -> None:
    warnings = warnings_at(Row("D30", "CAL_HOURS", 20), FRIDAY_CLOSING, CALENDAR)

    assert warnings == (FRIDAY_CLOSING + timedelta(hours=10), FRIDAY_CLOSING + timedelta(hours=16))


def test_warnings_of_working_clocks_come_while_somebody_is_there_to_read_them() -> None:
    policy = Row("D20", "WORK_DAYS", 2)

    warnings = warnings_at(policy, FRIDAY_CLOSING, CALENDAR)

    assert all(CALENDAR.is_open(warning) for warning in warnings)
    assert sorted(warnings) == list(warnings)
    assert warnings[-1] < due_at(policy, FRIDAY_CLOSING, CALENDAR)


def test_an_escalation_is_climbed_in_order_whatever_the_order_of_its_rows() -> None:
    rows = [Row("red", "CAL_HOURS", 72), Row("green", "CAL_HOURS", 24), Row("amber", "CAL_HOURS", 48)]

    ladder = rungs(rows, FRIDAY_CLOSING, CALENDAR)

    assert [rung.policy.id for rung in ladder] == ["green", "amber", "red"]
    assert [rung.due_at - FRIDAY_CLOSING for rung in ladder] == [timedelta(hours=hours) for hours in (24, 48, 72)]


@pytest.mark.parametrize(
    ("hours", "reached", "next_one"),
    [
        pytest.param(23, [], "green", id="none yet"),
        pytest.param(24, ["green"], "amber", id="at the very instant"),
        pytest.param(60, ["green", "amber"], "red", id="two at once, known late"),
        pytest.param(100, ["green", "amber", "red"], None, id="all of them"),
    ],
)
def test_rungs_passed_are_told_from_the_one_to_come(hours: int, reached: list[str], next_one: str | None) -> None:
    rows = [Row("green", "CAL_HOURS", 24), Row("amber", "CAL_HOURS", 48), Row("red", "CAL_HOURS", 72)]
    ladder = rungs(rows, FRIDAY_CLOSING, CALENDAR)
    now = FRIDAY_CLOSING + timedelta(hours=hours)

    following = upcoming(ladder, now)

    assert [rung.policy.id for rung in passed(ladder, now)] == reached
    assert (following.policy.id if following else None) == next_one


def test_every_row_of_the_offices_own_table_gives_an_instant() -> None:
    reference = load_reference()
    calendar = OfficeCalendar.of(reference)

    ends = [due_at(policy, FRIDAY_CLOSING, calendar) for policy in reference.policies.values()]

    assert len(ends) > 3
    assert all(end > FRIDAY_CLOSING for end in ends)
