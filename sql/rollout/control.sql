-- Whether the rollout is paused: since when, by whom, why.
SELECT k.paused, k.paused_at, k.paused_by, k.reason FROM keyward.rollout_control AS k
