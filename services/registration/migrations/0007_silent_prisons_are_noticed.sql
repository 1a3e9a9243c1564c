-- On which days each prison was heard, and what was told of those that are silent.
SET lock_timeout = '5s';

CREATE TABLE facility_heard (
    facility     text        NOT NULL,
    heard_on     date        NOT NULL,                     -- the office's day
    PRIMARY KEY (facility, heard_on)
);

CREATE TABLE facility_watch (
    watch_id     text        PRIMARY KEY,
    facilities   jsonb       NOT NULL,                     -- of each, the day of its last word and when it was told
    sequence     bigint      NOT NULL,
    version      integer     NOT NULL
);

-- The clock that listens sets itself anew each time it rings; here it is set for the first time.
INSERT INTO timer (subject, kind, due_at, context) VALUES ('facilities', 'facility-silence', '2000-01-01T00:00Z', '{}');
