"""A million clocks: how fast those ring that are overdue, and how late each rings that falls due meanwhile."""

import argparse
import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psutil

from chassis import housekeeping
from chassis.database import connect
from chassis.timers import DUE_ROWS_MAX, SELECT_DUE
from tests.bench.drain import MEBIBYTE, Usage
from tests.bench.figures import percentile
from tests.bench.stage import Stage, Stalled, Trial
from tests.bench.years.explained import explain_one
from tests.bench.years.fill import FIRST_RUNG, fill_service
from tests.bench.years.ground import OUR_REGISTRATION, STALL_SECONDS, in_roles, new_database, said, session, trial_on

OVERDUE_SINCE: Final = timedelta(seconds=75)
"""So long before the filling the first clock ran out; more run out while it goes on."""
STEADY_RATE: Final = 200
STEADY_SECONDS: Final = 30
CLOCKS_MIN: Final = 40_000
"""With fewer all have run out before the overdue ones are rung, and none falls due meanwhile."""
LOOK_SECONDS: Final = 0.25
PATIENCE: Final = timedelta(seconds=2)
FILLED_VERSION: Final = 5

COUNT_TWICE: Final = "SELECT count(*) FROM registration WHERE version > $1 + 1"
COUNT_OVERDUE: Final = "SELECT count(*) FROM timer WHERE due_at < now() - $1::interval"
SELECT_RUNG: Final = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS rung_at,
           extract(epoch FROM released_at + $1::interval)::float8 AS due_at
      FROM registration WHERE version > $2
"""


@dataclass(frozen=True)
class Rung:
    """What was measured; lateness in milliseconds from due to committed."""

    clocks: int
    overdue: int
    rate: float
    steady_rate: int
    steady: int
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float
    rung_twice: int
    not_rung: int
    memory_mib: float
    cpu_seconds: float
    statements_ms: Mapping[str, float]

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return asdict(self)

    def table(self) -> list[str]:
        """For a reader."""
        statements = "; ".join(f"{what} {milliseconds:.2f} ms" for what, milliseconds in self.statements_ms.items())
        late = f"{self.late_p50_ms:.0f}, {self.late_p99_ms:.0f}, {self.late_max_ms:.0f} ms"
        return [
            f"| {self.clocks:,} clocks of registration | |",
            "|---|---|",
            f"| overdue at the start: {self.overdue:,} | {self.rate:,.0f}/s |",
            f"| then {self.steady_rate}/s falling due: late p50, p99, max of {self.steady:,} | {late} |",
            f"| rung twice, not rung | {self.rung_twice}, {self.not_rung} |",
            f"| memory, CPU | {self.memory_mib:.0f} MiB, {self.cpu_seconds:.1f} s |",
            f"| what the loops ask | {statements} |",
        ]


async def run(stage: Stage, asked: argparse.Namespace) -> Rung:
    """Fill, start the service with the overdue clocks behind it, and let the others fall due."""
    if asked.clocks < CLOCKS_MIN:
        raise Stalled(f"{asked.clocks:,} clocks are too few; at least {CLOCKS_MIN:,} are needed")
    contender = in_roles(OUR_REGISTRATION, "worker,relay")
    dsn = await new_database(stage, "timers", contender.migrations())
    async with trial_on(stage, contender, dsn) as trial, session(dsn) as connection:
        with said(f"filled with {asked.clocks:,} clocks"):
            await fill_service(
                connection,
                asked.clocks,
                awaited=asked.clocks,
                first_released_at=datetime.now(UTC) - FIRST_RUNG - OVERDUE_SINCE,
                distance=timedelta(seconds=1) / STEADY_RATE,
            )
        statements = await _statements(dsn)
        trial.start()
        usage = Usage(psutil.Process(trial.process.pid))
        begun = time.time()
        due_at_start = await _until_none_is_due(connection, trial, usage)
        until = time.time() + STEADY_SECONDS
        while time.time() < until:
            usage.look()
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(PATIENCE.total_seconds())
        rows = await connection.fetch(SELECT_RUNG, FIRST_RUNG, FILLED_VERSION)
        twice = await connection.fetchval(COUNT_TWICE, FILLED_VERSION)
        not_rung = await connection.fetchval(COUNT_OVERDUE, PATIENCE)
    stage.backing.drop_database("timers")
    overdue = [row["rung_at"] for row in rows if row["due_at"] < begun]
    steady = [row for row in rows if due_at_start < row["due_at"] < until]
    late = [(row["rung_at"] - row["due_at"]) * 1000 for row in steady]
    return Rung(
        clocks=asked.clocks,
        overdue=len(overdue),
        rate=len(overdue) / (max(overdue) - min(overdue)),
        steady_rate=STEADY_RATE,
        steady=len(steady),
        late_p50_ms=percentile(late, 50),
        late_p99_ms=percentile(late, 99),
        late_max_ms=max(late),
        rung_twice=twice,
        not_rung=not_rung,
        memory_mib=usage.memory_bytes_max / MEBIBYTE,
        cpu_seconds=usage.cpu_seconds,
        statements_ms=statements,
    )


async def _statements(dsn: str) -> dict[str, float]:
    """What the loops ask of the table again and again, in milliseconds."""
    connection = await connect(dsn, name="bench")
    now = datetime.now(UTC)
    asked: dict[str, tuple[Any, ...]] = {
        "what is due": (SELECT_DUE, now, ["first-contact"], DUE_ROWS_MAX),
        "what waits": (housekeeping.COUNT_TIMERS, now, housekeeping.COUNTED_ROWS_MAX),
    }
    try:
        return {what: (await explain_one(connection, what, *call)).milliseconds for what, call in asked.items()}
    finally:
        await connection.close()


async def _until_none_is_due(connection: Any, trial: Trial, usage: Usage) -> float:
    """Wait until everything that was due has rung; the time at which that was so."""
    deadline = time.monotonic() + STALL_SECONDS
    while True:
        usage.look()
        now = time.time()
        if not await connection.fetchval(COUNT_OVERDUE, timedelta(seconds=1)):
            return now
        if time.monotonic() > deadline or not trial.process.running:
            raise Stalled(f"the clocks do not ring.\n{trial.process.log_tail()}")
        await asyncio.sleep(LOOK_SECONDS)
