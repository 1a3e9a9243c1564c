"""What desks see of a report: states and clocks for the office, the person and the text for those who work on it.

Of a report's text: its author, the section head and the head (S2); the registrar while the report lies there.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from chassis import audit
from chassis.access import Principal
from chassis.rules.numbering import local_date
from contracts.inquiries import Programme
from contracts.lapas import Attachment
from contracts.litmas import CancelledFor, Desk, HearingTrack, Outcome, RiskBand
from contracts.reference import Reference
from contracts.roles import Role
from contracts.tpp import Decision
from services.litmas.reintegration.domain import clocks
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.eligibility import Verdict, advised
from services.litmas.reintegration.domain.sections import Section, Written, needed, unwritten
from services.litmas.reintegration.domain.states import Status

READS_ALL: Final = frozenset({Role.SECTION_HEAD_ADULT, Role.HEAD})
REGISTRARS: Final = frozenset({Role.REGISTRAR, Role.REGISTRAR_HEAD})
AT_REGISTRAR: Final = (Status.DRAFTED, Status.NUMBERED_CHECKED, Status.SIGNED, Status.DELIVERED)


DESK_OF_ROLE: Final[Mapping[Role, Desk]] = {
    Role.HEAD: Desk.HEAD,
    Role.SECTION_HEAD_ADULT: Desk.SECTION_HEAD,
    Role.REGISTRAR_HEAD: Desk.REGISTRAR,
    Role.REGISTRAR: Desk.REGISTRAR,
    Role.PROBATION_OFFICER: Desk.OFFICER,
    Role.SERVICE_COUNTER: Desk.PRISON,
}
"""What waits for whom; the counter sees what prisons have to complete."""


class Line(BaseModel):
    """A report in an inbox: no name, for an inbox is read over shoulders."""

    litmas_id: UUID
    status: Status
    desk: Desk | None
    unit: str
    facility: str
    programmes: list[Programme]
    officer: str | None
    register_no: str | None
    revision: int
    received_at: datetime
    needed_on: date | None
    waits_since: datetime | None
    due_at: datetime | None = Field(description="When this desk should be done; nothing where no clock of ours runs")
    overdue: bool
    edition: int


class Person(BaseModel):
    """Whom the report is about, as the prison says."""

    name: str
    alias: str | None
    father_name: str | None
    birth_on: date | None
    prison_register_no: str | None
    offence_group: str | None
    register_f: bool | None
    two_thirds_on: date | None
    sentence_ends_on: date | None


class DecisionView(BaseModel):
    """What the team decided about one programme."""

    programme: Programme
    decision: Decision
    conditions: list[str]
    decided_at: datetime


class AdviceView(BaseModel):
    """How a condition of the law looks from the papers; the prison owns the proposal, and nothing is decided by it."""

    programme: Programme
    rule: str
    verdict: Verdict
    source: str


class CaseView(Line):
    """A report, whole but for its text."""

    request_id: str | None
    letter_no: str | None
    person: Person | None = Field(description="Nothing for whoever has nothing to do with the case")
    attachments: list[Attachment]
    missing: list[str]
    advice: list[AdviceView] = Field(description="The conditions of each programme as they look today, advisory")
    track: HearingTrack | None
    instruction: str | None
    assignment_no: str | None
    assistant: str | None
    sessions: int
    refused_sessions: int
    risk_band: RiskBand | None
    needs_band: RiskBand | None
    submission: int
    decisions: list[DecisionView]
    report_hash: str | None
    signed_at: datetime | None
    delivered_at: datetime | None
    archive_code: str | None
    addenda: int
    cancelled_for: CancelledFor | None
    outcome: Outcome | None


class SectionView(BaseModel):
    """A section of the report; edition 0 is one that nobody has written."""

    section: Section
    text: str
    edition: int
    written_by: str | None
    written_at: datetime | None


class ReportText(BaseModel):
    """The sections of a report, in their order, and which are still empty."""

    litmas_id: UUID
    revision: int
    sections: list[SectionView]
    unwritten: list[Section]


class TimelineLine(BaseModel):
    """One thing that happened to a report."""

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


def works_on(caller: Principal, case: Litmas) -> bool:
    """Whether the caller makes, checks or decides this report."""
    assignment = case.assignment
    assigned = assignment is not None and caller.subject in {assignment.officer, assignment.assistant}
    return assigned or bool(caller.roles & (READS_ALL | REGISTRARS))


def may_read_text(caller: Principal, case: Litmas) -> bool:
    """Whether the caller may read what the report says."""
    assignment = case.assignment
    assigned = assignment is not None and caller.subject in {assignment.officer, assignment.assistant}
    checks = bool(caller.roles & REGISTRARS) and case.status in AT_REGISTRAR
    return assigned or checks or bool(caller.roles & READS_ALL)


def line_of(case: Litmas, *, now: datetime, reference: Reference) -> Line:
    """The report as an inbox shows it."""
    return Line(**_line(case, now=now, reference=reference))


def case_view_of(case: Litmas, caller: Principal, *, now: datetime, reference: Reference) -> CaseView:
    """The report as it is shown when it is opened."""
    knows = works_on(caller, case) and case.request is not None
    if knows:
        audit.saw("litmas", [case.litmas_id], ["person"])
    board, collection, assessed = case.board, case.collection, case.assessed
    return CaseView(
        **_line(case, now=now, reference=reference),
        request_id=case.request_id if knows else None,
        letter_no=case.letter.letter_no if knows else None,
        person=_person_of(case) if knows else None,
        attachments=list(case.letter.attachments) if knows else [],
        missing=list(case.missing),
        advice=_advice_of(case, now=now, reference=reference) if knows else [],
        track=case.disposition.track if case.disposition is not None else None,
        instruction=case.disposition.instruction if case.disposition is not None and knows else None,
        assignment_no=case.assignment.number if case.assignment is not None else None,
        assistant=case.assignment.assistant if case.assignment is not None else None,
        sessions=collection.sessions if collection is not None else 0,
        refused_sessions=collection.refused if collection is not None else 0,
        risk_band=assessed.risk_band if assessed is not None and knows else None,
        needs_band=assessed.needs_band if assessed is not None and knows else None,
        submission=board.submission,
        decisions=[
            DecisionView(**each.model_dump(include={"programme", "decision", "conditions", "decided_at"}))
            for each in board.decisions
        ],
        report_hash=case.signature.report_hash if case.signature is not None else board.report_hash,
        signed_at=case.signature.at if case.signature is not None else None,
        delivered_at=case.delivery.at if case.delivery is not None else None,
        archive_code=case.archiving.code if case.archiving is not None else None,
        addenda=case.addenda,
        cancelled_for=case.ending.reason if case.ending is not None else None,
        outcome=case.result.outcome if case.result is not None else None,
    )


def report_text_of(case: Litmas, written: Mapping[Section, Written]) -> ReportText:
    """The sections of the report as they stand."""
    audit.saw("litmas", [case.litmas_id], ["sections"])
    texts = {section: row.text for section, row in written.items()}
    return ReportText(
        litmas_id=case.litmas_id,
        revision=case.revision,
        sections=[_section_of(section, written.get(section)) for section in needed(case.programmes)],
        unwritten=list(unwritten(case, texts)),
    )


def timeline_line_of(row: Mapping[str, Any], *, shows_words: bool) -> TimelineLine:
    """A line of the timeline; what somebody wrote is shown to those who work on the report."""
    fields = dict(row)
    if shows_words and fields["reason"] is not None:
        audit.saw("timeline-entry", [fields["entry_id"]], ["reason"])
    return TimelineLine(**(fields if shows_words else fields | {"reason": None, "document_ids": []}))


def _section_of(section: Section, row: Written | None) -> SectionView:
    if row is None:
        return SectionView(section=section, text="", edition=0, written_by=None, written_at=None)
    return SectionView(
        section=section, text=row.text, edition=row.edition, written_by=row.written_by, written_at=row.written_at
    )


def _line(case: Litmas, *, now: datetime, reference: Reference) -> dict[str, Any]:
    due, row = clocks.due_of(case, reference), clocks.DESKS.get(case.status)
    return {
        "litmas_id": case.litmas_id,
        "status": case.status,
        "desk": row.desk if row is not None else None,
        "unit": case.unit,
        "facility": case.facility,
        "programmes": list(case.programmes),
        "officer": case.officer,
        "register_no": case.numbered.register_no if case.numbered is not None else None,
        "revision": case.revision,
        "received_at": case.received_at,
        "needed_on": case.request.needed_on if case.request is not None else None,
        "waits_since": case.waits_since,
        "due_at": due,
        "overdue": due is not None and due < now,
        "edition": case.edition,
    }


def _advice_of(case: Litmas, *, now: datetime, reference: Reference) -> list[AdviceView]:
    found = advised(case.letter, on=local_date(now, reference.zone))
    return [
        AdviceView(programme=each.programme, rule=each.rule, verdict=each.verdict, source=each.source) for each in found
    ]


def _person_of(case: Litmas) -> Person:
    return Person(**case.letter.model_dump(include=set(Person.model_fields)))
