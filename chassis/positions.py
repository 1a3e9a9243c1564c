"""Where a consumer goes on: the offsets in the service's own database, never Kafka's.

A database restored from a backup so re-reads what it lost. A partition without a stored offset is read from its start.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from chassis.database import Pool
from chassis.failures import TRANSIENT, UnavailableError
from chassis.kafka_reader import KafkaReader

log = structlog.get_logger(__name__)

SELECT_OFFSETS: Final = "SELECT topic, partition, next_offset FROM consumer_offset WHERE consumer = $1"
PLACE_SECONDS: Final = 3.0
"""While partitions are being placed no heartbeat is sent, so it must end well within a session."""
FORGET_OFFSET: Final = "DELETE FROM consumer_offset WHERE consumer = $1 AND topic = $2 AND partition = $3"


@dataclass
class Positions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Seeks each partition to its stored offset as soon as it is assigned."""

    pool: Pool
    consumer_name: str
    consumer_now: Callable[[], KafkaReader | None] = lambda: None

    def __post_init__(self) -> None:
        """Nothing is in place yet."""
        self._placed: set[TopicPartition] = set()
        self._placing = asyncio.Lock()
        self.next: dict[TopicPartition, int] = {}

    @property
    def consumer(self) -> KafkaReader | None:
        """The consumer of the present connection, which exists before its first assignment."""
        return self.consumer_now()

    @property
    def is_placed(self) -> bool:
        """Whether at least one partition is in hand and at its place."""
        return bool(self._placed)

    @property
    def placed(self) -> int:
        """How many partitions are in hand and at their place."""
        return len(self._placed)

    def forget(self) -> None:
        """The connection is gone, and with it every place."""
        self._placed.clear()
        self.consumer_now = lambda: None

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget partitions that are taken away; what is in hand goes on and finds duplicates elsewhere."""
        self._placed -= set(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go to the stored offsets; what fails now is done before the first record of that partition is handled."""
        self._placed.clear()
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self.place(assigned)
        except (KafkaError, UnavailableError, *TRANSIENT) as failure:
            log.warning("partitions not in place yet", action="assign", failure=type(failure).__name__)

    def misplaced(self, first: Mapping[TopicPartition, int]) -> set[TopicPartition]:
        """Which of these were never brought to their stored offset, or go on before the place where we were.

        The latter happens when a topic is made anew under a running consumer: Kafka then starts from its beginning.
        """
        return {tp for tp, offset in first.items() if tp not in self._placed or offset < self.next[tp]}

    async def place_rest(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek those of these that were never brought to their stored offset, and which nobody is seeking just now.

        To put a partition back once more makes void what was taken from it meanwhile.
        """
        wanted = set(partitions)
        if wanted <= self._placed:
            return
        async with self._placing:
            await self._place(wanted - self._placed)

    async def place(self, partitions: Iterable[TopicPartition]) -> None:
        """Seek to the stored offsets; raises what the database or the broker raise."""
        async with self._placing:
            await self._place(partitions)

    async def _place(self, partitions: Iterable[TopicPartition]) -> None:
        wanted, consumer = list(partitions), self.consumer
        if consumer is None:
            raise UnavailableError("the consumer is not there yet")
        if not wanted:
            return
        async with self.pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(SELECT_OFFSETS, self.consumer_name)
        stored = {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        first = await consumer.beginning_offsets(wanted)
        end = await consumer.end_offsets(wanted)
        for partition in wanted:
            await self._seek(partition, stored.get(partition), first[partition], end[partition])

    async def _seek(self, partition: TopicPartition, stored: int | None, first: int, end: int) -> None:
        if stored is not None and stored > end:
            # The topic was made anew: its records are others, whatever their numbers say.
            log.error("stored offset lies behind the end", action="assign", topic=partition.topic, end=end)
            async with self.pool.acquire(timeout=5.0) as connection:
                await connection.execute(FORGET_OFFSET, self.consumer_name, partition.topic, partition.partition)
            stored = None
        if stored is not None and stored < first:
            log.error(
                "records are gone before they were read", action="assign", topic=partition.topic, gone=first - stored
            )
        if self.seek(partition, first if stored is None else max(stored, first)):
            self._placed.add(partition)

    def seek(self, partition: TopicPartition, offset: int) -> bool:
        """Seek; False if the partition has gone to somebody else meanwhile."""
        consumer = self.consumer
        if consumer is None:
            return False
        try:
            consumer.seek(partition, offset)
        except IllegalStateError:
            return False
        self.next[partition] = offset
        return True

    def rewind(self) -> list[TopicPartition]:
        """Put every partition in hand back to the next record to handle; name those that have more to read."""
        for partition in tuple(self._placed):
            self.seek(partition, self.next[partition])
        if (consumer := self.consumer) is not None:
            consumer.seeks_when_rewound = consumer.seeks
        return [partition for partition, records in self.behind().items() if records]

    def behind(self, *, in_hand: bool = False) -> dict[TopicPartition, int]:
        """For each partition the number of records still to read, or with a batch in hand to handle."""
        found: dict[TopicPartition, int] = {}
        consumer = self.consumer
        for partition in self._placed:
            if consumer is None:
                break
            try:
                end = consumer.last_stable_offset(partition)
                start = max(self.next.get(partition, 0), 0 if in_hand else consumer.read_up_to(partition))
            except (AssertionError, AttributeError, KeyError):  # taken away between two looks; aiokafka says it so
                continue
            found[partition] = max(0, (end or 0) - start)
        return found
