-- One row per release, what happened to it, and the registers.
SET lock_timeout = '5s';

CREATE TABLE registration (
    registration_id     uuid        PRIMARY KEY,
    release_id          text        NOT NULL UNIQUE,       -- one registration per release, whatever the door
    status              text        NOT NULL CHECK (status IN (
        'release_announced',         -- -> pre_registered | released | provisionally_registered | cancelled
        'pre_registered',            -- -> released | provisionally_registered | cancelled
        'released',                  -- -> contact_overdue | provisionally_registered | closed
        'contact_overdue',           -- -> tracing | provisionally_registered | closed
        'tracing',                   -- -> provisionally_registered | closed
        'provisionally_registered',  -- -> submitted | conflict | cancelled | closed
        'submitted',                 -- -> registered | provisionally_registered | conflict | handed_on | closed
        'registered',                -- -> closed
        'cancelled',                 -- -> release_announced | released | conflict, by a later report or a contact
        'conflict',                  -- -> provisionally_registered | closed
        'closed',                    -- -> release_announced | released | conflict, if the prison's word closed it
        'handed_on')),
    receiving_unit      text        NOT NULL,
    guidance_unit       text,
    holder_unit         text        NOT NULL,
    epoch               integer     NOT NULL CHECK (epoch > 0),
    juvenile            boolean     NOT NULL,
    facility            text        NOT NULL,
    prison_register_no  text,
    name_key            text        NOT NULL,              -- the name folded for searching; personal data
    released_at         timestamptz,
    missing             jsonb       NOT NULL,
    announcement        jsonb,
    release             jsonb,
    cancellation        jsonb,
    revocation          jsonb,
    unconfirmed_on      timestamptz,
    rungs_recorded      integer     NOT NULL CHECK (rungs_recorded >= 0),
    tracing             jsonb,
    contact             jsonb,
    identity_level      text,
    biometric_status    text,
    submission_from     timestamptz,
    submission_overdue  boolean     NOT NULL,
    submitted           jsonb,
    registered          jsonb,
    officer             text,
    handed_on_to        text,
    closure             jsonb,
    sequence            bigint      NOT NULL,
    version             integer     NOT NULL,
    CHECK (status <> 'registered' OR registered IS NOT NULL),
    CHECK (status <> 'closed' OR closure IS NOT NULL),
    CHECK (status NOT IN ('released', 'contact_overdue', 'tracing') OR released_at IS NOT NULL)
) WITH (fillfactor = 80);

-- The board: whoever is out and was not seen yet, by each of the two units.
CREATE INDEX registration_awaited_receiving ON registration (receiving_unit, released_at, registration_id)
    WHERE status IN ('released', 'contact_overdue', 'tracing');
CREATE INDEX registration_awaited_guidance ON registration (guidance_unit, released_at, registration_id)
    WHERE status IN ('released', 'contact_overdue', 'tracing') AND guidance_unit IS NOT NULL;
CREATE INDEX registration_name ON registration (name_key text_pattern_ops, registration_id);
CREATE INDEX registration_status ON registration (status, name_key text_pattern_ops, registration_id);
CREATE INDEX registration_same_person ON registration (facility, prison_register_no)
    WHERE prison_register_no IS NOT NULL;

CREATE TABLE timeline (
    entry_id        uuid        PRIMARY KEY,
    registration_id uuid        NOT NULL REFERENCES registration,
    step            text        NOT NULL,
    from_status     text,
    to_status       text        NOT NULL,
    actor_kind      text        NOT NULL CHECK (actor_kind IN ('event', 'timer', 'person')),
    actor_id        text        NOT NULL,
    actor_role      text,
    unit            text        NOT NULL,
    reason          text,
    document_ids    jsonb       NOT NULL,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    policy_version  text        NOT NULL
);
CREATE INDEX timeline_of ON timeline (registration_id, entry_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME;
END $$;
CREATE TRIGGER timeline_is_append_only BEFORE UPDATE OR DELETE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE trace_entry (
    entry_id        uuid        PRIMARY KEY,
    registration_id uuid        NOT NULL REFERENCES registration,
    kind            text        NOT NULL,
    reached         boolean     NOT NULL,
    note            text,
    at              timestamptz NOT NULL,
    recorded_by     text        NOT NULL,
    recorded_at     timestamptz NOT NULL
);
CREATE INDEX trace_entry_of ON trace_entry (registration_id, entry_id);
CREATE TRIGGER trace_entry_is_append_only BEFORE UPDATE OR DELETE ON trace_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE register_entry (
    unit            text        NOT NULL,
    register        text        NOT NULL,
    year            integer     NOT NULL,
    seq             integer     NOT NULL CHECK (seq > 0),
    number          text        NOT NULL UNIQUE,
    subject         uuid        NOT NULL REFERENCES registration,
    state           text        NOT NULL CHECK (state IN ('live', 'void')),   -- live -> void
    reason          text        CHECK (state = 'live' OR reason IS NOT NULL),
    entered_by      text        NOT NULL,
    entered_at      timestamptz NOT NULL,
    PRIMARY KEY (unit, register, year, seq),
    UNIQUE (register, subject)
);

CREATE TABLE person_refusal (
    registration_id uuid        PRIMARY KEY REFERENCES registration,
    letter_no       text        NOT NULL,
    letter_on       date        NOT NULL,
    kind            text        NOT NULL,
    detail          text,
    recorded_by     text        NOT NULL,
    recorded_at     timestamptz NOT NULL
);
