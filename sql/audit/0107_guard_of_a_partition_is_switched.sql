-- id: KW107
-- severity: error
-- title: a guard is switched off on a partition
-- why: The guard's copy on a partition can be disabled by itself, while the parent still looks guarded. Rows that are written to the
--   partition pass it.
-- remedy: Enable it again, ALWAYS.

SELECT pg_catalog.format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname) AS object,
       CASE t.tgenabled WHEN 'D' THEN 'It is disabled.' ELSE 'It fires for certain values of session_replication_role only.' END AS detail,
       pg_catalog.format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I;', n.nspname, c.relname, t.tgname) AS remedy
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace AND fn.nspname = 'keyward'
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE t.tgparentid <> 0 AND t.tgenabled <> 'A'
 ORDER BY 1
