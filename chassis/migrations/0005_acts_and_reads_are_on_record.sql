-- Who did or read what, when and why: entries that are only added, their places in a chain, and the heads told outside.
SET lock_timeout = '5s';

CREATE TABLE audit_entry (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id     uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    at           timestamptz NOT NULL,                     -- the database's clock, set below
    body         text        NOT NULL,                     -- canonical JSON; what is hashed, as it stands
    digest       bytea       NOT NULL,                     -- set below
    actor        text        NOT NULL,                     -- from here on the words of the body, to look them up by
    action       text        NOT NULL,
    outcome      text        NOT NULL,
    subjects     text[]      NOT NULL
);
CREATE INDEX audit_entry_actor ON audit_entry (actor, seq);
CREATE INDEX audit_entry_subjects ON audit_entry USING gin (subjects);

-- An entry waits here from its own transaction until it is linked; a row that stays is an alarm.
CREATE TABLE audit_unsealed (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id     uuid        NOT NULL,
    since        timestamptz NOT NULL
);

CREATE TABLE audit_link (
    position     bigint      PRIMARY KEY,
    entry_id     uuid        NOT NULL UNIQUE,
    digest       bytea       NOT NULL,
    previous     bytea       NOT NULL,
    hash         bytea       NOT NULL,
    sealed_at    timestamptz NOT NULL
);

CREATE TABLE audit_anchor (
    anchor_id    uuid        PRIMARY KEY,
    position     bigint      NOT NULL,
    hash         bytea       NOT NULL,
    anchored_at  timestamptz NOT NULL
);
CREATE INDEX audit_anchor_anchored_at ON audit_anchor (anchored_at);

CREATE FUNCTION audit_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.digest := sha256(convert_to(
        'bapas.audit.entry.v1' || E'\n' || NEW.entry_id::text || E'\n'
        || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\n' || NEW.body, 'UTF8'));
    INSERT INTO audit_unsealed (entry_id, since) VALUES (NEW.entry_id, NEW.at);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_is_stamped BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_stamp();

CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entry_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry EXECUTE FUNCTION audit_keep();
CREATE TRIGGER audit_link_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link EXECUTE FUNCTION audit_keep();
CREATE TRIGGER audit_anchor_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchor EXECUTE FUNCTION audit_keep();
