"""A batch of deliveries in one transaction: inbox rows, handlers, dead letters, offsets, outbox. All, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from chassis import spans
from chassis.dead_letters import Letters
from chassis.delivery import Delivery, Ended, key_of_unreadable
from chassis.engine import Engine
from chassis.failures import LostRaceError, UnavailableError
from chassis.handling import handle_alone, handle_together, lock_alone
from chassis.spans import only_id
from chassis.telemetry import TraceContext
from chassis.transaction import Actor, Cause, Transaction
from chassis.work import AggregateKey, WorkingSet

log = structlog.get_logger(__name__)

ID_REUSED: Final = "event id reused with another body"

Offsets = Mapping[tuple[str, int], int]

MOVE_OFFSETS: Final = """
    WITH before AS MATERIALIZED (
        SELECT topic, partition, next_offset FROM consumer_offset
         WHERE consumer = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
         ORDER BY topic, partition FOR UPDATE
    ), moved AS (
        INSERT INTO consumer_offset (consumer, topic, partition, next_offset, updated_at)
        SELECT $1, topic, partition, o.next_offset, now()
          FROM unnest($2::text[], $3::int[], $4::bigint[]) AS o(topic, partition, next_offset)
          LEFT JOIN before USING (topic, partition)
         ORDER BY topic, partition  -- sorted: so all of them are locked before the first is written
        ON CONFLICT (consumer, topic, partition) DO UPDATE
           SET next_offset = EXCLUDED.next_offset, updated_at = EXCLUDED.updated_at
         WHERE consumer_offset.next_offset < EXCLUDED.next_offset
    )
    SELECT topic, partition, next_offset FROM before
"""
INSERT_INBOX: Final = """
    INSERT INTO inbox (consumer, event_key, record_hash, received_at)
    SELECT $1, event_key, record_hash, now() FROM unnest($2::uuid[], $3::bytea[]) AS d(event_key, record_hash)
     ORDER BY event_key
    ON CONFLICT (consumer, event_key) DO NOTHING
    RETURNING event_key
"""
SELECT_INBOX: Final = "SELECT event_key, record_hash FROM inbox WHERE consumer = $1 AND event_key = ANY($2)"
DELETE_INBOX: Final = "DELETE FROM inbox WHERE consumer = $1 AND event_key = ANY($2)"
MARK_IRRELEVANT: Final = """
    UPDATE inbox SET outcome = 'irrelevant', reason = d.reason
      FROM unnest($2::uuid[], $3::text[]) AS d(event_key, reason)
     WHERE inbox.consumer = $1 AND inbox.event_key = d.event_key
       AND inbox.event_key = ANY($2)  -- once more: so rows are looked up by key, whatever is known of the table
"""


@dataclass
class BatchResult:
    """What became of each delivery, and the transactions whose spans are due now that it is committed."""

    ended: list[Ended]
    causes: list[Cause]
    transactions: list[Transaction] = field(default_factory=list)


class BatchRunner:
    """Handles deliveries of one consumer; a dead letter that is retried goes the same way."""

    def __init__(self, engine: Engine, letters: Letters) -> None:
        """Take the engine that runs transactions and the letters of the same consumer."""
        self._engine = engine
        self._letters = letters
        self.consumer = letters.consumer

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Handle a batch. Raises UnavailableError if nothing could be done now; then nothing was."""
        causes = [self.cause_of(delivery) for delivery in deliveries]

        async def together(work: WorkingSet, learnt: Sequence[AggregateKey]) -> BatchResult:
            return await _Attempt(self, work, deliveries, causes).run(learnt, offsets)

        async def one_by_one(work: WorkingSet, learnt: Sequence[AggregateKey]) -> BatchResult:
            return await _Attempt(self, work, deliveries, causes, isolated=True).run(learnt, offsets)

        try:
            return await self._engine.run(together, point="batch")
        except UnavailableError:
            raise
        except Exception as failure:  # noqa: BLE001  whatever it is, it may be the fault of one of them
            log.warning("batch is run again one by one", action="batch", failure=type(failure).__name__)
        try:
            return await self._engine.run(one_by_one, point="batch")
        except (asyncpg.PostgresError, LostRaceError) as failure:
            raise UnavailableError(type(failure).__name__) from failure

    def cause_of(self, delivery: Delivery) -> Cause:
        """What follows from this delivery says where it came from."""
        envelope = delivery.envelope
        parent = TraceContext.parse(delivery.parts.traceparent)
        # What a stranger calls its message could be a name, and these go out on our own topics: the key stands for it.
        event_id = only_id(delivery.parts.id) or str(delivery.event_key)
        return Cause(
            actor=Actor("event", event_id),
            trace=self._engine.setting.telemetry.new_context(parent),
            correlation_id=only_id(envelope.correlation_id if envelope else None) or event_id,
            causation_id=event_id,
            envelope=envelope,
        )

    def record_processed(self, delivery: Delivery, cause: Cause, ended: Ended, *, start_ns: int, end_ns: int) -> None:
        """Emit the span of a delivery that a committed transaction brought to its end."""
        record, parts = delivery.record, delivery.parts
        spans.record_process(
            self._engine.setting.telemetry,
            cause.trace,
            parent=TraceContext.parse(parts.traceparent),
            received=spans.Received(
                record.topic, record.partition, record.offset, parts.subject, len(record.value or b""),
                parts.id, parts.type, cause.correlation_id,
            ),
            ended=spans.Ended(start_ns, end_ns, ended.outcome, ended.rule, ended.kind),
            consumer=self.consumer,
        )  # fmt: skip


class _Attempt:
    """One try at a batch, inside its transaction."""

    def __init__(
        self,
        runner: BatchRunner,
        work: WorkingSet,
        deliveries: Sequence[Delivery],
        causes: Sequence[Cause],
        *,
        isolated: bool = False,
    ) -> None:
        self._engine = runner._engine  # noqa: SLF001  the two are one thing, split for reading
        self._letters = runner._letters  # noqa: SLF001
        self._consumer = runner.consumer
        self._work = work
        self._deliveries = deliveries
        self._causes = causes
        self._isolated = isolated
        self._ended: list[Ended | None] = [delivery.ended for delivery in deliveries]
        self._transactions: list[Transaction] = []
        self._held: set[str] = set()
        self._pile = self._letters.new_pile()

    async def run(self, learnt: Sequence[AggregateKey], offsets: Offsets) -> BatchResult:
        await self._skip_handled(offsets)
        await self._dedupe()
        fresh = [d for d, ended in zip(self._deliveries, self._ended, strict=True) if ended is None]
        if self._isolated:
            for delivery in fresh:
                await lock_alone(self._work, delivery)
        else:
            await self._work.load([*learnt, *(key for delivery in fresh for key in delivery.aggregate_keys)])
        self._held = await self._letters.lock_held(self._work.connection, fresh)
        for place, delivery in enumerate(self._deliveries):
            if self._ended[place] is None:
                self._ended[place] = await self._settle(delivery, self._causes[place])
        await self._write()
        return BatchResult([ended or Ended("applied") for ended in self._ended], list(self._causes), self._transactions)

    async def _skip_handled(self, offsets: Offsets) -> None:
        """Lock and move the partitions' offsets: an old owner and a new one take turns; what lay below was done."""
        if not offsets:
            return
        topics, partitions = map(list, zip(*offsets, strict=True))
        rows = await self._work.connection.fetch(
            MOVE_OFFSETS, self._consumer, topics, partitions, list(offsets.values())
        )
        stored = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        for place, delivery in enumerate(self._deliveries):
            record = delivery.record
            if record.offset < stored.get((record.topic, record.partition), 0):
                self._ended[place] = Ended("duplicate")

    async def _dedupe(self) -> None:
        """Insert the inbox rows first, sorted: whoever comes second waits here and finds a duplicate."""
        connection = self._work.connection
        undecided = [d for d, ended in zip(self._deliveries, self._ended, strict=True) if ended is None]
        if not undecided:
            return
        keys = [d.event_key for d in undecided]
        # Of those that share a key the first is handled, so it is the one to remember.
        readable = {d.event_key: d.record_hash for d in reversed(undecided) if d.malformed is None}
        rows = await connection.fetch(INSERT_INBOX, self._consumer, list(readable), list(readable.values()))
        inserted = {row["event_key"] for row in rows}
        seen = await self._seen([key for key in keys if key not in inserted])
        seen |= await self._letters.known(connection, keys)
        if readable.keys() - inserted - seen.keys():
            raise LostRaceError("inbox")
        for place, delivery in enumerate(self._deliveries):
            if self._ended[place] is not None:
                continue
            key = delivery.event_key
            if key in seen and await self._is_repeated(delivery, seen[key]):
                self._ended[place] = Ended("duplicate")
            elif key not in seen:
                seen[key] = delivery.record_hash
                if delivery.malformed is None:
                    inserted.discard(key)
        await self._forget(list(inserted))

    async def _seen(self, event_keys: Sequence[UUID]) -> dict[UUID, bytes]:
        if not event_keys:
            return {}
        rows = await self._work.connection.fetch(SELECT_INBOX, self._consumer, event_keys)
        return {row["event_key"]: row["record_hash"] for row in rows}

    async def _is_repeated(self, delivery: Delivery, earlier: bytes) -> bool:
        """Whether it is what was handled or set aside before under its key; another body makes it malformed."""
        if earlier == delivery.record_hash:
            return True
        delivery.malformed = ID_REUSED
        delivery.event_key = key_of_unreadable(delivery.record, delivery.record_hash)
        return bool(await self._letters.known(self._work.connection, [delivery.event_key]))

    async def _settle(self, delivery: Delivery, cause: Cause) -> Ended:
        """Bring one delivery to its end."""
        if delivery.malformed is not None:
            ended = Ended("dead_lettered", "malformed", delivery.malformed)
        elif self._held and not self._held.isdisjoint(delivery.order_keys):
            ended = Ended("held", reason="an earlier event of the same subject is set aside")
        else:
            handle = handle_alone if self._isolated else handle_together
            ended, transaction = await handle(self._engine, self._work, delivery, cause)
            if ended.outcome != "dead_lettered":
                self._transactions.append(transaction)
                return ended
        letter = self._engine.transaction(self._work, cause)
        self._held |= self._pile.park(letter, delivery, ended)
        self._transactions.append(letter)
        return ended

    async def _write(self) -> None:
        connection = self._work.connection
        await self._pile.write(connection)
        endings = [(d, e) for d, e in zip(self._deliveries, self._ended, strict=True) if e is not None]
        await self._forget(
            [d.event_key for d, e in endings if e.outcome in {"dead_lettered", "held"} and not d.malformed]
        )
        irrelevant = [(d.event_key, e.reason) for d, e in endings if e.outcome == "irrelevant"]
        if irrelevant:
            keys, reasons = zip(*irrelevant, strict=True)
            await connection.execute(MARK_IRRELEVANT, self._consumer, list(keys), list(reasons))

    async def _forget(self, event_keys: Sequence[UUID]) -> None:
        """Take inbox rows away again: what is set aside is not done, so its retry must not look like a duplicate."""
        if event_keys:
            await self._work.connection.execute(DELETE_INBOX, self._consumer, list(event_keys))
