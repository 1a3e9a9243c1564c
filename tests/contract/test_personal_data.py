"""Our own ordinary topics carry ids, states, times and codes: no field in which a person would fit."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from contracts.catalogue import TOPICS, UPSTREAM, published_types, topics_for
from contracts.event import EVENT_TYPES, Event
from contracts.frozen import current_schemas, schema_of
from contracts.lapas import Address, ClientReleased, Guarantor
from contracts.personal import MASK, Code, Personal, PersonName, PhoneNumber, masked, personal_fields
from contracts.registration import ClientDetails

ALL = [EVENT_TYPES[name] for name in published_types()]
ORDINARY = [event for event in ALL if event.carrier == "events" and event.owner not in UPSTREAM]
OF_A_PERSON = [
    "Budi Santoso",
    "1671011403920001",
    "081200000417",
    "+62 812 0000 0417",
    "Jalan Mawar 12",
    "budi@home.example",
]
FORMATS_WITHOUT_ROOM = {"uuid", "date", "date-time"}


def _type(event: type[Event]) -> str:
    return event.type


@pytest.mark.parametrize("event", ORDINARY, ids=_type)
def test_an_ordinary_event_has_no_personal_field(event: type[Event]) -> None:
    assert personal_fields(event) == ()
    assert "x-personal" not in str(schema_of(event))


@pytest.mark.parametrize("event", ORDINARY, ids=_type)
def test_no_text_of_an_ordinary_event_has_room_for_a_person(event: type[Event]) -> None:
    schema = schema_of(event)

    for path, node in _texts(schema, schema, ""):
        if "enum" in node or "const" in node or node.get("format") in FORMATS_WITHOUT_ROOM:
            continue
        assert "pattern" in node, f"{path} is free text"
        for value in OF_A_PERSON:
            # A prison's code of a place may be digits alone: we accept prisons that we do not know.
            if path == "facility" and value.isdigit():
                continue
            assert not re.search(node["pattern"], value), f"{path} has room for {value!r}"


def _texts(node: Any, document: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if "$ref" in node:
        node = document["$defs"][node["$ref"].rpartition("/")[2]]
    if node.get("type") == "string":
        yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from _texts(inner, document, f"{path}.{name}" if path else name)
    for inner in [*node.get("anyOf", ()), *([node["items"]] if "items" in node else [])]:
        yield from _texts(inner, document, path)


@pytest.mark.parametrize("event", [event for event in ALL if personal_fields(event)], ids=_type)
def test_personal_data_travels_only_where_the_catalogue_says_so(event: type[Event]) -> None:
    assert {topic.data_class for topic in topics_for(event)} <= {"S1", "S2", "S3"}
    assert event.owner in UPSTREAM or event.carrier != "events"


def test_the_marker_is_part_of_the_published_schema() -> None:
    schema = current_schemas()[ClientReleased.type]

    assert schema["properties"]["name"]["x-personal"] == "name"
    assert schema["properties"]["nik"]["anyOf"][0]["x-personal"] == "nik"
    assert schema["$defs"]["Guarantor"]["properties"]["phone"]["anyOf"][0]["x-personal"] == "phone"


def test_personal_fields_are_found_at_any_depth() -> None:
    class Visit(BaseModel):
        code: Code
        names: tuple[PersonName, ...] = ()
        phones: dict[str, PhoneNumber | None] = {}
        people: tuple[Guarantor | None, ...] = ()
        secret: Annotated[bool, Personal("secret")] = False

    assert personal_fields(Visit) == (
        "names",
        "phones",
        "people.name",
        "people.phone",
        "people.address.street",
        "people.address.village",
        "people.address.regency",
        "secret",
    )


def test_a_masked_event_shows_codes_and_hides_people() -> None:
    data = {
        "facility": "LP1-PLG",
        "name": "Budi Santoso",
        "released_at": "2026-05-29T16:30:00+07:00",
        "nik": None,
        "release_id": "LP1-PLG.2026.0417",
        "guarantor": {"name": "Siti", "relation": "WIFE", "address": {"street": "Jalan Mawar"}},
        "special_conditions": ["NO-CONTACT-VICTIM"],
        "cell_mate": "Rudi",
    }

    assert masked(data, ClientReleased) == {
        "facility": "LP1-PLG",
        "name": MASK,
        "released_at": "2026-05-29T16:30:00+07:00",
        "nik": None,
        "release_id": MASK,
        "guarantor": {"name": MASK, "relation": "WIFE", "address": {"street": MASK}},
        "special_conditions": ["NO-CONTACT-VICTIM"],
        "cell_mate": MASK,
    }


def test_a_name_in_the_place_of_a_fields_name_is_hidden() -> None:
    assert masked({"Budi Santoso": True, "releasd_at": "today"}, ClientReleased) == {MASK: MASK, "releasd_at": MASK}


@pytest.mark.parametrize("data", ["Budi", 17, ["Budi"], True])
def test_data_that_is_no_event_is_hidden_whole(data: object) -> None:
    assert masked(data, ClientReleased) == MASK


def test_a_value_of_the_wrong_shape_is_hidden() -> None:
    assert masked({"guarantor": "Siti", "facility": "Budi Santoso"}, ClientReleased) == {
        "guarantor": MASK,
        "facility": MASK,
    }


def test_an_event_shows_no_values_when_it_is_printed() -> None:
    details = ClientDetails.model_validate(
        {
            "client_id": "6a1d5f4e-4b7e-5b52-8f0c-7d1c7b2f9a10",
            "registration_id": "0f0d8c63-7a86-5d7c-9c39-6e6f4b8ad6f1",
            "name": "Budi Santoso",
            "domicile": Address(street="Jalan Mawar"),
        }
    )

    for shown in (repr(details), str(details), repr(details.domicile)):
        assert "Budi" not in shown
        assert "Mawar" not in shown


def test_every_topic_with_people_on_it_has_named_readers() -> None:
    restricted = [topic for topic in TOPICS.values() if topic.carrier not in {"events", "operations"}]

    assert {topic.name for topic in restricted} == {
        "lapas.requests",
        "lapas.juvenile.requests",
        "registration.clients",
        "registration.juvenile.clients",
    }
