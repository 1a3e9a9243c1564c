"""What every service tells about its own running; each publishes it as a fact of its own."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts.event import EVENT_TYPES, Event
from contracts.personal import EventTypeName, Instant, RuleName, ServiceName, Sha256, TopicName


class ReasonKind(StrEnum):
    """Why an event was set aside."""

    MALFORMED = "malformed"
    REFUSED = "refused"
    BUG = "bug"


class DeadLettered(Event):
    """An event was set aside: which and why in codes, never what it says."""

    dead_letter_id: UUID
    consumer: ServiceName
    source_topic: TopicName
    partition: int | None = Field(default=None, ge=0)
    offset: int | None = Field(default=None, ge=0)
    event_type: EventTypeName | None = None
    reason_kind: ReasonKind
    rule: RuleName | None = None
    holds_key: bool
    upstream: bool
    reminder: bool = False
    """The letter is still open an hour later."""
    dead_lettered_at: Instant


class Anchored(Event):
    """How far the chain of a service's audit trail reaches, told outside of the database that holds it."""

    anchor_id: UUID
    chain: ServiceName
    position: int = Field(ge=0)
    """How many entries the chain has."""
    head: Sha256
    """The hash of its last link, which stands for all of them."""
    anchored_at: Instant
    continues_from: int | None = Field(default=None, ge=0)
    """Set where a database was restored from a backup: up to this position earlier anchors hold, and not beyond."""
    gives_up_until: int | None = Field(default=None, ge=0)
    """The last position that an earlier anchor told and that the restored chain does not have as it was."""


def anchored_by(service: str) -> type[Anchored]:
    """The class with which a service anchors its audit trail."""
    found = EVENT_TYPES[f"{service}.audit-anchored.v1"]
    if not issubclass(found, Anchored):
        message = f"{found.__name__} of {service} is not an Anchored"
        raise TypeError(message)
    return found


def dead_lettered_by(service: str) -> type[DeadLettered]:
    """The class with which a service announces its dead letters."""
    found = EVENT_TYPES[f"{service}.event-dead-lettered.v1"]
    if not issubclass(found, DeadLettered):
        message = f"{found.__name__} of {service} is not a DeadLettered"
        raise TypeError(message)
    return found
