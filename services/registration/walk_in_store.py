"""The SQL of the walk-ins that wait for their prison's report, and of the releases that may be theirs."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from chassis.database import Pool
from services.registration.domain.case import Registration
from services.registration.store import ACQUIRE_TIMEOUT_SECONDS, load, name_key_of

MATCHES_MAX: Final = 20

SELECT_UNREPORTED: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration
     WHERE walk_in IS NOT NULL AND announcement IS NULL AND release IS NULL AND cancellation IS NULL
       AND revocation IS NULL AND bound_to IS NULL
       AND ($1::uuid IS NULL OR registration_id > $1)
     ORDER BY registration_id LIMIT $2
"""
# Each arm reads an index: the name among all, the number and the business key among those whose cases are open.
SELECT_MATCHES: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration
     WHERE registration_id IN (
               SELECT registration_id FROM registration WHERE name_key COLLATE "C" = $1
               UNION
               SELECT registration_id FROM registration
                WHERE status IN ('released', 'contact_overdue', 'tracing', 'absconded_suspected')
                  AND facility = $2 AND prison_register_no = $3
               UNION
               SELECT registration_id FROM registration
                WHERE released_at IS NULL AND facility = $2 AND prison_register_no = $3
                  AND status IN ('release_announced', 'pre_registered', 'provisionally_registered')
               UNION
               SELECT registration_id FROM registration
                WHERE business_id = $4 AND status NOT IN ('registered', 'closed', 'handed_on'))
       AND walk_in IS NULL AND bound_to IS NULL AND contact IS NULL
     ORDER BY registration_id LIMIT $5
"""


async def unreported(pool: Pool, *, after: UUID | None, rows_max: int) -> Sequence[Registration]:
    """Walk-ins of whom no prison has said anything yet, after this one."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_UNREPORTED, after, rows_max)
    return [load(row) for row in rows]


async def possible_matches(pool: Pool, walk_in: Registration) -> Sequence[Registration]:
    """Releases that nobody was met under and that may be this walk-in's: the same name, number or business key."""
    person = walk_in.origin
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(
            SELECT_MATCHES,
            name_key_of(walk_in),
            person.facility,
            person.prison_register_no,
            walk_in.business_id,
            MATCHES_MAX,
        )
    return [load(row) for row in rows]
