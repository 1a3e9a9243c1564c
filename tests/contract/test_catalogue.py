"""The catalogue against the code: every event has a topic, every reader a right, every handler an entry."""

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import operations
from contracts.access import access_document, topics_document
from contracts.catalogue import (
    HANDLED,
    TOPICS,
    UPSTREAM,
    CleanupPolicy,
    DataClass,
    consumed_by,
    consumers_of,
    events_of,
    handlers_of,
    inbox_retention,
    published_types,
    topics_for,
    topics_of,
)
from contracts.envelope import EVENT_BYTES_MAX
from contracts.event import EVENT_TYPES, Event
from contracts.personal import personal_fields

PUBLISHERS = ("lapas", "registration", "litmas", "supervision", "tpp", "notifications")
EVENTS = [EVENT_TYPES[name] for name in published_types()]
FOURTEEN_DAYS = 14 * 24
FIVE_YEARS = 5 * 366 * 24


def _type(event: type[Event]) -> str:
    return event.type


@pytest.mark.parametrize("event", EVENTS, ids=_type)
def test_every_event_has_its_topics_in_the_catalogue(event: type[Event]) -> None:
    topics = topics_for(event)

    assert topics
    assert {topic.publisher for topic in topics} == {event.owner}
    assert {topic.carrier for topic in topics} == {event.carrier}


@pytest.mark.parametrize("event", EVENTS, ids=_type)
def test_an_event_is_named_after_owner_fact_and_version(event: type[Event]) -> None:
    owner, fact, version = event.type.split(".")

    assert owner == event.__module__.rpartition(".")[2]
    assert fact.replace("-", "") == event.__name__.removesuffix(f"V{event.version}").lower()
    assert version == f"v{event.version}"


@pytest.mark.parametrize("event", EVENTS, ids=_type)
def test_an_event_says_in_one_sentence_what_happened(event: type[Event]) -> None:
    assert event.__doc__ is not None
    assert event.__doc__ != Event.__doc__
    assert event.__doc__.strip().endswith(".")


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_carries_something(name: str) -> None:
    assert [event for event in EVENTS if TOPICS[name] in topics_for(event)]


def test_children_have_topics_of_their_own_and_they_are_the_most_sensitive() -> None:
    for topic in TOPICS.values():
        assert topic.juvenile == (".juvenile." in topic.name)
        assert topic.juvenile == (topic.data_class is DataClass.S3)
        if topic.juvenile:
            assert topic.name.replace(".juvenile", "") in TOPICS


def test_what_refers_to_a_person_stays_fourteen_days_at_most() -> None:
    about_somebody = [topic for topic in TOPICS.values() if topic.carrier != "operations"]

    assert all(topic.retention_hours <= FOURTEEN_DAYS for topic in about_somebody)


def test_what_vouches_for_an_audit_trail_is_about_nobody_and_outlasts_it() -> None:
    vouching = [topic for topic in TOPICS.values() if topic.carrier == "operations"]
    anchored = [event for event in EVENTS if event.carrier == "operations"]

    assert {topic.publisher for topic in vouching} == {name for name in PUBLISHERS if name not in UPSTREAM}
    assert all(topic.retention_hours > FIVE_YEARS and topic.partitions == 1 for topic in vouching)
    assert all(topic.data_class is DataClass.S0 for topic in vouching)
    assert {event.subject_field for event in anchored} == {"anchor_id"}
    assert not [event for event in anchored if personal_fields(event)]


def test_only_the_restricted_topics_are_compacted() -> None:
    compacted = {name for name, topic in TOPICS.items() if topic.cleanup_policy is CleanupPolicy.COMPACT}

    assert compacted == {"registration.clients", "registration.juvenile.clients"}
    assert all(TOPICS[name].carrier != "events" for name in compacted)


def test_releases_are_read_by_registration_alone() -> None:
    assert consumers_of("lapas.events") == consumers_of("lapas.juvenile.events") == ("registration",)


def test_identity_is_read_by_named_services_alone() -> None:
    assert consumers_of("registration.clients") == ("notifications", "supervision")
    assert consumers_of("registration.juvenile.clients") == ("notifications", "supervision")


def test_a_message_at_the_limit_fits_into_its_topic_with_its_headers() -> None:
    assert all(topic.message_bytes_max > EVENT_BYTES_MAX for topic in TOPICS.values())


@pytest.mark.parametrize("service", sorted(HANDLED))
def test_a_service_remembers_as_long_as_a_record_can_come_again(service: str) -> None:
    for topic in consumed_by(service):
        assert inbox_retention(service).total_seconds() >= (topic.retention_hours + topic.longest_offline_hours) * 3600


@pytest.mark.parametrize("service", [name for name in PUBLISHERS if name not in UPSTREAM])
def test_every_service_announces_its_dead_letters_on_its_own_topic(service: str) -> None:
    announced = operations.dead_lettered_by(service)

    assert announced in events_of(service)
    assert announced.topic_for(juvenile=False) == f"{service}.events"


def test_dead_letters_on_the_way_of_a_release_are_told() -> None:
    assert handlers_of(operations.dead_lettered_by("registration")) == ("notifications",)


@pytest.mark.parametrize("service", sorted(HANDLED))
def test_the_catalogue_says_what_a_service_handles(service: str) -> None:
    app = importlib.import_module(f"services.{service}.app")
    inbox = (app.build() if hasattr(app, "build") else app.SERVICE).inbox

    assert set(inbox.events.values()) == HANDLED[service]


def _rights(document: list[dict[str, Any]], principal: str) -> Iterator[tuple[str, str]]:
    for rule in document:
        if rule["principal"] == f"User:{principal}" and rule["resource_type"] == "Topic":
            yield rule["operation"], rule["name"]


@pytest.mark.parametrize("principal", PUBLISHERS)
def test_a_principal_may_write_what_it_publishes_and_read_what_it_handles(principal: str) -> None:
    rights = set(_rights(access_document(), principal))

    assert {name for operation, name in rights if operation == "Write"} == {t.name for t in topics_of(principal)}
    assert {name for operation, name in rights if operation == "Read"} == {t.name for t in consumed_by(principal)}


def test_a_prison_may_read_nothing() -> None:
    assert not [operation for operation, _ in _rights(access_document(), "lapas") if operation == "Read"]


def test_topics_are_created_with_the_settings_of_the_catalogue() -> None:
    created = {topic["name"]: topic for topic in topics_document()}

    assert created.keys() == TOPICS.keys()
    assert created["lapas.events"]["config"] == {
        "cleanup.policy": "delete",
        "max.message.bytes": str(256 * 1024 + 16 * 1024),
        "retention.ms": str(14 * 24 * 3600 * 1000),
    }
    assert created["registration.clients"]["config"]["cleanup.policy"] == "compact"
    assert "retention.ms" not in created["registration.clients"]["config"]
