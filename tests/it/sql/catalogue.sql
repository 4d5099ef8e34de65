-- Everything that a database holds besides its data, as lines of text: what was there before keyward must be there after it.
SELECT pg_catalog.jsonb_agg(line ORDER BY line) AS v FROM (
    SELECT 'class ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || c.relrowsecurity || ' ' || c.relforcerowsecurity || ' '
           || COALESCE((SELECT pg_catalog.string_agg(a::text, ',' ORDER BY a::text) FROM pg_catalog.unnest(c.relacl) AS a), '-') AS line
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || a.attnotnull || ' ' || COALESCE(a.attacl::text, '-')
      FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND a.attnum > 0
    UNION ALL
    SELECT 'schema ' || n.nspname || ' '
           || COALESCE((SELECT pg_catalog.string_agg(a::text, ',' ORDER BY a::text) FROM pg_catalog.unnest(n.nspacl) AS a), '-')
      FROM pg_catalog.pg_namespace AS n WHERE n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'trigger ' || pg_catalog.pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'policy ' || p.polname || ' on ' || p.polrelid::regclass FROM pg_catalog.pg_policy AS p
    UNION ALL
    SELECT 'role ' || r.rolname FROM pg_catalog.pg_roles AS r
    UNION ALL
    SELECT 'membership ' || m.roleid::regrole || ' ' || m.member::regrole FROM pg_catalog.pg_auth_members AS m
) AS everything
