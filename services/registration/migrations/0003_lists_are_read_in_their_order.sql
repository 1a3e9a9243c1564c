-- A page of a list is read from an index that has it in order; without one, every page sorts the whole table.
-- By the letters' codes, so that the beginning of a name finds its place whatever the server's own order is.
SET lock_timeout = '5s';

CREATE INDEX registration_by_name ON registration (name_key COLLATE "C", registration_id);
CREATE INDEX registration_by_status ON registration (status, name_key COLLATE "C", registration_id);
DROP INDEX registration_name, registration_status;

-- The board is short, whoever looks at it: one index for both units and for all, in place of two that did not sort it.
CREATE INDEX registration_awaited ON registration (released_at, registration_id)
    WHERE status IN ('released', 'contact_overdue', 'tracing');
DROP INDEX registration_awaited_receiving, registration_awaited_guidance;
