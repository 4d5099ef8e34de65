-- purpose: Asks a question of the manifest's: a query that is to answer with one number, or with true or false. Of any other answer only the kind
--   is told, so that no row's value leaves the server. Runs in a transaction that reads only, with time limits.

WITH asked AS MATERIALIZED (SELECT pg_catalog.to_jsonb((
{{ query }}
)) AS answer)
SELECT COALESCE(pg_catalog.jsonb_typeof(a.answer), 'null') AS kind,
       CASE WHEN pg_catalog.jsonb_typeof(a.answer) IN ('number', 'boolean') THEN a.answer #>> '{}' END AS value
  FROM asked AS a
