-- id: KW503
-- severity: note
-- title: the server logs statements, and with them keys
-- why: Whoever writes or presents a key in a statement leaves it in the server's log.
-- remedy: Log DDL only, and no parameters.

SELECT s.name AS object,
       pg_catalog.format('It is %s.', s.setting) AS detail,
       pg_catalog.format('ALTER SYSTEM SET %I = %s; SELECT pg_reload_conf();', s.name, CASE s.name WHEN 'log_statement' THEN 'ddl' ELSE '-1' END) AS remedy
  FROM pg_catalog.pg_settings AS s
 WHERE s.name = 'log_statement' AND s.setting IN ('mod', 'all')
    OR s.name = 'log_min_duration_statement' AND s.setting = '0'
 ORDER BY 1
