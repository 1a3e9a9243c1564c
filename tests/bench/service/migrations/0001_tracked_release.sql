-- One row for each release that was heard of.
SET lock_timeout = '5s';

CREATE TABLE tracked_release (
    registration_id  uuid     PRIMARY KEY,
    revision         integer  NOT NULL,
    seen             integer  NOT NULL,
    version          integer  NOT NULL
);
