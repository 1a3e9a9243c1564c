"""What a hearing is: its states, the moves between them, its agenda, and who is there."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from chassis.rules.refusal import Refused
from chassis.rules.transitions import Table
from contracts.event import Fact
from contracts.inquiries import PROGRAMMES_MAX as REQUESTED_MAX
from contracts.personal import Code, Day, Instant, Note, OfficerCode, RegisterNo, Sha256
from contracts.tpp import AdjournReason, HearingKind, HearingMode, Outcome, Panel, SubjectKind, Tally, Way
from services.tpp.domain.teams import Team

LINES_MAX: Final = 100


class Status(StrEnum):
    """How far a hearing has come."""

    DRAFT_AGENDA = "draft_agenda"
    SCHEDULED = "scheduled"
    QUORUM_CHECK = "quorum_check"
    IN_SESSION = "in_session"
    ADJOURNED = "adjourned"
    DECIDED = "decided"
    MINUTES_DRAFTED = "minutes_drafted"
    SIGNED = "signed"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"


class Step(StrEnum):
    """What happens to a hearing, in the words of a refusal."""

    DRAFT = "a draft agenda"
    PUT_ON = "another case on the agenda"
    TAKE_OFF = "taking a case off the agenda"
    SCHEDULE = "the approval of the agenda"
    PREPARE = "preparation by a member"
    APPOINT_STAND_IN = "the appointment of a stand-in"
    CALL_ROLL = "the roll call"
    RECORD_PRESENCE = "a record of presence"
    OPEN = "the opening"
    HEAR = "the hearing of a case"
    ADJOURN = "adjournment"
    RESCHEDULE = "another date"
    CONCLUDE = "the end of the session"
    DRAFT_MINUTES = "a draft of the minutes"
    SIGN = "a signature"
    EXCUSE = "a note that a signature is missing"
    RATIFY = "ratification"
    HAND_OVER = "the hand-over"
    RECEIVE = "the receipt by the head"


BEFORE_DECISION: Final = (Status.SCHEDULED, Status.QUORUM_CHECK, Status.IN_SESSION)
"""The window of a hearing: its members read the dossiers, and nobody does before or after."""

UNFINISHED: Final = tuple(status for status in Status if status not in (Status.HANDED_OVER, Status.CLOSED))

MOVES: Final[dict[tuple[Status | None, Step], Status]] = {
    (None, Step.DRAFT): Status.DRAFT_AGENDA,
    (Status.DRAFT_AGENDA, Step.PUT_ON): Status.DRAFT_AGENDA,
    (Status.DRAFT_AGENDA, Step.TAKE_OFF): Status.DRAFT_AGENDA,
    # Of a hearing that does not go on in time, the cases get another one.
    (Status.ADJOURNED, Step.TAKE_OFF): Status.ADJOURNED,
    (Status.DRAFT_AGENDA, Step.SCHEDULE): Status.SCHEDULED,
    **{(status, Step.PREPARE): status for status in BEFORE_DECISION},
    **{(status, Step.APPOINT_STAND_IN): status for status in UNFINISHED},
    (Status.SCHEDULED, Step.CALL_ROLL): Status.QUORUM_CHECK,
    (Status.QUORUM_CHECK, Step.RECORD_PRESENCE): Status.QUORUM_CHECK,
    (Status.IN_SESSION, Step.RECORD_PRESENCE): Status.IN_SESSION,
    (Status.QUORUM_CHECK, Step.OPEN): Status.IN_SESSION,
    (Status.IN_SESSION, Step.HEAR): Status.IN_SESSION,
    **{(status, Step.ADJOURN): Status.ADJOURNED for status in BEFORE_DECISION},
    (Status.ADJOURNED, Step.RESCHEDULE): Status.SCHEDULED,
    (Status.IN_SESSION, Step.CONCLUDE): Status.DECIDED,
    (Status.DECIDED, Step.DRAFT_MINUTES): Status.MINUTES_DRAFTED,
    (Status.MINUTES_DRAFTED, Step.DRAFT_MINUTES): Status.MINUTES_DRAFTED,
    (Status.MINUTES_DRAFTED, Step.SIGN): Status.MINUTES_DRAFTED,
    (Status.MINUTES_DRAFTED, Step.EXCUSE): Status.MINUTES_DRAFTED,
    (Status.MINUTES_DRAFTED, Step.RATIFY): Status.SIGNED,
    (Status.SIGNED, Step.HAND_OVER): Status.HANDED_OVER,
    (Status.HANDED_OVER, Step.RECEIVE): Status.CLOSED,
}

TRANSITIONS: Final = Table(matter="hearing", states=Status, steps=Step, moves=MOVES)


class LineState(StrEnum):
    """How far a case has come in one hearing."""

    LISTED = "listed"
    IN_DISCUSSION = "in_discussion"
    VOTING = "voting"
    DECIDED = "decided"
    DEFERRED = "deferred"
    CARRIED_OVER = "carried_over"
    DROPPED = "dropped"


class LineStep(StrEnum):
    """What happens to a case in a hearing, in the words of a refusal."""

    PREPARE = "an opinion or a pull-out"
    DECLARE = "a declared conflict of interest"
    CALL = "the discussion"
    PUT = "a motion"
    VOTE = "a vote"
    DECIDE = "a decision by consensus"
    COUNT = "a decision by vote"
    APPROVE = "approval in a block"
    DEFER = "a deferral"
    CARRY_OVER = "carrying over"
    DROP = "dropping"


OPEN_LINES: Final = (LineState.IN_DISCUSSION, LineState.VOTING)

LINE_MOVES: Final[dict[tuple[LineState | None, LineStep], LineState]] = {
    (LineState.LISTED, LineStep.PREPARE): LineState.LISTED,
    (LineState.LISTED, LineStep.DECLARE): LineState.LISTED,
    (LineState.IN_DISCUSSION, LineStep.DECLARE): LineState.IN_DISCUSSION,
    (LineState.LISTED, LineStep.CALL): LineState.IN_DISCUSSION,
    (LineState.IN_DISCUSSION, LineStep.PUT): LineState.VOTING,
    (LineState.VOTING, LineStep.PUT): LineState.VOTING,
    (LineState.VOTING, LineStep.VOTE): LineState.VOTING,
    (LineState.IN_DISCUSSION, LineStep.DECIDE): LineState.DECIDED,
    (LineState.VOTING, LineStep.COUNT): LineState.DECIDED,
    (LineState.LISTED, LineStep.APPROVE): LineState.DECIDED,
    (LineState.IN_DISCUSSION, LineStep.DEFER): LineState.DEFERRED,
    (LineState.VOTING, LineStep.DEFER): LineState.DEFERRED,
    **{(state, LineStep.CARRY_OVER): LineState.CARRIED_OVER for state in (LineState.LISTED, *OPEN_LINES)},
    **{(state, LineStep.DROP): LineState.DROPPED for state in (LineState.LISTED, *OPEN_LINES)},
}

LINE_TRANSITIONS: Final = Table(matter="case", states=LineState, steps=LineStep, moves=LINE_MOVES)


class NotOnAgenda(Refused):
    """The case is not on the agenda of this hearing."""


class NotTheChair(Refused):
    """Only the chair of this hearing may do this."""


class NotTheSecretary(Refused):
    """Only the secretary of this hearing may do this."""


class NotAMember(Refused):
    """Only members of the team of this hearing may do this."""


class Part(StrEnum):
    """How a case is heard: on its own, or in a block without discussion."""

    FULL = "FULL"
    CONSENT = "CONSENT"


class PresenceMethod(StrEnum):
    """How a member is there."""

    ROOM = "ROOM"
    """Signed the list in the room."""
    VIDEO = "VIDEO"


class Choice(StrEnum):
    """What a member votes on a motion."""

    IN_FAVOUR = "IN_FAVOUR"
    AGAINST = "AGAINST"
    ABSTAIN = "ABSTAIN"


class Presence(Fact):
    """A time in which a member was there."""

    member: OfficerCode
    method: PresenceMethod
    joined_at: Instant
    left_at: Instant | None = None


class Vote(Fact):
    """One member's vote on the motion that stands."""

    member: OfficerCode
    choice: Choice
    at: Instant


class Heard(Fact):
    """A case as it was when its discussion began: what a decision is about, whatever comes later."""

    item_id: UUID
    kind: SubjectKind
    revision: int
    report_hash: Sha256
    author: OfficerCode
    programmes: Annotated[tuple[Code, ...], Field(max_length=REQUESTED_MAX)]


class CaseDecision(Fact):
    """What the team decided in a case."""

    way: Way
    outcomes: tuple[Outcome, ...]
    tally: Tally | None = None
    present: int
    dissents: int = 0
    rehear_by: Day | None = None
    at: Instant


class Line(Fact):
    """A case on the agenda of a hearing."""

    subject_id: UUID
    part: Part = Part.FULL
    state: LineState = LineState.LISTED
    conflicts: tuple[OfficerCode, ...] = ()
    heard: Heard | None = None
    discussed_from: Instant | None = None
    discussed_until: Instant | None = None
    motion: tuple[Outcome, ...] = ()
    votes: tuple[Vote, ...] = ()
    decision: CaseDecision | None = None

    def moved(self, step: LineStep, **changes: Any) -> "Line":
        """The line after this step; StepNotAllowed where the table has none."""
        state = LINE_TRANSITIONS.move(self.state, step)
        return self.model_copy(update={"state": state, **changes})


class Adjournment(Fact):
    """Why a hearing was put off, and until when it must go on."""

    reason: AdjournReason
    at: Instant
    resume_by: Instant


class Signature(Fact):
    """Who signed the minutes, by which hash, and when."""

    member: OfficerCode
    minutes_hash: Sha256
    at: Instant


class NotSigned(Fact):
    """Whose signature is missing, and why."""

    member: OfficerCode
    reason: Note
    at: Instant


class Minutes(Fact):
    """The minutes (*berita acara*): number, hash, and who signed; the words stand in a table of their own."""

    number: RegisterNo
    digest: Sha256
    drafted_at: Instant
    signatures: tuple[Signature, ...] = ()
    not_signed: tuple[NotSigned, ...] = ()
    ratified_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """A sitting of a panel."""

    hearing_id: UUID
    unit: str
    panel: Panel
    kind: HearingKind
    mode: HearingMode
    status: Status
    starts_at: datetime
    room: str | None = None
    team: Team
    chair: str
    secretary: str
    lines: tuple[Line, ...] = ()
    presence: tuple[Presence, ...] = ()
    adjournment: Adjournment | None = None
    opened_at: datetime | None = None
    concluded_at: datetime | None = None
    minutes: Minutes | None = None
    handed_over_at: datetime | None = None
    warnings_given: int = 0
    overdue: bool = False
    sequence: int = 0
    version: int = 0
    """As it was read; the next writer writes the one after."""

    def about(self) -> dict[str, Any]:
        """What every fact about this hearing says."""
        return {"hearing_id": self.hearing_id, "unit": self.unit, "panel": self.panel}

    def line(self, subject_id: UUID) -> Line:
        """A case of the agenda; raises NotOnAgenda."""
        found = next((line for line in self.lines if line.subject_id == subject_id), None)
        if found is None:
            raise NotOnAgenda
        return found

    def with_line(self, line: Line) -> "Hearing":
        """The hearing with this line in the place of the one before."""
        return replace(self, lines=tuple(line if each.subject_id == line.subject_id else each for each in self.lines))

    def there_at(self, moment: datetime) -> frozenset[str]:
        """The members who are there at this moment."""
        return frozenset(
            each.member
            for each in self.presence
            if each.member in self.team.members
            and each.joined_at <= moment
            and (each.left_at is None or each.left_at > moment)
        )

    @property
    def attended(self) -> tuple[str, ...]:
        """The members who were there at any time, in the order of the decree: those who sign."""
        there = {each.member for each in self.presence}
        return tuple(member for member in self.team.members if member in there)

    def require_chair(self, officer: str) -> None:
        """Raise NotTheChair for anybody else."""
        if officer != self.chair:
            raise NotTheChair

    def require_secretary(self, officer: str) -> None:
        """Raise NotTheSecretary for anybody else."""
        if officer != self.secretary:
            raise NotTheSecretary

    def require_member(self, officer: str) -> None:
        """Raise NotAMember for anybody else."""
        if officer not in self.team.members:
            raise NotAMember
