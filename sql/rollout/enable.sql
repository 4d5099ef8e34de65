-- purpose: Turns the setting on for accounts that have none of their own, and returns which these were.
-- parameters: $1 the accounts; $2 the wave; $3 who runs it
-- role: owner

INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_by, wave)
SELECT x.account, true, 'rollout', $3::text, $2::integer
  FROM pg_catalog.unnest($1::text[]::{{ accounts.id_type }}[]) AS x (account)
    -- one who chose in the meantime keeps the choice; one that a finish left off because it was parked is turned on
    ON CONFLICT ON CONSTRAINT account_setting_pkey DO UPDATE SET
       enabled = true, changed_at = excluded.changed_at, changed_by = excluded.changed_by, reason = NULL, wave = excluded.wave
 WHERE s.source = 'rollout' AND NOT s.enabled
RETURNING account::text AS account
