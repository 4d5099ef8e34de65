-- id: KW220
-- severity: error
-- title: an API role owns the schema of a protected table
-- why: The owner of a schema may drop any table in it, and put another in its place: one without guards.
-- remedy: Give the schema to another role.
{% import "audit/_macros.sql" as m %}

SELECT DISTINCT pg_catalog.format('%s, schema %s', r.rolname, t.nspname) AS object,
       pg_catalog.format('%s acts as %s, which owns the schema.', r.rolname, o.rolname) AS detail,
       pg_catalog.format('ALTER SCHEMA %I OWNER TO another_role;', t.nspname) AS remedy
  FROM {{ m.protected(tables) }} AS t
  JOIN pg_catalog.pg_roles AS o ON o.oid = t.nspowner
  JOIN pg_catalog.pg_roles AS r ON r.rolname = ANY ({{ m.names(restricted) }})
 WHERE NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, t.nspowner, 'MEMBER')
 ORDER BY 1
