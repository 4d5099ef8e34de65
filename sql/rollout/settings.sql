-- How many accounts have a setting of their own, by where it came from.
SELECT s.source, s.enabled, pg_catalog.count(*) AS accounts
  FROM keyward.account_setting AS s
 GROUP BY s.source, s.enabled
 ORDER BY s.source, s.enabled
