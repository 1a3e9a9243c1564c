"""Forgetting: what bounded deletes cost, what dropped partitions would, and whether anybody who works notices."""

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any, Final
from uuid import uuid4

from chassis.batch import INSERT_INBOX
from chassis.consumer import BATCH_RECORDS_MAX
from chassis.housekeeping import PRUNE_INBOX, PRUNE_ROWS_MAX
from tests.bench.contenders import OURS
from tests.bench.figures import percentile
from tests.bench.invariants import Traces, first_appended
from tests.bench.latency import ROUNDED_UP_MS, sent_at
from tests.bench.load import messages
from tests.bench.stage import Stage
from tests.bench.years.fill import FILL_INBOX, fill_in_parts, fill_inbox, settled
from tests.bench.years.ground import console, new_database, said, session, sizes, trial_on

RATE: Final = 500
SECONDS: Final = 20
BATCHES: Final = 60
PRUNED: Final = 200
DAYS: Final = 18
KEPT: Final = timedelta(days=17)
TURNED_OVER: Final = 1_000_000
A_FIFTH: Final = 5
"""As much is replaced before the server cleans up by itself."""
STEPS: Final = 3 * A_FIFTH
RELATIONS: Final = ("inbox", "inbox_pkey", "inbox_received_at")

BEFORE: Final = "SELECT now() - $1::interval"
COUNT_EXPIRED: Final = "SELECT count(*) FROM inbox WHERE received_at < now() - $1::interval"
DELETE_EXPIRED: Final = "DELETE FROM inbox WHERE received_at < now() - $1::interval"
DELETE_SINCE: Final = "DELETE FROM inbox WHERE received_at >= $1"
OLDEST: Final = "SELECT max(received_at) FROM (SELECT received_at FROM inbox ORDER BY received_at LIMIT $1) AS first"

INSERT_NEW: Final = """
    INSERT INTO inbox (consumer, event_key, record_hash, received_at)
    SELECT 'registration', gen_random_uuid(), sha256(number::text::bytea), clock_timestamp()
      FROM generate_series(1, $1::int) AS number
"""
BY_DAY: Final = """
    CREATE TABLE inbox_by_day (LIKE inbox INCLUDING DEFAULTS) PARTITION BY RANGE (received_at);
    DO $$ BEGIN
        FOR day IN 0..18 LOOP
            EXECUTE format('CREATE TABLE inbox_day_%s PARTITION OF inbox_by_day FOR VALUES FROM (%L) TO (%L)', day,
                           date_trunc('day', now()) - day * interval '1 day',
                           date_trunc('day', now()) - (day - 1) * interval '1 day');
            EXECUTE format('ALTER TABLE inbox_day_%s ADD PRIMARY KEY (consumer, event_key)', day);
        END LOOP;
    END $$
"""
FILL_BY_DAY: Final = "INSERT INTO inbox_by_day SELECT * FROM inbox"
INSERT_BY_DAY: Final = """
    INSERT INTO inbox_by_day (consumer, event_key, record_hash, received_at)
    SELECT $1, event_key, record_hash, now() FROM unnest($2::uuid[], $3::bytea[]) AS d(event_key, record_hash)
     WHERE NOT EXISTS (SELECT FROM inbox_by_day AS known
                        WHERE known.consumer = $1 AND known.event_key = d.event_key)
     ORDER BY event_key
    RETURNING event_key
"""
DROP_A_DAY: Final = "DROP TABLE inbox_day_{}"


@dataclass(frozen=True)
class Times:
    """How long something took, in milliseconds."""

    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Times":
        """The percentiles of what was measured."""
        return cls(percentile(milliseconds, 50), percentile(milliseconds, 99), max(milliseconds))

    def __str__(self) -> str:
        return f"{self.p50:.1f}, {self.p99:.1f}, {self.most:.1f} ms"


@dataclass(frozen=True)
class Retention:
    """What was measured."""

    rows: int
    prune: Times
    prune_rows_a_second: float
    insert_plain: Times
    insert_by_day: Times
    drop_a_day_ms: float
    pruned_under_load_rows_a_second: float
    latency_while_pruning: Times
    latency_without: Times
    bytes_by_turnover: list[Mapping[str, int]]

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return asdict(self)

    def table(self) -> list[str]:
        """For a reader."""
        day = f"forget {PRUNE_ROWS_MAX:,} rows; a day ({self.rows // DAYS:,} rows)"
        before, after = (sum(found.values()) / 1e6 for found in (self.bytes_by_turnover[0], self.bytes_by_turnover[-1]))
        turnover = f"{TURNED_OVER:,} rows, all replaced {STEPS // A_FIFTH} times"
        pace = f"{self.pruned_under_load_rows_a_second:,.0f} rows/s"
        return [
            f"| an inbox of {self.rows:,} rows (p50, p99, max) | bounded deletes | partitions by day |",
            "|---|---|---|",
            f"| {BATCH_RECORDS_MAX} new events | {self.insert_plain} | {self.insert_by_day} |",
            f"| {day} | {self.prune} ({self.prune_rows_a_second:,.0f} rows/s) | {self.drop_a_day_ms:.0f} ms |",
            "",
            f"| {RATE} events/s, from the intended send to the follow-up (p50, p99, max) | |",
            "|---|---|",
            f"| while {pace} are forgotten | {self.latency_while_pruning} |",
            f"| with nothing to forget | {self.latency_without} |",
            f"| {turnover} | {before:,.0f} MB before, {after:,.0f} MB after |",
        ]


async def run(stage: Stage, asked: argparse.Namespace) -> Retention:
    """Measure."""
    expired = asked.inbox // 10
    dsn = await new_database(stage, "retention", OURS.migrations())
    async with session(dsn) as connection:
        with said(f"filled with {asked.inbox:,} rows, {expired:,} of them expired"):
            await fill_inbox(connection, asked.inbox, expired=expired)
        with said("the same by day"):
            await connection.execute(BY_DAY)
            await connection.execute(FILL_BY_DAY)
            await settled(connection)
        plain, by_day = await _inserts(connection)
        prune, pace = await _prunes(connection)
        began = time.monotonic()
        await connection.execute(DROP_A_DAY.format(DAYS))
        dropped_ms = (time.monotonic() - began) * 1000
        await connection.execute("DROP TABLE inbox_by_day")
        before, started_at = await connection.fetchval(COUNT_EXPIRED, KEPT), await connection.fetchval("SELECT now()")
        began = time.monotonic()
        while_pruning = await _latency(stage, dsn, name="while pruning")
        pruned = (before - await connection.fetchval(COUNT_EXPIRED, KEPT)) / (time.monotonic() - began)
        await connection.execute(DELETE_EXPIRED, KEPT)
        await connection.execute(DELETE_SINCE, started_at)  # the warm-up is the same again
        await settled(connection)
        without = await _latency(stage, dsn, name="without pruning")
        turnover = await _turned_over(connection)
    stage.backing.drop_database("retention")
    return Retention(asked.inbox, prune, pace, plain, by_day, dropped_ms, pruned, while_pruning, without, turnover)


async def _inserts(connection: Any) -> tuple[Times, Times]:
    """Batches of new events into the table as it is and into the one by day, taking turns."""
    found: dict[str, list[float]] = {INSERT_INBOX: [], INSERT_BY_DAY: []}
    for _ in range(BATCHES):
        for statement, times in found.items():
            keys = [uuid4() for _ in range(BATCH_RECORDS_MAX)]
            began = time.monotonic()
            await connection.fetch(statement, "registration", keys, [b"0" * 32] * len(keys))
            times.append((time.monotonic() - began) * 1000)
    return Times.of(found[INSERT_INBOX]), Times.of(found[INSERT_BY_DAY])


async def _prunes(connection: Any) -> tuple[Times, float]:
    before = await connection.fetchval(BEFORE, KEPT)
    times = []
    for _ in range(PRUNED):
        began = time.monotonic()
        await connection.execute(PRUNE_INBOX, before, PRUNE_ROWS_MAX)
        times.append((time.monotonic() - began) * 1000)
    return Times.of(times), PRUNE_ROWS_MAX / median(times) * 1000


async def _latency(stage: Stage, dsn: str, *, name: str) -> Times:
    """Events at a fixed rate through a process whose housekeeping does what there is to do."""
    given = messages(RATE * SECONDS, name=name)
    async with trial_on(stage, OURS, dsn) as trial:
        trial.start()
        sent = await sent_at(trial, given, rate=RATE)
        appended = first_appended(Traces(Counter(), {}, await trial.follow_ups()))
    found = Times.of([appended[event] - due + ROUNDED_UP_MS for event, due in sent.intended_ms.items()])
    console.print(f"{name}: {found}")
    return found


async def _turned_over(connection: Any) -> list[Mapping[str, int]]:
    """The bytes of a table whose rows come and go, at the pace at which the server cleans up after it."""
    await connection.execute("TRUNCATE inbox")
    await fill_in_parts(connection, FILL_INBOX, TURNED_OVER, 0)
    await settled(connection)
    found = [await sizes(connection, *RELATIONS)]
    for _ in range(STEPS):
        part = TURNED_OVER // A_FIFTH
        await connection.execute(INSERT_NEW, part)
        before = await connection.fetchval(OLDEST, part)
        gone = PRUNE_ROWS_MAX
        while gone == PRUNE_ROWS_MAX:
            status = await connection.execute(PRUNE_INBOX, before, PRUNE_ROWS_MAX)
            gone = int(status.rpartition(" ")[2])
        await connection.execute("VACUUM (ANALYZE) inbox")
        found.append(await sizes(connection, *RELATIONS))
    return found
