"""Prove the checker: each seeded bug, alone, is caught within a few runs; the same scenes without it are clean.

`python -m tests.faults.selftest [--bugs a,b] [--runs 5] [--seed 1] [--lanes 2] [--keep]`
"""

import argparse
import asyncio
import shutil
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from deploy.local.settings import STATE
from tests.faults.bugs import BUGS
from tests.faults.lab.ground import Ground
from tests.faults.lab.run import Run
from tests.faults.lab.series import BROKEN_LAB, RUN_SECONDS_MAX, judge, until_ended
from tests.faults.provoking import CALM, KINDS, SCENES

RUNS_MAX: Final = 5
SETTLE_SECONDS: Final = 20.0
SOUND: Final = "(none)"
LANES: Final = 2
LINES_MAX: Final = 20
LINE_MAX: Final = 240


@dataclass(frozen=True)
class Trial:
    """Where a bug is most likely to be seen, and by which rules it must be."""

    scene: str
    rules: frozenset[str]


def _trial(scene: str, *rules: str) -> Trial:
    return Trial(scene, frozenset(rules))


TRIALS: Final[Mapping[str, Trial]] = {
    "offset-before-commit": _trial("a batch dies before its commit", "R4", "R6"),
    "failed-batch-passed-over": _trial("a batch loses its connection", "R1", "R6"),
    "kafkas-offsets-trusted": _trial("the database comes from a copy", "R1"),
    "dedupe-by-id-alone": _trial(CALM, "R1"),
    "trace-not-continued": _trial(CALM, "R10"),
    "inbox-in-its-own-transaction": _trial("a batch dies before its commit", "R4"),
    "number-in-its-own-transaction": _trial(CALM, "R4"),
    "answer-in-its-own-transaction": _trial("a request dies before its commit", "R1h"),
    "lost-race-ignored": _trial("both doors at once", "R2", "R4"),
    "timer-fired-twice": _trial(CALM, "R11"),
    "outbox-after-commit": _trial("a batch dies after its commit", "R3", "R4"),
    "published-before-commit": _trial("a batch dies before its commit", "R3"),
    "outbox-by-cursor": _trial("requests take their time", "R3"),
    "two-relays-skip-locked": _trial("requests take their time", "R3"),
    "forgotten-before-acknowledged": _trial("the broker dies", "R3"),
    "new-id-on-each-send": _trial(CALM, "R3"),
    "dead-letter-overtaken": _trial(CALM, "R5"),
    "held-key-released-beside-a-live-batch": _trial("letters are settled under load", "R5", "R8"),
    "held-key-never-released": _trial(CALM, "R8"),
    "sent-before-claimed": _trial("a sender dies with a mail", "R7"),
    "mail-under-another-id": _trial(CALM, "R7"),
}


@dataclass
class Found:
    """What came of the runs of a bug, or of a scene without one."""

    name: str
    scene: str
    runs: int = 0
    seconds: float = 0.0
    broken: dict[str, int] = field(default_factory=dict)
    caught: bool = False
    words: str = ""

    @property
    def line(self) -> str:
        """In a line."""
        rules = " ".join(f"{rule}({count})" for rule, count in self.broken.items()) or "-"
        return f"{self.name:<40} {self.scene:<32} {rules:<44} {self.runs:>4} {self.seconds:>7.1f}"


Job = Callable[[Ground], Awaitable[Found]]


@dataclass
class Selftest:
    """All trials, in lanes side by side, each on a ground of its own."""

    folder: Path
    seed: int
    runs_max: int
    lanes: int
    keep: bool

    async def run(self, bugs: Sequence[str]) -> int:
        """Try every bug, and every scene without one; 1 if a bug escaped or a sound run was flagged."""
        scenes = dict.fromkeys(TRIALS[bug].scene for bug in bugs)
        jobs: deque[Job] = deque(
            [*(partial(self.catch, bug=bug) for bug in bugs), *(partial(self.pass_over, scene=each) for each in scenes)]
        )
        began, starting = time.monotonic(), asyncio.Lock()
        lanes = [asyncio.create_task(_lane(jobs, starting)) for _ in range(min(self.lanes, len(jobs)))]
        results = [found for lane in await asyncio.gather(*lanes) for found in lane]
        tried = sorted((found for found in results if found.name in BUGS), key=lambda found: bugs.index(found.name))
        return tell(tried, [found for found in results if found.name not in BUGS], time.monotonic() - began)

    async def catch(self, ground: Ground, *, bug: str) -> Found:
        """Run the scene of a bug with other seeds until a rule that must see it does."""
        trial = TRIALS[bug]
        found = Found(bug, trial.scene)
        while found.runs < self.runs_max and not found.caught:
            await self._once(ground, found, seed=self.seed + found.runs, bug=bug)
            found.caught = not trial.rules.isdisjoint(found.broken)
        _say(found.line, *([found.words] if not found.caught else []))
        return found

    async def pass_over(self, ground: Ground, *, scene: str) -> Found:
        """Run a scene with the real parts."""
        found = Found(SOUND, scene)
        await self._once(ground, found, seed=self.seed, bug=None)
        _say(found.line, *([found.words] if found.broken else []))
        return found

    async def _once(self, ground: Ground, found: Found, *, seed: int, bug: str | None) -> None:
        began = time.monotonic()
        folder = self.folder / f"{bug or 'sound'} {seed} {found.scene}".replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        run = Run(SCENES[found.scene](seed), ground, folder, bug=bug, kinds=KINDS)
        if bug is not None:
            run.settle_seconds = SETTLE_SECONDS
        try:
            async with asyncio.timeout(RUN_SECONDS_MAX):
                await run.go()
            broken, found.words = await judge(folder)
        except Exception:  # noqa: BLE001 - a run that cannot be made catches nothing, and is no sound one
            broken, found.words = {BROKEN_LAB: 1}, _last_lines(traceback.format_exc())
        found.broken = dict(broken)
        found.runs += 1
        found.seconds += time.monotonic() - began
        if not self.keep and bool(broken) == (bug is not None):
            shutil.rmtree(folder, ignore_errors=True)


async def _lane(jobs: deque[Job], starting: asyncio.Lock) -> list[Found]:
    """Do one job after the other, until none is left."""
    async with starting:
        ground = await asyncio.to_thread(Ground().__enter__)
    done = []
    try:
        while jobs:
            done.append(await jobs.popleft()(ground))
    finally:
        await asyncio.to_thread(ground.__exit__, None, None, None)
    return done


def tell(tried: Sequence[Found], sound: Sequence[Found], seconds: float) -> int:
    """Say what came of it in a table; 1 if the checker is not proven."""
    escaped = [found.name for found in tried if not found.caught]
    flagged = [found.scene for found in sound if found.broken]
    caught = Counter(rule for found in tried for rule in found.broken)
    _say("", f"{'seeded bug':<40} {'scene':<32} {'broken rules':<44} {'runs':>4} {'seconds':>7}")
    _say(*(found.line for found in (*tried, *sound)))
    _say("", f"rules that caught a bug: {', '.join(f'{rule} ({count})' for rule, count in caught.most_common())}")
    _say(*(f"escaped: {name}" for name in escaped), *(f"flagged without a bug: {scene}" for scene in flagged))
    _say(
        f"{len(tried) - len(escaped)} of {len(tried)} bugs caught, "
        f"{len(flagged)} of {len(sound)} sound runs flagged, {seconds:.0f} s"
    )
    return int(bool(escaped or flagged))


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _last_lines(words: str) -> str:
    return "\n".join(line[:LINE_MAX] for line in words.splitlines()[-LINES_MAX:])


def _asked(names: str | None, known: Iterable[str]) -> list[str]:
    return list(known) if names is None else names.split(",")


def main() -> int:
    """Print a line for each bug and each scene, and a table; 1 if the checker is not proven."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.selftest", description="Prove the checker.")
    parser.add_argument("--bugs", default=None, help="only these, separated by commas")
    parser.add_argument("--runs", type=int, default=RUNS_MAX, help="at most so many for each bug")
    parser.add_argument("--seed", type=int, default=1, help="of the first run of each")
    parser.add_argument("--lanes", type=int, default=LANES, help="so many at the same time")
    parser.add_argument("--keep", action="store_true", help="keep the folder of every run")
    parser.add_argument("--folder", type=Path, default=STATE / "faults-selftest", help="where run folders go")
    asked = parser.parse_args()
    bugs = _asked(asked.bugs, BUGS)
    if unknown := set(bugs) - BUGS.keys():
        parser.error(f"no such bugs: {', '.join(sorted(unknown))}")
    selftest = Selftest(asked.folder, asked.seed, asked.runs, asked.lanes, asked.keep)
    return asyncio.run(until_ended(selftest.run(bugs)))


if __name__ == "__main__":
    sys.exit(main())
