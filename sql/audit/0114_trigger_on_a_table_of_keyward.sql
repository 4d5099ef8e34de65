-- id: KW114
-- severity: error
-- title: a trigger or rule sits on a table of keyward's
-- why: What is written to the vault or to the settings passes through it: it may copy keys, or suppress writes.
-- remedy: Drop it.

SELECT pg_catalog.format('trigger %I on keyward.%I', t.tgname, c.relname) AS object,
       pg_catalog.format('It calls %s.', t.tgfoid::regprocedure) AS detail,
       pg_catalog.format('DROP TRIGGER %I ON keyward.%I;', t.tgname, c.relname) AS remedy
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keyward'
 WHERE NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('rule %I on keyward.%I', r.rulename, c.relname), 'It rewrites statements.',
       pg_catalog.format('DROP RULE %I ON keyward.%I;', r.rulename, c.relname)
  FROM pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class AND c.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'keyward'
 ORDER BY 1
