-- A void entry stays for ever; whoever it was made for can still be entered rightly later.
SET lock_timeout = '5s';

ALTER TABLE register_entry DROP CONSTRAINT register_entry_register_subject_key;
CREATE UNIQUE INDEX register_entry_one_live ON register_entry (register, subject) WHERE state = 'live';
