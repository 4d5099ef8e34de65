-- purpose: The tables of the application, with what tells accounts, keys and users: columns, unique columns, foreign keys, size, who was granted what.
--   Partitions are left out (the partitioned table stands for them), and what belongs to an extension.
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       o.rolname AS owner,
       -- unknown until the table was analyzed
       CASE WHEN c.relkind = 'p' THEN (SELECT sum(p.reltuples) FILTER (WHERE p.reltuples >= 0)
                                         FROM pg_catalog.pg_partition_tree(c.oid) AS tree JOIN pg_catalog.pg_class AS p ON p.oid = tree.relid
                                        WHERE tree.isleaf)
            WHEN c.reltuples >= 0 THEN c.reltuples END::bigint AS rows,
       (SELECT COALESCE(sum(p.relpages), c.relpages)::bigint
          FROM pg_catalog.pg_partition_tree(c.oid) AS tree JOIN pg_catalog.pg_class AS p ON p.oid = tree.relid
         WHERE tree.isleaf) AS pages,
       (SELECT count(*) FROM pg_catalog.pg_partition_tree(c.oid) AS tree WHERE tree.relid <> c.oid) AS partitions,
       EXISTS (SELECT FROM pg_catalog.pg_inherits AS h JOIN pg_catalog.pg_class AS hc ON hc.oid = h.inhrelid
                WHERE h.inhparent = c.oid AND NOT hc.relispartition) AS has_children,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', a.attname,
                      'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                      'base_type', pg_catalog.format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL),
                      'max_length', CASE WHEN COALESCE(NULLIF(t.typbasetype, 0), t.oid) IN (1042, 1043)
                                         THEN NULLIF(GREATEST(a.atttypmod, t.typtypmod), -1) - 4 END,
                      'not_null', a.attnotnull,
                      'is_generated', a.attgenerated <> '',
                      'default', COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault),
                      'readable', pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
                      -- BEFORE INSERT triggers in whose function the column is set
                      'filled_by', (SELECT COALESCE(pg_catalog.jsonb_agg(tg.tgname ORDER BY tg.tgname), '[]')
                                      FROM pg_catalog.pg_trigger AS tg JOIN pg_catalog.pg_proc AS f ON f.oid = tg.tgfoid
                                     WHERE tg.tgrelid = c.oid AND NOT tg.tgisinternal AND tg.tgtype & 7 = 7
                                       AND (pg_catalog.strpos(pg_catalog.lower(f.prosrc), 'new.' || pg_catalog.lower(a.attname) || ' :=') > 0
                                            OR pg_catalog.strpos(pg_catalog.lower(f.prosrc), 'new.' || pg_catalog.lower(a.attname) || ' =') > 0
                                            OR pg_catalog.strpos(pg_catalog.lower(f.prosrc), 'new.' || pg_catalog.lower(a.attname) || ':=') > 0))) ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute AS a
             JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
             LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'is_primary', i.indisprimary,
                      'columns', (SELECT pg_catalog.jsonb_agg(COALESCE(a.attname, '') ORDER BY p.ord)
                                    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, ord)
                                    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.attnum
                                   WHERE p.ord <= i.indnkeyatts)) ORDER BY i.indisprimary DESC, i.indexrelid)
             FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indisvalid), '[]') AS uniques,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'columns', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY p.ord)
                                    FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS p (attnum, ord)
                                    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.attnum),
                      'table', pg_catalog.format('%I.%I', fn.nspname, fc.relname),
                      'to', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY p.ord)
                               FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS p (attnum, ord)
                               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = p.attnum)) ORDER BY k.conname, k.oid)
             FROM pg_catalog.pg_constraint AS k
             JOIN pg_catalog.pg_class AS fc ON fc.oid = k.confrelid
             JOIN pg_catalog.pg_namespace AS fn ON fn.oid = fc.relnamespace
            WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0), '[]') AS foreign_keys,
       (SELECT COALESCE(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
          FROM pg_catalog.pg_partitioned_table AS pt
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (pt.partattrs::int2[])
         WHERE pt.partrelid = c.oid) AS partition_key
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('keyward', 'pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS dep
                    WHERE dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dep.objid = c.oid AND dep.deptype = 'e')
 ORDER BY n.nspname, c.relname
