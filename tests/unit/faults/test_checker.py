"""The checker as a program: what it prints, how it ends, and that it knows nothing of the house that it judges."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.checker import rules
from tests.faults.checker.contract import event_key, name_of_cause
from tests.unit.faults.conftest import Judged
from tests.unit.faults.good import good
from tests.unit.faults.story import Story

ROOT = Path(__file__).parents[3]
CHECKER = Path(rules.__file__).parent
OURS = "0197192e-5a40-7000-8000-000000000001"


def program(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the checker as somebody would who has nothing but Python and the run folder."""
    command = [sys.executable, "-m", "tests.faults.checker", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def imported_by(file: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    return found


def test_every_rule_looks_at_a_good_weekend(judged: Judged) -> None:
    verdict = judged(good())

    assert verdict.violations == []
    assert [rule.number for rule, sight in verdict.sights if not sight.seen] == []


def test_a_rule_that_saw_nothing_says_so(judged: Judged) -> None:
    verdict = judged(Story())

    assert verdict.ok
    assert [line.split("  ")[0] for line in verdict.lines() if "nothing seen" in line] == [
        "R0", "R1", "R1h", "R2", "R3", "R4", "R5", "R6", "R7", "R9", "R10", "R11",
    ]  # fmt: skip


def test_the_program_ends_with_0_and_a_table(tmp_path: Path) -> None:
    ended = program(str(good().write(tmp_path)))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == len(rules.RULES)


def test_the_program_ends_with_1_and_a_line_per_violation(tmp_path: Path) -> None:
    weekend = good()
    weekend.report("K", 1)

    ended = program(str(weekend.write(tmp_path)))

    assert ended.returncode == 1
    assert any(line.startswith("R1 registration ") for line in ended.stdout.splitlines())


def test_a_program_is_told_in_json(tmp_path: Path) -> None:
    weekend = good()
    weekend.report("K", 1)

    told = json.loads(program(str(weekend.write(tmp_path)), "--json").stdout)

    assert not told["ok"]
    assert set(told["broken"]) == {"R1", "R8", "R9"}
    assert {rule["rule"] for rule in told["rules"]} == {rule.number for rule in rules.RULES}


@pytest.mark.parametrize("spoilt", ["nothing", "no journal", "no json"])
def test_the_program_ends_with_2_where_it_cannot_read(tmp_path: Path, spoilt: str) -> None:
    good().write(tmp_path)
    if spoilt == "nothing":
        (tmp_path / "run.json").unlink()
    elif spoilt == "no journal":
        (tmp_path / "journal" / "supervision.jsonl").unlink()
    else:
        (tmp_path / "mails.jsonl").write_text("{")

    ended = program(str(tmp_path))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


def test_the_checker_stands_on_the_standard_library_alone() -> None:
    modules = {name for file in CHECKER.glob("*.py") for name in imported_by(file)}

    others = {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not (name + ".").startswith("tests.faults.checker.")} == set()
    assert others
    assert imported_by(CHECKER.parent / "__init__.py") == set()


def test_an_event_is_known_by_its_source_and_its_id() -> None:
    foreign = event_key("/lapas/LP1-PLG", "7")

    assert event_key("/bapas/registration", OURS.upper()) == OURS
    assert event_key("/lapas/LP1-PLG", OURS) != OURS
    assert event_key("/bapas/registration", "7") != foreign
    assert event_key("/lapas/LP1-PL", "G7") != foreign
    assert name_of_cause("7", foreign) == foreign
    assert name_of_cause(OURS, foreign) == OURS
