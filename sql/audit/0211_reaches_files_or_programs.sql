-- id: KW211
-- severity: error
-- title: an API role reads the server's files or runs programs on it
-- why: pg_execute_server_program and pg_read_server_files lead to the files of the data directory, the vault's among them;
--   pg_write_server_files leads to becoming a superuser.
-- remedy: Revoke the membership.
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%s → %s', r.rolname, g.rolname) AS object,
       'It holds the rights of this predefined role, directly or through others.' AS detail,
       pg_catalog.format('REVOKE %I FROM %I; -- or from the role in between', g.rolname, r.rolname) AS remedy
  FROM pg_catalog.pg_roles AS r
  JOIN pg_catalog.pg_roles AS g ON g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
 WHERE r.rolname = ANY ({{ m.names(restricted) }}) AND NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')
 ORDER BY 1
