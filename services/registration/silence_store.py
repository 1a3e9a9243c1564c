"""The SQL of listening to prisons: on which days each was heard, and what was told of those that are silent."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from chassis.aggregates import Aggregates, Rows
from chassis.database import Connection
from services.registration.domain.silence import Watch, Watched

# One row for a prison and a day, whatever it says: the first message writes it and no other waits for a lock.
HEARD: Final = Rows(
    name="facility_heard",
    insert="""
        INSERT INTO facility_heard (facility, heard_on)
        SELECT DISTINCT facility, heard_on
          FROM json_to_recordset($1::json) AS h(facility text, heard_on date)
         ORDER BY facility, heard_on
        ON CONFLICT (facility, heard_on) DO NOTHING
    """,
)
SELECT_LAST_HEARD: Final = "SELECT facility, max(heard_on) AS heard_on FROM facility_heard GROUP BY facility"

# Those of whose silence somebody was told and of whom nothing came since; the one row of the watch is read.
SELECT_SILENT: Final = """
    SELECT each ->> 'facility' AS facility, (each ->> 'since')::date AS since
      FROM facility_watch CROSS JOIN jsonb_array_elements(facilities) AS each
     WHERE each ->> 'told_on' IS NOT NULL
       AND NOT EXISTS (SELECT FROM facility_heard
                        WHERE facility_heard.facility = each ->> 'facility'
                          AND (heard_on > (each ->> 'since')::date OR NOT (each ->> 'has_spoken')::boolean))
"""


def load(row: Mapping[str, Any]) -> Watch:
    """What is remembered, from its row."""
    return Watch(
        watch_id=row["watch_id"],
        facilities=tuple(
            Watched(
                facility=each["facility"],
                since=date.fromisoformat(each["since"]),
                has_spoken=each["has_spoken"],
                told_on=None if each["told_on"] is None else date.fromisoformat(each["told_on"]),
            )
            for each in row["facilities"]
        ),
        sequence=row["sequence"],
    )


def _key(watch: Watch) -> str:
    return watch.watch_id


WATCHES: Final = Aggregates[str, Watch](
    name="facility_watch",
    key_type="text",
    select="""
        SELECT watch_id, facilities, sequence, version
          FROM facility_watch WHERE watch_id = ANY($1) ORDER BY watch_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO facility_watch (watch_id, facilities, sequence, version)
        SELECT watch_id, facilities, sequence, version
          FROM json_to_recordset($1::json) AS w(watch_id text, facilities jsonb, sequence bigint, version int)
        ON CONFLICT (watch_id) DO UPDATE
           SET facilities = EXCLUDED.facilities, sequence = EXCLUDED.sequence, version = EXCLUDED.version
         WHERE facility_watch.version = EXCLUDED.version - 1
    """,
    key=_key,
    load=load,
    dump=asdict,
)


async def last_heard(connection: Connection) -> Mapping[str, date]:
    """By facility the last day on which it was heard."""
    return {row["facility"]: row["heard_on"] for row in await connection.fetch(SELECT_LAST_HEARD)}


async def silent(connection: Connection) -> Mapping[str, date]:
    """Since when each facility is silent of whose silence somebody was told."""
    return {row["facility"]: row["since"] for row in await connection.fetch(SELECT_SILENT)}
