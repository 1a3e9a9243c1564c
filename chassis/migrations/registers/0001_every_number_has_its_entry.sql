-- The registers of a service: a row for every number that was given. A table of this name that is there already is kept.
SET lock_timeout = '5s';

CREATE TABLE IF NOT EXISTS register_entry (
    unit            text        NOT NULL,
    register        text        NOT NULL,
    year            integer     NOT NULL,                  -- of the office's calendar
    seq             integer     NOT NULL CHECK (seq > 0),
    number          text        NOT NULL UNIQUE,
    subject         uuid        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('live', 'void')),   -- live -> void
    reason          text        CHECK (state = 'live' OR reason IS NOT NULL),
    entered_by      text        NOT NULL,
    entered_at      timestamptz NOT NULL,
    PRIMARY KEY (unit, register, year, seq)
);
CREATE UNIQUE INDEX IF NOT EXISTS register_entry_one_live ON register_entry (register, subject) WHERE state = 'live';

CREATE FUNCTION keep_register_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'number % stays in its register', OLD.number;
    END IF;
    IF OLD.state = 'void' AND NEW.state <> 'void'
       OR (NEW.unit, NEW.register, NEW.year, NEW.seq, NEW.number, NEW.subject, NEW.entered_by, NEW.entered_at)
          IS DISTINCT FROM
          (OLD.unit, OLD.register, OLD.year, OLD.seq, OLD.number, OLD.subject, OLD.entered_by, OLD.entered_at) THEN
        RAISE EXCEPTION 'of the entry % nothing changes but that it becomes void', OLD.number;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER register_entry_is_kept BEFORE UPDATE OR DELETE ON register_entry
    FOR EACH ROW EXECUTE FUNCTION keep_register_entry();
