"""What officers decide about a registration: submit, approve, return, refuse, hand on, close.

Who may act at which door is checked there; whose matter it is, and in which state, is checked here.
"""

from datetime import datetime
from typing import Any

from chassis.rules.numbering import local_date
from chassis.rules.refusal import Refused
from chassis.rules.registers import Entry
from contracts.reference import Reference, Register
from contracts.registration import (
    ClientHandedOn,
    ClientRegistered,
    ClientTransferOffered,
    RefusalFollowUp,
    RegistrationClosed,
    RegistrationRefused,
    RegistrationReturned,
    RegistrationSubmitted,
    TransferOfferEnded,
)
from contracts.roles import Role
from services.registration.domain import clocks
from services.registration.domain.acts import (
    Approval,
    Closing,
    EndOfOffer,
    FilesReceived,
    HandOn,
    OfferTransfer,
    Refusal,
    Return,
    Submission,
    SubmittedFile,
)
from services.registration.domain.case import (
    TRANSITIONS,
    Acting,
    Closure,
    Registered,
    Registration,
    Step,
    Submitted,
    TransferOffer,
)
from services.registration.domain.decided import Decided
from services.registration.domain.meeting import InTheFuture, NotYourSection, with_note
from services.registration.domain.whereabouts import FILE_PREFIX, seen_outside


class SubmitterMayNotApprove(Refused):
    """Who submitted a registration cannot approve it: a second pair of eyes is needed."""


class NotYetReleased(Refused):
    """Nobody has reported the release and nobody has met the person outside: there is nobody to register."""


class RefusalNamesOneWay(Refused):
    """A refusal names a transfer or a closure, and not both."""


class TransferIsOffered(Refused):
    """The client is offered to another office: the offer is ended first, or that office accepts."""


class NoOfferIsOpen(Refused):
    """The client is not offered to any office."""


class OfferedToAnotherOffice(Refused):
    """The client is offered to another office than this one: that offer is ended first."""


class OfficerNotAvailable(Refused):
    """The officer who is to guide is no probation officer of this office, or is not certified for children."""


def prepare(case: Registration, *, now: datetime) -> Decided:
    """The registrar has confirmed what the prison announced."""
    return Decided(case=case).moved(Step.PREPARE, at=now)


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
        files_chased_at=now if lacking else None,
    )
    return decided.said(RegistrationSubmitted.model_validate(case.about() | {"submitted_at": now}))


def register_on_approval(case: Registration, act: Approval, *, by: Acting, reference: Reference) -> Register:
    """The register that the client will stand in, if this section head may approve now."""
    _check_section(case, by)
    TRANSITIONS.move(case.status, Step.APPROVE)
    if case.offer is not None:
        raise TransferIsOffered
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
    if sum(way is not None for way in (act.transfer, act.offer, act.closure)) != 1:
        raise RefusalNamesOneWay
    then = RefusalFollowUp.TRANSFER if act.closure is None else RefusalFollowUp.CLOSURE
    refused = RegistrationRefused.model_validate(case.about() | {"then": then, "refused_at": now})
    if act.transfer is not None:
        decided, step = Decided(case=case), Step.REFUSE_FOR_TRANSFER
        return _handed_on(decided, step, act.transfer, now=now, reference=reference, first=(refused,))
    if act.offer is not None:
        back: dict[str, Any] = {"submitted": None, "submission_from": now, "submission_overdue": False}
        decided = Decided(case=case).moved(Step.REFUSE_FOR_OFFER, at=now, reason=act.reason, **back).said(refused)
        return decided.then(offer_transfer(decided.case, act.offer, by=by, now=now, reference=reference))
    if act.closure is None:
        raise RefusalNamesOneWay
    return _closed(Decided(case=case), Step.REFUSE_FOR_CLOSURE, act.closure, now=now, first=(refused,))


def offer_transfer(
    case: Registration, act: OfferTransfer, *, by: Acting, now: datetime, reference: Reference
) -> Decided:
    """Another office is asked to take the client over; until it accepts every clock of ours runs on."""
    _check_section_or_head(case, by)
    if case.offer is not None:
        raise TransferIsOffered
    due = clocks.answer_due(now, reference)
    offer = TransferOffer(to_office=act.to_office, offered_at=now, answer_due_at=due, by=by.id)
    reason = with_note(f"offered to {act.to_office}", act.reason)
    decided = Decided(case=case).moved(
        Step.OFFER_TRANSFER, at=now, reason=reason, documents=(act.letter_no,), offer=offer
    )
    said = {"to_office": act.to_office, "offered_at": now, "answer_due_at": due}
    return decided.said(ClientTransferOffered.model_validate(case.about() | said))


def end_offer(case: Registration, act: EndOfOffer, *, by: Acting, now: datetime) -> Decided:
    """The client stays ours: in the state that it has come to meanwhile."""
    _check_section_or_head(case, by)
    if case.offer is None:
        raise NoOfferIsOpen
    reason = with_note(act.outcome, act.reason)
    decided = Decided(case=case).moved(Step.END_OFFER, at=now, reason=reason, offer=None)
    said = {"to_office": case.offer.to_office, "outcome": act.outcome, "ended_at": now}
    return decided.said(TransferOfferEnded.model_validate(case.about() | said))


def receive_files(case: Registration, act: FilesReceived, *, now: datetime) -> Decided:
    """Papers that were missing have come: they are not chased any more."""
    come = {f"{FILE_PREFIX}{file}" for file in act.files}
    left = tuple(code for code in case.missing if code not in come)
    chased = case.files_chased_at if any(code.startswith(FILE_PREFIX) for code in left) else None
    reason = ", ".join(sorted(act.files))
    return Decided(case=case).moved(
        Step.RECEIVE_FILES, at=now, reason=reason, documents=act.document_ids, missing=left, files_chased_at=chased
    )


def hand_on(case: Registration, act: HandOn, *, by: Acting, now: datetime, reference: Reference) -> Decided:
    """Another office has accepted the client: our clocks stop."""
    _check_section_or_head(case, by)
    if case.offer is not None and case.offer.to_office != act.to_office:
        raise OfferedToAnotherOffice
    return _handed_on(Decided(case=case), Step.HAND_ON, act, now=now, reference=reference)


def close(case: Registration, act: Closing, *, by: Acting, now: datetime) -> Decided:
    """The case ends for good, on evidence, from any state; all its clocks stop."""
    _check_section_or_head(case, by)
    return _closed(Decided(case=case), Step.CLOSE, act, now=now)


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
        reason=with_note(f"accepted on {act.accepted_on.isoformat()}", act.reason),
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
    reason = with_note(act.reason, act.note)
    decided = decided.moved(step, at=now, reason=reason, documents=documents, closure=closure)
    said = {"reason": act.reason, "closed_at": now, "evidence": act.evidence}
    return decided.said(*first, RegistrationClosed.model_validate(decided.case.about() | said))


def _check_section(case: Registration, by: Acting) -> None:
    wanted = Role.SECTION_HEAD_CHILD if case.juvenile else Role.SECTION_HEAD_ADULT
    if by.role is not wanted:
        raise NotYourSection


def _check_section_or_head(case: Registration, by: Acting) -> None:
    if by.role is not Role.HEAD:
        _check_section(case, by)
