-- The duty roster: who is on duty where and when, what was changed in it by whom and why, and which holes were told.
SET lock_timeout = '5s';

-- A unit whose roster is kept here; of any other the file counts. It stays when its last shift is removed.
CREATE TABLE roster_unit (
    unit text PRIMARY KEY
);

CREATE TABLE shift (
    shift_id  uuid        PRIMARY KEY,                  -- derived from what was planned first
    unit      text        NOT NULL REFERENCES roster_unit,
    officer   text        NOT NULL,
    backup    text,
    role      text        NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    version   integer     NOT NULL,
    CHECK (starts_at < ends_at),
    CHECK (backup <> officer)
);
CREATE INDEX shift_unit ON shift (unit, ends_at);
CREATE INDEX shift_order ON shift (starts_at, shift_id);
CREATE INDEX shift_end ON shift (ends_at);

CREATE TABLE shift_change (
    seq        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shift_id   uuid        NOT NULL,
    act        text        NOT NULL CHECK (act IN ('loaded', 'swapped', 'removed')),
    unit       text        NOT NULL,
    officer    text        NOT NULL,                    -- after the change; of a removed shift, the last
    backup     text,
    changed_at timestamptz NOT NULL,                    -- office time
    changed_by text        NOT NULL,
    reason     text
);
CREATE INDEX shift_change_shift ON shift_change (shift_id, seq);

CREATE TABLE roster_watch (
    office  text    PRIMARY KEY,
    gaps    jsonb   NOT NULL,                           -- holes that were told and are still open
    version integer NOT NULL
);
