"""Hearings and cases in a given state, for tests of the rules alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from contracts.inquiries import Programme
from contracts.litmas import CancelledFor, LitmasCancelled, LitmasSubmittedToBoard, RiskBand
from contracts.reference import load_reference
from contracts.tpp import AdjournReason, Decision, HearingKind, HearingMode, Outcome, Panel, SubjectKind
from services.tpp.domain.hearing import (
    BEFORE_DECISION,
    Adjournment,
    Heard,
    Hearing,
    Line,
    LineState,
    Minutes,
    Presence,
    PresenceMethod,
    Status,
)
from services.tpp.domain.item import Item, ItemState
from services.tpp.domain.teams import Bench, Team, bench_id_of

REFERENCE: Final = load_reference()
MONDAY: Final = datetime(2026, 6, 8, 2, 0, tzinfo=UTC)
"""09:00 in Palembang."""
HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
HEARING: Final = UUID("0197192e-6b40-7c3e-8f6a-0d3c5b1e1001")
REPORT: Final = UUID("5f1c2a53-1b0a-5a7e-9d3f-6a1a5d2b7c01")
CHAIR: Final = "SHA-HQ-01"
SECRETARY: Final = "REGH-HQ-01"
MEMBERS: Final = (CHAIR, "PO-HQ-01", "PO-HQ-02", "PO-HQ-03", "PO-HQ-04")
AUTHOR: Final = "PO-HQ-04"
TEAM: Final = Team(
    team_id=uuid5(REPORT, "team"),
    decree_no="SK-17",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC).date(),
    valid_until=datetime(2026, 12, 31, tzinfo=UTC).date(),
    chair=CHAIR,
    secretary=SECRETARY,
    members=MEMBERS,
    appointed_by="HEAD-HQ-01",
    appointed_at=MONDAY - timedelta(days=60),
)


def a_bench(**changes: Any) -> Bench:
    """The panel for adults, with its team."""
    bench = Bench(
        bench_id=bench_id_of("PLG-HQ", Panel.ADULT),
        unit="PLG-HQ",
        panel=Panel.ADULT,
        teams=(TEAM,),
        counted_from=MONDAY,
    )
    return replace(bench, **changes)


def a_submission(*, submission: int = 1, subject: UUID = REPORT, **changes: Any) -> LitmasSubmittedToBoard:
    """A report that comes before the team."""
    said: dict[str, Any] = {
        "litmas_id": subject,
        "unit": "PLG-TJR",
        "submission": submission,
        "revision": submission,
        "report_reference": f"litmas/{subject}/r{submission}.pdf",
        "report_hash": HASH,
        "author": AUTHOR,
        "facility": "LP-TJR",
        "programmes": (Programme.CONDITIONAL_RELEASE,),
        "risk_band": RiskBand.MEDIUM,
        "submitted_at": MONDAY,
    }
    return LitmasSubmittedToBoard(**{**said, **changes})


def a_cancellation(subject: UUID = REPORT) -> LitmasCancelled:
    """A report that is no longer needed."""
    return LitmasCancelled(litmas_id=subject, unit="PLG-TJR", reason=CancelledFor.WITHDRAWN, cancelled_at=MONDAY)


def an_item(state: ItemState = ItemState.QUEUED, **changes: Any) -> Item:
    """A case in this state."""
    item = Item(
        subject_id=REPORT,
        item_id=uuid5(REPORT, "submission 1 revision 1"),
        kind=SubjectKind.LITMAS,
        state=state,
        submission=1,
        revision=1,
        report_reference=f"litmas/{REPORT}/r1.pdf",
        report_hash=HASH,
        author=AUTHOR,
        case_unit="PLG-TJR",
        unit="PLG-HQ",
        panel=Panel.ADULT,
        programmes=("CONDITIONAL_RELEASE",),
        risk_band="MEDIUM",
        submitted_at=MONDAY,
        hearing_id=HEARING if state not in (ItemState.QUEUED, ItemState.WITHDRAWN) else None,
    )
    return replace(item, **changes)


def a_heard() -> Heard:
    """The case as it was when its discussion began."""
    item = an_item()
    return Heard(
        item_id=item.item_id,
        kind=item.kind,
        revision=1,
        report_hash=HASH,
        author=AUTHOR,
        programmes=item.programmes,
    )


def a_line(state: LineState = LineState.LISTED, **changes: Any) -> Line:
    """A case on an agenda in this state."""
    if state is not LineState.LISTED:
        changes = {"heard": a_heard(), "discussed_from": MONDAY, **changes}
    return Line(subject_id=REPORT, state=state, **changes)


def there(*members: str, method: PresenceMethod = PresenceMethod.ROOM, at: datetime = MONDAY) -> tuple[Presence, ...]:
    """These members are there."""
    return tuple(Presence(member=member, method=method, joined_at=at) for member in members)


def a_hearing(status: Status = Status.IN_SESSION, **changes: Any) -> Hearing:
    """A hearing in this state with everybody there."""
    past = status not in (*BEFORE_DECISION, Status.DRAFT_AGENDA, Status.ADJOURNED)
    minuted = status in (Status.MINUTES_DRAFTED, Status.SIGNED, Status.HANDED_OVER, Status.CLOSED)
    hearing = Hearing(
        hearing_id=HEARING,
        unit="PLG-HQ",
        panel=Panel.ADULT,
        kind=HearingKind.ROUTINE,
        mode=HearingMode.HYBRID,
        status=status,
        starts_at=MONDAY,
        team=TEAM,
        chair=CHAIR,
        secretary=SECRETARY,
        lines=(a_line(),),
        presence=there(*MEMBERS),
        opened_at=MONDAY if past or status is Status.IN_SESSION else None,
        concluded_at=MONDAY if past else None,
        minutes=Minutes(number="0001/TPP/PLG-HQ/VI/2026", digest=HASH, drafted_at=MONDAY) if minuted else None,
        adjournment=(
            Adjournment(reason=AdjournReason.QUORUM, at=MONDAY, resume_by=MONDAY + timedelta(days=4))
            if status is Status.ADJOURNED
            else None
        ),
    )
    return replace(hearing, **changes)


def outcomes(decision: Decision = Decision.APPROVE, *conditions: str) -> tuple[Outcome, ...]:
    """A decision on the one programme of the case."""
    return (Outcome(programme="CONDITIONAL_RELEASE", decision=decision, condition_codes=conditions),)
