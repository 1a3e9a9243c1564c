"""What prisons tell us: the only events of the network that come from outside.

Everything but the place, the name and the moment may be missing: what a prison leaves out is listed on the case and
chased, and no missing field delays a clock. Releases travel on `lapas.events`; requests for a social inquiry report,
and what became of them, on `lapas.requests`, so that who reads the one need not read the other.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from contracts.event import Event, Fact
from contracts.inquiries import DecreeOutcome, Delegation, Programmes, Sentence, WithdrawalReason
from contracts.personal import (
    Age,
    BirthDate,
    BirthYear,
    Code,
    Day,
    DecreeNo,
    DocumentNo,
    FacilityCode,
    Instant,
    NationalId,
    Note,
    ObjectReference,
    Personal,
    PersonName,
    PhoneNumber,
    PrisonRegisterNo,
    Regency,
    Sha256,
    StreetAddress,
    Village,
)

ADULT_AGE: Final = 18
CONDITIONS_MAX: Final = 40
ATTACHMENTS_MAX: Final = 40
PAGES_MAX: Final = 10_000
IDS_KEPT_MAX: Final = 4_096
"""The id of a registration is derived several times for each event: for its key, by its handler, for its follow-ups."""
CHILD_FACILITY_PREFIXES: Final = ("LPKA", "LPAS")
_WIB: Final = timezone(timedelta(hours=7))
_RELEASES: Final = UUID("5d1c3f0e-6a1b-5b6e-9c57-0c1f4a3f7e21")
_REGISTRATIONS: Final = UUID("b0a4c9f2-2d0f-5c8e-8f3b-7a6f2d5e9c14")
_REQUESTS: Final = UUID("8f2a6c1b-3e57-5d94-a0c6-1b7e4d9f2a35")
_REPORTS: Final = UUID("2c9e7d40-6b18-5f03-b5a1-94d0e6c83f71")
_SPACE: Final = re.compile(r"\s+")


class ReleaseType(StrEnum):
    """Why somebody leaves prison, as written on the wire."""

    CONDITIONAL_RELEASE = "conditional_release"
    CONDITIONAL_LEAVE = "conditional_leave"
    PRE_RELEASE_LEAVE = "pre_release_leave"
    ASSIMILATION = "assimilation"
    FAMILY_VISIT_LEAVE = "family_visit_leave"
    FULL_TERM = "full_term"
    OTHER = "other"


class CancelReason(StrEnum):
    """Why a prison takes a release back."""

    NOT_RELEASED = "NOT_RELEASED"
    WRONG_PERSON = "WRONG_PERSON"
    DECREE_REVOKED = "DECREE_REVOKED"
    NEW_CASE = "NEW_CASE"
    DISCIPLINE = "DISCIPLINE"
    OTHER = "OTHER"


class Category(StrEnum):
    """Under which law somebody was sentenced."""

    ADULT = "ADULT"
    CHILD = "CHILD"


class Sex(StrEnum):
    """As in the prison's register."""

    FEMALE = "FEMALE"
    MALE = "MALE"


class TimePrecision(StrEnum):
    """How exactly the prison knows the moment."""

    MINUTE = "MINUTE"
    DAY = "DAY"


class Address(Fact):
    """Where somebody lives, as far as it is known."""

    street: StreetAddress | None = None
    village: Village | None = None
    regency: Regency | None = None


class Guarantor(Fact):
    """The relative who vouches for somebody and signed for it."""

    name: PersonName | None = None
    relation: Code | None = None
    phone: PhoneNumber | None = None
    address: Address | None = None


class Photo(Fact):
    """A picture that lies elsewhere: where, and how to know it is the right one."""

    reference: ObjectReference
    sha256: Sha256


class Attachment(Fact):
    """A paper that belongs to a release and lies elsewhere: what it is, where it lies, and how to know it again.

    The paper itself never travels here: neither in a message nor in the database.
    """

    kind: Code
    reference: ObjectReference
    sha256: Sha256
    pages: int | None = Field(default=None, ge=1, le=PAGES_MAX)


ReleaseId = Annotated[
    str,
    Personal("release"),
    StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?$"),
]
"""The prison's own id of a release; it may identify somebody, so it stays off our ordinary topics."""

RequestId = Annotated[
    str,
    Personal("request"),
    StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?$"),
]
"""The prison's own id of a request for a report; as little as that of a release it goes onto our ordinary topics."""


class Release(Event):
    """What says which release of whom is meant; the base of all events of a prison."""

    facility: FacilityCode
    prison_register_no: PrisonRegisterNo | None = None
    decree_no: DecreeNo | None = None
    release_type: ReleaseType | None = None
    category: Annotated[Category, Personal("category")] | None = None
    age_at_offence: Age | None = None
    revision: int = Field(default=1, ge=1, le=1_000_000)

    @property
    def is_juvenile(self) -> bool:
        """A child by law, by the age at the offence (never by the age today) or by the institution."""
        return _is_child(self.category, self.age_at_offence, self.facility)

    @field_validator("release_id", mode="before", check_fields=False)
    @classmethod
    def _derive_release_id(cls, value: Any, info: ValidationInfo) -> Any:
        """A prison without ids of its own is answered with one that is always the same for the same release."""
        return value or derived_release_id(info.data)


class ReleasedPerson(Release):
    """Who leaves prison and under which conditions."""

    name: PersonName
    alias: PersonName | None = None
    father_name: PersonName | None = None
    birth_on: BirthDate | None = None
    birth_year: BirthYear | None = None
    sex: Annotated[Sex, Personal("sex")] | None = None
    nik: NationalId | None = None
    phone: PhoneNumber | None = None
    domicile: Address | None = None
    guarantor: Guarantor | None = None
    decree_on: Day | None = None
    guidance_from: Day | None = None
    guidance_until: Day | None = None
    sentence_ends_on: Day | None = None
    special_conditions: tuple[Code, ...] = Field(default=(), max_length=CONDITIONS_MAX)
    litmas_no: DocumentNo | None = None
    request_id: DocumentNo | None = None
    handover_no: DocumentNo | None = None
    photo: Photo | None = None
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=ATTACHMENTS_MAX)
    offence_group: Annotated[Code, Personal("offence")] | None = None
    employment: Note | None = None
    schooling: Note | None = None
    supervising_prosecutor: Note | None = None
    reported_at: Instant | None = None


class ReleaseAnnounced(ReleasedPerson, subject="release_id"):
    """Somebody will be released on a day to come."""

    releases_on: Day
    release_id: ReleaseId = Field(default_factory=str, validate_default=True)


class ClientReleased(ReleasedPerson, subject="release_id"):
    """Somebody has left prison: the clocks of first contact start."""

    released_at: Instant
    time_precision: TimePrecision = TimePrecision.MINUTE
    release_id: ReleaseId = Field(default_factory=str, validate_default=True)


class ReleaseCancelled(Release, subject="release_id"):
    """A release was taken back, before or after it happened."""

    reason: CancelReason
    cancelled_at: Instant
    releases_on: Day | None = None
    reported_at: Instant | None = None
    release_id: ReleaseId = Field(default_factory=str, validate_default=True)


class Inquiry(Event):
    """What says which request of which prison is meant."""

    facility: FacilityCode
    prison_register_no: PrisonRegisterNo | None = None
    category: Annotated[Category, Personal("category")] | None = None
    age_at_offence: Age | None = None
    revision: int = Field(default=1, ge=1, le=1_000_000)

    @property
    def is_juvenile(self) -> bool:
        """A child by law, by the age at the offence (never by the age today) or by the institution."""
        return _is_child(self.category, self.age_at_offence, self.facility)

    @field_validator("request_id", mode="before", check_fields=False)
    @classmethod
    def _derive_request_id(cls, value: Any, info: ValidationInfo) -> Any:
        """A prison without ids of its own is answered with one that is always the same for the same letter."""
        return value or derived_request_id(info.data)


class LitmasRequested(Inquiry, subject="request_id", carrier="requests"):
    """A prison asks for a social inquiry report about somebody: of the offence the group, of the victim nothing."""

    name: PersonName
    alias: PersonName | None = None
    father_name: PersonName | None = None
    birth_on: BirthDate | None = None
    birth_year: BirthYear | None = None
    sex: Annotated[Sex, Personal("sex")] | None = None
    nik: NationalId | None = None
    programmes: Programmes
    letter_no: DocumentNo
    letter_on: Day | None = None
    received_at: Instant | None = None
    """When the letter reached the office, to the minute; when this message did, where it says nothing."""
    contact: PersonName | None = None
    contact_phone: PhoneNumber | None = None
    court: Note | None = None
    case_no: DocumentNo | None = None
    offence_group: Annotated[Code, Personal("offence")] | None = None
    sentence: Annotated[Sentence, Personal("sentence")] | None = None
    sentence_from: Day | None = None
    one_third_on: Day | None = None
    half_on: Day | None = None
    two_thirds_on: Day | None = None
    sentence_ends_on: Day | None = None
    register_f: Annotated[bool, Personal("discipline")] | None = None
    """Whether an entry in register F stands against the person."""
    guarantor: Guarantor | None = None
    needed_on: Day | None = None
    delegated_by: Delegation | None = None
    previous_request: DocumentNo | None = None
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=ATTACHMENTS_MAX)
    request_id: RequestId = Field(default_factory=str, validate_default=True)


class LitmasRequestWithdrawn(Inquiry, subject="request_id", carrier="requests"):
    """A prison takes back a request for a report."""

    reason: WithdrawalReason
    withdrawn_at: Instant
    letter_no: DocumentNo | None = None
    request_id: RequestId = Field(default_factory=str, validate_default=True)


class DecreeIssued(Inquiry, subject="request_id", carrier="requests"):
    """A decree grants or refuses what a report was for; one without a report of ours carries the prison's own id."""

    outcome: DecreeOutcome
    decree_no: DecreeNo
    decree_on: Day | None = None
    release_type: ReleaseType | None = None
    releases_on: Day | None = None
    litmas_no: DocumentNo | None = None
    letter_no: DocumentNo | None = None
    request_id: RequestId = Field(default_factory=str, validate_default=True)


def derived_release_id(data: dict[str, Any]) -> str:
    """The id of a release whose prison gives none: the same facts give the same id, however they are spelt."""
    facility, register_no, decree_no = (data.get(name) for name in ("facility", "prison_register_no", "decree_no"))
    if not facility or not register_no:
        raise PydanticCustomError("not_identified", "Without a release_id, prison_register_no is required")
    return str(uuid5(_RELEASES, "|".join((_normal(facility), _normal(register_no), _which_release(data, decree_no)))))


def derived_request_id(data: dict[str, Any]) -> str:
    """The id of a request whose prison gives none: one letter about one person is one request, however it is spelt."""
    parts = [data.get(name) for name in ("facility", "prison_register_no", "letter_no")]
    if not all(parts):
        raise PydanticCustomError(
            "not_identified", "Without a request_id, prison_register_no and letter_no are required"
        )
    return str(uuid5(_REQUESTS, "|".join(_normal(str(part)) for part in parts)))


def _is_child(category: Category | None, age_at_offence: int | None, facility: str) -> bool:
    young = age_at_offence is not None and age_at_offence < ADULT_AGE
    return category is Category.CHILD or young or facility.startswith(CHILD_FACILITY_PREFIXES)


def _which_release(data: dict[str, Any], decree_no: str | None) -> str:
    if decree_no:
        return _normal(decree_no)
    release_type, day = data.get("release_type"), data.get("releases_on") or data.get("released_at")
    if not release_type or day is None:
        raise PydanticCustomError(
            "not_identified", "Without a release_id, decree_no or release_type and the date are required"
        )
    return f"{release_type} {_local_date(day).isoformat()}"


def _local_date(moment: date) -> date:
    return moment.astimezone(_WIB).date() if isinstance(moment, datetime) else moment


def _normal(text: str) -> str:
    """Letters and digits as a clerk would read them aloud: width, case and spaces do not matter."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text)).upper()


@lru_cache(maxsize=IDS_KEPT_MAX)
def registration_id_of(release_id: str) -> UUID:
    """The registration that a release opens, the same in whichever database it is opened."""
    return uuid5(_REGISTRATIONS, release_id)


@lru_cache(maxsize=IDS_KEPT_MAX)
def litmas_id_of(request_id: str) -> UUID:
    """The report that a request asks for, the same in whichever database it is opened."""
    return uuid5(_REPORTS, request_id)


def client_id_of(registration_id: UUID) -> UUID:
    """The client whom a registration makes; that two clients are one human being is for a person to say."""
    return uuid5(registration_id, "client")
