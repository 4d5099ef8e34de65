-- The same batch: its keys, which the guard puts into the vault.
UPDATE app.locations SET api_key = NULL WHERE account_id > $1 AND account_id <= $2 AND api_key IS NOT NULL
