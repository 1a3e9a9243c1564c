"""The command line: python -m tests.bench pipeline."""

import argparse
import asyncio
import logging
import sys

from deploy.local.backing import Backing
from tests.bench import pipeline
from tests.bench.contenders import CONTENDERS, Contender
from tests.bench.stage import POSTGRES


def main() -> None:
    """Run what is asked for; exit code 1 if a contender of ours lost or doubled something."""
    arguments = _parser().parse_args()
    # It complains of every topic that is not there yet, or not any more; what stays wrong is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with Backing(postgres_settings=POSTGRES) as backing:
        sys.exit(asyncio.run(arguments.command(backing, arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drained = commands.add_parser("pipeline", help="drain of a full topic, interleaved rounds")
    drained.add_argument("--only", type=_names, default=list(CONTENDERS.values()), help="names, parted by commas")
    drained.add_argument("--rounds", type=int, default=5)
    drained.add_argument("--events", type=int, default=20_000, help="distinct events a run, for the fastest")
    drained.set_defaults(command=pipeline.run)
    return parser


def _names(text: str) -> list[Contender]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown or not names:
        message = f"there is no {', '.join(unknown) or 'contender'}; known are {', '.join(CONTENDERS)}"
        raise argparse.ArgumentTypeError(message)
    return [CONTENDERS[name] for name in names]


if __name__ == "__main__":
    main()
