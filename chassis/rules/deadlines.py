"""What is due when: a policy row, a start and the calendar give the instant, its warnings and its rungs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from chassis.rules.calendar import OfficeCalendar

CAL_HOURS: Final = "CAL_HOURS"
CAL_DAYS: Final = "CAL_DAYS"
WORK_DAYS: Final = "WORK_DAYS"
WORK_HOURS: Final = "WORK_HOURS"

_WORKING_CLOCKS: Final = frozenset({WORK_DAYS, WORK_HOURS})
_WHOLE_PERCENT: Final = 100


class Policy(Protocol):
    """The part of a deadline policy row that says when."""

    @property
    def id(self) -> str:
        """The name of the row."""

    @property
    def clock(self) -> str:
        """One of the four clocks."""

    @property
    def amount(self) -> int:
        """How many hours or days."""

    @property
    def warn_at(self) -> Sequence[int]:
        """The percentages of the time at which somebody is warned."""


P = TypeVar("P", bound=Policy)


@dataclass(frozen=True, slots=True)
class Rung(Generic[P]):
    """One step of an escalation: the row that it comes from and the instant at which it is reached."""

    policy: P
    due_at: datetime


def due_at(policy: Policy, start: datetime, calendar: OfficeCalendar) -> datetime:
    """The instant at which the time of this policy is over."""
    if policy.clock == CAL_HOURS:
        return calendar.add_calendar_hours(start, policy.amount)
    if policy.clock == CAL_DAYS:
        return calendar.add_calendar_days(start, policy.amount)
    if policy.clock == WORK_DAYS:
        return calendar.add_working_days(start, policy.amount)
    if policy.clock == WORK_HOURS:
        return calendar.add_working_hours(start, policy.amount)
    message = f"policy {policy.id} counts by {policy.clock!r}, which is none of the four clocks"
    raise ValueError(message)


def warnings_at(policy: Policy, start: datetime, calendar: OfficeCalendar) -> tuple[datetime, ...]:
    """The instants at which somebody is warned; those of a working clock fall into opening hours."""
    end = due_at(policy, start, calendar)
    if policy.clock in _WORKING_CLOCKS:
        open_time = calendar.open_time_between(start, end)
        reached = (calendar.add_open_time(start, _share(open_time, percent)) for percent in policy.warn_at)
        # What is reached in the closing minute is told when somebody is back to read it.
        return tuple(calendar.next_open(instant) for instant in reached)
    begin = calendar.add_calendar_hours(start, 0)
    return tuple(begin + _share(end - begin, percent) for percent in policy.warn_at)


def rungs(policies: Iterable[P], start: datetime, calendar: OfficeCalendar) -> tuple[Rung[P], ...]:
    """The steps of an escalation that starts here, the earliest first."""
    steps = [Rung(policy=policy, due_at=due_at(policy, start, calendar)) for policy in policies]
    return tuple(sorted(steps, key=lambda rung: rung.due_at))


def passed(ladder: Sequence[Rung[P]], now: datetime) -> tuple[Rung[P], ...]:
    """The steps that are reached by now, the earliest first; the last of them is the one to escalate."""
    return tuple(rung for rung in ladder if rung.due_at <= now)


def upcoming(ladder: Sequence[Rung[P]], now: datetime) -> Rung[P] | None:
    """The next step that is not reached yet, or nothing when all are."""
    return next((rung for rung in ladder if rung.due_at > now), None)


def _share(whole: timedelta, percent: int) -> timedelta:
    return whole * percent / _WHOLE_PERCENT
