"""The relay: outbox rows to Kafka, in commit order, forgotten only after the broker acknowledged them.

One leader per database: an advisory lock, and claim and delete on the lock's own connection, so that a lost lock is
noticed before anything is deleted. It reads the rows that are still there, never from a cursor: a cursor loses the
rows of transactions that commit late.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from chassis import spans
from chassis.broker import REQUEST_BYTES_MAX, Producer, key_hash
from chassis.database import Connection, connect
from chassis.failures import TRANSIENT
from chassis.metrics import RelayMetrics
from chassis.outbox import unpack_headers
from chassis.probes import NO_PROBES, Probes
from chassis.telemetry import Telemetry

log = structlog.get_logger(__name__)

BATCH_ROWS_MAX: Final = 500
POLL_SECONDS: Final = 0.2
STANDBY_POLL_SECONDS: Final = 0.5
ACKNOWLEDGE_TIMEOUT_SECONDS: Final = 30.0
KEEP_ALIVE_SECONDS: Final = 2.0
UNPARK_SECONDS: Final = 60.0
ONE_BY_ONE_SECONDS: Final = 60.0
DROP_TIMEOUT_SECONDS: Final = 5.0
REBUILD_PAUSE_SECONDS: Final = 1.0
RELAY_LOCK: Final = 7_215_002
LOCK_SESSION: Final = {"idle_session_timeout": "10s", "transaction_timeout": "10s"}
OUTBOX_CHANNEL: Final = "outbox"

PARKABLE: Final = (
    MessageSizeTooLargeError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
"""The broker will never take this row as things are: set it aside, with its key, so that the others go on."""

CLAIM: Final = """
    SELECT seq, topic, key, headers, payload FROM outbox
     WHERE parked_reason IS NULL
       AND NOT EXISTS (SELECT 1 FROM outbox AS parked
                        WHERE parked.parked_reason IS NOT NULL AND parked.topic = outbox.topic
                          AND parked.key = outbox.key)
     ORDER BY seq LIMIT $1
"""
FORGET: Final = "DELETE FROM outbox WHERE seq = ANY($1)"
PARK: Final = "UPDATE outbox SET parked_reason = $2 WHERE seq = $1"
UNPARK: Final = "UPDATE outbox SET parked_reason = NULL WHERE parked_reason IS NOT NULL"

_SAMPLED: Final = re.compile(rb'"traceparent","(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf])"')
"""A trace that somebody wants to see, in headers as they are packed."""

ProducerFactory = Callable[[], Producer]


class _Behind(Exception):
    """Waits behind a row of the same key that cannot go."""


class StaleProducerError(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """The producer does not know the topic as it is now, or sent together what the broker takes only one by one."""


@dataclass
class Relay:
    """The loop that empties the outbox of one database."""

    dsn: str
    service: str
    new_producer: ProducerFactory
    metrics: RelayMetrics
    beat: Callable[[], None]
    probes: Probes = NO_PROBES
    acknowledge_seconds: float = ACKNOWLEDGE_TIMEOUT_SECONDS
    unpark_seconds: float = UNPARK_SECONDS
    telemetry: Telemetry | None = None
    nanoseconds: Callable[[], int] = time.time_ns
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _producer: Producer | None = None
    _leading: bool = False
    _one_by_one: dict[str, float] = field(default_factory=dict)

    @property
    def is_leading(self) -> bool:
        """Whether this process relays the database."""
        return self._leading

    def _lead_is(self, *, leads: bool) -> None:
        self._leading = leads
        self.metrics.leading(leads)

    def wake(self) -> None:
        """Look at the outbox now: something was committed."""
        self._wake.set()

    async def run(self) -> None:
        """Lead whenever the lock can be had, until cancelled."""
        try:
            while True:
                self.beat()
                try:
                    await self._lead()
                except (*TRANSIENT, KafkaError) as failure:
                    self.metrics.failed(type(failure).__name__)
                    log.warning("relay interrupted", action="relay", failure=type(failure).__name__)
                await self._drop_producer()
                await asyncio.sleep(REBUILD_PAUSE_SECONDS)
        finally:
            await self._drop_producer()

    async def _lead(self) -> None:
        connection = await connect(self.dsn, name=f"{self.service} relay", settings=LOCK_SESSION)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK):
                self.beat()
                self._lead_is(leads=False)
                await asyncio.sleep(STANDBY_POLL_SECONDS)
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: self._wake.set())
            self._lead_is(leads=True)
            unparked_at = float("-inf")
            while True:
                self.beat()
                self._wake.clear()
                if (now := asyncio.get_running_loop().time()) - unparked_at > self.unpark_seconds:
                    await connection.execute(UNPARK)
                    unparked_at = now
                if await self._relay_batch(connection) < BATCH_ROWS_MAX:
                    await self._wait()
        finally:
            self._lead_is(leads=False)
            with contextlib.suppress(Exception):  # the session ends by itself when we cannot even close it
                await asyncio.wait_for(connection.close(), timeout=1.0)

    async def _wait(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout=POLL_SECONDS)

    async def _relay_batch(self, connection: Connection) -> int:
        rows = await connection.fetch(CLAIM, BATCH_ROWS_MAX)
        self.metrics.claimed(len(rows))
        if not rows:
            return 0
        producer = await self._ready_producer(connection)
        start_ns = self.nanoseconds()
        sent = await self._send(producer, rows, connection)
        await self.probes.reach("relay.after_send")
        done, parked, failure = self._sort(rows, sent)
        if done:
            await connection.execute(FORGET, [row["seq"] for row in done])
            self.metrics.relayed(len(done))
            await self.probes.reach("relay.after_forget")
            self._trace(done, start_ns)
        for seq, reason in parked:
            await connection.execute(PARK, seq, reason)
            log.error("outbox row parked", action="relay", seq=seq, reason=reason)
        if failure is not None:
            raise failure
        return len(rows)

    def _trace(self, rows: list[Any], start_ns: int) -> None:
        """One span for what was sent together, linked to every message in it."""
        if self.telemetry is None or not self.telemetry.exports:
            return
        spans.record_send(
            self.telemetry,
            traceparents=[match[1].decode() for row in rows if (match := _SAMPLED.search(row["headers"]))],
            count=len(rows),
            topics=[row["topic"] for row in rows],
            start_ns=start_ns,
            end_ns=self.nanoseconds(),
        )

    async def _send(self, producer: Producer, rows: list[Any], connection: Connection) -> list[BaseException | None]:
        """Send the rows and say of each why it was not acknowledged, if it was not."""
        known = await self._known_topics(producer, {row["topic"] for row in rows}, connection)
        failures: list[BaseException | None] = [_Behind()] * len(rows)
        now = asyncio.get_running_loop().time()
        one_by_one = {topic for topic, until in self._one_by_one.items() if until > now}
        batches = _in_batches(producer, rows, known, failures, one_by_one=one_by_one)
        if batches:
            try:
                await self._while_alive(_deliver(producer, batches), connection)
            except TimeoutError as late:  # what was acknowledged by then is done all the same
                failures[batches[0].places[0]] = late
        for batch in batches:
            if batch.answer is not None:
                failure = self._failure_of(batch, batch.answer)
                for place in batch.places:
                    failures[place] = failure
        return failures

    def _failure_of(self, batch: "_Batch", answer: "asyncio.Future[Any]") -> BaseException | None:
        """Why a batch that was handed over was not acknowledged, as its rows are to be told; nothing if it was."""
        failure = _failure_in(answer)
        if isinstance(failure, MessageSizeTooLargeError) and len(batch.places) > 1:
            # A topic's limit holds for whole batches: one of these rows may be too large, or only all of them.
            self._one_by_one[batch.topic] = asyncio.get_running_loop().time() + ONE_BY_ONE_SECONDS
            return StaleProducerError(batch.topic)
        # That there is no such topic is said by the metadata alone, which a producer may have had no answer about.
        return StaleProducerError(batch.topic) if isinstance(failure, UnknownTopicOrPartitionError) else failure

    async def _known_topics(
        self, producer: Producer, topics: set[str], connection: Connection
    ) -> Mapping[str, Sequence[int]]:
        """Those of the topics that there are, with their partitions."""
        cluster = producer.client.cluster
        if not topics <= cluster.topics(exclude_internal_topics=False):
            cluster = await self._while_alive(producer.client.fetch_all_metadata(), connection)
        known = topics & cluster.topics(exclude_internal_topics=False)
        return {topic: sorted(cluster.partitions_for_topic(topic)) for topic in known}

    async def _while_alive(self, work: Awaitable[Any], connection: Connection) -> Any:
        """Await the broker, keeping the lock's session awake; give up after a time of our own: its sends never do."""
        task = asyncio.ensure_future(work)
        deadline = asyncio.get_running_loop().time() + self.acknowledge_seconds
        try:
            while True:
                done, _ = await asyncio.wait({task}, timeout=KEEP_ALIVE_SECONDS)
                if done:
                    return task.result()
                if asyncio.get_running_loop().time() > deadline:
                    raise TimeoutError
                self.beat()
                self.metrics.waiting_for_broker()
                await connection.fetchval("SELECT 1")
        finally:
            if not task.done():
                task.cancel()

    def _sort(
        self, rows: list[Any], failures: list[BaseException | None]
    ) -> tuple[list[Any], list[tuple[int, str]], BaseException | None]:
        """Tell the acknowledged rows from those to set aside, and what made the producer useless, if anything."""
        done: list[Any] = []
        parked: list[tuple[int, str]] = []
        useless: BaseException | None = None
        for row, failure in zip(rows, failures, strict=True):
            if failure is None:
                done.append(row)
            elif isinstance(failure, PARKABLE):
                parked.append((row["seq"], type(failure).__name__))
            elif not isinstance(failure, _Behind):
                useless = failure
        return done, parked, useless

    async def _ready_producer(self, connection: Connection) -> Producer:
        if self._producer is None:
            self._producer = self.new_producer()
            await self._while_alive(self._producer.start(), connection)
        return self._producer

    async def _drop_producer(self) -> None:
        """Throw the producer away with what it holds: that is still in the outbox, and must not leave by it later.

        Stopped in order it would wait for Kafka and then send, behind the back of its successor.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DROP_TIMEOUT_SECONDS):
                await producer.abandon()


@dataclass(slots=True)
class _Batch:
    """Rows of one partition that leave together."""

    topic: str
    partition: int
    builder: Any
    places: list[int] = field(default_factory=list)
    answer: "asyncio.Future[Any] | None" = None

    def take(self, place: int, key: bytes, row: Any) -> bool:
        """Add a row, if there is room for it."""
        headers = unpack_headers(row["headers"])
        if self.builder.append(timestamp=None, key=key, value=row["payload"], headers=headers) is None:
            return False
        self.places.append(place)
        return True


def _failure_in(answer: "asyncio.Future[Any]") -> BaseException | None:
    """Why the broker did not acknowledge, or nothing if it did; it is not waited for any longer."""
    if not answer.done():
        answer.cancel()
        return TimeoutError()
    return asyncio.CancelledError() if answer.cancelled() else answer.exception()


def _in_batches(
    producer: Producer,
    rows: Sequence[Any],
    known: Mapping[str, Sequence[int]],
    failures: list[BaseException | None],
    *,
    one_by_one: Collection[str] = (),
) -> list[_Batch]:
    """Put the rows into batches, those of a partition in order, and note the failure of those that need no broker.

    A row behind one of the same key that cannot go is in no batch either.
    """
    blocked: set[tuple[str, str]] = set()
    batches: list[_Batch] = []
    last: dict[tuple[str, int], _Batch] = {}
    for place, row in enumerate(rows):
        topic, key = row["topic"], row["key"]
        if (topic, key) in blocked:
            continue
        if topic not in known or _size(row) > REQUEST_BYTES_MAX:
            failures[place] = UnknownTopicOrPartitionError() if topic not in known else MessageSizeTooLargeError()
            blocked.add((topic, key))
            continue
        raw_key, partitions = key.encode(), known[topic]
        partition = partitions[key_hash(raw_key) % len(partitions)]
        batch = last.get((topic, partition))
        if batch is None or topic in one_by_one or not batch.take(place, raw_key, row):
            batch = last[topic, partition] = _Batch(topic, partition, producer.create_batch())
            batches.append(batch)
            batch.take(place, raw_key, row)
    return batches


async def _deliver(producer: Producer, batches: Sequence[_Batch]) -> None:
    """Hand the batches over, those of a partition in turn, and wait for the answers."""
    turns: dict[tuple[str, int], list[_Batch]] = {}
    for batch in batches:
        turns.setdefault((batch.topic, batch.partition), []).append(batch)
    await asyncio.gather(*(_deliver_in_turn(producer, each) for each in turns.values()))


async def _deliver_in_turn(producer: Producer, batches: Sequence[_Batch]) -> None:
    """Hand over the batches of one partition, each when the one before it was acknowledged.

    Of a producer that is new to it a broker takes any batch, also one that comes behind one which it refused.
    """
    for batch in batches:
        try:
            batch.answer = await producer.send_batch(batch.builder, batch.topic, partition=batch.partition)
        except (KafkaError, AssertionError) as failure:
            # What was acknowledged before is done all the same. It asserts that it knows the partition.
            batch.answer = asyncio.get_running_loop().create_future()
            batch.answer.set_exception(StaleProducerError(batch.topic) if type(failure) is AssertionError else failure)
        await asyncio.wait({batch.answer})
        if batch.answer.cancelled() or batch.answer.exception() is not None:
            return


def _size(row: Any) -> int:
    """What a row takes on the wire, or a little more: packed, its headers have more between them than there."""
    return len(row["key"]) + len(row["headers"]) + len(row["payload"] or b"")
