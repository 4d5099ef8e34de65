-- id: read_own_function
-- control: no_key_in_responses
-- vector: a function of its own
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS text LANGUAGE plpgsql
AS $keyward$ BEGIN RETURN (SELECT b.{{ key.column }} FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }}); END $keyward$;
SELECT pg_temp.keyward_probe();
