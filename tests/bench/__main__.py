"""The command line: `python -m tests.bench pipeline`."""

import argparse
import logging
import sys
from collections.abc import Collection
from typing import Final

import uvloop

from deploy.local.backing import Backing
from tests.bench import pipeline
from tests.bench.contenders import CONTENDERS, Contender
from tests.bench.stage import KAFKA, POSTGRES

QUICK: Final = {"rounds": 1, "events": 5_000, "seconds": 4.0}
WHOLE: Final = {"rounds": 5, "events": 20_000, "seconds": 8.0}


def main() -> None:
    """Run what is asked for; exit code 1 if a contender of ours lost or doubled something."""
    asked = _parser().parse_args()
    # It complains of every topic that is not there yet, or not any more; what stays wrong is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name, value in (QUICK if asked.quick else WHOLE).items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    asked.parts = asked.parts or (["drain"] if asked.only else list(pipeline.PARTS))
    asked.only = asked.only or list(CONTENDERS.values())
    with Backing(postgres_settings=POSTGRES, kafka_options=KAFKA) as backing:
        sys.exit(uvloop.run(asked.command(backing, asked)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    measured = commands.add_parser("pipeline", help="event in, transaction, follow-up out, beside other ways to do it")
    measured.add_argument("--quick", action="store_true", help="one short round; for a look, not for a claim")
    measured.add_argument(
        "--only", type=_names, help=f"of {', '.join(CONTENDERS)}, parted by commas; then only a drain"
    )
    measured.add_argument("--parts", type=_parts, help=f"of {', '.join(pipeline.PARTS)}, parted by commas")
    measured.add_argument("--rounds", type=int, help="interleaved rounds of drains")
    measured.add_argument("--events", type=int, help="distinct events a drain, for the fastest")
    measured.add_argument("--seconds", type=float, help="how long at a fixed rate")
    measured.add_argument("--readme", action="store_true", help="write the result into the README")
    measured.set_defaults(command=pipeline.run)
    return parser


def _names(text: str) -> list[Contender]:
    return [CONTENDERS[name] for name in _known(text, CONTENDERS)]


def _parts(text: str) -> list[str]:
    return _known(text, pipeline.PARTS)


def _known(text: str, known: Collection[str]) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        message = f"there is no {', '.join(unknown) or 'such thing'}; known are {', '.join(known)}"
        raise argparse.ArgumentTypeError(message)
    return names


if __name__ == "__main__":
    main()
