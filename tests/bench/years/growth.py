"""Growth: the rate of the registration service with ten thousand, and with ten million, handled events behind it."""

import argparse
import json
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from tests.bench.contenders import Contender
from tests.bench.drain import MEBIBYTE, Usage
from tests.bench.figures import interleaved, paired_ratio
from tests.bench.load import FRIDAY, Message, messages
from tests.bench.stage import Stage
from tests.bench.years.explained import Explained, explain
from tests.bench.years.fill import fill_letters, fill_service
from tests.bench.years.ground import (
    OUR_REGISTRATION,
    console,
    new_database,
    poured,
    said,
    session,
    sizes,
    trial_on,
    until_handled,
)

COPIED_ROWS_MAX: Final = 100_000
"""Up to this size every run has a fresh copy; of a larger one the runs themselves are a hundredth."""
AWAITED_MAX: Final = 5_000
LETTERS: Final = 100_000
RELEASED_APART: Final = timedelta(seconds=30)
WARM_UP_EVENTS: Final = 1_000
SETTLE: Final = "VACUUM (ANALYZE)"
WAL_POSITION: Final = "SELECT pg_current_wal_lsn() - '0/0'"
TABLES: Final = ("inbox", "inbox_pkey", "registration", "registration_pkey", "timeline")
CREATE_WARMER: Final = "CREATE EXTENSION pg_prewarm"
WARM_INDEXES: Final = """
    SELECT sum(pg_prewarm(indexrelid)) FROM pg_index
     WHERE indrelid = ANY (ARRAY['inbox', 'registration', 'timeline']::regclass[])
"""
"""A server that has run for years has its indexes in memory; one whose tables were filled a minute ago has not."""


@dataclass(frozen=True)
class Run:
    """One drain at one size."""

    rows: int
    events: int
    seconds: float
    cpu_seconds: float
    wal_bytes: int
    memory_mib: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


@dataclass(frozen=True)
class Growth:
    """All runs, and how statements are run at the largest size."""

    runs: list[Run]
    sizes: Mapping[int, Mapping[str, int]]
    explained: list[Explained]

    def rates(self, rows: int) -> list[float]:
        """The rates at one size, round by round."""
        return [run.rate for run in self.runs if run.rows == rows]

    def ratio(self, rows: int) -> float:
        """The rate at one size by that at the smallest of the same round."""
        return paired_ratio(self.rates(rows), self.rates(min(self.sizes)))

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return {
            "runs": [asdict(run) | {"rate": run.rate} for run in self.runs],
            "ratio_to_smallest": {rows: self.ratio(rows) for rows in self.sizes},
            "bytes": {rows: dict(found) for rows, found in self.sizes.items()},
            "explained": [asdict(each) for each in self.explained],
        }

    def table(self) -> list[str]:
        """For a reader."""
        lines = [
            "| rows in inbox and registration | events/s (min-max) | by the smallest | WAL B/event | MB |",
            "|---|---|---|---|---|",
        ]
        for rows, found in self.sizes.items():
            rates = self.rates(rows)
            wal = median(run.wal_bytes / run.events for run in self.runs if run.rows == rows)
            lines.append(
                f"| {rows:,} | {median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f}) | {self.ratio(rows):.2f} "
                f"| {wal:,.0f} | {sum(found.values()) / 1e6:,.0f} |"
            )
        return [*lines, "", *Explained.table(self.explained)]


@dataclass(frozen=True)
class Level:
    """A database of one size."""

    rows: int
    name: str
    dsn: str

    @asynccontextmanager
    async def database(self, stage: Stage, number: int) -> AsyncIterator[str]:
        """The address of it, or of a copy that is gone afterwards."""
        if self.rows > COPIED_ROWS_MAX:
            yield self.dsn
            return
        copy = f"{self.name}_{number}"
        yield stage.backing.create_database(copy, template=self.name)
        stage.backing.drop_database(copy)


async def run(stage: Stage, asked: argparse.Namespace) -> Growth:
    """Fill a database of each size, then drain the same load into each, round by round."""
    contender = at_office_time(OUR_REGISTRATION, FRIDAY + timedelta(hours=10), folder=stage.backing.folder)
    levels = [await _level(stage, rows) for rows in asked.rows]
    runs = []
    for number, order in enumerate(interleaved(levels, asked.rounds)):
        given = messages(asked.events, name=f"round{number}")
        for level in order:
            async with level.database(stage, number) as dsn:
                runs.append(await _drain(stage, contender, level.rows, dsn, given))
            console.print(f"{level.rows:>10,} rows  {runs[-1].rate:7,.0f} events/s")
    found = {}
    for level in levels:
        async with session(level.dsn) as connection:
            found[level.rows] = await sizes(connection, *TABLES)
    explained = await _explained(levels[-1]) if asked.explain else []
    for level in levels:
        stage.backing.drop_database(level.name)
    return Growth(runs, found, explained)


async def _explained(level: Level) -> list[Explained]:
    async with session(level.dsn) as connection:
        await fill_letters(connection, LETTERS)
    return await explain(level.dsn, rows=level.rows)


def at_office_time(contender: Contender, moment: datetime, *, folder: Path) -> Contender:
    """The same, with an office clock that shows this moment now."""
    file = folder / "office-clock.json"
    now = datetime.now(UTC)
    file.write_text(json.dumps({"system": now.isoformat(), "office": moment.isoformat(), "factor": 1}))
    return replace(contender, env={**contender.env, "OFFICE_CLOCK_FILE": str(file)})


async def _level(stage: Stage, rows: int) -> Level:
    name = f"growth_{rows}"
    dsn = await new_database(stage, name, OUR_REGISTRATION.migrations())
    async with session(stage.backing.admin_dsn, database=name) as admin:
        await admin.execute(CREATE_WARMER)
    with said(f"filled with {rows:,} rows"):
        async with session(dsn) as connection:
            await fill_service(
                connection,
                rows,
                awaited=min(AWAITED_MAX, rows // 2),
                first_released_at=datetime.now(UTC) - rows * RELEASED_APART,
                distance=RELEASED_APART,
            )
    return Level(rows, name, dsn)


async def _drain(stage: Stage, contender: Contender, rows: int, dsn: str, given: tuple[Message, ...]) -> Run:
    """Warm up, fill the topic while the service stands still, and let it go."""
    warm = messages(WARM_UP_EVENTS, name=given[0].event_id)
    async with trial_on(stage, contender, dsn) as trial, session(dsn) as connection:
        trial.start()
        await poured(trial, warm)
        await until_handled(trial, connection, len(warm))
        trial.process.send(signal.SIGSTOP)
        await poured(trial, given)
        await connection.execute(WARM_INDEXES)
        await stage.admin.execute("CHECKPOINT")
        usage = Usage(psutil.Process(trial.process.pid))
        wal_before = await connection.fetchval(WAL_POSITION)
        begun = time.monotonic()
        trial.process.send(signal.SIGCONT)
        await until_handled(trial, connection, len(warm) + len(given), watch=lambda _: usage.look())
        seconds = time.monotonic() - begun
        wal = int(await connection.fetchval(WAL_POSITION) - wal_before)
    return Run(rows, len(given), seconds, usage.cpu_seconds, wal, usage.memory_bytes_max / MEBIBYTE)
