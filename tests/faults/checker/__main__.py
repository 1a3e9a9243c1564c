"""Judge a run folder: `python -m tests.faults.checker RUN_FOLDER [--json]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from tests.faults.checker.folder import FolderUnreadable, read
from tests.faults.checker.rules import judge

EXIT_BROKEN: Final = 1
EXIT_UNREADABLE: Final = 2


def main() -> int:
    """Print the verdict; 0 where nothing was broken, 1 where something was, 2 where the folder cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.checker", description="Judge a recorded run.")
    parser.add_argument("folder", type=Path, help="the run folder")
    parser.add_argument("--json", action="store_true", help="say it as JSON")
    asked = parser.parse_args()
    try:
        verdict = judge(read(asked.folder))
    except FolderUnreadable as unreadable:
        sys.stderr.write(f"{unreadable}\n")
        return EXIT_UNREADABLE
    told = json.dumps(verdict.as_json(), indent=2) if asked.json else "\n".join(verdict.lines())
    sys.stdout.write(f"{told}\n")
    return 0 if verdict.ok else EXIT_BROKEN


if __name__ == "__main__":
    sys.exit(main())
