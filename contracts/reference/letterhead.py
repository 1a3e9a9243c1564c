"""The head of the office's letters, read like the other reference data: the built-in file, or that of a directory."""

import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from contracts.reference.loader import BUILT_IN, ReferenceInvalid
from contracts.reference.models import Name, Row

FILE: Final = "letterhead.toml"


class Letterhead(Row):
    """What stands at the head of a letter: who the office belongs to, its name, and how to reach it."""

    superiors: Annotated[tuple[Name, ...], Field(max_length=6)]
    office: Name
    place: Name
    """Where letters are dated."""
    address: Name | None = None
    contact: Name | None = None


def load_letterhead(directory: Path | None = None) -> Letterhead:
    """The letterhead of a directory, by default and where it has none the built-in one. Raises ReferenceInvalid."""
    own = (directory or BUILT_IN) / FILE
    file = own if own.exists() else BUILT_IN / FILE
    try:
        return Letterhead.model_validate(tomllib.loads(file.read_text(encoding="utf-8")).get("letterhead"))
    except (ValueError, OSError) as error:
        raise ReferenceInvalid(f"{FILE}: {error}") from error
