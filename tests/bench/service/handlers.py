"""What the small service does when something happens."""

from typing import Final
from uuid import UUID

from chassis.inbox import Inbox
from chassis.transaction import Transaction
from contracts.lapas import ClientReleased, registration_id_of
from tests.bench.service import domain, store

SERVICE: Final = "registration"
"""The name of the service that reads and publishes these topics, so that every limit of theirs holds here."""

inbox: Final = Inbox(SERVICE)


def _key_of(event: ClientReleased) -> UUID:
    return registration_id_of(event.release_id)


@inbox.on(ClientReleased, of=store.TRACKED_RELEASES, key_of=_key_of)
async def track_release(event: ClientReleased, tx: Transaction) -> None:
    """What a prison says of a release is counted and passed on."""
    known = await tx.lock(store.TRACKED_RELEASES, _key_of(event))
    tracked, facts = domain.track(known, event)
    tx.save(store.TRACKED_RELEASES, tracked)
    tx.publish(facts, of=tracked)
