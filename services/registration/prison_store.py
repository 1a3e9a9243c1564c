"""What prisons read of their own releases: by the id, and whatever changed since they asked last.

Whoever walked in and was reported by no prison is nothing that a prison reads; once reported, their release stands
where the walk-in does.

A release has its place in the order of changes at the transaction that changed it last, in what its prison is shown.
Transactions are numbered when they begin to write and commit in any order, so a reader that followed the numbers alone
would pass over whoever commits late. It therefore stops below the oldest transaction that is still writing: every
number below that is settled for good, and whoever commits later stands behind. A long transaction, anywhere in the
cluster, delays what is read and hides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from chassis.database import Pool
from chassis.sight import Source
from services.registration.domain.case import Registration
from services.registration.store import ACQUIRE_TIMEOUT_SECONDS, load

# All columns: which of them make a registration is said where it is loaded.
SELECT_OWN: Final = """
    SELECT registration.* FROM registration WHERE registration_id = $1 AND facility = $2
"""
SELECT_CHANGED: Final = """
    SELECT registration.*, changed_by::text::bigint AS place FROM registration
     WHERE facility = $1 AND bound_to IS NULL
       AND (walk_in IS NULL OR num_nonnulls(announcement, release, cancellation, revocation) > 0)
       AND changed_by < pg_snapshot_xmin(pg_current_snapshot())
       AND (changed_by, registration_id) > ($2::text::xid8, $3::uuid)
     ORDER BY changed_by, registration_id LIMIT $4
"""
SELECT_KNOWN: Final = """
    SELECT registration_id FROM registration
     WHERE registration_id = ANY($1) AND ($2::text IS NULL OR facility = $2)
"""
SELECT_UNLISTED: Final = """
    SELECT registration.* FROM registration
      JOIN unnest($1::text[], $2::date[], $3::date[]) AS span(of_facility, first_day, last_day)
        ON facility = of_facility
     WHERE bound_to IS NULL AND status NOT IN ('cancelled', 'closed', 'handed_on')
       AND coalesce((released_at AT TIME ZONE $5)::date, (announcement ->> 'releases_on')::date)
           BETWEEN first_day AND last_day
       AND registration_id <> ALL ($4)
       AND registration_id <> ALL (ARRAY(SELECT bound_to FROM registration AS listed
                                          WHERE listed.registration_id = ANY ($4) AND bound_to IS NOT NULL))
     ORDER BY facility, coalesce(released_at, (announcement ->> 'releases_on')::date), registration_id LIMIT $6
"""
SELECT_HISTORY: Final = """
    SELECT system_identifier::text || '.' || timeline_id::text FROM pg_control_system(), pg_control_checkpoint()
"""


@dataclass(frozen=True)
class Place:
    """A place in the order of changes: everything up to it was read."""

    history: str
    """Which database counts: one that was restored from a backup gives its numbers a second time."""
    changed_by: int
    registration_id: UUID


@dataclass(frozen=True)
class Changed:
    """A release as it stands now, and its place in the order of changes."""

    case: Registration
    place: Place


async def find_own(source: Source, registration_id: UUID, *, facility: str) -> Registration | None:
    """A release of this facility, where it counts; none where there is none, it is another's, or nobody reported it."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_OWN, registration_id, facility)
        if row is not None and row["bound_to"] is not None:
            row = await connection.fetchrow(SELECT_OWN, row["bound_to"], facility)
    case = None if row is None else load(row)
    return None if case is None or case.is_unreported else case


async def beginning(pool: Pool) -> Place:
    """The place before every change of this database."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return Place(await connection.fetchval(SELECT_HISTORY), 0, UUID(int=0))


async def changed_after(source: Source, place: Place, *, facility: str, rows_max: int) -> Sequence[Changed]:
    """The releases of this facility that changed after a place, each once and as it stands now, in order."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_CHANGED, facility, str(place.changed_by), place.registration_id, rows_max)
    return [Changed(load(row), Place(place.history, row["place"], row["registration_id"])) for row in rows]


async def known(source: Source, registration_ids: Sequence[UUID], *, facility: str | None) -> frozenset[UUID]:
    """Which of these are known here; with a facility, which of its own."""
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_KNOWN, registration_ids, facility)
    return frozenset(row["registration_id"] for row in rows)


async def unlisted(
    source: Source,
    *,
    spans: Sequence[tuple[str, date, date]],
    listed: Sequence[UUID],
    zone: str,
    rows_max: int,
) -> Sequence[Registration]:
    """Releases of these facilities and days that prisons have reported, that are not over, and that are not listed."""
    facilities, first_days, last_days = ([span[at] for span in spans] for at in range(3))
    async with source.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_UNLISTED, facilities, first_days, last_days, listed, zone, rows_max)
    return [load(row) for row in rows]
