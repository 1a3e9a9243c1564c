"""The SQL of supervision's own database."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, Rows, columns_of
from chassis.sight import Source
from contracts.registration import ClientDetails
from contracts.supervision import Stage
from services.supervision.domain import Contact, Supervision

ACQUIRE_TIMEOUT_SECONDS: Final = 5.0


def _load_supervision(row: Mapping[str, Any]) -> Supervision:
    return Supervision(
        client_id=row["client_id"],
        registration_id=row["registration_id"],
        unit=row["unit"],
        officer=row["officer"],
        juvenile=row["juvenile"],
        stage=Stage(row["stage"]),
        opened_at=row["opened_at"],
        guidance_until=row["guidance_until"],
        sequence=row["sequence"],
    )


SUPERVISIONS: Final = Aggregates[UUID, Supervision](
    name="supervision",
    key_type="uuid",
    select="""
        SELECT client_id, registration_id, unit, officer, juvenile, stage, opened_at, guidance_until, sequence, version
          FROM supervision WHERE client_id = ANY($1) ORDER BY client_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO supervision (client_id, registration_id, unit, officer, juvenile, stage, opened_at, guidance_until,
                                 sequence, version)
        SELECT client_id, registration_id, unit, officer, juvenile, stage, opened_at, guidance_until, sequence, version
          FROM json_to_recordset($1::json)
               AS s(client_id uuid, registration_id uuid, unit text, officer text, juvenile boolean, stage text,
                    opened_at timestamptz, guidance_until date, sequence int, version int)
        ON CONFLICT (client_id) DO UPDATE
           SET unit = EXCLUDED.unit, officer = EXCLUDED.officer, stage = EXCLUDED.stage,
               guidance_until = EXCLUDED.guidance_until, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE supervision.version = EXCLUDED.version - 1
    """,
    key=lambda supervision: supervision.client_id,
    load=_load_supervision,
    dump=columns_of,
)

CHECK_INS: Final = Rows(
    name="check_in",
    insert="""
        INSERT INTO check_in (check_in_id, client_id, unit, juvenile, window_from, window_until, frequency, mode, state)
        SELECT check_in_id, client_id, unit, juvenile, window_from, window_until, frequency, mode, state
          FROM json_to_recordset($1::json)
               AS c(check_in_id uuid, client_id uuid, unit text, juvenile boolean, window_from date,
                    window_until date, frequency text, mode text, state text)
    """,
)


def _load_contact(row: Mapping[str, Any]) -> Contact:
    kept = row["details"]
    return Contact(
        client_id=row["client_id"],
        details=None if kept is None else ClientDetails.model_validate(kept),
        erased_at=row["erased_at"],
    )


def _dump_contact(contact: Contact) -> dict[str, Any]:
    details = contact.details
    return {
        "client_id": contact.client_id,
        "details": None if details is None else details.model_dump(mode="json", exclude_none=True),
        "erased_at": contact.erased_at,
    }


CONTACTS: Final = Aggregates[UUID, Contact](
    name="client_contact",
    key_type="uuid",
    select="""
        SELECT client_id, details, erased_at, version
          FROM client_contact WHERE client_id = ANY($1) ORDER BY client_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO client_contact (client_id, details, erased_at, version)
        SELECT client_id, nullif(details, 'null'::jsonb), erased_at, version
          FROM json_to_recordset($1::json) AS c(client_id uuid, details jsonb, erased_at timestamptz, version int)
        ON CONFLICT (client_id) DO UPDATE
           SET details = EXCLUDED.details, erased_at = EXCLUDED.erased_at, version = EXCLUDED.version
         WHERE client_contact.version = EXCLUDED.version - 1
    """,
    key=lambda contact: contact.client_id,
    load=_load_contact,
    dump=_dump_contact,
)

SELECT_PAGE: Final = """
    SELECT s.client_id, s.registration_id, s.unit, s.officer, s.juvenile, s.stage, s.opened_at, s.guidance_until,
           c.window_from AS next_window_from, c.window_until AS next_window_until
      FROM supervision s
      LEFT JOIN LATERAL (SELECT window_from, window_until FROM check_in
                          WHERE check_in.client_id = s.client_id AND check_in.state = 'due'
                          ORDER BY window_from LIMIT 1) c ON true
     WHERE ($1::text IS NULL OR s.unit = $1)
       AND ($2::text IS NULL OR s.stage = $2)
       AND ($3::boolean OR NOT s.juvenile)
       AND ($4::timestamptz IS NULL OR (s.opened_at, s.client_id) < ($4, $5::uuid))
     ORDER BY s.opened_at DESC, s.client_id DESC LIMIT $6
"""
SELECT_ONE: Final = """
    SELECT client_id, registration_id, unit, officer, juvenile, stage, opened_at, guidance_until, sequence
      FROM supervision WHERE client_id = $1
"""
SELECT_CONTACT: Final = "SELECT client_id, details, erased_at FROM client_contact WHERE client_id = $1"
SELECT_CHECK_INS_OF: Final = """
    SELECT check_in_id, client_id, unit, juvenile, window_from, window_until, frequency, mode, state
      FROM check_in WHERE client_id = $1 ORDER BY window_from
"""
SELECT_CHECK_INS: Final = """
    SELECT check_in_id, client_id, unit, juvenile, window_from, window_until, frequency, mode, state
      FROM check_in
     WHERE window_from <= $2 AND window_until >= $1
       AND ($3::text IS NULL OR unit = $3)
       AND ($4::boolean OR NOT juvenile)
       AND ($5::date IS NULL OR (window_from, check_in_id) > ($5, $6::uuid))
     ORDER BY window_from, check_in_id LIMIT $7
"""


async def page(
    source: Source,
    *,
    unit: str | None,
    stage: Stage | None,
    juvenile: bool,
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[Mapping[str, Any]]:
    """Supervised clients, the newest first; children only for who may know of them."""
    opened_at, client_id = after or (None, None)
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return list(await connection.fetch(SELECT_PAGE, unit, stage, juvenile, opened_at, client_id, rows_max))


async def supervision(source: Source, client_id: UUID) -> Supervision | None:
    """One supervised client."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_ONE, client_id)
    return None if row is None else _load_supervision(row)


async def contact(source: Source, client_id: UUID) -> Contact | None:
    """How a client is reached."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_CONTACT, client_id)
    return None if row is None else _load_contact(row)


async def check_ins_of(source: Source, client_id: UUID) -> list[Mapping[str, Any]]:
    """The reports of one client, the earliest first."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return list(await connection.fetch(SELECT_CHECK_INS_OF, client_id))


async def check_ins(
    source: Source,
    *,
    first: date,
    last: date,
    unit: str | None,
    juvenile: bool,
    after: tuple[date, UUID] | None,
    rows_max: int,
) -> list[Mapping[str, Any]]:
    """The reports whose days touch a span, the earliest first."""
    window_from, check_in_id = after or (None, None)
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return list(
            await connection.fetch(SELECT_CHECK_INS, first, last, unit, juvenile, window_from, check_in_id, rows_max)
        )
