-- Who was told what: one row per recipient and channel, and what must be known of a case to tell of it.
SET lock_timeout = '5s';

-- Ordinary topics carry no personal data, so neither does this table.
CREATE TABLE case_fact (
    registration_id uuid        PRIMARY KEY,
    receiving_unit  text        NOT NULL,
    guidance_unit   text,
    officer         text,
    juvenile        boolean     NOT NULL,
    standing        text        NOT NULL CHECK (standing IN ('announced', 'unconfirmed', 'open', 'ended')),
    facility        text,
    releases_on     date,
    released_at     timestamptz,
    told            jsonb       NOT NULL,
    version         integer     NOT NULL
);

CREATE TABLE notification (
    notification_id  uuid        PRIMARY KEY,           -- derived from cause, recipient and channel
    seq              bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    recipient        text        NOT NULL,
    channel          text        NOT NULL CHECK (channel IN ('EMAIL', 'IN_APP')),
    about            uuid        NOT NULL,              -- the registration, or the dead letter
    occasion         text        NOT NULL,
    urgency          text        NOT NULL CHECK (urgency IN ('urgent', 'normal', 'quiet')),
    juvenile         boolean     NOT NULL,
    cause            text        NOT NULL,
    template         text        NOT NULL,
    template_version integer     NOT NULL,
    subject          text        NOT NULL,
    body             text        NOT NULL,
    state            text        NOT NULL CHECK (state IN (
                         'pending',                     -- -> sending
                         'sending',                     -- -> delivered | pending | failed; again when the lease ran out
                         'delivered',
                         'failed')),
    created_at       timestamptz NOT NULL,              -- office time
    attempts         integer     NOT NULL,
    next_attempt_at  timestamptz,                       -- system time; NULL is at once
    lease_until      timestamptz,                       -- system time
    maybe_doubled    boolean     NOT NULL,
    message_id       text,
    reason           text,
    settled_at       timestamptz,                       -- office time
    read_at          timestamptz,
    acknowledged_at  timestamptz,
    traceparent      text,
    correlation_id   text,
    sequence         integer     NOT NULL,
    version          integer     NOT NULL,
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('delivered', 'failed')) = (settled_at IS NOT NULL))
);
CREATE INDEX notification_outgoing ON notification (coalesce(lease_until, next_attempt_at, '-infinity'::timestamptz), seq)
    WHERE state IN ('pending', 'sending');
CREATE INDEX notification_inbox ON notification (recipient, seq DESC) WHERE channel = 'IN_APP' AND state = 'delivered';
CREATE INDEX notification_unread ON notification (recipient)
    WHERE channel = 'IN_APP' AND state = 'delivered' AND read_at IS NULL;
CREATE INDEX notification_about ON notification (about, seq);
CREATE INDEX notification_state ON notification (state, seq DESC);
