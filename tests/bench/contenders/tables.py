"""The tables of a pipeline that somebody writes by hand; the same for all of them."""

from collections.abc import Sequence
from typing import Final

from chassis.database import Migration

TABLES: Final = """
    CREATE TABLE inbox (
        event_key    uuid        PRIMARY KEY,
        received_at  timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE tracked_release (
        registration_id  uuid     PRIMARY KEY,
        revision         integer  NOT NULL,
        seen             integer  NOT NULL,
        version          integer  NOT NULL
    );
    CREATE TABLE outbox (
        seq       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id  uuid    NOT NULL,
        topic     text    NOT NULL,
        key       text    NOT NULL,
        headers   bytea   NOT NULL,
        payload   bytea   NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
"""


def migrations() -> Sequence[Migration]:
    """Inbox, table and outbox."""
    return [Migration("bench", 1, "pipeline", TABLES)]


RELAY_OUTBOX: Final = """
    CREATE TABLE relay_outbox (
        id                bigserial    PRIMARY KEY,
        queue             varchar(255) NOT NULL,
        payload           bytea        NOT NULL,
        headers           jsonb,
        attempts_count    bigint       NOT NULL DEFAULT 0,
        deliveries_count  bigint       NOT NULL DEFAULT 0,
        created_at        timestamptz  NOT NULL DEFAULT now(),
        next_attempt_at   timestamptz  NOT NULL DEFAULT now(),
        first_attempt_at  timestamptz,
        last_attempt_at   timestamptz,
        acquired_at       timestamptz,
        acquired_token    uuid,
        timer_id          varchar(255),
        CONSTRAINT relay_outbox_lease_ck CHECK ((acquired_token IS NULL) = (acquired_at IS NULL))
    );
    CREATE INDEX relay_outbox_pending_idx ON relay_outbox (queue, next_attempt_at, id) WHERE acquired_token IS NULL;
    CREATE UNIQUE INDEX relay_outbox_timer_id_uq ON relay_outbox (queue, timer_id) WHERE timer_id IS NOT NULL;
    CREATE INDEX relay_outbox_leased_idx ON relay_outbox (queue, next_attempt_at, id) WHERE acquired_token IS NOT NULL;
    ALTER TABLE relay_outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
"""
"""What `make_outbox_table` of faststream-outbox 0.19 makes."""


def migrations_of_faststream_outbox() -> Sequence[Migration]:
    """The same, and the outbox of that library."""
    return [*migrations(), Migration("faststream_outbox", 1, "relay_outbox", RELAY_OUTBOX)]
