"""How PostgreSQL would run a statement, as a process of ours asks for it: prepared, with whatever parameters come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from chassis.database import Connection

_PARAMETER: Final = re.compile(r"\$(\d+)")


@dataclass(frozen=True)
class Step:
    """One node of a plan, and the table or index that it reads."""

    kind: str
    reads: str | None


async def plan_of(connection: Connection, statement: str) -> list[Step]:
    """The plan that is kept for all parameters to come, from the top down."""
    count = max((int(number) for number in _PARAMETER.findall(statement)), default=0)
    arguments = f"({', '.join(['NULL'] * count)})" if count else ""
    async with connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE planned AS {statement}")
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE planned{arguments}")
        await connection.execute("DEALLOCATE planned")
    return list(_steps(plan[0]["Plan"]))


async def plan_for(connection: Connection, statement: str, *arguments: object) -> list[Step]:
    """The plan that is made for these parameters alone, from the top down."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON, COSTS OFF) {statement}", *arguments)
    return list(_steps(plan[0]["Plan"]))


def tables_read_whole(steps: list[Step]) -> set[str]:
    """The tables that a plan reads from their beginning to their end."""
    return {step.reads for step in steps if step.kind == "Seq Scan" and step.reads is not None}


def indexes(steps: list[Step]) -> set[str]:
    """The indexes that a plan uses."""
    return {step.reads for step in steps if step.kind.endswith(("Index Scan", "Index Only Scan")) and step.reads}


def sorts(steps: list[Step]) -> bool:
    """Whether a plan puts rows in order that it did not read in order."""
    return any(step.kind == "Sort" for step in steps)


def _steps(node: dict[str, Any]) -> Iterator[Step]:
    yield Step(node["Node Type"], node.get("Index Name", node.get("Relation Name")))
    for below in node.get("Plans", ()):
        yield from _steps(below)
