"""Pages of a list: a bounded number of items, and an opaque word that asks for those after them."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from chassis.problems import BadRequest

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
CURSOR_CHARS_MAX: Final = 512

_INT8_MAX: Final = 2**63 - 1

T = TypeVar("T")
R = TypeVar("R")


class Page(BaseModel, Generic[T]):
    """Some items of a list, and how to go on."""

    items: list[T]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` for the next page; absent at the end"
    )


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for."""

    limit: int
    cursor: str | None

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than shown, to know whether there are more."""
        return self.limit + 1

    def after(self, *types: type[Any]) -> tuple[Any, ...] | None:
        """The values of the last item seen, read as these types; nothing for the first page.

        Raises BadRequest for a cursor that no page has given.
        """
        return None if self.cursor is None else decode_cursor(self.cursor, *types)

    def page(self, rows: Sequence[R], *, item: Callable[[R], T], cursor: Callable[[R], Sequence[object]]) -> "Page[T]":
        """The page made of these rows, of which the one too many is cut off."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[item(row) for row in shown], next_cursor=encode_cursor(*cursor(shown[-1])) if more else None)


def page_request(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most")] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=CURSOR_CHARS_MAX,
            description="`next_cursor` of the page before",
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"},
        ),
    ] = None,
) -> PageRequest:
    """Read `limit` and `cursor` from the query."""
    return PageRequest(limit=limit, cursor=cursor or None)


def encode_cursor(*values: object) -> str:
    """The place after an item, as an opaque word."""
    text = json.dumps([_plain(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type[Any]) -> tuple[Any, ...]:
    """The values in a cursor; raises BadRequest when it is not one of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return tuple(_typed(value, kind) for value, kind in zip(list(values), types, strict=True))
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise BadRequest(where="query.cursor", what="it must be the next_cursor of a page") from None


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(value: Any, kind: type[Any]) -> Any:
    if kind is int:
        if type(value) is not int or abs(value) > _INT8_MAX:
            raise TypeError
        return value
    if not isinstance(value, str):
        raise TypeError
    if kind is str:
        if "\x00" in value:
            raise ValueError
        return value
    if kind is UUID:
        return UUID(value)
    parsed = kind.fromisoformat(value)
    # Without a zone it is a date, or not one of our cursors; astimezone finds what no zone can hold.
    return parsed.astimezone(UTC) if isinstance(parsed, datetime) and parsed.tzinfo is not None else _day(parsed)


def _day(parsed: object) -> date:
    if isinstance(parsed, date) and not isinstance(parsed, datetime):
        return parsed
    raise TypeError
