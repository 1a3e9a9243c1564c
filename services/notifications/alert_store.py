"""The SQL of alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates
from chassis.database import Connection, Pool
from services.notifications.domain.audience import Audience
from services.notifications.domain.climb import Alert, AlertState


def _load_alert(row: Mapping[str, Any]) -> Alert:
    typed = {"rung": Audience(row["rung"]), "state": AlertState(row["state"]), "told": tuple(row["told"])}
    return Alert(**{name: row[name] for name in row.keys() if name != "version"} | typed)  # noqa: SIM118  a Record


# Locked last, when a case or a notice says which it is: nothing else waits behind an alert.
ALERTS: Final = Aggregates[UUID, Alert](
    name="alert",
    key_type="uuid",
    select="""
        SELECT alert_id, about, occasion, juvenile, cause, link, receiving_unit, guidance_unit, officer, rung, state,
               raised_at, climbs_at, climbed, told, acknowledged_at, acknowledged_by, ended_at, version
          FROM alert WHERE alert_id = ANY($1) ORDER BY alert_id FOR UPDATE
    """,
    # Why it was raised and of what it tells stays as it was written.
    upsert="""
        INSERT INTO alert (alert_id, about, occasion, juvenile, cause, link, receiving_unit, guidance_unit, officer,
                           rung, state, raised_at, climbs_at, climbed, told, acknowledged_at, acknowledged_by,
                           ended_at, version)
        SELECT alert_id, about, occasion, juvenile, cause, link, receiving_unit, guidance_unit, officer,
               rung, state, raised_at, climbs_at, climbed, told, acknowledged_at, acknowledged_by,
               ended_at, version
          FROM json_to_recordset($1::json)
               AS a(alert_id uuid, about uuid, occasion text, juvenile boolean, cause text, link text,
                    receiving_unit text, guidance_unit text, officer text, rung text, state text,
                    raised_at timestamptz, climbs_at timestamptz, climbed int, told jsonb,
                    acknowledged_at timestamptz, acknowledged_by text, ended_at timestamptz, version int)
        ON CONFLICT (alert_id) DO UPDATE
           SET rung = EXCLUDED.rung, state = EXCLUDED.state, climbs_at = EXCLUDED.climbs_at,
               climbed = EXCLUDED.climbed, told = EXCLUDED.told, acknowledged_at = EXCLUDED.acknowledged_at,
               acknowledged_by = EXCLUDED.acknowledged_by, ended_at = EXCLUDED.ended_at, version = EXCLUDED.version
         WHERE alert.version = EXCLUDED.version - 1
    """,
    key=lambda alert: alert.alert_id,
    load=_load_alert,
    dump=asdict,
)

SELECT_REMINDED: Final = """
    SELECT alert_id FROM alert
     WHERE about = $1 AND occasion = $2 AND state IN ('open', 'unanswered') ORDER BY alert_id
"""


async def open_alerts(connection: Connection, *, about: UUID, occasion: str) -> list[UUID]:
    """The alerts of a matter on one occasion of which somebody should still take care."""
    return [row["alert_id"] for row in await connection.fetch(SELECT_REMINDED, about, occasion)]


# All who are told on one occasion are told the same; the words that say most are the first ones.
SELECT_WORDS: Final = "SELECT body FROM notification WHERE about = $1 AND cause = $2 ORDER BY seq LIMIT 1"


async def words_of(connection: Connection, alert: Alert) -> str:
    """What the first ones were told."""
    return str(await connection.fetchval(SELECT_WORDS, alert.about, alert.cause) or "")


SELECT_ALERTS: Final = """
    SELECT seq, alert_id, about, occasion, juvenile, cause, link, receiving_unit, guidance_unit, officer, rung, state,
           raised_at, climbs_at, climbed, told, acknowledged_at, acknowledged_by, ended_at
      FROM alert
     WHERE ($1::uuid IS NULL OR about = $1)
       AND ($2::text[] IS NULL OR state = ANY($2))
       AND ($3::boolean OR NOT juvenile)
       AND ($4::bigint IS NULL OR seq < $4)
     ORDER BY seq DESC LIMIT $5
"""


async def alerts(
    pool: Pool, *, about: UUID | None, states: Sequence[str] | None, juvenile: bool, before: int | None, rows_max: int
) -> list[Mapping[str, Any]]:
    """What somebody must take care of, the newest first; children only for who may know of them."""
    return list(await pool.fetch(SELECT_ALERTS, about, states, juvenile, before, rows_max))
