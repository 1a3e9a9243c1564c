-- Reads over HTTP run as bapas_reader, who sees children only where bapas.children says so (UU 11/2012 art. 19).
SET lock_timeout = '5s';

GRANT SELECT ON supervision, check_in, client_contact TO bapas_reader;

ALTER TABLE supervision ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON supervision FOR SELECT TO bapas_reader
    USING (NOT juvenile OR current_setting('bapas.children', true) = 'on');

ALTER TABLE check_in ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON check_in FOR SELECT TO bapas_reader
    USING (NOT juvenile OR current_setting('bapas.children', true) = 'on');

-- How a client is reached is seen of whoever is seen.
ALTER TABLE client_contact ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON client_contact FOR SELECT TO bapas_reader
    USING (EXISTS (SELECT FROM supervision WHERE supervision.client_id = client_contact.client_id));
