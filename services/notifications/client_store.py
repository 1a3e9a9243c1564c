"""The SQL of clients who are reminded; their telephone numbers stand in this table and nowhere else."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, columns_of
from chassis.database import Pool
from services.notifications.domain.reminding import Client


def _load_client(row: Mapping[str, Any]) -> Client:
    columns = {name: row[name] for name in row.keys() if name != "version"}  # noqa: SIM118  a Record
    return Client(**columns | {"reminded": tuple(row["reminded"])})


# Locked last where a fact about a registration says which client it is: nothing else waits behind a client.
CLIENTS: Final = Aggregates[UUID, Client](
    name="client_reach",
    key_type="uuid",
    select="""
        SELECT client_id, registration_id, juvenile, phone, refused, erased_at, appointment_at, appointment_due_at,
               report_from, report_until, report_due_at, came, over, reminded, version
          FROM client_reach WHERE client_id = ANY($1) ORDER BY client_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO client_reach (client_id, registration_id, juvenile, phone, refused, erased_at, appointment_at,
                                  appointment_due_at, report_from, report_until, report_due_at, came, over, reminded,
                                  version)
        SELECT client_id, registration_id, juvenile, phone, refused, erased_at, appointment_at,
               appointment_due_at, report_from, report_until, report_due_at, came, over, reminded, version
          FROM json_to_recordset($1::json)
               AS c(client_id uuid, registration_id uuid, juvenile boolean, phone text, refused boolean,
                    erased_at timestamptz, appointment_at timestamptz, appointment_due_at timestamptz,
                    report_from date, report_until date, report_due_at timestamptz, came boolean, over boolean,
                    reminded jsonb, version int)
        ON CONFLICT (client_id) DO UPDATE
           SET registration_id = EXCLUDED.registration_id, juvenile = EXCLUDED.juvenile, phone = EXCLUDED.phone,
               refused = EXCLUDED.refused, erased_at = EXCLUDED.erased_at, appointment_at = EXCLUDED.appointment_at,
               appointment_due_at = EXCLUDED.appointment_due_at, report_from = EXCLUDED.report_from,
               report_until = EXCLUDED.report_until, report_due_at = EXCLUDED.report_due_at, came = EXCLUDED.came,
               over = EXCLUDED.over, reminded = EXCLUDED.reminded, version = EXCLUDED.version
         WHERE client_reach.version = EXCLUDED.version - 1
    """,
    key=lambda client: client.client_id,
    load=_load_client,
    dump=columns_of,
)

SELECT_PHONE: Final = "SELECT phone FROM client_reach WHERE client_id = $1 AND NOT refused AND NOT over"


async def phone_of(pool: Pool, client_id: UUID) -> str | None:
    """The number of a client as it is now; none once it was erased or refused, or the case has ended."""
    found: str | None = await pool.fetchval(SELECT_PHONE, client_id)
    return found
