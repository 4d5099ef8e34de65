-- keyward's own tables, the same for every site. What depends on the site's types and names (account_setting,
-- setting_change, the vaults) is rendered from sql/enforce/ instead.
--
-- Runs as the owner role, with a search_path of pg_catalog only. Frozen once released.

-- One row: what the guards do, and what holds for an account that has no row in account_setting.
CREATE TABLE keyward.policy (
    singleton             boolean     NOT NULL DEFAULT true,
    mode                  text        NOT NULL DEFAULT 'enforce',
    -- the effective setting of an account without a row; `rollout finish` turns it on
    default_enabled       boolean     NOT NULL DEFAULT false,
    -- whether an account is enabled at birth; the first rollout run after the cutover turns it on
    new_accounts_enabled  boolean     NOT NULL DEFAULT false,
    changed_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT policy_pkey PRIMARY KEY (singleton),
    CONSTRAINT policy_has_one_row CHECK (singleton),
    -- `observe` joins with the feature that records what enforcement would have stopped
    CONSTRAINT policy_mode_is_known CHECK (mode IN ('enforce', 'off'))
);
INSERT INTO keyward.policy DEFAULT VALUES;

-- A run of the batch job. The settings that it makes, and the keys that it seals, carry its number, so that it can be
-- undone exactly.
CREATE TABLE keyward.wave (
    id           integer     GENERATED ALWAYS AS IDENTITY,
    kind         text        NOT NULL,
    percent      numeric     NOT NULL,
    state        text        NOT NULL DEFAULT 'running',
    parameters   jsonb       NOT NULL DEFAULT '{}',
    -- the last account of the last batch that committed, in the account id's own text form; NULL before the first
    reached      text,
    accounts     bigint      NOT NULL DEFAULT 0,
    keys         bigint      NOT NULL DEFAULT 0,
    -- keys found published in an enabled account after older transactions had ended, and sealed then
    stragglers   bigint      NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    started_by   text        NOT NULL,
    ended_at     timestamptz,
    CONSTRAINT wave_pkey PRIMARY KEY (id),
    CONSTRAINT wave_kind_is_known CHECK (kind IN ('run', 'finish')),
    CONSTRAINT wave_state_is_known CHECK (state IN ('running', 'stopped', 'done')),
    CONSTRAINT wave_percent_is_a_percentage CHECK (percent > 0 AND percent <= 100)
);

-- What was done with keys deliberately. Never a key.
CREATE TABLE keyward.event (
    id        bigint      GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind      text        NOT NULL,
    key_name  text        NOT NULL,
    row_id    text        NOT NULL,
    -- NULL where the row's account can't be determined
    account   text,
    -- the external identity: the role that was set, or else the login
    actor     text        NOT NULL,
    login     text        NOT NULL DEFAULT session_user,
    CONSTRAINT event_pkey PRIMARY KEY (id),
    CONSTRAINT event_kind_is_known CHECK (kind IN ('generate', 'write', 'reveal', 'revoke'))
);

-- The manifests that were applied, newest last: uninstall and the next plan read what is installed from here.
CREATE TABLE keyward.manifest (
    id          integer     GENERATED ALWAYS AS IDENTITY,
    sha256      text        NOT NULL,
    document    jsonb       NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    applied_by  text        NOT NULL DEFAULT session_user,
    CONSTRAINT manifest_pkey PRIMARY KEY (id)
);

-- Each step that apply or uninstall carried out, in the transaction that carried it out.
CREATE TABLE keyward.ledger (
    id             bigint      GENERATED ALWAYS AS IDENTITY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text        NOT NULL DEFAULT session_user,
    version        text        NOT NULL,
    manifest       text        NOT NULL,
    step           text        NOT NULL,
    sql            text        NOT NULL,
    undo           text        NOT NULL,
    accepted_risks text[]      NOT NULL DEFAULT '{}',
    CONSTRAINT ledger_pkey PRIMARY KEY (id)
);

-- What is installed: the checksum of the SQL that made each object, and what the catalogue said of the object right
-- afterwards. The plan compares both with what is wanted and what is there now.
CREATE TABLE keyward.object (
    identity    text    NOT NULL,
    position    integer NOT NULL,
    sha256      text    NOT NULL,
    definition  text    NOT NULL,
    undo        text    NOT NULL,
    CONSTRAINT object_pkey PRIMARY KEY (identity)
);

REVOKE ALL ON ALL TABLES IN SCHEMA keyward FROM PUBLIC;
