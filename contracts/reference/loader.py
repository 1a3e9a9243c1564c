"""Reads reference data from its TOML files and refuses what does not fit together."""

import tomllib
from collections.abc import Callable, Iterable
from datetime import date
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from contracts.lapas import CHILD_FACILITY_PREFIXES
from contracts.reference.models import (
    BoardRules,
    CheckInRule,
    DeadlinePolicy,
    Facility,
    FacilityType,
    Holds,
    Holiday,
    LikenessPolicy,
    Office,
    Officer,
    Reference,
    Regency,
    Register,
    Reminder,
    Row,
    Unit,
)
from contracts.supervision import Stage

BUILT_IN: Final = Path(__file__).parent
VERSION_CHARS: Final = 16
_CHILD_TYPES: Final = frozenset({FacilityType.LPKA, FacilityType.LPAS})

R = TypeVar("R", bound=Row)


class ReferenceInvalid(ValueError):
    """A reference file cannot be read, or contradicts another one."""


def load_reference(directory: Path | None = None) -> Reference:
    """The reference data of a directory, by default the one that comes with the contracts.

    A file that the directory lacks is taken from the built-in data. Raises ReferenceInvalid.
    """
    source = _Source(directory or BUILT_IN)
    reference = Reference(
        office=source.row("office.toml", "office", Office),
        reminders=_by(source.rows("office.toml", "reminder", Reminder), "office.toml", lambda row: row.id),
        regencies=_by(source.rows("units.toml", "regency", Regency), "units.toml", lambda row: row.code),
        units=_by(source.rows("units.toml", "unit", Unit), "units.toml", lambda row: row.code),
        facilities=_by(source.rows("facilities.toml", "facility", Facility), "facilities.toml", lambda row: row.code),
        holidays=frozenset(_dates(source.rows("holidays.toml", "holiday", Holiday))),
        policies=_by(
            source.rows("deadline_policies.toml", "policy", DeadlinePolicy),
            "deadline_policies.toml",
            lambda row: row.id,
        ),
        officers=_by(source.rows("officers.toml", "officer", Officer), "officers.toml", lambda row: row.code),
        check_in=tuple(source.rows("check_in.toml", "check_in", CheckInRule)),
        registers=_by(source.rows("registers.toml", "register", Register), "registers.toml", lambda row: row.code),
        board=source.row("board.toml", "board", BoardRules),
        likeness=source.row("likeness.toml", "likeness", LikenessPolicy),
        version=source.version(),
    )
    problems = list(_contradictions(reference))
    if problems:
        raise ReferenceInvalid("; ".join(problems))
    return reference


class _Source:
    """The files of a directory, each read once, and the fingerprint of what was read."""

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise ReferenceInvalid(f"{directory} is no directory")
        self._directory = directory
        self._files: dict[str, bytes] = {}

    def row(self, file: str, table: str, model: type[R]) -> R:
        """The one row of a table of a file."""
        found = self.rows(file, table, model)
        if len(found) != 1:
            raise ReferenceInvalid(f"{file}: one [{table}] is needed, not {len(found)}")
        return found[0]

    def rows(self, file: str, table: str, model: type[R]) -> list[R]:
        """The rows of one table of a file."""
        try:
            found: Any = tomllib.loads(self._content(file).decode()).get(table, [])
            return TypeAdapter(list[model]).validate_python(found if isinstance(found, list) else [found])  # type: ignore[valid-type]  # a model is a type
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
            raise ReferenceInvalid(f"{file}: {error}") from error

    def version(self) -> str:
        """A fingerprint of all files that were read."""
        digest = sha256()
        for name, content in sorted(self._files.items()):
            digest.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(content), content))
        return digest.hexdigest()[:VERSION_CHARS]

    def _content(self, file: str) -> bytes:
        if file not in self._files:
            own = self._directory / file
            self._files[file] = (own if own.exists() else BUILT_IN / file).read_bytes()
        return self._files[file]


def _by(rows: Iterable[R], file: str, key: Callable[[R], str]) -> dict[str, R]:
    found: dict[str, R] = {}
    for row in rows:
        if found.setdefault(key(row), row) is not row:
            raise ReferenceInvalid(f"{file}: {key(row)} is there twice")
    return found


def _dates(rows: Iterable[Holiday]) -> Iterable[date]:
    return (row.on for row in rows)


def _contradictions(reference: Reference) -> Iterable[str]:
    """What no single file shows: a name that another file does not know, a rule that is missing."""
    yield from _contradictions_of_places(reference)
    for officer in reference.officers.values():
        if officer.unit not in reference.units:
            yield f"officers.toml: {officer.code} works at {officer.unit}, which is no unit"
    for stage in sorted(set(Stage) - {rule.stage for rule in reference.check_in}):
        yield f"check_in.toml: no row for stage {stage}"
    for holds, juvenile in product(Holds, (False, True)):
        own = [row for row in reference.registers.values() if row.holds is holds and row.juvenile is juvenile]
        if not any(not row.release_types for row in own):
            yield f"registers.toml: no register of {holds} for all other {'children' if juvenile else 'adults'}"
    try:
        ZoneInfo(reference.office.zone)
    except (KeyError, ValueError):
        yield f"office.toml: {reference.office.zone} is no time zone"


def _contradictions_of_places(reference: Reference) -> Iterable[str]:
    heads = [unit.code for unit in reference.units.values() if unit.is_head_office]
    if len(heads) != 1:
        yield f"units.toml: one unit is the head office, not {len(heads)}"
    for unit in reference.units.values():
        for code in sorted(set(unit.regencies) - reference.regencies.keys()):
            yield f"units.toml: {unit.code} serves {code}, which is no regency"
    for facility in reference.facilities.values():
        if facility.receiving_unit not in reference.units:
            yield f"facilities.toml: {facility.code} releases to {facility.receiving_unit}, which is no unit"
        if (facility.type in _CHILD_TYPES) != facility.code.startswith(CHILD_FACILITY_PREFIXES):
            yield f"facilities.toml: the code of {facility.code} does not say whether it is an institution for children"
