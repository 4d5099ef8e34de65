-- Removes what stage.sql made.
DROP TABLE IF EXISTS pg_temp.keyward_import;
DROP TABLE IF EXISTS pg_temp.keyward_changed;
DROP FUNCTION IF EXISTS pg_temp.keyward_account(text);
