"""The seeded bugs of the fault lab do what they are said to do, and the real parts in the same story do not."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest

from chassis.database import Pool, open_pool
from deploy.local.backing import Backing
from tests.component.chassis.delivery.seeded import SeededHouse
from tests.component.chassis.delivery.seeded_stories import STORIES
from tests.component.chassis.delivery.seeded_wires import WIRED, Line
from tests.component.chassis.delivery.wire import FACTS, INTAKE, wire_to
from tests.component.house import EMPTY
from tests.faults.bugs import BUGS, NO_BUG, Bug


@pytest.fixture
async def line(dsn: str, backing: Backing) -> AsyncIterator[Line]:
    """Topics and a database of the story's own."""
    pool = await open_pool(dsn, name="test")
    async with wire_to(backing) as wire:
        wire.make(INTAKE)
        wire.make(FACTS)
        yield Line(SeededHouse(pool, prefix=wire.prefix), dsn, wire)
    await pool.close()


def each_twice(names: Iterable[str]) -> pytest.MarkDecorator:
    """Each story with the real parts, and with the bug in one of them."""
    told = [(name, bug) for name in names for bug in (NO_BUG, BUGS[name])]
    ids = [f"{name}-{'seeded' if bug.name else 'sound'}" for name, bug in told]
    return pytest.mark.parametrize(("name", "bug"), told, ids=ids)


@each_twice(STORIES)
async def test_a_seeded_bug_does_harm_in_the_database_and_the_real_part_does_not(
    name: str, bug: Bug, shared_pool: Pool
) -> None:
    """One that is harmless after the machinery was rebuilt would prove nothing of the checker."""
    await shared_pool.execute(EMPTY)

    harm = await STORIES[name](SeededHouse(shared_pool, bug=bug))

    assert harm is (bug is not NO_BUG)


@each_twice(WIRED)
async def test_a_seeded_bug_does_harm_on_the_way_to_kafka_and_the_real_part_does_not(
    name: str, bug: Bug, line: Line
) -> None:
    """The same, where the harm is done on a topic or by what is read from one."""
    house = replace(line.house, bug=bug)

    harm = await WIRED[name](replace(line, house=house))

    assert harm is (bug is not NO_BUG)


def test_every_seeded_bug_has_its_story() -> None:
    """None is only claimed to be one."""
    assert sorted([*STORIES, *WIRED]) == sorted(BUGS)
