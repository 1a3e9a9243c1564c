"""Breaking the glass: somebody sees for a time what their role does not show of one case, and it is known. Pure."""

from datetime import datetime
from typing import Final

from chassis.rules.calendar import OfficeCalendar
from chassis.rules.deadlines import due_at
from chassis.rules.refusal import Refused
from contracts.reference import Reference
from contracts.registration import GlassBroken
from services.registration.domain.acts import BreakGlass
from services.registration.domain.case import Registration, Step
from services.registration.domain.decided import Decided

POLICY: Final = "BREAK-GLASS"
"""How long what was opened stays open."""


class NothingToBreak(Refused):
    """You are shown this case whole: there is no glass to break."""


class OpenAlready(Refused):
    """You have broken the glass of this case, and it is open to you still."""


class NotAnOfficer(Refused):
    """The glass is broken by officers whom the office knows: somebody must answer for it."""


def break_glass(
    case: Registration,
    act: BreakGlass,
    *,
    by: str,
    shown_anyway: bool,
    open_until: datetime | None,
    now: datetime,
    reference: Reference,
) -> tuple[Decided, datetime]:
    """Open the case to one officer for the time of the policy; what that comes to, and until when.

    Raises NotAnOfficer, NothingToBreak, OpenAlready.
    """
    if by not in reference.officers:
        raise NotAnOfficer
    if shown_anyway:
        raise NothingToBreak
    if open_until is not None and now < open_until:
        raise OpenAlready
    until = due_at(reference.policies[POLICY], now, OfficeCalendar.of(reference))
    broken = GlassBroken.model_validate(case.about() | {"by": by, "broken_at": now, "until": until})
    return Decided(case=case).moved(Step.BREAK_GLASS, at=now, reason=act.reason).said(broken), until
