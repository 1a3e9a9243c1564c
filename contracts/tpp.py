"""What the assessment team makes known: its hearings, and what it decided in each case.

Ids, codes, counts and times. What was said, and by whom, stands in the minutes.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from contracts import operations
from contracts.event import Event, Fact
from contracts.personal import Code, Day, Instant, OfficerCode, RegisterNo, Sha256, UnitCode
from contracts.supervision import Stage

MEMBERS_MAX: Final = 60
PROGRAMMES_MAX: Final = 20
CONDITIONS_MAX: Final = 30

Head = Annotated[int, Field(ge=0, le=MEMBERS_MAX)]
"""A number of members."""
Revision = Annotated[int, Field(ge=1)]


class Panel(StrEnum):
    """Which team hears a case."""

    ADULT = "ADULT"
    CHILD = "CHILD"


class SubjectKind(StrEnum):
    """What a case is about."""

    LITMAS = "LITMAS"
    STAGE = "STAGE"
    PROGRAMME = "PROGRAMME"
    VIOLATION = "VIOLATION"
    TERMINATION = "TERMINATION"


class HearingKind(StrEnum):
    """How a hearing came to be called."""

    ROUTINE = "ROUTINE"
    SPECIAL = "SPECIAL"
    EXPRESS = "EXPRESS"
    """Within hours, for a child whose litmas is due in three days."""


class HearingMode(StrEnum):
    """How the members meet; voting by a form, without meeting, is not among them."""

    IN_PERSON = "IN_PERSON"
    HYBRID = "HYBRID"
    VIDEO = "VIDEO"


class Decision(StrEnum):
    """What the team recommends; the first four are for a litmas."""

    APPROVE = "APPROVE"
    APPROVE_WITH_REVISION = "APPROVE_WITH_REVISION"
    DEFER = "DEFER"
    REJECT = "REJECT"
    PROMOTE = "PROMOTE"
    STAY = "STAY"
    DEMOTE = "DEMOTE"
    CHANGE = "CHANGE"
    WARN = "WARN"
    INTENSIFY = "INTENSIFY"
    PROPOSE_REVOCATION = "PROPOSE_REVOCATION"
    NO_ACTION = "NO_ACTION"
    TERMINATE = "TERMINATE"
    EXTEND_REVIEW = "EXTEND_REVIEW"


class Way(StrEnum):
    """How a decision was reached."""

    CONSENSUS = "CONSENSUS"
    VOTE = "VOTE"


class AdjournReason(StrEnum):
    """Why a hearing did not take place, or did not go on."""

    QUORUM = "QUORUM"
    NOBODY_PRESIDES = "NOBODY_PRESIDES"
    FORCE_MAJEURE = "FORCE_MAJEURE"


class Outcome(Fact):
    """What was decided on one programme of a case, and under which conditions."""

    programme: Code | None = None
    decision: Decision
    condition_codes: Annotated[tuple[Code, ...], Field(max_length=CONDITIONS_MAX)] = ()


class Tally(Fact):
    """How a vote ended."""

    in_favour: Head
    against: Head
    abstained: Head


class HearingFact(Event):
    """What every event about a hearing says."""

    hearing_id: UUID
    unit: UnitCode
    panel: Panel

    @property
    def is_juvenile(self) -> bool:
        """Whatever concerns the panel for children travels apart."""
        return self.panel is Panel.CHILD


class HearingScheduled(HearingFact, subject="hearing_id"):
    """The chair approved the agenda; the members are invited and may read the dossiers."""

    kind: HearingKind
    mode: HearingMode
    starts_at: Instant
    cases: int = Field(ge=1)
    chair: OfficerCode
    secretary: OfficerCode
    members: Annotated[tuple[OfficerCode, ...], Field(max_length=MEMBERS_MAX)]


class QuorumNotReached(HearingFact, subject="hearing_id"):
    """Not more than two thirds of the members came."""

    members: Head
    present: Head
    checked_at: Instant


class HearingAdjourned(HearingFact, subject="hearing_id"):
    """A hearing was put off and gets another date."""

    reason: AdjournReason
    adjourned_at: Instant
    resume_by: Instant


class HearingOpened(HearingFact, subject="hearing_id"):
    """More than two thirds of the members are there and the chair opened the session."""

    kind: HearingKind
    members: Head
    present: Head
    opened_at: Instant


class MinutesSigned(HearingFact, subject="hearing_id"):
    """The minutes bear the signatures that they need."""

    minutes_no: RegisterNo
    minutes_hash: Sha256
    present: Head
    signed: Head
    not_signed: Head
    signed_at: Instant


class RecommendationHandedOver(HearingFact, subject="hearing_id"):
    """The head of the office received recommendation and summary."""

    minutes_no: RegisterNo
    minutes_hash: Sha256
    cases: int = Field(ge=0)
    concluded_at: Instant
    handed_over_at: Instant
    due_at: Instant


class HandOverDueSoon(HearingFact, subject="hearing_id"):
    """The recommendation of a hearing must soon be with the head of the office."""

    due_at: Instant


class HandOverOverdue(HearingFact, subject="hearing_id"):
    """The recommendation of a hearing is not with the head of the office in time."""

    due_at: Instant


class BenchFact(Event):
    """What every event about a panel of a unit says."""

    bench_id: UUID
    unit: UnitCode
    panel: Panel
    last_held_at: Instant | None = None
    due_at: Instant

    @property
    def is_juvenile(self) -> bool:
        """Whatever concerns the panel for children travels apart."""
        return self.panel is Panel.CHILD


class RoutineHearingDueSoon(BenchFact, subject="bench_id"):
    """A panel should soon hold a routine hearing."""


class RoutineHearingOverdue(BenchFact, subject="bench_id"):
    """A panel has held no routine hearing for longer than it may."""


class CaseFact(Event):
    """What every event about a case before the team says."""

    subject_kind: SubjectKind
    subject_id: UUID
    item_id: UUID
    hearing_id: UUID
    revision: Revision
    unit: UnitCode
    panel: Panel

    @property
    def is_juvenile(self) -> bool:
        """Whatever concerns the panel for children travels apart."""
        return self.panel is Panel.CHILD


class CaseScheduled(CaseFact, subject="subject_id"):
    """A case is on the agenda of a hearing that has a date."""

    starts_at: Instant


class CaseCarriedOver(CaseFact, subject="subject_id"):
    """A hearing ended, or was put off, before it came to a case; the case waits for another one."""

    carried_over_at: Instant


class TPPDecided(CaseFact, subject="subject_id"):
    """The team's decision in a case is with the head of the office."""

    report_hash: Sha256
    """Of the revision that was heard."""
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1, max_length=PROGRAMMES_MAX)]
    way: Way
    tally: Tally | None = None
    members: Head
    present: Head
    dissents: Head = 0
    minutes_no: RegisterNo
    minutes_hash: Sha256
    rehear_by: Day | None = None
    from_stage: Stage | None = None
    to_stage: Stage | None = None
    effective_on: Day | None = None
    decided_at: Instant


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """The service of the assessment team could not handle an event."""


class AuditAnchored(operations.Anchored, subject="anchor_id", carrier="operations"):
    """The service of the assessment team tells how far the chain of its audit trail reaches."""
