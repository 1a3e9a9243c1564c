"""What a prison reads of its own requests: one by its id, and whatever changed since it asked last.

A request has its place in the order of changes at the transaction that changed it last, in what its prison is shown.
Transactions are numbered when they begin to write and commit in any order, so a reader stops below the oldest one that
is still writing: every number below that is settled for good, and whoever commits later stands behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.database import Pool
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.store import ACQUIRE_TIMEOUT_SECONDS, load

SELECT_OWN: Final = "SELECT litmas.* FROM litmas WHERE litmas_id = $1 AND facility = $2"
SELECT_CHANGED: Final = """
    SELECT litmas.*, changed_by::text::bigint AS place FROM litmas
     WHERE facility = $1
       AND changed_by < pg_snapshot_xmin(pg_current_snapshot())
       AND (changed_by, litmas_id) > ($2::text::xid8, $3::uuid)
     ORDER BY changed_by, litmas_id LIMIT $4
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
    litmas_id: UUID


@dataclass(frozen=True)
class Changed:
    """A request as it stands now, and its place in the order of changes."""

    case: Litmas
    place: Place


async def find_own(pool: Pool, litmas_id: UUID, *, facility: str) -> Litmas | None:
    """A request of this facility; none where there is none or it is another's."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        row = await connection.fetchrow(SELECT_OWN, litmas_id, facility)
    return None if row is None else load(row)


async def beginning(pool: Pool) -> Place:
    """The place before every change of this database."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        return Place(await connection.fetchval(SELECT_HISTORY), 0, UUID(int=0))


async def changed_after(pool: Pool, place: Place, *, facility: str, rows_max: int) -> Sequence[Changed]:
    """The requests of this facility that changed after a place, each once and as it stands now, in order."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_CHANGED, facility, str(place.changed_by), place.litmas_id, rows_max)
    return [Changed(load(row), Place(place.history, row["place"], row["litmas_id"])) for row in rows]
