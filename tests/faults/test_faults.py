"""Processes are killed, stopped and replaced in the middle: nothing is lost or doubled, and the order stays."""

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest

from tests.faults.conftest import NewPlant
from tests.faults.stories import KILLED, SHARED, STOPPED, tell

AT_ONCE = 6
"""So many stories are told at the same time; more would only wait for the processor."""

Told = Mapping[tuple[str, str], "asyncio.Task[None]"]


@pytest.fixture(scope="session")
async def told(new_plant: NewPlant, request: pytest.FixtureRequest) -> Told:
    """The stories of this run, told side by side; each test waits for its own."""
    room = asyncio.Semaphore(AT_ONCE)

    async def tell_one(kind: str, point: str) -> None:
        async with room, new_plant(f"{kind} {point}") as plant:
            await tell(plant, kind, point)

    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [cast("tuple[str, str]", test.callspec.params["story"]) for test in tests if "told" in test.fixturenames]
    return {(kind, point): asyncio.create_task(tell_one(kind, point)) for kind, point in wanted}


@pytest.mark.parametrize("story", [("stopped", point) for point in STOPPED], ids=" ".join)
async def test_a_worker_that_stood_still_past_its_session_loses_and_doubles_nothing(
    told: Told, story: tuple[str, str]
) -> None:
    """Another one took its partitions, its locks or its lead; when it goes on it finds that it has been replaced."""
    await told[story]


@pytest.mark.parametrize("story", [("killed", point) for point in KILLED], ids=" ".join)
async def test_a_process_killed_at_this_point_loses_and_doubles_nothing(told: Told, story: tuple[str, str]) -> None:
    """Every event has one outcome, every fact is on the topic once by its id, and a case's facts are in order."""
    await told[story]


@pytest.mark.parametrize("story", [("shared", how) for how in SHARED], ids=" ".join)
async def test_a_worker_that_goes_leaves_its_partitions_to_the_other(told: Told, story: tuple[str, str]) -> None:
    """In order or by a kill."""
    await told[story]
