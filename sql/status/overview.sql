-- What keyward's base tables say, in one row: the policy, the last wave, what was done with keys deliberately in the last 24 hours, who signed the
-- plan that was applied last (a ledger of an earlier keyward doesn't tell).
SELECT (SELECT pg_catalog.jsonb_build_object(
                   'mode', p.mode, 'default_enabled', p.default_enabled, 'new_accounts_enabled', p.new_accounts_enabled)
          FROM keyward.policy AS p) AS policy,
       (SELECT pg_catalog.jsonb_build_object(
                   'id', w.id, 'kind', w.kind, 'percent', w.percent, 'state', w.state, 'accounts', w.accounts, 'keys', w.keys,
                   'started_at', w.started_at, 'ended_at', w.ended_at)
          FROM keyward.wave AS w ORDER BY w.id DESC LIMIT 1) AS wave,
       (SELECT COALESCE(pg_catalog.jsonb_object_agg(e.kind, e.events), '{}')
          FROM (SELECT v.kind, count(*) AS events FROM keyward.event AS v
                 WHERE v.at > pg_catalog.now() - interval '24 hours' GROUP BY v.kind) AS e) AS events,
       (SELECT pg_catalog.to_jsonb(l) -> 'signed_by'
          FROM keyward.ledger AS l
         WHERE l.step <> 'policy' AND l.manifest = (SELECT m.sha256 FROM keyward.manifest AS m ORDER BY m.id DESC LIMIT 1)
         ORDER BY l.id DESC LIMIT 1) AS signed_by
