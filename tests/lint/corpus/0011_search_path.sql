-- Another schema's tables of the same names.
SET search_path TO billing, pg_catalog;
CREATE TABLE users (id bigint PRIMARY KEY, vat_id text);
ALTER TABLE users RENAME TO customers;
DROP TABLE locations;
RESET search_path;
