"""Bugs of the unit of work: what belongs into one transaction stands in two, or what it wrote is not looked at."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from chassis import numbers
from chassis.aggregates import RawJson
from chassis.broker import Producer, new_producer
from chassis.engine import Engine
from chassis.outbox import unpack_headers
from chassis.settings import Settings
from chassis.timers import TAKE_DUE
from chassis.transaction import Cause, Transaction
from chassis.work import AggregateKey, WorkingSet
from tests.faults.bugs.tap import Tap, TappedEngine

INTO_INBOX: Final = "INSERT INTO inbox"
INTO_OUTBOX: Final = "INSERT INTO outbox"
INTO_IDEMPOTENCY: Final = "INSERT INTO idempotency"
OF_IDEMPOTENCY: Final = "UPDATE idempotency"
FROM_TIMER: Final = "DELETE FROM timer USING"


class _InboxFirst(Tap):
    """Commits the inbox rows on a connection of their own, and remembers which ones were new."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._new: dict[UUID, Any] = {}

    async def fetch(self, query: str, *arguments: Any) -> Any:
        if INTO_INBOX not in query:
            return await super().fetch(query, *arguments)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(query, *arguments)
        self._new |= {row["event_key"]: row for row in rows}
        return [self._new[key] for key in arguments[1] if key in self._new]


class InboxInATransactionOfItsOwn(TappedEngine):
    """A batch that dies or is undone after its inbox rows looks handled when it comes again."""

    tap = _InboxFirst
    points = frozenset({"batch"})


class _AnswerFirst(Tap):
    """Takes the key of a request and keeps its answer on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._is_ours = False

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        if INTO_IDEMPOTENCY not in query:
            return await super().fetchval(query, *arguments)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            self._is_ours |= bool(await connection.fetchval(query, *arguments))
        return self._is_ours

    async def execute(self, query: str, *arguments: Any) -> Any:
        if OF_IDEMPOTENCY not in query:
            return await super().execute(query, *arguments)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            return await connection.execute(query, *arguments)


class AnswerInATransactionOfItsOwn(TappedEngine):
    """A request that dies or is undone after its answer was kept is answered when it comes again, and never done."""

    tap = _AnswerFirst
    points = frozenset({"command"})


class _Believing(Tap):
    """Says of every statement that it wrote as many rows as it was given."""

    async def execute(self, query: str, *arguments: Any) -> Any:
        status = await super().execute(query, *arguments)
        if len(arguments) == 1 and isinstance(arguments[0], RawJson):
            return f"INSERT 0 {len(json.loads(arguments[0]))}"
        return status


class LostRaceIgnored(TappedEngine):
    """A versioned upsert finds another version, writes nothing, and the rest of the transaction commits."""

    tap = _Believing


class _OutboxLast(Tap):
    """Writes the outbox rows when all the others are committed."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._later: list[tuple[str, tuple[Any, ...]]] = []

    def on(self, connection: Any) -> Any:
        self._later.clear()
        return super().on(connection)

    async def execute(self, query: str, *arguments: Any) -> Any:
        if INTO_OUTBOX not in query:
            return await super().execute(query, *arguments)
        self._later.append((query, arguments))
        return f"INSERT 0 {len(arguments[0])}"

    async def committed(self) -> None:
        for query, arguments in self._later:
            async with self.engine.pool.acquire(timeout=5.0) as connection:
                await connection.execute(query, *arguments)


class OutboxAfterCommit(TappedEngine):
    """The state is committed before the messages that tell of it: a process that dies in between tells nobody."""

    tap = _OutboxLast


class _Publishing(Tap):
    """Sends what goes into the outbox at once."""

    engine: "PublishedBeforeCommit"

    async def execute(self, query: str, *arguments: Any) -> Any:
        if INTO_OUTBOX in query:
            producer = await self.engine.ready_producer()
            for topic, key, headers, payload in zip(*arguments[1:], strict=True):
                await producer.send_and_wait(topic, payload, key=key.encode(), headers=unpack_headers(headers))
        return await super().execute(query, *arguments)


def _producer_of(engine: Engine) -> Producer:
    return new_producer(Settings.from_env(os.environ, service=engine.setting.service))


class PublishedBeforeCommit(TappedEngine):
    """Messages are sent inside the transaction: one that does not commit has told of what never happened."""

    tap = _Publishing
    new_producer: Callable[[Engine], Producer] = staticmethod(_producer_of)
    producer: Producer | None = None

    async def ready_producer(self) -> Producer:
        """The producer, started when it is first needed."""
        if self.producer is None:
            producer = self.new_producer(self)
            await producer.start()
            self.producer = producer
        return self.producer


class _ClockLeft(Tap):
    """Reads the clocks that are due, and takes them away when what they caused is committed."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._due: tuple[Any, ...] = ()

    async def fetch(self, query: str, *arguments: Any) -> Any:
        if FROM_TIMER not in query:
            return await super().fetch(query, *arguments)
        self._due = arguments
        return await super().fetch(SELECT_STILL_DUE, *arguments)

    async def committed(self) -> None:
        if self._due:
            async with self.engine.pool.acquire(timeout=5.0) as connection:
                await connection.fetch(TAKE_DUE, *self._due)


SELECT_STILL_DUE: Final = """
    SELECT timer.subject, timer.kind FROM timer
      JOIN unnest($1::text[], $2::text[], $3::timestamptz[]) AS due(subject, kind, due_at)
        ON timer.subject = due.subject AND timer.kind = due.kind AND timer.due_at = due.due_at
"""


class TimerFiredTwice(TappedEngine):
    """A clock is not taken in the transaction of its firing: whoever dies in between leaves it to ring again."""

    tap = _ClockLeft
    points = frozenset({"timer"})


class _Numbering(Transaction):
    """Takes numbers outside itself."""

    engine: Engine

    async def next_number(self, *, unit: str, register: str, year: int) -> int:
        async def take(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> int:
            return await numbers.take(work, unit=unit, register=register, year=year)

        return await self.engine.run(take, point="number")


class NumberInATransactionOfItsOwn(Engine):
    """The number of an approval that does not commit is gone, and the series has a gap."""

    def transaction(self, work: WorkingSet, cause: Cause) -> Transaction:
        """A transaction that takes its numbers from this engine."""
        transaction = _Numbering(work, now=self.office_clock.now(), cause=cause, setting=self.setting)
        transaction.engine = self
        return transaction
