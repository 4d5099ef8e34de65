-- The policy as it was before the waves ($1): the default as the first finish among them found it; accounts enabled at birth as long as
-- another wave stands that has them so.
UPDATE keyward.policy AS p
   SET default_enabled = COALESCE(f.default_enabled, p.default_enabled),
       new_accounts_enabled = COALESCE(n.new_accounts_enabled, p.new_accounts_enabled),
       changed_at = pg_catalog.now()
  FROM (SELECT (SELECT (w.policy_before ->> 'default_enabled')::boolean
                  FROM keyward.wave AS w
                 WHERE w.id = ANY ($1::text[]::integer[]) AND w.policy_before ? 'default_enabled'
                 ORDER BY w.id LIMIT 1) AS default_enabled) AS f
 CROSS JOIN (SELECT (SELECT (w.policy_before ->> 'new_accounts_enabled')::boolean
                       FROM keyward.wave AS w
                      WHERE w.policy_before ? 'new_accounts_enabled'
                        AND NOT EXISTS (SELECT FROM keyward.wave AS o
                                         WHERE o.kind IN ('run', 'finish') AND o.state <> 'reverted' AND o.id > w.id
                                           AND o.id <> ALL ($1::text[]::integer[]))
                        AND (w.state = 'reverted' OR w.id = ANY ($1::text[]::integer[]))
                      ORDER BY w.id LIMIT 1) AS new_accounts_enabled) AS n
 -- no row is touched for nothing: every batch holds it
 WHERE f.default_enabled <> p.default_enabled OR n.new_accounts_enabled <> p.new_accounts_enabled
