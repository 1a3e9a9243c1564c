"""The floor: aiokafka, asyncpg and nothing else, as fast as a careful person writes it at the batch size of ours."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from chassis.consumer import BATCH_RECORDS_MAX
from tests.bench.contenders.follow_up import (
    DSN,
    FACTS,
    GROUP,
    INTAKE,
    SERVERS,
    FollowUp,
    read,
    sendable,
)
from tests.bench.contenders.relay import relay

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


async def consume(consumer: AIOKafkaConsumer, pool: "asyncpg.Pool[Any]", wake: asyncio.Event) -> None:
    """Batches from Kafka into the database, one after the other; the next is read while the last one commits."""
    writing = asyncio.create_task(asyncio.sleep(0))
    while True:
        found = await consumer.getmany(timeout_ms=1_000, max_records=BATCH_RECORDS_MAX)
        rows = [read(record.headers, record.value) for records in found.values() for record in records]
        offsets = {partition: records[-1].offset + 1 for partition, records in found.items()}
        await writing
        if rows:
            writing = asyncio.create_task(write(consumer, pool, rows, offsets, wake))


async def write(
    consumer: AIOKafkaConsumer,
    pool: "asyncpg.Pool[Any]",
    rows: Sequence[FollowUp],
    offsets: Mapping[TopicPartition, int],
    wake: asyncio.Event,
) -> None:
    """One batch in one statement, then its offsets: what is read again is known to the inbox."""
    await pool.execute(HANDLE, *map(list, zip(*rows, strict=True)), FACTS)
    wake.set()
    await consumer.commit(offsets)


@dataclass
class Batches:
    """Sends what the relay claims as whole batches, one for each partition: a future for each message costs more."""

    producer: AIOKafkaProducer
    partitioner: DefaultPartitioner = field(default_factory=DefaultPartitioner)

    async def send(self, rows: Sequence[Any]) -> None:
        """Send rows in their order and wait for the broker."""
        partitions = sorted(await self.producer.partitions_for(FACTS))
        sending: list[Awaitable[object]] = []
        filling: dict[int, Any] = {}
        for row in rows:
            key, value, headers = row["key"].encode(), row["payload"], sendable(row["headers"])
            partition = self.partitioner(key, partitions, partitions)
            batch = filling.get(partition) or filling.setdefault(partition, self.producer.create_batch())
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                sending.append(await self.producer.send_batch(batch, FACTS, partition=partition))
                filling[partition] = self.producer.create_batch()
                filling[partition].append(key=key, value=value, timestamp=None, headers=headers)
        for partition, batch in filling.items():
            sending.append(await self.producer.send_batch(batch, FACTS, partition=partition))
        await asyncio.gather(*sending)


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
        await asyncio.gather(consume(consumer, pool, wake), relay(DSN, Batches(producer).send, wake))


if __name__ == "__main__":
    uvloop.run(main())
