"""The one allocator of register numbers: a counter row per unit, register and local year.

Gap-free, so never a database sequence: the number is taken under the counter's row lock, in the
transaction that uses it, and not taken where that transaction ends without a change. Counters come last in the order
of locks and among themselves by name, whatever the order in which a batch asks for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chassis.aggregates import Aggregates
from chassis.work import WorkingSet


@dataclass(frozen=True)
class Counter:
    """The last number given in a series."""

    counter: str
    last_seq: int


def _load(row: Mapping[str, Any]) -> Counter:
    return Counter(row["counter"], row["last_seq"])


def _dump(state: Counter) -> dict[str, Any]:
    return {"counter": state.counter, "last_seq": state.last_seq}


def _key(state: Counter) -> str:
    return state.counter


COUNTERS: Final = Aggregates[str, Counter](
    name="~register_counter",  # sorts behind every service's table: counters come last in the lock order
    key_type="text",
    # A row that is not there yet cannot be locked: two that begin a series would each take the other's next counter.
    select="""
        INSERT INTO register_counter (counter, last_seq, version)
        SELECT wanted.counter, 0, 0 FROM unnest($1::text[]) AS wanted(counter) ORDER BY wanted.counter COLLATE "C"
        ON CONFLICT (counter) DO UPDATE SET last_seq = register_counter.last_seq
        RETURNING counter, last_seq, version
    """,
    upsert="""
        INSERT INTO register_counter (counter, last_seq, version)
        SELECT counter, last_seq, version
          FROM json_to_recordset($1::json) AS c(counter text, last_seq bigint, version int)
        ON CONFLICT (counter) DO UPDATE SET last_seq = EXCLUDED.last_seq, version = EXCLUDED.version
         WHERE register_counter.version = EXCLUDED.version - 1
    """,
    key=_key,
    load=_load,
    dump=_dump,
)


async def take(work: WorkingSet, *, unit: str, register: str, year: int) -> int:
    """Take the next number of a series; the counter stays locked until the transaction ends."""
    name = f"{unit}|{register}|{year}"
    counter: Counter = await work.lock_late_in_order(COUNTERS, name)
    counter = replace(counter, last_seq=counter.last_seq + 1)
    work.save(COUNTERS, counter)
    return counter.last_seq
