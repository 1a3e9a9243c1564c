"""The SQL of the duty roster."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, Rows
from chassis.database import Connection, Pool
from services.notifications.domain.gaps import Gap, ToldGap, Watch
from services.notifications.domain.roster import Planned, Shift


def _load_watch(row: Mapping[str, Any]) -> Watch:
    return Watch(office=row["office"], gaps=tuple(_load_gap(each) for each in row["gaps"]))


def _load_gap(row: Mapping[str, Any]) -> ToldGap:
    gap = row["gap"]
    ends_at = None if gap["ends_at"] is None else datetime.fromisoformat(gap["ends_at"])
    return ToldGap(
        gap_id=UUID(row["gap_id"]),
        gap=Gap(unit=gap["unit"], starts_at=datetime.fromisoformat(gap["starts_at"]), ends_at=ends_at),
        told_at=datetime.fromisoformat(row["told_at"]),
        told=tuple(row["told"]),
    )


SELECT_TOLD: Final = "SELECT office, gaps FROM roster_watch WHERE office = $1"


async def told_gaps(pool: Pool | Connection, *, office: str) -> tuple[ToldGap, ...]:
    """The holes that were told and are still open."""
    row = await pool.fetchrow(SELECT_TOLD, office)
    return () if row is None else _load_watch(row).gaps


# Its row is locked by every change of the roster: so no two of them decide on the same plan at once.
WATCHES: Final = Aggregates[str, Watch](
    name="roster_watch",
    key_type="text",
    select="SELECT office, gaps, version FROM roster_watch WHERE office = ANY($1) ORDER BY office FOR UPDATE",
    upsert="""
        INSERT INTO roster_watch (office, gaps, version)
        SELECT office, gaps, version FROM json_to_recordset($1::json) AS w(office text, gaps jsonb, version int)
        ON CONFLICT (office) DO UPDATE SET gaps = EXCLUDED.gaps, version = EXCLUDED.version
         WHERE roster_watch.version = EXCLUDED.version - 1
    """,
    key=lambda watch: watch.office,
    load=_load_watch,
    dump=asdict,
)

KEPT: Final = Rows(
    name="roster_unit",
    insert="""
        INSERT INTO roster_unit (unit) SELECT unit FROM json_to_recordset($1::json) AS u(unit text)
        ON CONFLICT (unit) DO NOTHING
    """,
)
LOADED: Final = Rows(
    name="shift",
    insert="""
        INSERT INTO shift (shift_id, unit, officer, backup, role, starts_at, ends_at, version)
        SELECT shift_id, unit, officer, backup, role, starts_at, ends_at, 1
          FROM json_to_recordset($1::json)
               AS s(shift_id uuid, unit text, officer text, backup text, role text, starts_at timestamptz,
                    ends_at timestamptz)
    """,
)
CHANGES: Final = Rows(
    name="shift_change",
    insert="""
        INSERT INTO shift_change (shift_id, act, unit, officer, backup, changed_at, changed_by, reason)
        SELECT shift_id, act, unit, officer, backup, changed_at, changed_by, reason
          FROM json_to_recordset($1::json)
               AS c(shift_id uuid, act text, unit text, officer text, backup text, changed_at timestamptz,
                    changed_by text, reason text)
    """,
)

SELECT_ON_DUTY: Final = """
    SELECT kept.unit AS kept_unit, shift.shift_id, shift.unit, shift.officer, shift.backup, shift.role,
           shift.starts_at, shift.ends_at, shift.version
      FROM roster_unit AS kept
      LEFT JOIN shift ON shift.unit = kept.unit AND shift.starts_at <= $2 AND shift.ends_at > $2
     WHERE kept.unit = ANY($1)
     ORDER BY shift.starts_at, shift.shift_id
"""


async def on_duty(
    connection: Connection | Pool, *, units: Collection[str], at: datetime
) -> tuple[frozenset[str], list[Planned]]:
    """Those of the units whose roster is kept here, and the shifts that are on there at an instant."""
    rows = await connection.fetch(SELECT_ON_DUTY, list(units), at)
    return frozenset(row["kept_unit"] for row in rows), [_planned(row) for row in rows if row["shift_id"] is not None]


SELECT_BETWEEN: Final = """
    SELECT shift_id, unit, officer, backup, role, starts_at, ends_at, version
      FROM shift WHERE ends_at > $1 AND starts_at < $2 ORDER BY starts_at, shift_id
"""


async def between(connection: Connection, *, starts_at: datetime, ends_at: datetime) -> dict[UUID, Planned]:
    """The shifts that are on at some time of a span."""
    rows = await connection.fetch(SELECT_BETWEEN, starts_at, ends_at)
    return {row["shift_id"]: _planned(row) for row in rows}


SELECT_SHIFT: Final = """
    SELECT shift_id, unit, officer, backup, role, starts_at, ends_at, version FROM shift WHERE shift_id = $1
"""


async def find(connection: Connection | Pool, shift_id: UUID) -> tuple[Planned, int] | None:
    """A shift and its version."""
    row = await connection.fetchrow(SELECT_SHIFT, shift_id)
    return None if row is None else (_planned(row), row["version"])


SWAP: Final = "UPDATE shift SET officer = $3, backup = $4, version = version + 1 WHERE shift_id = $1 AND version = $2"
REMOVE: Final = "DELETE FROM shift WHERE shift_id = $1 AND version = $2"


async def put_in(connection: Connection, planned: Planned, *, version: int) -> None:
    """Let somebody else serve a shift; the watch is locked, so the version is the one that was read."""
    await connection.execute(SWAP, planned.shift_id, version, planned.shift.officer, planned.shift.backup)


async def take_out(connection: Connection, shift_id: UUID, *, version: int) -> None:
    """Take a shift out of the plan; its history stays."""
    await connection.execute(REMOVE, shift_id, version)


# The last shift that ended by now says where a hole that is open now began.
SELECT_AHEAD: Final = """
    SELECT shift_id, unit, officer, backup, role, starts_at, ends_at, version
      FROM shift WHERE ends_at > $2 AND unit = ANY($1)
    UNION ALL
    SELECT past.shift_id, past.unit, past.officer, past.backup, past.role, past.starts_at, past.ends_at, past.version
      FROM unnest($1::text[]) AS kept(unit)
     CROSS JOIN LATERAL (SELECT * FROM shift WHERE shift.unit = kept.unit AND shift.ends_at <= $2
                          ORDER BY shift.ends_at DESC LIMIT 1) AS past
"""
SELECT_KEPT: Final = "SELECT unit FROM roster_unit ORDER BY unit"


async def kept_units(connection: Connection | Pool) -> list[str]:
    """The units whose roster is kept here."""
    return [row["unit"] for row in await connection.fetch(SELECT_KEPT)]


async def ahead(connection: Connection | Pool, *, units: Sequence[str], now: datetime) -> list[Shift]:
    """What is planned for these units from now on, and the last shift of each before that."""
    return [_planned(row).shift for row in await connection.fetch(SELECT_AHEAD, list(units), now)]


SELECT_SHIFTS: Final = """
    SELECT shift_id, unit, officer, backup, role, starts_at, ends_at, version
      FROM shift
     WHERE ($1::text IS NULL OR unit = $1) AND ends_at > $2 AND ($3::timestamptz IS NULL OR starts_at < $3)
       AND ($4::timestamptz IS NULL OR (starts_at, shift_id) > ($4, $5::uuid))
     ORDER BY starts_at, shift_id LIMIT $6
"""
SELECT_CHANGES: Final = """
    SELECT seq, act, unit, officer, backup, changed_at, changed_by, reason
      FROM shift_change WHERE shift_id = $1 AND ($2::bigint IS NULL OR seq > $2) ORDER BY seq LIMIT $3
"""


async def shifts(
    pool: Pool,
    *,
    unit: str | None,
    since: datetime,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    rows_max: int,
) -> list[Mapping[str, Any]]:
    """What is planned, in the order in which it begins."""
    begun, last = after or (None, None)
    return list(await pool.fetch(SELECT_SHIFTS, unit, since, until, begun, last, rows_max))


async def changes(pool: Pool, shift_id: UUID, *, after: int | None, rows_max: int) -> list[Mapping[str, Any]]:
    """What was done to a shift, in order; also of one that is not planned any more."""
    return list(await pool.fetch(SELECT_CHANGES, shift_id, after, rows_max))


def _planned(row: Mapping[str, Any]) -> Planned:
    shift = Shift(
        unit=row["unit"],
        officer=row["officer"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        role=row["role"],
        backup=row["backup"],
    )
    return Planned(shift_id=row["shift_id"], shift=shift)
