"""Who is shown what of teams, hearings and cases: codes, counts and times; a member's vote is the member's own."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from contracts.tpp import AdjournReason, HearingKind, HearingMode, Outcome, Panel, SubjectKind
from services.tpp.domain.attendance import is_quorate
from services.tpp.domain.hearing import CaseDecision, Hearing, Line, LineState, Minutes, Part, Presence, Status
from services.tpp.domain.item import Item, ItemState
from services.tpp.domain.teams import Bench, Team


class BenchView(BaseModel):
    """A panel and its teams."""

    bench_id: UUID
    unit: str
    panel: Panel
    teams: list[Team]
    last_held_at: datetime | None


class ItemLine(BaseModel):
    """A case before the team."""

    subject_id: UUID
    item_id: UUID
    kind: SubjectKind
    state: ItemState
    submission: int
    revision: int
    author: str
    case_unit: str
    panel: Panel
    programmes: list[str]
    risk_band: str
    express: bool
    refused_before: bool = Field(description="An earlier report for the same proposal was rejected")
    needed_on: date | None
    rehear_by: date | None
    submitted_at: datetime
    hearing_id: UUID | None


class CaseLine(BaseModel):
    """A case on an agenda."""

    subject_id: UUID
    part: Part
    state: LineState
    conflicts: list[str]
    revision: int | None = Field(description="The revision that is, or was, heard")
    author: str | None
    programmes: list[str]
    waits_as: ItemState | None = Field(description="What the case itself is now; `withdrawn` needs no hearing")
    opened_by: list[str] = Field(description="Who has opened the dossier of that revision")
    motion: list[Outcome]
    voted: list[str] = Field(description="Who has voted on the motion; how, only the tally tells")
    decision: CaseDecision | None


class HearingLine(BaseModel):
    """A hearing in a list."""

    hearing_id: UUID
    unit: str
    panel: Panel
    kind: HearingKind
    mode: HearingMode
    status: Status
    starts_at: datetime
    cases: int
    minutes_no: str | None


class QuorumView(BaseModel):
    """Who is there now, and whether that is enough."""

    members: int
    present: int
    is_quorate: bool


class HearingView(BaseModel):
    """A hearing."""

    hearing_id: UUID
    version: int = Field(description="For `If-Match`, in quotes")
    unit: str
    panel: Panel
    kind: HearingKind
    mode: HearingMode
    status: Status
    starts_at: datetime
    room: str | None
    decree_no: str
    chair: str
    secretary: str
    members: list[str]
    quorum: QuorumView
    presence: list[Presence]
    cases: list[CaseLine]
    adjourned_for: AdjournReason | None
    resume_by: datetime | None
    opened_at: datetime | None
    concluded_at: datetime | None
    minutes: Minutes | None
    hand_over_due_at: datetime | None
    handed_over_at: datetime | None


class MinutesView(BaseModel):
    """The minutes: what is signed by its hash."""

    number: str
    digest: str
    record: dict[str, Any]
    notes: str
    summary: str
    drafted_by: str
    drafted_at: datetime
    signatures: list[str]
    not_signed: list[str]
    ratified_at: datetime | None


class OpinionView(BaseModel):
    """What a member wrote on a case."""

    kind: str
    member: str
    text: str
    at: datetime


class TimelineLine(BaseModel):
    """Something that happened in a hearing."""

    entry_id: UUID
    subject_id: UUID | None
    step: str
    from_status: str | None
    to_status: str
    actor_id: str
    actor_role: str | None
    reason: str | None
    occurred_at: datetime


def bench_view(bench: Bench) -> BenchView:
    """A panel as it is shown."""
    return BenchView(
        bench_id=bench.bench_id,
        unit=bench.unit,
        panel=bench.panel,
        teams=list(bench.teams),
        last_held_at=bench.last_held_at,
    )


def item_line(item: Item) -> ItemLine:
    """A case as it is shown in a queue."""
    return ItemLine(**{name: getattr(item, name) for name in ItemLine.model_fields})


def hearing_line(hearing: Hearing) -> HearingLine:
    """A hearing as it is shown in a list."""
    return HearingLine(
        hearing_id=hearing.hearing_id,
        unit=hearing.unit,
        panel=hearing.panel,
        kind=hearing.kind,
        mode=hearing.mode,
        status=hearing.status,
        starts_at=hearing.starts_at,
        cases=len(hearing.lines),
        minutes_no=None if hearing.minutes is None else hearing.minutes.number,
    )


def hearing_view(
    hearing: Hearing,
    items: Mapping[UUID, Item],
    receipts: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    hand_over_due_at: datetime | None,
) -> HearingView:
    """A hearing as it is shown, with its cases as they are now."""
    present, members = len(hearing.there_at(now)), len(hearing.team.members)
    adjournment = hearing.adjournment
    return HearingView(
        hearing_id=hearing.hearing_id,
        version=hearing.version,
        unit=hearing.unit,
        panel=hearing.panel,
        kind=hearing.kind,
        mode=hearing.mode,
        status=hearing.status,
        starts_at=hearing.starts_at,
        room=hearing.room,
        decree_no=hearing.team.decree_no,
        chair=hearing.chair,
        secretary=hearing.secretary,
        members=list(hearing.team.members),
        quorum=QuorumView(members=members, present=present, is_quorate=is_quorate(present=present, members=members)),
        presence=list(hearing.presence),
        cases=[_case_line(line, items.get(line.subject_id), receipts) for line in hearing.lines],
        adjourned_for=None if adjournment is None else adjournment.reason,
        resume_by=None if adjournment is None else adjournment.resume_by,
        opened_at=hearing.opened_at,
        concluded_at=hearing.concluded_at,
        minutes=hearing.minutes,
        hand_over_due_at=hand_over_due_at,
        handed_over_at=hearing.handed_over_at,
    )


def _case_line(line: Line, item: Item | None, receipts: Sequence[Mapping[str, Any]]) -> CaseLine:
    heard = line.heard
    shown = heard or item
    item_id = None if shown is None else shown.item_id
    return CaseLine(
        subject_id=line.subject_id,
        part=line.part,
        state=line.state,
        conflicts=list(line.conflicts),
        revision=None if shown is None else shown.revision,
        author=None if shown is None else shown.author,
        programmes=[] if shown is None else list(shown.programmes),
        waits_as=None if item is None else item.state,
        opened_by=[row["member"] for row in receipts if row["item_id"] == item_id],
        motion=list(line.motion),
        voted=[vote.member for vote in line.votes],
        decision=line.decision,
    )


def minutes_view(minutes: Minutes, words: Mapping[str, Any]) -> MinutesView:
    """The minutes as they are shown."""
    return MinutesView(
        **words,
        number=minutes.number,
        digest=minutes.digest,
        signatures=[each.member for each in minutes.signatures],
        not_signed=[each.member for each in minutes.not_signed],
        ratified_at=minutes.ratified_at,
    )
