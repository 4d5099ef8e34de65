-- What a new row of a table ($1, quoted) takes: its columns, how each is filled, what it refers to; and the sets of columns that must be
-- unique. One row.
SELECT (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                   'name', a.attname,
                   'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                   'base', pg_catalog.format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL),
                   'category', t.typcategory,
                   'max_length', CASE WHEN COALESCE(NULLIF(t.typbasetype, 0), t.oid) IN (1042, 1043)
                                      THEN NULLIF(GREATEST(a.atttypmod, t.typtypmod), -1) - 4 END,
                   'is_required', a.attnotnull OR t.typnotnull,
                   'has_default', a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
                   'is_generated', a.attgenerated <> '',
                   'is_identity_always', a.attidentity = 'a',
                   -- not any value of the type will do
                   'is_particular', t.typtype IN ('d', 'e')
                       OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                                   WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f') AND a.attnum = ANY (k.conkey)),
                   'label', (SELECT e.enumlabel FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1),
                   'refers_to', (SELECT pg_catalog.jsonb_build_array(pg_catalog.format('%I.%I', fn.nspname, f.relname), fa.attname)
                                   FROM pg_catalog.pg_constraint AS k
                                   JOIN pg_catalog.pg_class AS f ON f.oid = k.confrelid
                                   JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
                                   JOIN pg_catalog.pg_attribute AS fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
                                  WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum] LIMIT 1)
               ) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       -- partial ones and exclusion constraints as well; an expression counts with the columns that it is made of
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT pg_catalog.to_jsonb(parts.names)), '[]')
          FROM pg_catalog.pg_index AS i,
               LATERAL (SELECT pg_catalog.array_agg(a.attname ORDER BY a.attnum) AS names FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = c.oid
                           AND (a.attnum = ANY (i.indkey::int2[])
                                OR (i.indexprs IS NOT NULL AND EXISTS (
                                        SELECT FROM pg_catalog.pg_depend AS d
                                         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                                           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
                                           AND d.refobjsubid = a.attnum)))) AS parts
         WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND i.indisready) AS unique_sets,
       o.rolname AS owner
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE c.oid = pg_catalog.to_regclass($1)
