"""FastStream alone: a message at a time, a commit each, and an outbox of one's own on asyncpg."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from contracts.lapas import ClientReleased
from tests.bench.contenders.follow_up import (
    DSN,
    FACTS,
    GROUP,
    INTAKE,
    RELAY_LINGER_SECONDS,
    SERVERS,
    WORKERS,
    FollowUp,
    follow_up,
    sendable,
)
from tests.bench.contenders.relay import relay

INSERT_INBOX: Final = "INSERT INTO inbox (event_key) VALUES ($1) ON CONFLICT DO NOTHING RETURNING event_key"
UPSERT_RELEASE: Final = """
    INSERT INTO tracked_release (registration_id, revision, seen, version) VALUES ($1, $2, 1, 1)
    ON CONFLICT (registration_id) DO UPDATE
       SET revision = EXCLUDED.revision, seen = tracked_release.seen + 1, version = tracked_release.version + 1
"""
INSERT_OUTBOX: Final = "INSERT INTO outbox (event_id, topic, key, headers, payload) VALUES ($1, $2, $3, $4, $5)"

# Parsed by a decoder: each parameter that FastStream would inject costs a change of threads for every message.
broker: Final = KafkaBroker(
    SERVERS, acks="all", enable_idempotence=True, max_batch_size=256 * 1024, apply_types=False, logger=None
)
wake: Final = asyncio.Event()


async def decode(message: KafkaMessage) -> FollowUp:
    """Read and validate an event."""
    return follow_up(ClientReleased.model_validate_json(message.body), message.headers)


async def handle(connection: Any, row: FollowUp) -> None:
    """Inbox, table and outbox in one transaction."""
    async with connection.transaction():
        if await connection.fetchval(INSERT_INBOX, row.event_key) is None:
            return
        await connection.execute(UPSERT_RELEASE, row.registration_id, row.revision)
        await connection.execute(INSERT_OUTBOX, row.event_id, FACTS, row.key, row.headers, row.payload)


async def send(rows: Sequence[Any]) -> None:
    """Publish without waiting for each, then wait for all."""
    sending: list[Awaitable[object]] = []
    for row in rows:
        headers = {name: value.decode() for name, value in sendable(row["headers"])}
        key, payload = row["key"].encode(), row["payload"]
        sending.append(await broker.publish(payload, row["topic"], key=key, headers=headers, no_confirm=True))
    await asyncio.gather(*sending)


async def main() -> None:
    """Run until killed."""
    async with asyncpg.create_pool(DSN, min_size=1, max_size=8) as pool:

        @broker.subscriber(
            INTAKE,
            group_id=GROUP,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.ACK,
            decoder=decode,
            max_workers=WORKERS,
        )
        async def track_release(row: FollowUp) -> None:
            async with pool.acquire() as connection:
                await handle(connection, row)
            wake.set()

        async with broker:
            await broker.start()
            await relay(DSN, send, wake, linger_seconds=RELAY_LINGER_SECONDS)


if __name__ == "__main__":
    uvloop.run(main())
