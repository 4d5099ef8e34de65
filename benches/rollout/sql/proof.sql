-- Whether all was done: accounts that are on, keys that are sealed, keys that are still published.
SELECT (SELECT pg_catalog.count(*) FROM keyward.account_setting AS s WHERE s.enabled) AS enabled,
       (SELECT pg_catalog.count(*) FROM keyward.vault_location_api_key) AS sealed,
       (SELECT pg_catalog.count(*) FROM app.locations AS l WHERE l.api_key IS NOT NULL) AS published
