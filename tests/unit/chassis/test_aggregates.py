"""The row of a state."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID

from chassis.aggregates import columns_of, rows_as_json


class Colour(StrEnum):
    """An enumeration as states have them."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    """Something nested."""

    at: datetime
    on: date | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A state with all that a column may hold."""

    key: UUID
    colour: Colour
    parts: tuple[Part, ...]
    by_name: dict[str, Part]
    words: frozenset[str] = frozenset()


def test_the_columns_of_a_state_are_its_fields_however_deep() -> None:
    """As text for the database they say the same as a copy of all of it would."""
    part = Part(datetime(2026, 5, 29, 9, 30, tzinfo=UTC), date(2026, 5, 29))
    state = State(UUID(int=7), Colour.RED, (part, Part(part.at)), {"first": part}, frozenset({"b", "a"}))

    written = json.loads(rows_as_json([columns_of(state)]))

    assert written == json.loads(rows_as_json([asdict(state)]))
    assert written[0]["parts"][0] == {"at": "2026-05-29T09:30:00+00:00", "on": "2026-05-29"}
    assert written[0]["words"] == ["a", "b"]
