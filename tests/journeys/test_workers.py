"""Several workers of one service share its work, and when one goes the others take over without loss or doubling."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from contracts.catalogue import consumed_by
from tests.journeys.cases import Case
from tests.journeys.house import House, eventually

SECOND = "registration-2"
PARTITIONS = sum(topic.local_partitions for topic in consumed_by("registration"))
CASES = 60
REVISIONS = 4
RACES = 40


@pytest.fixture(scope="module")
async def with_a_place_for_another(house: House) -> AsyncIterator[House]:
    """The house, which has one worker again afterwards."""
    yield house
    if SECOND in house.stack.services.instances():
        house.stack.services.stop(SECOND)
    await eventually(lambda: share_all(house, "registration"), "all partitions to the worker that is left")


@pytest.fixture
async def two_workers(with_a_place_for_another: House) -> House:
    """The house with a second instance of registration that has some of the partitions."""
    house = with_a_place_for_another
    if SECOND not in house.stack.services.instances():
        house.stack.start_service("registration", instance=SECOND)
    await eventually(lambda: share_all(house, "registration", SECOND), "an assignment to both workers")
    return house


async def test_two_workers_share_the_partitions_and_the_work(two_workers: House) -> None:
    before = [await handled(two_workers, worker) for worker in ("registration", SECOND)]

    cases = await asyncio.to_thread(publish, two_workers)

    await two_workers.quiet()
    after = [await handled(two_workers, worker) for worker in ("registration", SECOND)]
    shares = [then - now for now, then in zip(before, after, strict=True)]
    assert sum(shares) == CASES * REVISIONS
    assert min(shares) > 0
    assert_all_opened_once_and_corrected_in_order(cases)


async def test_a_request_beside_a_batch_about_the_same_new_release_opens_it_once(two_workers: House) -> None:
    cases = [Case(two_workers) for _ in range(RACES)]

    async def race(case: Case) -> int:
        _, answer = await asyncio.gather(asyncio.to_thread(case.published), case.posted())
        return answer.status_code

    statuses = [await race(case) for case in cases]

    await two_workers.quiet()
    assert set(statuses) <= {200, 201}
    for case in cases:
        assert [fact.type for fact in case.facts()] == ["registration.registration-opened.v1"]
        assert len(await case.timeline()) == 1


def stop_in_order(house: House) -> None:
    """As a deployment does."""
    house.stack.services.stop(SECOND)


def kill(house: House) -> None:
    """As a machine that loses power."""
    house.stack.services.kill(SECOND)


@pytest.mark.parametrize("end", [stop_in_order, kill])
async def test_when_a_worker_goes_the_other_takes_over_what_it_had(
    two_workers: House, end: Callable[[House], None]
) -> None:
    load = asyncio.create_task(asyncio.to_thread(publish, two_workers))
    await asyncio.sleep(0.3)

    await asyncio.to_thread(end, two_workers)

    cases = await load
    await eventually(lambda: share_all(two_workers, "registration"), "all partitions to the worker that is left")
    await two_workers.quiet()
    assert_all_opened_once_and_corrected_in_order(cases)


def publish(house: House) -> Sequence[Case]:
    """Releases of many people, each corrected several times, as many prisons would report them at the same time."""
    cases = [Case(house) for _ in range(CASES)]
    for revision in range(1, REVISIONS + 1):
        for case in cases:
            house.publish({**case.release, "revision": revision, "employment": f"number {revision}"})
    return cases


def assert_all_opened_once_and_corrected_in_order(cases: Sequence[Case]) -> None:
    """Nothing lost, nothing doubled, nothing out of order."""
    for case in cases:
        said = [(fact.type.split(".")[1], fact.data.get("revision", 1)) for fact in case.facts()]
        assert said == [
            ("registration-opened", 1),
            *(("registration-corrected", revision) for revision in range(2, REVISIONS + 1)),
        ]
        numbers = [int(fact.header("ce_sequence")) for fact in case.facts()]
        assert numbers == sorted(set(numbers))


async def share_all(house: House, *workers: str) -> bool:
    """Whether these workers have all partitions among them, each some."""
    counts: list[float] = [
        await house.metric(worker, "bapas_consumer_assigned_partitions", consumer="registration") for worker in workers
    ]
    return sum(counts) == PARTITIONS and min(counts) > 0


async def handled(house: House, worker: str) -> float:
    """How many records a worker has applied."""
    labels: dict[str, Any] = {"topic": "lapas.events", "outcome": "applied"}
    return await house.metric(worker, "bapas_deliveries_total", **labels)
