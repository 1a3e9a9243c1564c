"""What a registration is: its states, the moves between them, and what a case knows at any moment.

What prisons report is decided in `intake`, what officers do in `casework`, what time does in `clocks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from chassis.rules.transitions import Table
from contracts.event import Fact
from contracts.lapas import (
    ClientReleased,
    Release,
    ReleaseAnnounced,
    ReleaseCancelled,
    ReleasedPerson,
    client_id_of,
    registration_id_of,
)
from contracts.personal import Code, DocumentNo, Instant, Note, OfficerCode, RegisterNo, UnitCode
from contracts.registration import ClosingReason, ContactMethod, IdentityLevel
from contracts.roles import Role
from services.registration.domain.walked_in import WalkInReport, business_id_of, day_of


class Status(StrEnum):
    """How far somebody has come on the way from the prison gate to a register number."""

    RELEASE_ANNOUNCED = "release_announced"
    PRE_REGISTERED = "pre_registered"
    RELEASED = "released"
    CONTACT_OVERDUE = "contact_overdue"
    TRACING = "tracing"
    ABSCONDED_SUSPECTED = "absconded_suspected"
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
    WALK_IN = "a walk-in"
    BIND = "binding to a walk-in"
    CORRECT = "a correction"
    REVOKE = "a withdrawal after the release"
    CANCEL = "a cancellation before the release"
    UNDO = "a cancellation after the release"
    DISPUTE = "a cancellation against what an officer saw"
    FALL_OVERDUE = "an overdue contact"
    TRACE = "tracing"
    SUSPECT_ABSCONDED = "a suspicion of absconding"
    RESTART_CLOCK = "another start of the clock"
    NOTE_TRACE = "a trace entry"
    MEET = "first contact"
    TAKE_BIOMETRICS = "biometrics"
    SUBMIT = "submission"
    APPROVE = "approval"
    RETURN = "return"
    REFUSE_FOR_TRANSFER = "refusal with a transfer"
    REFUSE_FOR_OFFER = "refusal with an offer to another office"
    REFUSE_FOR_CLOSURE = "refusal with a closure"
    OFFER_TRANSFER = "an offer to another office"
    END_OFFER = "the end of an offer"
    HAND_ON = "handing on"
    RECEIVE_FILES = "papers that came later"
    CLOSE = "closure"
    BREAK_GLASS = "breaking the glass"


ANNOUNCED: Final = (Status.RELEASE_ANNOUNCED, Status.PRE_REGISTERED)
AWAITED: Final = (Status.RELEASED, Status.CONTACT_OVERDUE, Status.TRACING, Status.ABSCONDED_SUSPECTED)
"""Outside, and not met yet: the clock of first contact runs, or after its last rung that of the search."""
MET: Final = (Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED, Status.CONFLICT)
ENDED: Final = (Status.CANCELLED, Status.CLOSED, Status.HANDED_ON)
TRANSFERABLE: Final = (*ANNOUNCED, *AWAITED, Status.PROVISIONALLY_REGISTERED, Status.SUBMITTED)

MOVES: Final[dict[tuple[Status | None, Step], Status]] = {
    (None, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.CANCELLED, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.CLOSED, Step.ANNOUNCE): Status.RELEASE_ANNOUNCED,
    (Status.RELEASE_ANNOUNCED, Step.PREPARE): Status.PRE_REGISTERED,
    (None, Step.RELEASE): Status.RELEASED,
    (None, Step.WALK_IN): Status.PROVISIONALLY_REGISTERED,
    (Status.RELEASE_ANNOUNCED, Step.RELEASE): Status.RELEASED,
    (Status.PRE_REGISTERED, Step.RELEASE): Status.RELEASED,
    (Status.CANCELLED, Step.RELEASE): Status.RELEASED,
    (Status.CLOSED, Step.RELEASE): Status.RELEASED,
    # Met before the gate, or although nobody had reported the release: what was done stays done.
    (Status.PROVISIONALLY_REGISTERED, Step.RELEASE): Status.PROVISIONALLY_REGISTERED,
    (Status.SUBMITTED, Step.RELEASE): Status.SUBMITTED,
    (Status.REGISTERED, Step.RELEASE): Status.REGISTERED,
    (Status.PROVISIONALLY_REGISTERED, Step.RELEASE_UNSEEN): Status.RELEASED,
    # The prison says again that it released, or will release, whom an officer saw.
    (Status.CONFLICT, Step.RELEASE): Status.PROVISIONALLY_REGISTERED,
    (Status.CONFLICT, Step.ANNOUNCE): Status.PROVISIONALLY_REGISTERED,
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
    (Status.ABSCONDED_SUSPECTED, Step.RESTART_CLOCK): Status.RELEASED,
    (Status.TRACING, Step.SUSPECT_ABSCONDED): Status.ABSCONDED_SUSPECTED,
    **{(status, Step.NOTE_TRACE): status for status in (*ANNOUNCED, *AWAITED, Status.CONFLICT)},
    **{(status, Step.MEET): Status.PROVISIONALLY_REGISTERED for status in (*ANNOUNCED, *AWAITED)},
    # The release is that of somebody who walked in before, under the registration of the walk-in.
    **{(status, Step.BIND): Status.CLOSED for status in (None, *ANNOUNCED, *AWAITED, Status.CANCELLED, Status.CLOSED)},
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
    (Status.SUBMITTED, Step.REFUSE_FOR_OFFER): Status.PROVISIONALLY_REGISTERED,
    (Status.SUBMITTED, Step.REFUSE_FOR_CLOSURE): Status.CLOSED,
    # An offer stands beside the state, which goes on: every clock runs until the other office accepts.
    **{(status, Step.OFFER_TRANSFER): status for status in TRANSFERABLE},
    **{(status, Step.END_OFFER): status for status in (*TRANSFERABLE, Status.CONFLICT)},
    **{(status, Step.HAND_ON): Status.HANDED_ON for status in TRANSFERABLE},
    **{(status, Step.RECEIVE_FILES): status for status in (*MET, Status.REGISTERED)},
    **{(status, Step.CLOSE): Status.CLOSED for status in Status if status is not Status.CLOSED},
    # To look changes nothing, and whoever looked stands on the timeline of an ended case too.
    **{(status, Step.BREAK_GLASS): status for status in Status},
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
    walked_in: bool = False
    """No prison had reported the person, who stood before the officer all the same: outside, wherever that was."""


class Tracing(Fact):
    """The search for somebody who did not come: what is due, what was done, what was missed."""

    started_at: Instant
    calls_due_at: Instant
    visit_due_at: Instant
    called_at: Instant | None = None
    visited_at: Instant | None = None
    calls_missed: bool = False
    visit_missed: bool = False
    reviewed_at: Instant | None = None
    """When the section head was last asked what is to become of the search."""

    @property
    def is_settled(self) -> bool:
        """Whether calls and visit are done or missed, so that only the section head can say how it goes on."""
        called, visited = self.called_at is not None, self.visited_at is not None
        return (called or self.calls_missed) and (visited or self.visit_missed)


class TransferOffer(Fact):
    """What another office was asked: to take over a client whose clocks run here until it accepts."""

    to_office: Code
    offered_at: Instant
    answer_due_at: Instant
    by: str
    overdue: bool = False


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

    walk_in: WalkInReport | None = None
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
    offer: TransferOffer | None = None
    handed_on_to: str | None = None
    files_chased_at: datetime | None = None
    closure: Closure | None = None
    bound_to: UUID | None = None
    """The registration of the walk-in whose release this is; what is reported of it counts there."""
    sequence: int = 0

    @property
    def client_id(self) -> UUID:
        """The client whom this registration makes."""
        return client_id_of(self.registration_id)

    @cached_property
    def person(self) -> ReleasedPerson | None:
        """The person as reported: the latest revision first, and what it leaves out from the one before it.

        What somebody said of themselves fills what no prison has said.
        """
        told = self.reported
        if self.walk_in is None or told is None:
            return told or self.walk_in
        return _merged((self.walk_in, told))

    @cached_property
    def reported(self) -> ReleasedPerson | None:
        """The person as the prison alone reported it."""
        reports = self._reports
        return _merged(reports) if reports else None

    @property
    def latest(self) -> ReleasedPerson | None:
        """The report that says who somebody is and from where: every report names the person and the prison.

        It is `person` in these two, without putting together everything else: a list shows hundreds.
        """
        reports = self._reports
        return reports[-1] if reports else self.walk_in

    @property
    def _reports(self) -> Sequence[ReleasedPerson]:
        """What the prison reported of the person, the report that counts most last."""
        reports: list[ReleasedPerson] = [report for report in (self.announcement, self.release) if report is not None]
        return sorted(reports, key=lambda report: (report.revision, isinstance(report, ClientReleased)))

    @property
    def business_id(self) -> UUID | None:
        """The registration that this release would be by prison, register number and decree (or type and day)."""
        told = self.person or self.taken_back_by
        if told is None:
            return None
        days = (self.release, self.announcement, self.walk_in, self.taken_back_by)
        found = business_id_of(told, on=next((day_of(report) for report in days if report is not None), None))
        return None if found is None else registration_id_of(found)

    @property
    def is_unreported(self) -> bool:
        """Whether somebody walked in and no prison has said anything of it yet."""
        said = (self.announcement, self.release, self.cancellation, self.revocation)
        return self.walk_in is not None and self.bound_to is None and all(report is None for report in said)

    @property
    def walked_in(self) -> bool:
        """Whether the contact that counts was a walk-in: seen outside, whatever the prison says."""
        return self.contact is not None and self.contact.walked_in

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
        return self.latest.facility if self.latest is not None else self.origin.facility

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


def _merged(reports: Sequence[ReleasedPerson]) -> ReleasedPerson:
    fields: dict[str, Any] = {}
    for report in reports:
        said = {name: getattr(report, name) for name in ReleasedPerson.model_fields}
        fields |= {name: value for name, value in said.items() if value not in (None, ())}
    return ReleasedPerson.model_construct(**fields)
