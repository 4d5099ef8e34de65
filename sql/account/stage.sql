-- purpose: Where the rows of an import wait until they are carried out: tables of the session, which the owner may read.
--   A cast that fails leaves NULL, so that every malformed id is found, not only the first.
DROP TABLE IF EXISTS pg_temp.keyward_import;
DROP TABLE IF EXISTS pg_temp.keyward_changed;
DROP FUNCTION IF EXISTS pg_temp.keyward_account(text);
CREATE TEMPORARY TABLE keyward_import (line bigint NOT NULL, given text NOT NULL, account {{ id_type }}, reason text NOT NULL, requested_by text);
-- the accounts that an import changes, and whether they had a setting of their own
CREATE TEMPORARY TABLE keyward_changed (account {{ id_type }} NOT NULL, overridden boolean NOT NULL);
GRANT SELECT ON TABLE pg_temp.keyward_import TO {{ owner }};
GRANT SELECT, INSERT ON TABLE pg_temp.keyward_changed TO {{ owner }};
CREATE FUNCTION pg_temp.keyward_account(given text) RETURNS {{ id_type }}
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $keyward$
BEGIN
    RETURN $1::{{ id_type }};
-- out of range, not of the syntax, against a domain's check
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    RETURN NULL;
END
$keyward$;
