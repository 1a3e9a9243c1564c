-- One database, owned by the only role that may connect to it. Run by databases.sh with :name set.
\getenv password ROLE_PASSWORD

SELECT format('CREATE ROLE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name')
\gexec

ALTER ROLE :"name"
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';

-- The role behind the walls: reads over HTTP take it on, so that it sees what the policies of the tables let the caller
-- see. It may not log in and owns nothing.
SELECT 'CREATE ROLE bapas_reader NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bapas_reader')
\gexec

GRANT bapas_reader TO :"name";

SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name')
\gexec

REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
-- Every cluster has these two, open to everybody.
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
