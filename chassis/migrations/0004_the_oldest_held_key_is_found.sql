-- How long the longest held key waits is asked for every two seconds, however many are held.
SET lock_timeout = '5s';

CREATE INDEX held_key_since ON held_key (consumer, held_since);
