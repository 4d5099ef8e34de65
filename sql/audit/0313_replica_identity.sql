-- id: KW313
-- severity: warning
-- title: the replica identity writes keys into the replication stream
-- why: REPLICA IDENTITY FULL, or an index with the key column, puts the old row into the write-ahead log for logical decoding: each
--   sealing sends the key that it takes away, and each change of a row behind a wall sends its key.
-- remedy: Identify rows by their primary key.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT k.col AS object,
       CASE c.relreplident WHEN 'f' THEN 'The table has REPLICA IDENTITY FULL.' ELSE 'The index that identifies rows holds the key column.' END AS detail,
       pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY DEFAULT;', k.tab) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.relid
 WHERE c.relreplident = 'f'
    OR c.relreplident = 'i' AND EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = k.relid AND i.indisreplident AND k.attnum = ANY (i.indkey::int2[]))
 ORDER BY 1
