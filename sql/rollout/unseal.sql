-- purpose: Publishes exactly the keys of accounts that waves sealed, and returns how many. The accounts' settings are off already.
-- parameters: $1 the accounts; $2 the waves
-- role: owner

SELECT keyward.{{ "unseal_" ~ key.name }}($1::text[]::{{ accounts.id_type }}[], $2::text[]::integer[]) AS keys
