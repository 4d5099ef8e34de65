-- id: KW216
-- severity: warning
-- title: default privileges give dangerous rights on new tables
-- why: A new partition, or a table that takes the place of a protected one, is born with TRIGGER, REFERENCES or TRUNCATE for these roles:
--   TRIGGER shows what others write, REFERENCES lets keys be guessed, TRUNCATE passes by row triggers.
-- remedy: Revoke these privileges from the defaults.
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('defaults of %s%s for %s', o.rolname, COALESCE(' in schema ' || n.nspname, ''), COALESCE(g.rolname, 'public')) AS object,
       pg_catalog.format('%s on new tables is granted to %s.', pg_catalog.string_agg(acl.privilege_type, ', ' ORDER BY acl.privilege_type), COALESCE(g.rolname, 'everybody')) AS detail,
       pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE TRIGGER, REFERENCES, TRUNCATE ON TABLES FROM %s;', o.rolname,
                         COALESCE(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), ''), COALESCE(pg_catalog.quote_ident(g.rolname), 'PUBLIC')) AS remedy
  FROM pg_catalog.pg_default_acl AS d
  JOIN pg_catalog.pg_roles AS o ON o.oid = d.defaclrole
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS acl
  LEFT JOIN pg_catalog.pg_roles AS g ON g.oid = acl.grantee
 WHERE d.defaclobjtype = 'r' AND acl.grantee <> d.defaclrole AND acl.privilege_type IN ('TRIGGER', 'REFERENCES', 'TRUNCATE')
   AND o.rolname <> {{ owner | lit }}
   AND (acl.grantee = 0 OR g.rolname = ANY ({{ m.names(restricted) }}))
   AND (n.oid IS NULL OR n.oid IN (SELECT t.nspoid FROM {{ m.protected(tables) }} AS t))
 GROUP BY o.rolname, n.nspname, g.rolname
 ORDER BY 1
