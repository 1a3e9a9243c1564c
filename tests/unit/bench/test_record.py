"""Where results go."""

import json
from pathlib import Path

import pytest

from tests.bench.record import NoPlace, save, write_section

TEXT = "# Title\n<!-- bench pipeline -->\nold\n<!-- end of bench pipeline -->\nmore\n"


def test_a_part_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    save("relay", {"rate": 1}, file=file)
    save("pipeline", {"rate": 2}, file=file)
    save("pipeline", {"rate": 3}, file=file)

    assert json.loads(file.read_text()) == {"relay": {"rate": 1}, "pipeline": {"rate": 3}}


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(TEXT)

    write_section("pipeline", [r"new \1", "lines"], readme=readme)

    assert readme.read_text() == TEXT.replace("old", "new \\1\nlines")


def test_a_section_without_marks_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(TEXT)

    with pytest.raises(NoPlace):
        write_section("relay", [], readme=readme)
    assert readme.read_text() == TEXT
