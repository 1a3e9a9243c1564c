"""What was read from Kafka and waits for its turn: a batch is all that came while the one before it was in hand."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.delivery import Delivery
from chassis.kafka_reader import KafkaReader


@dataclass(frozen=True)
class Taken:
    """Deliveries as one poll gave them; `seeks` tells whether a partition was put elsewhere since."""

    deliveries: Sequence[Delivery]
    reader: KafkaReader
    seeks: int


class ReadAhead:
    """Deliveries in the order in which they were read; fewer than two batches, whatever the backlog.

    They are read at once, for what lies unread keeps aiokafka from fetching more of its partition.
    """

    def __init__(self, *, batch_max: int) -> None:
        """Nothing waits."""
        self._batch_max = batch_max
        self._taken: deque[Taken] = deque()
        self._room = asyncio.Event()

    def __len__(self) -> int:
        """How many deliveries wait."""
        return sum(len(taken.deliveries) for taken in self._taken)

    def add(self, taken: Taken) -> None:
        """Let deliveries wait for their turn."""
        self._taken.append(taken)

    async def until_room(self) -> None:
        """Return when there is room for what one poll may give."""
        while len(self) >= self._batch_max:
            self._room.clear()
            await self._room.wait()

    def next_batch(self, reader: KafkaReader | None) -> list[Delivery]:
        """Take what can be handled together, as far as it still follows on what was handled; empty if nothing does."""
        batch: list[Delivery] = []
        while self._taken and (not batch or len(batch) + len(self._taken[0].deliveries) <= self._batch_max):
            taken = self._taken.popleft()
            if reader is not None and taken.reader is reader and self._follows(taken):
                batch += taken.deliveries
        self._room.set()
        return batch

    def clear(self) -> None:
        """Drop everything: it is read again."""
        self._taken.clear()
        self._room.set()

    def _follows(self, taken: Taken) -> bool:
        """Whether no partition was put back since: what lies before these would be passed over."""
        if taken.reader.seeks == taken.seeks:
            return True
        if taken.reader.seeks_when_rewound <= taken.seeks:
            # Not again where all were put back: what is read from there already would be put back in its turn,
            # and so on without end where a batch is fetched faster than it is read.
            taken.reader.rewind()
        return False
