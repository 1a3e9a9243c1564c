"""The README's example of a new event and a reaction to it is applied to a copy of the house and works there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from deploy.local.backing import Backing

HOUSE: Final = Path(__file__).resolve().parents[3]
COPIED: Final = ("contracts", "chassis", "services", "deploy", "tests")
LINES_MAX: Final = 30
DIFF: Final = re.compile(r"```diff\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def example() -> str:
    """The patch as the README prints it."""
    [patch] = DIFF.findall((HOUSE / "README.md").read_text(encoding="utf-8"))
    return str(patch)


@pytest.fixture(scope="module")
def copy(example: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house with the patch applied and the contracts generated."""
    folder = tmp_path_factory.mktemp("example")
    for name in COPIED:
        shutil.copytree(HOUSE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "example.diff").write_text(example, encoding="utf-8")
    _run(folder, "git", "apply", "--unsafe-paths", "example.diff")
    _run(folder, sys.executable, "-m", "contracts", "generate")
    return folder


def test_an_event_and_a_reaction_take_fewer_than_thirty_lines(example: str) -> None:
    """In the contracts and one service folder, and nowhere else."""
    added = [line for line in example.splitlines() if line.startswith("+") and not line.startswith("+++")]
    touched = {line.removeprefix("+++ b/") for line in example.splitlines() if line.startswith("+++")}

    assert len(added) < LINES_MAX
    assert {path.split("/")[0] for path in touched} == {"contracts", "services"}
    assert {path.split("/")[1] for path in touched if path.startswith("services")} == {"supervision"}


def test_the_new_event_leaves_when_its_cause_arrives(copy: Path, backing: Backing, tmp_path: Path) -> None:
    """On a real database, with the schema generated and frozen for the new type."""
    dsn = backing.create_database("worked_example")

    types = _run(copy, sys.executable, "-m", "tests.component.worked_example.reaction", dsn, str(tmp_path)).split()

    assert types[-1] == "supervision.examination-opened.v1"
    assert (copy / "contracts" / "schemas" / "supervision.examination-opened.v1.json").exists()


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
