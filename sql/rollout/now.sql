-- What a rollout must know before it begins: the server's clock against the cutover ($1), and the policy.
SELECT pg_catalog.clock_timestamp() >= $1::text::timestamptz AS past_cutover,
       p.mode, p.default_enabled, p.new_accounts_enabled
  FROM keyward.policy AS p
