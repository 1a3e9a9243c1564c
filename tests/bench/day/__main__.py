"""The command line: `python -m tests.bench.day --releases 5000 --minutes 20,5`."""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.bench import machine, record
from tests.bench.day import owed
from tests.bench.day.clock import AFTERWARDS, Day
from tests.bench.day.mails import Letterbox
from tests.bench.day.officers import Officers
from tests.bench.day.plan import SPAN, freed, messages
from tests.bench.day.prisons import Prisons
from tests.bench.day.report import Run, bounds_hold, table
from tests.bench.day.watch import Watch, place_now, waited_ms
from tests.bench.house import House, house
from tests.bench.lists.fill import fill_registration
from tests.bench.years.ground import console, said

PART: Final = "day"
JAKARTA: Final = ZoneInfo("Asia/Jakarta")
DAY_BEFORE: Final = datetime(2026, 5, 31, 9, 0, tzinfo=JAKARTA)
MORNING: Final = datetime(2026, 6, 1, 7, 30, tzinfo=JAKARTA)
BEGINS_AT: Final = datetime(2026, 6, 1, 10, 0, tzinfo=JAKARTA)
"""The holiday in the sample roster: officers are on duty, and the gates open at ten."""
LEAD_SECONDS: Final = 3.0


def main() -> None:
    """Play the days, print, record; exit code 1 if a bound is missed or something is lost or doubled."""
    asked = _parser().parse_args()
    sys.exit(asyncio.run(_run(asked)))


async def _run(asked: argparse.Namespace) -> int:
    runs: list[Run] = []
    about: dict[str, Any] = {}
    for minutes in asked.minutes:
        async with house(PART, office_clock=DAY_BEFORE) as where:
            about = dict(where.about)
            console.print(machine.sentence(about))
            runs.append(await _play(where, releases=asked.releases, minutes=minutes, behind=asked.behind))
        console.print("\n".join(["", *table(runs[-1:]), ""]))
    lines = table(runs)
    record.save(PART, {**about, "runs": [run.as_row() for run in runs], "table": lines})
    if asked.readme:
        record.write_section(PART, [machine.sentence(about), "", *lines])
    return int(not all(bounds_hold(run) for run in runs))


async def _play(where: House, *, releases: int, minutes: float, behind: int) -> Run:
    """One day: what lies behind, the day before, the morning, the two hours, and what follows of them."""
    older = await _filled(where, behind)
    people = freed(releases, begins_at=BEGINS_AT, reference=where.reference)
    kafka = where.stack.endpoints["kafka"]
    prisons = Prisons(kafka["bootstrap_servers"], kafka["topic_prefix"])
    officers = Officers(where.people, where.reference)
    letterbox = Letterbox(where.stack.endpoints["mail"]["url"], where.client)
    announced = [one.announced.event for one in people if one.announced is not None]
    with said(f"{len(announced):,} announced on the day before, and the morning's reminders"):
        prisons.publish_at_once(announced)
        await owed.until_rest(where, letterbox, lambda: DAY_BEFORE)
        where.stack.set_office_clock(MORNING)
        await owed.until_rest(where, letterbox, lambda: MORNING)
        await officers.acknowledge_all()
    told = messages(people)
    since = await place_now(where)
    factor = SPAN.total_seconds() / (minutes * 60)
    day = _begin(where, factor)
    watch = Watch(where.people, officers, day, since)
    async with _beside(officers.read_boards(), letterbox.empty_again_and_again()):
        await asyncio.gather(prisons.publish(told, day), watch.until_all_seen(people), officers.meet(people, day))
        await asyncio.sleep(max(0.0, day.due(SPAN) - time.time()))
        day = replace(day, slowed_at=time.time())
        where.stack.set_office_clock(day.office_now(), factor=AFTERWARDS)
        rested_at = await owed.until_rest(where, letterbox, day.office_now)
    who_was_told = await owed.told(where, people, day)
    broken = await owed.broken(where, people, messages=prisons.acknowledged, behind=older, letterbox=letterbox)
    return Run(
        releases=releases,
        behind=behind,
        minutes=minutes,
        factor=factor,
        messages=len(told),
        sender_late_ms=prisons.late_ms,
        feed_ms=waited_ms(watch.seen, people, day),
        board_ms=waited_ms(watch.on_board, people, day),
        looks_a_second=watch.looks / (minutes * 60),
        boards_ms=officers.boards_ms,
        contacts_ms=officers.contacts_ms,
        told_ms={channel: list(times) for channel, times in who_was_told.waited_ms.items()},
        untold=who_was_told.untold,
        mails=letterbox.came.total(),
        rest_seconds=rested_at - day.due(SPAN),
        broken=broken,
    )


async def _filled(where: House, behind: int) -> frozenset[UUID]:
    """The cases of the years before, so that the day is not that of an empty house."""
    if not behind:
        return frozenset()
    with said(f"registration filled with {behind:,} older cases"):
        async with where.session("registration") as connection:
            made = await fill_registration(
                connection, behind, now=DAY_BEFORE - timedelta(days=1), reference=where.reference
            )
    return frozenset(each.case.registration_id for each in made)


def _begin(where: House, factor: float) -> Day:
    """Let the two hours begin in a moment, with the office's clock at its pace."""
    where.stack.set_office_clock(BEGINS_AT - timedelta(seconds=LEAD_SECONDS * factor), factor=factor)
    return Day(BEGINS_AT, time.time() + LEAD_SECONDS, factor)


@contextlib.asynccontextmanager
async def _beside(*others: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let others go on while the block runs; what ends one of them ends it."""
    tasks = [asyncio.create_task(other) for other in others]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [each for each in ended if isinstance(each, Exception)]
    if failed:
        raise failed[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.day", description=__doc__)
    parser.add_argument("--releases", type=int, default=5_000, help="people who are released within the two hours")
    parser.add_argument("--behind", type=int, default=100_000, help="older cases in the database")
    parser.add_argument("--minutes", type=_minutes, default=[20.0, 5.0], help="real minutes that the two hours take")
    parser.add_argument("--readme", action="store_true", help="write the result into the README")
    return parser


def _minutes(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
