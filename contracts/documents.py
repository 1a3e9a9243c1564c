"""The files that are derived from the contracts and committed beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contracts.access import access_document, topics_document
from contracts.asyncapi import asyncapi_document
from contracts.frozen import text_of

ROOT: Final = Path(__file__).parent.parent
ASYNCAPI: Final = "contracts/asyncapi.json"


def documents() -> Mapping[str, Any]:
    """Every derived file, by its path in the repository."""
    return {
        ASYNCAPI: asyncapi_document(),
        "deploy/kafka/topics.json": topics_document(),
        "deploy/kafka/acls.json": access_document(),
    }


def write_documents() -> list[str]:
    """Write the files that are out of date and name them."""
    stale = list(_stale())
    for name, text in stale:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [name for name, _ in stale]


def stale_documents() -> list[str]:
    """The files that no longer say what the contracts say."""
    return [name for name, _ in _stale()]


def _stale() -> Iterator[tuple[str, str]]:
    for name, document in documents().items():
        path, text = ROOT / name, text_of(document)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield name, text
