"""What officers see of a registration: clocks and states for everybody on duty, people only for those who may."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import audit
from chassis.access import Principal
from contracts.lapas import Address, Attachment, Guarantor, ReleaseType, Sex
from contracts.reference import Reference
from contracts.registration import ClosingReason, ContactMethod, IdentityLevel
from contracts.roles import Role
from services.registration.domain import clocks
from services.registration.domain.case import BiometricStatus, Registration, Status

KNOW_CHILDREN: Final = frozenset({Role.SECTION_HEAD_CHILD, Role.HEAD})
"""Who may know a child by name, beside the officers who are certified for children (UU 11/2012 art. 19)."""
SHOWN_OF_NIK: Final = 4


class Line(BaseModel):
    """A registration in a list."""

    registration_id: UUID
    client_id: UUID
    who: str = Field(description="The name; of a child the initials only")
    juvenile: bool
    status: Status
    facility: str
    receiving_unit: str
    guidance_unit: str | None
    officer: str | None
    releases_on: date | None
    released_at: datetime | None
    register_no: str | None


class BoardLine(Line):
    """Somebody who is out and was not met yet."""

    hours_out: float
    due: dict[str, datetime] = Field(description="The clocks that run, by kind, and when each is due")
    missing: list[str]


class OfferView(BaseModel):
    """What another office was asked."""

    to_office: str
    offered_at: datetime
    answer_due_at: datetime
    overdue: bool


class OfferedLine(BoardLine):
    """A client who is offered to another office; the clocks run here."""

    offer: OfferView | None


class Person(BaseModel):
    """Who somebody is and how to reach them."""

    name: str
    alias: str | None
    father_name: str | None
    birth_on: date | None
    birth_year: int | None
    sex: Sex | None
    nik_ends: str | None = Field(description="The last digits of the NIK, to compare with the card on the counter")
    phone: str | None
    domicile: Address | None
    guarantor: Guarantor | None
    prison_register_no: str | None
    decree_no: str | None


class ContactView(BaseModel):
    """The first contact."""

    at: datetime
    method: ContactMethod
    by: str
    visit_at: datetime | None
    visit_unit: str | None


class CaseView(BaseModel):
    """A registration, whole."""

    registration_id: UUID
    client_id: UUID
    release_id: str | None = Field(description="The prison's own id; not shown for a child")
    status: Status
    juvenile: bool
    facility: str
    receiving_unit: str
    guidance_unit: str | None
    holder_unit: str
    officer: str | None
    release_type: ReleaseType | None
    releases_on: date | None
    released_at: datetime | None
    person: Person | None = Field(description="Nothing for a child, except for those who may know it")
    attachments: list[Attachment] = Field(description="Where its papers lie; none of a child, as with the person")
    missing: list[str]
    contact: ContactView | None
    identity_level: IdentityLevel | None
    biometric_status: BiometricStatus | None
    identity_follow_up: bool
    due: dict[str, datetime]
    submitted_at: datetime | None
    register_no: str | None
    registered_at: datetime | None
    closed_for: ClosingReason | None
    handed_on_to: str | None
    offer: OfferView | None = Field(description="Another office was asked; the state and its clocks go on here")
    bound_to: UUID | None = Field(description="The walk-in under whose registration this release counts")
    also_known_as: list[UUID] = Field(description="Registrations that a person said are of the same human being")


class TimelineLine(BaseModel):
    """One thing that happened to a registration."""

    entry_id: UUID
    step: str
    from_status: Status | None
    to_status: Status
    actor_kind: str
    actor_id: str
    actor_role: str | None
    unit: str
    reason: str | None
    document_ids: list[str]
    occurred_at: datetime
    recorded_at: datetime
    policy_version: str


def may_know_children(caller: Principal, reference: Reference) -> bool:
    """Whether the caller may know who a child is."""
    officer = reference.officers.get(caller.subject)
    certified = officer is not None and officer.child_certified and officer.role in caller.roles
    return certified or bool(caller.roles & KNOW_CHILDREN)


def line_of(case: Registration, *, by_initials: bool = False) -> Line:
    """The registration as a list shows it; an adult by initials too, where the name would give a child away."""
    return Line(**_line(case, by_initials=by_initials))


def board_line_of(case: Registration, *, now: datetime, reference: Reference) -> BoardLine:
    """The registration as the board shows it, with its clocks."""
    return BoardLine(**_board_line(case, now=now, reference=reference))


def offered_line_of(case: Registration, *, reference: Reference) -> OfferedLine:
    """The registration as the list of offers shows it."""
    offer = offer_of(case)
    at = case.offer.offered_at if case.offer is not None else case.released_at
    board = _board_line(case, now=at or datetime.max.replace(tzinfo=reference.zone), reference=reference)
    return OfferedLine(**board, offer=offer)


def offer_of(case: Registration) -> OfferView | None:
    """The offer that is open, if there is one."""
    offer = case.offer
    return None if offer is None else OfferView(**offer.model_dump(include=set(OfferView.model_fields)))


def case_view_of(
    case: Registration, *, also_known_as: Sequence[UUID], shows_person: bool, reference: Reference
) -> CaseView:
    """The registration as it is shown when it is opened."""
    if shows_person and case.person is not None:
        audit.saw("registration", [case.registration_id], case.person.model_dump(exclude_none=True))
    contact, closure = case.contact, case.closure
    return CaseView(
        registration_id=case.registration_id,
        client_id=case.client_id,
        release_id=case.release_id if shows_person else None,
        status=case.status,
        juvenile=case.juvenile,
        facility=case.facility,
        receiving_unit=case.receiving_unit,
        guidance_unit=case.guidance_unit,
        holder_unit=case.holder_unit,
        officer=case.officer,
        release_type=case.origin.release_type,
        releases_on=case.announcement.releases_on if case.announcement is not None else None,
        released_at=case.released_at,
        person=_person_of(case) if shows_person else None,
        attachments=list(case.person.attachments) if shows_person and case.person is not None else [],
        missing=list(case.missing),
        contact=None if contact is None else ContactView(**contact.model_dump(include=set(ContactView.model_fields))),
        identity_level=case.identity_level,
        biometric_status=case.biometric_status,
        identity_follow_up=case.needs_identity_follow_up,
        due=clocks.timers_of(case, reference),
        submitted_at=case.submitted.at if case.submitted is not None else None,
        register_no=case.registered.register_no if case.registered is not None else None,
        registered_at=case.registered.at if case.registered is not None else None,
        closed_for=closure.reason if closure is not None else None,
        handed_on_to=case.handed_on_to,
        offer=offer_of(case),
        bound_to=case.bound_to,
        also_known_as=list(also_known_as),
    )


def timeline_line_of(row: Mapping[str, Any], *, shows_words: bool) -> TimelineLine:
    """A line of the timeline; of a child, what somebody wrote is shown only to those who may know it."""
    fields = dict(row)
    if shows_words and fields["reason"] is not None:
        audit.saw("timeline-entry", [fields["entry_id"]], ["reason"])
    return TimelineLine(**(fields if shows_words else fields | {"reason": None, "document_ids": []}))


def _board_line(case: Registration, *, now: datetime, reference: Reference) -> dict[str, Any]:
    out = now - case.released_at if case.released_at is not None else None
    return {
        **_line(case),
        "hours_out": 0.0 if out is None else round(out.total_seconds() / 3600, 1),
        "due": clocks.timers_of(case, reference),
        "missing": list(case.missing),
    }


def _line(case: Registration, *, by_initials: bool = False) -> dict[str, Any]:
    name = case.latest.name if case.latest is not None else ""
    audit.saw("registration", [case.registration_id], ["who"])
    return {
        "registration_id": case.registration_id,
        "client_id": case.client_id,
        "who": _initials(name) if case.juvenile or by_initials else name,
        "juvenile": case.juvenile,
        "status": case.status,
        "facility": case.facility,
        "receiving_unit": case.receiving_unit,
        "guidance_unit": case.guidance_unit,
        "officer": case.officer,
        "releases_on": case.announcement.releases_on if case.announcement is not None else None,
        "released_at": case.released_at,
        "register_no": case.registered.register_no if case.registered is not None else None,
    }


def _initials(name: str) -> str:
    return "".join(f"{word[0].upper()}." for word in name.split())


def _person_of(case: Registration) -> Person | None:
    person = case.person
    if person is None:
        return None
    shared = person.model_dump(include=set(Person.model_fields))
    return Person(**shared, nik_ends=person.nik[-SHOWN_OF_NIK:] if person.nik is not None else None)
