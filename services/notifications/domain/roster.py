"""The duty roster: who is on duty where and when, how it is changed, and where it has holes. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Refused
from contracts.roles import DUTY_ROLES

SHIFT_DAYS_MAX: Final = 31
"""A longer shift than this is a slip of the pen."""

_SHIFTS: Final = UUID("5b0c7f0e-6f5d-5d55-9a43-1d3f3c0a9e10")


@dataclass(frozen=True, slots=True)
class Shift:
    """A span in which an officer is on duty for a unit."""

    unit: str
    officer: str
    starts_at: datetime
    ends_at: datetime
    role: str
    backup: str | None = None

    @property
    def shift_id(self) -> UUID:
        """The same row of a plan is the same shift, however often it is loaded."""
        span = f"{self.starts_at.timestamp()}|{self.ends_at.timestamp()}"
        return uuid5(_SHIFTS, f"{self.unit}|{self.officer}|{span}|{self.role}|{self.backup or ''}")

    def overlaps(self, other: "Shift") -> bool:
        """Whether both are on at one instant; who begins when another ends does not overlap."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is on duty where and when."""

    shifts: tuple[Shift, ...] = ()

    def current(self, unit: str, at: datetime) -> tuple[Shift, ...]:
        """The shifts of a unit at an instant; at the minute of the change the next ones."""
        return tuple(shift for shift in self.shifts if shift.unit == unit and shift.starts_at <= at < shift.ends_at)

    def on_duty(self, unit: str, at: datetime) -> tuple[str, ...]:
        """The officers on duty for a unit at an instant."""
        return tuple(dict.fromkeys(shift.officer for shift in self.current(unit, at)))


def in_force(file: Roster, *, kept: Collection[str], shifts: Iterable[Shift]) -> Roster:
    """The roster that counts: of a unit whose roster is kept here these shifts alone, of any other the file's."""
    return Roster((*shifts, *(shift for shift in file.shifts if shift.unit not in kept)))


# --- changing it ------------------------------------------------------------------------------------------------------


class Act(StrEnum):
    """What was done to a shift."""

    LOADED = "loaded"
    SWAPPED = "swapped"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A shift as it is kept: what was planned first names it, who serves it may have changed since."""

    shift_id: UUID
    shift: Shift


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row of a plan."""

    row: int
    field: str
    words: str


class PlanInvalid(Exception):
    """Rows of a plan name what is not there, or cannot be a shift."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        """Take every problem at once."""
        self.problems = tuple(problems)
        super().__init__(self.__doc__)


class ShiftsOverlap(Refused):
    """Nobody is on duty twice at once, and a unit has one officer on duty in a role."""


class ShiftUnknown(Refused):
    """There is no such shift."""


class ShiftHasBegun(Refused):
    """A shift that has begun is swapped, not removed: somebody is on duty."""


class ShiftIsOver(Refused):
    """A shift that is over cannot be swapped any more."""


class ServesAlready(Refused):
    """This officer serves the shift already."""


class VersionPassed(Refused):
    """The shift was changed since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Who and what a plan may name."""

    officers: Collection[str]
    units: Collection[str]


def load(rows: Sequence[Shift], *, known: Mapping[UUID, Planned], office: Office) -> tuple[Planned, ...]:
    """The shifts that a plan adds to those that are known; the same plan once more adds none.

    Raises PlanInvalid with every problem, ShiftsOverlap for the first pair that cannot both be.
    """
    problems = [problem for number, row in enumerate(rows) for problem in _problems(number, row, office)]
    if problems:
        raise PlanInvalid(problems)
    fresh = {row.shift_id: Planned(shift_id=row.shift_id, shift=row) for row in rows if row.shift_id not in known}
    placed = [each.shift for each in known.values()]
    for each in fresh.values():
        _refuse_overlap(each.shift, placed)
        placed.append(each.shift)
    return tuple(fresh.values())


def swap(
    planned: Planned, *, officer: str, backup: str | None, others: Iterable[Planned], office: Office, now: datetime
) -> Planned:
    """Somebody else takes the shift; it stays the same shift."""
    if planned.shift.ends_at <= now:
        raise ShiftIsOver
    if (officer, backup) == (planned.shift.officer, planned.shift.backup):
        raise ServesAlready
    taken = replace(planned, shift=replace(planned.shift, officer=officer, backup=backup))
    problems = _problems(0, taken.shift, office)
    if problems:
        raise PlanInvalid(problems)
    _refuse_overlap(taken.shift, [each.shift for each in others if each.shift_id != planned.shift_id])
    return taken


def refuse_removal(planned: Planned, *, now: datetime) -> None:
    """Raise ShiftHasBegun unless the shift lies ahead."""
    if planned.shift.starts_at <= now:
        raise ShiftHasBegun


def _problems(number: int, row: Shift, office: Office) -> list[RowProblem]:
    duty_roles = ", ".join(sorted(DUTY_ROLES))
    found = (
        (row.unit not in office.units, "unit", "no unit of this office has this code"),
        (row.officer not in office.officers, "officer", "no officer has this code"),
        (row.backup is not None and row.backup not in office.officers, "backup", "no officer has this code"),
        (row.backup == row.officer, "backup", "nobody is their own backup"),
        (row.role not in {role.value for role in DUTY_ROLES}, "role", f"one of {duty_roles}"),
        (row.ends_at <= row.starts_at, "to", "a shift ends after it begins"),
        (
            row.ends_at - row.starts_at > timedelta(days=SHIFT_DAYS_MAX),
            "to",
            f"a shift lasts at most {SHIFT_DAYS_MAX} days",
        ),
    )
    return [RowProblem(number, field, words) for wrong, field, words in found if wrong]


def _refuse_overlap(shift: Shift, placed: Iterable[Shift]) -> None:
    for other in placed:
        if shift.overlaps(other) and (shift.officer == other.officer or _same_post(shift, other)):
            raise ShiftsOverlap(
                f"{shift.officer} at {shift.unit} from {shift.starts_at.isoformat()} overlaps with "
                f"{other.officer} at {other.unit} from {other.starts_at.isoformat()}"
            )


def _same_post(shift: Shift, other: Shift) -> bool:
    return (shift.unit, shift.role) == (other.unit, other.role)
