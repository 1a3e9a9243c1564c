-- One row per report about an adult, what its author wrote, and what happened to it.
SET lock_timeout = '5s';

CREATE TABLE litmas (
    litmas_id       uuid        PRIMARY KEY,
    request_id      text        NOT NULL UNIQUE,           -- one report per request, whatever the door; personal data
    status          text        NOT NULL CHECK (status IN (
        'request_received', 'returned_incomplete', 'disposed', 'assigned', 'preparing', 'in_field', 'data_collection',
        'analysis', 'drafted', 'draft_returned', 'numbered_checked', 'initialed', 'in_tpp', 'tpp_deferred',
        'tpp_revision', 'tpp_rejected', 'tpp_approved', 'signed', 'delivered', 'archived', 'cancelled',
        'closed_rejected')),                               -- moves: reintegration/domain/states.py
    unit            text        NOT NULL,
    facility        text        NOT NULL,
    letter_key      text,                                  -- prison, register number and letter; personal data
    officer         text,
    desk            text,
    waits_since     timestamptz NOT NULL,
    register_no     text,
    revision        integer     NOT NULL CHECK (revision >= 0),
    received_at     timestamptz NOT NULL,
    missing         jsonb       NOT NULL,
    lacking         jsonb       NOT NULL,
    authors         jsonb       NOT NULL,
    papers          jsonb       NOT NULL,                  -- the documents of the case, each under its name
    addenda         integer     NOT NULL CHECK (addenda >= 0),
    edition         integer     NOT NULL,
    sequence        bigint      NOT NULL,
    version         integer     NOT NULL,
    changed_by      xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (status NOT IN ('numbered_checked', 'initialed', 'in_tpp', 'tpp_approved', 'signed', 'delivered', 'archived')
           OR register_no IS NOT NULL),
    CHECK (status NOT IN ('signed', 'delivered', 'archived') OR papers ? 'signature')
) WITH (fillfactor = 80);

-- The inbox of a role: what waits on a desk, the longest there first.
CREATE INDEX litmas_on_desk ON litmas (desk, waits_since, litmas_id) WHERE desk IS NOT NULL;
CREATE INDEX litmas_with_officer ON litmas (officer, waits_since, litmas_id) WHERE desk = 'OFFICER';
CREATE INDEX litmas_open_of_officer ON litmas (officer)
    WHERE status NOT IN ('delivered', 'archived', 'cancelled', 'closed_rejected');
CREATE UNIQUE INDEX litmas_numbered ON litmas (register_no) WHERE register_no IS NOT NULL;
-- One letter about one person is one request, whichever id it was given.
CREATE UNIQUE INDEX litmas_letter ON litmas (letter_key) WHERE letter_key IS NOT NULL AND status <> 'cancelled';
CREATE INDEX litmas_changed ON litmas (facility, changed_by, litmas_id);

-- A prison asks what changed since it asked last: each request stands at the transaction that changed it last, in what
-- its prison is shown. Whoever reads stops below the oldest transaction that is still at work.
CREATE FUNCTION note_what_prisons_see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_by := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER litmas_changed_for_its_prison BEFORE UPDATE ON litmas FOR EACH ROW
    WHEN ((OLD.status, OLD.facility, OLD.missing, OLD.papers -> 'request', OLD.papers -> 'withdrawal',
           OLD.papers -> 'delivery', OLD.papers -> 'result', OLD.register_no, OLD.addenda)
        IS DISTINCT FROM
          (NEW.status, NEW.facility, NEW.missing, NEW.papers -> 'request', NEW.papers -> 'withdrawal',
           NEW.papers -> 'delivery', NEW.papers -> 'result', NEW.register_no, NEW.addenda))
    EXECUTE FUNCTION note_what_prisons_see();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME;
END $$;

CREATE TABLE timeline (
    entry_id        uuid        PRIMARY KEY,
    litmas_id       uuid        NOT NULL REFERENCES litmas,
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
CREATE INDEX timeline_of ON timeline (litmas_id, entry_id);
CREATE TRIGGER timeline_is_append_only BEFORE UPDATE OR DELETE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A section as it stands; whoever saves says which edition was read.
CREATE TABLE report_section (
    key             text        PRIMARY KEY,               -- litmas_id/section
    litmas_id       uuid        NOT NULL REFERENCES litmas,
    section         text        NOT NULL,
    text            text        NOT NULL,
    edition         integer     NOT NULL CHECK (edition > 0),
    written_by      text        NOT NULL,
    written_at      timestamptz NOT NULL,
    version         integer     NOT NULL,
    UNIQUE (litmas_id, section)
);

CREATE TABLE data_session (
    session_id      uuid        PRIMARY KEY,
    litmas_id       uuid        NOT NULL REFERENCES litmas,
    method          text        NOT NULL,
    informant       text        NOT NULL,
    place           text        NOT NULL,
    held_at         timestamptz NOT NULL,
    outcome         text        NOT NULL CHECK (outcome IN ('DONE', 'REFUSED')),
    refusal_kind    text        CHECK ((outcome = 'REFUSED') = (refusal_kind IS NOT NULL)),
    note            text,
    consent_document text,
    recorded_by     text        NOT NULL,
    recorded_at     timestamptz NOT NULL
);
CREATE INDEX data_session_of ON data_session (litmas_id, session_id);
CREATE TRIGGER data_session_is_append_only BEFORE UPDATE OR DELETE ON data_session
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE assessment (
    assessment_id   uuid        PRIMARY KEY,
    litmas_id       uuid        NOT NULL REFERENCES litmas,
    instrument      text        NOT NULL,
    answers         jsonb       NOT NULL,                  -- each with its evidence
    result          jsonb       NOT NULL,                  -- summed by the system
    recorded_by     text        NOT NULL,
    recorded_at     timestamptz NOT NULL
);
CREATE INDEX assessment_of ON assessment (litmas_id, assessment_id);
CREATE TRIGGER assessment_is_append_only BEFORE UPDATE OR DELETE ON assessment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE addendum (
    litmas_id       uuid        NOT NULL REFERENCES litmas,
    seq             integer     NOT NULL CHECK (seq > 0),
    text            text        NOT NULL,
    sha256          text        NOT NULL,
    added_by        text        NOT NULL,
    added_at        timestamptz NOT NULL,
    PRIMARY KEY (litmas_id, seq)
);
CREATE TRIGGER addendum_is_append_only BEFORE UPDATE OR DELETE ON addendum
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
