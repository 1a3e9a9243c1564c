"""What notifications makes known: whether somebody was told. Never what they were told."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts import operations
from contracts.event import Event
from contracts.personal import Code, Instant, OfficerCode


class Channel(StrEnum):
    """By which way somebody is told."""

    EMAIL = "EMAIL"
    IN_APP = "IN_APP"


class NotificationFact(Event):
    """What every event about a notification says."""

    notification_id: UUID
    recipient: OfficerCode
    channel: Channel
    template: Code
    about: UUID
    """The registration, or the dead letter, of which somebody is told."""
    juvenile: bool = False

    @property
    def is_juvenile(self) -> bool:
        """As said by the event that caused the notification."""
        return self.juvenile


class NotificationDelivered(NotificationFact, subject="notification_id"):
    """Somebody was told."""

    delivered_at: Instant
    attempts: int = Field(default=1, ge=1)
    maybe_doubled: bool = False


class NotificationFailed(NotificationFact, subject="notification_id"):
    """Somebody could not be told, and we stopped trying."""

    failed_at: Instant
    attempts: int = Field(ge=1)
    reason: Code


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """Notifications could not handle an event."""
