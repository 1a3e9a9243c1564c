-- Who is guided, when they report, and how they are reached.
SET lock_timeout = '5s';

CREATE TABLE supervision (
    client_id       uuid        PRIMARY KEY,
    registration_id uuid        NOT NULL UNIQUE,
    unit            text        NOT NULL,
    officer         text,
    juvenile        boolean     NOT NULL,
    stage           text        NOT NULL CHECK (stage IN ('FIRST', 'CONTINUED', 'FINAL')),
    opened_at       timestamptz NOT NULL,
    guidance_until  date,
    sequence        integer     NOT NULL,
    version         integer     NOT NULL
);
CREATE INDEX supervision_unit ON supervision (unit, opened_at DESC, client_id);
CREATE INDEX supervision_opened_at ON supervision (opened_at DESC, client_id);

CREATE TABLE check_in (
    check_in_id  uuid    PRIMARY KEY,                   -- derived from client and first day
    client_id    uuid    NOT NULL REFERENCES supervision,
    unit         text    NOT NULL,
    juvenile     boolean NOT NULL,
    window_from  date    NOT NULL,
    window_until date    NOT NULL,
    frequency    text    NOT NULL,
    mode         text    NOT NULL,
    state        text    NOT NULL CHECK (state IN ('due')),
    CHECK (window_from <= window_until)
);
CREATE INDEX check_in_window ON check_in (window_from, window_until, check_in_id);
CREATE INDEX check_in_client ON check_in (client_id);

-- Personal data: from the restricted topic, emptied by its tombstone.
CREATE TABLE client_contact (
    client_id uuid        PRIMARY KEY,
    details   jsonb,
    erased_at timestamptz,
    version   integer     NOT NULL,
    CHECK ((details IS NULL) = (erased_at IS NOT NULL))
);
