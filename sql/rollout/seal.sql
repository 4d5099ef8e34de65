-- purpose: Seals the published keys of accounts that have just been enabled, and returns how many.
-- parameters: $1 the accounts
-- role: owner

SELECT keyward.{{ "seal_" ~ key.name }}($1::text[]::{{ accounts.id_type }}[]) AS keys
