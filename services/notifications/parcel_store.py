"""The SQL of what leaves the house: what is due together, what a receipt is about, and who was reached how."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection, Pool

SELECT_HELD_OVER: Final = """
    SELECT notification_id FROM notification
     WHERE state = 'held' AND held_until <= $1
     ORDER BY held_until, seq LIMIT $2 FOR UPDATE SKIP LOCKED
"""


async def held_over(connection: Connection, *, at: datetime, rows_max: int) -> list[UUID]:
    """Notices whose quiet hours are over, at the office's time; the longest over first."""
    return [row["notification_id"] for row in await connection.fetch(SELECT_HELD_OVER, at, rows_max)]


SELECT_COMPANIONS: Final = """
    SELECT notification_id FROM (
        SELECT notification_id, seq FROM notification WHERE notification_id = $1
        UNION
        SELECT other.notification_id, other.seq
          FROM notification AS one JOIN notification AS other ON other.parcel = one.parcel
         WHERE one.notification_id = $1 AND other.state IN ('pending', 'sending')
        UNION
        SELECT other.notification_id, other.seq
          FROM notification AS one JOIN notification AS other ON other.bundle = one.bundle
         WHERE one.notification_id = $1 AND one.parcel IS NULL AND other.parcel IS NULL AND other.state = 'held'
    ) AS companion ORDER BY seq LIMIT $2
"""


async def companions(connection: Connection, notification_id: UUID, *, rows_max: int) -> list[UUID]:
    """A notice and those that leave with it: of its parcel, or else of what was held with it; in order."""
    rows = await connection.fetch(SELECT_COMPANIONS, notification_id, rows_max)
    return [row["notification_id"] for row in rows]


SELECT_PARCEL: Final = "SELECT notification_id FROM notification WHERE parcel = $1 ORDER BY notification_id"


async def in_parcel(pool: Pool, parcel_id: UUID) -> list[UUID]:
    """The notices that left, or are to leave, in a parcel."""
    return [row["notification_id"] for row in await pool.fetch(SELECT_PARCEL, parcel_id)]


SELECT_REACHED: Final = """
    SELECT channel, state, read_at FROM notification WHERE about = $1 AND cause = $2 AND recipient = $3
"""


async def reached(connection: Connection, *, about: UUID, cause: str, recipient: str) -> Sequence[Mapping[str, Any]]:
    """By which channels somebody is told of a matter for this cause, and how far each has come."""
    return list(await connection.fetch(SELECT_REACHED, about, cause, recipient))
