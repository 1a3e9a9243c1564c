"""A register of the office: what is entered in it, under which number, and when an entry is void."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.rules.numbering import DEFAULT_TEMPLATE, RegisterNumber, local_date, local_year
from chassis.rules.refusal import Refused

LIVE: Final = "live"
VOID: Final = "void"


class YearIsClosed(Refused):
    """A register takes nothing more into a year once a later year has begun in it."""


class NothingIsEntered(Refused):
    """Of this subject nothing stands in the register that could become void."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is to be entered: who or what, in which register of which unit.

    `kind`, `reg_code` and `template` say how the number looks; they part no series. Units, registers and years do.
    """

    register: str
    kind: str
    unit: str
    subject: UUID
    template: str = DEFAULT_TEMPLATE
    reg_code: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line that stands in the register, with the number that it has got for good."""

    register: str
    unit: str
    year: int
    seq: int
    number: str
    subject: UUID
    state: str
    reason: str | None
    entered_by: str
    entered_at: datetime


def enter(line: Line, *, seq: int, by: str, at: datetime, zone: ZoneInfo) -> Entry:
    """The entry with this sequence number, in the year of the office's calendar."""
    number = RegisterNumber(
        seq=seq,
        register=line.register,
        kind=line.kind,
        unit=line.unit,
        issued_on=local_date(at, zone),
        reg_code=line.reg_code,
    )
    return Entry(
        register=line.register,
        unit=line.unit,
        year=local_year(at, zone),
        seq=seq,
        number=number.text(line.template),
        subject=line.subject,
        state=LIVE,
        reason=None,
        entered_by=by,
        entered_at=at,
    )


def void(entry: Entry, *, reason: str) -> Entry:
    """The same entry, struck out for a reason: it keeps its number, and nobody else gets that number."""
    return replace(entry, state=VOID, reason=reason)
