-- The rollout as a job that many workers share: waves are cut into chunks, workers lease chunks, and anybody may pause them.
--
-- Runs as the owner role, with a search_path of pg_catalog only. Frozen once released.

-- One row: whether the rollout may work. Every batch reads it, so a pause takes hold within one batch on every worker.
CREATE TABLE keyward.rollout_control (
    singleton  boolean     NOT NULL DEFAULT true,
    paused     boolean     NOT NULL DEFAULT false,
    paused_at  timestamptz,
    paused_by  text,
    reason     text,
    CONSTRAINT rollout_control_pkey PRIMARY KEY (singleton),
    CONSTRAINT rollout_control_has_one_row CHECK (singleton)
);
INSERT INTO keyward.rollout_control DEFAULT VALUES;

ALTER TABLE keyward.wave
    DROP CONSTRAINT wave_kind_is_known,
    ADD CONSTRAINT wave_kind_is_known CHECK (kind IN ('run', 'finish', 'revert')),
    DROP CONSTRAINT wave_state_is_known,
    -- reverted: what a run or finish had done was undone
    ADD CONSTRAINT wave_state_is_known CHECK (state IN ('running', 'stopped', 'done', 'reverted')),
    -- how many accounts the wave may change; NULL for no limit
    ADD COLUMN account_limit bigint,
    -- the checksum of the list of accounts that the wave is confined to (keyward.wave_account); NULL for no list
    ADD COLUMN list_sha256 text,
    -- what a revert undoes: one wave; NULL for all of them
    ADD COLUMN reverts integer,
    -- how many accounts the wave had before it when it began
    ADD COLUMN total bigint NOT NULL DEFAULT 0,
    -- how many account ids a chunk spans
    ADD COLUMN span integer NOT NULL DEFAULT 20000,
    -- what keyward.policy said before the wave changed it: {"default_enabled": …, "new_accounts_enabled": …}; NULL if it didn't
    ADD COLUMN policy_before jsonb,
    -- the last results of the gates: [{"name", "ok", "value", "ok_when", "at"}, …]
    ADD COLUMN gates jsonb;
COMMENT ON COLUMN keyward.wave.reached IS 'the last account up to which chunks were cut, in the account id''s own text form; NULL before the first';

-- A process's part in a wave: one connection that leases chunks. It holds the advisory lock (1801812344, id) as long as it lives.
CREATE TABLE keyward.worker (
    id          integer     GENERATED ALWAYS AS IDENTITY,
    wave        integer     NOT NULL,
    -- who and where, for people: the external identity, the host and process that said so, and the server's process
    actor       text        NOT NULL,
    process     text        NOT NULL,
    pid         integer     NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text        NOT NULL DEFAULT 'working',
    -- why it waits: the signal that is over its limit, who paused it
    why         text,
    accounts    bigint      NOT NULL DEFAULT 0,
    keys        bigint      NOT NULL DEFAULT 0,
    CONSTRAINT worker_pkey PRIMARY KEY (id),
    CONSTRAINT worker_state_is_known CHECK (state IN ('working', 'throttled', 'paused', 'waiting', 'closing', 'ended'))
) WITH (fillfactor = 50);

-- A range of account ids that one worker at a time goes through. The row is locked by each batch, and its fence compared: who
-- has lost the lease can't commit.
CREATE TABLE keyward.chunk (
    wave          integer     NOT NULL,
    no            integer     NOT NULL,
    -- the range in the account id's own text form: after low (NULL: from the first on) up to high
    low           text,
    high          text        NOT NULL,
    -- the last account looked at in this pass; NULL before the first
    reached       text,
    done          boolean     NOT NULL DEFAULT false,
    -- how many accounts of the wave's limit this chunk may use; NULL for no limit
    quota         bigint,
    accounts      bigint      NOT NULL DEFAULT 0,
    keys          bigint      NOT NULL DEFAULT 0,
    -- the accounts that were in use in this pass, and when to look at them again
    in_use        bigint      NOT NULL DEFAULT 0,
    passes        integer     NOT NULL DEFAULT 0,
    not_before    timestamptz,
    -- the lease: whose, until when by this server's clock; the fence counts the leases
    worker        integer,
    fence         bigint      NOT NULL DEFAULT 0,
    leased_until  timestamptz,
    CONSTRAINT chunk_pkey PRIMARY KEY (wave, no)
) WITH (fillfactor = 50);

REVOKE ALL ON keyward.rollout_control, keyward.worker, keyward.chunk FROM PUBLIC;
