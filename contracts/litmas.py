"""What litmas makes known: how a prison's request becomes a signed report that lies with the prison and in the archive.

The subject is the report. A prison's request_id may identify somebody and is not repeated here: `litmas_id_of` derives
the report's id from it. What the report says stands in the report alone; here are a reference to it and its hash.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts import operations
from contracts.event import Event
from contracts.inquiries import DecreeOutcome, Programmes, WithdrawalReason
from contracts.personal import Code, Day, FacilityCode, Instant, OfficerCode, RegisterNo, Sha256, UnitCode
from contracts.roles import Role

CODES_MAX: Final = 60
REVISIONS_MAX: Final = 1_000

Codes = Annotated[tuple[Code, ...], Field(max_length=CODES_MAX)]
Revision = Annotated[int, Field(ge=1, le=REVISIONS_MAX)]
ReportReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}(/[a-z0-9][a-z0-9.-]{0,79}){1,6}$", max_length=300)
]
"""Where a rendered document lies in the object store: a path of ids, as in `litmas/<litmas_id>/r2.pdf`."""


class Desk(StrEnum):
    """Who holds a report: what waits there, and whose clock runs."""

    COUNTER = "COUNTER"
    HEAD = "HEAD"
    SECTION_HEAD = "SECTION_HEAD"
    OFFICER = "OFFICER"
    REGISTRAR = "REGISTRAR"
    BOARD = "BOARD"
    PRISON = "PRISON"


class RiskBand(StrEnum):
    """The result of the risk instrument (RRI, PAS-31.OT.02.02/2021)."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    VERY_HIGH = "VERY_HIGH"


class HearingTrack(StrEnum):
    """Which agenda a report belongs on; a report is never decided by consent."""

    FULL = "FULL"
    EXPRESS = "EXPRESS"


class CancelledFor(StrEnum):
    """Why a report is not finished."""

    WITHDRAWN = "WITHDRAWN"
    MOVED = "MOVED"
    DIED = "DIED"
    NEW_OFFENCE = "NEW_OFFENCE"
    DISCIPLINE = "DISCIPLINE"
    RELEASED = "RELEASED"
    DUPLICATE = "DUPLICATE"
    NOT_OURS = "NOT_OURS"
    OTHER = "OTHER"

    @classmethod
    def said_by_prison(cls, reason: WithdrawalReason) -> "CancelledFor":
        """The prison's reason, in the office's words."""
        return cls(reason.value)


class Outcome(StrEnum):
    """What became of the proposal after the report went out."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of_decree(cls, outcome: DecreeOutcome) -> "Outcome":
        """What a decree says."""
        return cls(outcome.value)


class LitmasFact(Event):
    """What every event about a report says."""

    litmas_id: UUID
    unit: UnitCode
    """The unit that makes the report."""
    officer: OfficerCode | None = None
    """Its author, once there is one."""


class LitmasReceived(LitmasFact, subject="litmas_id"):
    """A request is complete as far as the list of its kind asks, and waits for the head's disposition."""

    facility: FacilityCode
    programmes: Programmes
    received_at: Instant
    delegated: bool = False
    revision: Revision = 1


class LitmasReturnedIncomplete(LitmasFact, subject="litmas_id"):
    """A request goes back to the prison: papers of its list are missing."""

    facility: FacilityCode
    missing: Codes
    returned_at: Instant


class LitmasDisposed(LitmasFact, subject="litmas_id"):
    """The head sent the request to the section that makes the report."""

    section: Role
    track: HearingTrack
    disposed_at: Instant


class AssignmentIssued(LitmasFact, subject="litmas_id"):
    """An officer has the letter of assignment (*Surat Tugas*); a second one replaces the first."""

    assignment_no: RegisterNo
    assistant: OfficerCode | None = None
    previous_officer: OfficerCode | None = None
    issued_at: Instant


class DataCollectionStarted(LitmasFact, subject="litmas_id"):
    """The officer began to collect data."""

    started_at: Instant


class DataCollectionCompleted(LitmasFact, subject="litmas_id"):
    """What can be collected was collected; a refusal is a result too."""

    sessions: int = Field(ge=0)
    refused: int = Field(ge=0)
    completed_at: Instant


class LitmasDrafted(LitmasFact, subject="litmas_id"):
    """The report, or its next revision, is complete and leaves the author."""

    revision: Revision
    drafted_at: Instant


class LitmasNumbered(LitmasFact, subject="litmas_id"):
    """The registrar checked the report and gave it its number, which it keeps through every return."""

    register_code: Code
    register_no: RegisterNo
    revision: Revision
    numbered_at: Instant


class LitmasReturned(LitmasFact, subject="litmas_id"):
    """A desk gave the report back to its author."""

    by: Desk
    reason: Code
    revision: Revision
    returned_at: Instant


class LitmasInitialed(LitmasFact, subject="litmas_id"):
    """The section head checked the report and initialled it."""

    revision: Revision
    initialed_at: Instant


class LitmasSubmittedToBoard(LitmasFact, subject="litmas_id"):
    """A report waits to be heard by the assessment team; a later submission replaces an earlier one."""

    submission: Revision
    """How often this report has come before the team, this time included."""
    revision: Revision
    report_reference: ReportReference
    report_hash: Sha256
    author: OfficerCode
    facility: FacilityCode
    programmes: Programmes
    risk_band: RiskBand
    track: HearingTrack = HearingTrack.FULL
    needed_on: Day | None = None
    refused_before: bool = False
    """An earlier report for the same proposal was rejected."""
    submitted_at: Instant


class LitmasDeferred(LitmasFact, subject="litmas_id"):
    """The team did not decide; the report stays with it and is heard again."""

    submission: Revision
    rehear_on: Day | None = None
    deferred_at: Instant


class LitmasApproved(LitmasFact, subject="litmas_id"):
    """The team approved the report; it waits for the head's signature, or for the revision the team asked for."""

    submission: Revision
    revise: bool = False
    approved_at: Instant


class LitmasRejected(LitmasFact, subject="litmas_id"):
    """The team rejected the report, which says nothing about what the report recommends."""

    submission: Revision
    closed: bool = False
    """No further report is written: the prison is answered that there is none."""
    rejected_at: Instant


class LitmasSigned(LitmasFact, subject="litmas_id"):
    """The head signed: the report can no longer change, and its hash is what it is known by."""

    register_no: RegisterNo
    revision: Revision
    report_reference: ReportReference
    report_hash: Sha256
    signed_at: Instant


class LitmasDelivered(LitmasFact, subject="litmas_id"):
    """The prison has the signed report, with a copy to the directorate."""

    facility: FacilityCode
    report_hash: Sha256
    delivered_at: Instant


class LitmasArchived(LitmasFact, subject="litmas_id"):
    """The report lies in the archive under its code."""

    register_no: RegisterNo
    archive_code: Code
    report_hash: Sha256
    archived_at: Instant


class LitmasCancelled(LitmasFact, subject="litmas_id"):
    """The report is no longer needed."""

    reason: CancelledFor
    cancelled_at: Instant


class AddendumIssued(LitmasFact, subject="litmas_id"):
    """Something was added to a delivered report, which itself stays as it was signed."""

    addendum: Revision
    report_reference: ReportReference
    report_hash: Sha256
    issued_at: Instant


class OutcomeRecorded(LitmasFact, subject="litmas_id"):
    """It is known what became of the proposal."""

    outcome: Outcome
    recorded_at: Instant


class OutcomeReminderDue(LitmasFact, subject="litmas_id"):
    """Long after delivery nobody knows what became of the proposal."""

    due_at: Instant


class LitmasDeadlineWarned(LitmasFact, subject="litmas_id"):
    """Part of the time of a desk has passed."""

    policy: Code
    desk: Desk
    percent: int = Field(gt=0, lt=100)
    due_at: Instant


class LitmasDeadlineBreached(LitmasFact, subject="litmas_id"):
    """The time of a desk is over."""

    policy: Code
    desk: Desk
    told: Role | None = None
    due_at: Instant


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """Litmas could not handle an event."""


class AuditAnchored(operations.Anchored, subject="anchor_id", carrier="operations"):
    """Litmas tells how far the chain of its audit trail reaches."""
