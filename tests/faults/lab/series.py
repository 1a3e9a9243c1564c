"""A series of runs on one ground: each is made, judged by the checker, told in a line, and kept if it failed."""

import asyncio
import json
import shutil
import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.settings import REPOSITORY
from tests.faults.lab.drawing import draw
from tests.faults.lab.ground import Ground
from tests.faults.lab.run import Run

RUN_SECONDS_MAX: Final = 300.0
CHECK_SECONDS_MAX: Final = 120.0
ENDED_FROM_ELSEWHERE: Final = 128 + signal.SIGTERM
BROKEN_LAB: Final = "lab"
"""The rule that is broken where a run could not be made or judged at all."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came of a run."""

    seed: int
    seconds: float
    settled_seconds: float | None
    """How long after the last heal all was quiet; None where it never was."""
    faults: Sequence[str]
    inputs: int
    ended: Mapping[str, int]
    broken: Mapping[str, int]
    """How many violations of which rule."""
    words: str = ""

    @property
    def line(self) -> str:
        """In a line."""
        said = ", ".join(f"{count} {word}" for word, count in sorted(self.ended.items()))
        verdict = "ok" if not self.broken else f"FAILED {' '.join(sorted(self.broken))}"
        faults = ", ".join(self.faults) or "no faults"
        settled = "never quiet" if self.settled_seconds is None else f"quiet after {self.settled_seconds:.1f} s"
        return f"seed {self.seed}: {faults}; {self.inputs} inputs: {said}; {settled}, {self.seconds:.1f} s: {verdict}"


@dataclass
class Series:
    """Runs side by side on as many grounds as there are lanes, and on each one after the other."""

    folder: Path
    kinds: Sequence[str] | None = None
    bug: str | None = None
    keep: bool = False
    lanes: int = 1
    told: list[Told] = field(default_factory=list)

    async def run(self, seeds: Iterable[int]) -> int:
        """Make a run for each seed, on as many grounds as there are lanes; 1 if any failed."""
        waiting = deque(seeds)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.lanes, len(waiting))):
                group.create_task(self._lane(waiting))
        _say(self.summary())
        return int(any(told.broken for told in self.told))

    async def _lane(self, waiting: "deque[int]") -> None:
        ground = await asyncio.to_thread(Ground().__enter__)
        try:
            while waiting:
                told = await self.one(ground, waiting.popleft())
                self.told.append(told)
                _say("\n".join(filter(None, (told.line, told.words))))
        finally:
            await asyncio.to_thread(ground.__exit__, None, None, None)

    async def one(self, ground: Ground, seed: int) -> Told:
        """Make and judge the run of a seed."""
        folder = self.folder / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        plan, began = draw(seed, kinds=self.kinds), time.monotonic()
        faults = [f"{fault.kind} {fault.target}{_said(fault.detail)}" for fault in plan.faults]
        run = Run(plan, ground, folder, bug=self.bug)
        broken: Mapping[str, int] = {BROKEN_LAB: 1}
        words = ""
        try:
            async with asyncio.timeout(RUN_SECONDS_MAX):
                await run.go()
            broken, words = await judge(folder)
        except Exception:  # noqa: BLE001 - a run that cannot be made is told like any other failure
            words = traceback.format_exc()
        told = Told(
            seed=seed,
            seconds=time.monotonic() - began,
            settled_seconds=run.settled_seconds,
            faults=faults,
            inputs=run.told.get("inputs", 0),
            ended=run.told.get("ended", {}),
            broken=broken,
            words=words,
        )
        if not broken and not self.keep:
            shutil.rmtree(folder, ignore_errors=True)
        return told

    def summary(self) -> str:
        """What came of all runs together."""
        kinds: Counter[str] = Counter()
        ended: Counter[str] = Counter()
        rules: Counter[str] = Counter()
        for told in self.told:
            kinds.update({fault.split()[0] for fault in told.faults})
            ended.update(told.ended)
            rules.update(told.broken.keys())
        failed = [str(told.seed) for told in self.told if told.broken]
        lines = [
            f"{len(self.told)} runs, {len(failed)} failed{': ' + ' '.join(failed) if failed else ''}",
            f"inputs: {sum(told.inputs for told in self.told)}",
            f"deliveries: {', '.join(f'{count} {word}' for word, count in sorted(ended.items()))}",
            f"runs with a fault of kind: {', '.join(f'{kind} {count}' for kind, count in kinds.most_common())}",
        ]
        return "\n".join([*lines, *([f"rules broken: {dict(rules)}"] if rules else [])])


async def until_ended(running: Awaitable[int]) -> int:
    """Await a series; one that is ended from elsewhere takes its processes along, as at Ctrl-C."""
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return ENDED_FROM_ELSEWHERE


async def judge(folder: Path) -> tuple[Mapping[str, int], str]:
    """Let the checker, a program of its own, judge a run folder: the rules that are broken, and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.checker", str(folder), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            out, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    try:
        verdict: Mapping[str, Any] = json.loads(out)
    except ValueError:
        return {BROKEN_LAB: 1}, errors.decode(errors="replace")
    (folder / "verdict.json").write_bytes(out)
    broken = {rule["rule"]: len(rule["violations"]) for rule in verdict["rules"] if rule["violations"]}
    if process.returncode and not broken:
        broken = {BROKEN_LAB: 1}
    return broken, "\n".join(_violations(verdict))


def _violations(verdict: Mapping[str, Any]) -> Iterable[str]:
    for rule in verdict["rules"]:
        yield from (f"  {rule['rule']} {json.dumps(each, default=str)}" for each in rule["violations"][:VIOLATIONS_MAX])


VIOLATIONS_MAX: Final = 5


def _said(detail: Mapping[str, Any]) -> str:
    words = [str(value) for value in detail.values() if value not in {"", None}]
    return f" ({' '.join(words)})" if words else ""


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
