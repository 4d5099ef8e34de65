-- id: KW302
-- severity: warning
-- title: a materialized view holds copies of keys
-- why: What it was filled with stays until it is refreshed: sealing a key doesn't reach it, and a wall before the column isn't one before the copy.
-- remedy: Leave the column out; where keys are sealed, refresh it after every wave.
-- needs: keys
{% import "audit/_macros.sql" as m %}

WITH RECURSIVE reads AS (
    SELECT w.ev_class AS relid, k.col AS path
      FROM {{ m.key_columns(keys) }} AS k
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
      JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
      JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
     -- a whole row is printed as alias.*, and depends on no column
     WHERE d.refobjsubid = k.attnum OR d.refobjsubid = 0 AND pg_catalog.strpos(pg_catalog.pg_get_viewdef(v.oid), '.*') > 0
    UNION
    -- by way of other views
    SELECT w.ev_class, r.path || ' → ' || r.relid::regclass
      FROM reads AS r
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
      JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND w.ev_class <> r.relid
      JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
     WHERE pg_catalog.length(r.path) < 400
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('It is filled from %s.', pg_catalog.min(r.path)) AS detail,
       pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I;', n.nspname, c.relname) AS remedy
  FROM reads AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.relid AND c.relkind = 'm'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 GROUP BY n.nspname, c.relname
 ORDER BY 1
