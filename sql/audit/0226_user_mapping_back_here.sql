-- id: KW226
-- severity: warning
-- title: a user mapping leads back into this database as somebody else
-- why: Whoever uses the foreign server acts as the mapped user, with that user's rights: an API role may become the UI role that way.
-- remedy: Drop the user mapping.
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%s on server %s', u.usename, u.srvname) AS object,
       pg_catalog.format('The server %s leads to a database of this name%s.', u.srvname,
                         COALESCE(' as ' || (SELECT pg_catalog.substr(x, 6) FROM pg_catalog.unnest(u.umoptions) AS x WHERE pg_catalog.starts_with(x, 'user=')), '')) AS detail,
       pg_catalog.format('DROP USER MAPPING FOR %s SERVER %I;', CASE u.usename WHEN 'public' THEN 'PUBLIC' ELSE pg_catalog.quote_ident(u.usename) END, u.srvname) AS remedy
  FROM pg_catalog.pg_user_mappings AS u
  JOIN pg_catalog.pg_foreign_server AS s ON s.oid = u.srvid
 WHERE pg_catalog.format('dbname=%s', pg_catalog.current_database()) = ANY (s.srvoptions)
   AND (u.usename = 'public' OR u.usename = ANY ({{ m.names(restricted) }}))
 ORDER BY 1
