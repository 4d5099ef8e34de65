-- purpose: Writes down that a wave sealed the rows' keys, where no account's setting says which one did: rows whose account can't be determined, or has no
--   setting of its own. Without it, a revert would leave them sealed.
-- parameters: $1 the rows' ids; $2 the wave
-- role: owner

UPDATE keyward.{{ "vault_" ~ key.name }} AS v SET sealed_by_wave = $2::integer
 WHERE v.{{ key.id }} = ANY ($1::text[]::{{ key.id_type }}[]) AND v.sealed_by_wave IS NULL
