"""Golden examples: whole messages as they lie on a topic, good ones and bad ones with the reason each bad one gets."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

EXAMPLES: Final = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """A message, what it shows, and why it is refused if it is."""

    name: str
    event_type: str
    about: str
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    reason: str | None
    unknown_fields: int

    @property
    def data(self) -> Any:
        """The value as JSON."""
        return json.loads(self.value or b"null")


def examples_of(event_type: str, directory: Path = EXAMPLES) -> tuple[Example, ...]:
    """The examples of one event type, in the order of their names."""
    return tuple(_read(path) for path in sorted((directory / event_type).glob("*.json")))


def all_examples(directory: Path = EXAMPLES) -> tuple[Example, ...]:
    """The examples of all event types."""
    return tuple(
        example for folder in sorted(directory.iterdir()) if folder.is_dir() for example in examples_of(folder.name)
    )


def _read(path: Path) -> Example:
    found = json.loads(path.read_bytes())
    return Example(
        name=path.stem,
        event_type=path.parent.name,
        about=found["about"],
        key=_bytes(found["key"]),
        headers=tuple((name, _bytes(value)) for name, value in _pairs(found["headers"])),
        value=json.dumps(found["data"], ensure_ascii=False).encode() if "data" in found else _bytes(found["value"]),
        reason=found.get("reason"),
        unknown_fields=found.get("unknown_fields", 0),
    )


def _pairs(headers: Any) -> list[tuple[str, Any]]:
    """Headers are an object, or a list of pairs where one comes twice."""
    return list(headers.items()) if isinstance(headers, Mapping) else [(name, value) for name, value in headers]


def _bytes(value: Any) -> bytes | None:
    """Text as UTF-8; bytes that are no text are written as `{"base64": ..}`."""
    if isinstance(value, Mapping):
        return base64.b64decode(value["base64"])
    return None if value is None else str(value).encode()
