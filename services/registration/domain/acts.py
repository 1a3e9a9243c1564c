"""What an officer enters, in the words of the form: the acts on a registration.

They are the bodies of the HTTP routes as they stand, so that nothing is typed twice.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from contracts.event import Fact
from contracts.personal import Code, Day, DocumentNo, Instant, Note, OfficerCode, UnitCode
from contracts.registration import ClosingReason, ContactMethod, IdentityLevel, OfferOutcome
from services.registration.domain.case import BiometricStatus
from services.registration.domain.walked_in import WalkInReport

DOCUMENTS_MAX: Final = 20

Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Documents = Annotated[tuple[DocumentNo, ...], Field(max_length=DOCUMENTS_MAX)]


class Whom(StrEnum):
    """Whom the officer met."""

    PERSON = "PERSON"
    GUARANTOR_ALONE = "GUARANTOR_ALONE"


class TraceKind(StrEnum):
    """How somebody was looked for."""

    CALL_CLIENT = "CALL_CLIENT"
    CALL_GUARANTOR = "CALL_GUARANTOR"
    CALL_VILLAGE = "CALL_VILLAGE"
    GUARANTOR_MET = "GUARANTOR_MET"
    HOME_VISIT = "HOME_VISIT"
    OTHER = "OTHER"


CALLS: Final = (TraceKind.CALL_CLIENT, TraceKind.CALL_GUARANTOR, TraceKind.CALL_VILLAGE)


class SubmittedFile(StrEnum):
    """The four papers that belong to a registration; a missing one is chased and holds nobody up."""

    BASE_DOCUMENT = "BASE_DOCUMENT"
    COVER_LETTER = "COVER_LETTER"
    HANDOVER_RECORD = "HANDOVER_RECORD"
    ORDER = "ORDER"


class FirstContact(Fact):
    """An officer met the person, or the guarantor alone."""

    contact_at: Instant
    method: ContactMethod
    whom: Whom = Whom.PERSON
    identity_level: IdentityLevel = IdentityLevel.L1
    biometric_status: BiometricStatus | None = None
    visit_at: Instant | None = None
    visit_unit: UnitCode | None = None
    note: Note | None = None


class WalkIn(Fact):
    """Somebody whom no prison has reported stands before an officer: who it is, and the contact."""

    person: WalkInReport
    contact: FirstContact


class Binding(Fact):
    """A person says that a release which a prison reported is that of this walk-in."""

    release: UUID
    """The registration under which the prison's release is known."""
    reason: Reason


class Judgement(Fact):
    """A person says of two registrations whether they are of one human being, and why."""

    reason: Reason


class TraceEntry(Fact):
    """Somebody was looked for."""

    kind: TraceKind
    at: Instant
    reached: bool = False
    note: Note | None = None


class Biometrics(Fact):
    """A fingerprint was taken, or not, and why."""

    status: BiometricStatus
    at: Instant


class Submission(Fact):
    """The registration is complete as far as the counter can make it."""

    files: frozenset[SubmittedFile] = frozenset()
    document_ids: Documents = ()
    note: Note | None = None


class Approval(Fact):
    """The section head approves, and may say which officer guides."""

    officer: OfficerCode | None = None


class Return(Fact):
    """The section head wants something put right."""

    reason: Reason


class HandOn(Fact):
    """Another office has accepted the client, in writing."""

    to_office: Code
    acceptance_no: DocumentNo
    accepted_on: Day
    reason: Reason | None = None


class OfferTransfer(Fact):
    """Another office is asked to take over the client, by letter."""

    to_office: Code
    letter_no: DocumentNo
    reason: Reason | None = None


class EndOfOffer(Fact):
    """The other office declined, or the offer is taken back: the client stays ours."""

    outcome: OfferOutcome
    reason: Reason


class Suspicion(Fact):
    """Somebody who was looked for in vain is suspected of having absconded."""

    reason: Reason
    document_id: DocumentNo | None = None


class FilesReceived(Fact):
    """Papers that were missing have come."""

    files: Annotated[frozenset[SubmittedFile], Field(min_length=1)]
    document_ids: Documents = ()


class BreakGlass(Fact):
    """Somebody must see at once what their role does not show of a case; the words name nobody."""

    reason: Reason


class Closing(Fact):
    """The case ends, on evidence."""

    reason: ClosingReason
    evidence: Code
    document_id: DocumentNo | None = None
    note: Note | None = None


class PersonRefusal(Fact):
    """The person refuses guidance: the letter, and which kind of refusal it is."""

    letter_no: DocumentNo
    letter_on: Day
    kind: Code
    detail: Note | None = None


class Refusal(Fact):
    """The section head refuses, and names what follows: a transfer that was accepted or is offered, or a closure."""

    reason: Reason
    transfer: HandOn | None = None
    offer: OfferTransfer | None = None
    closure: Closing | None = None
    person_refuses: PersonRefusal | None = None
