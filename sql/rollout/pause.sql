-- Pauses the rollout, on behalf of the role $1, for the reason $2 (NULL for none). If it is paused already only another reason changes anything:
-- since when it is paused stays. Touches a row only if something changes. Batches read this row and don't lock it, so this waits for none.
INSERT INTO keyward.rollout_control AS k (paused, paused_at, paused_by, reason)
VALUES (true, pg_catalog.clock_timestamp(), $1, $2)
    ON CONFLICT ON CONSTRAINT rollout_control_pkey DO UPDATE SET
       paused = true,
       paused_at = CASE WHEN k.paused THEN k.paused_at ELSE excluded.paused_at END,
       paused_by = excluded.paused_by,
       reason = excluded.reason
 WHERE NOT k.paused OR excluded.reason <> k.reason OR excluded.reason IS NOT NULL AND k.reason IS NULL
