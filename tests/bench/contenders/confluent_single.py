"""confluent-kafka and psycopg by hand: a transaction and a commit a message, the relay in a thread."""

import threading
from typing import Any, Final

import psycopg
from confluent_kafka import Consumer

from tests.bench.contenders.confluent_relay import CONSUMER, received, relay
from tests.bench.contenders.follow_up import DSN, FACTS, INTAKE, RELAY_LINGER_SECONDS, FollowUp

INSERT_INBOX: Final = "INSERT INTO inbox (event_key) VALUES (%s) ON CONFLICT DO NOTHING"
UPSERT_RELEASE: Final = """
    INSERT INTO tracked_release (registration_id, revision, seen, version) VALUES (%s, %s, 1, 1)
    ON CONFLICT (registration_id) DO UPDATE
       SET revision = EXCLUDED.revision, seen = tracked_release.seen + 1, version = tracked_release.version + 1
"""
INSERT_OUTBOX: Final = "INSERT INTO outbox (event_id, topic, key, headers, payload) VALUES (%s, %s, %s, %s, %s)"


def handle(connection: "psycopg.Connection[Any]", row: FollowUp) -> None:
    """Inbox, table and outbox in one transaction and two round trips."""
    with connection.transaction():
        if connection.execute(INSERT_INBOX, [row.event_key]).rowcount == 0:
            return
        connection.execute(UPSERT_RELEASE, [row.registration_id, row.revision])
        connection.execute(INSERT_OUTBOX, [row.event_id, FACTS, row.key, row.headers, row.payload])


def main() -> None:
    """Run until killed."""
    wake = threading.Event()
    threading.Thread(target=relay, args=(wake, RELAY_LINGER_SECONDS), daemon=True).start()
    consumer = Consumer(CONSUMER)
    consumer.subscribe([INTAKE])
    with psycopg.connect(DSN, autocommit=True, prepare_threshold=0) as connection:
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            handle(connection, received(message))
            consumer.store_offsets(message)
            wake.set()


if __name__ == "__main__":
    main()
