"""What was read waits for its turn, in order, and is dropped when it no longer follows on what was handled."""

import asyncio
from typing import Any, cast

import pytest

from chassis.delivery import Delivery
from chassis.kafka_reader import KafkaReader
from chassis.read_ahead import ReadAhead, Taken

BATCH = 4


class Reader:
    """What a reader tells of its seeks."""

    def __init__(self) -> None:
        self.seeks = self.seeks_when_rewound = self.rewinds = 0

    def rewind(self) -> None:
        """Put everything back."""
        self.rewinds += 1
        self.seeks += 1
        self.seeks_when_rewound = self.seeks


@pytest.fixture
def reader() -> Reader:
    """A reader that was never put elsewhere."""
    return Reader()


def taken(reader: Reader, *names: str) -> Taken:
    """Deliveries that are known by their names here."""
    return Taken(cast("list[Delivery]", list(names)), cast("KafkaReader", reader), reader.seeks)


def batch(waiting: ReadAhead, reader: Reader) -> list[Any]:
    """The next batch."""
    return waiting.next_batch(cast("KafkaReader", reader))


def test_what_came_poll_by_poll_is_one_batch_in_its_order(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    for names in (["a", "b"], ["c"], ["d"], ["e"]):
        waiting.add(taken(reader, *names))

    assert batch(waiting, reader) == ["a", "b", "c", "d"]
    assert batch(waiting, reader) == ["e"]
    assert batch(waiting, reader) == []


def test_a_poll_is_never_split_nor_left_for_ever(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(reader, "a", "b", "c"))
    waiting.add(taken(reader, *"defghi"))

    assert batch(waiting, reader) == ["a", "b", "c"]
    assert batch(waiting, reader) == list("defghi")


def test_what_was_taken_before_a_partition_was_put_elsewhere_is_read_again_once(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(reader, "a"))
    reader.seeks += 1
    waiting.add(taken(reader, "b"))

    assert batch(waiting, reader) == []
    assert reader.rewinds == 1


def test_what_was_read_after_all_was_put_back_is_kept(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(reader, "a"))
    reader.rewind()
    waiting.add(taken(reader, "a"))

    assert batch(waiting, reader) == ["a"]
    assert reader.rewinds == 1


def test_what_another_reader_took_is_dropped(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(Reader(), "a"))

    assert batch(waiting, reader) == []
    assert not len(waiting)


async def test_nobody_reads_on_while_a_batch_waits(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(reader, "a", "b", "c"))
    await waiting.until_room()
    waiting.add(taken(reader, "d"))
    reading = asyncio.create_task(waiting.until_room())
    await asyncio.sleep(0)
    assert not reading.done()

    batch(waiting, reader)

    await reading


async def test_what_is_dropped_makes_room(reader: Reader) -> None:
    waiting = ReadAhead(batch_max=BATCH)
    waiting.add(taken(reader, *"abcd"))
    reading = asyncio.create_task(waiting.until_room())
    await asyncio.sleep(0)

    waiting.clear()

    await reading
    assert batch(waiting, reader) == []
