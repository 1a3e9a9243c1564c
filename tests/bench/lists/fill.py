"""Puts cases into registration's own tables, by its own statements, and as many rows into those of notifications."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from chassis.aggregates import rows_as_json
from contracts.reference import Reference
from contracts.roles import Role
from services.registration import store
from tests.bench.lists.cases import Made, cases
from tests.bench.years.fill import settled

TOGETHER: Final = 1_000
VERSION: Final = 5
SHIFTS_AHEAD: Final = 540
"""A month of three shifts a day in six units."""

FILL_TIMELINE: Final = """
    INSERT INTO timeline (entry_id, registration_id, step, to_status, actor_kind, actor_id, actor_role, unit, reason,
                          document_ids, occurred_at, recorded_at, policy_version)
    SELECT uuidv7(known.at - now() + line * interval '3 hours'), registration_id, 'a correction', 'released', 'person',
           'AO-HQ-01', 'ASSISTANT_OFFICER', 'PLG-HQ', 'as it was told at the counter', '[]', known.at, known.at,
           'ed9c5eb4cda0696b'
      FROM json_to_recordset($1::json) AS known(registration_id uuid, at timestamptz, lines int),
           generate_series(1, lines) AS line
"""
FILL_TRACES: Final = """
    INSERT INTO trace_entry (entry_id, registration_id, kind, reached, note, at, recorded_by, recorded_at)
    SELECT uuidv7(), registration_id, 'CALL', false, NULL, released_at, 'AO-HQ-01', released_at
      FROM registration, generate_series(1, 3) WHERE tracing IS NOT NULL
"""
FILL_REGISTERS: Final = """
    INSERT INTO register_entry (unit, register, year, seq, number, subject, state, entered_by, entered_at)
    SELECT registered ->> 'unit', registered ->> 'register_code', (registered ->> 'year')::int,
           (registered ->> 'seq')::int, registered ->> 'register_no', registration_id, 'live', 'SHA-HQ-01',
           (registered ->> 'at')::timestamptz
      FROM registration WHERE registered IS NOT NULL
"""
# One case in ten is suspected to be somebody who stands beside it in the order of names; most of it was looked at.
FILL_DUPLICATES: Final = """
    INSERT INTO suspected_duplicate (duplicate_id, first, second, state, level, score, same_nik, name, birth, facility,
                                     fingerprint, suspected_at, policy_version, sequence, version)
    SELECT gen_random_uuid(), least(registration_id, other), greatest(registration_id, other),
           CASE number % 50 WHEN 0 THEN 'open' WHEN 10 THEN 'linked' WHEN 20 THEN 'lapsed' ELSE 'dismissed' END,
           CASE WHEN number % 20 = 0 THEN 'suspected' ELSE 'possible' END, 80, false, 40, 30, 10, 'f',
           now() - number * interval '1 minute', '1', 1, 1
      FROM (SELECT registration_id, row_number() OVER by_name AS number, lead(registration_id) OVER by_name AS other
              FROM registration WINDOW by_name AS (ORDER BY name_key COLLATE "C", registration_id)) AS known
     WHERE number % 10 = 0 AND other IS NOT NULL
"""
# Of ten notices one waits, one failed and one is unread; a case has three alerts and nine notices.
FILL_NOTICES: Final = """
    INSERT INTO notification (notification_id, recipient, channel, about, occasion, urgency, juvenile, cause, template,
                              template_version, subject, body, state, created_at, attempts, maybe_doubled, reason,
                              settled_at, read_at, sequence, version)
    SELECT gen_random_uuid(), ($2::text[])[1 + number % cardinality($2::text[])],
           CASE WHEN number % 3 = 0 THEN 'EMAIL' ELSE 'IN_APP' END, md5((number / 9)::text)::uuid,
           'RegistrationOpened', 'urgent', number % 40 = 0, md5(number::text), 'registration_opened', 1,
           'Bapas: satu perkara menunggu', repeat('Buka aplikasi untuk membaca perkara ini. ', 5),
           CASE WHEN number % 30 = 0 THEN 'failed' ELSE 'delivered' END, at, 1, false,
           CASE WHEN number % 30 = 0 THEN 'SMTP_550' END, at, CASE WHEN number % 10 > 0 THEN at END, 1, 2
      FROM (SELECT number, $3::timestamptz - ($1::int - number) * interval '40 minutes' AS at
              FROM generate_series(1, $1::int) AS number) AS made
"""
FILL_ALERTS: Final = """
    INSERT INTO alert (alert_id, about, occasion, juvenile, cause, link, receiving_unit, guidance_unit, officer, rung,
                       state, raised_at, climbs_at, climbed, told, acknowledged_at, acknowledged_by, ended_at, version)
    SELECT gen_random_uuid(), md5((number / 3)::text)::uuid, 'FirstContactOverdue', number % 40 = 0,
           md5(number::text), '/registrations', ($4::text[])[1 + number % cardinality($4::text[])], 'PLG-HQ',
           'PO-HQ-02', 'duty', state, at, CASE WHEN state = 'open' THEN at + interval '1 hour' END, 0,
           '["PO-HQ-01", "AO-HQ-01"]', CASE WHEN state = 'acknowledged' THEN at END,
           CASE WHEN state = 'acknowledged' THEN ($2::text[])[1] END,
           CASE WHEN state IN ('acknowledged', 'withdrawn') THEN at END, 2
      FROM (SELECT number, $3::timestamptz - ($1::int - number) * interval '40 minutes' AS at,
                   CASE WHEN number % 500 = 0 THEN 'open' WHEN number % 1000 = 1 THEN 'unanswered'
                        WHEN number % 3 = 0 THEN 'withdrawn' ELSE 'acknowledged' END AS state
              FROM generate_series(1, $1::int) AS number) AS made
"""
FILL_UNITS: Final = "INSERT INTO roster_unit (unit) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
# Eight hours each, one after the other in every unit; the last of them lie ahead.
FILL_SHIFTS: Final = """
    INSERT INTO shift (shift_id, unit, officer, backup, role, starts_at, ends_at, version)
    SELECT gen_random_uuid(), ($2::text[])[1 + number % cardinality($2::text[])],
           ($4::text[])[1 + number % cardinality($4::text[])], NULL, 'PROBATION_OFFICER', at, at + interval '8 hours', 1
      FROM (SELECT number, $3::timestamptz + (number / cardinality($2::text[])
                           - ($1::int - $5::int) / cardinality($2::text[])) * interval '8 hours' AS at
              FROM generate_series(1, $1::int) AS number) AS made
"""
FILL_CHANGES: Final = """
    INSERT INTO shift_change (shift_id, act, unit, officer, backup, changed_at, changed_by, reason)
    SELECT shift_id, 'loaded', unit, officer, NULL, starts_at - interval '9 days', 'REGH-HQ-01', NULL FROM shift
"""


async def fill_registration(connection: Any, count: int, *, now: datetime, reference: Reference) -> list[Made]:
    """So many cases with their history; they are given back, for those who ask to know whom to ask for."""
    made: list[Made] = []
    for part in _parts(cases(count, now=now, reference=reference)):
        rows = [{**store.REGISTRATIONS.dump(each.case), "version": VERSION} for each in part]
        await connection.execute(store.REGISTRATIONS.upsert, rows_as_json(rows))
        known = [
            {"registration_id": each.case.registration_id, "at": each.known_at, "lines": each.lines} for each in part
        ]
        await connection.execute(FILL_TIMELINE, rows_as_json(known))
        made += part
    await connection.execute(FILL_TRACES)
    await connection.execute(FILL_REGISTERS)
    await connection.execute(FILL_DUPLICATES)
    await settled(connection)
    return made


async def fill_notifications(connection: Any, rows: int, *, now: datetime, reference: Reference) -> None:
    """So many rows in each of ledger, alerts and duty roster."""
    duty = {Role.PROBATION_OFFICER, Role.ASSISTANT_OFFICER}
    officers, units = sorted(reference.officers), sorted(reference.units)
    on_duty = [code for code in officers if reference.officers[code].role in duty]
    await connection.execute(FILL_NOTICES, rows, officers, now)
    await connection.execute(FILL_ALERTS, rows, officers, now, units)
    await connection.execute(FILL_UNITS, units)
    await connection.execute(FILL_SHIFTS, rows, units, now, on_duty, min(SHIFTS_AHEAD, rows // 2))
    await connection.execute(FILL_CHANGES)
    await settled(connection)


def _parts(made: Iterable[Made]) -> Iterator[Sequence[Made]]:
    some = iter(made)
    while part := list(islice(some, TOGETHER)):
        yield part
