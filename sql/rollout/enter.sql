-- Lets one process at a time begin or join a wave, and tells whether the rollout is paused.
SELECT k.paused, k.paused_by, k.paused_at, k.reason FROM keyward.rollout_control AS k FOR UPDATE
