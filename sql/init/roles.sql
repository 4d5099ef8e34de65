-- purpose: The roles of the application: what they are, which roles they are members of, and what they may do with the tables of
--   $1 (schemas) and $2 (names), by whatever grant. Superusers, PostgreSQL's own roles, keyward's owner, and those who may do nothing with any of these tables are left out.
SELECT r.rolname AS name,
       r.rolcanlogin AS can_login,
       r.rolcreaterole AS may_create_roles,
       (SELECT COALESCE(pg_catalog.jsonb_agg(g.rolname ORDER BY g.rolname), '[]')
          FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
         WHERE m.member = r.oid) AS member_of,
       rights.owns AS owns,
       rights.rights AS rights
  FROM pg_catalog.pg_roles AS r
 CROSS JOIN LATERAL (
       SELECT COALESCE(pg_catalog.jsonb_agg(t.name ORDER BY t.name) FILTER (WHERE pg_catalog.pg_has_role(r.oid, t.relowner, 'USAGE')), '[]') AS owns,
              COALESCE(pg_catalog.jsonb_object_agg(t.name, t.may) FILTER (WHERE t.may <> '[]'), '{}') AS rights
         FROM (SELECT t.name, c.relowner,
                      (SELECT COALESCE(pg_catalog.jsonb_agg(p.privilege ORDER BY p.place), '[]')
                         FROM pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS p (privilege, place)
                        WHERE CASE WHEN p.privilege = 'DELETE' THEN pg_catalog.has_table_privilege(r.oid, c.oid, p.privilege)
                                   ELSE pg_catalog.has_any_column_privilege(r.oid, c.oid, p.privilege) END
                          AND pg_catalog.has_schema_privilege(r.oid, c.relnamespace, 'USAGE')) AS may
                 -- not by to_regclass, which fails where the schema may not be used
                 FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS wanted (nspname, relname)
                 JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.nspname
                 JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relname
                CROSS JOIN LATERAL (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)) AS t (name)) AS t) AS rights
 WHERE NOT r.rolsuper AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS k WHERE k.nspname = 'keyward' AND k.nspowner = r.oid)
   AND r.rolname !~ '^pg_' AND (rights.rights <> '{}' OR rights.owns <> '[]')
 ORDER BY r.rolname
