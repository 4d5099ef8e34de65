-- How many accounts have a setting that one of the waves ($1) made.
SELECT pg_catalog.count(*) AS accounts
  FROM keyward.account_setting AS s
 WHERE s.wave = ANY ($1::text[]::integer[]) AND s.source = 'rollout'
