"""The one table of the small service."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, columns_of
from tests.bench.service.domain import TrackedRelease


def _load(row: Mapping[str, Any]) -> TrackedRelease:
    return TrackedRelease(row["registration_id"], row["revision"], row["seen"])


TRACKED_RELEASES: Final = Aggregates[UUID, TrackedRelease](
    name="tracked_release",
    key_type="uuid",
    select="""
        SELECT registration_id, revision, seen, version
          FROM tracked_release WHERE registration_id = ANY($1) ORDER BY registration_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO tracked_release (registration_id, revision, seen, version)
        SELECT registration_id, revision, seen, version
          FROM json_to_recordset($1::json) AS r(registration_id uuid, revision int, seen int, version int)
        ON CONFLICT (registration_id) DO UPDATE
           SET revision = EXCLUDED.revision, seen = EXCLUDED.seen, version = EXCLUDED.version
         WHERE tracked_release.version = EXCLUDED.version - 1
    """,
    key=lambda release: release.registration_id,
    load=_load,
    dump=columns_of,
)
