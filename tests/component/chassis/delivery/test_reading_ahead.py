"""A batch is read while the one before it is handled: nothing is passed over, whatever becomes of that one."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka import TopicPartition

from chassis.batch import BatchResult, BatchRunner, Offsets
from chassis.consumer import BATCH_RECORDS_MAX, Consumer
from chassis.database import open_pool
from chassis.delivery import Delivery
from chassis.failures import UnavailableError
from chassis.positions import Positions
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import Gate, House, record_of, released, until
from tests.component.chassis.delivery.wire import INTAKE, Wire, consumer_of, running, stop, wire_to

BATCHES = 4


@pytest.fixture
async def wire(backing: Backing) -> AsyncIterator[Wire]:
    """A Kafka with an intake of two partitions."""
    async with wire_to(backing) as wire:
        wire.make(INTAKE, partitions=2)
        yield wire


@pytest.fixture
async def house(dsn: str, wire: Wire) -> AsyncIterator[House]:
    """A service with a database of its own."""
    pool = await open_pool(dsn, name="test")
    yield House(pool, prefix=wire.prefix)
    await pool.close()


class Failing(BatchRunner):
    """Fails as often as it is told to, each time when another batch has been read behind the one in hand."""

    def __init__(self, house: House, *, fails: int) -> None:
        super().__init__(house.engine, house.letters)
        self.fails = fails
        self.reader: Consumer | None = None
        self.rewound = 0  # how often all had been put back before it failed: places that are found late put back too

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Fail, or handle the batch."""
        if not self.fails:
            return await super().run(deliveries, offsets)
        async with asyncio.timeout(10):
            while self.reader is None or not self.reader._waiting:  # noqa: ASYNC110, SLF001  it tells nobody
                await asyncio.sleep(0.01)
        self.fails -= 1
        self.rewound = getattr(self.reader.positions, "rewound", 0)
        raise UnavailableError("as a test wants it")


class Sizes(BatchRunner):
    """Notes how large the batches are."""

    def __init__(self, house: House) -> None:
        super().__init__(house.engine, house.letters)
        self.sizes: list[int] = []

    async def run(self, deliveries: Sequence[Delivery], offsets: Offsets) -> BatchResult:
        """Note the size and handle the batch."""
        self.sizes.append(len(deliveries))
        return await super().run(deliveries, offsets)


class CountingPositions(Positions):
    """Counts how often everything was put back."""

    rewound = 0

    def rewind(self) -> list[TopicPartition]:
        """Put everything back."""
        self.rewound += 1
        return super().rewind()


async def send_many(wire: Wire, count: int) -> None:
    """Releases in two partitions, those of each in order; acknowledged all at once."""
    sending = []
    for number in range(count):
        for partition in range(2):
            release_id = f"r-{partition}"
            record = record_of(released(release_id, f"n{number:04}"), 0, event_id=f"{release_id}/{number}")
            sending.append(
                await wire.producer.send(
                    wire.topic(INTAKE), record.value, key=record.key, headers=list(record.headers), partition=partition
                )
            )
    await asyncio.gather(*sending)


async def have_seen(house: House, count: int) -> bool:
    """Whether so many events were applied."""
    return await house.count("SELECT coalesce(sum(seen), 0) FROM tally") >= count


async def have_read(consumer: Consumer, count: int) -> bool:
    """Whether so many deliveries wait behind the batch in hand."""
    return len(consumer._waiting) == count  # noqa: SLF001


async def test_all_that_comes_while_a_batch_is_in_hand_is_the_next_batch(house: House, dsn: str, wire: Wire) -> None:
    """However few there are in each poll, they do not wait for one another."""
    consumer = consumer_of(house, wire.settings(dsn))
    consumer.runner = sizes = Sizes(house)
    async with running(consumer):
        await wire.release("r-begin")
        await until(lambda: have_seen(house, 1))
        house.engine.probes = gate = Gate("batch.before_commit")
        await wire.release("r-first")
        await gate.reached.wait()
        for number in range(20):
            await wire.release(f"r-{number}")
        await until(lambda: have_read(consumer, 20))
        gate.opened.set()
        await until(lambda: have_seen(house, 22))

    assert sizes.sizes == [1, 1, 20]


async def test_a_batch_behind_one_that_failed_waits_for_it(house: House, dsn: str, wire: Wire) -> None:
    """It was read already; it is read again, behind the one that is tried again."""
    count = BATCHES * BATCH_RECORDS_MAX // 2
    await send_many(wire, count)
    consumer = consumer_of(house, wire.settings(dsn))
    failing = Failing(house, fails=2)
    consumer.runner, failing.reader = failing, consumer

    async with running(consumer):
        await until(lambda: have_seen(house, 2 * count))

    assert not failing.fails
    for partition in range(2):
        assert await house.names(f"r-{partition}") == [f"n{number:04}" for number in range(count)]
    assert await house.count("SELECT count(*) FROM outbox") == 2 * count


async def test_what_was_read_behind_a_batch_that_failed_is_not_put_back_once_more(
    house: House, dsn: str, wire: Wire
) -> None:
    """All was put back with that batch; to put it back again would make void what was read from there meanwhile."""
    count = BATCHES * BATCH_RECORDS_MAX // 2
    await send_many(wire, count)
    consumer = consumer_of(house, wire.settings(dsn))
    failing = Failing(house, fails=1)
    consumer.runner, failing.reader = failing, consumer
    positions = consumer.positions = CountingPositions(house.engine.pool, consumer.name)
    async with running(consumer):
        await until(lambda: have_seen(house, 2 * count))

    assert positions.rewound - failing.rewound == 1
    for partition in range(2):
        assert await house.names(f"r-{partition}") == [f"n{number:04}" for number in range(count)]


async def test_partitions_that_change_hands_are_not_read_ahead_by_two(house: House, dsn: str, wire: Wire) -> None:
    """A second worker comes and the first one goes in the middle of a backlog."""
    count = 2 * BATCHES * BATCH_RECORDS_MAX // 2
    await send_many(wire, count)
    first, second = (consumer_of(house, wire.settings(dsn)) for _ in range(2))
    first_task = asyncio.create_task(first.run())
    await until(lambda: have_seen(house, 1))
    async with running(second):
        await stop([first_task])
        await until(lambda: have_seen(house, 2 * count))

    for partition in range(2):
        assert await house.names(f"r-{partition}") == [f"n{number:04}" for number in range(count)]
    assert await house.count("SELECT count(*) FROM outbox") == 2 * count


async def test_a_consumer_that_is_stopped_ends_the_batch_in_hand_and_not_the_one_behind(
    house: House, dsn: str, wire: Wire
) -> None:
    """What is stored is what was handled."""
    gate = Gate("batch.before_commit")
    house.engine.probes = gate
    count = BATCHES * BATCH_RECORDS_MAX // 2
    await send_many(wire, count)
    consumer = consumer_of(house, wire.settings(dsn))
    task = asyncio.create_task(consumer.run())
    await gate.reached.wait()

    task.cancel()
    await asyncio.sleep(0.1)
    gate.opened.set()
    await asyncio.wait({task})

    seen = await house.count("SELECT sum(seen) FROM tally")
    assert 0 < seen <= BATCH_RECORDS_MAX
    assert await house.count("SELECT sum(next_offset) FROM consumer_offset") == seen
    async with running(consumer_of(house, wire.settings(dsn))):
        await until(lambda: have_seen(house, 2 * count))
    for partition in range(2):
        assert await house.names(f"r-{partition}") == [f"n{number:04}" for number in range(count)]
