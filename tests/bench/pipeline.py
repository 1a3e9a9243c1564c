"""The drain of all contenders in interleaved rounds."""

import argparse
from collections.abc import Sequence
from statistics import median

from rich.console import Console

from deploy.local.backing import Backing
from tests.bench.contenders import FLOOR, OURS
from tests.bench.drain import Drained, Inputs, drain
from tests.bench.figures import interleaved, paired_ratio
from tests.bench.stage import stage
from tests.bench.trace_sink import SpanDrain

console = Console(highlight=False, soft_wrap=True, markup=False)


async def run(backing: Backing, arguments: argparse.Namespace) -> int:
    """Measure and print; 1 if one of ours broke a rule."""
    results: list[Drained] = []
    with SpanDrain() as spans:
        async with stage(backing, span_endpoint=spans.endpoint) as where:
            inputs = Inputs(arguments.events)
            for contenders in interleaved(arguments.only, arguments.rounds):
                for contender in contenders:
                    results.append(await drain(where, contender, inputs))
                    console.print(line(results[-1]))
    for contender in arguments.only:
        console.print(summary([each for each in results if each.contender == contender.name], results))
    ours = {contender.name for contender in arguments.only if contender.is_ours}
    return int(any(not each.verdict.holds for each in results if each.contender in ours))


def line(one: Drained) -> str:
    """One run."""
    return (
        f"{one.contender:<12} {one.rate:8.0f}/s  cpu {one.cpu_per_thousand:6.3f} s/1000  "
        f"commits {one.commits_per_event:5.2f}/event  {one.memory_mib:4.0f} MiB  {one.verdict}"
    )


def summary(own: Sequence[Drained], everyone: Sequence[Drained]) -> str:
    """The median of one contender, beside ours and the floor."""
    rates = [each.rate for each in own]
    beside = []
    for other in (OURS, FLOOR):
        theirs = [each.rate for each in everyone if each.contender == other.name]
        if theirs:
            beside.append(f"x {paired_ratio(rates, theirs):.2f} of {other.name}")
    cpu = median(each.cpu_per_thousand for each in own)
    return (
        f"{own[0].contender:<12} median {median(rates):6.0f}/s ({min(rates):.0f}-{max(rates):.0f})  "
        f"cpu {cpu:.3f} s/1000  {'  '.join(beside)}"
    )
