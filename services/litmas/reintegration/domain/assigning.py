"""Who makes the report: the head's disposition, the letter of assignment, and whom the system proposes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from chassis.rules.refusal import Refused
from chassis.rules.registers import Entry, Line
from contracts.litmas import AssignmentIssued, LitmasDisposed
from contracts.reference import Holds, Officer, Reference
from contracts.reference.models import Grade
from contracts.roles import Role
from services.litmas.reintegration.domain.acts import Assign, Dispose
from services.litmas.reintegration.domain.case import Acting, Assignment, Disposition, Litmas
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.states import TRANSITIONS, Step

SENIORITY: Final[Mapping[Grade, int]] = {
    Grade.AHLI_UTAMA: 0,
    Grade.AHLI_MADYA: 1,
    Grade.AHLI_MUDA: 2,
    Grade.AHLI_PERTAMA: 3,
}


class AnotherOfficerMeanwhile(Refused):
    """Somebody else has the report than was expected: look again before you give it away."""


class NotAnOfficer(Refused):
    """A report is made by a probation officer of this office, with an assistant officer if there is one."""


class SameOfficer(Refused):
    """The report is with this officer already."""


class ReasonMissing(Refused):
    """Taking a report from an officer needs a reason."""


class PeriodBackwards(Refused):
    """A letter of assignment ends on or after the day on which it begins."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An officer who could make the report: how far away, how busy, how senior."""

    officer: str
    unit: str
    grade: Grade | None
    open_reports: int
    distance: int
    """0 at the place, 1 from the head office, 2 from another outpost."""


def dispose(case: Litmas, act: Dispose, *, by: Acting, now: datetime) -> Decided:
    """The head sends the request to the section for adults."""
    disposition = Disposition(
        by=by.id, at=now, section=Role.SECTION_HEAD_ADULT, track=act.track, instruction=act.instruction
    )
    decided = Decided(case=case).moved(Step.DISPOSE, at=now, reason=act.instruction, disposition=disposition)
    return decided.said(LitmasDisposed, section=disposition.section, track=act.track, disposed_at=now)


def step_of(case: Litmas) -> Step:
    """A first assignment, or one that takes the place of another."""
    return Step.ASSIGN if case.assignment is None else Step.REASSIGN


def order_line(case: Litmas, act: Assign, *, reference: Reference) -> Line:
    """The line of the letter of assignment in its register; every letter is one, also the second of a report."""
    check(case, act, reference=reference)
    register = reference.register_of(Holds.LITMAS_ORDERS, juvenile=False)
    return Line(
        register=register.code,
        kind=register.kind,
        unit=case.unit,
        subject=_letter_id(case),
        template=register.template,
    )


def check(case: Litmas, act: Assign, *, reference: Reference) -> None:
    """Refuse an assignment that was meant for another situation, or for nobody who makes reports."""
    TRANSITIONS.move(case.status, step_of(case))
    if act.expected_officer != case.officer:
        raise AnotherOfficerMeanwhile
    officer, assistant = reference.officers.get(act.officer), reference.officers.get(act.assistant or "")
    if officer is None or officer.role is not Role.PROBATION_OFFICER:
        raise NotAnOfficer
    if act.assistant is not None and (assistant is None or assistant.role is not Role.ASSISTANT_OFFICER):
        raise NotAnOfficer
    if act.valid_until < act.valid_from:
        raise PeriodBackwards
    if case.assignment is not None and act.officer == case.officer and act.assistant == case.assignment.assistant:
        raise SameOfficer
    if case.assignment is not None and act.reason is None:
        raise ReasonMissing


def assign(case: Litmas, act: Assign, entry: Entry, *, by: Acting, now: datetime) -> Decided:
    """The section head issues the letter of assignment; a second one takes the place of the first."""
    assignment = Assignment(
        by=by.id,
        at=now,
        number=entry.number,
        officer=act.officer,
        assistant=act.assistant,
        place=act.place,
        valid_from=act.valid_from,
        valid_until=act.valid_until,
    )
    before = case.officer
    decided = Decided(case=case).moved(
        step_of(case),
        at=now,
        reason=act.reason,
        documents=(entry.number,),
        assignment=assignment,
        authors=tuple(dict.fromkeys((*case.authors, act.officer))),
    )
    return decided.said(
        AssignmentIssued,
        assignment_no=entry.number,
        assistant=act.assistant,
        previous_officer=before,
        issued_at=now,
    )


def proposed(case: Litmas, open_reports: Mapping[str, int], *, reference: Reference) -> Sequence[Candidate]:
    """Who could make the report, best first: at the place, with the fewest open reports, the senior of two equals."""
    officers = (each for each in reference.officers.values() if each.role is Role.PROBATION_OFFICER)
    return sorted(_candidates(case, officers, open_reports, head_office=reference.head_office.code), key=_rank)


def _candidates(
    case: Litmas, officers: Iterable[Officer], open_reports: Mapping[str, int], *, head_office: str
) -> Iterable[Candidate]:
    for officer in officers:
        near = {case.unit: 0, head_office: 1}
        yield Candidate(
            officer=officer.code,
            unit=officer.unit,
            grade=officer.grade,
            open_reports=open_reports.get(officer.code, 0),
            distance=0 if officer.unit == case.unit else near.get(officer.unit, 2),
        )


def _rank(candidate: Candidate) -> tuple[int, int, int, str]:
    seniority = len(SENIORITY) if candidate.grade is None else SENIORITY.get(candidate.grade, len(SENIORITY))
    return (candidate.distance, candidate.open_reports, seniority, candidate.officer)


def _letter_id(case: Litmas) -> UUID:
    """The second letter of a report is another matter than the first, and follows from which one it is."""
    letter = "first" if case.assignment is None else case.assignment.number
    return uuid5(case.litmas_id, f"assignment after {letter}")
