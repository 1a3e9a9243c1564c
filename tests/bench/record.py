"""Where results go: one file for machines with a part for each benchmark, and marked sections of the README."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.settings import STATE
from tests.bench.stage import ROOT

FILE: Final = STATE / "bench.json"
README: Final = ROOT / "README.md"


class NoPlace(Exception):
    """The README has no marks for this section."""


def read(*, file: Path = FILE) -> dict[str, Any]:
    """The last result of each benchmark."""
    parts: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return parts


def save(part: str, found: Any, *, file: Path = FILE) -> None:
    """Replace one part of the file and keep the others."""
    parts = read(file=file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**parts, part: found}, indent=1) + "\n")


def write_section(part: str, lines: Sequence[str], *, readme: Path = README) -> None:
    """Put lines between the marks of a section of the README; what stands there is never written by hand."""
    begin, end = f"<!-- bench {part} -->", f"<!-- end of bench {part} -->"
    text = readme.read_text()
    section = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if section.search(text) is None:
        raise NoPlace(part)
    new = "\n".join([begin, *lines, end])
    readme.write_text(section.sub(lambda _: new, text, count=1))
