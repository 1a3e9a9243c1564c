"""The registers of a service: one entry for every number that is given, live or void, in the transaction that gives it.

A service that says `registers=True` has the table; see `chassis.numbers` for the counters.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.aggregates import Aggregates
from chassis.database import CHASSIS_MIGRATIONS
from chassis.rules.numbering import local_year
from chassis.rules.registers import Entry, Line, NothingIsEntered, YearIsClosed
from chassis.rules.registers import enter as entered
from chassis.rules.registers import void as struck_out
from chassis.work import WorkingSet

REGISTER_MIGRATIONS: Final[Path] = CHASSIS_MIGRATIONS / "registers"

TakeNumber = Callable[..., Awaitable[int]]


@dataclass(frozen=True)
class Standing:
    """What stands in a register of one subject: the live entry, and those that this transaction has struck out."""

    register: str
    subject: UUID
    live: Entry | None = None
    void: tuple[Entry, ...] = ()


def _load(row: Mapping[str, Any]) -> Standing:
    entry = Entry(**{name: value for name, value in row.items() if name != "version"})
    return Standing(entry.register, entry.subject, entry)


def _dump(standing: Standing) -> dict[str, Any]:
    # Void before live: what is struck out makes room for another live entry of the same subject.
    return {"entries": [*standing.void, *([] if standing.live is None else [standing.live])]}


def _key(standing: Standing) -> str:
    return key_of(standing.register, standing.subject)


def key_of(register: str, subject: UUID) -> str:
    """The key under which a subject stands in a register."""
    return f"{register}|{subject}"


STANDINGS: Final = Aggregates[str, Standing](
    name="~register_entry",  # sorts behind the counters, which come behind every service's table
    key_type="text",
    select="""
        SELECT e.unit, e.register, e.year, e.seq, e.number, e.subject, e.state, e.reason, e.entered_by, e.entered_at,
               1 AS version
          FROM unnest($1::text[]) AS wanted(key)
          JOIN register_entry AS e
            ON e.register = split_part(wanted.key, '|', 1) AND e.subject = split_part(wanted.key, '|', 2)::uuid
           AND e.state = 'live'
         ORDER BY e.register, e.subject FOR UPDATE OF e
    """,
    upsert="""
        WITH entry AS (
            SELECT e.*
              FROM json_to_recordset($1::json) AS standing(entries json),
                   json_to_recordset(standing.entries)
                   AS e(unit text, register text, year int, seq int, number text, subject uuid, state text,
                        reason text, entered_by text, entered_at timestamptz)
        ), written AS (
            INSERT INTO register_entry (unit, register, year, seq, number, subject, state, reason, entered_by,
                                        entered_at)
            SELECT unit, register, year, seq, number, subject, state, reason, entered_by, entered_at
              FROM entry ORDER BY state DESC, unit, register, year, seq
            ON CONFLICT (unit, register, year, seq) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason
             WHERE register_entry.subject = EXCLUDED.subject
               AND (register_entry.state = 'live' OR EXCLUDED.state = 'void')
            RETURNING 1
        )
        SELECT FROM json_array_elements($1::json)
         WHERE (SELECT count(*) FROM written) = (SELECT count(*) FROM entry)
    """,
    key=_key,
    load=_load,
    dump=_dump,
)

SELECT_LATER_YEAR: Final = """
    SELECT EXISTS (SELECT FROM register_entry WHERE unit = $1 AND register = $2 AND year > $3 AND state = 'live')
"""


async def enter(
    work: WorkingSet, line: Line, *, by: str, at: datetime, zone: ZoneInfo, take_number: TakeNumber
) -> Entry:
    """Enter a line under the next number of its unit, register and year; what stands there already keeps its own.

    Raises YearIsClosed where a live entry of a later year stands in the register of this unit.
    """
    key = key_of(line.register, line.subject)
    standing = await work.lock_late(STANDINGS, key) or Standing(line.register, line.subject)
    if standing.live is not None:
        return standing.live
    year = local_year(at, zone)
    if await work.connection.fetchval(SELECT_LATER_YEAR, line.unit, line.register, year):
        raise YearIsClosed
    seq = await take_number(unit=line.unit, register=line.register, year=year)
    entry = entered(line, seq=seq, by=by, at=at, zone=zone)
    work.save(STANDINGS, replace(standing, live=entry))
    return entry


async def void(work: WorkingSet, *, register: str, subject: UUID, reason: str) -> Entry:
    """Strike out what stands in the register of a subject. Raises NothingIsEntered where there is nothing."""
    standing = await work.lock_late(STANDINGS, key_of(register, subject))
    if standing is None or standing.live is None:
        raise NothingIsEntered
    entry = struck_out(standing.live, reason=reason)
    work.save(STANDINGS, replace(standing, live=None, void=(*standing.void, entry)))
    return entry
