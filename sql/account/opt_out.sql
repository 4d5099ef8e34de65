-- purpose: Opts out the accounts of an import, on behalf of the role $1. An account that has opted out already keeps its row. Where
--   another transaction is just making a row (a batch of the rollout), it is waited for, and its row overridden.
-- role: owner
WITH changed AS (
    INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_by, requested_by, reason)
    -- in the order of the rollout's batches, so that the two never wait for each other
    SELECT i.account, false, 'opt_out', $1::text, i.requested_by, i.reason FROM pg_temp.keyward_import AS i ORDER BY i.account
    ON CONFLICT ON CONSTRAINT account_setting_pkey DO UPDATE SET
        enabled = excluded.enabled, source = excluded.source, changed_at = now(), changed_by = excluded.changed_by,
        requested_by = excluded.requested_by, reason = excluded.reason, wave = NULL
     WHERE s.enabled OR s.source <> 'opt_out'
    -- a row that was inserted has never had another version
    RETURNING s.account, s.reason, s.requested_by, s.xmax::text <> '0' AS overridden
), recorded AS (
    INSERT INTO keyward.setting_change (account, enabled, reason, requested_by, actor, carried_out_at)
    SELECT c.account, false, c.reason, c.requested_by, $1::text, pg_catalog.clock_timestamp() FROM changed AS c
)
INSERT INTO pg_temp.keyward_changed (account, overridden) SELECT c.account, c.overridden FROM changed AS c
