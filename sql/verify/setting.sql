-- Sets the setting of an account of a verification. Rolled back with it.
INSERT INTO keyward.account_setting (account, enabled, source) VALUES ({{ account }}, {{ enabled }}, 'opt_in')
ON CONFLICT ON CONSTRAINT account_setting_pkey DO UPDATE SET enabled = excluded.enabled;
