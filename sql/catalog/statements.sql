-- The statements that roles ($1) have run in this database and that mention one of the words $2, as pg_stat_statements normalised them:
-- constants are parameters there. The most called first. Of what the connected
-- role may not read, the server says <insufficient privilege>.
SELECT r.rolname AS role, s.query AS statement, sum(s.calls)::bigint AS calls
  FROM {{ schema }}.pg_stat_statements AS s
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND r.rolname = ANY ($1::text[])
   AND (s.query = '<insufficient privilege>' OR EXISTS (SELECT FROM pg_catalog.unnest($2::text[]) AS w (word) WHERE pg_catalog.strpos(s.query, w.word) > 0))
 GROUP BY r.rolname, s.query
 ORDER BY calls DESC, r.rolname, s.query
 LIMIT 1000
