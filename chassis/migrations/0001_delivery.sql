-- What every service's database holds beside its own tables: deliveries in, facts out, clocks, and what could not be handled.
SET lock_timeout = '5s';

CREATE TABLE inbox (
    consumer     text        NOT NULL,
    event_key    uuid        NOT NULL,
    record_hash  bytea       NOT NULL,
    outcome      text        NOT NULL DEFAULT 'applied',   -- applied | irrelevant | discarded
    reason       text,
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_key)
);
CREATE INDEX inbox_received_at ON inbox (received_at);

CREATE TABLE consumer_offset (
    consumer     text        NOT NULL,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    next_offset  bigint      NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
);

CREATE TABLE consumer_stop (
    consumer     text        PRIMARY KEY,
    reason       text        NOT NULL,
    stopped_at   timestamptz NOT NULL
);

CREATE TABLE outbox (
    seq            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid        NOT NULL,
    topic          text        NOT NULL,
    key            text        NOT NULL,
    headers        bytea       NOT NULL,
    payload        bytea,                                  -- NULL erases the key on a compacted topic
    created_at     timestamptz NOT NULL DEFAULT now(),
    parked_reason  text                                    -- set: the broker will never take this row; its key waits
);
CREATE INDEX outbox_parked ON outbox (topic, key) WHERE parked_reason IS NOT NULL;
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE timer (
    subject      text        NOT NULL,
    kind         text        NOT NULL,
    due_at       timestamptz NOT NULL,
    context      jsonb       NOT NULL,
    PRIMARY KEY (subject, kind)
);
CREATE INDEX timer_due_at ON timer (due_at);

CREATE TABLE register_counter (
    counter      text        PRIMARY KEY,                  -- unit|register|local year
    last_seq     bigint      NOT NULL,
    version      integer     NOT NULL
);

CREATE TABLE dead_letter (
    dead_letter_id  uuid        PRIMARY KEY,
    seq             bigint      GENERATED ALWAYS AS IDENTITY,
    consumer        text        NOT NULL,
    event_key       uuid        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('malformed', 'refused', 'bug', 'held')),
    state           text        NOT NULL CHECK (state IN ('parked', 'waiting', 'resolved', 'discarded')),
    reason          text        NOT NULL,
    rule            text,
    order_keys      text[]      NOT NULL,
    topic           text        NOT NULL,
    partition       integer     NOT NULL,
    record_offset   bigint      NOT NULL,
    record_key      bytea,
    record_headers  bytea       NOT NULL,
    record_value    bytea,
    corrected_value bytea,
    record_hash     bytea       NOT NULL,
    event_id        text,
    event_type      text,
    event_source    text,
    subject         text,
    traceparent     text,
    attempts        integer     NOT NULL DEFAULT 1,
    remind_at       timestamptz,                           -- office time at which an open letter is told again
    received_at     timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (consumer, event_key)
);
CREATE INDEX dead_letter_open ON dead_letter (consumer, seq) WHERE state IN ('parked', 'waiting');
CREATE INDEX dead_letter_order_keys ON dead_letter USING gin (order_keys) WHERE state IN ('parked', 'waiting');

CREATE TABLE held_key (
    consumer     text        NOT NULL,
    key          text        NOT NULL,
    held_since   timestamptz NOT NULL,
    PRIMARY KEY (consumer, key)
);

CREATE TABLE operator_act (
    act_id          uuid        PRIMARY KEY,
    actor           text        NOT NULL,
    act             text        NOT NULL,                  -- correct | retry | discard | reveal | resume
    dead_letter_id  uuid,
    consumer        text,
    reason          text,
    acted_at        timestamptz NOT NULL
);
