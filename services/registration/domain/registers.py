"""The registers of the office: which one a client's line stands in, and when it is void."""

from chassis.rules.registers import Line
from contracts.reference import Register
from contracts.registration import ClosingReason
from services.registration.domain.case import Registration, Status


def line_of(case: Registration, register: Register) -> Line:
    """The line of this case in a register of the unit that holds it."""
    return Line(
        register=register.code,
        kind=register.kind,
        unit=case.holder_unit,
        subject=case.registration_id,
        template=register.template,
    )


def voids_entry(before: Registration, after: Registration) -> bool:
    """Whether a closure says that the entry in the register should never have been made."""
    never = (ClosingReason.DUPLICATE, ClosingReason.RELEASED_IN_ERROR)
    return before.status is Status.REGISTERED and after.closure is not None and after.closure.reason in never
