"""How a store declares its tables to the unit of work: set-shaped SQL, in the open, once per table."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

K = TypeVar("K", UUID, str)
S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Aggregates(Generic[K, S]):
    """A table of versioned states, loaded and locked by one statement, saved by one statement.

    `select` takes the keys as `$1`, returns the columns that `load` needs and `version`, ordered by key, FOR UPDATE.
    `upsert` takes a JSON list as `$1` (what `dump` gives, and `version`) and must write no row whose stored version
    is not `EXCLUDED.version - 1`: the rows written are counted, and fewer than saved is a lost race.
    """

    name: str
    key_type: Literal["uuid", "text"]
    select: str
    upsert: str
    key: Callable[[S], K]
    load: Callable[[Mapping[str, Any]], S]
    dump: Callable[[S], dict[str, Any]]


def columns_of(state: Any) -> dict[str, Any]:
    """The fields of a state, a dataclass, by name: its row, where the columns are called as they are.

    What is nested in them is taken apart when the row is encoded; `asdict` would copy every value on the way.
    """
    return {name: getattr(state, name) for name in _names(type(state))}  # type: ignore[arg-type]  # a class is hashable


@cache
def _names(state_type: type[Any]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(state_type))


@dataclass(frozen=True, eq=False)
class Rows:
    """A table that is only ever appended to; `insert` takes a JSON list as `$1`."""

    name: str
    insert: str


class RawJson(str):
    """JSON text that a connection's codec passes on as it is; encoded again it would be a quoted string."""

    __slots__ = ()


def encode_json(value: object) -> str:
    """Encode a JSON parameter; what is JSON text already stays as it is."""
    return value if isinstance(value, RawJson) else json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | set):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return columns_of(value)
    message = f"a {type(value).__name__} cannot be written to a row"
    raise TypeError(message)


def rows_as_json(rows: list[dict[str, Any]]) -> RawJson:
    """The rows as one JSON parameter; nested objects stay objects, so a jsonb column is never quoted twice."""
    return RawJson(encode_json(rows))
