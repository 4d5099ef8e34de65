-- purpose: Turns the setting on for accounts that have none of their own, and returns which these were.
-- parameters: $1 the accounts; $2 the wave; $3 who runs it
-- role: owner

INSERT INTO keyward.account_setting (account, enabled, source, changed_by, wave)
SELECT x.account, true, 'rollout', $3::text, $2::integer
  FROM pg_catalog.unnest($1::text[]::{{ accounts.id_type }}[]) AS x (account)
    -- one who chose in the meantime keeps the choice
    ON CONFLICT ON CONSTRAINT account_setting_pkey DO NOTHING
RETURNING account::text AS account
