-- purpose: What pg_stat_statements has kept of statements that may use a key column, by role, the most frequent first; constants are
--   parameters there. The hidden text of others' statements counts as one. Judged in src/audit/checks.
{% import "audit/_macros.sql" as m %}

SELECT COALESCE(r.rolname, '') AS role, s.query AS text, pg_catalog.sum(s.calls)::bigint AS calls
  FROM {{ statements }} AS s
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND (s.query = '<insufficient privilege>'
        OR EXISTS (SELECT FROM {{ m.key_columns(keys) }} AS k WHERE pg_catalog.strpos(pg_catalog.lower(s.query), pg_catalog.lower(k.relname)) > 0))
   -- keyward's own statements name its schema
   AND pg_catalog.strpos(s.query, 'keyward') = 0
   AND r.rolname IS DISTINCT FROM {{ owner | lit }}
 GROUP BY 1, 2
 ORDER BY 3 DESC, 1, 2
 LIMIT 500
