"""The SQL of reports about adults: the cases, their sections, what is appended to them, and what desks are shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from chassis.aggregates import Aggregates, Rows
from chassis.database import Connection, Pool
from contracts.lapas import DecreeIssued, LitmasRequested, LitmasRequestWithdrawn
from contracts.litmas import Desk
from services.litmas.reintegration.domain.case import (
    Archiving,
    Assessed,
    Assignment,
    Board,
    Collection,
    Delivery,
    DeskClock,
    Disposition,
    Done,
    Draft,
    Ending,
    Litmas,
    Numbered,
    Result,
    Signature,
)
from services.litmas.reintegration.domain.clocks import DESKS
from services.litmas.reintegration.domain.intake import letter_key
from services.litmas.reintegration.domain.sections import Section, Written
from services.litmas.reintegration.domain.states import Status

ACQUIRE_TIMEOUT_SECONDS: Final = 5.0

PAPERS: Final[dict[str, type[BaseModel]]] = {
    "request": LitmasRequested,
    "withdrawal": LitmasRequestWithdrawn,
    "disposition": Disposition,
    "assignment": Assignment,
    "collection": Collection,
    "assessed": Assessed,
    "draft": Draft,
    "numbered": Numbered,
    "initialed": Done,
    "board": Board,
    "signature": Signature,
    "delivery": Delivery,
    "archiving": Archiving,
    "ending": Ending,
    "decree": DecreeIssued,
    "result": Result,
    "clock": DeskClock,
}
"""The documents of a case, by their names."""


def load(row: Mapping[str, Any]) -> Litmas:
    """A case from its row."""
    papers: Mapping[str, Any] = row["papers"]
    documents: dict[str, Any] = {
        name: model.model_validate(papers[name], extra="ignore") for name, model in PAPERS.items() if name in papers
    }
    return Litmas(
        litmas_id=row["litmas_id"],
        request_id=row["request_id"],
        status=Status(row["status"]),
        unit=row["unit"],
        facility=row["facility"],
        received_at=row["received_at"],
        waits_since=row["waits_since"],
        revision=row["revision"],
        missing=tuple(row["missing"]),
        lacking=tuple(row["lacking"]),
        authors=tuple(row["authors"]),
        addenda=row["addenda"],
        edition=row["edition"],
        sequence=row["sequence"],
        **documents,
    )


def dump(case: Litmas) -> dict[str, Any]:
    """The row of a case."""
    papers = {name: getattr(case, name) for name in PAPERS}
    row = DESKS.get(case.status)
    letter = case.request
    return {
        "litmas_id": case.litmas_id,
        "request_id": case.request_id,
        "status": case.status,
        "unit": case.unit,
        "facility": case.facility,
        "letter_key": letter_key(case.facility, letter.prison_register_no, letter.letter_no) if letter else None,
        "officer": case.officer,
        "desk": row.desk if row is not None else None,
        "waits_since": case.waits_since or case.received_at,
        "register_no": case.numbered.register_no if case.numbered is not None else None,
        "revision": case.revision,
        "received_at": case.received_at,
        "missing": case.missing,
        "lacking": case.lacking,
        "authors": case.authors,
        "papers": {
            name: paper.model_dump(mode="json", exclude_none=True)
            for name, paper in papers.items()
            if paper is not None
        },
        "addenda": case.addenda,
        "edition": case.edition,
        "sequence": case.sequence,
    }


def _key(case: Litmas) -> UUID:
    return case.litmas_id


REPORTS: Final = Aggregates[UUID, Litmas](
    name="litmas",
    key_type="uuid",
    select="""
        SELECT litmas_id, request_id, status, unit, facility, received_at, waits_since, revision, missing, lacking,
               authors, papers, addenda, edition, sequence, version
          FROM litmas WHERE litmas_id = ANY($1) ORDER BY litmas_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO litmas (litmas_id, request_id, status, unit, facility, letter_key, officer, desk, waits_since,
                            register_no, revision, received_at, missing, lacking, authors, papers, addenda, edition,
                            sequence, version)
        SELECT litmas_id, request_id, status, unit, facility, letter_key, officer, desk, waits_since, register_no,
               revision, received_at, missing, lacking, authors, papers, addenda, edition, sequence, version
          FROM json_to_recordset($1::json)
               AS r(litmas_id uuid, request_id text, status text, unit text, facility text, letter_key text,
                    officer text, desk text, waits_since timestamptz, register_no text, revision int,
                    received_at timestamptz, missing jsonb, lacking jsonb, authors jsonb, papers jsonb, addenda int,
                    edition int, sequence bigint, version int)
        ON CONFLICT (litmas_id) DO UPDATE
           SET status = EXCLUDED.status, unit = EXCLUDED.unit, letter_key = EXCLUDED.letter_key,
               officer = EXCLUDED.officer, desk = EXCLUDED.desk, waits_since = EXCLUDED.waits_since,
               register_no = EXCLUDED.register_no, revision = EXCLUDED.revision,
               received_at = EXCLUDED.received_at, missing = EXCLUDED.missing, lacking = EXCLUDED.lacking,
               authors = EXCLUDED.authors, papers = EXCLUDED.papers, addenda = EXCLUDED.addenda,
               edition = EXCLUDED.edition, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE litmas.version = EXCLUDED.version - 1
    """,
    key=_key,
    load=load,
    dump=dump,
)


def _load_section(row: Mapping[str, Any]) -> Written:
    return Written(
        litmas_id=row["litmas_id"],
        section=Section(row["section"]),
        text=row["text"],
        edition=row["edition"],
        written_by=row["written_by"],
        written_at=row["written_at"],
    )


def _dump_section(written: Written) -> dict[str, Any]:
    return {
        "key": written.key,
        "litmas_id": written.litmas_id,
        "section": written.section,
        "text": written.text,
        "edition": written.edition,
        "written_by": written.written_by,
        "written_at": written.written_at,
    }


def _section_key(written: Written) -> str:
    return written.key


SECTIONS: Final = Aggregates[str, Written](
    name="report_section",
    key_type="text",
    select="""
        SELECT litmas_id, section, text, edition, written_by, written_at, version
          FROM report_section WHERE key = ANY($1) ORDER BY key FOR UPDATE
    """,
    upsert="""
        INSERT INTO report_section (key, litmas_id, section, text, edition, written_by, written_at, version)
        SELECT key, litmas_id, section, text, edition, written_by, written_at, version
          FROM json_to_recordset($1::json)
               AS s(key text, litmas_id uuid, section text, text text, edition int, written_by text,
                    written_at timestamptz, version int)
        ON CONFLICT (key) DO UPDATE
           SET text = EXCLUDED.text, edition = EXCLUDED.edition, written_by = EXCLUDED.written_by,
               written_at = EXCLUDED.written_at, version = EXCLUDED.version
         WHERE report_section.version = EXCLUDED.version - 1
    """,
    key=_section_key,
    load=_load_section,
    dump=_dump_section,
)

TIMELINE: Final = Rows(
    name="timeline",
    insert="""
        INSERT INTO timeline (entry_id, litmas_id, step, from_status, to_status, actor_kind, actor_id, actor_role,
                              unit, reason, document_ids, occurred_at, recorded_at, policy_version)
        SELECT entry_id, litmas_id, step, from_status, to_status, actor_kind, actor_id, actor_role,
               unit, reason, document_ids, occurred_at, recorded_at, policy_version
          FROM json_to_recordset($1::json)
               AS t(entry_id uuid, litmas_id uuid, step text, from_status text, to_status text, actor_kind text,
                    actor_id text, actor_role text, unit text, reason text, document_ids jsonb,
                    occurred_at timestamptz, recorded_at timestamptz, policy_version text)
    """,
)
SESSIONS: Final = Rows(
    name="data_session",
    insert="""
        INSERT INTO data_session (session_id, litmas_id, method, informant, place, held_at, outcome, refusal_kind,
                                  note, consent_document, recorded_by, recorded_at)
        SELECT session_id, litmas_id, method, informant, place, held_at, outcome, refusal_kind, note,
               consent_document, recorded_by, recorded_at
          FROM json_to_recordset($1::json)
               AS s(session_id uuid, litmas_id uuid, method text, informant text, place text, held_at timestamptz,
                    outcome text, refusal_kind text, note text, consent_document text, recorded_by text,
                    recorded_at timestamptz)
    """,
)
ASSESSMENTS: Final = Rows(
    name="assessment",
    insert="""
        INSERT INTO assessment (assessment_id, litmas_id, instrument, answers, result, recorded_by, recorded_at)
        SELECT assessment_id, litmas_id, instrument, answers, result, recorded_by, recorded_at
          FROM json_to_recordset($1::json)
               AS a(assessment_id uuid, litmas_id uuid, instrument text, answers jsonb, result jsonb,
                    recorded_by text, recorded_at timestamptz)
    """,
)
ADDENDA: Final = Rows(
    name="addendum",
    insert="""
        INSERT INTO addendum (litmas_id, seq, text, sha256, added_by, added_at)
        SELECT litmas_id, seq, text, sha256, added_by, added_at
          FROM json_to_recordset($1::json)
               AS a(litmas_id uuid, seq int, text text, sha256 text, added_by text, added_at timestamptz)
    """,
)

SELECT_ONE: Final = """
    SELECT litmas_id, request_id, status, unit, facility, received_at, waits_since, revision, missing, lacking, authors,
           papers, addenda, edition, sequence
      FROM litmas WHERE litmas_id = $1
"""
SELECT_INBOX: Final = """
    SELECT litmas_id, request_id, status, unit, facility, received_at, waits_since, revision, missing, lacking, authors,
           papers, addenda, edition, sequence
      FROM litmas
     WHERE desk = $1
       AND ($2::text IS NULL OR officer = $2)
       AND ($3::text IS NULL OR unit = $3)
       AND ($4::timestamptz IS NULL OR (waits_since, litmas_id) > ($4, $5::uuid))
     ORDER BY waits_since, litmas_id LIMIT $6
"""
SELECT_TIMELINE: Final = """
    SELECT entry_id, step, from_status, to_status, actor_kind, actor_id, actor_role, unit, reason, document_ids,
           occurred_at, recorded_at, policy_version
      FROM timeline
     WHERE litmas_id = $1 AND ($2::uuid IS NULL OR entry_id > $2)
     ORDER BY entry_id LIMIT $3
"""
SELECT_SECTIONS: Final = """
    SELECT litmas_id, section, text, edition, written_by, written_at FROM report_section WHERE litmas_id = $1
"""
SELECT_OPEN_REPORTS: Final = """
    SELECT officer, count(*) AS open_reports FROM litmas
     WHERE officer IS NOT NULL AND status NOT IN ('delivered', 'archived', 'cancelled', 'closed_rejected')
     GROUP BY officer
"""
SELECT_BY_NUMBER: Final = "SELECT litmas_id FROM litmas WHERE register_no = $1"
SELECT_SAME_LETTER: Final = """
    SELECT litmas_id FROM litmas WHERE letter_key = $1 AND status <> 'cancelled' AND litmas_id <> $2
"""


async def find(pool: Pool, litmas_id: UUID) -> Litmas | None:
    """A report as it was last committed."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_ONE, litmas_id)
    return None if row is None else load(row)


async def inbox(
    pool: Pool, desk: Desk, *, officer: str | None, unit: str | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> Sequence[Litmas]:
    """What waits on a desk, the longest there first; an officer's own desk is that officer's."""
    waits_since, litmas_id = after or (None, None)
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_INBOX, desk, officer, unit, waits_since, litmas_id, rows_max)
    return [load(row) for row in rows]


async def timeline(pool: Pool, litmas_id: UUID, *, after: UUID | None, rows_max: int) -> Sequence[Mapping[str, Any]]:
    """What happened to a report, in order."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows: Sequence[Mapping[str, Any]] = await connection.fetch(SELECT_TIMELINE, litmas_id, after, rows_max)
    return rows


async def sections(connection: Connection, litmas_id: UUID) -> Mapping[Section, Written]:
    """The sections of a report that were written."""
    rows = [_load_section(row) for row in await connection.fetch(SELECT_SECTIONS, litmas_id)]
    return {row.section: row for row in rows}


async def read_sections(pool: Pool, litmas_id: UUID) -> Mapping[Section, Written]:
    """The same, as they were last committed."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return await sections(connection, litmas_id)


async def open_reports(pool: Pool) -> Mapping[str, int]:
    """How many reports each officer has at work."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return {row["officer"]: row["open_reports"] for row in await connection.fetch(SELECT_OPEN_REPORTS)}


async def numbered(connection: Connection, register_no: str) -> UUID | None:
    """The report under this number."""
    found: UUID | None = await connection.fetchval(SELECT_BY_NUMBER, register_no)
    return found


async def same_letter(connection: Connection, key: str, *, other_than: UUID) -> UUID | None:
    """Another report that the same letter about the same person asked for."""
    found: UUID | None = await connection.fetchval(SELECT_SAME_LETTER, key, other_than)
    return found
