-- The policy, since when its mode is what it is, and what there is of observations, in one row.
SELECT p.mode, COALESCE(p.mode_changed_at, p.changed_at) AS since, p.mode_changed_by, p.default_enabled, p.new_accounts_enabled,
       (SELECT pg_catalog.jsonb_build_object(
                   'writes', COALESCE(pg_catalog.sum(o.transactions), 0)::bigint,
                   'accounts', pg_catalog.count(DISTINCT o.account),
                   'first_day', pg_catalog.min(o.day),
                   'last_day', pg_catalog.max(o.day))
          FROM keyward.observation AS o) AS observed
  FROM keyward.policy AS p
