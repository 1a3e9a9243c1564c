"""What notifications makes known: whether somebody was told. Never what they were told."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts import operations
from contracts.event import Event
from contracts.personal import Code, Instant, OfficerCode
from contracts.upcasting import upcasts


class Channel(StrEnum):
    """By which way somebody is told."""

    EMAIL = "EMAIL"
    IN_APP = "IN_APP"
    GATEWAY = "GATEWAY"
    """A message to a telephone, WhatsApp or SMS, by a messaging gateway."""


class FirstChannel(StrEnum):
    """By which way somebody was told when there was no messaging gateway."""

    EMAIL = "EMAIL"
    IN_APP = "IN_APP"


class NotificationFact(Event):
    """What every event about a notification says."""

    notification_id: UUID
    recipient: OfficerCode
    template: Code
    about: UUID
    """The registration, or the dead letter, of which somebody is told."""
    juvenile: bool = False

    @property
    def is_juvenile(self) -> bool:
        """As said by the event that caused the notification."""
        return self.juvenile


class NotificationDelivered(NotificationFact, subject="notification_id"):
    """Somebody was told, as it was said before there was a messaging gateway."""

    channel: FirstChannel
    delivered_at: Instant
    attempts: int = Field(default=1, ge=1)
    maybe_doubled: bool = False


class NotificationDeliveredV2(NotificationFact, subject="notification_id", version=2):
    """Somebody was told."""

    channel: Channel
    delivered_at: Instant
    attempts: int = Field(default=1, ge=1)
    maybe_doubled: bool = False


class NotificationFailed(NotificationFact, subject="notification_id"):
    """Somebody could not be told and we stopped trying, as it was said before there was a messaging gateway."""

    channel: FirstChannel
    failed_at: Instant
    attempts: int = Field(ge=1)
    reason: Code


class NotificationFailedV2(NotificationFact, subject="notification_id", version=2):
    """Somebody could not be told by this channel, and we stopped trying it."""

    channel: Channel
    failed_at: Instant
    attempts: int = Field(ge=1)
    reason: Code


@upcasts(NotificationDelivered)
def _delivered(old: NotificationDelivered) -> NotificationDeliveredV2:
    return NotificationDeliveredV2.model_validate(old.model_dump())


@upcasts(NotificationFailed)
def _failed(old: NotificationFailed) -> NotificationFailedV2:
    return NotificationFailedV2.model_validate(old.model_dump())


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """Notifications could not handle an event."""


class AuditAnchored(operations.Anchored, subject="anchor_id", carrier="operations"):
    """Notifications tell how far the chain of their audit trail reaches."""
