"""The SQL of what officers say of how they want to be told."""

from collections.abc import Mapping
from datetime import time
from typing import Any, Final

from chassis.aggregates import Aggregates
from chassis.database import Connection, Pool
from contracts.notifications import Channel
from services.notifications.domain.preference import QuietHours, Wish


def _load_wish(row: Mapping[str, Any]) -> Wish:
    quiet = row["quiet"]
    return Wish(
        officer=row["officer"],
        channels=tuple(Channel(each) for each in row["channels"]),
        quiet=None
        if quiet is None
        else QuietHours(
            time.fromisoformat(quiet["begins"]), time.fromisoformat(quiet["ends"]), holds_urgent=quiet["holds_urgent"]
        ),
        changed_at=row["changed_at"],
        version=row["version"],
    )


def _dump_wish(wish: Wish) -> dict[str, Any]:
    quiet = wish.quiet
    return {
        "officer": wish.officer,
        "channels": list(wish.channels),
        "quiet": None
        if quiet is None
        else {
            "begins": quiet.begins.isoformat(),
            "ends": quiet.ends.isoformat(),
            "holds_urgent": quiet.holds_urgent,
        },
        "changed_at": wish.changed_at,
    }


WISHES: Final = Aggregates[str, Wish](
    name="preference",
    key_type="text",
    select="""
        SELECT officer, channels, quiet, changed_at, version
          FROM preference WHERE officer = ANY($1) ORDER BY officer FOR UPDATE
    """,
    upsert="""
        INSERT INTO preference (officer, channels, quiet, changed_at, version)
        SELECT officer, channels, nullif(quiet, 'null'::jsonb), changed_at, version
          FROM json_to_recordset($1::json)
               AS p(officer text, channels jsonb, quiet jsonb, changed_at timestamptz, version int)
        ON CONFLICT (officer) DO UPDATE
           SET channels = EXCLUDED.channels, quiet = EXCLUDED.quiet, changed_at = EXCLUDED.changed_at,
               version = EXCLUDED.version
         WHERE preference.version = EXCLUDED.version - 1
    """,
    key=lambda wish: wish.officer,
    load=_load_wish,
    dump=_dump_wish,
)

SELECT_WISHES: Final = "SELECT officer, channels, quiet, changed_at, version FROM preference"
SELECT_WISH: Final = "SELECT officer, channels, quiet, changed_at, version FROM preference WHERE officer = $1"


async def wishes(connection: Connection | Pool) -> list[Wish]:
    """What everybody says who says anything; an office has tens of officers."""
    return [_load_wish(row) for row in await connection.fetch(SELECT_WISHES)]


async def wish_of(pool: Pool, officer: str) -> Wish | None:
    """What one officer says."""
    row = await pool.fetchrow(SELECT_WISH, officer)
    return None if row is None else _load_wish(row)
