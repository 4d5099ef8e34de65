-- purpose: The accounts that a wave could not change: a trigger or a constraint of the application refused. They don't stop the wave, and the
--   next run tries them again.
-- role: owner
-- lock: none
-- undo: DROP TABLE keyward.parked_account;

CREATE TABLE keyward.parked_account (
    account    {{ accounts.id_type }} NOT NULL,
    wave       integer     NOT NULL,
    sqlstate   text        NOT NULL,
    -- what refused, as far as it can be said without quoting a row
    problem    text        NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT parked_account_pkey PRIMARY KEY (account)
);
REVOKE ALL ON TABLE keyward.parked_account FROM PUBLIC;
