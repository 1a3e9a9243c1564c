"""FastStream with faststream-outbox, as its documentation shows the relay to Kafka, and an inbox table beside it."""

import asyncio
from typing import Final

import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaResponse
from faststream_outbox import OutboxBroker, make_outbox_table
from faststream_outbox.message import OutboxMessage
from sqlalchemy import Column, Integer, MetaData, Table, Uuid
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from contracts.lapas import ClientReleased
from tests.bench.contenders.follow_up import DSN, FACTS, GROUP, INTAKE, SERVERS, WORKERS, FollowUp, follow_up, sendable

QUEUE: Final = "facts"

metadata: Final = MetaData()
outbox: Final = make_outbox_table(metadata, table_name="relay_outbox")
inbox: Final = Table("inbox", metadata, Column("event_key", Uuid, primary_key=True))
releases: Final = Table(
    "tracked_release",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("version", Integer, nullable=False),
)
engine: Final = create_async_engine(DSN.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
sessions: Final = async_sessionmaker(engine, expire_on_commit=False)
# Parsed by decoders: each parameter that FastStream would inject costs a change of threads for every message.
kafka: Final = KafkaBroker(
    SERVERS, acks="all", enable_idempotence=True, max_batch_size=256 * 1024, apply_types=False, logger=None
)
outgoing: Final = OutboxBroker(engine, outbox_table=outbox, apply_types=False, logger=None)

INSERT_INBOX: Final = insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_key)
_NEW: Final = insert(releases)
UPSERT_RELEASE: Final = _NEW.on_conflict_do_update(
    index_elements=[releases.c.registration_id],
    set_={
        "revision": _NEW.excluded.revision,
        "seen": releases.c.seen + 1,
        "version": releases.c.version + 1,
    },
)


async def decode(message: KafkaMessage) -> FollowUp:
    """Read and validate an event."""
    return follow_up(ClientReleased.model_validate_json(message.body), message.headers)


async def as_it_is(message: OutboxMessage) -> OutboxMessage:
    """The row with its headers."""
    return message


@kafka.subscriber(
    INTAKE, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.ACK, decoder=decode, max_workers=WORKERS
)
async def track_release(row: FollowUp) -> None:
    """Inbox, table and outbox in one transaction."""
    async with sessions() as session, session.begin():
        if await session.scalar(INSERT_INBOX, {"event_key": row.event_key}) is None:
            return
        values = {"registration_id": row.registration_id, "revision": row.revision, "seen": 1, "version": 1}
        await session.execute(UPSERT_RELEASE, values)
        headers = {name: value.decode() for name, value in sendable(row.headers)}
        await outgoing.publish(row.payload, queue=QUEUE, session=session, headers={**headers, "key": row.key})


# One worker: with more, messages of one release overtake each other.
@kafka.publisher(FACTS)
@outgoing.subscriber(  # type: ignore[untyped-decorator]  # the library is not there where types are checked
    QUEUE,
    max_workers=1,
    fetch_batch_size=500,
    min_fetch_interval=0.2,
    terminal_flush_batch_size=100,
    decoder=as_it_is,
)
async def relay(message: OutboxMessage) -> KafkaResponse:
    """Pass a row on as it is."""
    headers = dict(message.headers)
    return KafkaResponse(message.body, headers=headers, key=headers.pop("key").encode())


async def main() -> None:
    """Run until killed."""
    async with kafka, outgoing:
        await kafka.start()
        await outgoing.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
