-- purpose: The functions that may deal with keys: those of triggers on the key tables, and those whose source names a key table, a key column
--   or keyward. Judged in src/audit/checks.
{% import "audit/_macros.sql" as m %}

WITH k AS MATERIALIZED (SELECT * FROM {{ m.key_columns(keys) }} AS k),
     fires AS (
    SELECT t.tgfoid, k.name AS key, t.tgname, t.tgtype & 16 <> 0 AS on_update, t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL AS has_transition,
           pg_catalog.encode(t.tgargs, 'escape') AS arguments
      FROM k
     CROSS JOIN LATERAL (SELECT k.relid UNION SELECT tree.relid FROM pg_catalog.pg_partition_tree(k.relid) AS tree) AS part (relid)
      JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = part.relid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
), depends AS (
    -- of a function with a body in standard SQL the catalogue knows what it reads
    SELECT d.objid, k.name AS key
      FROM k JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum AND d.classid = 'pg_catalog.pg_proc'::regclass
)
SELECT f.oid::regprocedure::text AS name,
       l.lanname AS language,
       f.prosrc AS source,
       f.prosecdef AS is_definer,
       o.rolname AS owner,
       o.rolsuper OR o.rolbypassrls
       OR COALESCE(pg_catalog.pg_has_role(f.proowner, pg_catalog.to_regrole({{ owner_quoted | lit }})::oid, 'USAGE'), false) AS is_mighty,
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT pg_catalog.jsonb_build_object(
                            'key', t.key, 'trigger', t.tgname, 'on_update', t.on_update, 'has_transition', t.has_transition, 'arguments', t.arguments)), '[]')
          FROM fires AS t WHERE t.tgfoid = f.oid) AS fires,
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT d.key), '[]') FROM depends AS d WHERE d.objid = f.oid) AS depends_on,
       -- the keys behind a wall that it may read with its owner's rights, and the API roles that may call it
       (SELECT COALESCE(pg_catalog.jsonb_agg(k.name), '[]') FROM k
         WHERE k.walled AND f.prosecdef AND pg_catalog.has_column_privilege(f.proowner, k.relid, k.attnum, 'SELECT')) AS reads,
       (SELECT COALESCE(pg_catalog.jsonb_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_catalog.pg_roles AS r
         WHERE f.prosecdef AND r.rolname = ANY ({{ m.names(walled_off) }}) AND NOT r.rolsuper
           AND pg_catalog.has_function_privilege(r.oid, f.oid, 'EXECUTE') AND pg_catalog.has_schema_privilege(r.oid, f.pronamespace, 'USAGE')) AS callers
  FROM pg_catalog.pg_proc AS f
  JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
  JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang
  JOIN pg_catalog.pg_roles AS o ON o.oid = f.proowner
 WHERE n.nspname NOT IN ('keyward', 'information_schema')
   AND (f.oid IN (SELECT t.tgfoid FROM fires AS t)
        OR f.oid IN (SELECT d.objid FROM depends AS d)
        OR n.nspname <> 'pg_catalog'
           AND (pg_catalog.strpos(f.prosrc, 'keyward') > 0
                OR EXISTS (SELECT FROM k WHERE pg_catalog.strpos(pg_catalog.lower(f.prosrc), pg_catalog.lower(pg_catalog.replace(k.relname::text, '"', '""'))) > 0))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e
                            WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = f.oid AND e.deptype = 'e'))
 ORDER BY 1
