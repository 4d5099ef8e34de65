-- purpose: The accounts that a wave is confined to, where it was given a list.
-- role: owner
-- lock: none
-- undo: DROP TABLE keyward.wave_account;

CREATE TABLE keyward.wave_account (
    wave     integer NOT NULL,
    account  {{ accounts.id_type }} NOT NULL,
    CONSTRAINT wave_account_pkey PRIMARY KEY (wave, account)
);
REVOKE ALL ON TABLE keyward.wave_account FROM PUBLIC;
