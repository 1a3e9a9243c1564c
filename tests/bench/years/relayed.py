"""The relay alone: a million messages from a full outbox to Kafka, what they leave behind, and how it goes on."""

import argparse
import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.database import connect
from chassis.relay import BATCH_ROWS_MAX, CLAIM, UNPARK
from tests.bench.contenders import OURS
from tests.bench.drain import MEBIBYTE, Usage
from tests.bench.stage import Stage, Stalled, Trial
from tests.bench.years.explained import explain_one
from tests.bench.years.fill import fill_outbox
from tests.bench.years.ground import POLL_SECONDS, STALL_SECONDS, in_roles, new_database, said, session, sizes, trial_on
from tests.component.chassis.delivery.wire import FACTS, header

PARTS: Final = 10
VACUUM_SECONDS_MAX: Final = 150.0
WARM_ROWS: Final = 1_000
SMALL_ROWS: Final = 20_000
PARKED_ROWS: Final = 1_000
PARK_SOME: Final = """
    UPDATE outbox SET parked_reason = 'no such topic' WHERE seq IN (SELECT seq FROM outbox ORDER BY seq LIMIT $1)
"""
IS_EMPTY: Final = "SELECT NOT EXISTS (SELECT FROM outbox)"
RELATIONS: Final = ("outbox", "outbox_pkey")
SELECT_VACUUMED: Final = """
    SELECT autovacuum_count AS times, n_dead_tup AS dead FROM pg_stat_user_tables WHERE relname = 'outbox'
"""


@dataclass(frozen=True)
class Relayed:
    """What was measured; rates in messages a second, times in milliseconds, sizes in bytes."""

    messages: int
    rate: float
    rates_by_part: list[float]
    claims_ms: Mapping[str, float]
    cpu_seconds_per_1000: float
    memory_mib: float
    bytes_full: Mapping[str, int]
    bytes_empty: Mapping[str, int]
    autovacuums: int
    dead_rows: int
    small_rate_before: float
    small_rate_after: float
    bytes_at_end: Mapping[str, int]
    lost: int
    doubled: int
    disordered: int

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""
        return asdict(self)

    def table(self) -> list[str]:
        """For a reader."""
        parts = ", ".join(f"{rate:,.0f}" for rate in self.rates_by_part)
        claims = ", ".join(f"{when} {milliseconds:.2f} ms" for when, milliseconds in self.claims_ms.items())
        vacuumed = f"{self.autovacuums}, {self.dead_rows:,}"
        small = f"{self.small_rate_before:,.0f}/s, {self.small_rate_after:,.0f}/s"
        return [
            "| relay alone | |",
            "|---|---|",
            f"| {self.messages:,} messages from a full outbox | {self.rate:,.0f}/s; by tenths {parts} |",
            f"| CPU seconds per 1,000; memory | {self.cpu_seconds_per_1000:.3f}; at most {self.memory_mib:.0f} MiB |",
            f"| lost, doubled, out of order | {self.lost}, {self.doubled}, {self.disordered} |",
            f"| claim of a batch | {claims} |",
            f"| outbox when full | {_megabytes(self.bytes_full)} |",
            f"| when relayed; autovacuums, dead rows | {_megabytes(self.bytes_empty)}; {vacuumed} |",
            f"| after {SMALL_ROWS:,} more | {_megabytes(self.bytes_at_end)} |",
            f"| {SMALL_ROWS:,} at a time, before and after | {small} |",
        ]


async def run(stage: Stage, asked: argparse.Namespace) -> Relayed:
    """Measure."""
    contender = in_roles(OURS, "relay")
    dsn = await new_database(stage, "relayed", contender.migrations())
    async with trial_on(stage, contender, dsn) as trial, session(dsn) as connection:
        trial.start()
        await _emptied(trial, connection, WARM_ROWS, first=1)
        small_before = await _emptied(trial, connection, SMALL_ROWS, first=WARM_ROWS + 1)
        trial.end()
        before = WARM_ROWS + SMALL_ROWS
        with said(f"{asked.messages:,} messages put into the outbox"):
            await fill_outbox(connection, asked.messages, topic=trial.wire.topic(FACTS), first=before + 1)
        full, claims = await sizes(connection, *RELATIONS), {"full": await _claim_ms(dsn)}
        await connection.execute(PARK_SOME, PARKED_ROWS)
        claims[f"with {PARKED_ROWS:,} rows parked"] = await _claim_ms(dsn)
        await connection.execute(UNPARK)
        seconds, marks, usage = await _measured(trial, asked.messages)
        await _until_empty(connection)
        claims["just emptied"] = await _claim_ms(dsn)
        vacuumed = await _vacuumed(connection)
        claims["vacuumed"] = await _claim_ms(dsn)
        empty = await sizes(connection, *RELATIONS)
        small_after = await _emptied(trial, connection, SMALL_ROWS, first=before + asked.messages + 1)
        at_end = await sizes(connection, *RELATIONS)
        trial.end()
        lost, doubled, disordered = await _judged(trial, before + asked.messages + SMALL_ROWS)
    stage.backing.drop_database("relayed")
    part = asked.messages / PARTS
    return Relayed(
        messages=asked.messages,
        rate=asked.messages / seconds,
        rates_by_part=[part / (after - before) for before, after in zip([0.0, *marks], marks, strict=False)],
        claims_ms=claims,
        cpu_seconds_per_1000=usage.cpu_seconds / asked.messages * 1_000,
        memory_mib=usage.memory_bytes_max / MEBIBYTE,
        bytes_full=full,
        bytes_empty=empty,
        autovacuums=vacuumed["times"],
        dead_rows=vacuumed["dead"],
        small_rate_before=small_before,
        small_rate_after=small_after,
        bytes_at_end=at_end,
        lost=lost,
        doubled=doubled,
        disordered=disordered,
    )


async def _measured(trial: Trial, messages: int) -> tuple[float, list[float], Usage]:
    """Start the relay before a full outbox: from the first message on the topic to the last, and when each part was."""
    before = await trial.followed()
    trial.start()
    usage = Usage(psutil.Process(trial.process.pid))
    while await trial.followed() == before:  # noqa: ASYNC110  a topic tells nobody
        await asyncio.sleep(POLL_SECONDS)
    begun = moved = time.monotonic()
    marks: list[float] = []
    last = 0
    while len(marks) < PARTS:
        found = await trial.followed() - before
        usage.look()
        now = time.monotonic()
        marks += [now - begun] * (found * PARTS // messages - len(marks))
        if found > last:
            moved, last = now, found
        if now - moved > STALL_SECONDS:
            raise Stalled(f"{last} of {messages} relayed.\n{trial.process.log_tail()}")
        await asyncio.sleep(POLL_SECONDS)
    return marks[-1], marks, usage


async def _emptied(trial: Trial, connection: Any, messages: int, *, first: int) -> float:
    """Messages a second of a small fill, with the relay at work."""
    begun = time.monotonic()
    await fill_outbox(connection, messages, topic=trial.wire.topic(FACTS), first=first)
    await _until_empty(connection)
    return messages / (time.monotonic() - begun)


async def _until_empty(connection: Any) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        while not await connection.fetchval(IS_EMPTY):  # noqa: ASYNC110  a table tells nobody
            await asyncio.sleep(POLL_SECONDS / 4)


async def _claim_ms(dsn: str) -> float:
    """The median of a few claims, as the server measures them for a relay."""
    connection = await connect(dsn, name="bench")
    try:
        return (await explain_one(connection, "claim", CLAIM, BATCH_ROWS_MAX)).milliseconds
    finally:
        await connection.close()


async def _vacuumed(connection: Any) -> Mapping[str, int]:
    """Wait until the server has cleaned up by itself, as it does within its minute."""
    deadline = time.monotonic() + VACUUM_SECONDS_MAX
    while True:
        row: Mapping[str, int] = await connection.fetchrow(SELECT_VACUUMED)
        if row["times"] and not row["dead"]:
            return row
        if time.monotonic() > deadline:
            return row
        await asyncio.sleep(1.0)


async def _judged(trial: Trial, sent: int) -> tuple[int, int, int]:
    """Read the topic: how many messages are not there, are there twice, or come before an earlier one of their key."""
    consumer = AIOKafkaConsumer(bootstrap_servers=trial.stage.backing.bootstrap_servers)
    await consumer.start()
    ids: set[bytes] = set()
    last: dict[bytes, int] = {}
    found = disordered = 0
    try:
        partitions = [TopicPartition(trial.wire.topic(FACTS), n) for n in range(trial.wire.partitions[FACTS])]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        there = sum((await consumer.end_offsets(partitions)).values())
        while found < there:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    number = int(header(record, "ce_sequence"))
                    disordered += number <= last.get(record.key, 0)
                    last[record.key] = number
                    ids.add(dict(record.headers)["ce_id"])
                found += len(records)
    finally:
        await consumer.stop()
    return sent - len(ids), found - len(ids), disordered


def _megabytes(found: Mapping[str, int]) -> str:
    return " + ".join(f"{size / 1e6:,.1f} MB {name}" for name, size in found.items())
