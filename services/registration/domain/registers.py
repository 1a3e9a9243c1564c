"""The registers of the office: which one a line stands in, and when a line is void."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from chassis.rules.numbering import RegisterNumber, local_date, local_year
from contracts.reference import Reference, Register
from contracts.registration import ClosingReason
from services.registration.domain.case import Registration, Status

_REFUSALS: Final = (
    Register(code="PENOLAKAN", juvenile=False, kind="PENOLAKAN"),
    Register(code="PENOLAKAN-A", juvenile=True, kind="PENOLAKAN"),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line in a register of the office."""

    register: str
    unit: str
    year: int
    seq: int
    number: str
    subject: UUID


def refusals_of(case: Registration) -> Register:
    """The register of those who refuse; children stand in one of their own (UU 11/2012 art. 25)."""
    return next(register for register in _REFUSALS if register.juvenile is case.juvenile)


def entry_of(case: Registration, register: Register, *, seq: int, now: datetime, reference: Reference) -> Entry:
    """The line in the register with the next number of the unit that holds the case."""
    number = RegisterNumber(
        seq=seq,
        register=register.code,
        kind=register.kind,
        unit=case.holder_unit,
        issued_on=local_date(now, reference.zone),
    )
    return Entry(
        register=register.code,
        unit=case.holder_unit,
        year=local_year(now, reference.zone),
        seq=seq,
        number=number.text(register.template),
        subject=case.registration_id,
    )


def voids_entry(before: Registration, after: Registration) -> bool:
    """Whether a closure says that the entry in the register should never have been made."""
    never = (ClosingReason.DUPLICATE, ClosingReason.RELEASED_IN_ERROR)
    return before.status is Status.REGISTERED and after.closure is not None and after.closure.reason in never
