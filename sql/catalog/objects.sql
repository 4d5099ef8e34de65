-- What the catalogue says of everything that keyward installs: one row an object, with its kind and name and one text that changes
-- whenever anything about it does. `grantees` are the roles, other than the owner, that hold privileges on it. $1: the kinds asked for.
-- Of privileges it says what differs from the usual ones: a dump leaves these out, so that they are stored in one database and not in
-- another, and each version of the server has its own.
SELECT 'table' AS kind, c.relname AS name, NULL::name AS schema, NULL::name AS relation,
       pg_catalog.concat_ws(E'\n',
           c.relkind, o.rolname,
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                                                              pg_catalog.pg_get_expr(d.adbin, d.adrelid)), E'\n' ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute AS a
              LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           -- not the NOT NULL constraints that the catalogue lists from version 18 on: the columns say it already
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.conname, pg_catalog.pg_get_constraintdef(k.oid)), E'\n' ORDER BY k.conname)
              FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
           (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(i.indexrelid), E'\n' ORDER BY i.indexrelid::regclass::text)
              FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisvalid)) AS definition,
       '[]'::jsonb AS grantees
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE c.relnamespace = pg_catalog.to_regnamespace('keyward') AND c.relkind IN ('r', 'p') AND 'table' = ANY ($1::text[])

UNION ALL
SELECT 'access', c.relname, NULL, NULL,
       pg_catalog.concat_ws(E'\n',
           c.relrowsecurity, c.relforcerowsecurity,
           (SELECT pg_catalog.string_agg(COALESCE(held.acl::text, 'not ' || usual.acl::text), ' ' ORDER BY held.acl::text, usual.acl::text)
              FROM pg_catalog.unnest(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) AS held (acl)
              FULL JOIN pg_catalog.unnest(pg_catalog.acldefault('r', c.relowner)) AS usual (acl) ON held.acl::text = usual.acl::text
             WHERE held.acl IS NULL OR usual.acl IS NULL),
           (SELECT pg_catalog.string_agg(a.attname || ' ' || a.attacl::text, ' ' ORDER BY a.attname)
              FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.polname, p.polcmd, p.polpermissive,
                       (SELECT pg_catalog.string_agg(r.oid::regrole::text, ',' ORDER BY r.oid::regrole::text) FROM pg_catalog.unnest(p.polroles) AS r (oid)),
                       pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), E'\n' ORDER BY p.polname)
              FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid)),
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT g.rolname), '[]')
          FROM (SELECT acl.grantee FROM pg_catalog.aclexplode(c.relacl) AS acl
                UNION ALL
                SELECT acl.grantee FROM pg_catalog.pg_attribute AS a, pg_catalog.aclexplode(a.attacl) AS acl
                 WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) AS x
          JOIN pg_catalog.pg_roles AS g ON g.oid = x.grantee
         WHERE x.grantee <> c.relowner)
  FROM pg_catalog.pg_class AS c
 WHERE c.relnamespace = pg_catalog.to_regnamespace('keyward') AND c.relkind IN ('r', 'p') AND 'access' = ANY ($1::text[])

UNION ALL
SELECT 'access', NULL, NULL, NULL,
       pg_catalog.concat_ws(E'\n', o.rolname,
           (SELECT pg_catalog.string_agg(COALESCE(held.acl::text, 'not ' || usual.acl::text), ' ' ORDER BY held.acl::text, usual.acl::text)
              FROM pg_catalog.unnest(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS held (acl)
              FULL JOIN pg_catalog.unnest(pg_catalog.acldefault('n', n.nspowner)) AS usual (acl) ON held.acl::text = usual.acl::text
             WHERE held.acl IS NULL OR usual.acl IS NULL)),
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT g.rolname), '[]')
          FROM pg_catalog.aclexplode(n.nspacl) AS acl JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
         WHERE acl.grantee <> n.nspowner)
  FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS o ON o.oid = n.nspowner
 WHERE n.nspname = 'keyward' AND 'access' = ANY ($1::text[])

UNION ALL
SELECT 'function', f.proname, NULL, NULL,
       pg_catalog.concat_ws(E'\n', o.rolname, pg_catalog.pg_get_functiondef(f.oid),
           (SELECT pg_catalog.string_agg(COALESCE(held.acl::text, 'not ' || usual.acl::text), ' ' ORDER BY held.acl::text, usual.acl::text)
              FROM pg_catalog.unnest(COALESCE(f.proacl, pg_catalog.acldefault('f', f.proowner))) AS held (acl)
              FULL JOIN pg_catalog.unnest(pg_catalog.acldefault('f', f.proowner)) AS usual (acl) ON held.acl::text = usual.acl::text
             WHERE held.acl IS NULL OR usual.acl IS NULL)),
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT g.rolname), '[]')
          FROM pg_catalog.aclexplode(f.proacl) AS acl JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
         WHERE acl.grantee <> f.proowner)
  FROM pg_catalog.pg_proc AS f JOIN pg_catalog.pg_roles AS o ON o.oid = f.proowner
 WHERE f.pronamespace = pg_catalog.to_regnamespace('keyward') AND f.prokind = 'f' AND 'function' = ANY ($1::text[])

UNION ALL
SELECT 'trigger', t.tgname, n.nspname, c.relname,
       -- a partition's clone may be disabled on its own
       pg_catalog.concat_ws(E'\n', pg_catalog.pg_get_triggerdef(t.oid),
           (SELECT pg_catalog.string_agg(DISTINCT part.tgenabled::text, ' ')
              FROM pg_catalog.pg_partition_tree(c.oid) AS tree
              JOIN pg_catalog.pg_trigger AS part ON part.tgrelid = tree.relid AND part.tgname = t.tgname
             WHERE tree.relid <> c.oid AND t.tgtype & 1 = 1),
           t.tgenabled),
       '[]'
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname ~ '^[~!]keyward_' AND 'trigger' = ANY ($1::text[])

UNION ALL
SELECT 'policy', p.polname, n.nspname, c.relname,
       pg_catalog.concat_ws(' ', p.polcmd, p.polpermissive,
           (SELECT pg_catalog.string_agg(r.oid::regrole::text, ',' ORDER BY r.oid::regrole::text) FROM pg_catalog.unnest(p.polroles) AS r (oid)),
           pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)),
       '[]'
  FROM pg_catalog.pg_policy AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE p.polname ~ '^~keyward_' AND 'policy' = ANY ($1::text[])
 ORDER BY 1, 2, 3, 4
