"""Deliveries that are set aside: kept in the service's database, in the transaction that decided so.

Malformed records with a readable subject and bugs hold their keys: later events of the same subject or aggregate wait
behind them, in order. A refused event changed nothing and holds nothing. `held_key` is one row per consumer and key,
locked by both the live consumer and whoever releases it; it goes when nothing open is left behind it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection
from chassis.delivery import Delivery, Ended, Record
from chassis.failures import LostRaceError
from chassis.notice_limit import NoticeLimit
from chassis.transaction import Transaction
from contracts.operations import DeadLettered, ReasonKind, dead_lettered_by

REMIND_AFTER: Final = timedelta(hours=1)
"""Told at once and again after an hour."""

ANY_HELD: Final = "SELECT EXISTS (SELECT FROM held_key WHERE consumer = $1)"
LOCK_HELD: Final = "SELECT key FROM held_key WHERE consumer = $1 AND key = ANY($2) ORDER BY key FOR UPDATE"
SELECT_KNOWN: Final = "SELECT event_key, record_hash FROM dead_letter WHERE consumer = $1 AND event_key = ANY($2)"
INSERT_HELD: Final = """
    INSERT INTO held_key (consumer, key, held_since)
    SELECT $1, key, now() FROM unnest($2::text[]) AS k(key) ORDER BY key
    ON CONFLICT (consumer, key) DO UPDATE SET held_since = held_key.held_since  -- locks the row: nobody releases it now
"""
RELEASE: Final = """
    DELETE FROM held_key WHERE consumer = $1 AND key = ANY($2)
       AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.consumer = $1
                          AND state IN ('parked', 'waiting') AND order_keys @> ARRAY[held_key.key])
"""
INSERT_LETTER: Final = """
    INSERT INTO dead_letter (dead_letter_id, consumer, event_key, kind, state, reason, rule, order_keys, topic,
                             partition, record_offset, record_key, record_headers, record_value, record_hash, event_id,
                             event_type, event_source, subject, traceparent, remind_at, received_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
            now(), now())
    ON CONFLICT (consumer, event_key) DO NOTHING
    RETURNING true
"""


def pack_record_headers(headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """The headers of any record as one value; they may hold whatever bytes a stranger sent."""
    packed = [[name, None if value is None else b64encode(value).decode()] for name, value in headers]
    return json.dumps(packed).encode()


def unpack_record_headers(packed: bytes) -> tuple[tuple[str, bytes | None], ...]:
    """The headers as the record had them."""
    return tuple((name, None if value is None else b64decode(value)) for name, value in json.loads(packed))


def record_of(row: Mapping[str, Any]) -> Record:
    """The record that a dead letter keeps."""
    return Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["record_key"],
        headers=unpack_record_headers(row["record_headers"]),
        value=row["record_value"],
    )


@dataclass(frozen=True)
class Letters:
    """The dead letters of one consumer; `upstream_topics` are named as on the broker."""

    consumer: str
    service: str
    upstream_topics: frozenset[str]
    limit: NoticeLimit = field(default_factory=NoticeLimit)

    def new_pile(self) -> "Pile":
        """A pile for the letters of one attempt at a batch."""
        return Pile(self)

    async def known(self, connection: Connection, event_keys: Sequence[UUID]) -> dict[UUID, bytes]:
        """The letters that there are of these events, with the hash of the record that each was."""
        rows = await connection.fetch(SELECT_KNOWN, self.consumer, list(event_keys))
        return {row["event_key"]: row["record_hash"] for row in rows}

    async def lock_held(self, connection: Connection, deliveries: Sequence[Delivery]) -> set[str]:
        """Which of the keys of these deliveries are held; locked, so that nobody releases them meanwhile."""
        if not await connection.fetchval(ANY_HELD, self.consumer):
            return set()
        keys = {key for delivery in deliveries for key in delivery.order_keys}
        return await self.lock_keys(connection, keys)

    async def lock_keys(self, connection: Connection, keys: Iterable[str]) -> set[str]:
        """Which of these keys are held; locked until the transaction ends."""
        rows = await connection.fetch(LOCK_HELD, self.consumer, sorted(keys))
        return {row["key"] for row in rows}

    def tells_of(self, delivery: Delivery, ended: Ended) -> bool:
        """Whether people are told of this one: what waits is not news, nor is the next of a flood from one source."""
        if ended.outcome == "held":
            return False
        return ended.kind != "malformed" or self.limit.allows(delivery.parts.source or delivery.record.topic)

    def announcement(self, letter_id: UUID, delivery: Delivery, ended: Ended, transaction: Transaction) -> DeadLettered:
        """The fact that tells the others, with codes and ids alone."""
        topic = delivery.record.topic
        return dead_lettered_by(self.service)(
            dead_letter_id=letter_id,
            consumer=self.consumer,
            source_topic=transaction.plain_topic(topic),
            partition=max(delivery.record.partition, 0),
            offset=max(delivery.record.offset, 0),
            event_type=delivery.known_type,
            reason_kind=ReasonKind(ended.kind or "bug"),
            rule=ended.rule,
            holds_key=bool(holding_keys(delivery, ended)),
            upstream=self._is_upstream(topic),
            dead_lettered_at=transaction.now,
        )

    def remind_at(self, topic: str, now: datetime) -> datetime | None:
        """When people are told once more of a letter that is still open; of our own messages they are told once."""
        return now + REMIND_AFTER if self._is_upstream(topic) else None

    def _is_upstream(self, topic: str) -> bool:
        return topic in self.upstream_topics


def holding_keys(delivery: Delivery, ended: Ended) -> list[str]:
    """The keys behind which later events wait."""
    return [] if ended.kind == "refused" else delivery.order_keys


@dataclass
class Pile:
    """The letters that one attempt at a batch has set aside so far."""

    letters: Letters
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)

    def park(self, transaction: Transaction, delivery: Delivery, ended: Ended) -> set[str]:
        """Set a delivery aside and say which keys it holds from now on."""
        letter_id = transaction.new_id()
        keys = holding_keys(delivery, ended)
        self._keys |= set(keys)
        waiting, told = ended.outcome == "held", self.letters.tells_of(delivery, ended)
        record = delivery.record
        parts = delivery.parts
        self._rows.append(
            (
                letter_id, self.letters.consumer, delivery.event_key, "held" if waiting else ended.kind,
                "waiting" if waiting else "parked", ended.reason, ended.rule, keys, record.topic, record.partition,
                record.offset, record.key, pack_record_headers(record.headers), record.value, delivery.record_hash,
                parts.id, parts.type, parts.source, parts.subject, transaction.cause.trace.traceparent,
                self.letters.remind_at(record.topic, transaction.now) if told else None,
            )
        )  # fmt: skip
        if told:
            transaction.announce(self.letters.announcement(letter_id, delivery, ended, transaction))
        return set(keys)

    async def write(self, connection: Connection) -> None:
        """Write the letters and hold their keys; raise LostRaceError where another owner set the same aside."""
        if self._keys:
            await connection.execute(INSERT_HELD, self.letters.consumer, sorted(self._keys))
        if self._rows:
            written = await connection.fetchmany(INSERT_LETTER, self._rows)
            if len(written) < len(self._rows):
                raise LostRaceError("dead_letter")
