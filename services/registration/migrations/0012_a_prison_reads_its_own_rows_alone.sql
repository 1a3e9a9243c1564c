-- Reads for prisons run as bapas_reader, who sees the releases of the facility that bapas.facility names, and no others.
SET lock_timeout = '5s';

GRANT SELECT ON registration TO bapas_reader;

ALTER TABLE registration ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_the_own_facility ON registration FOR SELECT TO bapas_reader
    USING (facility = current_setting('bapas.facility', true));
