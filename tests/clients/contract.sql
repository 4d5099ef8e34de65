-- The SQL contract, in pgTAP: what is there, whose it is, and what it does. Account 1 is enabled, account 2 opted out.
BEGIN;
CREATE EXTENSION pgtap;
SELECT no_plan();

-- What is there, and whose it is.
SELECT schema_owner_is('keyward', 'keyward_owner');
SELECT function_privs_are('keyward', 'is_enabled', ARRAY['bigint'], role, ARRAY['EXECUTE'])
  FROM unnest(ARRAY['app_ui', 'api_v1', 'api_v2']) AS role;
SELECT function_privs_are('keyward', name, arguments, role, CASE role WHEN holder THEN ARRAY['EXECUTE'] ELSE '{}' END)
  FROM (VALUES ('opt_in', ARRAY['bigint', 'text', 'text'], 'app_ui'),
               ('opt_out', ARRAY['bigint', 'text', 'boolean', 'text'], 'app_ui'),
               ('generate_location_api_key', ARRAY['bigint'], 'app_ui'),
               ('reveal_location_api_key', ARRAY['bigint'], 'app_ui'),
               ('revoke_location_api_key', ARRAY['bigint'], 'app_ui'),
               ('authenticate_location_api_key', ARRAY['text'], 'api_gateway')) AS f (name, arguments, holder),
       unnest(ARRAY['app_ui', 'api_v1', 'api_v2', 'api_gateway']) AS role;
SELECT table_privs_are('keyward', 'vault_location_api_key', role, CASE role WHEN 'app_ui' THEN ARRAY['SELECT'] ELSE '{}' END)
  FROM unnest(ARRAY['app_ui', 'api_v1', 'api_v2', 'api_gateway']) AS role;
SELECT table_privs_are('keyward', 'account_setting', role, CASE role WHEN 'app_ui' THEN ARRAY['SELECT'] ELSE '{}' END)
  FROM unnest(ARRAY['app_ui', 'api_v1', 'api_v2', 'api_gateway']) AS role;
SELECT columns_are('keyward', 'vault_location_api_key', ARRAY['id', 'api_key', 'sealed_at', 'sealed_by_wave']);
SELECT col_is_null('app', 'locations', 'api_key', 'a location may be without a key');

-- A key is read by nobody where its account is enabled; shown to the UI on request; and it authenticates.
SELECT keyward.is_enabled(1) AS on, keyward.is_enabled(2) AS off \gset
SELECT ok(:'on', 'account 1 is enabled');
SELECT ok(NOT :'off', 'account 2 is not');
SET LOCAL ROLE api_v2;
SELECT is(count(api_key), 0::bigint, 'no key of account 1 is read') FROM app.locations WHERE account_id = 1;
SELECT is(count(api_key), 5::bigint, 'every key of account 2 is read') FROM app.locations WHERE account_id = 2;
SELECT throws_ok('SELECT * FROM keyward.vault_location_api_key', '42501', NULL, 'the vault is not an API role''s to read');

SET LOCAL ROLE app_ui;
SELECT id AS location FROM app.locations WHERE account_id = 1 ORDER BY id LIMIT 1 \gset
SELECT keyward.generate_location_api_key(:location) AS made \gset
SELECT is(keyward.reveal_location_api_key(:location), :'made', 'a key that was made is the one that is shown');
SELECT is(v.api_key, :'made', 'and the one in the vault') FROM keyward.vault_location_api_key AS v WHERE v.id = :location;
SET LOCAL ROLE api_gateway;
SELECT results_eq(format('SELECT id, account FROM keyward.authenticate_location_api_key(%L)', :'made'),
                  format('SELECT %s::bigint, 1::bigint', :location), 'and the one that authenticates');
SET LOCAL ROLE app_ui;
SELECT lives_ok(format('SELECT keyward.revoke_location_api_key(%s)', :location), 'the UI ends it');
SELECT throws_ok(format('SELECT keyward.reveal_location_api_key(%s)', :location), 'KW004', NULL, 'then there is none to be shown');
SET LOCAL ROLE api_gateway;
SELECT is_empty(format('SELECT id FROM keyward.authenticate_location_api_key(%L)', :'made'), 'and it authenticates nobody');

-- No key by itself.
SET LOCAL ROLE api_v2;
INSERT INTO app.locations (account_id, name, api_key) VALUES (1, 'New', 'chosen'), (2, 'New', 'chosen too');
SELECT results_eq($$SELECT account_id, api_key FROM app.locations WHERE name = 'New' ORDER BY account_id$$,
                  $$VALUES (1::bigint, NULL), (2, 'chosen too')$$, 'a new location has a key only where the setting is off');

-- No users by the legacy role.
SET LOCAL ROLE api_v1;
SELECT throws_ok($$INSERT INTO app.users (account_id, email) VALUES (1, 'new1@example.com')$$, 'KW002');
SELECT throws_ok($$UPDATE app.users SET role = 'admin' WHERE account_id = 1$$, 'KW002');
SELECT throws_ok($$DELETE FROM app.users WHERE account_id = 1$$, 'KW002');
SELECT lives_ok($$INSERT INTO app.users (account_id, email) VALUES (2, 'new2@example.com')$$);
SELECT lives_ok($$UPDATE app.users SET role = 'admin' WHERE account_id = 2$$);
SELECT lives_ok($$DELETE FROM app.users WHERE account_id = 2$$);

-- The setting is the UI's to change, and turning it off takes an acknowledgement.
SELECT throws_ok($$SELECT keyward.opt_out(1, 'by the API', acknowledge_risk => true)$$, '42501', NULL, 'the API turns nothing off');
SET LOCAL ROLE app_ui;
SELECT throws_ok($$SELECT keyward.opt_out(1, 'without')$$, 'KW003', NULL, 'nor does the UI without the acknowledgement');
SELECT lives_ok($$SELECT keyward.opt_out(1, 'with', acknowledge_risk => true)$$);
SET LOCAL ROLE api_v2;
SELECT is(count(api_key), 4::bigint, 'then the keys that are left are read') FROM app.locations WHERE account_id = 1;
SET LOCAL ROLE app_ui;
SELECT lives_ok($$SELECT keyward.opt_in(1, 'again')$$);
SET LOCAL ROLE api_v2;
SELECT is(count(api_key), 0::bigint, 'and not any more') FROM app.locations WHERE account_id = 1;

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
