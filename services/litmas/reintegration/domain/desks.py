"""What the desks do with a finished draft: number, initial, return, sign, deliver, archive; and what ends a report.

Whoever was ever its author does none of it: author, checker and signer are different people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.rules.refusal import Refused
from chassis.rules.registers import Entry, Line
from contracts.inquiries import Programme
from contracts.litmas import (
    AddendumIssued,
    Desk,
    LitmasApproved,
    LitmasArchived,
    LitmasCancelled,
    LitmasDelivered,
    LitmasInitialed,
    LitmasNumbered,
    LitmasReturned,
    LitmasSigned,
    LitmasSubmittedToBoard,
    OutcomeRecorded,
)
from contracts.reference import Holds, Reference
from contracts.roles import Role
from contracts.tpp import Decision
from services.litmas.reintegration.domain.acts import (
    Archive,
    Cancel,
    CheckItem,
    Deliver,
    Initial,
    Number,
    RecordOutcome,
    Resubmit,
    ReturnDraft,
    Sign,
)
from services.litmas.reintegration.domain.case import (
    Acting,
    Archiving,
    Board,
    Delivery,
    Done,
    Ending,
    Litmas,
    Numbered,
    Result,
    Signature,
)
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import TRANSITIONS, Status, Step

KINDS: Final[Mapping[Programme, str]] = {
    Programme.CONDITIONAL_RELEASE: "PB",
    Programme.CONDITIONAL_LEAVE: "CB",
    Programme.PRE_RELEASE_LEAVE: "CMB",
    Programme.FAMILY_VISIT_LEAVE: "CMK",
    Programme.ASSIMILATION: "ASM",
}
"""How the number of a report names its programme; the others stand as `LN` (*lainnya*)."""
REGISTER_CODES: Final[Mapping[Programme, str]] = {
    Programme.ADULT_COURT: "VIII.A",
    Programme.DETENTION_CARE: "VIII.B",
    Programme.INITIAL_PROGRAMME: "VIII.C",
    Programme.ASSIMILATION: "VIII.D",
    Programme.CONDITIONAL_LEAVE: "VIII.E",
    Programme.PRE_RELEASE_LEAVE: "VIII.F",
    Programme.CONDITIONAL_RELEASE: "VIII.G",
}
"""Chapter and letter of the register in practice elsewhere; for the others none was found."""
CHECKER_OF: Final[Mapping[Status, tuple[Role, Desk]]] = {
    Status.DRAFTED: (Role.REGISTRAR_HEAD, Desk.REGISTRAR),
    Status.NUMBERED_CHECKED: (Role.SECTION_HEAD_ADULT, Desk.SECTION_HEAD),
}


class AuthorChecksNothing(Refused):
    """The author of a report neither checks nor initials nor signs it."""


class CheckIncomplete(Refused):
    """A report gets its number when everything of the administrative check is in order."""


class AnotherRevision(Refused):
    """The report was revised since you read it: read the current revision, then sign."""


class ReportNotHere(Refused):
    """The report does not lie on your desk."""


class DeliveredWhen(Refused):
    """A report is delivered after it was signed, and not in days to come."""


class OutcomeKnown(Refused):
    """A decree says what became of the proposal; nobody's word stands against it."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """The report as a document: where it lies, and what it is known by."""

    reference: str
    sha256: str


def number_line(case: Litmas, act: Number, *, by: Acting, reference: Reference) -> Line:
    """The line of the report in its register, once the administrative check is complete."""
    not_the_author(case, by)
    TRANSITIONS.move(case.status, Step.NUMBER)
    missing = sorted(set(CheckItem) - act.checked)
    if missing:
        raise CheckIncomplete(f"a report gets its number when all is in order; not checked: {', '.join(missing)}")
    register = reference.register_of(Holds.LITMAS, juvenile=False)
    first = case.programmes[0]
    return Line(
        register=register.code,
        kind=KINDS.get(first, register.kind),
        unit=case.unit,
        subject=case.litmas_id,
        template=register.template,
        reg_code=REGISTER_CODES.get(first, ""),
    )


def number(case: Litmas, entry: Entry, *, by: Acting, now: datetime) -> Decided:
    """The registrar numbers the report; one that comes back keeps the number it has."""
    numbered = case.numbered or Numbered(
        by=by.id,
        at=now,
        register_code=entry.register,
        register_no=entry.number,
        unit=entry.unit,
        year=entry.year,
        seq=entry.seq,
    )
    decided = Decided(case=case).moved(Step.NUMBER, at=now, documents=(entry.number,), numbered=numbered)
    return decided.said(
        LitmasNumbered,
        register_code=numbered.register_code,
        register_no=numbered.register_no,
        revision=case.revision,
        numbered_at=now,
    )


def return_draft(case: Litmas, act: ReturnDraft, *, by: Acting, now: datetime) -> Decided:
    """A desk gives the report back to its author, who keeps the number and makes another revision."""
    not_the_author(case, by)
    TRANSITIONS.move(case.status, Step.RETURN_DRAFT)
    role, desk = CHECKER_OF[case.status]
    registrars = (Role.REGISTRAR, Role.REGISTRAR_HEAD)
    if by.role is not role and not (desk is Desk.REGISTRAR and by.role in registrars):
        raise ReportNotHere
    decided = Decided(case=case).moved(Step.RETURN_DRAFT, at=now, reason=act.reason, initialed=None)
    return decided.said(LitmasReturned, by=desk, reason=act.code, revision=case.revision, returned_at=now)


def initial(case: Litmas, act: Initial, paper: Paper, *, by: Acting, now: datetime) -> Decided:
    """The section head initials; the report goes to the team, or past it when the team has approved it already."""
    not_the_author(case, by)
    decided = Decided(case=case).moved(Step.INITIAL, at=now, reason=act.note, initialed=Done(by=by.id, at=now))
    decided = decided.said(LitmasInitialed, revision=case.revision, initialed_at=now)
    if case.board.approved_with_revision:
        decided = decided.moved(Step.GO_PAST_BOARD, at=now, board=_on_paper(case, paper))
        return decided.said(LitmasApproved, submission=case.board.submission, approved_at=now)
    return submit_to_board(decided, paper, Step.SUBMIT_TO_BOARD, now=now)


def resubmit(case: Litmas, act: Resubmit, *, by: Acting, now: datetime) -> Decided:
    """What the team wanted to know is at hand: the same revision is to be heard again."""
    not_the_author(case, by)
    return submit_to_board(Decided(case=case), _paper_of(case), Step.SUBMIT_TO_BOARD, now=now, reason=act.note)


def submit_to_board(decided: Decided, paper: Paper, step: Step, *, now: datetime, reason: str | None = None) -> Decided:
    """The report goes before the team, once more or for the first time."""
    case = decided.case
    assessed, disposition = case.assessed, case.disposition
    if assessed is None or disposition is None or case.officer is None:
        message = "before the team without an assessment, a disposition or an author"
        raise AssertionError(message)
    board = case.board.model_copy(
        update={
            "submission": case.board.submission + 1,
            "revision": case.revision,
            "reference": paper.reference,
            "report_hash": paper.sha256,
            "submitted_at": now,
            "rehear_by": None,
            "approved_with_revision": False,
        }
    )
    decided = decided.moved(step, at=now, reason=reason, board=board)
    return decided.said(
        LitmasSubmittedToBoard,
        submission=board.submission,
        revision=case.revision,
        report_reference=paper.reference,
        report_hash=paper.sha256,
        author=case.officer,
        facility=case.facility,
        programmes=case.programmes,
        risk_band=assessed.risk_band,
        track=disposition.track,
        needed_on=case.letter.needed_on,
        refused_before=any(each.decision is Decision.REJECT for each in case.board.decisions),
        submitted_at=now,
    )


def may_be_initialed(case: Litmas) -> bool:
    """Whether the report waits for the section head's initials: only then is it set for the team."""
    return TRANSITIONS.allows(case.status, Step.INITIAL)


def may_be_signed(case: Litmas, act: Sign) -> bool:
    """Whether this revision waits for the head's signature: only then is it set."""
    return TRANSITIONS.allows(case.status, Step.SIGN) and act.revision == case.revision


def sign(case: Litmas, act: Sign, paper: Paper, *, token: str, by: Acting, now: datetime) -> Decided:
    """The head signs what was read; from now on nothing in it changes."""
    not_the_author(case, by)
    TRANSITIONS.move(case.status, Step.SIGN)
    if act.revision != case.revision:
        raise AnotherRevision
    number = _number_of(case)
    signature = Signature(
        by=by.id,
        at=now,
        revision=case.revision,
        reference=paper.reference,
        report_hash=paper.sha256,
        token=token,
    )
    decided = Decided(case=case).moved(Step.SIGN, at=now, documents=(number,), signature=signature)
    return decided.said(
        LitmasSigned,
        register_no=number,
        revision=case.revision,
        report_reference=paper.reference,
        report_hash=paper.sha256,
        signed_at=now,
    )


def deliver(case: Litmas, act: Deliver, *, by: Acting, now: datetime) -> Decided:
    """The prison has the report, and the directorate a copy."""
    TRANSITIONS.move(case.status, Step.DELIVER)
    if not _signed(case).at <= act.delivered_at <= now:
        raise DeliveredWhen
    said = act.model_dump(exclude={"delivered_at"})
    decided = Decided(case=case).moved(
        Step.DELIVER,
        at=act.delivered_at,
        documents=(act.receipt,),
        delivery=Delivery(by=by.id, at=act.delivered_at, **said),
    )
    return decided.said(
        LitmasDelivered,
        facility=case.facility,
        report_hash=_signed(case).report_hash,
        delivered_at=act.delivered_at,
    )


def archive(case: Litmas, act: Archive, *, by: Acting, now: datetime) -> Decided:
    """The report lies in the archive; what becomes of the proposal stays open."""
    decided = Decided(case=case).moved(
        Step.ARCHIVE,
        at=now,
        documents=(act.code,),
        archiving=Archiving(by=by.id, at=now, code=act.code, retention=act.retention),
    )
    return decided.said(
        LitmasArchived,
        register_no=_number_of(case),
        archive_code=act.code,
        report_hash=_signed(case).report_hash,
        archived_at=now,
    )


def cancel(case: Litmas, act: Cancel, *, by: Acting, now: datetime) -> Decided:
    """The report is no longer needed; its number, if it has one, stays void in the register."""
    ending = Ending(by=by.id, at=now, reason=act.reason)
    decided = Decided(case=case).moved(Step.CANCEL, at=now, reason=act.note or act.reason, ending=ending)
    return decided.said(LitmasCancelled, reason=act.reason, cancelled_at=now)


def add(case: Litmas, paper: Paper, *, reason: str, now: datetime) -> Decided:
    """Something is added to a report that is out, which itself stays as it was signed."""
    addendum = case.addenda + 1
    decided = Decided(case=case).moved(Step.ADD, at=now, reason=reason, addenda=addendum)
    return decided.said(
        AddendumIssued,
        addendum=addendum,
        report_reference=paper.reference,
        report_hash=paper.sha256,
        issued_at=now,
    )


def record_outcome(case: Litmas, act: RecordOutcome, *, now: datetime) -> Decided:
    """Somebody learnt what became of the proposal."""
    if case.decree is not None:
        raise OutcomeKnown
    documents = () if act.decree_no is None else (act.decree_no,)
    decided = Decided(case=case).moved(
        Step.RECORD_OUTCOME, at=now, reason=act.outcome, documents=documents, result=Result(outcome=act.outcome, at=now)
    )
    return decided.said(OutcomeRecorded, outcome=act.outcome, recorded_at=now)


def not_the_author(case: Litmas, by: Acting) -> None:
    """Refuse whoever was ever the author of this report."""
    if by.id in case.authors:
        raise AuthorChecksNothing


def _paper_of(case: Litmas) -> Paper:
    board = case.board
    if board.reference is None or board.report_hash is None:
        message = "heard without a document"
        raise AssertionError(message)
    return Paper(reference=board.reference, sha256=board.report_hash)


def _on_paper(case: Litmas, paper: Paper) -> Board:
    return case.board.model_copy(
        update={"revision": case.revision, "reference": paper.reference, "report_hash": paper.sha256}
    )


def _number_of(case: Litmas) -> str:
    if case.numbered is None:
        message = "a report without a number came past the registrar"
        raise AssertionError(message)
    return case.numbered.register_no


def _signed(case: Litmas) -> Signature:
    if case.signature is None:
        message = "a report without a signature was sent out"
        raise AssertionError(message)
    return case.signature
