"""The house keeps its promises while it is broken: a few runs of the fault lab, each judged by the checker."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.faults.lab.ground import Ground
from tests.faults.lab.series import Series

pytestmark = pytest.mark.timeout(400)

SEEDS = 1_000_000
DRAWN: Sequence[str] | None = None

RUNS = [
    pytest.param(1, ["kill-at-point", "broker", "replay"], id="a process and the broker die"),
    pytest.param(2, ["stand-still", "cut-sessions"], id="a process stands still, sessions are cut"),
    pytest.param(3, ["restore", "hole"], id="a database is put back, a wire is silent"),
    pytest.param(4, ["database", "rolling-restart", "mail-refused"], id="the database dies, the next version comes"),
    pytest.param(secrets.randbelow(SEEDS), DRAWN, id="whatever is drawn"),
]


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    """A broker, a database server and proxies of the lab's own: they are stopped and killed."""
    made = await asyncio.to_thread(Ground().__enter__)
    yield made
    await asyncio.to_thread(made.__exit__, None, None, None)


@pytest.mark.parametrize(("seed", "kinds"), RUNS)
async def test_nothing_is_lost_or_doubled(
    ground: Ground, tmp_path: Path, seed: int, kinds: Sequence[str] | None
) -> None:
    """The line that is shown on failure names the seed: `make faults RUNS=1 SEED=<n>` tells the run again."""
    told = await Series(folder=tmp_path, kinds=kinds).one(ground, seed)

    assert not told.broken, f"{told.line}\n{told.words}"
    assert told.ended["applied"] > told.inputs / 2
    assert {fault.split()[0] for fault in told.faults} >= set(kinds or ())
