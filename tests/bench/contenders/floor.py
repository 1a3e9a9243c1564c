"""The floor: aiokafka, asyncpg and nothing else, as fast as a careful person writes it at the batch size of ours."""

import asyncio
from typing import Any, Final

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.consumer import BATCH_RECORDS_MAX
from tests.bench.contenders.follow_up import (
    DSN,
    FACTS,
    GROUP,
    INTAKE,
    OUTBOX_LOCK,
    RELAY_POLL_SECONDS,
    RELAY_ROWS_MAX,
    SERVERS,
    read,
    sendable,
)

HANDLE: Final = """
    WITH given AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[])
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
    SELECT event_id, $8, key, headers, payload FROM first ORDER BY place
"""
CLAIM: Final = "SELECT seq, topic, key, headers, payload FROM outbox ORDER BY seq LIMIT $1"
FORGET: Final = "DELETE FROM outbox WHERE seq = ANY($1)"


async def consume(consumer: AIOKafkaConsumer, pool: "asyncpg.Pool[Any]", wake: asyncio.Event) -> None:
    """Batches from Kafka into the database, offsets behind them: what is read again is known to the inbox."""
    committing: asyncio.Task[None] | None = None
    while True:
        found = await consumer.getmany(timeout_ms=1_000, max_records=BATCH_RECORDS_MAX)
        rows = [read(record.headers, record.value) for records in found.values() for record in records]
        if not rows:
            continue
        await pool.execute(HANDLE, *map(list, zip(*rows, strict=True)), FACTS)
        wake.set()
        if committing is None or committing.done():
            committing = asyncio.create_task(consumer.commit())


async def relay(producer: AIOKafkaProducer, dsn: str, wake: asyncio.Event) -> None:
    """The outbox to Kafka, in order, by one leader; a row goes when the broker has it."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", OUTBOX_LOCK)
    while True:
        wake.clear()
        rows = await connection.fetch(CLAIM, RELAY_ROWS_MAX)
        if rows:
            sent = [
                await producer.send(
                    row["topic"], row["payload"], key=row["key"].encode(), headers=sendable(row["headers"])
                )
                for row in rows
            ]
            await asyncio.gather(*sent)
            await connection.execute(FORGET, [row["seq"] for row in rows])
        if len(rows) < RELAY_ROWS_MAX:
            await _wait(wake)


async def _wait(wake: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(wake.wait(), RELAY_POLL_SECONDS)
    except TimeoutError:
        return


async def main() -> None:
    """Run until killed."""
    wake = asyncio.Event()
    consumer = AIOKafkaConsumer(
        INTAKE,
        bootstrap_servers=SERVERS,
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=SERVERS, acks="all", enable_idempotence=True, max_batch_size=256 * 1024
    )
    await consumer.start()
    await producer.start()
    async with asyncpg.create_pool(DSN, min_size=1, max_size=2) as pool:
        await asyncio.gather(consume(consumer, pool, wake), relay(producer, DSN, wake))


if __name__ == "__main__":
    uvloop.run(main())
