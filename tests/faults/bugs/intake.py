"""Bugs of the intake: offsets, identities and traces of what comes in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from aiokafka import TopicPartition

from chassis.batch import MOVE_OFFSETS, BatchResult, BatchRunner, Offsets
from chassis.consumer import Consumer
from chassis.dead_letters import Letters
from chassis.delivery import Delivery, Ended
from chassis.engine import Engine
from chassis.failures import TRANSIENT, UnavailableError
from chassis.positions import Positions
from chassis.transaction import Cause
from chassis.work import AggregateKey, WorkingSet


class OffsetBeforeCommit(BatchRunner):
    """The offsets are stored before the batch: one that dies or fails in between is never read again."""

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Store the offsets in a transaction of their own, then handle the batch."""

        async def store(work: WorkingSet, _learnt: Sequence[AggregateKey]) -> None:
            topics, partitions = zip(*offsets, strict=True)
            await work.connection.execute(
                MOVE_OFFSETS, self.consumer, list(topics), list(partitions), list(offsets.values())
            )

        if offsets:
            await self._engine.run(store, point="offsets")
        return await super().run(deliveries, {})


class FailedBatchPassedOver(BatchRunner):
    """A batch that could not be handled is not put back: the offset of the next one passes it."""

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Handle a batch, or say that it was, and go on."""
        try:
            return await super().run(deliveries, offsets)
        except (UnavailableError, *TRANSIENT):
            causes = [self.cause_of(delivery) for delivery in deliveries]
            return BatchResult([Ended("retried") for _ in deliveries], causes)


class DedupeByIdAlone(BatchRunner):
    """What two prisons gave the same number is one event: the second one is a duplicate, or malformed."""

    def __init__(self, engine: Engine, letters: Letters) -> None:
        """Have seen no number."""
        super().__init__(engine, letters)
        self._first: dict[str, UUID] = {}

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Handle a batch without looking at the sources."""
        for delivery in deliveries:
            if delivery.parts.id is not None:
                delivery.event_key = self._first.setdefault(delivery.parts.id, delivery.event_key)
        return await super().run(deliveries, offsets)


class TraceNotContinued(BatchRunner):
    """What follows from an event begins a trace of its own."""

    def cause_of(self, delivery: Delivery) -> Cause:
        """The cause without its trace."""
        return replace(super().cause_of(delivery), trace=self._engine.setting.telemetry.new_context())


class _AsKafkaSays(Positions):
    """Goes to the offsets that the group has committed to Kafka."""

    async def _seek(self, partition: TopicPartition, stored: int | None, first: int, end: int) -> None:
        committed = await self.consumer.committed(partition) if self.consumer is not None else None
        await super()._seek(partition, committed, first, end)


@dataclass
class KafkasOffsetsTrusted(Consumer):
    """Reading goes on where Kafka says: a database restored from a copy never sees again what it lost."""

    def __post_init__(self) -> None:
        """Not started."""
        super().__post_init__()
        self.positions = _AsKafkaSays(self.engine.pool, self.runner.consumer)
