-- The tables that the manifest names ($1: quoted names): columns, constraints, indexes, triggers, policies, privileges, parts.
SELECT n.nspname AS schema,
       c.relname AS name,
       c.relkind AS kind,
       o.rolname AS owner,
       pg_catalog.pg_has_role(CURRENT_USER, c.relowner, 'USAGE') AS runner_owns,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') AS runner_grants_schema,
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT COALESCE(g.rolname, 'public')), '[]')
          FROM pg_catalog.aclexplode(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS acl
          LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
         WHERE acl.privilege_type = 'USAGE') AS schema_users,
       c.relrowsecurity AS has_rls,
       c.relforcerowsecurity AS forces_rls,
       c.relispartition AS is_partition,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', a.attname,
                      'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                      'base_type', pg_catalog.format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL),
                      'max_length', CASE WHEN COALESCE(NULLIF(t.typbasetype, 0), t.oid) IN (1042, 1043)
                                         THEN NULLIF(GREATEST(a.atttypmod, t.typtypmod), -1) - 4 END,
                      'loose_collation', (SELECT l.collname FROM pg_catalog.pg_collation AS l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic),
                      'not_null', a.attnotnull,
                      'domain_not_null', t.typtype = 'd' AND t.typnotnull,
                      'is_generated', a.attgenerated <> '') ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', k.conname,
                      'kind', k.contype,
                      'columns', (SELECT COALESCE(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute AS a
                                   WHERE a.attrelid = c.oid
                                     AND a.attnum = ANY (CASE WHEN k.confrelid = c.oid AND k.conrelid <> c.oid THEN k.confkey
                                                              WHEN k.confrelid = c.oid THEN k.conkey || k.confkey
                                                              ELSE k.conkey END)),
                      'on_table', pg_catalog.format('%I.%I', kn.nspname, kc.relname),
                      'definition', pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname, k.oid)
             FROM pg_catalog.pg_constraint AS k
             JOIN pg_catalog.pg_class AS kc ON kc.oid = k.conrelid
             JOIN pg_catalog.pg_namespace AS kn ON kn.oid = kc.relnamespace
            WHERE (k.conrelid = c.oid OR k.confrelid = c.oid) AND k.contype IN ('p', 'f', 'c', 'u', 'x')), '[]') AS constraints,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', ic.relname,
                      'columns', (SELECT COALESCE(pg_catalog.jsonb_agg(COALESCE(a.attname, '') ORDER BY p.ord), '[]')
                                    FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, ord)
                                    LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.attnum
                                   WHERE p.ord <= i.indnkeyatts),
                      'is_unique', i.indisunique AND i.indpred IS NULL AND i.indisvalid,
                      'is_partial', i.indpred IS NOT NULL,
                      'nulls_not_distinct', COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)) ORDER BY ic.relname)
             FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
            WHERE i.indrelid = c.oid), '[]') AS indexes,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', t.tgname,
                      'is_before_row', t.tgtype & 3 = 3,
                      'on_insert', t.tgtype & 4 <> 0,
                      'on_update', t.tgtype & 16 <> 0,
                      'is_disabled', t.tgenabled = 'D',
                      'function', pg_catalog.format('%I.%I', fn.nspname, f.proname),
                      'runs_as_definer', f.prosecdef) ORDER BY t.tgname)
             FROM pg_catalog.pg_trigger AS t
             JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
             JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), '[]') AS triggers,
       (SELECT COALESCE(pg_catalog.jsonb_agg(r.rulename ORDER BY r.rulename), '[]')
          FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D') AS rules,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'name', p.polname,
                      'is_permissive', p.polpermissive,
                      'roles', (SELECT COALESCE(pg_catalog.jsonb_agg(COALESCE(pr.rolname, 'public') ORDER BY pr.rolname), '[]')
                                  FROM pg_catalog.unnest(p.polroles) AS pol (oid) LEFT JOIN pg_catalog.pg_roles AS pr ON pr.oid = pol.oid)) ORDER BY p.polname)
             FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid), '[]') AS policies,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'grantee', COALESCE(g.rolname, 'public'), 'grantor', COALESCE(gr.rolname, ''), 'privilege', x.privilege_type,
                      'column', x.attname, 'part', x.part, 'is_grantable', x.is_grantable, 'by_owner', x.grantor = x.owner)
                      ORDER BY x.part NULLS FIRST, g.rolname, x.privilege_type, x.attname, gr.rolname)
             FROM (SELECT acl.*, NULL::name AS attname, NULL::text AS part, c.relowner AS owner
                     FROM pg_catalog.aclexplode(COALESCE(c.relacl, pg_catalog.acldefault('r', c.relowner))) AS acl
                   UNION ALL
                   SELECT acl.*, a.attname, NULL, c.relowner
                     FROM pg_catalog.pg_attribute AS a, pg_catalog.aclexplode(a.attacl) AS acl
                    WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
                   UNION ALL
                   -- what is granted on a partition itself
                   SELECT acl.*, NULL, pg_catalog.format('%I.%I', pn.nspname, pc.relname), pc.relowner
                     FROM pg_catalog.pg_partition_tree(c.oid) AS tree
                     JOIN pg_catalog.pg_class AS pc ON pc.oid = tree.relid
                     JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace, pg_catalog.aclexplode(pc.relacl) AS acl
                    WHERE tree.relid <> c.oid
                   UNION ALL
                   SELECT acl.*, a.attname, pg_catalog.format('%I.%I', pn.nspname, pc.relname), pc.relowner
                     FROM pg_catalog.pg_partition_tree(c.oid) AS tree
                     JOIN pg_catalog.pg_class AS pc ON pc.oid = tree.relid
                     JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
                     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pc.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped, pg_catalog.aclexplode(a.attacl) AS acl
                    WHERE tree.relid <> c.oid) AS x (grantor, grantee, privilege_type, is_grantable, attname, part, owner)
             LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = x.grantee
             LEFT JOIN pg_catalog.pg_roles AS gr ON gr.oid = x.grantor), '[]') AS privileges,
       (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.format('%I.%I', pn.nspname, pc.relname) ORDER BY pn.nspname, pc.relname), '[]')
          FROM pg_catalog.pg_partition_tree(c.oid) AS tree
          JOIN pg_catalog.pg_class AS pc ON pc.oid = tree.relid
          JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
         WHERE tree.relid <> c.oid) AS partitions,
       (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.format('%I.%I', pn.nspname, pc.relname) ORDER BY pn.nspname, pc.relname), '[]')
          FROM pg_catalog.pg_inherits AS h
          JOIN pg_catalog.pg_class AS pc ON pc.oid = h.inhrelid
          JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
         WHERE h.inhparent = c.oid AND NOT pc.relispartition) AS children,
       (SELECT COALESCE(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
          FROM pg_catalog.pg_partitioned_table AS pt
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (pt.partattrs::int2[])
         WHERE pt.partrelid = c.oid) AS partition_key
  FROM pg_catalog.unnest($1::text[]) AS wanted (name)
  JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(wanted.name)
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 ORDER BY 1, 2
