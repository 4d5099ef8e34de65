-- purpose: Confines a wave to a list of accounts. Ids are compared as text, so that one that is none of the type matches nothing.
-- parameters: $1 the wave; $2 the accounts
-- role: owner

INSERT INTO keyward.wave_account (wave, account)
SELECT $1, a.{{ accounts.id }}
  FROM {{ accounts.table }} AS a
 WHERE a.{{ accounts.id }}::text = ANY ($2::text[])
    ON CONFLICT DO NOTHING
