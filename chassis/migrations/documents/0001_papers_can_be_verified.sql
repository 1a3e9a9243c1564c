-- The papers that a service has issued: what anybody who holds one may be told, and where the file lies.
SET lock_timeout = '5s';

CREATE TABLE issued_document (
    token           text        PRIMARY KEY,               -- 128 random bits, in the QR code of the paper
    kind            text        NOT NULL,
    number          text        NOT NULL,
    subject         uuid        NOT NULL,
    revision        integer     NOT NULL CHECK (revision > 0),
    signed_at       timestamptz NOT NULL,
    reference       text        NOT NULL,                  -- in the object store
    sha256          text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes           integer     NOT NULL CHECK (bytes > 0),
    issued_at       timestamptz NOT NULL,
    UNIQUE (kind, subject, revision)                       -- one signed file of each paper and revision
);

CREATE FUNCTION keep_issued_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued paper stays as it was issued';
END $$;
CREATE TRIGGER issued_document_is_kept BEFORE UPDATE OR DELETE ON issued_document
    FOR EACH ROW EXECUTE FUNCTION keep_issued_document();
