-- purpose: The requests to change a setting. A row is inserted as the caller, so that the caller's own view of the accounts
--   decides what may be asked for, and carried out as the owner.
-- role: owner
-- lock: none
-- undo: DROP TABLE keyward.setting_change;
{% import "enforce/_macros.sql" as m %}

CREATE TABLE keyward.setting_change (
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    account         {{ accounts.id_type }} NOT NULL,
    enabled         boolean     NOT NULL,
    reason          text        NOT NULL,
    requested_by    text,
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- the external identity: the role that was set, or else the login
    actor           text        NOT NULL DEFAULT {{ m.actor() }},
    carried_out_at  timestamptz,
    keys            bigint,
    CONSTRAINT setting_change_pkey PRIMARY KEY (id)
);
