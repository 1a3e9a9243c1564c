"""What people at the desks enter, in the words of the form: the acts on a report.

They are the bodies of the HTTP routes as they stand, so that nothing is typed twice.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from contracts.event import Fact
from contracts.litmas import CancelledFor, HearingTrack, Outcome
from contracts.personal import Code, Day, DocumentNo, Instant, Note, OfficerCode, Personal, RegisterNo
from services.litmas.reintegration.domain.case import Recommendation
from services.litmas.reintegration.domain.instruments import Answers

ITEMS_MAX: Final = 30
SECTION_CHARS_MAX: Final = 40_000

_TEXT: Final = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=_TEXT)]
SectionText = Annotated[
    str,
    Personal("report"),
    StringConstraints(max_length=SECTION_CHARS_MAX, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
]
Items = Annotated[tuple[Code, ...], Field(max_length=ITEMS_MAX)]


class Ready(StrEnum):
    """What an officer has at hand before the journey."""

    ASSIGNMENT_LETTER = "ASSIGNMENT_LETTER"
    REQUEST_FILE = "REQUEST_FILE"
    INTERVIEW_FORMS = "INTERVIEW_FORMS"
    INSTRUMENTS = "INSTRUMENTS"
    CONSENT_FORMS = "CONSENT_FORMS"


class Method(StrEnum):
    """How data were collected in a session."""

    INTERVIEW = "INTERVIEW"
    OBSERVATION = "OBSERVATION"
    HOME_VISIT = "HOME_VISIT"
    QUESTIONNAIRE = "QUESTIONNAIRE"
    DOCUMENTS = "DOCUMENTS"
    REMOTE = "REMOTE"


class Informant(StrEnum):
    """Of whom data were collected, by the relation to the person."""

    PERSON = "PERSON"
    FAMILY = "FAMILY"
    GUARANTOR = "GUARANTOR"
    VICTIM = "VICTIM"
    COMMUNITY = "COMMUNITY"
    LOCAL_GOVERNMENT = "LOCAL_GOVERNMENT"
    PRISON = "PRISON"
    OTHER = "OTHER"


class SessionOutcome(StrEnum):
    """How a session ended."""

    DONE = "DONE"
    REFUSED = "REFUSED"


class SendBack(Fact):
    """The counter found that papers are missing beside those that the list asks for."""

    missing: Annotated[tuple[Code, ...], Field(min_length=1, max_length=ITEMS_MAX)]
    reason: Reason | None = None


class Dispose(Fact):
    """The head sends the request to the section for adults."""

    track: HearingTrack = HearingTrack.FULL
    instruction: Reason | None = None


class Assign(Fact):
    """The section head gives the report to an officer, with a letter of assignment.

    `expected_officer` is who has it now, as the section head saw it: nobody for a first assignment.
    """

    officer: OfficerCode
    assistant: OfficerCode | None = None
    place: Code
    valid_from: Day
    valid_until: Day
    expected_officer: OfficerCode | None = None
    reason: Reason | None = None


class Prepare(Fact):
    """Documents and equipment are complete, and the prison has agreed to a visit."""

    ready: Annotated[frozenset[Ready], Field(max_length=len(Ready))]
    visit_at: Instant


class Depart(Fact):
    """The officer sets out."""

    departed_at: Instant
    transport: Code | None = None


class Session(Fact):
    """One session: where, when, how, with whom, and whether it came to anything."""

    method: Method
    informant: Informant
    place: Code
    held_at: Instant
    outcome: SessionOutcome
    refusal_kind: Code | None = None
    note: Note | None = None
    consent_document: DocumentNo | None = None


class Assess(Fact):
    """The answers to the instruments; the scores are summed here."""

    answers: Answers


class Analyse(Fact):
    """What can be collected was collected."""

    reason: Reason | None = None


class WriteSection(Fact):
    """The text of a section, whole."""

    text: SectionText


class SubmitDraft(Fact):
    """The report is complete and leaves its author."""

    recommendation: Recommendation


class CheckItem(StrEnum):
    """What a registrar looks at before a report gets its number."""

    LETTER_MATCHES = "LETTER_MATCHES"
    IDENTITY_MATCHES = "IDENTITY_MATCHES"
    ATTACHMENTS_COMPLETE = "ATTACHMENTS_COMPLETE"
    ASSIGNMENT_COVERS_DATES = "ASSIGNMENT_COVERS_DATES"


class Number(Fact):
    """The registrar has checked the administration of the report."""

    checked: Annotated[frozenset[CheckItem], Field(max_length=len(CheckItem))]


class ReturnDraft(Fact):
    """A desk gives the report back to its author."""

    code: Code
    reason: Reason


class Initial(Fact):
    """The section head has checked what the report says."""

    note: Reason | None = None


class Resubmit(Fact):
    """What the team wanted to know is at hand: the report is to be heard again."""

    note: Reason | None = None


class Decide(Fact):
    """What follows from a rejection, or why the head does not sign: in writing."""

    reason: Reason


class Sign(Fact):
    """The head signs the revision that was read."""

    revision: Annotated[int, Field(ge=1, le=1_000)]


class Deliver(Fact):
    """The prison has received the report."""

    receipt: Code
    delivered_at: Instant
    cover_letter_no: RegisterNo | None = None
    copied_to_directorate: bool = True


class Archive(Fact):
    """Where the report lies, and for how long."""

    code: Code
    retention: Code


class Cancel(Fact):
    """The report is no longer needed."""

    reason: CancelledFor
    note: Reason | None = None


class AddAddendum(Fact):
    """Something to be added to a report that was delivered."""

    text: SectionText
    reason: Reason


class RecordOutcome(Fact):
    """What became of the proposal, as far as anybody knows."""

    outcome: Outcome
    decree_no: DocumentNo | None = None
