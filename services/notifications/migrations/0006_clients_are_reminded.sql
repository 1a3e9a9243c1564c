-- How a client is reached, and of what they are to be reminded.
SET lock_timeout = '5s';

CREATE TABLE client_reach (
    client_id          uuid        PRIMARY KEY,
    registration_id    uuid,
    juvenile           boolean     NOT NULL,
    phone              text,                            -- personal data: from the restricted topic, emptied by its tombstone
    refused            boolean     NOT NULL,
    erased_at          timestamptz,
    appointment_at     timestamptz,
    appointment_due_at timestamptz,
    report_from        date,
    report_until       date,
    report_due_at      timestamptz,
    came               boolean     NOT NULL,
    over               boolean     NOT NULL,
    reminded           jsonb       NOT NULL,
    version            integer     NOT NULL,
    CHECK (erased_at IS NULL OR phone IS NULL)
);
