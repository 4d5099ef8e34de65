-- id: read_leaky_function
-- control: no_key_in_responses
-- vector: a leaky function in a predicate
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe(seen text) RETURNS boolean LANGUAGE plpgsql
AS $keyward$ BEGIN PERFORM pg_catalog.set_config('keyward_probe.seen', seen, true); RETURN true; END $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe(text) TO {{ role }};

-- act:
SELECT 1 FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }} AND pg_temp.keyward_probe(b.{{ key.column }}::text);
SELECT pg_catalog.current_setting('keyward_probe.seen', true);
