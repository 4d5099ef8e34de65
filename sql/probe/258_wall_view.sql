-- id: wall_view
-- control: no_key_in_responses
-- vector: reads the views that are there
-- who: api
-- expects: hidden
-- hide: revoke
-- tell: shows
-- with: self

{# Looks through every view that reads the key's table, directly or by way of others, and that the role may read. The control is one of
    the owner's, made for the occasion. #}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ key.table }};
GRANT SELECT ON pg_temp.keyward_probe TO {{ role }};
CREATE FUNCTION pg_temp.keyward_probe(is_control boolean) RETURNS SETOF text LANGUAGE plpgsql AS $keyward$
DECLARE
    query_ text;
BEGIN
    FOR query_ IN
        WITH RECURSIVE reads (relid) AS (
            SELECT tree.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree({{ key.table | lit }}::pg_catalog.regclass) AS tree
            UNION SELECT {{ key.table | lit }}::pg_catalog.regclass
            UNION
            SELECT w.ev_class
              FROM reads AS r
              JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.relid
               AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
              JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
        )
        -- the row itself, where the view has a column that is like the id: the index serves
        SELECT pg_catalog.format('SELECT pg_catalog.concat_ws('' '', %s) FROM %s AS s WHERE %s',
                   pg_catalog.string_agg(pg_catalog.format('s.%I::text', a.attname), ', '),
                   c.oid::pg_catalog.regclass,
                   COALESCE(pg_catalog.min(pg_catalog.format('s.%I = %s', a.attname, {{ at.id | lit }})) FILTER (WHERE a.attname = i.attname AND a.atttypid = i.atttypid), 'true'))
          FROM (SELECT DISTINCT relid FROM reads) AS r
          JOIN pg_catalog.pg_class AS c ON c.oid = r.relid AND c.relkind = 'v'
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
          JOIN pg_catalog.pg_attribute AS i ON i.attrelid = {{ key.table | lit }}::pg_catalog.regclass AND i.attname = {{ row.id | lit }}
         WHERE (c.relnamespace = pg_catalog.pg_my_temp_schema()) = is_control
           AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
         GROUP BY c.oid
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
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe(boolean) TO {{ role }};

-- act:
SELECT * FROM pg_temp.keyward_probe(false);

-- counter:
SELECT * FROM pg_temp.keyward_probe(true);
