"""Two worker processes against one, on the cores that there are, and the floor in the same way."""

import argparse
import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from itertools import product
from statistics import median
from typing import Any, Final

import psutil

from tests.bench.contenders import FLOOR, OURS, Contender
from tests.bench.drain import Usage
from tests.bench.figures import interleaved, paired_ratio
from tests.bench.invariants import Verdict, first_appended
from tests.bench.load import Message, messages, sent_once
from tests.bench.stage import Stage, Trial
from tests.bench.years.ground import console, new_database, poured, trial_on

COUNTS: Final = (1, 2)
JOINED_SECONDS: Final = 3.0
"""Long enough for both to be in the group with their partitions."""


@dataclass(frozen=True)
class Run:
    """One drain by so many processes; `evenness` is what the idlest of them did by what the busiest did."""

    contender: str
    processes: int
    rate: float
    evenness: float
    verdict: Verdict


@dataclass(frozen=True)
class Workers:
    """All runs."""

    runs: list[Run]

    def rates(self, contender: Contender, processes: int) -> list[float]:
        """Round by round."""
        return [run.rate for run in self.runs if (run.contender, run.processes) == (contender.name, processes)]

    def gain(self, contender: Contender) -> float:
        """Two by one."""
        return paired_ratio(self.rates(contender, 2), self.rates(contender, 1))

    def holds(self, contender: Contender) -> bool:
        """Whether every run of it was right."""
        return all(run.verdict.holds for run in self.runs if run.contender == contender.name)

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {
            "runs": [asdict(run) for run in self.runs],
            "two_by_one": {contender.name: self.gain(contender) for contender in (OURS, FLOOR)},
        }

    def table(self) -> list[str]:
        """For a reader."""
        return [
            "| | one process, events/s | two processes, events/s | two by one | nothing lost or doubled |",
            "|---|---|---|---|---|",
            *(
                f"| {contender.title} | {median(self.rates(contender, 1)):,.0f} "
                f"| {median(self.rates(contender, 2)):,.0f} | {self.gain(contender):.2f} | {self.holds(contender)} |"
                for contender in (OURS, FLOOR)
            ),
        ]


async def run(stage: Stage, asked: argparse.Namespace) -> Workers:
    """Interleaved rounds of all four."""
    runs = []
    for number, order in enumerate(interleaved(list(product((OURS, FLOOR), COUNTS)), asked.rounds)):
        given = messages(asked.drained, name=f"workers{number}")
        for contender, processes in order:
            runs.append(await _drain(stage, contender, processes, given))
            console.print(f"{contender.name:<12} x {processes}  {runs[-1].rate:8,.0f} events/s  {runs[-1].verdict}")
    return Workers(runs)


async def _drain(stage: Stage, contender: Contender, processes: int, given: Sequence[Message]) -> Run:
    name = f"workers_{next(stage.numbers)}"
    dsn = await new_database(stage, name, contender.migrations())
    async with trial_on(stage, contender, dsn) as first, AsyncExitStack() as stack:
        trials = [first, *(replace(first, name=f"{first.name}_{number}") for number in range(1, processes))]
        for trial in trials:
            trial.start()
            stack.callback(trial.end)
        await first.warm_up()
        await asyncio.sleep(JOINED_SECONDS)
        _tell(trials, signal.SIGSTOP)
        await poured(first, given)
        usages = [Usage(psutil.Process(trial.process.pid)) for trial in trials]

        def look() -> None:
            for usage in usages:
                usage.look()

        begun_ms = time.time_ns() / 1e6
        _tell(trials, signal.SIGCONT)
        await first.until_followed(given, watch=look)
        left = await first.left_behind()
    stage.backing.drop_database(name)
    return Run(
        contender.name,
        processes,
        len(sent_once(given)) / (max(first_appended(left).values()) - begun_ms) * 1000,
        min(usage.cpu_seconds for usage in usages) / max(usage.cpu_seconds for usage in usages),
        first.verdict(given, left),
    )


def _tell(trials: Sequence[Trial], number: signal.Signals) -> None:
    for trial in trials:
        trial.process.send(number)
