"""The consumer: batches from Kafka through FastStream into the batch runner, whatever the records hold.

The subscription is made here and nowhere else: FastStream's default acknowledges before the handler ran, its parser
loses a batch for one odd header, and it moves on after an exception. So it hands over raw records, acknowledges
nothing, and no exception leaves the handler: what cannot be done now is read again after a pause.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from chassis import spans
from chassis.batch import BatchResult, BatchRunner
from chassis.broker import security_of
from chassis.delivery import Delivery, Ended, Record, read
from chassis.engine import Engine
from chassis.failures import TRANSIENT, UnavailableError
from chassis.inbox import Inbox
from chassis.kafka_reader import UNREADABLE_HEADERS, KafkaReader
from chassis.metrics import ConsumerMetrics
from chassis.positions import Positions
from chassis.settings import Settings
from chassis.telemetry import TraceContext

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX: Final = 200
BATCH_WAIT_MILLISECONDS: Final = 20
SESSION_MILLISECONDS: Final = 10_000
HEARTBEAT_MILLISECONDS: Final = 1_000
METADATA_MILLISECONDS: Final = 5_000
"""A topic that is made, or made anew, after the consumer started is found within this time."""
RETRY_SECONDS_FIRST: Final = 0.2
RETRY_SECONDS_MAX: Final = 10.0
STOPPED_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 0.5
STUCK_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 10.0
BUG_WINDOW: Final = 100
BUGS_MAX: Final = 20
"""This many bugs among the last hundred deliveries look like a bad deploy, not like bad events."""

HEADER_NAME_UNREADABLE: Final = "the name of a header is not UTF-8"

SELECT_STOP: Final = "SELECT reason FROM consumer_stop WHERE consumer = $1"
INSERT_STOP: Final = """
    INSERT INTO consumer_stop (consumer, reason, stopped_at) VALUES ($1, $2, now()) ON CONFLICT (consumer) DO NOTHING
"""


class _StuckError(Exception):
    """The consumer is alive for the broker and does not consume."""


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
    stop_reason: str | None = None

    def __post_init__(self) -> None:
        """Not started."""
        self._stopping = asyncio.Event()
        self.positions = Positions(self.engine.pool, self.runner.consumer)

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
            broker, subscriber = self._new_broker()
            try:
                # A consumer that was stopped, here or in another process, must not begin before it knows.
                await self._read_stop()
                await broker.connect()
                self._mend(broker)
                await broker.start()
                await self._watch(subscriber.consumer)
            except (KafkaError, _StuckError, *TRANSIENT) as failure:
                log.warning("consumer is built anew", action="consume", failure=type(failure).__name__)
            finally:
                self._stopping.set()
                self.positions.forget()
                with contextlib.suppress(Exception):  # it is thrown away; what it did is in the database
                    await asyncio.wait_for(asyncio.shield(broker.stop()), timeout=STOP_TIMEOUT_SECONDS)
                self._stopping.clear()
            await asyncio.sleep(1.0)

    def _new_broker(self) -> tuple[KafkaBroker, Any]:
        broker = KafkaBroker(
            self.settings.kafka_bootstrap_servers,
            client_id=self.settings.instance,
            security=security_of(self.settings),
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MILLISECONDS,
            consumer_only=True,
            apply_types=False,
            graceful_timeout=STOP_TIMEOUT_SECONDS,
            logger=None,
        )
        subscriber = broker.subscriber(
            *self.topics,
            batch=True,
            group_id=f"{self.settings.kafka_topic_prefix}{self.name}",
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_records=BATCH_RECORDS_MAX,
            batch_timeout_ms=BATCH_WAIT_MILLISECONDS,
            session_timeout_ms=self.session_milliseconds,
            heartbeat_interval_ms=HEARTBEAT_MILLISECONDS,
            isolation_level="read_committed",
            listener=self.positions,
            parser=_as_it_is,
            decoder=_raw_records,
        )
        subscriber(self._consume)
        self.positions.consumer_now = lambda: cast("KafkaReader | None", subscriber.consumer)
        return broker, subscriber

    def _mend(self, broker: KafkaBroker) -> None:
        """Let FastStream build our reader in place of aiokafka's consumer; it has no setting for that."""
        config = broker.config.broker_config
        options = cast("partial[Any]", config.builder).keywords

        def build(**more: Any) -> KafkaReader:
            reader = KafkaReader(**{**options, **more})
            reader.rewind = self.positions.rewind
            return reader

        config.builder = build

    async def _watch(self, consumer: KafkaReader) -> None:
        """Look after the consumer while it works: position, lag, liveness, stop and resume."""
        self._moved_at = asyncio.get_running_loop().time()
        assigned: set[TopicPartition] = set()
        while True:
            if consumer.assignment() != assigned:
                assigned = set(consumer.assignment())
                self.metrics.assigned(self.name, [(tp.topic, tp.partition) for tp in assigned])
            if unplaced := self.positions.unplaced(assigned):
                with contextlib.suppress(KafkaError, UnavailableError, *TRANSIENT):  # tried again with the next look
                    await self.positions.place(unplaced)
            await self._commit_behind(consumer)
            with contextlib.suppress(*TRANSIENT):  # the flag is read again with the next look
                await self._read_stop()
            self._measure()
            self._fail_if_stuck(consumer)
            self.beat()
            await asyncio.sleep(WATCH_SECONDS)

    async def _consume(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Take a batch to its end or put it back; nothing is raised, since nobody above would keep the batch."""
        self._moved_at, self._in_hand = asyncio.get_running_loop().time(), True
        self.metrics.polled(self.name)
        try:
            await self._consume_or_put_back(records)
        finally:
            self._moved_at, self._in_hand = asyncio.get_running_loop().time(), False

    async def _consume_or_put_back(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        try:
            records = await self._in_place(records)
            if self.stop_reason is None:
                await self._consume_batch(records)
                self._pause = RETRY_SECONDS_FIRST
            else:
                self._put_back(records)
                await self._wait(STOPPED_SECONDS)
        except (UnavailableError, KafkaError, *TRANSIENT) as failure:
            log.warning("batch put back", action="consume", failure=type(failure).__name__, records=len(records))
        except Exception:
            log.exception("batch put back", action="consume", records=len(records))
        else:
            return
        self._put_back(records)
        for record in records:
            self._count(record.topic, None, Ended("retried"))
        await self._wait(self._pause)
        self._pause = min(self._pause * 2, RETRY_SECONDS_MAX)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), timeout=seconds)

    async def _in_place(self, records: Sequence[ConsumerRecord[Any, Any]]) -> list[ConsumerRecord[Any, Any]]:
        """The records of partitions that are where they should be; the others are read again from there."""
        misplaced = self.positions.misplaced(_first_offsets(records))
        if misplaced:
            try:
                await self.positions.place(misplaced)
            except (UnavailableError, KafkaError, *TRANSIENT) as failure:
                log.warning("partitions not in place yet", action="consume", failure=type(failure).__name__)
                await self._wait(self._pause)
        return [record for record in records if TopicPartition(record.topic, record.partition) not in misplaced]

    async def _consume_batch(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        if not records:
            return
        clock = self.engine.setting.system_clock
        start_ns, start = clock.nanoseconds(), clock.monotonic()
        deliveries = [self._read(record) for record in records]
        next_offsets: dict[tuple[str, int], int] = {}
        for record in records:
            next_offsets[record.topic, record.partition] = record.offset + 1
        result = await self.runner.run(deliveries, next_offsets)
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            self._stored[partition] = self.positions.next[partition] = record.offset + 1
            self._read_ms[partition] = record.timestamp
        self.metrics.batch(self.name, records=len(records), seconds=clock.monotonic() - start)
        self._report(deliveries, result, start_ns)
        await self._stop_if_too_many_bugs(result)

    def _read(self, record: ConsumerRecord[Any, Any]) -> Delivery:
        delivery = read(_record(record), self.inbox)
        if record.headers is UNREADABLE_HEADERS:
            delivery.malformed = HEADER_NAME_UNREADABLE
        return delivery

    def _put_back(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        for partition, offset in _first_offsets(records).items():
            self.positions.seek(partition, offset)

    def _report(self, deliveries: Sequence[Delivery], result: BatchResult, start_ns: int) -> None:
        """Count and trace what is committed, once."""
        telemetry, end_ns = self.engine.setting.telemetry, self.engine.setting.system_clock.nanoseconds()
        for delivery, ended, cause in zip(deliveries, result.ended, result.causes, strict=True):
            record, parts = delivery.record, delivery.parts
            self._count(record.topic, delivery.known_type, ended)
            if delivery.unknown_fields and delivery.known_type:
                self.metrics.unknown_fields(delivery.known_type, delivery.unknown_fields)
            if ended.outcome == "not_for_us" or not cause.trace.sampled:
                continue
            spans.record_process(
                telemetry,
                cause.trace,
                parent=TraceContext.parse(parts.traceparent),
                received=spans.Received(
                    record.topic, record.partition, record.offset, parts.subject, len(record.value or b""),
                    parts.id, parts.type, cause.correlation_id,
                ),
                ended=spans.Ended(start_ns, end_ns, ended.outcome, ended.rule, ended.kind),
                consumer=self.name,
            )  # fmt: skip
        for transaction in result.transactions:
            self.engine.record_created(transaction)

    def _count(self, topic: str, event_type: str | None, ended: Ended) -> None:
        self.metrics.delivered(
            self.name, topic=topic, event_type=event_type, outcome=ended.outcome, reason=ended.rule or ended.kind
        )

    async def _commit_behind(self, consumer: KafkaReader) -> None:
        """Show Kafka how far we are, for its own tools; the truth is in the database."""
        stored, self._stored = self._stored, {}
        mine = {partition: offset for partition, offset in stored.items() if partition in consumer.assignment()}
        if mine:
            # Somebody else has it now, or Kafka is away: the next batch shows it again.
            with contextlib.suppress(IllegalStateError, CommitFailedError, KafkaError, asyncio.TimeoutError):
                await asyncio.wait_for(consumer.commit(mine), timeout=5.0)

    async def _stop_if_too_many_bugs(self, result: BatchResult) -> None:
        self._bugs.extend(ended.kind == "bug" for ended in result.ended)
        if sum(self._bugs) < BUGS_MAX:
            return
        self.stop_reason = f"{BUGS_MAX} of the last {BUG_WINDOW} deliveries met a bug"
        log.error("consumer stopped", action="stop", consumer=self.name, reason=self.stop_reason)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            await connection.execute(INSERT_STOP, self.name, self.stop_reason)
        self._bugs.clear()

    async def _read_stop(self) -> None:
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            self.stop_reason = await connection.fetchval(SELECT_STOP, self.name)
        self.metrics.stopped(self.name, stopped=self.stop_reason is not None)

    def _measure(self) -> None:
        now_ms = self.engine.setting.system_clock.nanoseconds() // 1_000_000
        for partition, records in self.positions.behind(in_hand=self._in_hand).items():
            age = (now_ms - self._read_ms.get(partition, now_ms)) / 1000 if records else 0.0
            self.metrics.lag(
                self.name, topic=partition.topic, partition=partition.partition, records=records, seconds=age
            )

    def _fail_if_stuck(self, consumer: KafkaReader) -> None:
        """A dead task of aiokafka's own, or records that nobody takes: there is no other sign of either."""
        if consumer.is_dead:
            raise _StuckError("a task of the consumer has ended")
        now = asyncio.get_running_loop().time()
        if not any(self.positions.behind(in_hand=self._in_hand).values()):
            self._moved_at = now
        elif now - self._moved_at > self.stuck_seconds:
            raise _StuckError("records wait and nobody takes them")


def _first_offsets(records: Sequence[ConsumerRecord[Any, Any]]) -> dict[TopicPartition, int]:
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    return first


def _record(record: ConsumerRecord[Any, Any]) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        headers=tuple((str(name), value) for name, value in record.headers),
        value=record.value,
        timestamp_ms=record.timestamp,
    )


async def _as_it_is(records: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    """Wrap a batch without looking at it: what cannot fail cannot lose it."""
    return KafkaMessage(
        body=b"", headers={}, raw_message=records, consumer=FAKE_CONSUMER, message_id="batch", correlation_id="batch"
    )


async def _raw_records(message: KafkaMessage) -> Any:
    return message.raw_message
