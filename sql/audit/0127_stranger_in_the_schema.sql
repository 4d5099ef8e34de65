-- id: KW127
-- severity: error
-- title: the schema keyward holds something that isn't keyward's
-- why: A function of the same name with other parameters may be called instead of keyward's own; a view or table there may hold keys.
-- remedy: Move it to another schema, or drop it.
-- needs: installed
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('function %s', f.oid::regprocedure) AS object,
       CASE WHEN f.proname = ANY ({{ m.names(known_functions) }}) THEN 'There is another function of this name, which is keyward''s own.' ELSE 'keyward made no function of this name.' END AS detail,
       pg_catalog.format('DROP ROUTINE %s;', f.oid::regprocedure) AS remedy
  FROM pg_catalog.pg_proc AS f
  JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace AND n.nspname = 'keyward'
 WHERE f.proname <> ALL ({{ m.names(known_functions) }})
    -- of several with one name, the one that was made first is keyward's
    OR EXISTS (SELECT FROM pg_catalog.pg_proc AS o WHERE o.pronamespace = f.pronamespace AND o.proname = f.proname AND o.oid < f.oid)
UNION ALL
SELECT pg_catalog.format('%s keyward.%I', k.kind, c.relname), 'keyward made nothing of this name.',
       pg_catalog.format('ALTER %s keyward.%I SET SCHEMA another_schema;', pg_catalog.upper(k.kind), c.relname)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keyward'
  JOIN (VALUES ('r'::"char", 'table'), ('p', 'table'), ('v', 'view'), ('m', 'materialized view'), ('f', 'foreign table')) AS k (relkind, kind)
    ON k.relkind = c.relkind
 WHERE c.relname <> ALL ({{ m.names(known_tables) }})
 ORDER BY 1
