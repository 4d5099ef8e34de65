-- purpose: Takes back the settings that waves made for accounts, and returns which these were. One who chose in the meantime keeps the choice.
-- parameters: $1 the accounts; $2 the waves
-- role: owner

DELETE FROM keyward.account_setting AS s
 WHERE s.account = ANY ($1::text[]::{{ accounts.id_type }}[]) AND s.wave = ANY ($2::text[]::integer[]) AND s.source = 'rollout'
RETURNING s.account::text AS account
