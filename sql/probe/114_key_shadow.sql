-- id: key_shadow
-- control: no_automatic_key
-- vector: shadows keyward's tables and helpers in pg_temp
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
CREATE TEMP TABLE policy (singleton boolean, mode text, default_enabled boolean, new_accounts_enabled boolean);
INSERT INTO pg_temp.policy VALUES (true, 'off', false, false);
CREATE TEMP TABLE account_setting (account text, enabled boolean, wave integer);
CREATE FUNCTION pg_temp.acts_as_ui() RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION pg_temp.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql AS $keyward$ SELECT 'nobody' $keyward$;
SET LOCAL search_path = pg_temp, keyward, pg_catalog;
{{ m.insert(at) }};

-- look as owner:
{{ m.new_row(at) }};
