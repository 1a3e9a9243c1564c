"""What a prison says of a request: asked, corrected, taken back, and what its decree came to; in any order.

The latest request and withdrawal by revision are kept beside each other; which of them stands is decided from both.
"""

import unicodedata
from dataclasses import replace
from datetime import datetime
from typing import Final

from chassis.rules.refusal import Irrelevant, Refused
from contracts.lapas import DecreeIssued, Inquiry, LitmasRequested, LitmasRequestWithdrawn, litmas_id_of
from contracts.litmas import (
    CancelledFor,
    LitmasCancelled,
    LitmasReceived,
    LitmasReturnedIncomplete,
    Outcome,
    OutcomeRecorded,
)
from contracts.reference import Reference
from services.litmas.reintegration.domain import attachments
from services.litmas.reintegration.domain.acts import SendBack
from services.litmas.reintegration.domain.case import Board, Ending, Litmas, Result
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import FIXED, OUT, Status, Step

BY_PRISON: Final = "prison"


class ChildrenHaveTheirOwnReports(Refused):
    """This concerns a child, whose report has a workflow, a clock and a register of its own."""


class AskedElsewhere(Refused):
    """Another prison asked under this request_id; only that one can correct it or take it back."""


class AnotherPersonUnderThisId(Refused):
    """This request_id was used for another person; ask for this one under an id of its own."""


class AlreadyKnown(Irrelevant):
    """This revision is known already."""


class OtherContentOfAKnownRevision(Irrelevant):
    """This revision was told before with other content; a correction carries a higher revision."""


class OlderRevision(Irrelevant):
    """A later revision is known already."""


class CaseIsOver(Irrelevant):
    """The office has ended this report; what the prison says changes nothing in it."""


class ReportIsOut(Irrelevant):
    """The report is signed: what comes now can only be an addendum."""


class NoReportOfOurs(Irrelevant):
    """This decree answers no report of ours."""


def receive(known: Litmas | None, event: LitmasRequested, *, now: datetime, reference: Reference) -> Decided:
    """A prison asks, or corrects what it asked; papers that its list demands and that are missing send it back."""
    if event.is_juvenile:
        raise ChildrenHaveTheirOwnReports
    if known is None:
        return _opened(_first(event, now=now, reference=reference), event, now=now)
    _check_news(known, event, known.request)
    if known.status in FIXED:
        raise ReportIsOut
    lacking = () if known.request is None else tuple(kind for kind in known.lacking if kind not in _brought(event))
    case = replace(known, request=event, lacking=lacking, missing=_missing(event, lacking))
    if known.status is Status.CANCELLED:
        return _after_withdrawal(case, event, now=now)
    return _corrected(Decided(case=case), known, now=now)


def withdraw(known: Litmas | None, event: LitmasRequestWithdrawn, *, now: datetime, reference: Reference) -> Decided:
    """A prison takes its request back, at any time before it has the report, and also before we heard of it."""
    if event.is_juvenile:
        raise ChildrenHaveTheirOwnReports
    if known is None:
        case = replace(_first(event, now=now, reference=reference), withdrawal=event, ending=_ending(event))
        decided = Decided.begun(case, Step.WITHDRAW_UNSEEN, at=event.withdrawn_at, reason=event.reason)
        return replace(decided, note="remembered for its request")
    _check_news(known, event, known.withdrawal)
    if known.request is not None and event.revision < known.request.revision:
        raise OlderRevision
    if known.status in OUT:
        raise ReportIsOut
    if known.ending is not None and known.ending.by_prison:
        # Taken back twice: the later word is kept, for a request in between must not ask anew.
        return Decided(case=replace(known, withdrawal=event)).moved(Step.CORRECT, at=now, ending=_ending(event))
    if known.status in (Status.CANCELLED, Status.CLOSED_REJECTED):
        raise CaseIsOver
    decided = Decided(case=replace(known, withdrawal=event))
    decided = decided.moved(
        Step.WITHDRAW, at=event.withdrawn_at, reason=event.reason, ending=_ending(event), missing=(), lacking=()
    )
    reason = CancelledFor.said_by_prison(event.reason)
    return decided.said(LitmasCancelled, reason=reason, cancelled_at=event.withdrawn_at)


def send_back(case: Litmas, act: SendBack, *, now: datetime) -> Decided:
    """The counter looked and found that something is missing: the prison is told what."""
    missing = tuple(dict.fromkeys((*case.missing, *act.missing)))
    decided = Decided(case=case).moved(
        Step.SEND_BACK, at=now, reason=act.reason, missing=missing, lacking=tuple(act.missing)
    )
    return decided.said(LitmasReturnedIncomplete, facility=case.facility, missing=missing, returned_at=now)


def hear_decree(known: Litmas | None, event: DecreeIssued, *, now: datetime) -> Decided:
    """A decree says what became of the proposal; it stands above whatever somebody entered."""
    if known is None or known.request is None:
        raise NoReportOfOurs
    if known.facility != event.facility:
        raise AskedElsewhere
    if known.decree is not None and event.revision <= known.decree.revision:
        raise AlreadyKnown if event == known.decree else OlderRevision
    outcome = Outcome.of_decree(event.outcome)
    decided = Decided(case=replace(known, decree=event)).moved(
        Step.RECORD_OUTCOME, at=now, reason=outcome, result=Result(outcome=outcome, at=now)
    )
    return decided.said(OutcomeRecorded, outcome=outcome, recorded_at=now)


def letter_key(facility: str, prison_register_no: str | None, letter_no: str) -> str | None:
    """One letter about one person, however it is spelt; without a register number nobody can tell."""
    if prison_register_no is None:
        return None
    parts = (facility, prison_register_no, letter_no)
    return "|".join("".join(unicodedata.normalize("NFKC", part).split()).upper() for part in parts)


def _first(event: Inquiry, *, now: datetime, reference: Reference) -> Litmas:
    request_id = event.subject
    received = event.received_at if isinstance(event, LitmasRequested) else None
    return Litmas(
        litmas_id=litmas_id_of(request_id),
        request_id=request_id,
        status=Status.REQUEST_RECEIVED,
        unit=reference.receiving_unit(event.facility),
        facility=event.facility,
        # A letter cannot lie here before it is written, and a clock of a prison may be wrong.
        received_at=min(received or now, now),
    )


def _opened(case: Litmas, event: LitmasRequested, *, now: datetime) -> Decided:
    missing = _missing(event, ())
    case = replace(case, request=event, missing=missing)
    step = Step.RECEIVE_INCOMPLETE if missing else Step.RECEIVE
    decided = Decided.begun(case, step, at=case.received_at)
    return _told_missing(decided, now=now) if missing else _told_received(decided)


def _corrected(decided: Decided, known: Litmas, *, now: datetime) -> Decided:
    missing = decided.case.missing
    if known.status is Status.RETURNED_INCOMPLETE and not missing:
        # The head's time begins when the head has something to dispose of.
        return _told_received(decided.moved(Step.COMPLETE, at=now, received_at=now))
    if known.status is Status.REQUEST_RECEIVED and missing:
        return _told_missing(decided.moved(Step.SEND_BACK, at=now), now=now)
    decided = decided.moved(Step.CORRECT, at=now)
    return _told_missing(decided, now=now) if known.status is Status.RETURNED_INCOMPLETE else decided


def _after_withdrawal(case: Litmas, event: LitmasRequested, *, now: datetime) -> Decided:
    """A request that is newer than the withdrawal is asked anew; an older one was taken back before it came."""
    if case.ending is None or not case.ending.by_prison or case.withdrawal is None:
        raise CaseIsOver
    if case.withdrawal.revision >= event.revision:
        return replace(Decided(case=case).moved(Step.CORRECT, at=now), note="taken back by a withdrawal")
    afresh = Litmas(
        litmas_id=case.litmas_id,
        request_id=case.request_id,
        status=case.status,
        unit=case.unit,
        facility=case.facility,
        received_at=min(event.received_at or now, now),
        request=event,
        withdrawal=case.withdrawal,
        missing=case.missing,
        authors=case.authors,
        board=Board(submission=case.board.submission),
        revision=case.revision,
        edition=case.edition,
        sequence=case.sequence,
        decree=case.decree,
        result=case.result,
    )
    decided = Decided(case=afresh).moved(Step.ASK_AGAIN, at=now)
    if afresh.missing:
        return _told_missing(decided.moved(Step.SEND_BACK, at=now), now=now)
    return _told_received(decided)


def _check_news(known: Litmas, event: Inquiry, last: Inquiry | None) -> None:
    """Stop at what is known already, and at whoever speaks of something else."""
    if known.facility != event.facility:
        raise AskedElsewhere
    told = known.request or known.withdrawal
    numbers = {each.prison_register_no for each in (told, event) if each is not None and each.prison_register_no}
    if len({"".join(number.split()).upper() for number in numbers}) > 1:
        raise AnotherPersonUnderThisId
    if last is None or event.revision > last.revision:
        return
    if event.revision < last.revision:
        raise OlderRevision
    raise AlreadyKnown if event == last else OtherContentOfAKnownRevision


def _missing(event: LitmasRequested, lacking: tuple[str, ...]) -> tuple[str, ...]:
    listed = attachments.missing(event.programmes, _brought(event))
    return tuple(dict.fromkeys((*listed, *lacking)))


def _brought(event: LitmasRequested) -> frozenset[str]:
    return frozenset(attachment.kind for attachment in event.attachments)


def _ending(event: LitmasRequestWithdrawn) -> Ending:
    reason = CancelledFor.said_by_prison(event.reason)
    return Ending(by=BY_PRISON, at=event.withdrawn_at, reason=reason, by_prison=True)


def _told_received(decided: Decided) -> Decided:
    case = decided.case
    return decided.said(
        LitmasReceived,
        facility=case.facility,
        programmes=case.programmes,
        received_at=case.received_at,
        delegated=case.letter.delegated_by is not None,
        revision=min(case.letter.revision, 1_000),
    )


def _told_missing(decided: Decided, *, now: datetime) -> Decided:
    case = decided.case
    return decided.said(LitmasReturnedIncomplete, facility=case.facility, missing=case.missing, returned_at=now)
