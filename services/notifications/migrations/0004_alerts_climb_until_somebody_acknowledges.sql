-- An alert is acknowledged once for all who were told of it; until then it climbs.
SET lock_timeout = '5s';

CREATE TABLE alert (
    alert_id        uuid        PRIMARY KEY,            -- derived from occasion and cause
    seq             bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    about           uuid        NOT NULL,               -- the registration, the dead letter, or the hole in the roster
    occasion        text        NOT NULL,
    juvenile        boolean     NOT NULL,
    cause           text        NOT NULL,
    link            text        NOT NULL,
    receiving_unit  text        NOT NULL,
    guidance_unit   text,
    officer         text,
    rung            text        NOT NULL,
    state           text        NOT NULL CHECK (state IN (
                        'open',                         -- -> open: climbed | unanswered | acknowledged | withdrawn
                        'unanswered',                   -- -> acknowledged | withdrawn
                        'acknowledged',
                        'withdrawn')),
    raised_at       timestamptz NOT NULL,               -- office time, as all below
    climbs_at       timestamptz,
    climbed         integer     NOT NULL,
    told            jsonb       NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    ended_at        timestamptz,
    version         integer     NOT NULL,
    CHECK ((state = 'open') = (climbs_at IS NOT NULL)),
    CHECK ((state = 'acknowledged') = (acknowledged_by IS NOT NULL)),
    CHECK ((state IN ('acknowledged', 'withdrawn')) = (ended_at IS NOT NULL))
);
CREATE INDEX alert_about ON alert (about, seq);
CREATE INDEX alert_state ON alert (state, seq DESC);

ALTER TABLE case_fact ADD COLUMN alerts jsonb NOT NULL DEFAULT '[]';   -- those of this case, until they are over
