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
from typing import Any, Final

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
from chassis.metrics import ConsumerMetrics
from chassis.positions import Positions
from chassis.settings import Settings
from chassis.telemetry import TraceContext

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX: Final = 200
BATCH_WAIT_MILLISECONDS: Final = 20
SESSION_MILLISECONDS: Final = 10_000
HEARTBEAT_MILLISECONDS: Final = 1_000
RETRY_SECONDS_FIRST: Final = 0.2
RETRY_SECONDS_MAX: Final = 10.0
WATCH_SECONDS: Final = 0.5
STUCK_SECONDS: Final = 60.0
STOP_TIMEOUT_SECONDS: Final = 10.0
BUG_WINDOW: Final = 100
BUGS_MAX: Final = 20
"""This many bugs among the last hundred deliveries look like a bad deploy, not like bad events."""

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
    _stored: dict[TopicPartition, int] = field(default_factory=dict)
    _read_ms: dict[TopicPartition, int] = field(default_factory=dict)
    _bugs: deque[bool] = field(default_factory=lambda: deque(maxlen=BUG_WINDOW))
    _pause: float = RETRY_SECONDS_FIRST
    _moved_at: float = 0.0
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
            broker = self._new_broker()
            try:
                await broker.start()
                await self._watch(broker)
            except (KafkaError, _StuckError, *TRANSIENT) as failure:
                log.warning("consumer is built anew", action="consume", failure=type(failure).__name__)
            finally:
                self._stopping.set()
                self.positions.forget()
                with contextlib.suppress(Exception):  # it is thrown away; what it did is in the database
                    await asyncio.wait_for(asyncio.shield(broker.stop()), timeout=STOP_TIMEOUT_SECONDS)
                self._stopping.clear()
            await asyncio.sleep(1.0)

    def _new_broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            self.settings.kafka_bootstrap_servers,
            client_id=self.settings.instance,
            security=security_of(self.settings),
            allow_auto_create_topics=False,
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
            session_timeout_ms=SESSION_MILLISECONDS,
            heartbeat_interval_ms=HEARTBEAT_MILLISECONDS,
            listener=self.positions,
            parser=_as_it_is,
            decoder=_raw_records,
        )
        subscriber(self._consume)
        self._subscriber = subscriber
        self.positions.consumer_now = lambda: subscriber.consumer
        return broker

    async def _watch(self, broker: KafkaBroker) -> None:
        """Look after the consumer while it works: position, lag, liveness, stop and resume."""
        consumer: Any = self._subscriber.consumer
        self._moved_at = asyncio.get_running_loop().time()
        assigned: set[TopicPartition] = set()
        while True:
            if consumer.assignment() != assigned:
                assigned = set(consumer.assignment())
                self.metrics.assigned(self.name, [(tp.topic, tp.partition) for tp in assigned])
            if misplaced := self.positions.misplaced(assigned):
                with contextlib.suppress(KafkaError, *TRANSIENT):  # tried again with the next look
                    await self.positions.place(misplaced)
            await self._commit_behind(consumer)
            with contextlib.suppress(*TRANSIENT):  # the flag is read again with the next look
                await self._read_stop()
            self._measure()
            self._fail_if_stuck(consumer)
            self.beat()
            await asyncio.sleep(WATCH_SECONDS)

    async def _consume(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Take a batch to its end or put it back; nothing is raised, since nobody above would keep the batch."""
        self._moved_at = asyncio.get_running_loop().time()
        self.metrics.polled(self.name)
        try:
            if self.stop_reason is None:
                await self._consume_batch(records)
                self._pause = RETRY_SECONDS_FIRST
                return
        except (UnavailableError, *TRANSIENT) as failure:
            log.warning("batch put back", action="consume", failure=type(failure).__name__, records=len(records))
        except Exception:
            log.exception("batch put back", action="consume", records=len(records))
        self._put_back(records)
        for record in records:
            self._count(record.topic, None, Ended("retried"))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), timeout=self._pause)
        self._pause = min(self._pause * 2, RETRY_SECONDS_MAX)

    async def _consume_batch(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        clock = self.engine.setting.system_clock
        start_ns, start = clock.nanoseconds(), clock.monotonic()
        partitions = {TopicPartition(record.topic, record.partition) for record in records}
        if misplaced := self.positions.misplaced(partitions):
            await self.positions.place(misplaced)
            records = [r for r in records if TopicPartition(r.topic, r.partition) not in misplaced]
            if not records:
                return
        deliveries = [read(_record(record), self.inbox) for record in records]
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

    def _put_back(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        first: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            first[partition] = min(record.offset, first.get(partition, record.offset))
        for partition, offset in first.items():
            self.positions.seek(partition, offset)

    def _report(self, deliveries: Sequence[Delivery], result: BatchResult, start_ns: int) -> None:
        """Count and trace what is committed, once."""
        telemetry, end_ns = self.engine.setting.telemetry, self.engine.setting.system_clock.nanoseconds()
        for delivery, ended, cause in zip(deliveries, result.ended, result.causes, strict=True):
            record, parts, envelope = delivery.record, delivery.parts, delivery.envelope
            self._count(record.topic, delivery.known_type, ended)
            if delivery.unknown_fields and delivery.known_type:
                self.metrics.unknown_fields(delivery.known_type, delivery.unknown_fields)
            if ended.outcome == "not_for_us" or not cause.trace.sampled:
                continue
            spans.record_process(
                telemetry,
                cause.trace,
                parent=None if envelope is None else TraceContext.parse(envelope.traceparent, envelope.tracestate),
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

    async def _commit_behind(self, consumer: Any) -> None:
        """Show Kafka how far we are, for its own tools; the truth is in the database."""
        stored, self._stored = self._stored, {}
        mine = {partition: offset for partition, offset in stored.items() if partition in consumer.assignment()}
        if mine:
            with contextlib.suppress(IllegalStateError, CommitFailedError, KafkaError):  # somebody else has it now
                await asyncio.wait_for(consumer.commit(mine), timeout=5.0)

    async def _stop_if_too_many_bugs(self, result: BatchResult) -> None:
        self._bugs.extend(ended.kind == "bug" for ended in result.ended)
        if sum(self._bugs) < BUGS_MAX:
            return
        self._bugs.clear()
        self.stop_reason = f"{BUGS_MAX} of the last {BUG_WINDOW} deliveries met a bug"
        log.error("consumer stopped", action="stop", consumer=self.name, reason=self.stop_reason)
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            await connection.execute(INSERT_STOP, self.name, self.stop_reason)

    async def _read_stop(self) -> None:
        async with self.engine.pool.acquire(timeout=5.0) as connection:
            self.stop_reason = await connection.fetchval(SELECT_STOP, self.name)
        self.metrics.stopped(self.name, stopped=self.stop_reason is not None)

    def _measure(self) -> None:
        now_ms = self.engine.setting.system_clock.nanoseconds() // 1_000_000
        for partition, records in self.positions.behind().items():
            age = (now_ms - self._read_ms.get(partition, now_ms)) / 1000 if records else 0.0
            self.metrics.lag(
                self.name, topic=partition.topic, partition=partition.partition, records=records, seconds=age
            )

    def _fail_if_stuck(self, consumer: Any) -> None:
        """A dead coordination task, or records that nobody takes: aiokafka gives no other sign of either."""
        coordination = getattr(consumer._coordinator, "_coordination_task", None)  # noqa: SLF001
        if coordination is not None and coordination.done():
            raise _StuckError("coordination")
        idle = asyncio.get_running_loop().time() - self._moved_at
        if idle > STUCK_SECONDS and any(self.positions.behind().values()):
            raise _StuckError("records wait and nobody takes them")


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
