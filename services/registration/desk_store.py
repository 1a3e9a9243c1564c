"""The SQL of the lists that a section head keeps an eye on: offers to other offices, contacts without fingerprint."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.database import Pool
from services.registration.domain.case import Registration
from services.registration.store import ACQUIRE_TIMEOUT_SECONDS, load

SELECT_OFFERED: Final = """
    SELECT registration_id, release_id, status, receiving_unit, guidance_unit, holder_unit, epoch, juvenile,
           missing, walk_in, announcement, release, cancellation, revocation, unconfirmed_on, rungs_recorded, tracing,
           contact, identity_level, biometric_status, submission_from, submission_overdue, submitted, registered,
           officer, offer, handed_on_to, files_chased_at, closure, bound_to, sequence
      FROM registration
     WHERE offer IS NOT NULL AND ($1::uuid IS NULL OR registration_id > $1)
     ORDER BY registration_id LIMIT $2
"""
SELECT_FINGERPRINTS: Final = """
    SELECT receiving_unit AS unit, count(*) AS contacts,
           count(*) FILTER (WHERE identity_level = 'L3') AS with_fingerprint,
           count(*) FILTER (WHERE biometric_status = 'QUALITY_LOW') AS quality_low,
           count(*) FILTER (WHERE biometric_status = 'DEVICE_DOWN') AS device_down,
           count(*) FILTER (WHERE biometric_status = 'REFUSED') AS refused,
           count(*) FILTER (WHERE biometric_status = 'EXEMPT') AS exempt,
           count(*) FILTER (WHERE biometric_status = 'NOT_AVAILABLE') AS not_available,
           count(*) FILTER (WHERE identity_level <> 'L3') AS to_follow_up
      FROM registration
     WHERE contact_at >= $1 AND contact_at < $2 AND bound_to IS NULL
     GROUP BY receiving_unit ORDER BY receiving_unit
"""


async def offered(pool: Pool, *, after: UUID | None, rows_max: int) -> Sequence[Registration]:
    """Clients who are offered to another office that has not answered, after this one."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows = await connection.fetch(SELECT_OFFERED, after, rows_max)
    return [load(row) for row in rows]


async def fingerprints(pool: Pool, *, begins: datetime, ends: datetime) -> Sequence[Mapping[str, Any]]:
    """First contacts of a period by receiving unit, and how many of them have no fingerprint for which reason."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
        rows: Sequence[Mapping[str, Any]] = await connection.fetch(SELECT_FINGERPRINTS, begins, ends)
    return rows
