-- id: KW212
-- severity: error
-- title: an API role has REPLICATION
-- why: Whoever may replicate reads the whole server, the vault included, past every privilege and policy.
-- remedy: Take REPLICATION away.
{% import "audit/_macros.sql" as m %}

SELECT r.rolname AS object,
       'It may stream the write-ahead log and take base backups.' AS detail,
       pg_catalog.format('ALTER ROLE %I NOREPLICATION;', r.rolname) AS remedy
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = ANY ({{ m.names(restricted) }}) AND r.rolreplication AND NOT r.rolsuper
 ORDER BY 1
