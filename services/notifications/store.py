"""The SQL of notifications' own database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.aggregates import Aggregates, Rows
from chassis.database import Connection, Pool
from chassis.senders import Backlog
from contracts.notifications import Channel
from services.notifications.domain.climb import OpenAlert
from services.notifications.domain.ledger import Notice, State, Urgency
from services.notifications.domain.telling import Case, Standing


def _load_case(row: Mapping[str, Any]) -> Case:
    return Case(
        registration_id=row["registration_id"],
        receiving_unit=row["receiving_unit"],
        guidance_unit=row["guidance_unit"],
        officer=row["officer"],
        juvenile=row["juvenile"],
        standing=Standing(row["standing"]),
        facility=row["facility"],
        releases_on=row["releases_on"],
        released_at=row["released_at"],
        met=row["met"],
        told=tuple(row["told"]),
        alerts=tuple(OpenAlert(each["occasion"], UUID(each["alert_id"])) for each in row["alerts"]),
    )


CASES: Final = Aggregates[UUID, Case](
    name="case_fact",
    key_type="uuid",
    select="""
        SELECT registration_id, receiving_unit, guidance_unit, officer, juvenile, standing, facility, releases_on,
               released_at, met, told, alerts, version
          FROM case_fact WHERE registration_id = ANY($1) ORDER BY registration_id FOR UPDATE
    """,
    upsert="""
        INSERT INTO case_fact (registration_id, receiving_unit, guidance_unit, officer, juvenile, standing, facility,
                               releases_on, released_at, met, told, alerts, version)
        SELECT registration_id, receiving_unit, guidance_unit, officer, juvenile, standing, facility,
               releases_on, released_at, met, told, alerts, version
          FROM json_to_recordset($1::json)
               AS c(registration_id uuid, receiving_unit text, guidance_unit text, officer text, juvenile boolean,
                    standing text, facility text, releases_on date, released_at timestamptz, met boolean,
                    told jsonb, alerts jsonb, version int)
        ON CONFLICT (registration_id) DO UPDATE
           SET receiving_unit = EXCLUDED.receiving_unit, guidance_unit = EXCLUDED.guidance_unit,
               officer = EXCLUDED.officer, juvenile = EXCLUDED.juvenile, standing = EXCLUDED.standing,
               facility = EXCLUDED.facility, releases_on = EXCLUDED.releases_on, released_at = EXCLUDED.released_at,
               met = EXCLUDED.met, told = EXCLUDED.told, alerts = EXCLUDED.alerts, version = EXCLUDED.version
         WHERE case_fact.version = EXCLUDED.version - 1
    """,
    key=lambda case: case.registration_id,
    load=_load_case,
    dump=asdict,
)


def _load_notice(row: Mapping[str, Any]) -> Notice:
    return Notice(
        notification_id=row["notification_id"],
        recipient=row["recipient"],
        channel=Channel(row["channel"]),
        about=row["about"],
        occasion=row["occasion"],
        urgency=Urgency(row["urgency"]),
        juvenile=row["juvenile"],
        cause=row["cause"],
        template=row["template"],
        template_version=row["template_version"],
        subject=row["subject"],
        body=row["body"],
        state=State(row["state"]),
        created_at=row["created_at"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        lease_until=row["lease_until"],
        maybe_doubled=row["maybe_doubled"],
        message_id=row["message_id"],
        reason=row["reason"],
        settled_at=row["settled_at"],
        read_at=row["read_at"],
        acknowledged_at=row["acknowledged_at"],
        traceparent=row["traceparent"],
        correlation_id=row["correlation_id"],
        sequence=row["sequence"],
        held_until=row["held_until"],
        bundle=row["bundle"],
        parcel=row["parcel"],
        digest_version=row["digest_version"],
        accepted_at=row["accepted_at"],
        instead_of=row["instead_of"],
    )


NOTICES: Final = Aggregates[UUID, Notice](
    name="notification",
    key_type="uuid",
    select="""
        SELECT notification_id, recipient, channel, about, occasion, urgency, juvenile, cause, template,
               template_version, subject, body, state, created_at, attempts, next_attempt_at, lease_until,
               maybe_doubled, message_id, reason, settled_at, read_at, acknowledged_at, traceparent,
               correlation_id, sequence, held_until, bundle, parcel, digest_version, accepted_at, instead_of, version
          FROM notification WHERE notification_id = ANY($1) ORDER BY notification_id FOR UPDATE
    """,
    # Only what happens to a notice changes; what it says, to whom and why stays as it was written.
    upsert="""
        UPDATE notification
           SET state = n.state, attempts = n.attempts, next_attempt_at = n.next_attempt_at,
               lease_until = n.lease_until, maybe_doubled = n.maybe_doubled, reason = n.reason,
               settled_at = n.settled_at, read_at = n.read_at, acknowledged_at = n.acknowledged_at,
               parcel = n.parcel, digest_version = n.digest_version, accepted_at = n.accepted_at,
               sequence = n.sequence, version = n.version
          FROM json_to_recordset($1::json)
               AS n(notification_id uuid, state text, attempts int, next_attempt_at timestamptz,
                    lease_until timestamptz, maybe_doubled boolean, reason text, settled_at timestamptz,
                    read_at timestamptz, acknowledged_at timestamptz, parcel uuid, digest_version int,
                    accepted_at timestamptz, sequence int, version int)
         WHERE notification.notification_id = n.notification_id AND notification.version = n.version - 1
    """,
    key=lambda notice: notice.notification_id,
    load=_load_notice,
    dump=asdict,
)

# The same cause tells the same person by the same channel once: a row that is there already stays as it is.
OWED: Final = Rows(
    name="notification_owed",
    insert="""
        INSERT INTO notification (notification_id, recipient, channel, about, occasion, urgency, juvenile, cause,
                                  template, template_version, subject, body, state, created_at, attempts,
                                  next_attempt_at, lease_until, maybe_doubled, message_id, reason, settled_at, read_at,
                                  acknowledged_at, traceparent, correlation_id, sequence, held_until, bundle, parcel,
                                  digest_version, accepted_at, instead_of, version)
        SELECT notification_id, recipient, channel, about, occasion, urgency, juvenile, cause,
               template, template_version, subject, body, state, created_at, attempts,
               next_attempt_at, lease_until, maybe_doubled, message_id, reason, settled_at, read_at,
               acknowledged_at, traceparent, correlation_id, sequence, held_until, bundle, parcel,
               digest_version, accepted_at, instead_of, 1
          FROM json_to_recordset($1::json)
               AS n(notification_id uuid, recipient text, channel text, about uuid, occasion text, urgency text,
                    juvenile boolean, cause text, template text, template_version int, subject text, body text,
                    state text, created_at timestamptz, attempts int, next_attempt_at timestamptz,
                    lease_until timestamptz, maybe_doubled boolean, message_id text, reason text,
                    settled_at timestamptz, read_at timestamptz, acknowledged_at timestamptz, traceparent text,
                    correlation_id text, sequence int, held_until timestamptz, bundle uuid, parcel uuid,
                    digest_version int, accepted_at timestamptz, instead_of uuid)
        ON CONFLICT (notification_id) DO NOTHING
    """,
)

SELECT_OUTGOING: Final = """
    SELECT notification_id FROM notification
     WHERE state IN ('pending', 'sending')
       AND coalesce(lease_until, next_attempt_at, '-infinity'::timestamptz) <= $1
     ORDER BY coalesce(lease_until, next_attempt_at, '-infinity'::timestamptz), seq
     LIMIT $2 FOR UPDATE SKIP LOCKED
"""


async def outgoing(connection: Connection, *, at: datetime, rows_max: int) -> list[UUID]:
    """Notices that wait for a sender, and those whose sender has not been heard of; the longest waiting first."""
    return [row["notification_id"] for row in await connection.fetch(SELECT_OUTGOING, at, rows_max)]


SELECT_CAUSED: Final = "SELECT notification_id FROM notification WHERE about = $1 AND cause = $2"


async def caused(connection: Connection, *, about: UUID, cause: str) -> frozenset[UUID]:
    """The notices of a matter to which this cause has led already."""
    return frozenset(row["notification_id"] for row in await connection.fetch(SELECT_CAUSED, about, cause))


COUNT_BACKLOG: Final = """
    SELECT count(*) FILTER (WHERE state IN ('pending', 'sending')) AS pending,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           min(created_at) FILTER (WHERE state IN ('pending', 'sending')) AS oldest
      FROM notification WHERE channel <> 'IN_APP' AND state IN ('pending', 'sending', 'failed')
"""


async def backlog(pool: Pool, *, at: datetime) -> Backlog:
    """What waits to be sent and what was given up."""
    row = await pool.fetchrow(COUNT_BACKLOG)
    if row is None or row["oldest"] is None:
        return Backlog(pending=0, failed=row["failed"] if row is not None else 0, oldest_seconds=0.0)
    return Backlog(row["pending"], row["failed"], oldest_seconds=(at - row["oldest"]).total_seconds())


SELECT_INBOX: Final = """
    SELECT seq, notification_id, about, occasion, urgency, template, template_version, subject, body, settled_at,
           read_at, acknowledged_at
      FROM notification
     WHERE recipient = ANY($1) AND channel = 'IN_APP' AND state = 'delivered'
       AND ($2::boolean IS NULL OR (read_at IS NULL) = $2)
       AND ($3::bigint IS NULL OR seq < $3)
     ORDER BY seq DESC LIMIT $4
"""
COUNT_UNREAD: Final = """
    SELECT count(*) FROM notification
     WHERE recipient = ANY($1) AND channel = 'IN_APP' AND state = 'delivered' AND read_at IS NULL
"""
SELECT_LEDGER: Final = """
    SELECT seq, notification_id, recipient, channel, about, occasion, urgency, juvenile, template, template_version,
           state, attempts, next_attempt_at, maybe_doubled, message_id, reason, created_at, settled_at, read_at,
           acknowledged_at, held_until, accepted_at, parcel, digest_version, instead_of
      FROM notification
     WHERE ($1::uuid IS NULL OR about = $1)
       AND ($2::text IS NULL OR state = $2)
       AND ($3::boolean OR NOT juvenile)
       AND ($4::bigint IS NULL OR seq < $4)
     ORDER BY seq DESC LIMIT $5
"""


async def inbox(
    pool: Pool, *, mailboxes: Sequence[str], unread: bool | None, before: int | None, rows_max: int
) -> list[Mapping[str, Any]]:
    """What was told in the application, the newest first."""
    return list(await pool.fetch(SELECT_INBOX, list(mailboxes), unread, before, rows_max))


async def unread_count(pool: Pool, *, mailboxes: Sequence[str]) -> int:
    """How much of it nobody has looked at yet."""
    return int(await pool.fetchval(COUNT_UNREAD, list(mailboxes)))


async def ledger(
    pool: Pool, *, about: UUID | None, state: State | None, juvenile: bool, before: int | None, rows_max: int
) -> list[Mapping[str, Any]]:
    """Who was told what, the newest first; children only for who may know of them."""
    return list(await pool.fetch(SELECT_LEDGER, about, state, juvenile, before, rows_max))
