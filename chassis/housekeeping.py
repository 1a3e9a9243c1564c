"""What keeps a service's database small and its dashboards true: bounded deletes by age, gauges read from tables."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from chassis import idempotency
from chassis.clock import OfficeClock, SystemClock
from chassis.database import Connection, Pool
from chassis.failures import TRANSIENT
from chassis.metrics import Metrics

log = structlog.get_logger(__name__)

MEASURE_SECONDS: Final = 2.0
PRUNE_SECONDS: Final = 60.0
PRUNE_ROWS_MAX: Final = 5_000

PRUNE_INBOX: Final = """
    DELETE FROM inbox WHERE (consumer, event_key) IN
        (SELECT consumer, event_key FROM inbox WHERE consumer = $1 AND received_at < $2 ORDER BY received_at LIMIT $3)
"""
COUNT_OUTBOX: Final = """
    SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float AS oldest,
           count(*) FILTER (WHERE parked_reason IS NOT NULL) AS parked
      FROM (SELECT created_at, parked_reason FROM outbox ORDER BY seq LIMIT 100000) AS waiting
"""
COUNT_LETTERS: Final = (
    "SELECT kind, count(*) AS letters FROM dead_letter WHERE consumer = $1 AND state = 'parked' GROUP BY kind"
)
COUNT_HELD: Final = """
    SELECT count(*) AS keys, coalesce(extract(epoch FROM clock_timestamp() - min(held_since)), 0)::float AS oldest
      FROM held_key WHERE consumer = $1
"""
COUNT_TIMERS: Final = """
    SELECT count(*) AS waiting, count(*) FILTER (WHERE due_at <= $1) AS due, min(due_at) AS first FROM timer
"""


@dataclass
class Housekeeper:
    """The loop that measures and prunes one service's database."""

    pool: Pool
    consumer: str
    inbox_retention: timedelta
    metrics: Metrics
    system_clock: SystemClock
    office_clock: OfficeClock
    beat: Callable[[], None]

    async def run(self) -> None:
        """Measure often, prune now and then, until cancelled."""
        pruned_at = float("-inf")
        while True:
            self.beat()
            try:
                async with self.pool.acquire(timeout=5.0) as connection:
                    await self.measure(connection)
                    if self.system_clock.monotonic() - pruned_at > PRUNE_SECONDS:
                        await self.prune(connection)
                        pruned_at = self.system_clock.monotonic()
            except TRANSIENT as failure:
                log.warning("housekeeping interrupted", action="housekeeping", failure=type(failure).__name__)
            await asyncio.sleep(MEASURE_SECONDS)

    async def measure(self, connection: Connection) -> None:
        """Read the tables that operations watch."""
        outbox = await connection.fetchrow(COUNT_OUTBOX)
        if outbox is not None:
            self.metrics.relay.outbox(rows=outbox["rows"], oldest_seconds=outbox["oldest"], parked=outbox["parked"])
        letters = await connection.fetch(COUNT_LETTERS, self.consumer)
        self.metrics.dead_letters.open(self.consumer, {row["kind"]: row["letters"] for row in letters})
        held = await connection.fetchrow(COUNT_HELD, self.consumer)
        if held is not None:
            self.metrics.dead_letters.held(self.consumer, keys=held["keys"], oldest_seconds=held["oldest"])
        now = self.office_clock.now()
        timers = await connection.fetchrow(COUNT_TIMERS, now)
        if timers is not None:
            late = (now - timers["first"]).total_seconds() if timers["due"] else 0.0
            self.metrics.timers.state(waiting=timers["waiting"], due=timers["due"], oldest_late_seconds=late)

    async def prune(self, connection: Connection) -> None:
        """Forget what can no longer come again."""
        now = self.system_clock.now()
        await connection.execute(PRUNE_INBOX, self.consumer, now - self.inbox_retention, PRUNE_ROWS_MAX)
        await idempotency.prune(connection, now=now)
