-- id: KW217
-- severity: warning
-- title: everybody may read or write the key column
-- why: PUBLIC is every role there is and will be, API roles among them: published keys are open to all, and revoking from one role does
--   nothing.
-- remedy: Revoke from PUBLIC, and grant to the roles that need it.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT k.col AS object,
       pg_catalog.format('%s is granted to PUBLIC.', pg_catalog.string_agg(DISTINCT acl.privilege_type, ', ')) AS detail,
       pg_catalog.format('REVOKE ALL ON TABLE %s FROM PUBLIC;', k.tab) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_class AS c ON c.oid = k.relid
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.relid AND a.attnum = k.attnum
 CROSS JOIN LATERAL (SELECT x.* FROM pg_catalog.aclexplode(c.relacl) AS x UNION ALL SELECT x.* FROM pg_catalog.aclexplode(a.attacl) AS x) AS acl
 -- PUBLIC before a wall is the plan's
 WHERE NOT k.walled AND acl.grantee = 0 AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
 GROUP BY k.col, k.tab
 ORDER BY 1
