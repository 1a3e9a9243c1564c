-- A list that is narrowed by unit, prison or state is narrowed in the index, where a case takes bytes and not kilobytes:
-- words that hold of many and of nobody together had every case read before a page was known to be empty.
SET lock_timeout = '5s';

CREATE INDEX registration_listed ON registration (name_key COLLATE "C", registration_id)
    INCLUDE (status, facility, receiving_unit, guidance_unit, juvenile);
DROP INDEX registration_by_name;

-- The rate of fingerprints of a year is counted from its index.
CREATE INDEX registration_contacts ON registration (contact_at)
    INCLUDE (receiving_unit, identity_level, biometric_status, bound_to) WHERE contact_at IS NOT NULL;
DROP INDEX registration_met;
