"""The command line: `python -m tests.bench.years growth --rows 10000,10000000`."""

import argparse
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import uvloop

from deploy.local.backing import Backing
from tests.bench import machine, record
from tests.bench.stage import KAFKA, POSTGRES, Stage, stage
from tests.bench.trace_sink import SpanDrain
from tests.bench.years import backlog, growth, relayed, retention, timers, workers
from tests.bench.years.ground import console


class Found(Protocol):
    """What a benchmark found."""

    def as_rows(self) -> dict[str, Any]:
        """For the file that machines read."""

    def table(self) -> list[str]:
        """For a reader."""


Bench = Callable[[Stage, argparse.Namespace], Awaitable[Found]]

BENCHES: Final[dict[str, Bench]] = {
    "relay": relayed.run,
    "timers": timers.run,
    "workers": workers.run,
    "backlog": backlog.run,
    "retention": retention.run,
    "growth": growth.run,
}


IN_MEMORY: Final = {"shared_buffers": "4GB"}
"""The indexes of ten million registrations (3 GB) fit, as they do on a server that is meant for them."""
PART: Final = "years {}"
"""The part of the results' file that a benchmark writes."""


def main() -> None:
    """Run what is asked for."""
    asked = _parser().parse_args()
    # It complains of every topic that is not there yet, or not any more; what stays wrong is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with Backing(postgres_settings=POSTGRES | IN_MEMORY, kafka_options=KAFKA) as backing:
        sys.exit(uvloop.run(_run(backing, asked)))


async def _run(backing: Backing, asked: argparse.Namespace) -> int:
    with SpanDrain() as spans:
        async with stage(backing, span_endpoint=spans.endpoint) as where:
            about = await machine.describe(where.admin)
            console.print(machine.sentence(about))
            for name in asked.benches or BENCHES:
                found = await BENCHES[name](where, asked)
                console.print("\n".join(found.table()))
                record.save(PART.format(name), {**about, **found.as_rows(), "table": found.table()})
    if asked.readme:
        record.write_section("years", section(record.read()))
    return 0


def section(parts: Mapping[str, Any]) -> list[str]:
    """What the README says: of each benchmark the last result, with when and where it was measured."""
    lines = []
    for name in BENCHES:
        found = parts.get(PART.format(name))
        if found is not None:
            lines += [*found["table"], "", f"({name}: {machine.sentence(found)})", ""]
    return lines[:-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.years", description=__doc__)
    parser.add_argument("benches", nargs="*", choices=[*BENCHES, []], help="which; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--events", type=int, default=6_000, help="events a drain")
    parser.add_argument("--rows", type=_numbers, default=[10**4, 10**5, 10**6, 10**7], help="sizes, parted by commas")
    parser.add_argument("--messages", type=_number, default=10**6, help="in the full outbox")
    parser.add_argument("--clocks", type=_number, default=10**6, help="that are set")
    parser.add_argument("--drained", type=_number, default=20_000, help="events a drain of one or two workers")
    parser.add_argument("--backlog", type=_number, default=10**6, help="events before the small service")
    parser.add_argument("--backlog-of-registration", type=_number, default=10**5, help="events before registration")
    parser.add_argument("--inbox", type=_number, default=10**7, help="rows of an inbox that forgets")
    parser.add_argument("--explain", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--readme", action="store_true", help="write the last result of each into the README")
    return parser


def _number(text: str) -> int:
    return int(float(text))


def _numbers(text: str) -> list[int]:
    return sorted(_number(number) for number in text.split(","))


if __name__ == "__main__":
    main()
