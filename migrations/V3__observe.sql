-- Observing: while the policy's mode is observe, the guards let everything pass, and count what enforcement would have stopped.
--
-- Runs as the owner role, with a search_path of pg_catalog only. Frozen once released.

ALTER TABLE keyward.policy
    DROP CONSTRAINT policy_mode_is_known,
    ADD CONSTRAINT policy_mode_is_known CHECK (mode IN ('enforce', 'observe', 'off')),
    -- when and by whom the mode was last changed with keyward policy; NULL before the first time
    ADD COLUMN mode_changed_at timestamptz,
    ADD COLUMN mode_changed_by text,
    -- what makes the notes that a session keeps of its observations (keyward.observe) unforgeable
    ADD COLUMN observation_seed bigint NOT NULL
        DEFAULT ('x' || pg_catalog.substr(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 1, 16))::bit(64)::bigint;

-- What enforcement would have stopped, by day: how many transactions did it. Never a key, and nothing else of a row.
--
-- A row is written by one transaction at a time, the one that holds the advisory lock (1801812345, slot): so nobody waits for another
-- because of it. What happened on a day is the sum over the slots.
CREATE TABLE keyward.observation (
    -- in UTC
    day           date        NOT NULL,
    -- the account's id as text; NULL where it can't be determined
    account       text        COLLATE "C",
    -- the manifest's name of the key or the write
    control       text        COLLATE "C" NOT NULL,
    -- a key: insert (a row that brings it), update (one that is written otherwise than by a UI role's own UPDATE), clear (one that is
    -- set to NULL so); a write: insert, update, delete, truncate, or move (what its rows hang on changes its account)
    act           text        COLLATE "C" NOT NULL,
    -- the external identity: the role that was set, or else the login
    role          text        COLLATE "C" NOT NULL,
    slot          smallint    NOT NULL,
    transactions  bigint      NOT NULL DEFAULT 1,
    last_at       timestamptz NOT NULL,
    -- the transaction that was counted last: however many rows it touches, it counts once
    last_xact     xid8        NOT NULL,
    CONSTRAINT observation_act_is_known CHECK (act IN ('insert', 'update', 'clear', 'delete', 'truncate', 'move'))
) WITH (fillfactor = 50);
-- not a primary key, since an account may be NULL, and NULLS NOT DISTINCT needs version 15
CREATE UNIQUE INDEX observation_once ON keyward.observation
    (day, control, act, role, slot, (account IS NULL), (COALESCE(account, '')));

REVOKE ALL ON keyward.observation FROM PUBLIC;
