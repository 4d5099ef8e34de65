-- purpose: Forgets that accounts were parked: they are enabled now.
-- parameters: $1 the accounts
-- role: owner

DELETE FROM keyward.parked_account AS k WHERE k.account = ANY ($1::text[]::{{ accounts.id_type }}[])
