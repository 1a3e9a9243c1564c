"""Who publishes what on which topic, who reads it, how long it stays and how sensitive it is.

Topics, access rights and the AsyncAPI document are generated from here; tests hold it against the event classes and
against the handlers of the services.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from contracts import lapas, litmas, notifications, registration, supervision, tpp
from contracts.envelope import EVENT_BYTES_MAX
from contracts.event import EVENT_TYPES, Event

HEADER_BYTES_ROOM: Final = 16 * 1024
REPLICATION_FACTOR: Final = 3
IN_SYNC_REPLICAS_MIN: Final = 2
TOMBSTONE_HOURS: Final = 14 * 24
"""How long a compacted topic shows that somebody was erased."""
AUDIT_HOURS: Final = 6 * 366 * 24


class CleanupPolicy(StrEnum):
    """What happens to old records."""

    DELETE = "delete"
    COMPACT = "compact"


class DataClass(StrEnum):
    """How sensitive a topic is."""

    S0 = "S0"
    """Operational: ids, states, times, office codes."""
    S1 = "S1"
    """Personal: names and how to reach people."""
    S2 = "S2"
    """Sensitive: what a prison knows of an adult."""
    S3 = "S3"
    """Everything about a child."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic of the network, by its name without the deployment's prefix."""

    name: str
    publisher: str
    carrier: str = "events"
    juvenile: bool = False
    partitions: int
    local_partitions: int
    cleanup_policy: CleanupPolicy = CleanupPolicy.DELETE
    retention_hours: int
    longest_offline_hours: int
    data_class: DataClass
    message_bytes_max: int = EVENT_BYTES_MAX + HEADER_BYTES_ROOM

    @property
    def inbox_retention(self) -> timedelta:
        """How long a consumer remembers what it handled: as long as the same record can still come again."""
        return timedelta(hours=self.retention_hours + self.longest_offline_hours)


def _pair(
    publisher: str,
    *,
    data_class: DataClass,
    carrier: str = "events",
    cleanup_policy: CleanupPolicy = CleanupPolicy.DELETE,
    longest_offline_hours: int = 72,
) -> tuple[Topic, Topic]:
    """A publisher's topic for adults and the one for children, which is smaller and always S3.

    Fourteen days at most for what refers to a person; an outpost works off-line for up to three days.
    Partitions cannot be added later without breaking the order per key, so there are enough from the start.
    """

    def topic(*, juvenile: bool) -> Topic:
        return Topic(
            name=f"{publisher}.juvenile.{carrier}" if juvenile else f"{publisher}.{carrier}",
            publisher=publisher,
            carrier=carrier,
            juvenile=juvenile,
            partitions=12 if juvenile else 24,
            local_partitions=3 if juvenile else 6,
            cleanup_policy=cleanup_policy,
            retention_hours=TOMBSTONE_HOURS,
            longest_offline_hours=longest_offline_hours,
            data_class=DataClass.S3 if juvenile else data_class,
        )

    return topic(juvenile=False), topic(juvenile=True)


def _operations(publisher: str) -> Topic:
    """What a service tells of its own running for whoever audits it: ids, hashes and times, about nobody.

    It must outlast what it vouches for, so it stays as long as the audit trail: five years, and one for looking.
    """
    return Topic(
        name=f"{publisher}.operations",
        publisher=publisher,
        carrier="operations",
        partitions=1,
        local_partitions=1,
        retention_hours=AUDIT_HOURS,
        longest_offline_hours=72,
        data_class=DataClass.S0,
    )


TOPICS: Final[Mapping[str, Topic]] = {
    topic.name: topic
    for topic in (
        *_pair("lapas", data_class=DataClass.S2),
        *_pair("lapas", carrier="requests", data_class=DataClass.S2),
        *_pair("registration", data_class=DataClass.S0),
        *_pair("registration", carrier="clients", data_class=DataClass.S1, cleanup_policy=CleanupPolicy.COMPACT),
        _pair("litmas", data_class=DataClass.S0)[0],
        *_pair("supervision", data_class=DataClass.S0),
        *_pair("tpp", data_class=DataClass.S0),
        *_pair("notifications", data_class=DataClass.S0),
        *(_operations(service) for service in ("registration", "litmas", "supervision", "tpp", "notifications")),
    )
}

UPSTREAM: Final = frozenset({"lapas"})
"""Publishers outside the house."""

HANDLED: Final[Mapping[str, frozenset[type[Event]]]] = {
    "registration": frozenset({lapas.ReleaseAnnounced, lapas.ClientReleased, lapas.ReleaseCancelled}),
    "litmas": frozenset(
        {lapas.LitmasRequested, lapas.LitmasRequestWithdrawn, lapas.DecreeIssued, tpp.TPPDecided},
    ),
    "supervision": frozenset(
        {
            registration.ClientRegistered,
            registration.ClientDetails,
        }
    ),
    "tpp": frozenset({litmas.LitmasSubmittedToBoard, litmas.LitmasCancelled}),
    "notifications": frozenset(
        {
            registration.RegistrationAnnounced,
            registration.RegistrationOpened,
            registration.RegistrationCorrected,
            registration.RegistrationCancelled,
            registration.RegistrationConflict,
            registration.RegistrationClosed,
            registration.ClientHandedOn,
            registration.ReleaseUnconfirmed,
            registration.FacilitySilent,
            registration.FirstContactMade,
            registration.FirstContactOverdue,
            registration.TracingStarted,
            registration.TracingOverdue,
            registration.RegistrationSubmitted,
            registration.RegistrationReturned,
            registration.RegistrationRefused,
            registration.SubmissionOverdue,
            registration.TransferOfferEnded,
            registration.TransferOfferOverdue,
            registration.AbscondingSuspected,
            registration.GlassBroken,
            registration.SearchReviewDue,
            registration.FilesMissing,
            registration.ClientRegistered,
            registration.ReleaseBreachReported,
            registration.ClientDetails,
            supervision.FirstCheckInScheduled,
            registration.EventDeadLettered,
            supervision.EventDeadLettered,
        }
    ),
}
"""What each service reacts to.

Notifications do not read their own topic: a notice about a notice that failed would fail too.
"""

_PUBLISHERS: Final = (lapas, registration, litmas, supervision, tpp, notifications)


def events_of(publisher: str) -> tuple[type[Event], ...]:
    """The event classes of a publisher, by type."""
    return tuple(EVENT_TYPES[name] for name in published_types() if EVENT_TYPES[name].owner == publisher)


def published_types() -> tuple[str, ...]:
    """The type of every event of the network, sorted."""
    modules = {module.__name__ for module in _PUBLISHERS}
    return tuple(sorted(name for name, event in EVENT_TYPES.items() if event.__module__ in modules))


def topics_of(service: str) -> tuple[Topic, ...]:
    """The topics that a service, or a system outside the house, publishes on."""
    return tuple(topic for topic in TOPICS.values() if topic.publisher == service)


def topics_for(event: type[Event]) -> tuple[Topic, ...]:
    """The topics that carry an event: for adults, and for children where the event tells them apart."""
    names = {event.topic_for(juvenile=False)}
    if event.is_juvenile is not Event.is_juvenile:
        names.add(event.topic_for(juvenile=True))
    return tuple(TOPICS[name] for name in sorted(names))


def consumed_by(service: str) -> tuple[Topic, ...]:
    """The topics that a service reads: those that carry what it handles."""
    names = {topic.name for event in HANDLED.get(service, ()) for topic in topics_for(event)}
    return tuple(TOPICS[name] for name in sorted(names))


def consumers_of(topic: str) -> tuple[str, ...]:
    """The services that read a topic."""
    return tuple(sorted(service for service in HANDLED if any(each.name == topic for each in consumed_by(service))))


def handlers_of(event: type[Event]) -> tuple[str, ...]:
    """The services that react to an event."""
    return tuple(sorted(service for service, events in HANDLED.items() if event in events))


def inbox_retention(service: str) -> timedelta:
    """How long a service remembers what it handled: as long as its most patient topic asks."""
    return max((topic.inbox_retention for topic in consumed_by(service)), default=timedelta())
