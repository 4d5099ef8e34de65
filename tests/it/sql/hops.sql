-- An application whose ids are of another type (the test puts it in, and how an id is made of a number), with a key on the
-- accounts themselves and one that is two steps away from its account.
CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE api_v1 LOGIN;
CREATE ROLE api_gateway LOGIN;
CREATE DATABASE shop OWNER app_owner;
\connect shop
SET ROLE app_owner;
CREATE SCHEMA app;
CREATE FUNCTION app.id_of(n integer) RETURNS ID_TYPE LANGUAGE sql IMMUTABLE AS $$SELECT ID_FROM_N$$;
CREATE TABLE app."Accounts" (id ID_TYPE PRIMARY KEY, n integer, "Master Key" text UNIQUE);
CREATE TABLE app.locations (id ID_TYPE PRIMARY KEY, account_id ID_TYPE REFERENCES app."Accounts");
CREATE TABLE app.devices (id ID_TYPE PRIMARY KEY, location_id ID_TYPE REFERENCES app.locations, token text);
CREATE INDEX ON app.locations (account_id);
CREATE INDEX ON app.devices (location_id);
GRANT USAGE ON SCHEMA app TO app_ui, api_v1, api_gateway;
GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v1;
INSERT INTO app."Accounts" SELECT app.id_of(n), n, 'master-' || n FROM generate_series(1, 100) AS n;
INSERT INTO app.locations SELECT app.id_of(n), app.id_of((n - 1) % 100 + 1) FROM generate_series(1, 200) AS n;
INSERT INTO app.devices SELECT app.id_of(n), app.id_of((n - 1) % 200 + 1), 'token-' || n FROM generate_series(1, 400) AS n;
INSERT INTO app.devices SELECT app.id_of(401), NULL, 'token-401';
