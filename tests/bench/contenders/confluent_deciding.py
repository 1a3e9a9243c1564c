"""The same for rules that SQL cannot say: the states of a batch are read and locked, decided on, and written back."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from confluent_kafka import Consumer

from chassis.consumer import BATCH_RECORDS_MAX, BATCH_WAIT_MILLISECONDS
from tests.bench.contenders.confluent_relay import CONSUMER, received, relay
from tests.bench.contenders.follow_up import DSN, FACTS, INTAKE, FollowUp

INSERT_INBOX: Final = """
    INSERT INTO inbox (event_key) SELECT unnest(%b::uuid[]) AS event_key ORDER BY event_key
    ON CONFLICT DO NOTHING RETURNING event_key
"""
LOCK_RELEASES: Final = """
    SELECT registration_id, revision, seen, version FROM tracked_release
     WHERE registration_id = ANY(%b) ORDER BY registration_id FOR UPDATE
"""
WRITE_RELEASES: Final = """
    INSERT INTO tracked_release (registration_id, revision, seen, version)
    SELECT * FROM unnest(%b::uuid[], %b::int[], %b::int[], %b::int[])
    ON CONFLICT (registration_id) DO UPDATE
       SET revision = EXCLUDED.revision, seen = EXCLUDED.seen, version = EXCLUDED.version
     WHERE tracked_release.version = EXCLUDED.version - 1
"""
INSERT_OUTBOX: Final = """
    INSERT INTO outbox (event_id, topic, key, headers, payload)
    SELECT event_id, %s, key, headers, payload
      FROM unnest(%b::uuid[], %b::text[], %b::bytea[], %b::bytea[])
           WITH ORDINALITY AS m(event_id, key, headers, payload, place) ORDER BY place
"""


@dataclass
class Release:
    """The state of a release while a batch is decided on."""

    registration_id: UUID
    revision: int = 0
    seen: int = 0
    version: int = 0


class LostRace(Exception):
    """Somebody else wrote a state that was read here."""


def handle(connection: "psycopg.Connection[Any]", rows: Sequence[FollowUp]) -> None:
    """Inbox, states and outbox of a batch in one transaction."""
    with connection.transaction():
        found = connection.execute(INSERT_INBOX, [list({row.event_key for row in rows})], binary=True).fetchall()
        fresh = first_of_each({key for (key,) in found}, rows)
        if not fresh:
            return
        keys = list({row.registration_id for row in fresh})
        known = connection.execute(LOCK_RELEASES, [keys], binary=True).fetchall()
        states = {key: Release(key) for key in keys} | {row[0]: Release(*row) for row in known}
        for row in fresh:
            decide(states[row.registration_id], row)
        values = [(one.registration_id, one.revision, one.seen, one.version + 1) for one in states.values()]
        if connection.execute(WRITE_RELEASES, list(map(list, zip(*values, strict=True)))).rowcount != len(values):
            raise LostRace
        outgoing = [(row.event_id, row.key, row.headers, row.payload) for row in fresh]
        connection.execute(INSERT_OUTBOX, [FACTS, *map(list, zip(*outgoing, strict=True))])


def first_of_each(new: set[UUID], rows: Sequence[FollowUp]) -> list[FollowUp]:
    """The rows of new events; of one that is twice in a batch, the first."""
    first: dict[UUID, FollowUp] = {}
    for row in rows:
        if row.event_key in new:
            first.setdefault(row.event_key, row)
    return list(first.values())


def decide(release: Release, row: FollowUp) -> None:
    """Count an event."""
    release.seen += 1
    release.revision = row.revision


def main() -> None:
    """Run until killed."""
    wake = threading.Event()
    threading.Thread(target=relay, args=(wake,), daemon=True).start()
    consumer = Consumer(CONSUMER)
    consumer.subscribe([INTAKE])
    with psycopg.connect(DSN, autocommit=True, prepare_threshold=0) as connection:
        while True:
            found: list[Any] = consumer.consume(BATCH_RECORDS_MAX, BATCH_WAIT_MILLISECONDS / 1000)
            messages = [message for message in found if message.error() is None]
            if not messages:
                continue
            handle(connection, [received(message) for message in messages])
            for message in messages:
                consumer.store_offsets(message)
            wake.set()


if __name__ == "__main__":
    main()
