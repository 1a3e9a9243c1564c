-- A third channel whose carrier confirms later, another channel where one does not reach, and quiet hours.
SET lock_timeout = '5s';

ALTER TABLE notification
    ADD COLUMN held_until     timestamptz,  -- office time: the end of the recipient's quiet hours
    ADD COLUMN bundle         uuid,         -- what is held for the same recipient, by the same channel, till the same time
    ADD COLUMN parcel         uuid,         -- the message in which it leaves, alone or with others of its bundle
    ADD COLUMN digest_version integer,      -- of the template that binds several into one message
    ADD COLUMN accepted_at    timestamptz,  -- office time: the carrier has it
    ADD COLUMN instead_of     uuid,         -- the notice by another channel whose place this one takes
    DROP CONSTRAINT notification_channel_check,
    DROP CONSTRAINT notification_state_check,
    ADD CONSTRAINT notification_channel_check CHECK (channel IN ('EMAIL', 'IN_APP', 'GATEWAY')) NOT VALID,
    ADD CONSTRAINT notification_state_check CHECK (state IN (
        'held',                             -- -> sending | failed
        'pending',                          -- -> sending | failed
        'sending',                          -- -> delivered | accepted | pending | failed; again when the lease ran out
        'accepted',                         -- -> delivered | failed
        'delivered',                        -- -> delivered: read, by a receipt
        'failed')) NOT VALID,               -- -> delivered, by a receipt that came late
    ADD CONSTRAINT notification_held_check CHECK (state <> 'held' OR held_until IS NOT NULL AND bundle IS NOT NULL)
        NOT VALID;
ALTER TABLE notification VALIDATE CONSTRAINT notification_channel_check;
ALTER TABLE notification VALIDATE CONSTRAINT notification_state_check;
ALTER TABLE notification VALIDATE CONSTRAINT notification_held_check;

CREATE INDEX notification_held ON notification (held_until, seq) WHERE state = 'held';
CREATE INDEX notification_bundle ON notification (bundle) WHERE bundle IS NOT NULL;
CREATE INDEX notification_parcel ON notification (parcel) WHERE parcel IS NOT NULL;
