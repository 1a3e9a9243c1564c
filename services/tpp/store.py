"""The SQL of tpp's own database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel

from chassis.aggregates import Aggregates, Rows, columns_of
from chassis.database import Connection, Pool
from contracts.tpp import HearingKind, HearingMode, Panel, SubjectKind
from services.tpp.domain.hearing import Adjournment, Hearing, Line, Minutes, Presence, Status
from services.tpp.domain.item import Item, ItemState
from services.tpp.domain.teams import Bench, Team

M = TypeVar("M", bound=BaseModel)


def _read(model: type[M], document: Mapping[str, Any] | None) -> M | None:
    return None if document is None else model.model_validate(document, extra="ignore")


def _read_all(model: type[M], documents: Sequence[Mapping[str, Any]]) -> tuple[M, ...]:
    return tuple(model.model_validate(each, extra="ignore") for each in documents)


def _plain(value: Any) -> Any:
    """Documents as JSON; everything else as it is."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _dump(state: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in columns_of(state).items() if value is not None}


def load_bench(row: Mapping[str, Any]) -> Bench:
    """A panel from its row."""
    return Bench(
        bench_id=row["bench_id"],
        unit=row["unit"],
        panel=Panel(row["panel"]),
        teams=_read_all(Team, row["teams"]),
        last_held_at=row["last_held_at"],
        counted_from=row["counted_from"],
        warnings_given=row["warnings_given"],
        sequence=row["sequence"],
    )


def load_hearing(row: Mapping[str, Any]) -> Hearing:
    """A hearing from its row."""
    return Hearing(
        hearing_id=row["hearing_id"],
        unit=row["unit"],
        panel=Panel(row["panel"]),
        kind=HearingKind(row["kind"]),
        mode=HearingMode(row["mode"]),
        status=Status(row["status"]),
        starts_at=row["starts_at"],
        room=row["room"],
        team=Team.model_validate(row["team"], extra="ignore"),
        chair=row["chair"],
        secretary=row["secretary"],
        lines=_read_all(Line, row["lines"]),
        presence=_read_all(Presence, row["presence"]),
        adjournment=_read(Adjournment, row["adjournment"]),
        opened_at=row["opened_at"],
        concluded_at=row["concluded_at"],
        minutes=_read(Minutes, row["minutes"]),
        handed_over_at=row["handed_over_at"],
        warnings_given=row["warnings_given"],
        overdue=row["overdue"],
        sequence=row["sequence"],
        version=row["version"],
    )


def load_item(row: Mapping[str, Any]) -> Item:
    """A case from its row."""
    return Item(
        subject_id=row["subject_id"],
        item_id=row["item_id"],
        kind=SubjectKind(row["kind"]),
        state=ItemState(row["state"]),
        submission=row["submission"],
        revision=row["revision"],
        report_reference=row["report_reference"],
        report_hash=row["report_hash"],
        author=row["author"],
        case_unit=row["case_unit"],
        unit=row["unit"],
        panel=Panel(row["panel"]),
        programmes=tuple(row["programmes"]),
        risk_band=row["risk_band"],
        express=row["express"],
        refused_before=row["refused_before"],
        needed_on=row["needed_on"],
        rehear_by=row["rehear_by"],
        submitted_at=row["submitted_at"],
        hearing_id=row["hearing_id"],
        told_at=row["told_at"],
        sequence=row["sequence"],
    )


BENCHES: Final = Aggregates[UUID, Bench](
    name="bench",
    key_type="uuid",
    select="""
        SELECT bench_id, unit, panel, teams, last_held_at, counted_from, warnings_given, sequence, version
          FROM bench WHERE bench_id = ANY($1) ORDER BY bench_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO bench (bench_id, unit, panel, teams, last_held_at, counted_from, warnings_given, sequence, version)
        SELECT bench_id, unit, panel, teams, last_held_at, counted_from, warnings_given, sequence, version
          FROM json_to_recordset($1::json)
               AS b(bench_id uuid, unit text, panel text, teams jsonb, last_held_at timestamptz,
                    counted_from timestamptz, warnings_given int, sequence bigint, version int)
        ON CONFLICT (bench_id) DO UPDATE
           SET teams = EXCLUDED.teams, last_held_at = EXCLUDED.last_held_at, counted_from = EXCLUDED.counted_from,
               warnings_given = EXCLUDED.warnings_given, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE bench.version = EXCLUDED.version - 1
    """,
    key=lambda bench: bench.bench_id,
    load=load_bench,
    dump=_dump,
)

HEARINGS: Final = Aggregates[UUID, Hearing](
    name="hearing",
    key_type="uuid",
    select="""
        SELECT hearing_id, unit, panel, kind, mode, status, starts_at, room, team, chair, secretary, lines, presence,
               adjournment, opened_at, concluded_at, minutes, handed_over_at, warnings_given, overdue, sequence, version
          FROM hearing WHERE hearing_id = ANY($1) ORDER BY hearing_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO hearing (hearing_id, unit, panel, kind, mode, status, starts_at, room, team, chair, secretary,
                             lines, presence, adjournment, opened_at, concluded_at, minutes, handed_over_at,
                             warnings_given, overdue, sequence, version)
        SELECT hearing_id, unit, panel, kind, mode, status, starts_at, room, team, chair, secretary,
               lines, presence, adjournment, opened_at, concluded_at, minutes, handed_over_at,
               warnings_given, overdue, sequence, version
          FROM json_to_recordset($1::json)
               AS h(hearing_id uuid, unit text, panel text, kind text, mode text, status text, starts_at timestamptz,
                    room text, team jsonb, chair text, secretary text, lines jsonb, presence jsonb, adjournment jsonb,
                    opened_at timestamptz, concluded_at timestamptz, minutes jsonb, handed_over_at timestamptz,
                    warnings_given int, overdue boolean, sequence bigint, version int)
        ON CONFLICT (hearing_id) DO UPDATE
           SET mode = EXCLUDED.mode, status = EXCLUDED.status, starts_at = EXCLUDED.starts_at, room = EXCLUDED.room,
               chair = EXCLUDED.chair, secretary = EXCLUDED.secretary, lines = EXCLUDED.lines,
               presence = EXCLUDED.presence, adjournment = EXCLUDED.adjournment, opened_at = EXCLUDED.opened_at,
               concluded_at = EXCLUDED.concluded_at, minutes = EXCLUDED.minutes,
               handed_over_at = EXCLUDED.handed_over_at, warnings_given = EXCLUDED.warnings_given,
               overdue = EXCLUDED.overdue, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE hearing.version = EXCLUDED.version - 1
    """,
    key=lambda hearing: hearing.hearing_id,
    load=load_hearing,
    dump=_dump,
)

ITEMS: Final = Aggregates[UUID, Item](
    name="item",
    key_type="uuid",
    select="""
        SELECT subject_id, item_id, kind, state, submission, revision, report_reference, report_hash, author, case_unit,
               unit, panel, programmes, risk_band, express, refused_before, needed_on, rehear_by, submitted_at,
               hearing_id, told_at, sequence, version
          FROM item WHERE subject_id = ANY($1) ORDER BY subject_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO item (subject_id, item_id, kind, state, submission, revision, report_reference, report_hash, author,
                          case_unit, unit, panel, programmes, risk_band, express, refused_before, needed_on, rehear_by,
                          submitted_at, hearing_id, told_at, sequence, version)
        SELECT subject_id, item_id, kind, state, submission, revision, report_reference, report_hash, author,
               case_unit, unit, panel, programmes, risk_band, express, refused_before, needed_on, rehear_by,
               submitted_at, hearing_id, told_at, sequence, version
          FROM json_to_recordset($1::json)
               AS i(subject_id uuid, item_id uuid, kind text, state text, submission int, revision int,
                    report_reference text, report_hash text, author text, case_unit text, unit text, panel text,
                    programmes jsonb, risk_band text, express boolean, refused_before boolean, needed_on date,
                    rehear_by date, submitted_at timestamptz, hearing_id uuid, told_at timestamptz, sequence bigint,
                    version int)
        ON CONFLICT (subject_id) DO UPDATE
           SET item_id = EXCLUDED.item_id, state = EXCLUDED.state, submission = EXCLUDED.submission,
               revision = EXCLUDED.revision, report_reference = EXCLUDED.report_reference,
               report_hash = EXCLUDED.report_hash, author = EXCLUDED.author, case_unit = EXCLUDED.case_unit,
               unit = EXCLUDED.unit, panel = EXCLUDED.panel, programmes = EXCLUDED.programmes,
               risk_band = EXCLUDED.risk_band, express = EXCLUDED.express, refused_before = EXCLUDED.refused_before,
               needed_on = EXCLUDED.needed_on, rehear_by = EXCLUDED.rehear_by, submitted_at = EXCLUDED.submitted_at,
               hearing_id = EXCLUDED.hearing_id, told_at = EXCLUDED.told_at, sequence = EXCLUDED.sequence,
               version = EXCLUDED.version
         WHERE item.version = EXCLUDED.version - 1
    """,
    key=lambda item: item.subject_id,
    load=load_item,
    dump=_dump,
)

TIMELINE: Final = Rows(
    name="timeline",
    insert="""
        INSERT INTO timeline (entry_id, hearing_id, subject_id, step, from_status, to_status, actor_kind, actor_id,
                              actor_role, unit, reason, occurred_at, recorded_at, policy_version)
        SELECT entry_id, hearing_id, subject_id, step, from_status, to_status, actor_kind, actor_id,
               actor_role, unit, reason, occurred_at, recorded_at, policy_version
          FROM json_to_recordset($1::json)
               AS t(entry_id uuid, hearing_id uuid, subject_id uuid, step text, from_status text, to_status text,
                    actor_kind text, actor_id text, actor_role text, unit text, reason text, occurred_at timestamptz,
                    recorded_at timestamptz, policy_version text)
    """,
)
LINKS: Final = Rows(
    name="dossier_link",
    insert="""
        INSERT INTO dossier_link (link_id, hearing_id, subject_id, item_id, member, issued_at, expires_at)
        SELECT link_id, hearing_id, subject_id, item_id, member, issued_at, expires_at
          FROM json_to_recordset($1::json)
               AS l(link_id uuid, hearing_id uuid, subject_id uuid, item_id uuid, member text, issued_at timestamptz,
                    expires_at timestamptz)
    """,
)
# Who opens a dossier again has opened it: the first time counts.
RECEIPTS: Final = Rows(
    name="dossier_receipt",
    insert="""
        INSERT INTO dossier_receipt (hearing_id, item_id, member, subject_id, opened_at)
        SELECT hearing_id, item_id, member, subject_id, opened_at
          FROM json_to_recordset($1::json)
               AS r(hearing_id uuid, item_id uuid, member text, subject_id uuid, opened_at timestamptz)
        ON CONFLICT (hearing_id, item_id, member) DO NOTHING
    """,
)
OPINIONS: Final = Rows(
    name="opinion",
    insert="""
        INSERT INTO opinion (opinion_id, hearing_id, subject_id, item_id, kind, member, text, at)
        SELECT opinion_id, hearing_id, subject_id, item_id, kind, member, text, at
          FROM json_to_recordset($1::json)
               AS o(opinion_id uuid, hearing_id uuid, subject_id uuid, item_id uuid, kind text, member text, text text,
                    at timestamptz)
    """,
)
# The same words drafted twice are the same minutes.
MINUTES_TEXTS: Final = Rows(
    name="minutes_text",
    insert="""
        INSERT INTO minutes_text (hearing_id, digest, record, notes, summary, drafted_by, drafted_at)
        SELECT hearing_id, digest, record, notes, summary, drafted_by, drafted_at
          FROM json_to_recordset($1::json)
               AS m(hearing_id uuid, digest text, record jsonb, notes text, summary text, drafted_by text,
                    drafted_at timestamptz)
        ON CONFLICT (hearing_id, digest) DO NOTHING
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierLink:
    """A personal link to a dossier."""

    link_id: UUID
    hearing_id: UUID
    subject_id: UUID
    item_id: UUID
    member: str
    issued_at: datetime
    expires_at: datetime


SELECT_LINK: Final = """
    SELECT link_id, hearing_id, subject_id, item_id, member, issued_at, expires_at FROM dossier_link WHERE link_id = $1
"""
SELECT_READERS: Final = "SELECT member FROM dossier_receipt WHERE hearing_id = $1 AND item_id = $2 ORDER BY member"


async def link(connection: "Connection | Pool", link_id: UUID) -> DossierLink | None:
    """A link that was issued."""
    row = await connection.fetchrow(SELECT_LINK, link_id)
    return None if row is None else DossierLink(**row)


async def readers(connection: Connection, *, hearing_id: UUID, item_id: UUID) -> frozenset[str]:
    """Who has opened the dossier of a case in its revision of this item."""
    return frozenset(row["member"] for row in await connection.fetch(SELECT_READERS, hearing_id, item_id))
