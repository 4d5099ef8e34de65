-- What the commands on single accounts must know of the database: the type of an account's id, the owner of keyward's schema, who acts.
SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS id_type,
       o.rolname AS owner,
       COALESCE(NULLIF(pg_catalog.current_setting('role'), 'none'), SESSION_USER) AS actor,
       pg_catalog.pg_has_role(CURRENT_USER, o.oid, 'MEMBER') AS may_act
  FROM pg_catalog.pg_namespace AS n
  JOIN pg_catalog.pg_roles AS o ON o.oid = n.nspowner
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'account_setting'
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'account'
 WHERE n.nspname = 'keyward'
