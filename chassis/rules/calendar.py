"""When the office is open, and the four ways in which a clock counts.

Instants go in and come out in UTC; what a day is, and whether it is a holiday, is decided in the zone of the office.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from contracts.reference import Reference

JAKARTA: Final = ZoneInfo("Asia/Jakarta")
OPENS: Final = time(8, 0)
CLOSES: Final = time(16, 30)
CLOSED_DAYS_MAX: Final = 60
"""More closed days in a row than this is a broken holiday table and not a long feast."""

_SATURDAY: Final = 5
_ONE_DAY: Final = timedelta(days=1)


class OfficeNeverOpens(ValueError):
    """The holiday table leaves no working day within sixty days."""


@dataclass(frozen=True, slots=True)
class OfficeCalendar:
    """The working days and hours of the office: Monday to Friday without holidays, from opening to closing."""

    holidays: frozenset[date] = field(default_factory=frozenset)
    zone: ZoneInfo = JAKARTA
    opens: time = OPENS
    closes: time = CLOSES

    @classmethod
    def of(cls, reference: "Reference") -> "OfficeCalendar":
        """The calendar that the office's reference data describe."""
        office = reference.office
        return cls(reference.holidays, zone=reference.zone, opens=office.opens, closes=office.closes)

    def __post_init__(self) -> None:
        """Refuse a day that ends before it begins."""
        if self.closes <= self.opens:
            message = f"the office closes at {self.closes} and opens at {self.opens}: the day has no hours"
            raise ValueError(message)

    def local(self, instant: datetime) -> datetime:
        """The instant on the clock on the office's wall."""
        return _aware(instant).astimezone(self.zone)

    def local_date(self, instant: datetime) -> date:
        """The date in the office at that instant."""
        return self.local(instant).date()

    def at(self, day: date, clock: time) -> datetime:
        """The instant at which the office's wall clock shows this time on this day."""
        return datetime.combine(day, clock, tzinfo=self.zone).astimezone(UTC)

    def is_working_day(self, day: date) -> bool:
        """Whether the office works on this date."""
        return day.weekday() < _SATURDAY and day not in self.holidays

    def is_open(self, instant: datetime) -> bool:
        """Whether somebody is at the counter; at the closing minute nobody is."""
        local = self.local(instant)
        return self.is_working_day(local.date()) and self.opens <= local.time() < self.closes

    def working_day_on_or_after(self, day: date) -> date:
        """The first working day that is not before this date."""
        for _ in range(CLOSED_DAYS_MAX + 1):
            if self.is_working_day(day):
                return day
            day += _ONE_DAY
        raise OfficeNeverOpens(OfficeNeverOpens.__doc__)

    def next_open(self, instant: datetime) -> datetime:
        """The instant itself if the office is open, else its next opening."""
        if self.is_open(instant):
            return _aware(instant).astimezone(UTC)
        local = self.local(instant)
        day = local.date() if local.time() < self.opens else local.date() + _ONE_DAY
        return self.at(self.working_day_on_or_after(day), self.opens)

    def add_calendar_hours(self, start: datetime, hours: float) -> datetime:
        """CAL_HOURS: the hand goes on turning, by night and on holidays."""
        return _aware(start).astimezone(UTC) + timedelta(hours=hours)

    def add_calendar_days(self, start: datetime, days: int) -> datetime:
        """CAL_DAYS: the same time of day, so many dates later."""
        local = self.local(start)
        return self.at(local.date() + timedelta(days=days), local.time())

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """WORK_DAYS: closing time of the last of so many working days; the day of the start does not count.

        None at all means the same working day, or the next one when that is over.
        """
        day = self.local_date(start)
        if days == 0:
            day = self.working_day_on_or_after(day)
            closing = self.at(day, self.closes)
            return closing if closing > start else self.add_working_days(start, 1)
        for _ in range(days):
            day = self.working_day_on_or_after(day + _ONE_DAY)
        return self.at(day, self.closes)

    def add_working_hours(self, start: datetime, hours: float) -> datetime:
        """WORK_HOURS: only the time in which the office is open counts."""
        return self.add_open_time(start, timedelta(hours=hours))

    def add_open_time(self, start: datetime, open_time: timedelta) -> datetime:
        """The instant at which the office has been open for so long since the start."""
        here = self.next_open(start)
        while True:
            closing = self.at(self.local_date(here), self.closes)
            if open_time <= closing - here:
                return here + open_time
            open_time -= closing - here
            here = self.next_open(closing)

    def open_time_between(self, start: datetime, end: datetime) -> timedelta:
        """How long the office is open from the start to the end."""
        total = timedelta()
        here = self.next_open(start)
        while here < end:
            closing = self.at(self.local_date(here), self.closes)
            total += min(closing, end) - here
            here = self.next_open(closing)
        return total


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        message = "an instant without a zone means another time in each process"
        raise ValueError(message)
    return instant
