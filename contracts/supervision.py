"""What supervision makes known: the guidance of a registered client."""

from enum import StrEnum
from uuid import UUID

from contracts import operations
from contracts.event import Event
from contracts.personal import Day, Instant, OfficerCode, UnitCode


class Stage(StrEnum):
    """How far guidance has come (PP 31/1999 art. 33)."""

    FIRST = "FIRST"
    """awal"""
    CONTINUED = "CONTINUED"
    """lanjutan"""
    FINAL = "FINAL"
    """akhir"""


class CheckInFrequency(StrEnum):
    """How often a client reports."""

    MONTHLY = "MONTHLY"
    TWICE_MONTHLY = "TWICE_MONTHLY"
    WEEKLY = "WEEKLY"


class CheckInMode(StrEnum):
    """How a client reports."""

    IN_PERSON = "IN_PERSON"
    REMOTE = "REMOTE"


class SupervisionFact(Event):
    """What every event about a supervised client says."""

    client_id: UUID
    registration_id: UUID
    unit: UnitCode
    juvenile: bool = False

    @property
    def is_juvenile(self) -> bool:
        """As decided by registration."""
        return self.juvenile


class SupervisionOpened(SupervisionFact, subject="client_id"):
    """Guidance of a client began."""

    stage: Stage
    officer: OfficerCode | None = None
    opened_at: Instant
    guidance_until: Day | None = None


class FirstCheckInScheduled(SupervisionFact, subject="client_id"):
    """A client knows when to report for the first time."""

    window_from: Day
    window_until: Day
    frequency: CheckInFrequency
    mode: CheckInMode


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """Supervision could not handle an event."""


class AuditAnchored(operations.Anchored, subject="anchor_id", carrier="operations"):
    """Supervision tells how far the chain of its audit trail reaches."""
