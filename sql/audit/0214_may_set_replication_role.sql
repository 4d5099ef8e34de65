-- id: KW214
-- severity: warning
-- title: an API role may set session_replication_role
-- why: Set to replica, it silences the application's triggers and foreign keys. keyward's guards are ALWAYS on and stay; whatever else
--   the application relies on doesn't.
-- remedy: Revoke SET on the parameter.
-- needs: v15
{% import "audit/_macros.sql" as m %}

SELECT COALESCE(r.rolname, 'public') AS object,
       'SET on session_replication_role is granted to it.' AS detail,
       pg_catalog.format('REVOKE SET ON PARAMETER session_replication_role FROM %s;', COALESCE(pg_catalog.quote_ident(r.rolname), 'PUBLIC')) AS remedy
  FROM pg_catalog.pg_parameter_acl AS p
 CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS acl
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = acl.grantee
 WHERE p.parname = 'session_replication_role' AND acl.privilege_type = 'SET'
   AND (acl.grantee = 0
        OR EXISTS (SELECT FROM pg_catalog.pg_roles AS a
                    WHERE a.rolname = ANY ({{ m.names(restricted) }}) AND NOT a.rolsuper AND pg_catalog.pg_has_role(a.oid, acl.grantee, 'MEMBER')))
 ORDER BY 1
