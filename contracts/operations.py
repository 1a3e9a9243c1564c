"""What every service tells about its own running; each publishes it as a fact of its own."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts.event import EVENT_TYPES, Event
from contracts.personal import EventTypeName, Instant, RuleName, ServiceName, TopicName


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


def dead_lettered_by(service: str) -> type[DeadLettered]:
    """The class with which a service announces its dead letters."""
    found = EVENT_TYPES[f"{service}.event-dead-lettered.v1"]
    if not issubclass(found, DeadLettered):
        message = f"{found.__name__} of {service} is not a DeadLettered"
        raise TypeError(message)
    return found
