-- A cancellation that came before its release is remembered without a name: a walk-in finds it by the business key alone.
SET lock_timeout = '5s';

CREATE INDEX registration_business ON registration (business_id) WHERE status NOT IN ('registered', 'closed', 'handed_on');
DROP INDEX registration_open_business;
