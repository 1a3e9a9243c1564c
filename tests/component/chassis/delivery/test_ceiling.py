"""A bad deploy is stopped by what it does to a full topic, wherever in its batches the bugs lie."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from chassis.consumer import BATCH_RECORDS_MAX, BUGS_MAX
from chassis.delivery import Record
from contracts.lapas import ReleaseCancelled
from deploy.local.backing import Backing
from tests.component.chassis.delivery.harness import House, record_of, released, touching_two, until
from tests.component.chassis.delivery.tally import SERVICE
from tests.component.chassis.delivery.wire import INTAKE, Wire, consumer_of, running, wire_to

RELEASES = 1_000


@pytest.fixture
async def wire(backing: Backing) -> AsyncIterator[Wire]:
    """An intake of one partition."""
    async with wire_to(backing) as wire:
        await asyncio.to_thread(wire.make, INTAKE)
        yield wire


async def fill(wire: Wire, records: Sequence[Record]) -> None:
    """Put records on the topic at once."""
    topic = wire.topic(INTAKE)
    sending = [
        await wire.producer.send(topic, each.value, key=each.key, headers=list(each.headers)) for each in records
    ]
    await asyncio.gather(*sending)


async def is_stopped(house: House) -> bool:
    """Whether the ceiling was reached."""
    return bool(await house.count("SELECT count(*) FROM consumer_stop"))


def releases(name: str) -> list[Record]:
    """Releases of people who are all called that."""
    return [record_of(released(f"{name}-{number}", name), 0, event_id=f"{name}-{number}") for number in range(RELEASES)]


async def test_bugs_at_the_head_of_a_batch_stop_it_though_its_tail_is_well(house: House, dsn: str, wire: Wire) -> None:
    """A batch is longer than the window in which bugs are counted: its end alone does not tell how it went."""
    house.wrong.bugs.add("BUG")
    bugs, others = releases("BUG"), releases("Budi")
    head, tail = BUGS_MAX * 3, BATCH_RECORDS_MAX - BUGS_MAX * 3
    for number in range(5):
        await fill(wire, bugs[number * head : (number + 1) * head] + others[number * tail : (number + 1) * tail])

    async with running(consumer_of(house, wire.settings(dsn))):
        await until(lambda: is_stopped(house))

    letters = await house.count("SELECT count(*) FROM dead_letter")
    assert BUGS_MAX <= letters <= BUGS_MAX + BATCH_RECORDS_MAX


async def test_bugs_stop_it_though_most_of_the_topic_is_not_for_it(house: House, dsn: str, wire: Wire) -> None:
    """A service that reacts to one type in thirty would otherwise set aside every event of that type."""
    house.wrong.bugs.add("BUG")
    del house.inbox.reactions[ReleaseCancelled.type]
    strangers = [record_of(touching_two(f"s-{number}", "x"), 0, event_id=f"s-{number}") for number in range(29)]
    mixed = [one for bug in releases("BUG")[:100] for one in (*strangers, bug)]
    await fill(wire, mixed)

    async with running(consumer_of(house, wire.settings(dsn))):
        await until(lambda: is_stopped(house))

    assert await house.count("SELECT count(*) FROM dead_letter") <= BUGS_MAX + BATCH_RECORDS_MAX // 30 + 1


async def test_what_it_left_is_handled_once_it_is_mended_and_resumed(house: House, dsn: str, wire: Wire) -> None:
    """Nothing was passed over: what was set aside is retried, the rest is still in Kafka."""
    house.wrong.bugs.add("BUG")
    await fill(wire, releases("BUG"))
    consumer = consumer_of(house, wire.settings(dsn))

    async with running(consumer):
        await until(lambda: is_stopped(house))
        house.wrong.bugs.clear()
        assert await house.desk.resume(SERVICE, actor="ops")
        for letter in await house.letters_in("parked"):
            await house.desk.retry(letter.id, actor="ops")

        async def all_applied() -> bool:
            return await house.count("SELECT count(*) FROM tally WHERE seen = 1") == RELEASES

        await until(all_applied)

    assert not await house.letters_in("parked", "waiting")
