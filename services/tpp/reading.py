"""The SQL of what is read: queues, hearings, minutes and teams. Nothing here changes anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.database import Pool
from contracts.tpp import Panel
from services.tpp.domain.hearing import Hearing, Status
from services.tpp.domain.item import Item, ItemState
from services.tpp.domain.teams import Bench
from services.tpp.store import load_bench, load_hearing, load_item

SELECT_HEARING: Final = """
    SELECT hearing_id, unit, panel, kind, mode, status, starts_at, room, team, chair, secretary, lines, presence,
           adjournment, opened_at, concluded_at, minutes, handed_over_at, warnings_given, overdue, sequence, version
      FROM hearing WHERE hearing_id = $1
"""
SELECT_HEARINGS: Final = """
    SELECT hearing_id, unit, panel, kind, mode, status, starts_at, room, team, chair, secretary, lines, presence,
           adjournment, opened_at, concluded_at, minutes, handed_over_at, warnings_given, overdue, sequence, version
      FROM hearing
     WHERE ($1::text IS NULL OR status = $1)
       AND panel = ANY($2)
       AND ($3::timestamptz IS NULL OR (starts_at, hearing_id) < ($3, $4::uuid))
     ORDER BY starts_at DESC, hearing_id DESC LIMIT $5
"""
SELECT_ITEMS: Final = """
    SELECT subject_id, item_id, kind, state, submission, revision, report_reference, report_hash, author, case_unit,
           unit, panel, programmes, risk_band, express, refused_before, needed_on, rehear_by, submitted_at,
           hearing_id, told_at, sequence
      FROM item
     WHERE ($1::text[] IS NULL OR state = ANY($1))
       AND panel = ANY($2)
       AND ($3::timestamptz IS NULL OR (submitted_at, subject_id) > ($3, $4::uuid))
     ORDER BY submitted_at, subject_id LIMIT $5
"""
SELECT_ITEMS_OF: Final = """
    SELECT subject_id, item_id, kind, state, submission, revision, report_reference, report_hash, author, case_unit,
           unit, panel, programmes, risk_band, express, refused_before, needed_on, rehear_by, submitted_at,
           hearing_id, told_at, sequence
      FROM item WHERE subject_id = ANY($1)
"""
SELECT_BENCHES: Final = """
    SELECT bench_id, unit, panel, teams, last_held_at, counted_from, warnings_given, sequence
      FROM bench WHERE panel = ANY($1) ORDER BY unit, panel LIMIT $2
"""
SELECT_MINUTES: Final = """
    SELECT record, notes, summary, drafted_by, drafted_at FROM minutes_text WHERE hearing_id = $1 AND digest = $2
"""
SELECT_RECEIPTS: Final = """
    SELECT item_id, member, opened_at FROM dossier_receipt WHERE hearing_id = $1 ORDER BY opened_at, member LIMIT $2
"""
SELECT_OPINIONS: Final = """
    SELECT kind, member, text, at FROM opinion
     WHERE hearing_id = $1 AND subject_id = $2 ORDER BY at, opinion_id LIMIT $3
"""
SELECT_DISSENTS: Final = """
    SELECT subject_id, member, text FROM opinion
     WHERE hearing_id = $1 AND kind = 'DISSENT' ORDER BY at, opinion_id LIMIT $2
"""
SELECT_TIMELINE: Final = """
    SELECT entry_id, subject_id, step, from_status, to_status, actor_id, actor_role, reason, occurred_at
      FROM timeline
     WHERE hearing_id = $1 AND ($2::uuid IS NULL OR entry_id > $2) ORDER BY entry_id LIMIT $3
"""

BENCHES_MAX: Final = 100
RECEIPTS_MAX: Final = 10_000
OPINIONS_MAX: Final = 1_000


async def hearing(pool: Pool, hearing_id: UUID) -> Hearing | None:
    """One hearing."""
    row = await pool.fetchrow(SELECT_HEARING, hearing_id)
    return None if row is None else load_hearing(row)


async def hearings(
    pool: Pool,
    *,
    status: Status | None,
    panels: Sequence[Panel],
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[Hearing]:
    """Hearings, the latest first."""
    starts_at, hearing_id = after or (None, None)
    rows = await pool.fetch(SELECT_HEARINGS, status, list(panels), starts_at, hearing_id, rows_max)
    return [load_hearing(row) for row in rows]


async def items(
    pool: Pool,
    *,
    states: Sequence[ItemState] | None,
    panels: Sequence[Panel],
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[Item]:
    """Cases, those first that have waited longest."""
    submitted_at, subject_id = after or (None, None)
    wanted = None if states is None else list(states)
    rows = await pool.fetch(SELECT_ITEMS, wanted, list(panels), submitted_at, subject_id, rows_max)
    return [load_item(row) for row in rows]


async def items_of(pool: Pool, subjects: Sequence[UUID]) -> dict[UUID, Item]:
    """The cases with these subjects."""
    return {row["subject_id"]: load_item(row) for row in await pool.fetch(SELECT_ITEMS_OF, list(subjects))}


async def benches(pool: Pool, panels: Sequence[Panel]) -> list[Bench]:
    """The panels and their teams."""
    return [load_bench(row) for row in await pool.fetch(SELECT_BENCHES, list(panels), BENCHES_MAX)]


async def minutes(pool: Pool, *, hearing_id: UUID, digest: str) -> Mapping[str, Any] | None:
    """The words of the minutes that have this hash."""
    found: Mapping[str, Any] | None = await pool.fetchrow(SELECT_MINUTES, hearing_id, digest)
    return found


async def receipts(pool: Pool, hearing_id: UUID) -> list[Mapping[str, Any]]:
    """Who opened which dossier of a hearing, and when."""
    return list(await pool.fetch(SELECT_RECEIPTS, hearing_id, RECEIPTS_MAX))


async def opinions(pool: Pool, *, hearing_id: UUID, subject_id: UUID) -> list[Mapping[str, Any]]:
    """What members wrote on a case, in order."""
    return list(await pool.fetch(SELECT_OPINIONS, hearing_id, subject_id, OPINIONS_MAX))


async def dissents(pool: Pool, hearing_id: UUID) -> list[Mapping[str, Any]]:
    """Why members voted against what was decided in a hearing, in order."""
    return list(await pool.fetch(SELECT_DISSENTS, hearing_id, OPINIONS_MAX))


async def timeline(pool: Pool, hearing_id: UUID, *, after: UUID | None, rows_max: int) -> list[Mapping[str, Any]]:
    """What happened in a hearing, in order."""
    return list(await pool.fetch(SELECT_TIMELINE, hearing_id, after, rows_max))
