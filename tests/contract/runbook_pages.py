"""The pages of operations as commands: what stands in their blocks, word by word."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.contract.image import REPOSITORY

PAGES: Final = REPOSITORY / "deploy/runbooks"
SECTIONS: Final = ("What it means", "How to see it", "How to mend it", "How to know that it is mended")
BLOCK: Final = re.compile(r"```sh\n(.*?)```", re.DOTALL)
ASSIGNED: Final = re.compile(r"([A-Z]+)=(.*)")
SUBSTITUTED: Final = re.compile(r"\$\((.*)\)")
PLACE: Final = re.compile(r"\$[A-Z]+")


@dataclass(frozen=True)
class Page:
    """What to do about one alert."""

    name: str
    text: str

    @property
    def sections(self) -> dict[str, str]:
        """Its sections by their headings."""
        parts = re.split(r"(?m)^## (.*)\n", self.text)[1:]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def commands(self, section: str | None = None) -> Iterator[str]:
        """Its commands; what is assigned by a command is that command."""
        text = self.text if section is None else self.sections[section]
        for block in BLOCK.findall(text):
            for line in block.splitlines():
                command = line.partition(" #")[0].strip()
                if assigned := ASSIGNED.fullmatch(command):
                    inner = SUBSTITUTED.fullmatch(assigned[2])
                    if inner is None:
                        continue
                    command = inner[1]
                if command:
                    yield command


@dataclass(frozen=True)
class Request:
    """A call of curl to a service."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: dict[str, Any] | None
    headers: tuple[str, ...]


def pages() -> list[Page]:
    """Every page of an alert."""
    files = sorted(Path(PAGES).glob("*.md"))
    return [Page(file.stem, file.read_text(encoding="utf-8")) for file in files if file.stem != "README"]


def request_of(command: str) -> Request:
    """A curl command as the service gets it; raises ValueError for an option that is not known here."""
    words = shlex.split(command)
    method, body, headers, address = "GET", None, [], ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            headers.append(next(rest))
        elif word == "-d":
            body = json.loads(next(rest))
        elif word.startswith("$AT/") and not address:
            address = word.removeprefix("$AT")
        elif word != "-s":
            raise ValueError(word)
    parts = urlsplit(address)
    return Request(
        method, parts.path, tuple(parse_qsl(parts.query, strict_parsing=bool(parts.query))), body, tuple(headers)
    )
