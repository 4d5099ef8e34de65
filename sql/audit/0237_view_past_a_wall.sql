-- id: KW237
-- severity: error
-- title: a view leads an API role past the wall of a key
-- why: A view looks with its owner's rights, and a materialized view holds a copy with privileges of its own: who may read it gets the key, or what is
--   decided by it.
-- remedy: Leave the column out; or revoke SELECT on the view; or make it security_invoker (PostgreSQL 15 and newer).
-- needs: walls
{% import "audit/_macros.sql" as m %}

WITH RECURSIVE views AS (
    -- whose rights count: those of the owner, unless the view asks for those of who reads it
    SELECT v.oid AS relid, w.oid AS rule,
           CASE WHEN v.relkind = 'v' AND COALESCE((SELECT o.option_value::boolean FROM pg_catalog.pg_options_to_table(v.reloptions) AS o WHERE o.option_name = 'security_invoker'), false)
                THEN NULL ELSE v.relowner END AS reader
      FROM pg_catalog.pg_class AS v JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = v.oid
     WHERE v.relkind IN ('v', 'm')
), reads AS (
    SELECT v.relid, v.reader, k.relid AS key_relid, k.attnum, k.col AS path
      FROM {{ m.walled_columns(keys) }} AS k
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
      JOIN views AS v ON v.rule = d.objid
     -- a whole row is printed as alias.*, and depends on no column
     WHERE d.refobjsubid = k.attnum OR d.refobjsubid = 0 AND pg_catalog.strpos(pg_catalog.pg_get_viewdef(v.relid), '.*') > 0
    UNION
    -- by way of other views
    SELECT v.relid, COALESCE(r.reader, v.reader), r.key_relid, r.attnum, r.path || ' → ' || r.relid::regclass
      FROM reads AS r
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
      JOIN views AS v ON v.rule = d.objid AND v.relid <> r.relid
     WHERE pg_catalog.length(r.path) < 400
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('It reads %s with the rights of %s; %s may read it.', pg_catalog.min(r.path), pg_catalog.min(o.rolname), pg_catalog.string_agg(DISTINCT a.rolname::text, ', ')) AS detail,
       '' AS remedy
  FROM reads AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = r.reader AND pg_catalog.has_column_privilege(o.oid, r.key_relid, r.attnum, 'SELECT')
  JOIN pg_catalog.pg_roles AS a ON a.rolname = ANY ({{ m.names(walled_off) }}) AND NOT a.rolsuper
   AND pg_catalog.has_any_column_privilege(a.oid, c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(a.oid, n.oid, 'USAGE')
 WHERE n.nspname !~ '^pg_temp'
 GROUP BY n.nspname, c.relname
 ORDER BY 1
