-- Somebody whom no prison has reported is registered all the same; the prison's release is bound to it when it comes.
-- business_id is filled when a row is saved the next time: a release that nobody touches again is found by its name.
SET lock_timeout = '5s';

ALTER TABLE registration
    ADD COLUMN walk_in      jsonb,      -- who somebody said to be; personal data
    ADD COLUMN business_id  uuid,       -- the registration it would be by prison, register number and decree
    ADD COLUMN bound_to     uuid REFERENCES registration;

-- Walk-ins of whom the prison has not said anything: a short list at any time.
CREATE INDEX registration_unreported ON registration (registration_id)
    WHERE walk_in IS NOT NULL AND announcement IS NULL AND release IS NULL AND cancellation IS NULL
      AND revocation IS NULL AND bound_to IS NULL;
-- Asked at a walk-in, among those whose cases are not over: all who ever came would be a large index, written at random.
CREATE INDEX registration_open_business ON registration (business_id)
    WHERE status NOT IN ('registered', 'closed', 'handed_on', 'cancelled');
