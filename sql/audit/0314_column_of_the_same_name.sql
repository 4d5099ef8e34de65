-- id: KW314
-- severity: note
-- title: another table has a column of the key's name
-- why: It may be a history, a cache or an import of the same keys; the catalogue can't tell. keyward audit --sample compares values.
-- remedy: If it holds keys, name it as another [[keys]] of the manifest, or empty it.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object,
       pg_catalog.format('It is called as %s is.', pg_catalog.min(k.col)) AS detail,
       '' AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_attribute AS a ON a.attname = k.attname AND NOT a.attisdropped AND a.attnum > 0
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 WHERE n.nspname NOT IN ('keyward', 'pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   AND (t.typcategory IN ('S', 'A') OR t.typname IN ('uuid', 'citext', 'json', 'jsonb', 'bytea', 'hstore'))
   AND NOT EXISTS (SELECT FROM {{ m.key_columns(keys) }} AS own WHERE own.relid = c.oid AND own.attnum = a.attnum)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = c.oid AND h.inhparent = k.relid)
 GROUP BY n.nspname, c.relname, a.attname
 ORDER BY 1
