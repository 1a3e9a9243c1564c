-- A client may be offered to another office while all clocks run; whoever is not found is suspected of having absconded
-- and stays on the board; missing papers are chased.
SET lock_timeout = '5s';

ALTER TABLE registration
    ADD COLUMN offer           jsonb,         -- what another office was asked; gone when it declines or accepts
    ADD COLUMN files_chased_at timestamptz,
    ADD COLUMN contact_at      timestamptz;   -- filled from now on: the rate of fingerprints is read by it

ALTER TABLE registration DROP CONSTRAINT registration_status_check;
ALTER TABLE registration ADD CONSTRAINT registration_status_check CHECK (status IN (
    'release_announced',         -- -> pre_registered | released | provisionally_registered | cancelled | handed_on
    'pre_registered',            -- -> released | provisionally_registered | cancelled | handed_on
    'released',                  -- -> contact_overdue | provisionally_registered | closed | handed_on
    'contact_overdue',           -- -> tracing | provisionally_registered | closed | handed_on
    'tracing',                   -- -> absconded_suspected | provisionally_registered | closed | handed_on
    'absconded_suspected',       -- -> provisionally_registered | closed | handed_on
    'provisionally_registered',  -- -> submitted | conflict | cancelled | closed | handed_on
    'submitted',                 -- -> registered | provisionally_registered | conflict | handed_on | closed
    'registered',                -- -> closed
    'cancelled',                 -- -> release_announced | released | conflict, by a later report or a contact
    'conflict',                  -- -> provisionally_registered | closed
    'closed',                    -- -> release_announced | released | conflict, if the prison's word closed it
    'handed_on')) NOT VALID;
ALTER TABLE registration VALIDATE CONSTRAINT registration_status_check;

CREATE INDEX registration_outside ON registration (released_at, registration_id)
    WHERE status IN ('released', 'contact_overdue', 'tracing', 'absconded_suspected');
DROP INDEX registration_awaited;
CREATE INDEX registration_offered ON registration (registration_id) WHERE offer IS NOT NULL;
CREATE INDEX registration_met ON registration (contact_at) WHERE contact_at IS NOT NULL;
