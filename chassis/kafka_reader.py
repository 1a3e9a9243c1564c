"""aiokafka's consumer, mended where one record could cost others, or where it does not show that it is dead."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

READ_AROUND_MILLISECONDS: Final = 200
UNREADABLE_HEADERS: Final = (("\N{REPLACEMENT CHARACTER}", b""),)
"""The headers of a record whose own could not be taken apart; known by identity."""

Found = dict[TopicPartition, list[ConsumerRecord[Any, Any]]]


class KafkaReader(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """Takes batches from Kafka.

    aiokafka decodes the names of headers as UTF-8, which no broker checks. One other name makes every poll fail, and
    each failing poll skips what it had already taken from other partitions.
    """

    rewind: Callable[[], Iterable[TopicPartition]]
    """Puts every partition back to the next record to handle and names those that have more."""
    seeks: int = 0
    """How often a partition was put elsewhere; records taken before that may leave a gap before them."""
    seeks_when_taken: int = 0
    """The same at the moment at which records were taken last."""
    seeks_when_rewound: int = 0
    """The same when every partition was put back last; what had been taken by then is read again from there."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from there."""
        self.seeks += 1
        super().seek(partition, offset)

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> Found:
        """Take what is there; whatever goes wrong, nothing is skipped."""
        try:
            found: Found = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        except UnicodeDecodeError:
            found = await self._read_around(max_records or 1)
        except Exception:
            self.rewind()
            raise
        self.seeks_when_taken = self.seeks
        return found

    async def _read_around(self, records_max: int) -> Found:
        """Read record by record up to the one that cannot be read; that one comes without what it holds."""
        found: Found = {}
        waiting = list(self.rewind())
        for partition in waiting:
            records = await self._read_one_by_one(partition, max(1, records_max // len(waiting)))
            if records:
                found[partition] = records
        return found

    async def _read_one_by_one(self, partition: TopicPartition, records_max: int) -> list[ConsumerRecord[Any, Any]]:
        records: list[ConsumerRecord[Any, Any]] = []
        while len(records) < records_max:
            try:
                found: Found = await super().getmany(partition, timeout_ms=READ_AROUND_MILLISECONDS, max_records=1)
            except UnicodeDecodeError:
                if not records:
                    offset = await self.position(partition)
                    self.seek(partition, offset + 1)
                    records.append(_unreadable(partition, offset))
                break
            if not found:
                break
            records += found[partition]
        return records

    def read_up_to(self, partition: TopicPartition) -> int:
        """The offset that is fetched next, also past what is no record: the marks that transactions leave."""
        state = self._subscription.subscription.assignment.state_value(partition)
        return int(state.position) if state.has_valid_position else 0

    @property
    def is_dead(self) -> bool:
        """Whether one of its own tasks has ended: it then looks alive to the broker and never consumes again."""
        tasks = (getattr(self._coordinator, "_coordination_task", None), getattr(self._fetcher, "_fetch_task", None))
        return any(task is not None and task.done() for task in tasks)


def _unreadable(partition: TopicPartition, offset: int) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        partition.topic, partition.partition, offset, 0, 0, None, None, None, -1, -1, UNREADABLE_HEADERS
    )
