"""A report and the people at its desks, as the examples of the rules need them; times and ids are literals."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from chassis.rules.registers import Entry, Line
from chassis.rules.registers import enter as entered
from contracts.lapas import DecreeIssued, LitmasRequested, LitmasRequestWithdrawn
from contracts.reference import load_reference
from contracts.roles import Role
from contracts.tpp import Decision, TPPDecided
from services.litmas.reintegration.domain import assigning, clocks, desks, field_work, hearing, intake, sections
from services.litmas.reintegration.domain.acts import (
    Analyse,
    Archive,
    Assess,
    Assign,
    CheckItem,
    Deliver,
    Depart,
    Dispose,
    Initial,
    Number,
    Prepare,
    Ready,
    Session,
    Sign,
    SubmitDraft,
)
from services.litmas.reintegration.domain.case import Acting, Litmas, Recommendation
from services.litmas.reintegration.domain.decided import Decided
from services.litmas.reintegration.domain.desks import Paper
from services.litmas.reintegration.domain.sections import Section
from services.litmas.reintegration.domain.states import Status

REFERENCE = load_reference()
MONDAY = datetime(2026, 6, 8, 2, 0, tzinfo=UTC)
"""09:00 in Palembang."""
REQUEST = "LP-TJR.LIT.2026.0118"
HEAD = Acting(id="HEAD-HQ-01", role=Role.HEAD, unit="PLG-HQ")
SECTION_HEAD = Acting(id="SHA-HQ-01", role=Role.SECTION_HEAD_ADULT, unit="PLG-HQ")
REGISTRAR = Acting(id="REGH-HQ-01", role=Role.REGISTRAR_HEAD, unit="PLG-HQ")
OFFICER = Acting(id="PO-TJR-01", role=Role.PROBATION_OFFICER, unit="PLG-TJR")
ASSISTANT = Acting(id="AO-TJR-01", role=Role.ASSISTANT_OFFICER, unit="PLG-TJR")
STRANGER = Acting(id="PO-HQ-03", role=Role.PROBATION_OFFICER, unit="PLG-HQ")
LIST_OF_PAROLE = (
    "JUDGMENT_EXCERPT", "EXECUTION_RECORD", "PROGRAMME_REPORT", "PROSECUTOR_NOTICE", "REGISTER_F", "CHANGE_LIST",
    "STATEMENT", "FAMILY_GUARANTEE",
)  # fmt: skip
HASH = "a" * 64
PAPER = Paper(reference="litmas/report/r1", sha256=HASH)


def later(hours: float) -> datetime:
    """So many hours after Monday morning."""
    return MONDAY + timedelta(hours=hours)


def papers(*kinds: str) -> list[dict[str, Any]]:
    """Attachments of these kinds."""
    return [{"kind": kind, "reference": f"lp-tjr/{kind.lower()}.pdf", "sha256": "b" * 64} for kind in kinds]


def a_request(**said: Any) -> LitmasRequested:
    """A complete request for conditional release."""
    fields: dict[str, Any] = {
        "request_id": REQUEST,
        "facility": "LP-TJR",
        "prison_register_no": "B.I 41/2024",
        "name": "Rahmat Rahasia",
        "sex": "MALE",
        "offence_group": "THEFT",
        "programmes": ["CONDITIONAL_RELEASE"],
        "letter_no": "W6.PAS.PAS.9-PK.04.01-118",
        "attachments": papers(*LIST_OF_PAROLE),
    }
    return LitmasRequested.model_validate(fields | said)


def a_withdrawal(**said: Any) -> LitmasRequestWithdrawn:
    """The request taken back."""
    fields: dict[str, Any] = {
        "request_id": REQUEST, "facility": "LP-TJR", "reason": "MOVED", "withdrawn_at": later(1), "revision": 2,
    }  # fmt: skip
    return LitmasRequestWithdrawn.model_validate(fields | said)


def a_decree(**said: Any) -> DecreeIssued:
    """The proposal was granted."""
    fields: dict[str, Any] = {
        "request_id": REQUEST, "facility": "LP-TJR", "outcome": "GRANTED", "decree_no": "PAS-1204.PK.05.03",
    }  # fmt: skip
    return DecreeIssued.model_validate(fields | said)


def points(total: int, *, items: int = 17) -> list[dict[str, Any]]:
    """Answers of one instrument's part, of which so many carry a point."""
    return [{"item": f"A{n:02}", "points": int(n < total), "evidence": "wawancara dan berkas"} for n in range(items)]


def needs(**scores: int) -> list[dict[str, Any]]:
    """The seven criminogenic factors."""
    factors = ("FAMILY", "EDUCATION_WORK", "SUBSTANCES", "SOCIAL_RELATIONS", "LEISURE", "MONEY", "ANTISOCIAL_ATTITUDE")
    return [{"item": each, "points": scores.get(each, 1), "evidence": "wawancara"} for each in factors]


def an_assignment(**said: Any) -> Assign:
    """The officer at Tanjung Raja gets the report."""
    fields: dict[str, Any] = {
        "officer": OFFICER.id, "assistant": ASSISTANT.id, "place": "LP-TJR",
        "valid_from": date(2026, 6, 8), "valid_until": date(2026, 6, 19),
    }  # fmt: skip
    return Assign.model_validate(fields | said)


def a_session(**said: Any) -> Session:
    """An interview with the person."""
    fields: dict[str, Any] = {
        "method": "INTERVIEW", "informant": "PERSON", "place": "LP-TJR", "held_at": later(3), "outcome": "DONE",
    }  # fmt: skip
    return Session.model_validate(fields | said)


def an_assessment(**said: Any) -> Assess:
    """Eight of seventeen points, so that needs are asked too."""
    return Assess.model_validate({"answers": {"risk": points(8), "criminogenic": needs()} | said})


def written() -> dict[Section, str]:
    """Every section of the report, written."""
    return {section: f"Isi bagian {section.value}." for section in Section}


def a_decision(case: Litmas, decision: Decision = Decision.APPROVE, **said: Any) -> TPPDecided:
    """What the team decided about the revision that waits."""
    fields: dict[str, Any] = {
        "subject_kind": "LITMAS",
        "subject_id": case.litmas_id,
        "item_id": UUID(int=1),
        "hearing_id": uuid5(UUID(int=2), f"{case.board.submission}"),
        "revision": case.board.revision,
        "unit": "PLG-HQ",
        "panel": "ADULT",
        "report_hash": case.board.report_hash,
        "outcomes": [{"decision": decision}],
        "way": "CONSENSUS",
        "members": 7,
        "present": 6,
        "minutes_no": "0007/TPP/PLG-HQ/VI/2026",
        "minutes_hash": "c" * 64,
        "decided_at": later(50),
    }
    return TPPDecided.model_validate(fields | said)


def entry(line: Line, seq: int = 1) -> Entry:
    """What a register answers."""
    return entered(line, seq=seq, by="x", at=MONDAY, zone=REFERENCE.zone)


def kept(before: Litmas | None, decided: Decided, now: datetime = MONDAY) -> Litmas:
    """The case as it is saved."""
    return replace(clocks.rewound(before, decided, now=now).case)


def received(**said: Any) -> Litmas:
    """A request that waits for the head."""
    return kept(None, intake.receive(None, a_request(**said), now=MONDAY, reference=REFERENCE))


def _assigned(case: Litmas) -> Decided:
    act = an_assignment()
    line = assigning.order_line(case, act, reference=REFERENCE)
    return assigning.assign(case, act, entry(line), by=SECTION_HEAD, now=MONDAY)


def _numbered(case: Litmas) -> Decided:
    act = Number(checked=frozenset(CheckItem))
    line = desks.number_line(case, act, by=REGISTRAR, reference=REFERENCE)
    return desks.number(case, entry(line), by=REGISTRAR, now=later(30))


WAY: tuple[tuple[Status, Callable[[Litmas], Decided]], ...] = (
    (Status.DISPOSED, lambda case: assigning.dispose(case, Dispose(), by=HEAD, now=MONDAY)),
    (Status.ASSIGNED, _assigned),
    (
        Status.PREPARING,
        lambda case: field_work.prepare(
            case, Prepare(ready=frozenset(Ready), visit_at=later(24)), by=OFFICER, now=later(1)
        ),
    ),
    (Status.IN_FIELD, lambda case: field_work.depart(case, Depart(departed_at=later(2)), by=OFFICER, now=later(2))),
    (Status.DATA_COLLECTION, lambda case: field_work.collect(case, a_session(), by=OFFICER, now=later(4))),
    (Status.DATA_COLLECTION, lambda case: field_work.assess(case, an_assessment(), by=OFFICER, now=later(5))),
    (Status.ANALYSIS, lambda case: field_work.analyse(case, Analyse(), by=OFFICER, now=later(6))),
    (
        Status.DRAFTED,
        lambda case: sections.submit(
            case, SubmitDraft(recommendation=Recommendation.RECOMMENDED), written(), by=OFFICER, now=later(26)
        ),
    ),
    (Status.NUMBERED_CHECKED, _numbered),
    (Status.IN_TPP, lambda case: desks.initial(case, Initial(), PAPER, by=SECTION_HEAD, now=later(32))),
    (Status.TPP_APPROVED, lambda case: hearing.hear(case, a_decision(case))),
    (
        Status.SIGNED,
        lambda case: desks.sign(case, Sign(revision=case.revision), PAPER, token="V1", by=HEAD, now=later(55)),  # noqa: S106  a word on paper
    ),
    (
        Status.DELIVERED,
        lambda case: desks.deliver(case, Deliver(receipt="BA-12", delivered_at=later(56)), by=REGISTRAR, now=later(57)),
    ),
    (
        Status.ARCHIVED,
        lambda case: desks.archive(
            case, Archive(code="LIT-2026-A-1", retention="ADULT-7Y"), by=REGISTRAR, now=later(60)
        ),
    ),
)
"""The way of a report from desk to desk, each act with the state that it leads to."""


def at(status: Status, case: Litmas | None = None) -> Litmas:
    """A report that has come this far; a way that passes a state twice stops at the second time."""
    case = case or received()
    stops = [index for index, (reached, _) in enumerate(WAY) if reached is status]
    for _, act in WAY[: (stops[-1] + 1) if stops else 0]:
        case = kept(case, act(case))
    assert case.status is status, case.status
    return case
