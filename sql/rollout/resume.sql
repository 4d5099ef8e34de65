-- Lets the rollout go on. Touches a row only if it was paused.
UPDATE keyward.rollout_control AS k SET paused = false, paused_at = NULL, paused_by = NULL, reason = NULL WHERE k.paused
