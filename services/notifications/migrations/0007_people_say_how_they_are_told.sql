-- How an officer wants to be told, said by the officer; of whoever says nothing the office's file counts.
SET lock_timeout = '5s';

CREATE TABLE preference (
    officer    text        PRIMARY KEY,
    channels   jsonb       NOT NULL,                    -- ways out, the preferred one first; the inbox is always there
    quiet      jsonb,                                   -- begins, ends, holds_urgent; NULL is no quiet hours
    changed_at timestamptz NOT NULL,
    version    integer     NOT NULL
);
