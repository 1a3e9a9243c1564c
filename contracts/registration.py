"""What registration makes known: how somebody who left prison becomes a registered client.

The subject is the registration. A prison's release_id may identify somebody and is not repeated here.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from contracts import operations
from contracts.event import Event
from contracts.lapas import Address, CancelReason, Guarantor, ReleaseType, Sex
from contracts.personal import (
    BirthDate,
    BirthYear,
    Code,
    Day,
    FacilityCode,
    Instant,
    OfficerCode,
    Personal,
    PersonName,
    PhoneNumber,
    RegisterNo,
    UnitCode,
)
from contracts.roles import Role

CODES_MAX: Final = 60
Codes = Annotated[tuple[Code, ...], Field(max_length=CODES_MAX)]


class Source(StrEnum):
    """How a release became known."""

    ANNOUNCED = "ANNOUNCED"
    UNANNOUNCED = "UNANNOUNCED"
    WALK_IN = "WALK_IN"


class ContactMethod(StrEnum):
    """How an officer met the client for the first time."""

    AT_OFFICE = "AT_OFFICE"
    AT_OUTPOST = "AT_OUTPOST"
    AT_GATE = "AT_GATE"
    HOME_VISIT = "HOME_VISIT"
    PHONE = "PHONE"
    VIDEO = "VIDEO"
    GUARANTOR_ASSISTED = "GUARANTOR_ASSISTED"


class IdentityLevel(StrEnum):
    """How sure the officer is that it was the right person."""

    L1 = "L1"
    """A code or PIN."""
    L2 = "L2"
    """An officer saw identity card, decree or photo."""
    L3 = "L3"
    """A fingerprint."""


class TracingStep(StrEnum):
    """What is done about somebody who did not come."""

    CALLS = "CALLS"
    VISIT = "VISIT"


class WaiverReason(StrEnum):
    """Why there is no fingerprint."""

    QUALITY_LOW = "QUALITY_LOW"
    DEVICE_DOWN = "DEVICE_DOWN"
    REFUSED = "REFUSED"
    EXEMPT = "EXEMPT"
    NOT_AVAILABLE = "NOT_AVAILABLE"


class ClosingReason(StrEnum):
    """Why a case ended for good."""

    DIED = "DIED"
    REARRESTED = "REARRESTED"
    RELEASED_IN_ERROR = "RELEASED_IN_ERROR"
    DUPLICATE = "DUPLICATE"
    FULL_TERM = "FULL_TERM"


class RefusalFollowUp(StrEnum):
    """What a refused registration turns into."""

    TRANSFER = "TRANSFER"
    CLOSURE = "CLOSURE"


class OfferOutcome(StrEnum):
    """How an offer to another office ended without a transfer."""

    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"


class RegistrationFact(Event):
    """What every event about a registration says."""

    registration_id: UUID
    client_id: UUID
    receiving_unit: UnitCode
    guidance_unit: UnitCode | None = None
    officer: OfficerCode | None = None
    juvenile: bool = False

    @property
    def is_juvenile(self) -> bool:
        """As decided when the release became known."""
        return self.juvenile


class RegistrationAnnounced(RegistrationFact, subject="registration_id"):
    """A prison announced a release; the office can prepare."""

    releases_on: Day
    release_type: ReleaseType | None = None
    facility: FacilityCode


class RegistrationOpened(RegistrationFact, subject="registration_id"):
    """Somebody was released, or walked in, and the clocks run."""

    released_at: Instant
    release_type: ReleaseType | None = None
    facility: FacilityCode
    source: Source
    reported_late: bool = False
    missing: Codes = ()


class RegistrationCorrected(RegistrationFact, subject="registration_id"):
    """A prison corrected what it had said."""

    revision: int = Field(ge=1)
    changed: Codes = ()
    released_at: Instant | None = None
    releases_on: Day | None = None


class FirstContactMade(RegistrationFact, subject="registration_id"):
    """An officer met the client; the clocks of first contact stop."""

    contact_at: Instant
    method: ContactMethod
    identity_level: IdentityLevel
    by_role: Role
    before_gate: bool = False
    visit_at: Instant | None = None
    """When to come next, as it was handed out in person."""
    visit_unit: UnitCode | None = None


class FirstContactOverdue(RegistrationFact, subject="registration_id"):
    """A rung of the first-contact clock passed and nobody has met the client."""

    hours: Literal[24, 48, 72]
    due_at: Instant
    known_late: bool = False
    escalate: bool = True


class TracingStarted(RegistrationFact, subject="registration_id"):
    """The client is looked for: calls first, then a visit."""

    started_at: Instant
    calls_due_at: Instant
    visit_due_at: Instant


class TracingOverdue(RegistrationFact, subject="registration_id"):
    """A step of the search was not done in time."""

    step: TracingStep
    due_at: Instant


class ReleaseUnconfirmed(RegistrationFact, subject="registration_id"):
    """An announced day passed and the prison said nothing."""

    releases_on: Day
    due_at: Instant


class FacilitySilent(Event, subject="facility"):
    """Nothing has come from a prison for longer than its policy allows; it is about a line, and about nobody."""

    silence_id: UUID
    facility: FacilityCode
    receiving_unit: UnitCode
    last_heard_on: Day | None = None
    """The office's day of its last word; none has come since anybody listens."""
    silent_days: int = Field(ge=0)
    due_at: Instant
    again: bool = False
    """Somebody was told of the same silence before."""


class RegistrationSubmitted(RegistrationFact, subject="registration_id"):
    """A registration waits for the section head's approval."""

    submitted_at: Instant


class RegistrationReturned(RegistrationFact, subject="registration_id"):
    """The section head wants something put right first."""

    returned_at: Instant


class RegistrationRefused(RegistrationFact, subject="registration_id"):
    """The section head refused; a transfer or a closure follows."""

    then: RefusalFollowUp
    refused_at: Instant


class SubmissionOverdue(RegistrationFact, subject="registration_id"):
    """A client was met and the registration was not submitted in time."""

    due_at: Instant


class ClientRegistered(RegistrationFact, subject="registration_id"):
    """The section head approved; the client has a register number and guidance can begin."""

    register_code: Code
    register_no: RegisterNo
    registered_at: Instant
    release_type: ReleaseType | None = None
    guidance_from: Day | None = None
    guidance_until: Day | None = None


class BiometricCaptured(RegistrationFact, subject="registration_id"):
    """A fingerprint was taken."""

    captured_at: Instant


class BiometricWaived(RegistrationFact, subject="registration_id"):
    """There is no fingerprint, for a reason; registration goes on."""

    reason: WaiverReason


class ClientHandedOn(RegistrationFact, subject="registration_id"):
    """Another office accepted the client; our clocks stop."""

    to_office: Code
    handed_on_at: Instant


class ClientTransferOffered(RegistrationFact, subject="registration_id"):
    """Another office is asked to take over the client; our clocks run until it accepts."""

    to_office: Code
    offered_at: Instant
    answer_due_at: Instant


class TransferOfferEnded(RegistrationFact, subject="registration_id"):
    """The other office declined, or the offer was taken back; the client stays ours."""

    to_office: Code
    outcome: OfferOutcome
    ended_at: Instant


class TransferOfferOverdue(RegistrationFact, subject="registration_id"):
    """The other office has not answered in time; the client is still ours."""

    to_office: Code
    due_at: Instant


class AbscondingSuspected(RegistrationFact, subject="registration_id"):
    """Calls and a home visit came to nothing: the client is suspected of having absconded."""

    suspected_at: Instant


class GlassBroken(RegistrationFact, subject="registration_id"):
    """Somebody opened for a time what their role does not show them of this case; why is known here alone."""

    by: OfficerCode
    broken_at: Instant
    until: Instant


class SearchReviewDue(RegistrationFact, subject="registration_id"):
    """Somebody is out and was not found: a human decides how the search goes on."""

    due_at: Instant


class FilesMissing(RegistrationFact, subject="registration_id"):
    """Papers of a client who was entered for approval are still missing."""

    files: Codes
    due_at: Instant


class RegistrationCancelled(RegistrationFact, subject="registration_id"):
    """The release did not happen."""

    reason: CancelReason
    cancelled_at: Instant
    before_release: bool


class RegistrationConflict(RegistrationFact, subject="registration_id"):
    """The prison says not released, an officer saw the person: a human decides, the clocks run."""

    reason: CancelReason


class ReleaseBreachReported(RegistrationFact, subject="registration_id"):
    """The decree of somebody already outside was revoked: a matter for supervision."""

    reason: Literal["DECREE_REVOKED"] = "DECREE_REVOKED"
    reported_at: Instant


class RegistrationClosed(RegistrationFact, subject="registration_id"):
    """The case ended for good; all its clocks stop."""

    reason: ClosingReason
    closed_at: Instant
    evidence: Code | None = None


class ClientLink(Event):
    """What says which two clients are meant; each keeps its id, its registration and its events."""

    link_id: UUID
    registration_id: UUID
    client_id: UUID
    other_registration_id: UUID
    other_client_id: UUID
    juvenile: bool = False
    """One of them at least is a child's."""

    @property
    def is_juvenile(self) -> bool:
        """As it was when the two were linked or parted."""
        return self.juvenile


class ClientsLinked(ClientLink, subject="link_id"):
    """A person says that two clients are one human being; nothing is merged."""

    linked_at: Instant


class ClientsUnlinked(ClientLink, subject="link_id"):
    """A person says that two clients are not one human being after all."""

    unlinked_at: Instant


class ClientDetails(Event, subject="client_id", carrier="clients"):
    """Who a client is and how to reach them; restricted, and erased by a tombstone."""

    client_id: UUID
    registration_id: UUID
    name: PersonName
    alias: PersonName | None = None
    birth_on: BirthDate | None = None
    birth_year: BirthYear | None = None
    sex: Annotated[Sex, Personal("sex")] | None = None
    phone: PhoneNumber | None = None
    domicile: Address | None = None
    guarantor: Guarantor | None = None
    juvenile: bool = False

    @property
    def is_juvenile(self) -> bool:
        """As decided when the release became known."""
        return self.juvenile


class EventDeadLettered(operations.DeadLettered, subject="dead_letter_id"):
    """Registration could not handle an event."""


class AuditAnchored(operations.Anchored, subject="anchor_id", carrier="operations"):
    """Registration tells how far the chain of its audit trail reaches."""
