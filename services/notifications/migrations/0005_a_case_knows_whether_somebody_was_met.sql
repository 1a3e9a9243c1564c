-- Whoever was met before the gate is not waited for there, nor told as somebody to be met.
SET lock_timeout = '5s';

ALTER TABLE case_fact ADD COLUMN met boolean NOT NULL DEFAULT false;
