-- What was answered to a request that its caller may repeat; written in the transaction that did it.
SET lock_timeout = '5s';

CREATE TABLE idempotency (
    principal    text        NOT NULL,
    key          text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    status       integer,                                  -- NULL only inside the transaction that took the key
    body         json,                                     -- as it was sent, so that it is sent again alike
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);
