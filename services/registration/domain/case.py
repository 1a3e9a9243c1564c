"""What a registration is: its states, the moves between them, and what a case knows at any moment.

What prisons report is decided in `intake`, what officers do in `casework`, what time does in `clocks`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from chassis.rules.transitions import Table
from contracts.event import Event, Fact
from contracts.lapas import ClientReleased, Release, ReleaseAnnounced, ReleaseCancelled, ReleasedPerson, client_id_of
from contracts.personal import Code, DocumentNo, Instant, Note, OfficerCode, RegisterNo, UnitCode
from contracts.registration import ClientDetails, ClosingReason, ContactMethod, IdentityLevel
from contracts.roles import Role


class Status(StrEnum):
    """How far somebody has come on the way from the prison gate to a register number."""

    RELEASE_ANNOUNCED = "release_announced"
    PRE_REGISTERED = "pre_registered"
    RELEASED = "released"
    CONTACT_OVERDUE = "contact_overdue"
    TRACING = "tracing"
    PROVISIONALLY_REGISTERED = "provisionally_registered"
    SUBMITTED = "submitted"
    REGISTERED = "registered"
    CANCELLED = "cancelled"
    CONFLICT = "conflict"
    CLOSED = "closed"
    HANDED_ON = "handed_on"


class Step(StrEnum):
    """What happens to a registration, in the words of a refusal."""

    ANNOUNCE = "an announcement"
    PREPARE = "pre-registration"
    RELEASE = "a release"
    RELEASE_UNSEEN = "a release long after the contact"
    CORRECT = "a correction"
    REVOKE = "a withdrawal after the release"
    CANCEL = "a cancellation before the release"
    UNDO = "a cancellation after the release"
    DISPUTE = "a cancellation against what an officer saw"
    FALL_OVERDUE = "an overdue contact"
    TRACE = "tracing"
    RESTART_CLOCK = "another start of the clock"
    NOTE_TRACE = "a trace entry"
    MEET = "first contact"
    TAKE_BIOMETRICS = "biometrics"
    SUBMIT = "submission"
    APPROVE = "approval"
    RETURN = "return"
    REFUSE_FOR_TRANSFER = "refusal with a transfer"
    REFUSE_FOR_CLOSURE = "refusal with a closure"
    HAND_ON = "handing on"
    CLOSE = "closure"


ANNOUNCED: Final = (Status.RELEASE_ANNOUNCED, Status.PRE_REGISTERED)
AWAITED: Final = (Status.RELEASED, Status.CONTACT_OVERDUE, Status.TRACING)
"""Outside, and not met yet: the clock of first contact runs."""
MET: Final = (Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED, Status.CONFLICT)
ENDED: Final = (Status.CANCELLED, Status.CLOSED, Status.HANDED_ON)

MOVES: Final[dict[tuple[Status | None, Step], Status]] = {
    (None, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.CANCELLED, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.CLOSED, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.RELEASE_ANNOUNCED, Step.PREPARE): Status.PRE_REGISTERED,
    (None, Step.RELEASE): Status.RELEASED,
    (Status.RELEASE_ANNOUNCED, Step.RELEASE): Status.RELEASED,
    (Status.PRE_REGISTERED, Step.RELEASE): Status.RELEASED,
    (Status.CANCELLED, Step.RELEASE): Status.RELEASED,
    (Status.CLOSED, Step.RELEASE): Status.RELEASED,
    # Met before the gate, or although nobody had reported the release: what was done stays done.
    (Status.PROVISIONALLY_REGISTERED, Step.RELEASE): Status.PROVISIONALLY_REGISTERED,
    (Status.SUBMITTED, Step.RELEASE): Status.SUBMITTED,
    (Status.REGISTERED, Step.RELEASE): Status.REGISTERED,
    (Status.PROVISIONALLY_REGISTERED, Step.RELEASE_UNSEEN): Status.RELEASED,
    # The prison says again that it released whom an officer saw.
    (Status.CONFLICT, Step.RELEASE): Status.PROVISIONALLY_REGISTERED,
    **{(status, Step.CORRECT): status for status in Status if status is not Status.HANDED_ON},
    **{(status, Step.REVOKE): status for status in (*AWAITED, *MET, Status.REGISTERED)},
    (None, Step.CANCEL): Status.CANCELLED,
    **{(status, Step.CANCEL): Status.CANCELLED for status in (*ANNOUNCED, Status.PROVISIONALLY_REGISTERED)},
    **{(status, Step.UNDO): Status.CLOSED for status in (*AWAITED, Status.PROVISIONALLY_REGISTERED, Status.CANCELLED)},
    (Status.PROVISIONALLY_REGISTERED, Step.DISPUTE): Status.CONFLICT,
    (Status.SUBMITTED, Step.DISPUTE): Status.CONFLICT,
    (Status.RELEASED, Step.FALL_OVERDUE): Status.CONTACT_OVERDUE,
    (Status.CONTACT_OVERDUE, Step.TRACE): Status.TRACING,
    (Status.CONTACT_OVERDUE, Step.RESTART_CLOCK): Status.RELEASED,
    (Status.TRACING, Step.RESTART_CLOCK): Status.RELEASED,
    **{(status, Step.NOTE_TRACE): status for status in (*ANNOUNCED, *AWAITED, Status.CONFLICT)},
    **{(status, Step.MEET): Status.PROVISIONALLY_REGISTERED for status in (*ANNOUNCED, *AWAITED)},
    # An officer faces somebody who, says the prison, is not outside.
    (Status.CANCELLED, Step.MEET): Status.CONFLICT,
    (Status.CLOSED, Step.MEET): Status.CONFLICT,
    **{(status, Step.TAKE_BIOMETRICS): status for status in (*MET, Status.REGISTERED)},
    (Status.PROVISIONALLY_REGISTERED, Step.SUBMIT): Status.SUBMITTED,
    (Status.SUBMITTED, Step.APPROVE): Status.REGISTERED,
    (Status.SUBMITTED, Step.RETURN): Status.PROVISIONALLY_REGISTERED,
    # The section head believes the officer and not the prison.
    (Status.CONFLICT, Step.RETURN): Status.PROVISIONALLY_REGISTERED,
    (Status.SUBMITTED, Step.REFUSE_FOR_TRANSFER): Status.HANDED_ON,
    (Status.SUBMITTED, Step.REFUSE_FOR_CLOSURE): Status.CLOSED,
    **{
        (status, Step.HAND_ON): Status.HANDED_ON
        for status in (*ANNOUNCED, *AWAITED, Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED)
    },
    **{(status, Step.CLOSE): Status.CLOSED for status in Status if status is not Status.CLOSED},
}

TRANSITIONS: Final = Table(matter="registration", states=Status, steps=Step, moves=MOVES)


class BiometricStatus(StrEnum):
    """Whether there is a fingerprint, and why not; none of these ever stops a registration."""

    CAPTURED = "CAPTURED"
    QUALITY_LOW = "QUALITY_LOW"
    DEVICE_DOWN = "DEVICE_DOWN"
    REFUSED = "REFUSED"
    EXEMPT = "EXEMPT"
    NOT_AVAILABLE = "NOT_AVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Who does something: a person in a role at a unit, or the machinery."""

    id: str
    role: Role | None = None
    unit: str | None = None


class Contact(Fact):
    """The first time that an officer met the person."""

    at: Instant
    method: ContactMethod
    by: str
    by_role: Role | None = None
    slip_code: Code
    visit_at: Instant | None = None
    visit_unit: UnitCode | None = None


class Tracing(Fact):
    """The search for somebody who did not come: what is due, what was done, what was missed."""

    started_at: Instant
    calls_due_at: Instant
    visit_due_at: Instant
    called_at: Instant | None = None
    visited_at: Instant | None = None
    calls_missed: bool = False
    visit_missed: bool = False


class Submitted(Fact):
    """Who entered the registration for approval, and when."""

    by: str
    at: Instant


class Registered(Fact):
    """The entry in the client register."""

    register_code: Code
    register_no: RegisterNo
    unit: UnitCode
    year: int
    seq: int
    at: Instant
    by: str


class Closure(Fact):
    """Why a case ended, on what evidence, and whether the prison's own word was enough."""

    reason: ClosingReason
    at: Instant
    evidence: Code | None = None
    document_id: DocumentNo | None = None
    note: Note | None = None
    by_prison: bool = False


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One release and what became of the person."""

    registration_id: UUID
    release_id: str
    status: Status
    receiving_unit: str
    guidance_unit: str | None = None
    holder_unit: str
    epoch: int = 1
    juvenile: bool = False
    missing: tuple[str, ...] = ()

    announcement: ReleaseAnnounced | None = None
    release: ClientReleased | None = None
    cancellation: ReleaseCancelled | None = None
    revocation: ReleaseCancelled | None = None
    """A withdrawal (the decree revoked, a new case, discipline) takes back an announcement and no release."""

    unconfirmed_on: datetime | None = None
    """When somebody was told that the announced day had passed in silence."""
    rungs_recorded: int = 0
    tracing: Tracing | None = None
    contact: Contact | None = None
    identity_level: IdentityLevel | None = None
    biometric_status: BiometricStatus | None = None
    submission_from: datetime | None = None
    submission_overdue: bool = False
    submitted: Submitted | None = None
    registered: Registered | None = None
    officer: OfficerCode | None = None
    handed_on_to: str | None = None
    closure: Closure | None = None
    sequence: int = 0

    @property
    def client_id(self) -> UUID:
        """The client whom this registration makes."""
        return client_id_of(self.registration_id)

    @cached_property
    def person(self) -> ReleasedPerson | None:
        """The person as reported: the latest revision first, and what it leaves out from the one before it."""
        reports: list[ReleasedPerson] = [report for report in (self.announcement, self.release) if report is not None]
        if not reports:
            return None
        fields: dict[str, Any] = {}
        for report in sorted(reports, key=lambda report: (report.revision, isinstance(report, ClientReleased))):
            said = {name: getattr(report, name) for name in ReleasedPerson.model_fields}
            fields |= {name: value for name, value in said.items() if value not in (None, ())}
        return ReleasedPerson.model_construct(**fields)

    @property
    def origin(self) -> Release:
        """Whatever says from where somebody was, or was to be, released."""
        found = self.person or self.taken_back_by
        if found is None:
            message = "a registration without any report"
            raise AssertionError(message)
        return found

    @property
    def taken_back_by(self) -> ReleaseCancelled | None:
        """The latest word of the prison that takes something back."""
        said = [each for each in (self.cancellation, self.revocation) if each is not None]
        return max(said, key=lambda each: each.revision, default=None)

    @property
    def facility(self) -> str:
        """The prison."""
        return self.origin.facility

    @property
    def released_at(self) -> datetime | None:
        """When the person went through the gate, if the prison has said so."""
        return self.release.released_at if self.release is not None else None

    @property
    def is_client(self) -> bool:
        """Whether somebody is out, or was met, so that those who guide need to know who it is."""
        return self.status in (*AWAITED, *MET, Status.REGISTERED)

    @property
    def needs_identity_follow_up(self) -> bool:
        """Below a fingerprint a task remains."""
        return self.contact is not None and self.identity_level is not IdentityLevel.L3

    def about(self) -> dict[str, Any]:
        """What every fact about this registration says."""
        return {
            "registration_id": self.registration_id,
            "client_id": self.client_id,
            "receiving_unit": self.receiving_unit,
            "guidance_unit": self.guidance_unit,
            "officer": self.officer,
            "juvenile": self.juvenile,
        }


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One line of the timeline."""

    step: Step
    before: Status | None
    after: Status
    occurred_at: datetime
    reason: str | None = None
    document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a decision comes to: the case as it is now, what is made known, and the lines of the timeline."""

    case: Registration
    facts: tuple[Event, ...] = ()
    trail: tuple[Transition, ...] = ()
    erased_as: tuple[bool, ...] = ()
    """Whose details are taken back from the restricted topic: of an adult (False), of a child (True)."""
    note: str | None = None

    @classmethod
    def begun(cls, case: Registration, step: Step, *, at: datetime) -> "Decided":
        """A case that did not exist before."""
        begin = Transition(step=step, before=None, after=TRANSITIONS.move(None, step), occurred_at=at)
        return cls(case=case, trail=(begin,))

    def moved(
        self, step: Step, *, at: datetime, reason: str | None = None, documents: tuple[str, ...] = (), **changes: Any
    ) -> "Decided":
        """Take a step, if the table allows it, and change what the case knows."""
        after = TRANSITIONS.move(self.case.status, step)
        line = Transition(
            step=step,
            before=self.case.status,
            after=after,
            occurred_at=at,
            reason=reason,
            document_ids=documents,
        )
        return replace(self, case=replace(self.case, status=after, **changes), trail=(*self.trail, line))

    def said(self, *facts: Event) -> "Decided":
        """Make facts known, each with the next number of this case."""
        counted = replace(self.case, sequence=self.case.sequence + len(facts))
        return replace(self, case=counted, facts=(*self.facts, *facts))


def concluded(before: Registration | None, decided: Decided) -> Decided:
    """Tell those who guide who the client is, when that is new or changed, and take it back when nobody needs it."""
    case = decided.case
    told = details_of(before) if before is not None and before.is_client else None
    if case.is_client:
        details = details_of(case)
        if details is not None and details != told:
            decided = decided.said(details)
        moved_topic = told is not None and told.juvenile is not case.juvenile
        return replace(decided, erased_as=(told.juvenile,)) if told is not None and moved_topic else decided
    # Whoever has a register number belongs to supervision, which decides how long it needs the details.
    if told is not None and before is not None and before.status is not Status.REGISTERED:
        return replace(decided, erased_as=(told.juvenile,))
    return decided


def details_of(case: Registration) -> ClientDetails | None:
    """Who the client is and how to reach them, for the restricted topic."""
    person = case.person
    if person is None:
        return None
    return ClientDetails(
        client_id=case.client_id,
        registration_id=case.registration_id,
        name=person.name,
        alias=person.alias,
        birth_on=person.birth_on,
        birth_year=person.birth_year,
        sex=person.sex,
        phone=person.phone,
        domicile=person.domicile,
        guarantor=person.guarantor,
        juvenile=case.juvenile,
    )
