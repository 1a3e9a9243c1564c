"""The command line: `python -m tests.bench.lists --rows 100000`."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from tests.bench import machine, record
from tests.bench.house import House, house
from tests.bench.lists.asked import Route, notification_routes, registration_routes
from tests.bench.lists.fill import fill_notifications, fill_registration
from tests.bench.lists.measure import AT_A_TIME, P95_MS, Answered, measured
from tests.bench.years.ground import console, said

SOME_ABOUT: Final = "SELECT about FROM notification ORDER BY seq LIMIT 400"
SOME_SHIFTS: Final = "SELECT shift_id FROM shift ORDER BY starts_at LIMIT 400"
PART: Final = "lists"


def main() -> None:
    """Fill, ask, print; exit code 1 if a list is not answered in time."""
    asked = _parser().parse_args()
    sys.exit(asyncio.run(_run(asked)))


async def _run(asked: argparse.Namespace) -> int:
    async with house(PART) as where:
        console.print(machine.sentence(dict(where.about)))
        found: list[Answered] = []
        async for route in _routes(where, asked.rows):
            if asked.only is None or asked.only in route.name:
                found += await measured(where, route, asked=asked.asked)
                console.print(_line(found[-len(AT_A_TIME) :]))
    lines = table(found, rows=asked.rows)
    console.print("\n".join(["", *lines]))
    if asked.only is None:
        record.save(PART, {**where.about, "rows": asked.rows, "answered": [one.as_row() for one in found]})
    if asked.readme:
        record.write_section(PART, [machine.sentence(dict(where.about)), "", *lines])
    return int(not all(one.holds for one in found))


async def _routes(where: House, rows: int) -> AsyncIterator[Route]:
    """Each service is filled when its lists come."""
    now, reference = datetime.now(UTC), where.reference
    with said(f"registration filled with {rows:,} cases"):
        async with where.session("registration") as connection:
            made = await fill_registration(connection, rows, now=now, reference=reference)
    for route in registration_routes(made, reference=reference, now=now):
        yield route
    with said(f"notifications filled with {rows:,} notices, alerts and shifts"):
        async with where.session("notifications") as connection:
            await fill_notifications(connection, rows, now=now, reference=reference)
            abouts = [row["about"] for row in await connection.fetch(SOME_ABOUT)]
            shifts = [row["shift_id"] for row in await connection.fetch(SOME_SHIFTS)]
    for route in notification_routes(abouts, shifts, reference=reference):
        yield route


def table(found: Sequence[Answered], *, rows: int) -> list[str]:
    """For a reader: a line for each list, and whether all of them are in time."""
    lines = [
        f"| list, {rows:,} rows behind it | rows shown "
        + "".join(f"| {many} at a time, p50 / p95 / p99 ms " for many in AT_A_TIME)
        + "|",
        "| --- | ---: " + "| ---: " * len(AT_A_TIME) + "|",
    ]
    by_route: dict[str, list[Answered]] = {}
    for one in found:
        by_route.setdefault(one.route, []).append(one)
    lines += [_row(each) for each in by_route.values()]
    missed = [one for one in found if not one.holds]
    worst = max(found, key=lambda one: one.p95_ms)
    verdict = "holds" if not missed else f"MISSED by {len({one.route for one in missed})} of {len(by_route)}"
    slowest = f"{worst.route}, {worst.at_a_time} at a time, {worst.p95_ms:.0f} ms"
    return [*lines, "", f"p95 < {P95_MS:.0f} ms for every list: **{verdict}** (the slowest: {slowest})."]


def _row(each: Sequence[Answered]) -> str:
    cells = [f"{one.p50_ms:.1f} / {one.p95_ms:.1f} / {one.p99_ms:.1f}{'' if one.holds else ' MISSED'}" for one in each]
    return f"| {each[0].route} | {each[0].shown:.0f} | {' | '.join(cells)} |"


def _line(each: Sequence[Answered]) -> str:
    times = "   ".join(f"x{one.at_a_time}: {one.p50_ms:6.1f} {one.p95_ms:6.1f} {one.p99_ms:6.1f} ms" for one in each)
    return f"{each[0].route:<42} {each[0].shown:5.0f} rows   {times}{'' if all(o.holds for o in each) else '  MISSED'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lists", description=__doc__)
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=100_000, help="cases, notices, shifts")
    parser.add_argument("--asked", type=int, default=300, help="questions a list, for each number at a time")
    parser.add_argument("--only", help="lists whose name has this in it")
    parser.add_argument("--readme", action="store_true", help="write the result into the README")
    return parser


if __name__ == "__main__":
    main()
