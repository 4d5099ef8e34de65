-- id: wall_function
-- control: no_key_in_responses
-- vector: calls the SECURITY DEFINER functions that are there
-- who: api
-- expects: hidden
-- hide: revoke
-- tell: shows
-- with: self

{# Calls every function that may hand the key out: one with its owner's rights that names the key's table, which the role may call with the id of the
    row or of the account. Nothing can be written meanwhile. The control is one of the owner's, made for the occasion. #}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe(id {{ key.id_type }}) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT b.{{ key.column }}::text FROM {{ key.table }} AS b WHERE b.{{ key.id }} = $1 $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe({{ key.id_type }}) TO {{ role }};
CREATE FUNCTION pg_temp.keyward_probe_all(is_control boolean) RETURNS SETOF text LANGUAGE plpgsql AS $keyward$
DECLARE
    query_ text;
BEGIN
    FOR query_ IN
        -- in SQL or PL/pgSQL: what else runs is beyond a transaction that can't write
        SELECT pg_catalog.format('SELECT s::text FROM %s(%s) AS s', f.oid::pg_catalog.regproc, given.list)
          FROM pg_catalog.pg_proc AS f
          JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
          JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang AND l.lanname IN ('sql', 'plpgsql')
         CROSS JOIN LATERAL (
              SELECT DISTINCT COALESCE(pg_catalog.string_agg(CASE WHEN p.type = {{ key.id_type | lit }}::pg_catalog.regtype AND (id_first.yes OR p.type <> {{ accounts.id_type | lit }}::pg_catalog.regtype)
                                                                  THEN {{ at.id | lit }} ELSE {{ at.account | lit }} END, ', ' ORDER BY p.at) FILTER (WHERE p.type IS NOT NULL), '')
                FROM (VALUES (true), (false)) AS id_first (yes)
                LEFT JOIN pg_catalog.unnest(f.proargtypes::pg_catalog.oid[]) WITH ORDINALITY AS p (type, at) ON p.at <= f.pronargs - f.pronargdefaults
               GROUP BY id_first.yes
              HAVING pg_catalog.bool_and(p.type IS NULL OR p.type IN ({{ key.id_type | lit }}::pg_catalog.regtype, {{ accounts.id_type | lit }}::pg_catalog.regtype))
          ) AS given (list)
         WHERE f.prosecdef AND f.prokind = 'f' AND f.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
           AND n.nspname NOT IN ('keyward', 'pg_catalog', 'information_schema')
           AND (f.pronamespace = pg_catalog.pg_my_temp_schema()) = is_control
           AND pg_catalog.has_function_privilege(f.oid, 'EXECUTE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND (pg_catalog.strpos(pg_catalog.lower(f.prosrc), pg_catalog.lower(pg_catalog.replace({{ key.relname | lit }}, '"', '""'))) > 0
                OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = f.oid
                              AND d.refobjid = {{ key.table | lit }}::pg_catalog.regclass))
    LOOP
        BEGIN
            RETURN QUERY EXECUTE query_;
        EXCEPTION WHEN OTHERS THEN
            -- an error may show a value, too
            RETURN NEXT SQLERRM;
        END;
    END LOOP;
END
$keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe_all(boolean) TO {{ role }};

-- act:
SET LOCAL transaction_read_only = on;
SELECT * FROM pg_temp.keyward_probe_all(false);

-- counter:
SET LOCAL transaction_read_only = on;
SELECT * FROM pg_temp.keyward_probe_all(true);
