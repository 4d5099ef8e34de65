-- id: KW222
-- severity: error
-- title: a view reads keyward's tables with its owner's rights
-- why: A view looks with its owner's rights, not with those of whoever asks: one of keyward's owner, of a superuser or of a role with
--   BYPASSRLS shows sealed keys to all who may read it.
-- remedy: Drop it; UI code reads keyward.vault_<key> itself.

SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('It belongs to %s, and reads %s.', o.rolname, pg_catalog.string_agg(DISTINCT pg_catalog.format('keyward.%I', v.relname), ', ')) AS detail,
       pg_catalog.format('DROP %s %I.%I;', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, n.nspname, c.relname) AS remedy
  FROM pg_catalog.pg_class AS v
  JOIN pg_catalog.pg_namespace AS vn ON vn.oid = v.relnamespace AND vn.nspname = 'keyward'
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = v.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
  JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
  JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('v', 'm') AND c.oid <> v.oid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
 WHERE pg_catalog.starts_with(v.relname::text, 'vault_') OR v.relname IN ('account_setting', 'setting_change', 'policy')
 GROUP BY n.nspname, c.relname, c.relkind, o.rolname
 ORDER BY 1
