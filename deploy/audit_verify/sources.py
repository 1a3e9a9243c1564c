"""Where a trail and its anchors are read: a database, a topic, and files to which anchors were copied."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from deploy.audit_verify.chain import Anchor, Entry, Link
from deploy.demo.topics import Topics

ROWS_AT_A_TIME: Final = 1_000

SELECT_CHAIN: Final = """
    SELECT link.position, link.entry_id AS linked_id, link.digest AS linked_digest, link.previous, link.hash,
           link.sealed_at, entry.*
      FROM audit_link AS link LEFT JOIN audit_entry AS entry USING (entry_id) ORDER BY link.position
"""
SELECT_LOOSE: Final = """
    SELECT * FROM audit_entry AS entry
     WHERE NOT EXISTS (SELECT FROM audit_link AS link WHERE link.entry_id = entry.entry_id) ORDER BY seq
"""


class Trail:
    """The trail of one service as its database holds it at one moment."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        """Take a connection in a transaction that sees one state."""
        self._connection = connection

    async def chain(self) -> AsyncIterator[tuple[Link, Entry | None]]:
        """Every link with its entry, in the order of positions."""
        async for row in self._connection.cursor(SELECT_CHAIN, prefetch=ROWS_AT_A_TIME):
            link = Link(
                position=row["position"],
                entry_id=row["linked_id"],
                digest=row["linked_digest"],
                previous=row["previous"],
                hash=row["hash"],
                sealed_at=row["sealed_at"],
            )
            yield link, None if row["body"] is None else _entry(row)

    async def loose(self) -> list[Entry]:
        """The entries that have no link."""
        return [_entry(row) for row in await self._connection.fetch(SELECT_LOOSE)]

    async def now(self) -> datetime:
        """What time it is in the database."""
        now: datetime = await self._connection.fetchval("SELECT now()")
        return now


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Trail]:
    """The trail in a database, to be looked at and never written."""
    settings = {"application_name": "audit-verify", "default_transaction_read_only": "on", "timezone": "UTC"}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Trail(connection)
    finally:
        await connection.close()


def _entry(row: Any) -> Entry:
    names = ("entry_id", "at", "body", "digest", "actor", "action", "outcome", "subjects")
    return Entry(**{name: row[name] for name in names})


def on_topic(service: str, *, bootstrap_servers: str, prefix: str) -> list[Anchor]:
    """The anchors that lie on the topic of a service, in the order in which they came, each once."""
    topics = Topics(bootstrap_servers, prefix=prefix, names=[f"{prefix}{service}.operations"])
    told = (record.data for record in topics.everything() if record.type == f"{service}.audit-anchored.v1")
    return anchors_of(told)


def in_file(file: Path, service: str) -> list[Anchor]:
    """The anchors of a service that were copied to a file, in the order in which they were told."""
    lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    return anchors_of(line for line in lines if line["chain"] == service)


def copy_to_file(file: Path, service: str, anchors: Iterable[Anchor]) -> int:
    """Add to a file the anchors that it does not hold yet; how many were added."""
    known = {anchor.anchor_id for anchor in in_file(file, service)} if file.exists() else set()
    fresh = [anchor for anchor in anchors if anchor.anchor_id not in known]
    with file.open("a", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(_said(anchor, service))}\n" for anchor in fresh)
    return len(fresh)


def anchors_of(told: Iterable[dict[str, Any]]) -> list[Anchor]:
    """Anchors as they were told; a relay may send one twice, and the first time counts."""
    found: dict[UUID, Anchor] = {}
    for said in told:
        found.setdefault(UUID(said["anchor_id"]), _anchor(said))
    return list(found.values())


def _anchor(said: dict[str, Any]) -> Anchor:
    return Anchor(
        anchor_id=UUID(said["anchor_id"]),
        position=said["position"],
        head=bytes.fromhex(said["head"]),
        anchored_at=datetime.fromisoformat(said["anchored_at"]),
        continues_from=said.get("continues_from"),
        gives_up_until=said.get("gives_up_until"),
    )


def _said(anchor: Anchor, service: str) -> dict[str, Any]:
    return {
        "chain": service,
        "anchor_id": str(anchor.anchor_id),
        "position": anchor.position,
        "head": anchor.head.hex(),
        "anchored_at": anchor.anchored_at.isoformat(),
        "continues_from": anchor.continues_from,
        "gives_up_until": anchor.gives_up_until,
    }
