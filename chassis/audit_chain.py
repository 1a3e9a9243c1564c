"""The sealer: committed entries of the audit trail get their places in a chain, and its head is told outside.

One leader per database, as the relay: an advisory lock, and everything on the lock's own connection. It reads the
entries that wait and never from a cursor, so an entry whose transaction commits late comes later and is not skipped.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from chassis.database import Connection, connect
from chassis.failures import TRANSIENT
from chassis.metrics import AuditMetrics
from chassis.outbox import outbox_row, source_of
from chassis.probes import NO_PROBES, Probes
from chassis.transaction import Setting
from chassis.work import INSERT_OUTBOX
from contracts import operations
from contracts.envelope import Envelope

log = structlog.get_logger(__name__)

SEAL_LOCK: Final = 7_215_005
LOCK_SESSION: Final = {"idle_session_timeout": "10s", "transaction_timeout": "10s"}
BATCH_ENTRIES_MAX: Final = 500
POLL_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 1.0
ANCHOR_SECONDS: Final = 60.0
"""Of what was sealed since the last anchor, whoever owns the database can cut the end off unseen."""
UNSEALED_SECONDS_MAX: Final = 60.0
"""What waits longer is a matter of health."""

CLAIM: Final = """
    SELECT waiting.seq, entry.entry_id, entry.digest
      FROM audit_unsealed AS waiting JOIN audit_entry AS entry USING (entry_id)
     ORDER BY waiting.seq LIMIT $1
"""
HEAD: Final = "SELECT position, hash FROM audit_link ORDER BY position DESC LIMIT 1"
INSERT_LINKS: Final = """
    INSERT INTO audit_link (position, entry_id, digest, previous, hash, sealed_at)
    SELECT position, entry_id, digest, previous, hash, sealed_at
      FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::timestamptz[])
           AS link(position, entry_id, digest, previous, hash, sealed_at)
"""
FORGET: Final = "DELETE FROM audit_unsealed WHERE seq = ANY($1)"
LAST_ANCHOR: Final = "SELECT position, anchored_at FROM audit_anchor ORDER BY anchored_at DESC, position DESC LIMIT 1"
INSERT_ANCHOR: Final = """
    INSERT INTO audit_anchor (anchor_id, position, hash, anchored_at) VALUES ($1, $2, $3, $4)
"""
COUNT_UNSEALED: Final = """
    SELECT count(*) AS entries, coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float AS oldest
      FROM (SELECT since FROM audit_unsealed ORDER BY seq LIMIT 10000) AS waiting
"""


class Head(NamedTuple):
    """The end of a chain: how many entries it has, and the hash that stands for all of them."""

    position: int
    hash: bytes


class Link(NamedTuple):
    """The place of an entry in the chain."""

    position: int
    entry_id: UUID
    digest: bytes
    previous: bytes
    hash: bytes
    sealed_at: datetime


def beginning_of(service: str) -> Head:
    """The head of a chain that has no entry yet."""
    return Head(0, sha256(f"bapas.audit.chain.v1\n{service}".encode()).digest())


def linked(service: str, head: Head, entries: Sequence[tuple[UUID, bytes]], *, at: datetime) -> list[Link]:
    """The links of entries, in this order, behind a head."""
    links = []
    for entry_id, digest in entries:
        position = head.position + 1
        said = (
            f"bapas.audit.link.v1\n{service}\n{position}\n{entry_id}\n{head.hash.hex()}\n{digest.hex()}\n{_instant(at)}"
        )
        link = Link(position, entry_id, digest, head.hash, sha256(said.encode()).digest(), at)
        links.append(link)
        head = Head(link.position, link.hash)
    return links


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Sealer:
    """The loop that seals the audit trail of one database."""

    dsn: str
    setting: Setting
    metrics: AuditMetrics
    beat: Callable[[], None]
    probes: Probes = NO_PROBES
    anchor_seconds: float = ANCHOR_SECONDS

    async def run(self) -> None:
        """Lead whenever the lock can be had, until cancelled."""
        while True:
            self.beat()
            try:
                await self._lead()
            except (*TRANSIENT, asyncpg.UniqueViolationError) as failure:
                self.metrics.failed(type(failure).__name__)
                log.warning("sealer interrupted", action="audit", failure=type(failure).__name__)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _lead(self) -> None:
        connection = await connect(self.dsn, name=f"{self.setting.service} sealer", settings=LOCK_SESSION)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", SEAL_LOCK):
                self.beat()
                self.metrics.leading(leads=False)
                await asyncio.sleep(POLL_SECONDS)
            self.metrics.leading(leads=True)
            while True:
                self.beat()
                if await self.seal(connection) < BATCH_ENTRIES_MAX:
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self.metrics.leading(leads=False)
            with contextlib.suppress(Exception):  # the session ends by itself when we cannot even close it
                await asyncio.wait_for(connection.close(), timeout=1.0)

    async def seal(self, connection: Connection) -> int:
        """Put what waits into the chain, and anchor its head when it is time; how many entries were sealed.

        Two that seal at once, because a lock was lost unseen, take the same position, and one of them fails.
        """
        async with connection.transaction():
            row = await connection.fetchrow(HEAD)
            head = beginning_of(self.setting.service) if row is None else Head(row["position"], row["hash"])
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            waiting = await connection.fetch(CLAIM, BATCH_ENTRIES_MAX)
            if waiting:
                head = await self._link(connection, head, waiting, at=now)
            await self._anchor(connection, head, at=now)
            await self.probes.reach("seal.before_commit")
        if waiting:
            self.metrics.sealed(len(waiting), position=head.position)
        return len(waiting)

    async def _link(self, connection: Connection, head: Head, waiting: Sequence[Any], *, at: datetime) -> Head:
        entries = [(row["entry_id"], row["digest"]) for row in waiting]
        links = linked(self.setting.service, head, entries, at=at)
        await connection.execute(INSERT_LINKS, *map(list, zip(*links, strict=True)))
        await connection.execute(FORGET, [row["seq"] for row in waiting])
        return Head(links[-1].position, links[-1].hash)

    async def _anchor(self, connection: Connection, head: Head, *, at: datetime) -> None:
        last = await connection.fetchrow(LAST_ANCHOR)
        if head.position == (0 if last is None else last["position"]):
            return
        if last is not None and (at - last["anchored_at"]).total_seconds() < self.anchor_seconds:
            return
        fact = operations.anchored_by(self.setting.service)(
            anchor_id=self.setting.system_clock.new_id(),
            chain=self.setting.service,
            position=head.position,
            head=head.hash.hex(),
            anchored_at=at,
        )
        await anchor(connection, self.setting, fact)


async def anchor(connection: Connection, setting: Setting, fact: operations.Anchored) -> None:
    """Keep an anchor and let it leave, in the transaction that makes it true."""
    await connection.execute(INSERT_ANCHOR, fact.anchor_id, fact.position, bytes.fromhex(fact.head), fact.anchored_at)
    envelope = Envelope(
        id=str(fact.anchor_id),
        source=source_of(setting.service),
        type=fact.type,
        subject=fact.subject,
        time=fact.anchored_at,
        sequence=1,
        traceparent=setting.telemetry.new_context().traceparent,
    )
    row = outbox_row(fact, envelope, event_id=fact.anchor_id, topic=setting.topic_prefix + fact.topic)
    await connection.execute(INSERT_OUTBOX, *([value] for value in row))


async def count_unsealed(connection: Connection) -> tuple[int, float]:
    """How many entries wait for their place in the chain, and for how many seconds the oldest does."""
    row = await connection.fetchrow(COUNT_UNSEALED)
    return (0, 0.0) if row is None else (row["entries"], row["oldest"])
