-- The acts that the demo tries before and after, each in a transaction that is rolled back. Account 1 ends up enabled, account
-- 2 opted out in advance. The last statement of an act answers with one text, `v`.

-- act: reads the keys of an account
-- role: api_v2
SELECT count(api_key) || ' of ' || count(*) || ' keys' AS v FROM app.locations WHERE account_id = 1;

-- act: creates a location, which gets a key by default
-- role: api_v2
INSERT INTO app.locations (id, account_id, name) VALUES (900001, 1, 'New');
SELECT CASE WHEN api_key IS NULL THEN 'created, no key' ELSE 'created with a key' END AS v FROM app.locations WHERE id = 900001;

-- act: creates a location, key included
-- role: app_ui
INSERT INTO app.locations (id, account_id, name, api_key) VALUES (900001, 1, 'New', 'chosen');
SELECT CASE WHEN api_key IS NULL THEN 'created, no key' ELSE 'created with a key' END AS v FROM app.locations WHERE id = 900001;

-- act: overwrites keys
-- role: api_v2
UPDATE app.locations SET api_key = 'chosen-' || id WHERE account_id = 1;
SELECT count(api_key) || ' keys overwritten' AS v FROM app.locations WHERE account_id = 1;

-- act: moves locations to an account of its own to read their keys
-- role: api_v2
UPDATE app.locations SET account_id = 2, name = 'moved' WHERE account_id = 1;
SELECT count(api_key) || ' of ' || count(*) || ' keys' AS v FROM app.locations WHERE name = 'moved';

-- act: creates a user
-- role: api_v1
INSERT INTO app.users (id, account_id, email, role) VALUES (900001, 1, 'new@example.com', 'admin');
SELECT 'created' AS v;

-- act: makes every user of an account an admin
-- role: api_v1
UPDATE app.users SET role = 'admin' WHERE account_id = 1;
SELECT 'changed' AS v;

-- act: deletes users
-- role: api_v1
DELETE FROM app.users WHERE account_id = 1;
SELECT 'deleted' AS v;

-- act: deletes the account, users included
-- role: api_v1
DELETE FROM app.accounts WHERE id = 1;
SELECT 'deleted' AS v;

-- act: truncates users
-- role: api_v1
TRUNCATE app.users;
SELECT 'emptied' AS v;

-- act: creates a user
-- role: api_v2
INSERT INTO app.users (id, account_id, email) VALUES (900001, 1, 'new@example.com');
SELECT 'created' AS v;

-- act: reads the keys of an account that opted out
-- role: api_v2
SELECT count(api_key) || ' of ' || count(*) || ' keys' AS v FROM app.locations WHERE account_id = 2;

-- act: changes a user of an account that opted out
-- role: api_v1
UPDATE app.users SET role = 'admin' WHERE account_id = 2;
SELECT 'changed' AS v;
