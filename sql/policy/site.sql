-- What a change of the policy must know of the database: who owns keyward, who acts, whether its tables are those of this program.
SELECT o.rolname AS owner,
       COALESCE(NULLIF(pg_catalog.current_setting('role'), 'none'), SESSION_USER) AS actor,
       pg_catalog.pg_has_role(CURRENT_USER, o.oid, 'MEMBER') AS may_act,
       EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'observation') AS knows_observations
  FROM pg_catalog.pg_namespace AS n
  JOIN pg_catalog.pg_roles AS o ON o.oid = n.nspowner
 WHERE n.nspname = 'keyward' AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'policy')
