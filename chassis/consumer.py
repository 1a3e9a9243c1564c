"""The consumer: batches from Kafka through FastStream into the batch runner, whatever the records hold.

Records are read while a batch is in its transaction; they are handled behind that one, and only if that one was.
No exception leaves it: what cannot be done now is read again after a pause.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream.kafka import KafkaBroker

from chassis.batch import BatchResult, BatchRunner
from chassis.delivery import Delivery, Ended, Record, read
from chassis.engine import Engine
from chassis.failures import TRANSIENT, UnavailableError
from chassis.inbox import Inbox
from chassis.kafka_reader import UNREADABLE_HEADERS, KafkaReader
from chassis.metrics import ConsumerMetrics
from chassis.positions import Positions
from chassis.read_ahead import ReadAhead, Taken
from chassis.settings import Settings
from chassis.subscription import read_with_ours, subscribe

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX: Final = 200
BATCH_WAIT_MILLISECONDS: Final = 20
"""How long a poll waits for a first record; when there is one, it does not wait for others."""
READ_AT_ONCE: Final = 10
SESSION_MILLISECONDS: Final = 10_000
RETRY_SECONDS_FIRST: Final = 0.2
RETRY_SECONDS_MAX: Final = 10.0
STOPPED_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 0.5
STUCK_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 10.0
BUG_WINDOW: Final = 100
BUGS_MAX: Final = 20
"""This many bugs among the last hundred deliveries that a handler saw look like a bad deploy, not like bad events."""

HEADER_NAME_UNREADABLE: Final = "the name of a header is not UTF-8"

SELECT_STOP: Final = "SELECT reason FROM consumer_stop WHERE consumer = $1"
INSERT_STOP: Final = """
    INSERT INTO consumer_stop (consumer, reason, stopped_at) VALUES ($1, $2, now()) ON CONFLICT (consumer) DO NOTHING
"""


class _StuckError(Exception):
    """The consumer is alive for the broker and does not consume."""


class Lag(NamedTuple):
    """The records that wait in a partition, and the most that the first of them can be old."""

    records: int
    seconds: float


@dataclass
class Consumer:
    """The one consumer of a service process."""

    engine: Engine
    inbox: Inbox
    runner: BatchRunner
    settings: Settings
    topics: Sequence[str]
    metrics: ConsumerMetrics
    beat: Callable[[], None]
    session_milliseconds: int = SESSION_MILLISECONDS
    stuck_seconds: float = STUCK_SECONDS
    _stored: dict[TopicPartition, int] = field(default_factory=dict)
    _read_ms: dict[TopicPartition, int] = field(default_factory=dict)
    _bugs: deque[bool] = field(default_factory=lambda: deque(maxlen=BUG_WINDOW))
    _pause: float = RETRY_SECONDS_FIRST
    _moved_at: float = 0.0
    _in_hand: bool = False
    _handling: "asyncio.Task[None] | None" = None
    stop_reason: str | None = None

    def __post_init__(self) -> None:
        """Not started."""
        self._stopping = asyncio.Event()
        self._stop_lock = asyncio.Lock()
        self.positions = Positions(self.engine.pool, self.runner.consumer)
        self._waiting = ReadAhead(batch_max=BATCH_RECORDS_MAX)

    @property
    def name(self) -> str:
        """The consumer group, and the name under which offsets and inbox rows are kept."""
        return self.runner.consumer

    @property
    def is_assigned(self) -> bool:
        """Whether the broker gave us partitions, as far as we know."""
        return self.positions.is_placed

    async def run(self) -> None:
        """Consume until cancelled, with a new connection whenever the old one is of no use."""
        while True:
            self.beat()
            broker, subscriber = self._subscribe()
            try:
                # A consumer that was stopped, here or in another process, must not begin before it knows.
                await self._read_stop()
                await broker.connect()
                read_with_ours(broker, rewind=self.positions.rewind)
                await broker.start()
                await self._watch(subscriber.consumer)
            except (KafkaError, _StuckError, *TRANSIENT) as failure:
                log.warning("consumer is built anew", action="consume", failure=type(failure).__name__)
            finally:
                self._stopping.set()
                self._waiting.clear()
                self.positions.forget()
                with contextlib.suppress(Exception):  # it is thrown away; what it did is in the database
                    await asyncio.wait_for(asyncio.shield(broker.stop()), timeout=STOP_TIMEOUT_SECONDS)
                await self._end_batch()
                self._stopping.clear()
            await asyncio.sleep(1.0)

    async def _end_batch(self) -> None:
        """Let the batch in hand end; roll back one that does not. What waits behind it is read again."""
        self._waiting.clear()
        if (handling := self._handling) is None:
            return
        _, late = await asyncio.wait({handling}, timeout=STOP_TIMEOUT_SECONDS)
        if late:
            handling.cancel()
            await asyncio.wait(late)

    def _subscribe(self) -> tuple[KafkaBroker, Any]:
        broker, subscriber = subscribe(
            self.settings,
            self.topics,
            group_id=f"{self.settings.kafka_topic_prefix}{self.name}",
            listener=self.positions,
            consume=self._consume,
            session_milliseconds=self.session_milliseconds,
            records_max=BATCH_RECORDS_MAX,
            wait_milliseconds=BATCH_WAIT_MILLISECONDS,
        )
        self.positions.consumer_now = lambda: cast("KafkaReader | None", subscriber.consumer)
        return broker, subscriber

    async def _watch(self, consumer: KafkaReader) -> None:
        """Look after the consumer while it works: position, lag, liveness, stop and resume."""
        self._moved_at = asyncio.get_running_loop().time()
        assigned: set[TopicPartition] = set()
        while True:
            if consumer.assignment() != assigned:
                assigned = set(consumer.assignment())
                self._read_ms = {partition: ms for partition, ms in self._read_ms.items() if partition in assigned}
                self.metrics.assigned(self.name, [(tp.topic, tp.partition) for tp in assigned])
            with contextlib.suppress(KafkaError, UnavailableError, *TRANSIENT):  # tried again with the next look
                await self.positions.place_rest(assigned)
            await self._commit_behind(consumer)
            with contextlib.suppress(*TRANSIENT):  # the flag is read again with the next look
                await self._read_stop()
            self._measure()
            self._fail_if_stuck(consumer)
            self.beat()
            await asyncio.sleep(WATCH_SECONDS)

    async def _consume(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Read records and let them wait for their turn; return when there is room for more."""
        if (reader := self.positions.consumer) is None:
            return
        seeks = reader.seeks_when_taken
        self.metrics.polled(self.name)
        try:
            taken = Taken(await self._read_all(records), reader, seeks)
        except Exception:
            log.exception("records put back", action="consume", records=len(records))
            await self._put_back(record.topic for record in records)
            return
        if self._stopping.is_set():
            return
        self._waiting.add(taken)
        if self._handling is None:
            self._handling = asyncio.create_task(self._handle_waiting())
        await self._waiting.until_room()

    async def _handle_waiting(self) -> None:
        """Handle batch after batch until nothing waits."""
        try:
            while not self._stopping.is_set() and (batch := self._waiting.next_batch(self.positions.consumer)):
                await self._handle(batch)
        finally:
            self._handling = None

    async def _handle(self, deliveries: Sequence[Delivery]) -> None:
        """Take a batch to its end or put it back; nothing is raised, since nobody above would keep the batch."""
        try:
            await self._handle_in_turn(deliveries)
        except (UnavailableError, KafkaError, *TRANSIENT) as failure:
            log.warning("batch put back", action="consume", failure=type(failure).__name__, records=len(deliveries))
        except Exception:
            log.exception("batch put back", action="consume", records=len(deliveries))
        else:
            return
        await self._put_back(delivery.record.topic for delivery in deliveries)

    async def _put_back(self, topics: Iterable[str]) -> None:
        """Read again from the next record to handle, after a pause that grows."""
        self.positions.rewind()
        self._count((topic, None, Ended("retried")) for topic in topics)
        await self._wait(self._pause)
        self._pause = min(self._pause * 2, RETRY_SECONDS_MAX)

    async def _handle_in_turn(self, deliveries: Sequence[Delivery]) -> None:
        self._moved_at, self._in_hand = asyncio.get_running_loop().time(), True
        try:
            deliveries = await self._in_place(deliveries)
            if self.stop_reason is None:
                await self._handle_batch(deliveries)
                self._pause = RETRY_SECONDS_FIRST
                return
        finally:
            self._moved_at, self._in_hand = asyncio.get_running_loop().time(), False
        self.positions.rewind()
        await self._wait(STOPPED_SECONDS)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), timeout=seconds)

    async def _in_place(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Those of partitions that are where they should be; the others are read again from there."""
        misplaced = self.positions.misplaced(_first_offsets(deliveries))
        if not misplaced:
            return deliveries
        try:
            await self.positions.place(misplaced)
        except (UnavailableError, KafkaError, *TRANSIENT) as failure:
            log.warning("partitions not in place yet", action="consume", failure=type(failure).__name__)
            await self._wait(self._pause)
        return [each for each in deliveries if _partition_of(each) not in misplaced]

    async def _handle_batch(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        clock = self.engine.setting.system_clock
        start_ns, start = clock.nanoseconds(), clock.monotonic()
        last = {_partition_of(delivery): delivery.record for delivery in deliveries}
        next_offsets = {(tp.topic, tp.partition): record.offset + 1 for tp, record in last.items()}
        result = await self.runner.run(deliveries, next_offsets)
        for partition, record in last.items():
            self._stored[partition] = self.positions.next[partition] = record.offset + 1
            self._read_ms[partition] = record.timestamp_ms
        self.metrics.batch(self.name, records=len(deliveries), seconds=clock.monotonic() - start)
        self._report(deliveries, result, start_ns)
        await self._stop_if_too_many_bugs(result)

    async def _read_all(self, records: Sequence[ConsumerRecord[Any, Any]]) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for record in records:
            deliveries.append(self._read(record))
            if len(deliveries) % READ_AT_ONCE == 0:
                await asyncio.sleep(0)  # the batch before this one goes on as soon as the database has answered it
        return deliveries

    def _read(self, record: ConsumerRecord[Any, Any]) -> Delivery:
        delivery = read(_record(record), self.inbox)
        if record.headers is UNREADABLE_HEADERS:
            delivery.malformed = HEADER_NAME_UNREADABLE
        return delivery

    def _report(self, deliveries: Sequence[Delivery], result: BatchResult, start_ns: int) -> None:
        """Count and trace what is committed, once."""
        end_ns = self.engine.setting.system_clock.nanoseconds()
        self._count((d.record.topic, d.known_type, e) for d, e in zip(deliveries, result.ended, strict=True))
        for delivery, ended, cause in zip(deliveries, result.ended, result.causes, strict=True):
            if delivery.unknown_fields and delivery.known_type:
                self.metrics.unknown_fields(delivery.known_type, delivery.unknown_fields)
            if cause.trace.sampled and ended.outcome != "not_for_us":
                self.runner.record_processed(delivery, cause, ended, start_ns=start_ns, end_ns=end_ns)
        for transaction in result.transactions:
            self.engine.record_created(transaction)

    def _count(self, ended: Iterable[tuple[str, str | None, Ended]]) -> None:
        """Count deliveries by topic, type and outcome; one counter is touched once, however many they are."""
        for (topic, event_type, outcome, reason), count in Counter(
            (topic, event_type, each.outcome, each.rule or each.kind) for topic, event_type, each in ended
        ).items():
            self.metrics.delivered(
                self.name, topic=topic, event_type=event_type, outcome=outcome, reason=reason, count=count
            )

    async def _commit_behind(self, consumer: KafkaReader) -> None:
        """Show Kafka how far we are, for its own tools; the truth is in the database."""
        stored, self._stored = self._stored, {}
        mine = {partition: offset for partition, offset in stored.items() if partition in consumer.assignment()}
        if mine:
            # Somebody else has it now, or Kafka is away: the next batch shows it again.
            with contextlib.suppress(IllegalStateError, CommitFailedError, KafkaError, asyncio.TimeoutError):
                await asyncio.wait_for(consumer.commit(mine), timeout=5.0)

    def _met_too_many_bugs(self, endings: Sequence[Ended]) -> bool:
        """Whether bugs were too many at any moment of these; what no handler was asked about says nothing of it."""
        for ended in endings:
            if ended.kind == "bug":
                self._bugs.append(True)
                if sum(self._bugs) >= BUGS_MAX:
                    return True
            elif ended.kind == "refused" or ended.outcome in {"applied", "irrelevant"}:
                self._bugs.append(False)
        return False

    async def _stop_if_too_many_bugs(self, result: BatchResult) -> None:
        if not self._met_too_many_bugs(result.ended):
            return
        async with self._stop_lock:  # who looks meanwhile would not find it yet, and say so afterwards
            self.stop_reason = f"{BUGS_MAX} of the last {BUG_WINDOW} deliveries met a bug"
            log.error("consumer stopped", action="stop", consumer=self.name, reason=self.stop_reason)
            async with self.engine.pool.acquire(timeout=5.0) as connection:
                await connection.execute(INSERT_STOP, self.name, self.stop_reason)
        self._bugs.clear()

    async def _read_stop(self) -> None:
        async with self._stop_lock, self.engine.pool.acquire(timeout=5.0) as connection:
            self.stop_reason = await connection.fetchval(SELECT_STOP, self.name)
        self.metrics.stopped(self.name, stopped=self.stop_reason is not None)

    def lag(self) -> dict[TopicPartition, Lag]:
        """How far behind each partition in hand is.

        Where nothing waits, whatever comes next is younger than this moment; so an age also grows where no record was
        handled since this process began.
        """
        now_ms = self.engine.setting.system_clock.nanoseconds() // 1_000_000
        found: dict[TopicPartition, Lag] = {}
        # What was read and put back, or waits while the consumer is stopped, is not handled.
        unfinished = self._handling is not None or self.stop_reason is not None
        for partition, records in self.positions.behind(in_hand=unfinished).items():
            if not records:
                self._read_ms[partition] = now_ms
            found[partition] = Lag(records, max(0, now_ms - self._read_ms.setdefault(partition, now_ms)) / 1000)
        return found

    def _measure(self) -> None:
        for partition, lag in self.lag().items():
            self.metrics.lag(
                self.name, topic=partition.topic, partition=partition.partition, records=lag.records,
                seconds=lag.seconds,
            )  # fmt: skip

    def _fail_if_stuck(self, consumer: KafkaReader) -> None:
        """A dead task of aiokafka's own, or records that nobody takes: there is no other sign of either."""
        if consumer.is_dead:
            raise _StuckError("a task of the consumer has ended")
        now = asyncio.get_running_loop().time()
        if not any(self.positions.behind(in_hand=self._in_hand).values()):
            self._moved_at = now
        elif now - self._moved_at > self.stuck_seconds:
            raise _StuckError("records wait and nobody takes them")


def _partition_of(delivery: Delivery) -> TopicPartition:
    return TopicPartition(delivery.record.topic, delivery.record.partition)


def _first_offsets(deliveries: Sequence[Delivery]) -> dict[TopicPartition, int]:
    first: dict[TopicPartition, int] = {}
    for delivery in deliveries:
        first.setdefault(_partition_of(delivery), delivery.record.offset)
    return first


def _record(record: ConsumerRecord[Any, Any]) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        headers=tuple(record.headers),
        value=record.value,
        timestamp_ms=record.timestamp,
    )
