"""The SQL of broken glass: to whom a case was opened, and until when."""

from datetime import datetime
from typing import Final
from uuid import UUID

from chassis.aggregates import Rows
from chassis.database import Connection, Pool
from services.registration.store import ACQUIRE_TIMEOUT_SECONDS

BROKEN_GLASS: Final = Rows(
    name="broken_glass",
    insert="""
        INSERT INTO broken_glass (glass_id, registration_id, officer, broken_at, until)
        SELECT glass_id, registration_id, officer, broken_at, until
          FROM json_to_recordset($1::json)
               AS g(glass_id uuid, registration_id uuid, officer text, broken_at timestamptz, until timestamptz)
    """,
)

SELECT_UNTIL: Final = "SELECT max(until) FROM broken_glass WHERE registration_id = $1 AND officer = $2"


async def until(connection: Connection, registration_id: UUID, officer: str) -> datetime | None:
    """Until when a case is, or was, open to an officer; None where its glass was never broken."""
    found: datetime | None = await connection.fetchval(SELECT_UNTIL, registration_id, officer)
    return found


async def is_open(pool: Pool, registration_id: UUID, officer: str, *, now: datetime) -> bool:
    """Whether a case is open to an officer who broke its glass."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        ends = await until(connection, registration_id, officer)
    return ends is not None and now < ends
