"""What registration does when somebody breaks the glass of a case."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import audit
from chassis.transaction import Transaction
from services.registration import glass_store
from services.registration.domain import glass
from services.registration.domain.acts import BreakGlass
from services.registration.handlers import case_of, keep


@dataclass(frozen=True, kw_only=True)
class Breaking:
    """Somebody wants to see what their role does not show."""

    registration_id: UUID
    act: BreakGlass
    knows_children: bool


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Until when the case is open to whoever broke its glass."""

    registration_id: UUID
    until: datetime


async def break_glass(command: Breaking, tx: Transaction) -> Opened:
    """The case is open to this officer for a time, and everybody who must know of that is told."""
    case = await case_of(tx, command.registration_id)
    audit.because(command.act.reason)
    decided, until = glass.break_glass(
        case,
        command.act,
        by=tx.actor.id,
        shown_anyway=command.knows_children or not case.juvenile,
        open_until=await glass_store.until(tx.reading, case.registration_id, tx.actor.id),
        now=tx.now,
        reference=tx.reference,
    )
    row = {"glass_id": tx.new_id(), "registration_id": case.registration_id, "officer": tx.actor.id}
    tx.append(glass_store.BROKEN_GLASS, row | {"broken_at": tx.now, "until": until})
    keep(tx, case, decided)
    return Opened(registration_id=case.registration_id, until=until)
