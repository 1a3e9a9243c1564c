"""What officers do to meet somebody: the first contact, the walk-in, the search, the fingerprint."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis.rules.refusal import Irrelevant, Refused
from contracts.reference import Reference
from contracts.registration import (
    AbscondingSuspected,
    BiometricCaptured,
    BiometricWaived,
    FirstContactMade,
    IdentityLevel,
    RegistrationConflict,
    RegistrationOpened,
    Source,
)
from contracts.roles import Role
from services.registration.domain import clocks
from services.registration.domain.acts import (
    CALLS,
    Biometrics,
    FirstContact,
    Suspicion,
    TraceEntry,
    TraceKind,
    Whom,
)
from services.registration.domain.case import (
    TRANSITIONS,
    Acting,
    BiometricStatus,
    Contact,
    Registration,
    Status,
    Step,
)
from services.registration.domain.decided import Decided
from services.registration.domain.whereabouts import BEFORE_GATE_MAX, met_outside

CLOCK_SKEW: Final = timedelta(minutes=5)
SLIP_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
SLIP_CHARS: Final = 8


class NotYourSection(Refused):
    """The head of the adults' section decides about adults, that of the children's section about children."""


class InTheFuture(Refused):
    """This lies in the future: only what has happened is recorded."""


class PrisonOfficerIdentifiesByCodeOnly(Refused):
    """A prison officer records a first contact at level L1, by code or PIN; the office identifies further."""


class ContactTooLongBeforeRelease(Refused):
    """A contact more than 14 days before the release does not stand for the first one after it."""


class OfficeEndedTheCase(Refused):
    """The office has ended this case with evidence: its section head must say what the contact means."""


class SearchNotFinished(Refused):
    """Nobody is suspected of having absconded before calls were made and the home was visited."""


class AlreadyMet(Irrelevant):
    """The person was met before; the first contact stands."""


def slip_code_from(id_: UUID) -> str:
    """A short code for the slip, without letters that are mistaken for others; from the random end of a fresh id."""
    rest, letters = id_.int, []
    for _ in range(SLIP_CHARS):
        rest, place = divmod(rest, len(SLIP_LETTERS))
        letters.append(SLIP_LETTERS[place])
    return "".join(letters)


def record_contact(
    case: Registration,
    act: FirstContact,
    *,
    by: Acting,
    slip_code: str,
    now: datetime,
    reference: Reference,
    walked_in: bool = False,
) -> Decided:
    """An officer met the person: the clock of first contact stops, whatever the fingerprint reader does."""
    _check_past(act.contact_at, now)
    if act.whom is Whom.GUARANTOR_ALONE:
        seen = TraceEntry(kind=TraceKind.GUARANTOR_MET, at=act.contact_at, note=act.note)
        return record_trace(case, seen, now=now, reference=reference)
    if by.role is Role.PRISON_OFFICER and _level_of(act) is not IdentityLevel.L1:
        raise PrisonOfficerIdentifiesByCodeOnly
    # Who was met before and is seen again, although the prison took the release back meanwhile, is a matter of its own.
    seen_again = case.status in (Status.CANCELLED, Status.CLOSED)
    if case.contact is not None and not (seen_again and act.contact_at > case.contact.at):
        raise AlreadyMet
    if case.closure is not None and not case.closure.by_prison:
        raise OfficeEndedTheCase
    if case.released_at is not None and case.released_at - act.contact_at > BEFORE_GATE_MAX and not walked_in:
        raise ContactTooLongBeforeRelease
    contact = _contact_of(case, act, by=by, slip_code=slip_code, walked_in=walked_in, reference=reference)
    decided = Decided(case=case)
    if walked_in and case.release is None and TRANSITIONS.move(case.status, Step.MEET) is not Status.CONFLICT:
        decided = told_walked_in(decided, contact, reference=reference)
    return _met(decided, act, contact, reference=reference)


def register_walk_in(
    case: Registration, act: FirstContact, *, by: Acting, slip_code: str, now: datetime, reference: Reference
) -> Decided:
    """Whom nobody has reported is registered and met in the same moment."""
    _check_past(act.contact_at, now)
    contact = _contact_of(case, act, by=by, slip_code=slip_code, walked_in=True, reference=reference)
    begun = Decided.begun(case, Step.WALK_IN, at=act.contact_at)
    changes = _of_the_meeting(act, contact, starts=act.contact_at)
    decided = told_walked_in(begun.with_changes(**changes), contact, reference=reference)
    return _told_met(decided, act, outside=True)


def told_walked_in(decided: Decided, contact: Contact, *, reference: Reference) -> Decided:
    """Say that somebody is out whom no prison has reported: since the day they name, or the contact at the latest."""
    case = decided.case
    report = case.walk_in
    named = None if report is None or report.released_on is None else report.released_on
    from_day = None if named is None else datetime.combine(named, datetime.min.time(), tzinfo=reference.zone)
    said = {
        "released_at": contact.at if from_day is None else min(from_day, contact.at),
        "release_type": case.person.release_type if case.person is not None else None,
        "facility": case.facility,
        "source": Source.WALK_IN,
        "missing": case.missing,
    }
    return decided.said(RegistrationOpened.model_validate(case.about() | said))


def record_trace(case: Registration, act: TraceEntry, *, now: datetime, reference: Reference) -> Decided:
    """Somebody was looked for: calls and visits since red stop their clocks, and never that of first contact."""
    _check_past(act.at, now)
    changes: dict[str, Any] = {}
    red = clocks.red_of(case, reference)
    if case.tracing is not None and (red is None or act.at >= red):
        done = {"called_at": act.at} if act.kind in CALLS else {}
        done |= {"visited_at": act.at} if act.kind is TraceKind.HOME_VISIT else {}
        changes["tracing"] = case.tracing.model_copy(update=done)
    words = f"{act.kind}, {'reached' if act.reached else 'not reached'}"
    return Decided(case=case).moved(Step.NOTE_TRACE, at=act.at, reason=with_note(words, act.note), **changes)


def suspect_absconded(case: Registration, act: Suspicion, *, by: Acting, now: datetime) -> Decided:
    """Calls and a visit came to nothing: the section head says so, and is asked again until somebody is found."""
    wanted = Role.SECTION_HEAD_CHILD if case.juvenile else Role.SECTION_HEAD_ADULT
    if by.role not in (wanted, Role.HEAD):
        raise NotYourSection
    TRANSITIONS.move(case.status, Step.SUSPECT_ABSCONDED)
    tracing = case.tracing
    if tracing is None or tracing.called_at is None or tracing.visited_at is None:
        raise SearchNotFinished
    documents = (act.document_id,) if act.document_id is not None else ()
    decided = Decided(case=case).moved(
        Step.SUSPECT_ABSCONDED,
        at=now,
        reason=act.reason,
        documents=documents,
        tracing=tracing.model_copy(update={"reviewed_at": now}),
    )
    return decided.said(AbscondingSuspected.model_validate(case.about() | {"suspected_at": now}))


def record_biometrics(case: Registration, act: Biometrics, *, now: datetime) -> Decided:
    """A fingerprint was taken later, or cannot be taken."""
    _check_past(act.at, now)
    level = IdentityLevel.L3 if act.status is BiometricStatus.CAPTURED else case.identity_level
    decided = Decided(case=case).moved(
        Step.TAKE_BIOMETRICS, at=act.at, reason=act.status, biometric_status=act.status, identity_level=level
    )
    return _told_biometrics(decided, act.status, at=act.at)


def _contact_of(
    case: Registration, act: FirstContact, *, by: Acting, slip_code: str, walked_in: bool, reference: Reference
) -> Contact:
    return Contact(
        at=act.contact_at,
        method=act.method,
        by=by.id,
        by_role=by.role,
        slip_code=slip_code,
        visit_at=act.visit_at or clocks.usual_visit(case, act.contact_at, reference),
        visit_unit=act.visit_unit or case.guidance_unit or case.receiving_unit,
        walked_in=walked_in,
    )


def _of_the_meeting(act: FirstContact, contact: Contact, *, starts: datetime | None) -> dict[str, Any]:
    """What a case knows after a contact; `starts` is when the time to submit begins, if it does."""
    return {
        "contact": contact,
        "identity_level": _level_of(act),
        "biometric_status": act.biometric_status,
        "submission_from": starts,
        "submission_overdue": False,
        "tracing": None,
        "closure": None,
    }


def _met(decided: Decided, act: FirstContact, contact: Contact, *, reference: Reference) -> Decided:
    case = decided.case
    outside = met_outside(contact, case, reference)
    # Against the prison's word the time to decide runs wherever the person was seen.
    runs = outside or case.released_at is not None or TRANSITIONS.move(case.status, Step.MEET) is Status.CONFLICT
    # Before the gate the time to submit does not run yet: the papers come with the release.
    starts = max(act.contact_at, case.released_at or act.contact_at) if runs else None
    words = with_note(act.method, act.note)
    changes = _of_the_meeting(act, contact, starts=starts)
    decided = _told_met(decided.moved(Step.MEET, at=act.contact_at, reason=words, **changes), act, outside=outside)
    if decided.case.status is Status.CONFLICT and case.taken_back_by is not None:
        said = {"reason": case.taken_back_by.reason}
        decided = decided.said(RegistrationConflict.model_validate(case.about() | said))
    return decided


def _told_met(decided: Decided, act: FirstContact, *, outside: bool) -> Decided:
    case = decided.case
    said = {
        "contact_at": act.contact_at,
        "method": act.method,
        "identity_level": case.identity_level,
        "by_role": case.contact.by_role if case.contact is not None else None,
        "before_gate": not outside,
        "visit_at": case.contact.visit_at if case.contact is not None else None,
        "visit_unit": case.contact.visit_unit if case.contact is not None else None,
    }
    decided = decided.said(FirstContactMade.model_validate(case.about() | said))
    if act.biometric_status is not None:
        decided = _told_biometrics(decided, act.biometric_status, at=act.contact_at)
    return decided


def _level_of(act: FirstContact) -> IdentityLevel:
    """What was shown: a fingerprint is level 3, and where none was taken the officer's own eyes are level 2."""
    if act.biometric_status is BiometricStatus.CAPTURED:
        return IdentityLevel.L3
    claims_print = act.identity_level is IdentityLevel.L3 and act.biometric_status is not None
    return IdentityLevel.L2 if claims_print else act.identity_level


def _told_biometrics(decided: Decided, status: BiometricStatus, *, at: datetime) -> Decided:
    about = decided.case.about()
    if status is BiometricStatus.CAPTURED:
        return decided.said(BiometricCaptured.model_validate(about | {"captured_at": at}))
    return decided.said(BiometricWaived.model_validate(about | {"reason": status.value}))


def with_note(words: str, note: str | None) -> str:
    """The words of a line of the timeline, with what somebody added."""
    return words if note is None else f"{words}: {note}"


def _check_past(instant: datetime, now: datetime) -> None:
    if instant > now + CLOCK_SKEW:
        raise InTheFuture
