-- A prison's register number is only asked for among those who are announced and not out yet: a short list at any time.
-- Everybody who ever came would be an entry at a random place of a large index, written with each release.
SET lock_timeout = '5s';

CREATE INDEX registration_announced_person ON registration (facility, prison_register_no)
    WHERE released_at IS NULL AND status IN ('release_announced', 'pre_registered', 'provisionally_registered');
DROP INDEX registration_same_person;
