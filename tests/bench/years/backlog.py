"""A backlog: a worker starts on an empty database before a million events; its memory must not grow with them."""

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import psutil

from tests.bench.contenders import OURS, Contender
from tests.bench.drain import MEBIBYTE
from tests.bench.load import Message, messages
from tests.bench.stage import Stage
from tests.bench.years.ground import (
    OUR_REGISTRATION,
    console,
    new_database,
    poured,
    said,
    session,
    trial_on,
    until_handled,
)

PARTS: Final = 10
POURED_TOGETHER: Final = 10_000
LOOK_SECONDS: Final = 0.2
SELECT_HANDLED: Final = (
    "SELECT (SELECT count(*) FROM inbox) AS handled, (SELECT count(*) FROM dead_letter) AS set_aside"
)


def part_ends(handled: int, *, events: int) -> int:
    """How many tenths of the events have been handled whole."""
    return min(handled * PARTS // events, PARTS)


@dataclass
class Progress:
    """How far it is and what it takes, looked at now and then."""

    events: int
    process: psutil.Process
    begun: float = field(default_factory=time.monotonic)
    marks: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    _looked_at: float = 0.0

    def look(self, handled: int) -> None:
        """Notice it."""
        now = time.monotonic()
        if now - self._looked_at > LOOK_SECONDS:
            self._looked_at = now
            self.memory.append(self.process.memory_info().rss / MEBIBYTE)
        self.marks += [now - self.begun] * (part_ends(handled, events=self.events) - len(self.marks))


@dataclass(frozen=True)
class Drained:
    """One backlog to its end."""

    contender: str
    events: int
    rate: float
    rates_by_part: list[float]
    memory_mib_max: float
    memory_mib_median: float
    samples: int
    lost: int
    set_aside: int

    def line(self) -> str:
        """For a reader."""
        parts = ", ".join(f"{rate:,.0f}" for rate in self.rates_by_part)
        return (
            f"| {self.contender} | {self.events:,} | {self.rate:,.0f} | {parts} | {self.memory_mib_max:.0f} "
            f"({self.memory_mib_median:.0f}) | {self.lost} |"
        )


@dataclass(frozen=True)
class Backlog:
    """Every service that was given one."""

    drained: list[Drained]

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {"drained": [asdict(each) for each in self.drained]}

    def table(self) -> list[str]:
        """For a reader."""
        return [
            "| a backlog for | events | events/s | by tenths | MiB at most (median) | lost |",
            "|---|---|---|---|---|---|",
            *(each.line() for each in self.drained),
        ]


async def run(stage: Stage, asked: argparse.Namespace) -> Backlog:
    """The small service with the whole backlog, and registration with a part of it."""
    return Backlog(
        [
            await _drain(stage, OURS, asked.backlog),
            await _drain(stage, OUR_REGISTRATION, asked.backlog_of_registration),
        ]
    )


async def _drain(stage: Stage, contender: Contender, events: int) -> Drained:
    dsn = await new_database(stage, "backlog", contender.migrations())
    async with trial_on(stage, contender, dsn) as trial, session(dsn) as connection:
        sent = distinct = 0
        with said(f"{events:,} events put on the topic"):
            for some in _many(events):
                await poured(trial, some)
                sent += len(some)
                distinct += len({message.event_id for message in some})
        trial.start()
        progress = Progress(sent, psutil.Process(trial.process.pid))
        await until_handled(trial, connection, sent, watch=progress.look)
        seconds = time.monotonic() - progress.begun
        left = await connection.fetchrow(SELECT_HANDLED)
    stage.backing.drop_database("backlog")
    part, marks = sent / PARTS, progress.marks
    found = Drained(
        contender=contender.title,
        events=sent,
        rate=sent / seconds,
        rates_by_part=[part / max(after - before, 0.001) for before, after in zip([0.0, *marks], marks, strict=False)],
        memory_mib_max=max(progress.memory),
        memory_mib_median=sorted(progress.memory)[len(progress.memory) // 2],
        samples=len(progress.memory),
        lost=distinct - left["handled"] - left["set_aside"],
        set_aside=left["set_aside"],
    )
    console.print(found.line())
    return found


def _many(events: int) -> Iterator[tuple[Message, ...]]:
    """The events, some thousands at a time: a million of them do not have to be held here either."""
    for first in range(0, events, POURED_TOGETHER):
        yield messages.__wrapped__(min(POURED_TOGETHER, events - first), name=f"backlog{first}")
