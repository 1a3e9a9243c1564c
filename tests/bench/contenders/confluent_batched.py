"""confluent-kafka and psycopg by hand, tuned: batches as large as ours, each in one set-based statement."""

import threading
from typing import Any, Final

import psycopg
from confluent_kafka import Consumer

from chassis.consumer import BATCH_RECORDS_MAX, BATCH_WAIT_MILLISECONDS
from tests.bench.contenders.confluent_relay import CONSUMER, received, relay
from tests.bench.contenders.follow_up import DSN, FACTS, INTAKE

HANDLE: Final = """
    WITH given AS (
        SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::int[], %b::uuid[], %b::text[], %b::bytea[], %b::bytea[])
            WITH ORDINALITY AS g(event_key, registration_id, revision, event_id, key, headers, payload, place)
    ), fresh AS (
        INSERT INTO inbox (event_key) SELECT DISTINCT event_key FROM given ORDER BY event_key
        ON CONFLICT DO NOTHING RETURNING event_key
    ), first AS (
        SELECT DISTINCT ON (event_key) given.* FROM given JOIN fresh USING (event_key) ORDER BY event_key, place
    ), effect AS (
        INSERT INTO tracked_release (registration_id, revision, seen, version)
        SELECT registration_id, max(revision), count(*), 1 FROM first GROUP BY registration_id ORDER BY registration_id
        ON CONFLICT (registration_id) DO UPDATE
           SET revision = EXCLUDED.revision, seen = tracked_release.seen + EXCLUDED.seen,
               version = tracked_release.version + 1
    )
    INSERT INTO outbox (event_id, topic, key, headers, payload)
    SELECT event_id, %s, key, headers, payload FROM first ORDER BY place
"""


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
            rows = [received(message) for message in messages]
            connection.execute(HANDLE, [*map(list, zip(*rows, strict=True)), FACTS])
            for message in messages:
                consumer.store_offsets(message)
            wake.set()


if __name__ == "__main__":
    main()
