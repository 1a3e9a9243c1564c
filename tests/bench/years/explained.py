"""How the statements that matter are run on a database of this size: which index, how many rows read, how long."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

from chassis import batch, dead_letters, housekeeping, letter_desk, letter_shelf, relay, timers
from chassis.consumer import BATCH_RECORDS_MAX
from chassis.database import connect
from services.registration import store

TIMES: Final = 7
PAGE: Final = 51
SAMPLED_ROWS: Final = 10_000
SOME_INBOX: Final = "SELECT event_key FROM inbox TABLESAMPLE SYSTEM ($2) ORDER BY random() LIMIT $1"
SOME_CASES: Final = "SELECT registration_id FROM registration TABLESAMPLE SYSTEM ($2) ORDER BY random() LIMIT $1"


@dataclass(frozen=True)
class Explained:
    """One statement."""

    what: str
    indexes: str
    reads_whole: bool
    sorts: bool
    pages: int
    milliseconds: float

    @staticmethod
    def table(rows: Sequence["Explained"]) -> list[str]:
        """For a reader."""
        return [
            "| statement | by | whole table | pages | ms (median) |",
            "|---|---|---|---|---|",
            *(
                f"| {row.what} | {row.indexes} | {'yes' if row.reads_whole else 'no'} | {row.pages:,} "
                f"| {row.milliseconds:.2f} |"
                for row in rows
            ),
        ]


async def explain(dsn: str, *, rows: int) -> list[Explained]:
    """Each statement with parameters of its own, several times, rolled back; as a process of ours has its plans."""
    connection = await connect(dsn, name="bench")
    try:
        statements = await _statements(connection, per_cent=min(100.0, SAMPLED_ROWS / rows * 100))
        return [await explain_one(connection, what, *call) for what, call in statements.items()]
    finally:
        await connection.close()


async def _statements(connection: Any, *, per_cent: float) -> dict[str, tuple[Any, ...]]:
    now = datetime.now(UTC)
    handled = [row["event_key"] for row in await connection.fetch(SOME_INBOX, BATCH_RECORDS_MAX, per_cent)]
    cases = [row["registration_id"] for row in await connection.fetch(SOME_CASES, BATCH_RECORDS_MAX, per_cent)]
    new: list[UUID] = [uuid4() for _ in range(BATCH_RECORDS_MAX)]
    consumer = "registration"
    return {
        f"inbox: insert {BATCH_RECORDS_MAX} new": (batch.INSERT_INBOX, consumer, new, [b""] * BATCH_RECORDS_MAX),
        f"inbox: look {BATCH_RECORDS_MAX} up": (batch.SELECT_INBOX, consumer, handled),
        "inbox: mark as irrelevant": (batch.MARK_IRRELEVANT, consumer, handled, ["late"] * len(handled)),
        "inbox: prune 1,000": (housekeeping.PRUNE_INBOX, now - timedelta(days=15), housekeeping.PRUNE_ROWS_MAX),
        "relay: claim": (relay.CLAIM, relay.BATCH_ROWS_MAX),
        "timers: due": (timers.SELECT_DUE, now, ["first-contact"], timers.DUE_ROWS_MAX),
        "dead letters: known": (dead_letters.SELECT_KNOWN, consumer, handled),
        "dead letters: a page": (letter_shelf.SELECT_PAGE, None, None, None, None, PAGE),
        "dead letters: a page of open ones": (letter_shelf.SELECT_PAGE, consumer, "parked", None, None, PAGE),
        "dead letters: who follows": (letter_desk.SELECT_FOLLOWER, consumer),
        "dead letters: count": (housekeeping.COUNT_LETTERS, consumer, housekeeping.COUNTED_ROWS_MAX),
        f"registration: lock {BATCH_RECORDS_MAX}": (store.REGISTRATIONS.select, cases),
        "registration: one": (store.SELECT_ONE, cases[0]),
        "registration: timeline": (store.SELECT_TIMELINE, cases[0], None, PAGE),
        "board: all": (store.SELECT_BOARD, None, None, None, PAGE),
        "board: one unit": (store.SELECT_BOARD, "PLG-SKY", None, None, PAGE),
        "list: all": (store.SELECT_SEARCH, None, None, None, None, False, None, PAGE),
        "list: next page": (store.SELECT_SEARCH, None, None, None, None, False, cases[0], PAGE),
        "list: of a state": (store.SELECT_SEARCH, "registered", None, None, None, False, None, PAGE),
        "list: of a unit": (store.SELECT_SEARCH, None, "PLG-SKY", None, None, False, None, PAGE),
        "list: of a prison": (store.SELECT_SEARCH, None, None, "LP1-PLG", None, False, None, PAGE),
        "list: by a name's beginning": (store.SELECT_SEARCH, None, None, None, "nama17 kel", False, None, PAGE),
    }


async def explain_one(connection: Any, what: str, statement: str, *arguments: object) -> Explained:
    """One statement with these parameters, several times, rolled back."""
    found = []
    for _ in range(TIMES):
        transaction = connection.transaction()
        await transaction.start()
        try:
            plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *arguments)
        finally:
            await transaction.rollback()
        found.append((json.loads(plan) if isinstance(plan, str) else plan)[0])
    nodes = list(_nodes(found[-1]["Plan"]))
    top = found[-1]["Plan"]
    return Explained(
        what,
        ", ".join(dict.fromkeys(node["Index Name"] for node in nodes if "Index Name" in node)),
        any(node["Node Type"] == "Seq Scan" for node in nodes),
        any(node["Node Type"] == "Sort" for node in nodes),
        top["Shared Hit Blocks"] + top["Shared Read Blocks"],
        median(each["Execution Time"] for each in found),
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
