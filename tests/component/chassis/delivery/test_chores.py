"""Work that nobody waits for: a round is a transaction, leaves time to everything else, and is done again when cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from chassis.chores import POLL_SECONDS, REST, Chore, ChoreLoop
from chassis.failures import UnavailableError
from chassis.transaction import Transaction
from tests.component.chassis.delivery.harness import House

GIVE = """
    INSERT INTO timer (subject, kind, due_at, context)
    SELECT number::text, 'work', '2200-01-01T00:00Z', '{}' FROM generate_series(1, $1::int) AS number
"""
TAKE = "DELETE FROM timer WHERE subject = (SELECT min(subject) FROM timer WHERE kind = 'work')"


@dataclass
class Worker:
    """Takes one piece of work a round, and fails as it is told."""

    rounds: int = 0
    done: int = 0
    seconds: float = 0.0
    failures: list[Exception] = field(default_factory=list)
    beats: int = 0

    async def do(self, _nothing: None, tx: Transaction) -> int:
        """Do one piece, if there is one."""
        self.rounds += 1
        status = await (await tx.connection()).execute(TAKE)
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop()
        taken = int(status.rpartition(" ")[2])
        self.done += taken
        return taken

    def beat(self) -> None:
        """Be seen."""
        self.beats += 1


def loop_of(house: House, worker: Worker) -> ChoreLoop:
    """The loop of a process, not started."""
    return ChoreLoop(Chore("work", worker.do), house.commands, house.clock, worker.beat)


@asynccontextmanager
async def running(loop: ChoreLoop) -> AsyncIterator[None]:
    """The loop as a process runs it."""
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(reached: Callable[[], bool]) -> None:
    """Wait until it is so, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110  what another task counts tells nobody
            await asyncio.sleep(0.01)


async def left(house: House) -> int:
    """How much work is left."""
    return int(await house.pool.fetchval("SELECT count(*) FROM timer WHERE kind = 'work'"))


async def test_all_of_it_is_done_and_what_comes_later_too(house: House) -> None:
    worker = Worker()
    await house.pool.execute(GIVE, 3)

    async with running(loop_of(house, worker)):
        await until(lambda: worker.done == 3)
        await house.pool.execute(GIVE, 1)
        await until(lambda: worker.done == 4)

    assert await left(house) == 0
    assert worker.beats >= worker.rounds


async def test_where_nothing_is_left_it_looks_now_and_then(house: House) -> None:
    worker = Worker()

    async with running(loop_of(house, worker)):
        await asyncio.sleep(4 * POLL_SECONDS)

    assert 1 <= worker.rounds <= 5


async def test_most_of_the_time_is_left_to_everything_else(house: House) -> None:
    worker = Worker(seconds=0.05)
    await house.pool.execute(GIVE, 9)

    async with running(loop_of(house, worker)):
        await asyncio.sleep(1.6)

    # 0.05 seconds of work and nine times as much rest: a round every half second at most.
    assert 1 <= worker.rounds <= 1.6 / (worker.seconds * (1 + REST)) + 1


@pytest.mark.parametrize("failure", [UnavailableError("gone"), TimeoutError(), ConnectionResetError()])
async def test_a_round_that_the_database_cuts_off_is_done_again(house: House, failure: Exception) -> None:
    worker = Worker(failures=[failure])
    await house.pool.execute(GIVE, 2)

    async with running(loop_of(house, worker)):
        await until(lambda: worker.done == 2)

    assert await left(house) == 0
    assert worker.rounds >= 3


async def test_a_bug_undoes_its_round_and_is_told_to_whoever_watches_the_loop(house: House) -> None:
    worker = Worker(failures=[ZeroDivisionError()])
    await house.pool.execute(GIVE, 2)

    with pytest.raises(ZeroDivisionError):
        await loop_of(house, worker).run()

    assert await left(house) == 2
