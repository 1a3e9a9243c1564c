-- Teams, hearings, the cases that wait for one, and what members read and wrote.
SET lock_timeout = '5s';

CREATE TABLE bench (
    bench_id       uuid        PRIMARY KEY,                -- derived from unit and panel
    unit           text        NOT NULL,
    panel          text        NOT NULL CHECK (panel IN ('ADULT', 'CHILD')),
    teams          jsonb       NOT NULL,
    last_held_at   timestamptz,
    counted_from   timestamptz,
    warnings_given integer     NOT NULL,
    sequence       bigint      NOT NULL,
    version        integer     NOT NULL,
    UNIQUE (unit, panel)
);

CREATE TABLE hearing (
    hearing_id     uuid        PRIMARY KEY,
    unit           text        NOT NULL,
    panel          text        NOT NULL CHECK (panel IN ('ADULT', 'CHILD')),
    kind           text        NOT NULL CHECK (kind IN ('ROUTINE', 'SPECIAL', 'EXPRESS')),
    mode           text        NOT NULL CHECK (mode IN ('IN_PERSON', 'HYBRID', 'VIDEO')),
    status         text        NOT NULL CHECK (status IN (
        'draft_agenda',     -- -> scheduled
        'scheduled',        -- -> quorum_check | adjourned
        'quorum_check',     -- -> in_session | adjourned
        'in_session',       -- -> decided | adjourned
        'adjourned',        -- -> scheduled
        'decided',          -- -> minutes_drafted
        'minutes_drafted',  -- -> signed
        'signed',           -- -> handed_over
        'handed_over',      -- -> closed
        'closed')),
    starts_at      timestamptz NOT NULL,
    room           text,
    team           jsonb       NOT NULL,
    chair          text        NOT NULL,
    secretary      text        NOT NULL,
    lines          jsonb       NOT NULL,
    presence       jsonb       NOT NULL,
    adjournment    jsonb,
    opened_at      timestamptz,
    concluded_at   timestamptz,
    minutes        jsonb,
    handed_over_at timestamptz,
    warnings_given integer     NOT NULL,
    overdue        boolean     NOT NULL,
    sequence       bigint      NOT NULL,
    version        integer     NOT NULL,
    CHECK (chair <> secretary),
    CHECK (status NOT IN ('minutes_drafted', 'signed', 'handed_over', 'closed') OR minutes IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX hearing_starts_at ON hearing (starts_at DESC, hearing_id DESC);

CREATE TABLE item (
    subject_id       uuid        PRIMARY KEY,              -- one submission of a case at a time: the latest
    item_id          uuid        NOT NULL UNIQUE,
    kind             text        NOT NULL,
    state            text        NOT NULL CHECK (state IN (
        'queued',        -- -> on_agenda
        'on_agenda',     -- -> heard | queued | carried_over
        'heard',         -- -> decided | deferred | carried_over
        'decided',
        'deferred',      -- -> on_agenda
        'carried_over',  -- -> on_agenda
        'withdrawn')),   -- from any of them
    submission       integer     NOT NULL,
    revision         integer     NOT NULL,
    report_reference text        NOT NULL,
    report_hash      text        NOT NULL,
    author           text        NOT NULL,
    case_unit        text        NOT NULL,
    unit             text        NOT NULL,
    panel            text        NOT NULL CHECK (panel IN ('ADULT', 'CHILD')),
    programmes       jsonb       NOT NULL,
    risk_band        text        NOT NULL,
    express          boolean     NOT NULL,
    refused_before   boolean     NOT NULL,
    needed_on        date,
    rehear_by        date,
    submitted_at     timestamptz NOT NULL,
    hearing_id       uuid        REFERENCES hearing,
    told_at          timestamptz,
    sequence         bigint      NOT NULL,
    version          integer     NOT NULL,
    CHECK (state NOT IN ('on_agenda', 'heard') OR hearing_id IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX item_submitted_at ON item (submitted_at, subject_id);
CREATE INDEX item_waiting ON item (panel, submitted_at, subject_id) WHERE state IN ('queued', 'deferred', 'carried_over');
CREATE INDEX item_of_hearing ON item (hearing_id) WHERE hearing_id IS NOT NULL;

CREATE TABLE timeline (
    entry_id       uuid        PRIMARY KEY,
    hearing_id     uuid        NOT NULL REFERENCES hearing,
    subject_id     uuid,                                   -- the case, where the line is about one
    step           text        NOT NULL,
    from_status    text,
    to_status      text        NOT NULL,
    actor_kind     text        NOT NULL CHECK (actor_kind IN ('event', 'timer', 'person')),
    actor_id       text        NOT NULL,
    actor_role     text,
    unit           text        NOT NULL,
    reason         text,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    policy_version text        NOT NULL
);
CREATE INDEX timeline_of ON timeline (hearing_id, entry_id);

-- A personal link to a dossier, issued here; the receipt says that the member opened that revision of it.
CREATE TABLE dossier_link (
    link_id    uuid        PRIMARY KEY,
    hearing_id uuid        NOT NULL REFERENCES hearing,
    subject_id uuid        NOT NULL,
    item_id    uuid        NOT NULL,
    member     text        NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE dossier_receipt (
    hearing_id uuid        NOT NULL REFERENCES hearing,
    item_id    uuid        NOT NULL,
    member     text        NOT NULL,
    subject_id uuid        NOT NULL,
    opened_at  timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, item_id, member)
);

-- What members wrote before a discussion, and why they voted against what was decided.
CREATE TABLE opinion (
    opinion_id uuid        PRIMARY KEY,
    hearing_id uuid        NOT NULL REFERENCES hearing,
    subject_id uuid        NOT NULL,
    item_id    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('OPINION', 'DISSENT')),
    member     text        NOT NULL,
    text       text        NOT NULL,
    at         timestamptz NOT NULL
);
CREATE INDEX opinion_of ON opinion (hearing_id, subject_id, at);

-- The words of the minutes, each draft by its hash: what was signed stays what it was.
CREATE TABLE minutes_text (
    hearing_id uuid        NOT NULL REFERENCES hearing,
    digest     text        NOT NULL,
    record     jsonb       NOT NULL,
    notes      text        NOT NULL,
    summary    text        NOT NULL,
    drafted_by text        NOT NULL,
    drafted_at timestamptz NOT NULL,
    PRIMARY KEY (hearing_id, digest)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever appended to', TG_TABLE_NAME;
END $$;
CREATE TRIGGER timeline_is_append_only BEFORE UPDATE OR DELETE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dossier_receipt_is_append_only BEFORE UPDATE OR DELETE ON dossier_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER opinion_is_append_only BEFORE UPDATE OR DELETE ON opinion
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER minutes_text_is_append_only BEFORE UPDATE OR DELETE ON minutes_text
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
