"""What officers do with a registration: meet, trace, submit, approve, return, refuse, hand on, close.

Who may act at which door is checked there; whose matter it is, and in which state, is checked here.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis.rules.numbering import local_date
from chassis.rules.refusal import Irrelevant, Refused
from contracts.reference import Reference, Register
from contracts.registration import (
    BiometricCaptured,
    BiometricWaived,
    ClientHandedOn,
    ClientRegistered,
    FirstContactMade,
    IdentityLevel,
    RefusalFollowUp,
    RegistrationClosed,
    RegistrationConflict,
    RegistrationRefused,
    RegistrationReturned,
    RegistrationSubmitted,
)
from contracts.roles import Role
from services.registration.domain import clocks
from services.registration.domain.acts import (
    CALLS,
    Approval,
    Biometrics,
    Closing,
    FirstContact,
    HandOn,
    Refusal,
    Return,
    Submission,
    SubmittedFile,
    TraceEntry,
    TraceKind,
    Whom,
)
from services.registration.domain.case import (
    TRANSITIONS,
    Acting,
    BiometricStatus,
    Closure,
    Contact,
    Decided,
    Registered,
    Registration,
    Status,
    Step,
    Submitted,
)
from services.registration.domain.registers import Entry
from services.registration.domain.whereabouts import BEFORE_GATE_MAX, FILE_PREFIX, met_outside, seen_outside

CLOCK_SKEW: Final = timedelta(minutes=5)
SLIP_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
SLIP_CHARS: Final = 8


class NotYourSection(Refused):
    """The head of the adults' section decides about adults, that of the children's section about children."""


class SubmitterMayNotApprove(Refused):
    """Who submitted a registration cannot approve it: a second pair of eyes is needed."""


class InTheFuture(Refused):
    """This lies in the future: only what has happened is recorded."""


class PrisonOfficerIdentifiesByCodeOnly(Refused):
    """A prison officer records a first contact at level L1, by code or PIN; the office identifies further."""


class ContactTooLongBeforeRelease(Refused):
    """A contact more than 14 days before the release does not stand for the first one after it."""


class OfficeEndedTheCase(Refused):
    """The office has ended this case with evidence: its section head must say what the contact means."""


class NotYetReleased(Refused):
    """Nobody has reported the release and nobody has met the person outside: there is nobody to register."""


class RefusalNamesOneWay(Refused):
    """A refusal names a transfer or a closure, and not both."""


class OfficerNotAvailable(Refused):
    """The officer who is to guide is no probation officer of this office, or is not certified for children."""


class AlreadyMet(Irrelevant):
    """The person was met before; the first contact stands."""


def slip_code_from(id_: UUID) -> str:
    """A short code for the slip, without letters that are mistaken for others; from the random end of a fresh id."""
    rest, letters = id_.int, []
    for _ in range(SLIP_CHARS):
        rest, place = divmod(rest, len(SLIP_LETTERS))
        letters.append(SLIP_LETTERS[place])
    return "".join(letters)


def prepare(case: Registration, *, now: datetime) -> Decided:
    """The registrar has confirmed what the prison announced."""
    return Decided(case=case).moved(Step.PREPARE, at=now)


def record_contact(
    case: Registration, act: FirstContact, *, by: Acting, slip_code: str, now: datetime, reference: Reference
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
    if case.released_at is not None and case.released_at - act.contact_at > BEFORE_GATE_MAX:
        raise ContactTooLongBeforeRelease
    return _met(case, act, by=by, slip_code=slip_code, reference=reference)


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
    return Decided(case=case).moved(Step.NOTE_TRACE, at=act.at, reason=_with_note(words, act.note), **changes)


def record_biometrics(case: Registration, act: Biometrics, *, now: datetime) -> Decided:
    """A fingerprint was taken later, or cannot be taken."""
    _check_past(act.at, now)
    level = IdentityLevel.L3 if act.status is BiometricStatus.CAPTURED else case.identity_level
    decided = Decided(case=case).moved(
        Step.TAKE_BIOMETRICS, at=act.at, reason=act.status, biometric_status=act.status, identity_level=level
    )
    return _told_biometrics(decided, act.status, at=act.at)


def submit(case: Registration, act: Submission, *, by: Acting, now: datetime, reference: Reference) -> Decided:
    """The counter has entered everything it has; the section head decides."""
    if case.released_at is None and not seen_outside(case, reference) and TRANSITIONS.allows(case.status, Step.SUBMIT):
        raise NotYetReleased
    lacking = tuple(f"{FILE_PREFIX}{file}" for file in SubmittedFile if file not in act.files)
    chased = (*(code for code in case.missing if not code.startswith(FILE_PREFIX)), *lacking)
    decided = Decided(case=case).moved(
        Step.SUBMIT,
        at=now,
        reason=act.note,
        documents=act.document_ids,
        submitted=Submitted(by=by.id, at=now),
        missing=chased,
    )
    return decided.said(RegistrationSubmitted.model_validate(case.about() | {"submitted_at": now}))


def register_on_approval(case: Registration, act: Approval, *, by: Acting, reference: Reference) -> Register:
    """The register that the client will stand in, if this section head may approve now."""
    _check_section(case, by)
    TRANSITIONS.move(case.status, Step.APPROVE)
    if case.submitted is not None and case.submitted.by == by.id:
        raise SubmitterMayNotApprove
    if act.officer is not None:
        officer = reference.officers.get(act.officer)
        fits = officer is not None and officer.role is Role.PROBATION_OFFICER
        if officer is None or not fits or (case.juvenile and not officer.child_certified):
            raise OfficerNotAvailable
    person = case.person
    return reference.register_for(person.release_type if person is not None else None, juvenile=case.juvenile)


def approve(case: Registration, act: Approval, entry: Entry, *, by: Acting, now: datetime) -> Decided:
    """The section head approves: the client is registered and has a number in the same moment."""
    registered = Registered(
        register_code=entry.register,
        register_no=entry.number,
        unit=entry.unit,
        year=entry.year,
        seq=entry.seq,
        at=now,
        by=by.id,
    )
    decided = Decided(case=case).moved(
        Step.APPROVE, at=now, registered=registered, officer=act.officer or case.officer, submission_from=None
    )
    person = case.person
    said = {
        "register_code": registered.register_code,
        "register_no": registered.register_no,
        "registered_at": now,
        "release_type": person.release_type if person is not None else None,
        "guidance_from": person.guidance_from if person is not None else None,
        "guidance_until": person.guidance_until if person is not None else None,
    }
    return decided.said(ClientRegistered.model_validate(decided.case.about() | said))


def give_back(case: Registration, act: Return, *, by: Acting, now: datetime) -> Decided:
    """The section head returns it with a reason, or believes the officer in a conflict: time to submit runs anew."""
    _check_section(case, by)
    decided = Decided(case=case).moved(
        Step.RETURN, at=now, reason=act.reason, submitted=None, submission_from=now, submission_overdue=False
    )
    return decided.said(RegistrationReturned.model_validate(case.about() | {"returned_at": now}))


def refuse(case: Registration, act: Refusal, *, by: Acting, now: datetime, reference: Reference) -> Decided:
    """The section head refuses; the case goes to another office or ends."""
    _check_section(case, by)
    if (act.transfer is None) is (act.closure is None):
        raise RefusalNamesOneWay
    then = RefusalFollowUp.TRANSFER if act.transfer is not None else RefusalFollowUp.CLOSURE
    refused = RegistrationRefused.model_validate(case.about() | {"then": then, "refused_at": now})
    if act.transfer is not None:
        decided, step = Decided(case=case), Step.REFUSE_FOR_TRANSFER
        return _handed_on(decided, step, act.transfer, now=now, reference=reference, first=(refused,))
    if act.closure is None:
        raise RefusalNamesOneWay
    return _closed(Decided(case=case), Step.REFUSE_FOR_CLOSURE, act.closure, now=now, first=(refused,))


def hand_on(case: Registration, act: HandOn, *, by: Acting, now: datetime, reference: Reference) -> Decided:
    """Another office has accepted the client: our clocks stop."""
    _check_section_or_head(case, by)
    return _handed_on(Decided(case=case), Step.HAND_ON, act, now=now, reference=reference)


def close(case: Registration, act: Closing, *, by: Acting, now: datetime) -> Decided:
    """The case ends for good, on evidence, from any state; all its clocks stop."""
    _check_section_or_head(case, by)
    return _closed(Decided(case=case), Step.CLOSE, act, now=now)


def _met(case: Registration, act: FirstContact, *, by: Acting, slip_code: str, reference: Reference) -> Decided:
    contact = Contact(
        at=act.contact_at,
        method=act.method,
        by=by.id,
        by_role=by.role,
        slip_code=slip_code,
        visit_at=act.visit_at or clocks.usual_visit(case, act.contact_at, reference),
        visit_unit=act.visit_unit or case.guidance_unit or case.receiving_unit,
    )
    outside = met_outside(contact, case, reference)
    # Before the gate the time to submit does not run yet: the papers come with the release.
    start = max(act.contact_at, case.released_at or act.contact_at)
    level = _level_of(act)
    # Against the prison's word the time to decide runs wherever the person was seen.
    runs = outside or case.released_at is not None or TRANSITIONS.move(case.status, Step.MEET) is Status.CONFLICT
    decided = Decided(case=case).moved(
        Step.MEET,
        at=act.contact_at,
        reason=_with_note(act.method, act.note),
        contact=contact,
        identity_level=level,
        biometric_status=act.biometric_status,
        submission_from=start if runs else None,
        submission_overdue=False,
        tracing=None,
        closure=None,
    )
    said = {
        "contact_at": act.contact_at,
        "method": act.method,
        "identity_level": level,
        "by_role": by.role,
        "before_gate": not outside,
    }
    decided = decided.said(FirstContactMade.model_validate(case.about() | said))
    if act.biometric_status is not None:
        decided = _told_biometrics(decided, act.biometric_status, at=act.contact_at)
    if decided.case.status is Status.CONFLICT and case.taken_back_by is not None:
        said = {"reason": case.taken_back_by.reason}
        decided = decided.said(RegistrationConflict.model_validate(case.about() | said))
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


def _handed_on(
    decided: Decided,
    step: Step,
    act: HandOn,
    *,
    now: datetime,
    reference: Reference,
    first: tuple[RegistrationRefused, ...] = (),
) -> Decided:
    # Our clocks run until the other office accepts: a date to come would stop them before.
    if act.accepted_on > local_date(now, reference.zone):
        raise InTheFuture
    decided = decided.moved(
        step,
        at=now,
        reason=_with_note(f"accepted on {act.accepted_on.isoformat()}", act.reason),
        documents=(act.acceptance_no,),
        handed_on_to=act.to_office,
    )
    said = {"to_office": act.to_office, "handed_on_at": now}
    return decided.said(*first, ClientHandedOn.model_validate(decided.case.about() | said))


def _closed(
    decided: Decided, step: Step, act: Closing, *, now: datetime, first: tuple[RegistrationRefused, ...] = ()
) -> Decided:
    closure = Closure(reason=act.reason, at=now, evidence=act.evidence, document_id=act.document_id, note=act.note)
    documents = (act.document_id,) if act.document_id is not None else ()
    reason = _with_note(act.reason, act.note)
    decided = decided.moved(step, at=now, reason=reason, documents=documents, closure=closure)
    said = {"reason": act.reason, "closed_at": now, "evidence": act.evidence}
    return decided.said(*first, RegistrationClosed.model_validate(decided.case.about() | said))


def _with_note(words: str, note: str | None) -> str:
    return words if note is None else f"{words}: {note}"


def _check_past(instant: datetime, now: datetime) -> None:
    if instant > now + CLOCK_SKEW:
        raise InTheFuture


def _check_section(case: Registration, by: Acting) -> None:
    wanted = Role.SECTION_HEAD_CHILD if case.juvenile else Role.SECTION_HEAD_ADULT
    if by.role is not wanted:
        raise NotYourSection


def _check_section_or_head(case: Registration, by: Acting) -> None:
    if by.role is not Role.HEAD:
        _check_section(case, by)
