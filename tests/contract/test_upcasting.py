"""A service that handles the new version of an event also reads what was published in the old one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from contracts.envelope import Envelope, Malformed, NotForUs, Received, decode, encode
from contracts.event import EVENT_TYPES, Event
from contracts.personal import Instant
from contracts.upcasting import UPCASTERS, upcasts

CASE = UUID("0f0d8c63-7a86-5d7c-9c39-6e6f4b8ad6f1")


@pytest.fixture
def versions() -> Iterator[tuple[type[Event], type[Event], type[Event]]]:
    """An event in three versions; the first two can be lifted."""

    class BadgeIssued(Event, subject="case"):
        case: UUID
        issued_at: Instant

    class BadgeIssuedV2(Event, subject="case", version=2):
        case: UUID
        issued_at: Instant
        colour: str

    class BadgeIssuedV3(Event, subject="case", version=3):
        case: UUID
        issued_at: Instant
        colours: tuple[str, ...]

    @upcasts(BadgeIssued)
    def _(old: BadgeIssued) -> BadgeIssuedV2:
        return BadgeIssuedV2(case=old.case, issued_at=old.issued_at, colour="WHITE")

    @upcasts(BadgeIssuedV2)
    def _(old: BadgeIssuedV2) -> BadgeIssuedV3:
        return BadgeIssuedV3(case=old.case, issued_at=old.issued_at, colours=(old.colour,))

    yield BadgeIssued, BadgeIssuedV2, BadgeIssuedV3

    for version in (BadgeIssued, BadgeIssuedV2, BadgeIssuedV3):
        del EVENT_TYPES[version.type]
        UPCASTERS.pop(version, None)


def _message(event: Event) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    return encode(event, Envelope(id="1", source="/tests", type=event.type, subject=event.subject))


Versions = tuple[type[Event], type[Event], type[Event]]


def test_versions_are_types_of_their_own_on_one_topic(versions: Versions) -> None:
    assert [version.type.rpartition(".")[2] for version in versions] == ["v1", "v2", "v3"]
    assert len({version.type.rpartition(".")[0] for version in versions}) == 1
    assert len({version.topic_for(juvenile=False) for version in versions}) == 1


def test_an_old_event_arrives_in_the_version_that_is_handled(versions: Versions) -> None:
    first, _, third = versions
    old = first.model_validate({"case": CASE, "issued_at": datetime(2026, 5, 29, tzinfo=UTC)})

    received = decode(*_message(old), known={third.type: third})

    assert isinstance(received, Received)
    assert received.upgraded
    assert received.envelope.type == first.type
    assert received.event == third.model_validate(
        {"case": CASE, "issued_at": datetime(2026, 5, 29, tzinfo=UTC), "colours": ("WHITE",)}
    )


def test_an_event_in_the_handled_version_is_left_alone(versions: Versions) -> None:
    first, _, _ = versions
    event = first.model_validate({"case": CASE, "issued_at": datetime(2026, 5, 29, tzinfo=UTC)})

    received = decode(*_message(event), known={first.type: first})

    assert received == Received(
        Envelope(id="1", source="/tests", type=first.type, subject=str(CASE)), event, upgraded=False
    )


def test_a_newer_version_than_the_handled_one_is_malformed(versions: Versions) -> None:
    first, _, third = versions
    new = third.model_validate({"case": CASE, "issued_at": datetime(2026, 5, 29, tzinfo=UTC), "colours": ()})

    with pytest.raises(Malformed, match=r"v3: the major version is unknown$"):
        decode(*_message(new), known={first.type: first})


def test_a_word_in_the_place_of_a_version_is_another_type(versions: Versions) -> None:
    """It is no event of ours, so nothing of it is kept or repeated."""
    first = versions[0]
    key, headers, value = _message(first.model_validate({"case": CASE, "issued_at": datetime(2026, 5, 29, tzinfo=UTC)}))
    strange = first.type.replace(".v1", ".vBudi")

    changed = [(name, strange.encode() if name == "ce_type" else raw) for name, raw in headers]

    assert decode(key, changed, value, known={first.type: first}) == NotForUs(strange)


def test_a_version_has_one_upcaster(versions: Versions) -> None:
    with pytest.raises(TypeError, match="has an upcaster already"):
        upcasts(versions[0])(lambda old: old)


def test_a_type_has_one_publisher(versions: Versions) -> None:
    with pytest.raises(TypeError, match="is published by"):

        class BadgeIssued(Event, subject="case"):
            case: UUID


def test_the_subject_is_a_field() -> None:
    with pytest.raises(TypeError, match="BadgeLost has no field 'badge' to be its subject"):

        class BadgeLost(Event, subject="badge"):
            case: UUID
