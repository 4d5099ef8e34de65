-- Every role, whether its comment is $1, and whose privileges it may come by: by inheriting them, by SET ROLE, or by granting itself the membership.
SELECT r.rolname AS name,
       r.rolsuper AS is_superuser,
       r.rolcanlogin AS can_login,
       r.rolcreaterole AS may_create_roles,
       r.rolbypassrls AS bypasses_rls,
       pg_catalog.shobj_description(r.oid, 'pg_authid') IS NOT DISTINCT FROM $1 AS is_made_by_keyward,
       COALESCE((
           SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                      'role', g.rolname,
                      -- before 16 a membership has no options of its own: SET ROLE always, inheriting as the member says
                      'inherits', COALESCE((pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit),
                      'can_set', COALESCE((pg_catalog.to_jsonb(m) ->> 'set_option')::boolean, true),
                      'is_admin', m.admin_option) ORDER BY g.rolname)
             FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
            WHERE m.member = r.oid), '[]') AS member_of
  FROM pg_catalog.pg_roles AS r
 ORDER BY r.rolname
