-- purpose: Parks an account that a wave could not change, with what refused.
-- parameters: $1 the account; $2 the wave; $3 the SQLSTATE; $4 the problem
-- role: owner

INSERT INTO keyward.parked_account (account, wave, sqlstate, problem)
VALUES ($1::text::{{ accounts.id_type }}, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT parked_account_pkey DO UPDATE SET
       wave = excluded.wave, sqlstate = excluded.sqlstate, problem = excluded.problem, parked_at = pg_catalog.clock_timestamp()
