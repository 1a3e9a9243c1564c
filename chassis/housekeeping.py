"""What keeps a service's database small and its dashboards true: bounded deletes by age, gauges read from tables."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from chassis import idempotency
from chassis.audit_chain import count_unsealed
from chassis.clock import OfficeClock, SystemClock
from chassis.database import Connection, Pool
from chassis.failures import TRANSIENT
from chassis.metrics import Metrics

log = structlog.get_logger(__name__)

MEASURE_SECONDS: Final = 2.0
MEASURE_OWN_SECONDS: Final = 30.0
"""What a service measures of its own tables is a matter of hours and days."""
PRUNE_SECONDS: Final = 60.0
PRUNE_ROWS_MAX: Final = 1_000
"""One statement deletes so many rows at most, so that whoever waits for one of them does not wait long."""
PRUNE_STATEMENTS_MAX: Final = 10
"""One look deletes from each table by so many statements at most; what is left comes with the next look."""
PRUNE_LOCK: Final = 7_215_003
COUNTED_ROWS_MAX: Final = 10_000
"""So many rows are counted; of more, it is estimated how many there are: counting must not grow with what it counts."""

# The oldest by age alone, whichever consumer they are of, and by their places in the table: found by the one index
# that has them in order, and not looked up again by key.
PRUNE_INBOX: Final = """
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2))
"""
PRUNE_LETTERS: Final = """
    DELETE FROM dead_letter WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM dead_letter
         WHERE state IN ('resolved', 'discarded') AND updated_at < $1 ORDER BY updated_at LIMIT $2))
"""
COUNT_OUTBOX: Final = """
    SELECT rows + CASE WHEN rows = $1 THEN (SELECT max(seq) FROM outbox) - last ELSE 0 END AS rows, oldest,
           (SELECT count(*) FROM (SELECT FROM outbox WHERE parked_reason IS NOT NULL LIMIT $1) AS parked) AS parked
      FROM (SELECT count(*) AS rows, max(seq) AS last,
                   coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float AS oldest
              FROM (SELECT seq, created_at FROM outbox ORDER BY seq LIMIT $1) AS first) AS counted
"""
COUNT_LETTERS: Final = """
    SELECT kind, (SELECT count(*) FROM (SELECT FROM dead_letter
                                         WHERE consumer = $1 AND state = 'parked' AND dead_letter.kind = known.kind
                                         LIMIT $2) AS parked) AS letters
      FROM unnest(ARRAY['malformed', 'refused', 'bug', 'held']) AS known(kind)
"""
COUNT_HELD: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM held_key WHERE consumer = $1 LIMIT $2) AS held) AS keys,
           coalesce(extract(epoch FROM clock_timestamp() - min(held_since)), 0)::float AS oldest
      FROM held_key WHERE consumer = $1
"""
COUNT_TIMERS: Final = """
    SELECT CASE WHEN waiting < $2 THEN waiting ELSE greatest(waiting, (
               SELECT reltuples::bigint FROM pg_class WHERE oid = 'timer'::regclass)) END AS waiting,
           (SELECT count(*) FROM (SELECT FROM timer WHERE due_at <= $1 LIMIT $2) AS due) AS due,
           (SELECT min(due_at) FROM timer) AS first
      FROM (SELECT count(*) AS waiting FROM (SELECT FROM timer LIMIT $2) AS first) AS counted
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
    measures: Sequence[Callable[[Connection], Awaitable[None]]] = ()

    async def run(self) -> None:
        """Measure often, prune now and then until nothing is left to prune, until cancelled."""
        prune_at = measure_own_at = float("-inf")
        while True:
            self.beat()
            try:
                async with self.pool.acquire(timeout=5.0) as connection:
                    await self.measure(connection)
                    if self.system_clock.monotonic() > measure_own_at:
                        measure_own_at = self.system_clock.monotonic() + MEASURE_OWN_SECONDS
                        for measure in self.measures:
                            await measure(connection)
                    if self.system_clock.monotonic() > prune_at and await self.prune(connection):
                        prune_at = self.system_clock.monotonic() + PRUNE_SECONDS
            except TRANSIENT as failure:
                log.warning("housekeeping interrupted", action="housekeeping", failure=type(failure).__name__)
            await asyncio.sleep(MEASURE_SECONDS)

    async def measure(self, connection: Connection) -> None:
        """Read the tables that operations watch."""
        outbox = await connection.fetchrow(COUNT_OUTBOX, COUNTED_ROWS_MAX)
        if outbox is not None:
            self.metrics.relay.outbox(rows=outbox["rows"], oldest_seconds=outbox["oldest"], parked=outbox["parked"])
        letters = await connection.fetch(COUNT_LETTERS, self.consumer, COUNTED_ROWS_MAX)
        self.metrics.dead_letters.open(self.consumer, {row["kind"]: row["letters"] for row in letters})
        held = await connection.fetchrow(COUNT_HELD, self.consumer, COUNTED_ROWS_MAX)
        if held is not None:
            self.metrics.dead_letters.held(self.consumer, keys=held["keys"], oldest_seconds=held["oldest"])
        now = self.office_clock.now()
        timers = await connection.fetchrow(COUNT_TIMERS, now, COUNTED_ROWS_MAX)
        if timers is not None:
            late = (now - timers["first"]).total_seconds() if timers["due"] else 0.0
            self.metrics.timers.state(waiting=timers["waiting"], due=timers["due"], oldest_late_seconds=late)
        entries, oldest_seconds = await count_unsealed(connection)
        self.metrics.audit.unsealed(entries=entries, oldest_seconds=oldest_seconds)

    async def prune(self, connection: Connection) -> bool:
        """Forget some of what can no longer come again; whether nothing of it is left for now.

        One process of a service does it at a time: two would wait for each other's rows.
        """
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", PRUNE_LOCK):
            return True
        try:
            # The database's clock wrote these times; a process whose own clock is wrong must not forget too early.
            now = await connection.fetchval("SELECT now()")
            before = now - self.inbox_retention
            finished = [
                await self._prune(connection, PRUNE_INBOX, before),
                await self._prune(connection, PRUNE_LETTERS, before),
                await self._prune_answers(connection, now),
            ]
            return all(finished)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", PRUNE_LOCK)

    async def _prune(self, connection: Connection, statement: str, before: datetime) -> bool:
        for _ in range(PRUNE_STATEMENTS_MAX):
            status: str = await connection.execute(statement, before, PRUNE_ROWS_MAX)
            self.beat()
            if int(status.rpartition(" ")[2]) < PRUNE_ROWS_MAX:
                return True
        return False

    async def _prune_answers(self, connection: Connection, now: datetime) -> bool:
        for _ in range(PRUNE_STATEMENTS_MAX):
            self.beat()
            if await idempotency.prune(connection, now=now) < idempotency.PRUNE_ROWS_MAX:
                return True
        return False
