"""What becomes of the reminders of a client when something is learnt: kept, with its clocks."""

from uuid import UUID

from chassis.transaction import Transaction
from contracts.registration import RegistrationFact
from services.notifications.client_store import CLIENTS
from services.notifications.domain import reminding
from services.notifications.domain.reminding import Client


async def after(fact: RegistrationFact, tx: Transaction) -> None:
    """A fact about a registration may give its client something to be reminded of, or take it away."""
    if type(fact) in reminding.CONCERNS:
        known = await tx.lock_late(CLIENTS, fact.client_id) or Client(client_id=fact.client_id)
        keep(reminding.after(known, fact, reference=tx.reference), tx)


async def refuse(client_id: UUID, tx: Transaction) -> None:
    """The gateway says that nothing is wanted at this number, or that nobody has it."""
    known = await tx.lock_late(CLIENTS, client_id)
    if known is not None:
        keep(reminding.refused(known), tx)


def keep(client: Client, tx: Transaction) -> None:
    """Save a client, and let the clocks run as the client says."""
    tx.save(CLIENTS, client)
    for what, due_at in reminding.clocks_of(client).items():
        if due_at is None:
            tx.cancel_timer(client.client_id, what)
        else:
            tx.set_timer(client.client_id, what, due_at)
