-- What is asked for every second or by an operator must not read all letters that there ever were.
SET lock_timeout = '5s';

CREATE INDEX dead_letter_seq ON dead_letter (seq);
CREATE INDEX dead_letter_parked ON dead_letter (consumer, kind) WHERE state = 'parked';
CREATE INDEX dead_letter_remind ON dead_letter (consumer, remind_at) WHERE state = 'parked' AND remind_at IS NOT NULL;
CREATE INDEX dead_letter_settled ON dead_letter (updated_at) WHERE state IN ('resolved', 'discarded');
