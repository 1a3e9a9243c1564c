"""When the office is open and how its clocks count, with the examples of the study and with any instant at all."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.rules.calendar import CLOSES, JAKARTA, OPENS, OfficeCalendar, OfficeNeverOpens

FRIDAY, SATURDAY, SUNDAY = date(2025, 9, 26), date(2025, 9, 27), date(2025, 9, 28)
MONDAY, TUESDAY, WEDNESDAY = date(2025, 9, 29), date(2025, 9, 30), date(2025, 10, 1)
ORDINARY = OfficeCalendar()
MONDAY_IS_A_HOLIDAY = OfficeCalendar(holidays=frozenset({MONDAY}))


def wib(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant as the office's wall clock shows it."""
    return datetime.combine(day, time(hour, minute), tzinfo=JAKARTA).astimezone(UTC)


@pytest.mark.parametrize(
    ("released", "calendar", "hours"),
    [
        pytest.param(wib(FRIDAY, 10), ORDINARY, 0, id="friday morning: the office is open"),
        pytest.param(wib(FRIDAY, 16, 30), ORDINARY, 63.5, id="friday at closing time"),
        pytest.param(wib(SATURDAY, 9), ORDINARY, 47, id="saturday morning"),
        pytest.param(wib(FRIDAY, 16, 30), MONDAY_IS_A_HOLIDAY, 87.5, id="friday at closing time, monday a holiday"),
        pytest.param(wib(MONDAY, 3), ORDINARY, 5, id="before dawn of a working day"),
    ],
)
def test_the_gap_until_the_office_opens_is_that_of_the_study(
    released: datetime, calendar: OfficeCalendar, hours: float
) -> None:
    assert calendar.next_open(released) - released == timedelta(hours=hours)


def test_calendar_hours_run_through_a_weekend_with_a_holiday() -> None:
    released = wib(FRIDAY, 16, 30)

    rungs = [MONDAY_IS_A_HOLIDAY.add_calendar_hours(released, hours) for hours in (24, 48, 72)]

    assert rungs == [wib(SATURDAY, 16, 30), wib(SUNDAY, 16, 30), wib(MONDAY, 16, 30)]


def test_calendar_days_keep_the_time_of_day() -> None:
    assert ORDINARY.add_calendar_days(wib(FRIDAY, 22, 15), 3) == wib(MONDAY, 22, 15)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        pytest.param(wib(FRIDAY, 10), 1, wib(TUESDAY, 16, 30), id="friday + 1 passes the holiday"),
        pytest.param(wib(FRIDAY, 10), 2, wib(WEDNESDAY, 16, 30), id="friday + 2"),
        pytest.param(wib(SATURDAY, 10), 1, wib(TUESDAY, 16, 30), id="saturday + 1 is the first working day"),
        pytest.param(wib(TUESDAY, 23, 59), 1, wib(WEDNESDAY, 16, 30), id="the day of the start never counts"),
        pytest.param(wib(FRIDAY, 10), 0, wib(FRIDAY, 16, 30), id="none at all: the same working day"),
        pytest.param(wib(FRIDAY, 17), 0, wib(TUESDAY, 16, 30), id="none at all, after closing: the next one"),
        pytest.param(wib(SUNDAY, 9), 0, wib(TUESDAY, 16, 30), id="none at all, on a sunday"),
    ],
)
def test_working_days_end_at_closing_time(start: datetime, days: int, due: datetime) -> None:
    assert MONDAY_IS_A_HOLIDAY.add_working_days(start, days) == due


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        pytest.param(wib(FRIDAY, 15, 30), 4, wib(TUESDAY, 11), id="one hour on friday, three on tuesday"),
        pytest.param(wib(FRIDAY, 16, 30), 4, wib(TUESDAY, 12), id="closed: the clock starts on tuesday"),
        pytest.param(wib(FRIDAY, 8), 8.5, wib(FRIDAY, 16, 30), id="a whole day ends at closing time"),
        pytest.param(wib(SATURDAY, 8), 0, wib(TUESDAY, 8), id="no time at all begins when somebody is there"),
    ],
)
def test_working_hours_count_only_while_the_office_is_open(start: datetime, hours: float, due: datetime) -> None:
    assert MONDAY_IS_A_HOLIDAY.add_working_hours(start, hours) == due


def test_nobody_is_at_the_counter_in_the_closing_minute() -> None:
    assert ORDINARY.is_open(wib(FRIDAY, 16, 29))
    assert not ORDINARY.is_open(wib(FRIDAY, 16, 30))


def test_a_day_belongs_to_the_office_and_not_to_utc() -> None:
    before_dawn = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)

    assert ORDINARY.local_date(before_dawn) == date(2026, 1, 1)


def test_a_holiday_table_without_an_end_is_told_as_such() -> None:
    closed = OfficeCalendar(holidays=frozenset(MONDAY + timedelta(days=day) for day in range(100)))

    with pytest.raises(OfficeNeverOpens, match="no working day"):
        closed.add_working_days(wib(MONDAY, 9), 1)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        ORDINARY.next_open(datetime(2025, 9, 29, 8, 0))  # noqa: DTZ001 - the mistake under test


def test_an_office_that_closes_before_it_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="no hours"):
        OfficeCalendar(opens=time(16), closes=time(8))


instants = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1_000)).map(
    lambda passed: datetime(2025, 1, 1, tzinfo=UTC) + passed
)
holidays = st.frozensets(st.dates(min_value=date(2025, 1, 1), max_value=date(2028, 6, 30)), max_size=200).map(
    lambda days: OfficeCalendar(holidays=days)
)
hours = st.floats(min_value=0, max_value=200, allow_nan=False)


@given(instants, holidays, st.integers(min_value=0, max_value=60))
def test_working_days_end_on_a_working_day_after_the_start(
    start: datetime, calendar: OfficeCalendar, days: int
) -> None:
    due = calendar.local(calendar.add_working_days(start, days))

    assert calendar.is_working_day(due.date())
    assert due.time() == CLOSES
    assert due > start


@given(instants, holidays, hours)
def test_working_hours_end_while_the_office_is_open_or_closes(
    start: datetime, calendar: OfficeCalendar, amount: float
) -> None:
    due = calendar.local(calendar.add_working_hours(start, amount))

    assert calendar.is_working_day(due.date())
    assert OPENS <= due.time() <= CLOSES
    assert due >= start


@given(instants, holidays, hours)
def test_the_open_time_until_working_hours_are_over_is_just_those_hours(
    start: datetime, calendar: OfficeCalendar, amount: float
) -> None:
    due = calendar.add_working_hours(start, amount)

    assert calendar.open_time_between(start, due) == timedelta(hours=amount)


@given(instants, st.timedeltas(min_value=timedelta(), max_value=timedelta(days=40)), holidays, hours)
def test_who_starts_later_is_never_due_earlier(
    start: datetime, later_by: timedelta, calendar: OfficeCalendar, amount: float
) -> None:
    later = start + later_by

    assert calendar.add_working_hours(start, amount) <= calendar.add_working_hours(later, amount)
    assert calendar.add_working_days(start, int(amount)) <= calendar.add_working_days(later, int(amount))
    assert calendar.add_calendar_days(start, int(amount)) <= calendar.add_calendar_days(later, int(amount))
    assert calendar.next_open(start) <= calendar.next_open(later)


@given(instants, holidays, st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=40))
def test_more_time_is_never_over_earlier(start: datetime, calendar: OfficeCalendar, amount: int, more: int) -> None:
    assert calendar.add_working_days(start, amount) <= calendar.add_working_days(start, amount + more)
    assert calendar.add_working_hours(start, amount) <= calendar.add_working_hours(start, amount + more)


@given(instants, holidays)
def test_the_next_opening_is_open_and_nothing_before_it_is(start: datetime, calendar: OfficeCalendar) -> None:
    opening = calendar.next_open(start)

    assert calendar.is_open(opening)
    assert calendar.open_time_between(start, opening) == timedelta()
