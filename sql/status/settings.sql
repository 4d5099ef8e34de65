-- How many accounts there are, and how many have a setting of their own, by where it came from.
SELECT (SELECT count(*) FROM {{ accounts }}) AS accounts,
       (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('source', g.source, 'enabled', g.enabled, 'accounts', g.accounts)
                            ORDER BY g.source, g.enabled), '[]')
          FROM (SELECT s.source, s.enabled, count(*) AS accounts FROM keyward.account_setting AS s GROUP BY 1, 2) AS g) AS settings
