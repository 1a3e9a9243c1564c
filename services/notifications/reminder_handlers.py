"""A client is known by the restricted topic, reminded when a clock rings, and forgotten when registration says so."""

from dataclasses import asdict, replace
from typing import Final
from uuid import UUID

from chassis.inbox import Erasure, Inbox, TimerDue
from chassis.rules.refusal import Irrelevant
from chassis.transaction import Transaction
from contracts.notifications import Channel
from contracts.registration import ClientDetails
from contracts.supervision import FirstCheckInScheduled
from services.notifications import reminders, store
from services.notifications.client_store import CLIENTS
from services.notifications.domain import ledger, reminding
from services.notifications.domain.ledger import Addressee, Matter, Urgency
from services.notifications.domain.reminding import TEMPLATES, Client, Reminding
from services.notifications.handlers import Desk, traced

NOBODY: Final = UUID(int=0)
"""Stands for a client in a tombstone whose key is no id; nothing is ever kept under it."""


class ReminderDesk:
    """Where clients are reminded."""

    def __init__(self, desk: Desk) -> None:
        """Write at this desk."""
        self._desk = desk

    def react(self, inbox: Inbox) -> None:
        """Learn who is reached how, of what they are to be reminded, and forget both."""
        inbox.on(ClientDetails, of=CLIENTS, key_of=_client_of)(self.learn)
        inbox.when_erased(ClientDetails, of=CLIENTS, key_of=_erased_client)(self.forget)
        inbox.on(FirstCheckInScheduled, of=CLIENTS, key_of=_client_of)(self.expect)
        for what in Reminding:
            inbox.when_due(what, of=CLIENTS)(self.remind)

    async def learn(self, details: ClientDetails, tx: Transaction) -> None:
        """The number is kept as registration last said it; what was due while it was missing is said now."""
        reminders.keep(reminding.with_details(await _client(details.client_id, tx), details), tx)

    async def forget(self, erasure: Erasure, tx: Transaction) -> None:
        """Nothing personal stays of whom registration erases; what waits to be sent to them is sent to nobody."""
        known = await tx.lock(CLIENTS, _erased_client(erasure))
        if known is None or known.phone is None:
            raise Irrelevant("no telephone number is kept of this client")
        reminders.keep(reminding.forgotten(known, now=tx.now), tx)

    async def expect(self, fact: FirstCheckInScheduled, tx: Transaction) -> None:
        """A client reports in these days for the first time."""
        known = await _client(fact.client_id, tx)
        reminders.keep(reminding.to_report(known, fact, reference=tx.reference), tx)

    async def remind(self, due: TimerDue, tx: Transaction) -> None:
        """A client is written to, once, outside the hours in which clients have quiet."""
        desk, what = self._desk.at_hand, Reminding(due.kind)
        client = await tx.lock(CLIENTS, due.subject)
        if client is None:
            raise Irrelevant("the client is not known here")
        if Channel.GATEWAY not in desk.ways_out:
            raise Irrelevant("no messaging gateway is set up")
        reminder = reminding.due(client, what, now=tx.now, zone=tx.reference.zone)
        matter = Matter(
            about=client.registration_id or client.client_id,
            occasion=what,
            urgency=Urgency.NORMAL,
            cause=f"{what}|{client.client_id}|{due.due_at.isoformat()}",
            juvenile=client.juvenile,
        )
        notice, _ = ledger.owe(
            Addressee(client.recipient, Channel.GATEWAY),
            matter,
            desk.wording.letter(TEMPLATES[what], reminder.words),
            mail_domain=desk.mail_domain,
            now=tx.now,
            held_until=reminder.held_until,
        )
        # Alone in its message: what binds several of them into one would say who writes.
        alone = replace(notice, bundle=notice.notification_id if reminder.held_until is not None else None)
        tx.append(store.OWED, asdict(traced(alone, tx)))
        reminders.keep(reminding.having_reminded(client, what), tx)


async def _client(client_id: UUID, tx: Transaction) -> Client:
    return await tx.lock(CLIENTS, client_id) or Client(client_id=client_id)


def _client_of(event: ClientDetails | FirstCheckInScheduled) -> UUID:
    return event.client_id


def _erased_client(erasure: Erasure) -> UUID:
    try:
        return UUID(erasure.subject)
    except ValueError:
        return NOBODY
