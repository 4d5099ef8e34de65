-- For pgbench: a new location without a key.
\set account random(1, 4000)
INSERT INTO app.locations (account_id, name) VALUES (:account, 'A new location');
