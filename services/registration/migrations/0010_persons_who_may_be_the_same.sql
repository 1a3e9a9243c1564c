-- Who somebody is is compared with everybody who is known, after the report was taken and without anybody waiting for it.
-- No reference to a registration: it would lock the row for which the next report about it waits.
SET lock_timeout = '5s';

-- Registrations of which something changed that tells who it is; taken away when they have been compared.
CREATE TABLE identity_change (
    change_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration_id uuid        NOT NULL
);

-- Whoever is known, as far as they are compared.
CREATE TABLE known_person (
    registration_id uuid        PRIMARY KEY,
    features        jsonb       NOT NULL,                  -- personal data
    keys            bigint[]    NOT NULL
);
-- By what they are found: names as they sound, birth, number in a prison's register, NIK; each as a number.
CREATE TABLE person_key (
    key             bigint      NOT NULL,
    registration_id uuid        NOT NULL,
    PRIMARY KEY (key, registration_id)
);

CREATE TABLE suspected_duplicate (
    duplicate_id    uuid        PRIMARY KEY,
    first           uuid        NOT NULL,
    second          uuid        NOT NULL,
    state           text        NOT NULL CHECK (state IN (
        'open',      -- -> lapsed | dismissed | linked
        'lapsed',    -- -> open | linked
        'dismissed', -- -> open, on other facts | linked
        'linked')),  -- -> dismissed
    level           text        NOT NULL CHECK (level IN ('suspected', 'possible')),
    score           integer     NOT NULL CHECK (score BETWEEN 0 AND 100),
    same_nik        boolean     NOT NULL,
    name            integer     NOT NULL,
    birth           integer     NOT NULL,
    facility        integer     NOT NULL,
    fingerprint     text        NOT NULL,
    dismissed_on    text,
    suspected_at    timestamptz NOT NULL,
    policy_version  text        NOT NULL,
    sequence        bigint      NOT NULL,
    version         integer     NOT NULL,
    CHECK (first < second),
    UNIQUE (first, second)
);
CREATE INDEX suspected_duplicate_second ON suspected_duplicate (second);
CREATE INDEX suspected_duplicate_queue ON suspected_duplicate (state, suspected_at, duplicate_id);

CREATE TABLE duplicate_entry (
    entry_id        uuid        PRIMARY KEY,
    duplicate_id    uuid        NOT NULL REFERENCES suspected_duplicate,
    step            text        NOT NULL,
    from_state      text,
    to_state        text        NOT NULL,
    level           text        NOT NULL,
    score           integer     NOT NULL,
    actor_kind      text        NOT NULL CHECK (actor_kind IN ('event', 'timer', 'person')),
    actor_id        text        NOT NULL,
    actor_role      text,
    unit            text,
    reason          text,
    recorded_at     timestamptz NOT NULL,
    policy_version  text        NOT NULL
);
CREATE INDEX duplicate_entry_of ON duplicate_entry (duplicate_id, entry_id);
CREATE TRIGGER duplicate_entry_is_append_only BEFORE UPDATE OR DELETE ON duplicate_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever is known already is compared too, in the background.
INSERT INTO identity_change (registration_id)
SELECT registration_id FROM registration WHERE bound_to IS NULL ORDER BY registration_id;
