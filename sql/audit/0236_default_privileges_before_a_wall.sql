-- id: KW236
-- severity: warning
-- title: default privileges open a key behind a wall in new tables
-- why: A new partition of the table, or a table that takes its place, is born with these privileges on all of its columns, the key among them, and keeps
--   them until keyward is applied again.
-- remedy: Revoke these privileges from the defaults.
-- needs: walls
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('defaults of %s%s for %s', o.rolname, COALESCE(' in schema ' || n.nspname, ''), COALESCE(g.rolname, 'public')) AS object,
       pg_catalog.format('%s on new tables is granted to %s.', pg_catalog.string_agg(DISTINCT acl.privilege_type, ', '), COALESCE(g.rolname, 'everybody')) AS detail,
       pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE SELECT, INSERT, UPDATE ON TABLES FROM %s;', o.rolname,
                         COALESCE(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), ''), COALESCE(pg_catalog.quote_ident(g.rolname), 'PUBLIC')) AS remedy
  FROM pg_catalog.pg_default_acl AS d
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.defaclrole
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS acl
  LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
 WHERE d.defaclobjtype = 'r' AND acl.grantee <> d.defaclrole AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
   AND o.rolname <> {{ owner | lit }}
   AND (acl.grantee = 0
        OR EXISTS (SELECT FROM pg_catalog.pg_roles AS a WHERE a.rolname = ANY ({{ m.names(walled_off) }}) AND pg_catalog.pg_has_role(a.oid, acl.grantee, 'MEMBER')))
   AND (n.oid IS NULL OR n.oid IN (SELECT c.relnamespace FROM {{ m.walled_columns(keys) }} AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.relid))
 GROUP BY o.rolname, n.nspname, g.rolname
 ORDER BY 1
