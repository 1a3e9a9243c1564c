"""Which changes of an event its consumers survive, and which need a new version."""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from contracts.compatibility import breaks, unreadable
from contracts.frozen import WithoutTitles


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


class MoreColours(StrEnum):
    RED = "RED"
    GREEN = "GREEN"
    BLUE = "BLUE"


class FewerColours(StrEnum):
    RED = "RED"


class Place(BaseModel):
    street: str
    floor: int | None = None


class PlaceWithHouse(BaseModel):
    street: str
    floor: int | None = None
    house: str


class PlaceWithDoor(BaseModel):
    street: str
    floor: int | None = None
    door: str | None = None


BASE: dict[str, Any] = {
    "id": (str, ...),
    "name": (Annotated[str, Field(max_length=40)], ...),
    "colour": (Colour, ...),
    "count": (Annotated[int, Field(ge=0)], 0),
    "note": (str | None, None),
    "place": (Place | None, None),
    "tags": (Annotated[tuple[str, ...], Field(max_length=5)], ()),
    "hours": (Literal[24, 48], 24),
}


def _schema(**changes: Any) -> dict[str, Any]:
    fields = {name: field for name, field in {**BASE, **changes}.items() if field is not None}
    model = create_model("Thing", __config__=ConfigDict(extra="forbid"), **fields)
    return {**model.model_json_schema(schema_generator=WithoutTitles), "x-subject": "id", "x-topics": ["things.events"]}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"extra": (str | None, None)}, id="an optional field is added"),
        pytest.param({"extra": (int, 7)}, id="a field with a default is added"),
        pytest.param({"place": (PlaceWithDoor | None, None)}, id="an optional field is added to a part"),
    ],
)
def test_a_compatible_change_passes(changes: dict[str, Any]) -> None:
    assert breaks(_schema(), _schema(**changes)) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"extra": (str, ...)},
            "old producer, new consumer: extra: required, but it may be left out",
            id="added required",
        ),
        pytest.param(
            {"note": None}, "note: removed, so what old producers write there would be lost", id="removed optional"
        ),
        pytest.param(
            {"name": None}, "new producer, old consumer: name: required, but it may be left out", id="removed required"
        ),
        pytest.param(
            {"note": (str, ...)},
            "old producer, new consumer: note: required, but it may be left out",
            id="made required",
        ),
        pytest.param(
            {"colour": (Colour, Colour.RED)},
            "new producer, old consumer: colour: required, but it may be left out",
            id="made optional",
        ),
        pytest.param(
            {"name": (Annotated[str, Field(max_length=20)], ...)},
            "old producer, new consumer: name: maxLength is 40 where 20 is asked",
            id="narrowed",
        ),
        pytest.param(
            {"name": (Annotated[str, Field(max_length=60)], ...)},
            "new producer, old consumer: name: maxLength is 60 where 40 is asked",
            id="widened",
        ),
        pytest.param(
            {"name": (str, ...)},
            "new producer, old consumer: name: maxLength is free where 40 is asked",
            id="limit dropped",
        ),
        pytest.param(
            {"count": (Annotated[int, Field(ge=1)], 0)},
            "old producer, new consumer: count: minimum is 0 where 1 is asked",
            id="least value raised",
        ),
        pytest.param(
            {"count": (Annotated[str, Field()], "0")},
            "old producer, new consumer: count: integer is written where string is read",
            id="type changed",
        ),
        pytest.param(
            {"count": (Annotated[float, Field(ge=0)], 0)},
            "new producer, old consumer: count: number is written where integer is read",
            id="integer becomes number",
        ),
        pytest.param(
            {"name": (Annotated[str, Field(max_length=40, pattern="^[a-z]+$")], ...)},
            "old producer, new consumer: name: pattern is free where ^[a-z]+$ is asked",
            id="pattern added",
        ),
        pytest.param(
            {"note": (date | None, None)},
            "old producer, new consumer: note: format is free where date is asked",
            id="format added",
        ),
        pytest.param(
            {"colour": (MoreColours, ...)},
            "new producer, old consumer: colour: the value 'BLUE' is not known",
            id="a value is added by the producer",
        ),
        pytest.param(
            {"colour": (FewerColours, ...)},
            "old producer, new consumer: colour: the value 'GREEN' is not known",
            id="a value is withdrawn",
        ),
        pytest.param(
            {"colour": (str, ...)},
            "new producer, old consumer: colour: any value may be written where only some are read",
            id="a vocabulary is opened",
        ),
        pytest.param(
            {"hours": (Literal[24, 48, 72], 24)},
            "new producer, old consumer: hours: the value 72 is not known",
            id="a number is added by the producer",
        ),
        pytest.param(
            {"id": (str | None, ...)},
            "new producer, old consumer: id: null is written where string is read",
            id="null is allowed",
        ),
        pytest.param(
            {"note": (str, "")},
            "old producer, new consumer: note: null is written where string is read",
            id="null is forbidden",
        ),
        pytest.param({"count": (Annotated[int, Field(ge=0)], 1)}, "count: its default changed", id="default changed"),
        pytest.param(
            {"place": (PlaceWithHouse | None, None)},
            "old producer, new consumer: place.house: required, but it may be left out",
            id="a part needs more",
        ),
        pytest.param(
            {"tags": (Annotated[tuple[int, ...], Field(max_length=5)], ())},
            "old producer, new consumer: tags[]: string is written where integer is read",
            id="items change type",
        ),
        pytest.param(
            {"tags": (Annotated[tuple[str, ...], Field(max_length=9)], ())},
            "new producer, old consumer: tags: maxItems is 9 where 5 is asked",
            id="more items",
        ),
    ],
)
def test_an_incompatible_change_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    found = breaks(_schema(), _schema(**changes))

    assert any(each.startswith(reason) for each in found), found


def test_a_field_removed_from_a_part_is_refused() -> None:
    assert breaks(_schema(place=(PlaceWithDoor | None, None)), _schema()) == (
        "place.door: removed, so what old producers write there would be lost",
    )


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("x-subject", "name", "subject changed from id to name"), ("x-topics", ["others.events"], "topics changed from")],
)
def test_another_subject_or_topic_is_another_event(key: str, value: object, reason: str) -> None:
    found = breaks(_schema(), {**_schema(), key: value})

    assert len(found) == 1
    assert found[0].startswith(reason)


def test_a_keyword_that_the_gate_does_not_know_is_refused() -> None:
    odd = {"type": "object", "properties": {"id": {"type": "string", "contentEncoding": "base64"}}}

    assert "id: the gate does not understand 'contentEncoding'" in unreadable(producer=odd, consumer=odd)


def test_versions_that_passed_one_after_the_other_also_pass_directly() -> None:
    first = _schema()
    second = _schema(extra=(str | None, None))
    third = _schema(extra=(str | None, None), place=(PlaceWithDoor | None, None))

    for old, new in [*pairwise((first, second, third)), (first, third)]:
        assert breaks(old, new) == ()
