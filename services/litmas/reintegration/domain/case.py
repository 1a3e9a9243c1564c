"""What is known of a report at any moment: the request, who is at work, what was decided, and which desk holds it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.event import Fact
from contracts.inquiries import Programme
from contracts.lapas import DecreeIssued, LitmasRequested, LitmasRequestWithdrawn
from contracts.litmas import CancelledFor, Desk, HearingTrack, Outcome, ReportReference, RiskBand
from contracts.personal import Code, Day, Instant, OfficerCode, RegisterNo, Sha256, UnitCode
from contracts.roles import Role
from contracts.tpp import Decision
from services.litmas.reintegration.domain.states import Status

CODES_MAX: Final = 60
DECISIONS_MAX: Final = 40
AUTHORS_MAX: Final = 20

Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{2,64}$")]
"""What a paper's QR code ends in."""
Codes = Annotated[tuple[Code, ...], Field(max_length=CODES_MAX)]


class Recommendation(StrEnum):
    """What the author recommends; rejecting the report is another matter."""

    RECOMMENDED = "RECOMMENDED"
    RECOMMENDED_WITH_CONDITIONS = "RECOMMENDED_WITH_CONDITIONS"
    NOT_RECOMMENDED = "NOT_RECOMMENDED"


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Who does something: a person in a role at a unit, or the machinery."""

    id: str
    role: Role | None = None
    unit: str | None = None


class Done(Fact):
    """Who did something, and when."""

    by: str
    at: Instant


class Disposition(Done):
    """To which section the head sent the request, and how urgent it is."""

    section: Role
    track: HearingTrack = HearingTrack.FULL
    instruction: str | None = None


class Assignment(Done):
    """The letter of assignment (*Surat Tugas*)."""

    number: RegisterNo
    officer: OfficerCode
    assistant: OfficerCode | None = None
    place: Code
    valid_from: Day
    valid_until: Day


class Collection(Fact):
    """What was collected so far: sessions held and refused."""

    started_at: Instant
    sessions: int = 0
    refused: int = 0
    completed_at: Instant | None = None


class Assessed(Done):
    """The result of the instruments, summed here and not by hand (PAS-31.OT.02.02/2021, version 02)."""

    version: Code
    risk_score: int
    risk_band: RiskBand
    needs_score: int | None = None
    needs_band: RiskBand | None = None


class Draft(Done):
    """A revision of the report as it left its author: the hash of its text."""

    revision: int
    content_hash: Sha256
    recommendation: Recommendation


class Numbered(Done):
    """The number in the register of reports."""

    register_code: Code
    register_no: RegisterNo
    unit: UnitCode
    year: int
    seq: int


class HeardOn(Fact):
    """What the team decided in one hearing about one programme."""

    hearing_id: UUID
    programme: Programme
    decision: Decision
    conditions: Codes = ()
    decided_at: Instant


class Board(Fact):
    """The way of the report through the assessment team."""

    submission: int = 0
    revision: int = 0
    reference: ReportReference | None = None
    report_hash: Sha256 | None = None
    submitted_at: Instant | None = None
    decisions: Annotated[tuple[HeardOn, ...], Field(max_length=DECISIONS_MAX)] = ()
    heard_in: Annotated[tuple[UUID, ...], Field(max_length=DECISIONS_MAX)] = ()
    rehear_by: Day | None = None
    approved_with_revision: bool = False
    """The team need not see it again: once revised and initialled it goes to the head."""
    returned_by_head: Done | None = None
    minutes_no: RegisterNo | None = None


class Signature(Done):
    """The head's signature: what the report is known by from now on."""

    revision: int
    reference: ReportReference
    report_hash: Sha256
    token: Token


class Delivery(Done):
    """Who received the report, and the letters that went with it."""

    receipt: Code
    cover_letter_no: RegisterNo | None = None
    copied_to_directorate: bool = True


class Archiving(Done):
    """Where the report lies."""

    code: Code
    retention: Code


class Ending(Done):
    """Why the report is not finished."""

    reason: CancelledFor
    by_prison: bool = False


class Result(Fact):
    """What became of the proposal."""

    outcome: Outcome
    at: Instant
    reminded_at: Instant | None = None


class DeskClock(Fact):
    """The clock of the desk that holds the report: its policy, since when it runs, and what was told of it."""

    policy: Code
    desk: Desk
    since: Instant
    warned: int = 0
    breached: bool = False


@dataclass(frozen=True, kw_only=True)
class Litmas:
    """One report, from the request on."""

    litmas_id: UUID
    request_id: str
    status: Status
    unit: str
    facility: str
    received_at: datetime
    missing: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    """What somebody at the counter found missing beside what the list asks for."""
    request: LitmasRequested | None = None
    withdrawal: LitmasRequestWithdrawn | None = None
    disposition: Disposition | None = None
    assignment: Assignment | None = None
    authors: tuple[str, ...] = ()
    """Everybody who was ever assigned: nobody of them checks, initials or signs."""
    collection: Collection | None = None
    assessed: Assessed | None = None
    revision: int = 0
    draft: Draft | None = None
    numbered: Numbered | None = None
    initialed: Done | None = None
    board: Board = field(default_factory=Board)
    signature: Signature | None = None
    delivery: Delivery | None = None
    archiving: Archiving | None = None
    addenda: int = 0
    ending: Ending | None = None
    decree: DecreeIssued | None = None
    result: Result | None = None
    clock: DeskClock | None = None
    waits_since: datetime | None = None
    """Since when the desk that holds it has it."""
    edition: int = 0
    """How often this case was changed: whoever acts on what was read says which edition that was."""
    sequence: int = 0

    @property
    def officer(self) -> str | None:
        """Who writes the report."""
        return self.assignment.officer if self.assignment is not None else None

    @property
    def programmes(self) -> tuple[Programme, ...]:
        """What the report is for."""
        return self.request.programmes if self.request is not None else ()

    @property
    def letter(self) -> LitmasRequested:
        """The request; a case that was only ever withdrawn has none."""
        if self.request is None:
            message = "a report without a request"
            raise AssertionError(message)
        return self.request

    def about(self) -> dict[str, Any]:
        """What every fact about this report says."""
        return {"litmas_id": self.litmas_id, "unit": self.unit, "officer": self.officer}
