-- A prison asks what became of its releases since it asked last: each release stands at the transaction that changed it
-- last, in what its prison is shown. Transactions are numbered when they begin to write and commit in any order, so
-- whoever reads stops below the oldest that is still at work.
SET lock_timeout = '5s';

ALTER TABLE registration ADD COLUMN changed_by xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX registration_changed ON registration (facility, changed_by, registration_id);

CREATE FUNCTION note_what_prisons_see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_by := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER registration_changed_for_its_prison BEFORE UPDATE ON registration FOR EACH ROW
    WHEN ((OLD.status, OLD.facility, OLD.receiving_unit, OLD.missing, OLD.announcement, OLD.release, OLD.cancellation,
           OLD.revocation, OLD.contact, OLD.registered, OLD.closure)
        IS DISTINCT FROM
          (NEW.status, NEW.facility, NEW.receiving_unit, NEW.missing, NEW.announcement, NEW.release, NEW.cancellation,
           NEW.revocation, NEW.contact, NEW.registered, NEW.closure))
    EXECUTE FUNCTION note_what_prisons_see();
