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
