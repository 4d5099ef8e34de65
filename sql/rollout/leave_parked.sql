-- purpose: Leaves the parked accounts off, explicitly, before the setting becomes the default: by default they would count as enabled with their
--   keys published. The next run tries them again.
-- parameters: $1 the wave; $2 who runs it
-- role: owner

INSERT INTO keyward.account_setting (account, enabled, source, changed_by, reason, wave)
SELECT k.account, false, 'rollout', $2::text, 'parked: ' || k.problem, $1::integer
  FROM keyward.parked_account AS k
  JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }} = k.account
    ON CONFLICT ON CONSTRAINT account_setting_pkey DO NOTHING
