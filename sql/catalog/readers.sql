-- The roles among $1 that may read the column $3 of the table $2 (quoted and qualified) or of one of its partitions, by whatever way.
SELECT r.rolname AS name
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = ANY ($1::text[])
   AND EXISTS (
       SELECT FROM (SELECT pg_catalog.to_regclass($2::text)::oid AS relid
                    UNION SELECT tree.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($2::text)) AS tree) AS part
        WHERE pg_catalog.has_column_privilege(r.oid, part.relid, $3::text, 'SELECT'))
 ORDER BY r.rolname
