"""Where somebody comes from, belongs to and was seen, and what nobody has told us yet."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from chassis.rules.numbering import local_date
from contracts.lapas import ReleasedPerson
from contracts.reference import Reference
from contracts.registration import ContactMethod
from contracts.roles import Role
from services.registration.domain.case import Contact, Registration

WANTED: Final = (
    "prison_register_no",
    "release_type",
    "decree_no",
    "decree_on",
    "category",
    "age_at_offence",
    "father_name",
    "sex",
    "nik",
    "phone",
    "domicile",
    "guarantor",
    "guidance_from",
    "guidance_until",
    "sentence_ends_on",
    "handover_no",
    "photo",
    "offence_group",
    "employment",
    "schooling",
    "supervising_prosecutor",
)
"""What a prison may leave out and the office chases; none of it delays a clock."""
FILE_PREFIX: Final = "FILE_"
"""How a paper that the counter has not seen yet stands in the same list."""

BEFORE_GATE_MAX: Final = timedelta(days=14)
"""Whoever was met inside longer ago has not been met on the way out."""
OUTSIDE: Final = (ContactMethod.AT_OFFICE, ContactMethod.HOME_VISIT)
"""Where nobody can be who is still in prison; outposts and gates are on both sides of the wall."""


def placed(case: Registration, reference: Reference) -> Registration:
    """The case with what follows from the reports: who receives, who guides, whose world it is, what is missing."""
    origin, person = case.origin, case.person
    regency = _place_of_guidance(person) if person is not None else None
    receives, guides = reference.receiving_unit(origin.facility), reference.unit_of_regency(regency)
    return replace(
        case,
        receiving_unit=receives,
        guidance_unit=guides,
        juvenile=origin.is_juvenile,
        officer=_proposed_officer(case, guides or receives, juvenile=origin.is_juvenile, reference=reference),
        missing=(*missing_of(case, reference), *(code for code in case.missing if code.startswith(FILE_PREFIX))),
    )


def missing_of(case: Registration, reference: Reference) -> tuple[str, ...]:
    """What nobody has reported yet, by name; an unknown prison is flagged in the same list."""
    person = case.person
    if person is None:
        return ()
    missing = [name.upper() for name in WANTED if getattr(person, name) is None]
    if person.birth_on is None and person.birth_year is None:
        missing.append("BIRTH_DATE")
    if person.litmas_no is None and person.request_id is None:
        missing.append("LITMAS_NO")
    if person.guarantor is not None:
        missing += [f"GUARANTOR_{name.upper()}" for name, value in person.guarantor if value is None]
    if person.facility not in reference.facilities:
        missing.append("FACILITY_UNKNOWN")
    return tuple(missing)


def stands_for_first_contact(contact: Contact | None, case: Registration) -> bool:
    """Whether this contact was close enough to the release to be the first one, or after it."""
    if contact is None or case.released_at is None or contact.walked_in:
        return True
    return case.released_at - contact.at <= BEFORE_GATE_MAX


def seen_outside(case: Registration, reference: Reference) -> bool:
    """Whether an officer met the person outside the prison: by the place, else by the time."""
    return case.contact is not None and met_outside(case.contact, case, reference)


def met_outside(contact: Contact, case: Registration, reference: Reference) -> bool:
    """Whether this contact was on the free side of the gate."""
    if contact.walked_in or contact.method in OUTSIDE:
        return True
    if case.released_at is not None:
        return contact.at >= case.released_at
    if case.announcement is not None:
        return local_date(contact.at, reference.zone) > case.announcement.releases_on
    return True


def _proposed_officer(case: Registration, unit: str, *, juvenile: bool, reference: Reference) -> str | None:
    """The officer who is to guide until the section head says otherwise: of the place, and certified for a child.

    Drawn by the id of the registration: the work spreads evenly, and an outpost without a link proposes the same one.
    """
    if case.registered is not None:
        return case.officer
    for place in (unit, reference.head_office.code):
        officers = reference.officers_of(place, Role.PROBATION_OFFICER)
        fit = sorted(each.code for each in officers if each.child_certified or not juvenile)
        if fit:
            return case.officer if case.officer in fit else fit[case.registration_id.int % len(fit)]
    return None


def _place_of_guidance(person: ReleasedPerson) -> str | None:
    """The guarantor's address in the decree decides, else the domicile."""
    guarantor = person.guarantor.address if person.guarantor is not None else None
    addresses = (guarantor, person.domicile)
    return next((address.regency for address in addresses if address is not None and address.regency), None)
