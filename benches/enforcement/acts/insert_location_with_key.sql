-- For pgbench: a new location with a key that the application has made up, as it did before.
\set account random(1, 4000)
\set key random(1, 1000000000000000)
INSERT INTO app.locations (account_id, name, api_key) VALUES (:account, 'A new location', 'loc_' || :key::bigint);
