"""What supervision does when something happens."""

from dataclasses import asdict
from typing import Final
from uuid import UUID

from chassis.inbox import Erasure, Inbox
from chassis.rules.refusal import Irrelevant
from chassis.transaction import Transaction
from contracts.registration import ClientDetails, ClientRegistered
from services.supervision import domain, store
from services.supervision.domain import Contact

inbox: Final = Inbox("supervision")

NOBODY: Final = UUID(int=0)
"""Stands for a client in a tombstone whose key is no id; nothing is ever kept under it."""


def _client_of(event: ClientRegistered | ClientDetails) -> UUID:
    return event.client_id


def _erased_client(erasure: Erasure) -> UUID:
    try:
        return UUID(erasure.subject)
    except ValueError:
        return NOBODY


@inbox.on(ClientRegistered, of=store.SUPERVISIONS, key_of=_client_of)
async def open_supervision(event: ClientRegistered, tx: Transaction) -> None:
    """The guidance of a client begins with the registration, and with a date for the first report."""
    known = await tx.lock(store.SUPERVISIONS, event.client_id)
    opened = domain.open_supervision(known, event, reference=tx.reference)
    tx.save(store.SUPERVISIONS, opened.supervision)
    if opened.check_in is not None:
        tx.append(store.CHECK_INS, asdict(opened.check_in))
    tx.publish(opened.facts, of=opened.supervision)


@inbox.on(ClientDetails, of=store.CONTACTS, key_of=_client_of)
async def keep_contact(event: ClientDetails, tx: Transaction) -> None:
    """How a client is reached is kept as registration last said it, so that nobody types it twice."""
    await tx.lock(store.CONTACTS, event.client_id)
    tx.save(store.CONTACTS, Contact(client_id=event.client_id, details=event))


@inbox.when_erased(ClientDetails, of=store.CONTACTS, key_of=_erased_client)
async def forget_contact(erasure: Erasure, tx: Transaction) -> None:
    """Who a client is is forgotten when registration says so."""
    known = await tx.lock(store.CONTACTS, _erased_client(erasure))
    if known is None or known.details is None:
        raise Irrelevant("nothing is kept of this client")
    tx.save(store.CONTACTS, Contact(client_id=known.client_id, details=None, erased_at=tx.now))
