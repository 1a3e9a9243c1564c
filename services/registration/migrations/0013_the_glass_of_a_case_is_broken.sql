-- Who opened a case beyond their role, and until when; why stands on the timeline. Rows are only ever added.
SET lock_timeout = '5s';

CREATE TABLE broken_glass (
    glass_id        uuid        PRIMARY KEY,
    registration_id uuid        NOT NULL REFERENCES registration,
    officer         text        NOT NULL,
    broken_at       timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    CHECK (broken_at < until)
);
CREATE INDEX broken_glass_open ON broken_glass (registration_id, officer, until);
