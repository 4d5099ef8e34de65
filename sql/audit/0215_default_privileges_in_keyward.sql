-- id: KW215
-- severity: error
-- title: default privileges hand out what keyward creates
-- why: Whatever keyward installs next is readable or callable by these roles from its first moment.
-- remedy: Revoke the default privileges.

SELECT pg_catalog.format('defaults of %s%s for %s: %s', o.rolname, COALESCE(' in schema ' || n.nspname, ''), COALESCE(g.rolname, 'public'), k.kind) AS object,
       pg_catalog.format('%s on new %s is granted to %s.', pg_catalog.string_agg(acl.privilege_type, ', ' ORDER BY acl.privilege_type), k.kind,
                         COALESCE(g.rolname, 'everybody')) AS detail,
       pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s;', o.rolname,
                         COALESCE(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), ''), pg_catalog.upper(k.kind), COALESCE(pg_catalog.quote_ident(g.rolname), 'PUBLIC')) AS remedy
  FROM pg_catalog.pg_default_acl AS d
  JOIN (VALUES ('r'::"char", 'tables'), ('f', 'functions'), ('S', 'sequences'), ('T', 'types'), ('n', 'schemas')) AS k (objtype, kind) ON k.objtype = d.defaclobjtype
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.defaclrole
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS acl
  LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
 WHERE acl.grantee <> d.defaclrole
   AND (n.nspname = 'keyward' OR o.rolname = {{ owner | lit }} AND n.oid IS NULL)
   -- what PostgreSQL gives everybody anyway; keyward revokes it where it matters
   AND NOT (acl.grantee = 0 AND n.oid IS NULL AND d.defaclobjtype IN ('f', 'T'))
 GROUP BY o.rolname, n.nspname, g.rolname, k.kind
 ORDER BY 1
