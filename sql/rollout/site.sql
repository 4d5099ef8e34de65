-- What pausing must know of the database, whatever the manifest says: who owns keyward's schema, who acts, and whether that role may.
SELECT o.rolname AS owner,
       COALESCE(NULLIF(pg_catalog.current_setting('role'), 'none'), SESSION_USER) AS actor,
       pg_catalog.pg_has_role(CURRENT_USER, o.oid, 'MEMBER') AS may_act
  FROM pg_catalog.pg_namespace AS n
  JOIN pg_catalog.pg_roles AS o ON o.oid = n.nspowner
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'rollout_control'
 WHERE n.nspname = 'keyward'
