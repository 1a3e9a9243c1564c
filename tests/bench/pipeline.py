"""The pipeline benchmark: every contender drained in interleaved rounds, then at fixed rates, then idle."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from rich.console import Console

from deploy.local.backing import Backing
from deploy.local.settings import STATE
from tests.bench import machine, record, report
from tests.bench.contenders import OURS, Contender
from tests.bench.drain import Drained, drain
from tests.bench.figures import interleaved
from tests.bench.latency import Latency, idle, open_loop
from tests.bench.report import STEADY_RATE, Results
from tests.bench.stage import Stage, stage
from tests.bench.trace_sink import SpanDrain

PARTS: Final = ("drain", "open", "idle")
PICTURE: Final = STATE / "bench.png"
LATENCY_ROUNDS: Final = 3
ROOM: Final = 1.2
"""Nobody is measured at a rate that comes closer to its own maximum: its queue would only grow."""

console: Final = Console(highlight=False, soft_wrap=True, markup=False)


async def run(backing: Backing, asked: argparse.Namespace) -> int:
    """Measure, print and record; 1 if one of ours lost or doubled something."""
    results = Results(asked.only)
    with SpanDrain() as spans:
        async with stage(backing, span_endpoint=spans.endpoint) as where:
            about = await machine.describe(where.admin)
            console.print(machine.sentence(about))
            await _measure(where, asked, results)
    lines = report.tables(results)
    console.print("\n".join(lines))
    if set(asked.parts) == set(PARTS):
        _record(results, about, lines, readme=asked.readme)
    ours = [contender for contender in asked.only if contender.is_ours]
    return int(any(not verdict.holds for contender in ours for verdict in results.verdicts(contender)))


async def _measure(where: Stage, asked: argparse.Namespace, results: Results) -> None:
    for contenders in interleaved(asked.only, asked.rounds if "drain" in asked.parts else 0):
        for contender in contenders:
            results.drained.append(await drain(where, contender, events=asked.events))
            console.print(drained_line(results.drained[-1]))
    if "open" in asked.parts:
        for rate in (results.half_rate, STEADY_RATE):
            for contender in _in_turns(able(results, rate), asked.rounds):
                results.open_loop.append(await open_loop(where, contender, rate=rate, seconds=asked.seconds))
                console.print(latency_line(results.open_loop[-1]))
    if "idle" in asked.parts:
        for contender in _in_turns(asked.only, asked.rounds):
            results.idle.append(await idle(where, contender, seconds=asked.seconds))
            console.print(latency_line(results.idle[-1]))


def _in_turns(contenders: Sequence[Contender], rounds: int) -> Iterator[Contender]:
    """Everyone once a round; three rounds tell a pause of the machine from one of a contender."""
    return chain.from_iterable(interleaved(contenders, min(rounds, LATENCY_ROUNDS)))


def able(results: Results, rate: int) -> Sequence[Contender]:
    """Who can keep up with a rate; and ours, whether it can or not, for a claim rests on it."""
    return [one for one in results.contenders if rate and (one is OURS or results.median_rate(one) >= rate * ROOM)]


def drained_line(one: Drained) -> str:
    """A drain as it ends."""
    return (
        f"{one.contender:<12} {one.rate:8,.0f} events/s  "
        f"cpu {one.cpu_per_thousand:6.3f} + {one.servers_cpu_per_thousand:5.3f} s/1,000  "
        f"commits {one.commits_per_event:5.2f}/event  {one.memory_mib:4.0f} MiB  {one.verdict}"
    )


def latency_line(one: Latency) -> str:
    """A run at a fixed rate as it ends."""
    return (
        f"{one.contender:<12} at {one.rate:5,}/s  p50 {one.p50_ms:7.1f}  p99 {one.p99_ms:7.1f}  "
        f"p99.9 {one.p999_ms:7.1f} ms  (sent at most {one.sender_late_ms:.1f} ms late)  {one.verdict}"
    )


def _record(results: Results, about: dict[str, object], lines: Sequence[str], *, readme: bool) -> None:
    rows = {
        **about,
        "drained": [one.as_row() for one in results.drained],
        "open_loop": [one.as_row() for one in results.open_loop],
        "idle": [one.as_row() for one in results.idle],
        "bounds": [bound.as_row() for bound in report.bounds(results)],
    }
    record.save("pipeline", rows)
    # Drawn here and not before: the library is there only where the whole benchmark runs.
    from tests.bench.plot import draw  # noqa: PLC0415

    draw(results, PICTURE)
    console.print(f"{record.FILE} and {PICTURE}")
    if readme:
        record.write_section("pipeline", [machine.sentence(about), "", *lines])
