"""Years of rows, made by the server itself: what a service has behind it when it is measured."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from chassis.outbox import pack_headers
from contracts.reference import load_reference
from tests.bench.load import Message, messages

PART_ROWS: Final = 1_000_000

SELECT_INDEXES: Final = """
    SELECT indexname AS name, indexdef AS definition FROM pg_indexes
     WHERE schemaname = 'public' AND tablename = ANY ($1)
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""
SELECT_CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text AS held_by, quote_ident(conname) AS name, contype = 'f' AS refers,
           pg_get_constraintdef(oid) AS definition
      FROM pg_constraint
     WHERE contype IN ('p', 'u', 'f') AND (conrelid::regclass::text = ANY ($1) OR confrelid::regclass::text = ANY ($1))
     ORDER BY contype = 'f' DESC
"""
FOR_FILLING: Final = "SET maintenance_work_mem = '512MB'; SET synchronous_commit = off"

FILL_INBOX: Final = """
    INSERT INTO inbox (consumer, event_key, record_hash, received_at)
    SELECT 'registration', gen_random_uuid(), sha256(number::text::bytea),
           now() - CASE WHEN number <= $2 THEN interval '18 days'
                        ELSE interval '16 days' * (1 - number::float8 / $1::int) END
      FROM generate_series($3::int, $4::int) AS number
"""
FILL_REGISTRATION: Final = """
    INSERT INTO registration (registration_id, release_id, status, receiving_unit, holder_unit, epoch, juvenile,
                              facility, prison_register_no, name_key, released_at, missing, release, contact,
                              registered, closure, officer, rungs_recorded, submission_overdue, sequence, version)
    SELECT gen_random_uuid(), release_id, status, unit, unit, 1, false, facility, 'BI.' || number || '/2020', name,
           released_at, '["LITMAS_NO"]',
           $3::jsonb || jsonb_build_object('release_id', release_id, 'name', name, 'facility', facility,
                                           'released_at', released_at),
           CASE WHEN status <> 'released' THEN '{"at": "2026-05-29T09:30:00Z", "by": "PO-HQ-01"}'::jsonb END,
           CASE WHEN status <> 'released' THEN '{"at": "2026-05-30T09:30:00Z", "register_no": "1/PB/2026"}'::jsonb END,
           CASE WHEN status = 'closed' THEN '{"at": "2028-05-30T09:30:00Z", "reason": "DIED"}'::jsonb END,
           'PO-HQ-02', 0, false, 5, 5
      FROM (SELECT number, $6::timestamptz + number * $7::interval AS released_at,
                   'LP' || number % 30 || '.2020.' || number AS release_id,
                   CASE WHEN number > $1::int - $2::int THEN 'released'
                        WHEN number % 3 = 0 THEN 'registered' ELSE 'closed'
                   END AS status,
                   ($4::text[])[1 + number % cardinality($4::text[])] AS unit,
                   ($5::text[])[1 + number % cardinality($5::text[])] AS facility,
                   'nama' || (hashint4(number) & 1023) || ' keluarga' || (hashint4(number + 7) & 4095) AS name
              FROM generate_series($8::int, $9::int) AS number) AS made
"""
FILL_TIMELINE: Final = """
    INSERT INTO timeline (entry_id, registration_id, step, to_status, actor_kind, actor_id, unit, document_ids,
                          occurred_at, recorded_at, policy_version)
    SELECT uuidv7(released_at - now()), registration_id, 'release', 'released', 'event',
           '01a20d47-f9a4-7304-b1d1-c2b3615cb9f8', receiving_unit, '[]', released_at, released_at, 'ed9c5eb4cda0696b'
      FROM registration
"""
FILL_TIMERS: Final = """
    INSERT INTO timer (subject, kind, due_at, context)
    SELECT registration_id::text, 'first-contact', released_at + $1::interval,
           '{"traceparent": "00-0dd88d0b13dd35b8b120e2233e713c30-1b640b534877c409-00"}'
      FROM registration WHERE status = 'released'
"""
FILL_OUTBOX: Final = """
    INSERT INTO outbox (event_id, topic, key, headers, payload)
    SELECT event_id, $2, key, convert_to(replace(replace($3::text, $4, event_id::text), $5, number::text), 'UTF8'), $6
      FROM (SELECT number, gen_random_uuid() AS event_id, md5((number % 100000)::text)::uuid::text AS key
              FROM generate_series($7::int, $7 + $1::int - 1) AS number) AS made
"""
FILL_LETTERS: Final = """
    INSERT INTO dead_letter (dead_letter_id, consumer, event_key, kind, state, reason, order_keys, topic, partition,
                             record_offset, record_headers, record_value, record_hash, received_at, updated_at)
    SELECT gen_random_uuid(), 'registration', gen_random_uuid(), kind, state, 'something was wrong with it',
           ARRAY['subject:' || state || number % $2], 'lapas.events', 0, number, '[]', $3, '', now(), now()
      FROM (SELECT number, CASE WHEN number % 20 = 0 THEN 'held' ELSE 'bug' END AS kind,
                   CASE number % 20 WHEN 0 THEN 'waiting' WHEN 1 THEN 'parked' ELSE 'resolved' END AS state
              FROM generate_series(1, $1::int) AS number) AS made
"""
TRACEPARENT: Final = "00-0dd88d0b13dd35b8b120e2233e713c30-1b640b534877c409-00"
NUMBER: Final = "NUMBER"
FIRST_RUNG: Final = timedelta(hours=24)
"""How long after a release the first clock of first contact runs out."""


def a_release() -> Message:
    """A release as all runs are given it; those of the past look the same."""
    return messages(1, name="past")[0]


async def fill_part(connection: Any, statement: str, *arguments: object) -> None:
    """As many rows as the server makes in some seconds."""
    await connection.execute(statement, *arguments)


async def fill_in_parts(connection: Any, statement: str, rows: int, *arguments: object) -> None:
    """Rows by a statement that is told how many there will be, and last of all the first and the last of a part."""
    for first in range(1, rows + 1, PART_ROWS):
        await fill_part(connection, statement, rows, *arguments, first, min(first + PART_ROWS - 1, rows))


async def fill_service(
    connection: Any, rows: int, *, awaited: int, first_released_at: datetime, distance: timedelta
) -> None:
    """As many handled events and registrations as there are rows; the last of them were not met yet and have a clock.

    People were released one after the other, `distance` apart.
    """
    reference = load_reference()
    facilities, document = sorted(reference.facilities), a_release().value.decode()
    async with without_indexes(connection, ["inbox", "registration", "timeline", "timer"]):
        await fill_in_parts(connection, FILL_INBOX, rows, 0)
        units = sorted(reference.units)
        await fill_in_parts(
            connection, FILL_REGISTRATION, rows, awaited, document, units, facilities, first_released_at, distance
        )
        await fill_part(connection, FILL_TIMELINE)
        await fill_part(connection, FILL_TIMERS, FIRST_RUNG)
    await settled(connection)


async def fill_inbox(connection: Any, rows: int, *, expired: int) -> None:
    """Handled events of sixteen days, some of which need not be remembered any longer."""
    async with without_indexes(connection, ["inbox"]):
        await fill_in_parts(connection, FILL_INBOX, rows, expired)
    await settled(connection)


async def fill_letters(connection: Any, rows: int) -> None:
    """Dead letters, most of them settled, a twentieth open and a twentieth waiting, ten to a key."""
    await connection.execute(FILL_LETTERS, rows, rows // 10, a_release().value)
    await connection.execute("ANALYZE dead_letter")


async def fill_outbox(connection: Any, rows: int, *, topic: str, first: int = 1) -> None:
    """Messages that wait to be sent: follow-ups of releases, each hundred thousandth of the same key, numbered."""
    mark = "12345678-1234-4234-8234-123456789012"
    headers = [
        ("ce_specversion", "1.0"), ("ce_id", mark), ("ce_source", "/bapas/registration"),
        ("ce_type", "registration.registration-opened.v1"), ("ce_subject", mark), ("ce_time", "2026-05-29T09:30:00Z"),
        ("ce_correlationid", mark), ("ce_causationid", mark), ("ce_sequence", NUMBER), ("traceparent", TRACEPARENT),
        ("content-type", "application/json"),
    ]  # fmt: skip
    packed = pack_headers(headers).decode()
    await connection.execute(FILL_OUTBOX, rows, topic, packed, mark, NUMBER, a_release().follow_up, first)
    await connection.execute("ANALYZE outbox")


async def settled(connection: Any) -> None:
    """Let the server know its tables, and have nothing of the filling left to do."""
    await connection.execute("VACUUM (ANALYZE, FREEZE)")


@asynccontextmanager
async def without_indexes(connection: Any, tables: Sequence[str]) -> AsyncIterator[None]:
    """Take keys and indexes away and make them again at the end: one sort instead of ten million searches."""
    await connection.execute(FOR_FILLING)
    indexes = await connection.fetch(SELECT_INDEXES, tables)
    constraints = await connection.fetch(SELECT_CONSTRAINTS, tables)
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['name']}")
    for row in constraints:
        await connection.execute(f"ALTER TABLE {row['held_by']} DROP CONSTRAINT {row['name']}")
    yield
    for row in reversed(constraints):
        unchecked = " NOT VALID" if row["refers"] else ""
        await fill_part(
            connection, f"ALTER TABLE {row['held_by']} ADD CONSTRAINT {row['name']} {row['definition']}{unchecked}"
        )
    for row in indexes:
        await fill_part(connection, row["definition"])
