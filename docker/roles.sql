-- The two roles and the database of Countersign, on a PostgreSQL (15 or later) of your own:
--   psql -v owner_password=… -v app_password=… -f docker/roles.sql
-- The owner migrates. The site is the other role; it can neither change a table's shape nor
-- rewrite the log. The names of the roles matter: migrations refer to them.
CREATE ROLE countersign_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE countersign_app LOGIN PASSWORD :'app_password';
GRANT countersign_app TO countersign_owner;
CREATE DATABASE countersign OWNER countersign_owner ENCODING 'UTF8' TEMPLATE template0;
\connect countersign
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO countersign_app;
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner
    GRANT USAGE, SELECT ON SEQUENCES TO countersign_app;
