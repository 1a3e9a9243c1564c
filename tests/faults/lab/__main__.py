"""Run the lab: `python -m tests.faults.lab [--runs 100] [--seed 1 | random] [--faults kill,restore] [--bug name]`."""

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from typing import Final

from deploy.local.settings import STATE
from tests.faults.lab.drawing import KINDS
from tests.faults.lab.series import Series, until_ended

SEEDS: Final = 1_000_000
RANDOM: Final = "random"


def main() -> int:
    """Make the runs, print a line for each and a summary; 1 if any of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.lab", description="Break the house and look.")
    parser.add_argument("--runs", type=int, default=1, help="how many, each with the next seed")
    parser.add_argument("--seed", default="1", help="of the first run, or `random`")
    parser.add_argument("--faults", default=None, help=f"these instead of drawn ones, of {', '.join(KINDS)}; or none")
    parser.add_argument("--bug", default=None, help="a seeded bug to switch on")
    parser.add_argument("--keep", action="store_true", help="keep the folder of every run, not only of a failing one")
    parser.add_argument("--lanes", type=int, default=2, help="how many runs side by side, each on a ground of its own")
    parser.add_argument("--folder", type=Path, default=STATE / "faults", help="where run folders go")
    asked = parser.parse_args()
    first = secrets.randbelow(SEEDS) if asked.seed == RANDOM else int(asked.seed)
    kinds = None if asked.faults is None else [kind for kind in asked.faults.split(",") if kind != "none"]
    if unknown := set(kinds or ()) - KINDS.keys():
        parser.error(f"no such faults: {', '.join(sorted(unknown))}")
    series = Series(folder=asked.folder, kinds=kinds, bug=asked.bug, keep=asked.keep, lanes=asked.lanes)
    return asyncio.run(until_ended(series.run(range(first, first + asked.runs))))


if __name__ == "__main__":
    sys.exit(main())
