-- purpose: The setting of each account that has one of its own; accounts without a row follow keyward.policy.
-- role: owner
-- lock: none
-- undo: DROP TABLE keyward.account_setting;
{% import "enforce/_macros.sql" as m %}

CREATE TABLE keyward.account_setting (
    account       {{ accounts.id_type }} NOT NULL,
    enabled       boolean     NOT NULL,
    source        text        NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    changed_by    text        NOT NULL DEFAULT {{ m.actor() }},
    requested_by  text,
    reason        text,
    -- the rollout wave that made the row; no foreign key, since it would cost as much as the row itself
    wave          integer,
    CONSTRAINT account_setting_pkey PRIMARY KEY (account),
    CONSTRAINT account_setting_source_is_known CHECK (source IN ('rollout', 'default', 'opt_out', 'opt_in'))
);
