"""Somebody whom no prison has reported stands before an officer: registered at once, at any hour, in one act."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from chassis.rules.refusal import Refused
from contracts.lapas import ReleaseType, registration_id_of
from contracts.reference import Reference
from contracts.registration import ContactMethod
from services.registration.domain import meeting
from services.registration.domain.acts import WalkIn, Whom
from services.registration.domain.case import TRANSITIONS, Acting, Registration, Step
from services.registration.domain.decided import Decided
from services.registration.domain.intake import NobodyToGuide
from services.registration.domain.walked_in import business_id_of, day_of
from services.registration.domain.whereabouts import placed

NOT_FACE_TO_FACE: Final = (ContactMethod.PHONE, ContactMethod.VIDEO, ContactMethod.GUARANTOR_ASSISTED)


class AWalkInIsThePerson(Refused):
    """A walk-in is the person, face to face: a call, or the guarantor alone, is noted on a release that is known."""


def business_key_of(act: WalkIn) -> str | None:
    """The release_id under which the prison's report will find this walk-in, if the papers suffice for one."""
    return business_id_of(act.person, on=day_of(act.person))


def arrive(
    known: Registration | None,
    act: WalkIn,
    *,
    release_id: str,
    by: Acting,
    slip_code: str,
    now: datetime,
    reference: Reference,
) -> Decided:
    """Who walks in is met: on the case of the release if there is one, else on a case of their own."""
    if act.contact.whom is not Whom.PERSON or act.contact.method in NOT_FACE_TO_FACE:
        raise AWalkInIsThePerson
    if known is None:
        if act.person.release_type is ReleaseType.FULL_TERM:
            raise NobodyToGuide
        case = _of_their_own(act, release_id, reference)
        return meeting.register_walk_in(case, act.contact, by=by, slip_code=slip_code, now=now, reference=reference)
    # What somebody says of themselves fills what the prison left out, and never replaces it.
    case = placed(replace(known, walk_in=act.person), reference)
    return meeting.record_contact(
        case, act.contact, by=by, slip_code=slip_code, now=now, reference=reference, walked_in=True
    )


def _of_their_own(act: WalkIn, release_id: str, reference: Reference) -> Registration:
    head_office = reference.head_office.code
    case = Registration(
        registration_id=registration_id_of(release_id),
        release_id=release_id,
        status=TRANSITIONS.move(None, Step.WALK_IN),
        receiving_unit=head_office,
        holder_unit=head_office,
        walk_in=act.person,
    )
    return placed(case, reference)
