//! What the audit promises: each planted defect is found by its own name, a clean database has nothing to tell, no key is shown.

use keyward::audit::{Finding, Options, Report, audit};
use keyward::error::Kind;
use keyward::manifest::Manifest;
use keyward::sandbox::Sandbox;

use crate::cli::Cli;
use crate::fixture::{World, skipped};

/// Two keys, one of them in a partitioned table, and a wall against legacy writes.
const MANIFEST: &str = r#"
version = 1
[setting]
cutover = 2024-06-17T00:00:00Z
[roles]
ui   = ["app_ui"]
api  = ["api_v1", "api_v2"]
auth = ["api_gateway"]
[accounts]
table = "app.accounts"
id    = "id"
[[keys]]
name    = "location_api_key"
table   = "app.locations"
id      = "id"
column  = "api_key"
account = "account_id"
[[keys]]
name    = "token"
table   = "app.devices"
id      = "id"
column  = "token"
account = { column = "location_id", via = "app.locations", id = "id", account = "account_id" }
[[writes]]
name    = "legacy_users"
table   = "app.users"
account = "account_id"
roles   = ["api_v1"]
rls     = true
"#;

/// The application with a partitioned table of tokens, a history, and a trigger that touches rows; account 1 is enabled.
async fn world() -> World {
    let script = format!(
        "{}\nCREATE TABLE app.devices (id bigint, location_id bigint, token text) PARTITION BY RANGE (id);
         CREATE TABLE app.devices_1 PARTITION OF app.devices FOR VALUES FROM (0) TO (100);
         CREATE INDEX ON app.devices (id); CREATE INDEX ON app.devices (location_id);
         CREATE TABLE app.history (at timestamptz DEFAULT now(), what jsonb, who text);
         CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW IS DISTINCT FROM OLD THEN NEW.updated_at := now(); END IF; RETURN NEW; END $$;
         CREATE TRIGGER touch BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch();
         CREATE VIEW app.names AS SELECT id, name FROM app.locations; CREATE VIEW app.counts AS SELECT count(*) FROM app.locations;
         CREATE FUNCTION app.names() RETURNS SETOF text LANGUAGE sql AS 'SELECT name FROM app.locations';
         GRANT ALL ON app.devices TO app_ui, api_v1, api_v2; GRANT SELECT ON app.names, app.counts TO api_v2;
         INSERT INTO app.devices SELECT n, n, 'key-' || n FROM generate_series(1, 2) AS n;
         RESET ROLE; CREATE ROLE middle; CREATE ROLE replicator LOGIN REPLICATION;",
        include_str!("sql/app.sql")
    );
    let world = World::with(&script, MANIFEST, "shop").await;
    world.apply().await;
    world.opt_in("1").await;
    world
}

/// Audits as a role, through a connection of its own.
pub(crate) async fn look(world: &World, role: &str) -> Report {
    let mut db = world.connect(role).await;
    let report = audit(&mut db, &world.manifest, Options::default()).await.unwrap_or_else(|error| panic!("{error}"));
    db.close().await;
    assert_shows_no_key(&serde_json::to_string(&report).unwrap());
    report
}

/// The fixture's keys are `key-1` to `key-30`, and one long one.
fn assert_shows_no_key(text: &str) {
    let key = text.match_indices("key-").any(|(at, _)| text[at + 4..].starts_with(|c: char| c.is_ascii_digit()));
    assert!(!key && !text.contains("sesame"), "a key is shown:\n{text}");
}

/// What each finding is, in short.
pub(crate) fn said(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}: {}", finding.id, finding.object, finding.detail)).collect()
}

/// A defect: by which name it is found, how it is planted, how it is mended. Where nothing mends it, apply does.
pub(crate) struct Defect(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

const COPY: &str = "CREATE FUNCTION app.copy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO app.history (what) VALUES (to_jsonb(OLD)); RETURN NEW; END $$;
    CREATE TRIGGER copy AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.copy()";

/// Guards that don't guard, and tables of keyward's that somebody meddled with.
const GUARDS: &[Defect] = &[
    Defect("KW103", "DROP TRIGGER \"~keyward_location_api_key_withhold_insert\" ON app.locations", ""),
    Defect("KW103", "DROP TRIGGER \"~keyward_legacy_users_update\" ON app.users", ""),
    Defect("KW104", "ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_update\"", ""),
    Defect("KW104", "ALTER TABLE app.users DISABLE TRIGGER USER", ""),
    Defect("KW105", "ALTER TABLE app.locations ENABLE TRIGGER \"~keyward_location_api_key_assert_insert\"", ""),
    Defect("KW105", "ALTER TABLE app.accounts ENABLE REPLICA TRIGGER \"~keyward_accounts_insert\"", ""),
    Defect(
        "KW106",
        "CREATE OR REPLACE TRIGGER \"~keyward_legacy_users_delete\" BEFORE DELETE ON app.users FOR EACH ROW WHEN (false) EXECUTE FUNCTION keyward.deny_legacy_users();
         ALTER TABLE app.users ENABLE ALWAYS TRIGGER \"~keyward_legacy_users_delete\"",
        "",
    ),
    Defect("KW107", "ALTER TABLE app.devices_1 DISABLE TRIGGER \"~keyward_token_withhold_insert\"", "ALTER TABLE app.devices_1 ENABLE ALWAYS TRIGGER \"~keyward_token_withhold_insert\""),
    Defect("KW107", "ALTER TABLE app.devices_1 ENABLE REPLICA TRIGGER \"~keyward_token_assert_update\"", "ALTER TABLE app.devices_1 ENABLE ALWAYS TRIGGER \"~keyward_token_assert_update\""),
    Defect("KW108", "CREATE TRIGGER \"~zz\" BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch()", "DROP TRIGGER \"~zz\" ON app.locations"),
    Defect("KW109", "CREATE TRIGGER \"!a\" BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch()", "DROP TRIGGER \"!a\" ON app.locations"),
    Defect("KW110", "CREATE TABLE app.devices_2 PARTITION OF app.devices FOR VALUES FROM (100) TO (200); ALTER TABLE app.devices_2 OWNER TO app_owner", "DROP TABLE app.devices_2"),
    Defect("KW111", "CREATE TABLE app.child () INHERITS (app.locations)", "DROP TABLE app.child"),
    Defect("KW113", "CREATE RULE loud AS ON UPDATE TO app.locations DO ALSO NOTHING", "DROP RULE loud ON app.locations"),
    Defect("KW114", "CREATE TRIGGER spy BEFORE INSERT ON keyward.vault_location_api_key FOR EACH ROW EXECUTE FUNCTION app.touch()", "DROP TRIGGER spy ON keyward.vault_location_api_key"),
    Defect("KW114", "CREATE RULE mute AS ON INSERT TO keyward.event DO INSTEAD NOTHING", "DROP RULE mute ON keyward.event"),
    Defect("KW120", "DROP FUNCTION keyward.generate_token(bigint)", ""),
    Defect("KW121", "CREATE OR REPLACE FUNCTION keyward.deny_legacy_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NEW; END'", ""),
    Defect("KW122", "ALTER FUNCTION keyward.withhold_location_api_key() SECURITY INVOKER", ""),
    Defect("KW122", "ALTER FUNCTION keyward.reveal_location_api_key(bigint) SECURITY DEFINER", ""),
    Defect("KW123", "ALTER FUNCTION keyward.withhold_token() SET search_path = pg_temp, pg_catalog", ""),
    Defect("KW123", "ALTER FUNCTION keyward.is_enabled(bigint) RESET search_path", ""),
    Defect("KW124", "ALTER FUNCTION keyward.opt_in(bigint, text, text) OWNER TO app_owner", "ALTER FUNCTION keyward.opt_in(bigint, text, text) OWNER TO keyward_owner"),
    Defect("KW125", "GRANT EXECUTE ON FUNCTION keyward.seal_token(bigint[]) TO api_v1", ""),
    Defect("KW125", "GRANT EXECUTE ON FUNCTION keyward.reveal_token(bigint) TO PUBLIC", ""),
    Defect("KW126", "ALTER FUNCTION keyward.acts_as_ui() IMMUTABLE", ""),
    Defect("KW127", "CREATE FUNCTION keyward.is_enabled(text) RETURNS boolean LANGUAGE sql AS 'SELECT false'", "DROP FUNCTION keyward.is_enabled(text)"),
    Defect("KW127", "CREATE VIEW keyward.peek AS SELECT 1 AS one", "DROP VIEW keyward.peek"),
    Defect("KW129", "ALTER TABLE keyward.parked_account SET SCHEMA app", "ALTER TABLE app.parked_account SET SCHEMA keyward"),
    Defect("KW130", "ALTER TABLE keyward.account_setting ADD COLUMN extra text", "ALTER TABLE keyward.account_setting DROP COLUMN extra"),
    Defect("KW130", "DROP INDEX keyward.vault_token_key", "CREATE INDEX vault_token_key ON keyward.vault_token USING hash (token)"),
    Defect("KW131", "ALTER TABLE keyward.vault_location_api_key DISABLE ROW LEVEL SECURITY", ""),
    Defect("KW131", "ALTER TABLE keyward.account_setting DISABLE ROW LEVEL SECURITY", ""),
    Defect("KW132", "ALTER TABLE keyward.vault_token NO FORCE ROW LEVEL SECURITY", ""),
    Defect("KW133", "DROP POLICY ui_reads ON keyward.vault_location_api_key", ""),
    Defect("KW133", "ALTER POLICY ui_reads ON keyward.vault_location_api_key USING (true)", ""),
    Defect("KW134", "CREATE POLICY open ON keyward.vault_token USING (true)", "DROP POLICY open ON keyward.vault_token"),
    Defect("KW135", "GRANT SELECT ON keyward.vault_location_api_key TO api_v2", ""),
    Defect("KW135", "GRANT SELECT ON keyward.event TO PUBLIC", "REVOKE ALL ON keyward.event FROM PUBLIC"),
    Defect("KW135", "GRANT UPDATE (mode) ON keyward.policy TO app_ui", "REVOKE ALL (mode) ON keyward.policy FROM app_ui"),
    Defect("KW136", "ALTER TABLE keyward.policy OWNER TO app_owner", "ALTER TABLE keyward.policy OWNER TO keyward_owner"),
    Defect("KW136", "ALTER TABLE keyward.vault_token OWNER TO app_owner", "ALTER TABLE keyward.vault_token OWNER TO keyward_owner"),
    Defect("KW137", "GRANT CREATE ON SCHEMA keyward TO api_v1", ""),
    Defect("KW137", "ALTER SCHEMA keyward OWNER TO app_owner", "ALTER SCHEMA keyward OWNER TO keyward_owner; GRANT USAGE ON SCHEMA keyward TO app_owner"),
    Defect("KW138", "UPDATE keyward.policy SET mode = 'off'", "UPDATE keyward.policy SET mode = 'enforce'"),
    Defect("KW138", "DELETE FROM keyward.policy", "INSERT INTO keyward.policy DEFAULT VALUES"),
    Defect("KW140", "ALTER TABLE app.users DISABLE ROW LEVEL SECURITY", ""),
    Defect("KW141", "DROP POLICY \"~keyward_legacy_users_insert\" ON app.users", ""),
    Defect("KW142", "ALTER POLICY \"~keyward_legacy_users_update\" ON app.users WITH CHECK (true)", ""),
    Defect("KW143", "CREATE POLICY mine ON app.users USING (account_id = 1)", "DROP POLICY mine ON app.users"),
    Defect("KW145", "ALTER TABLE app.locations ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON app.locations AS RESTRICTIVE USING (account_id = 1)", "DROP POLICY tenant ON app.locations; ALTER TABLE app.locations DISABLE ROW LEVEL SECURITY"),
    Defect("KW150", "ALTER TABLE app.devices ADD CONSTRAINT d CHECK (true); UPDATE app.locations SET api_key = 'x' || id WHERE false; DELETE FROM app.locations WHERE api_key IS NULL; ALTER TABLE app.locations ALTER api_key SET NOT NULL", "ALTER TABLE app.devices DROP CONSTRAINT d; ALTER TABLE app.locations ALTER api_key DROP NOT NULL"),
    Defect("KW153", "ALTER TABLE app.locations ADD CONSTRAINT must CHECK (api_key IS NOT NULL) NOT VALID", "ALTER TABLE app.locations DROP CONSTRAINT must"),
    Defect("KW154", "CREATE UNIQUE INDEX one_null ON app.locations (api_key) NULLS NOT DISTINCT -- from 15 on", "DROP INDEX app.one_null"),
    Defect("KW156", "CREATE TABLE app.k (k text REFERENCES app.locations (api_key))", "DROP TABLE app.k"),
    Defect("KW159", "ALTER TABLE app.locations DROP CONSTRAINT locations_pkey", "ALTER TABLE app.locations ADD CONSTRAINT locations_pkey PRIMARY KEY (id)"),
    Defect("KW160", "REVOKE UPDATE (api_key) ON app.locations FROM keyward_owner", ""),
];

/// Roles and privileges.
const ROLES: &[Defect] = &[
    Defect("KW201", "ALTER ROLE api_v2 SUPERUSER", "ALTER ROLE api_v2 NOSUPERUSER"),
    Defect("KW202", "ALTER ROLE api_v2 BYPASSRLS", "ALTER ROLE api_v2 NOBYPASSRLS"),
    Defect("KW203", "ALTER ROLE api_v2 CREATEROLE -- up to 15", "ALTER ROLE api_v2 NOCREATEROLE"),
    Defect(
        "KW204",
        "ALTER ROLE middle CREATEROLE; GRANT middle TO legacy_login -- up to 15",
        "ALTER ROLE middle NOCREATEROLE; REVOKE middle FROM legacy_login",
    ),
    Defect("KW205", "ALTER TABLE app.users OWNER TO api_v2", "ALTER TABLE app.users OWNER TO app_owner"),
    Defect("KW205", "GRANT app_owner TO api_v2", "REVOKE app_owner FROM api_v2"),
    Defect(
        "KW206",
        "GRANT pg_write_all_data TO middle; GRANT middle TO api_v1",
        "REVOKE pg_write_all_data FROM middle; REVOKE middle FROM api_v1",
    ),
    Defect("KW207", "GRANT app_ui TO api_v1", "REVOKE app_ui FROM api_v1"),
    Defect(
        "KW207",
        "GRANT app_ui TO middle; GRANT middle TO legacy_login",
        "REVOKE app_ui FROM middle; REVOKE middle FROM legacy_login",
    ),
    Defect("KW207", "GRANT keyward_owner TO api_v2", "REVOKE keyward_owner FROM api_v2"),
    Defect(
        "KW208",
        "GRANT TRIGGER ON app.locations TO middle; GRANT middle TO api_v2",
        "REVOKE TRIGGER ON app.locations FROM middle; REVOKE middle FROM api_v2",
    ),
    Defect("KW209", "GRANT TRIGGER ON app.locations TO api_v1", ""),
    Defect("KW209", "GRANT TRUNCATE ON app.users TO PUBLIC", ""),
    Defect("KW209", "GRANT ALL ON app.devices_1 TO api_v2", "REVOKE ALL ON app.devices_1 FROM api_v2"),
    Defect("KW210", "GRANT pg_read_all_data TO api_v2", "REVOKE pg_read_all_data FROM api_v2"),
    Defect(
        "KW211",
        "GRANT pg_read_server_files TO middle; GRANT middle TO api_v2",
        "REVOKE pg_read_server_files FROM middle; REVOKE middle FROM api_v2",
    ),
    Defect("KW211", "GRANT pg_execute_server_program TO api_v1", "REVOKE pg_execute_server_program FROM api_v1"),
    Defect("KW212", "ALTER ROLE api_v2 REPLICATION", "ALTER ROLE api_v2 NOREPLICATION"),
    // a login that acts as an API role counts as one
    Defect("KW210", "GRANT pg_read_all_data TO legacy_login", "REVOKE pg_read_all_data FROM legacy_login"),
    Defect("KW211", "GRANT pg_write_server_files TO legacy_login", "REVOKE pg_write_server_files FROM legacy_login"),
    Defect("KW212", "ALTER ROLE legacy_login REPLICATION", "ALTER ROLE legacy_login NOREPLICATION"),
    Defect(
        "KW213",
        "GRANT app_ui TO api_v2 WITH ADMIN TRUE, INHERIT FALSE, SET FALSE -- from 16 on",
        "REVOKE app_ui FROM api_v2",
    ),
    Defect(
        "KW214",
        "GRANT SET ON PARAMETER session_replication_role TO api_v2 -- from 15 on",
        "REVOKE SET ON PARAMETER session_replication_role FROM api_v2",
    ),
    Defect(
        "KW215",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keyward_owner GRANT SELECT ON TABLES TO api_v2",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keyward_owner REVOKE SELECT ON TABLES FROM api_v2",
    ),
    Defect(
        "KW215",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keyward_owner IN SCHEMA keyward GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keyward_owner IN SCHEMA keyward REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ),
    Defect(
        "KW216",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app GRANT ALL ON TABLES TO api_v2",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app REVOKE ALL ON TABLES FROM api_v2",
    ),
    Defect(
        "KW216",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner GRANT TRIGGER ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE TRIGGER ON TABLES FROM PUBLIC",
    ),
    Defect("KW217", "GRANT SELECT ON app.locations TO PUBLIC", "REVOKE SELECT ON app.locations FROM PUBLIC"),
    Defect("KW217", "GRANT SELECT (token) ON app.devices TO PUBLIC", "REVOKE SELECT (token) ON app.devices FROM PUBLIC"),
    Defect("KW218", "ALTER ROLE keyward_owner LOGIN", "ALTER ROLE keyward_owner NOLOGIN"),
    Defect("KW219", "GRANT keyward_owner TO worker", "REVOKE keyward_owner FROM worker"),
    Defect("KW219", "GRANT keyward_owner TO app_ui", "REVOKE keyward_owner FROM app_ui"),
    Defect("KW220", "ALTER SCHEMA app OWNER TO api_v2", "ALTER SCHEMA app OWNER TO app_owner"),
    Defect(
        "KW220",
        "ALTER SCHEMA app OWNER TO middle; GRANT middle TO api_v1",
        "ALTER SCHEMA app OWNER TO app_owner; REVOKE middle FROM api_v1",
    ),
    Defect(
        "KW221",
        "CREATE FUNCTION app.peek(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT api_key FROM keyward.vault_location_api_key WHERE id = $1'",
        "DROP FUNCTION app.peek(bigint)",
    ),
    Defect(
        "KW221",
        "CREATE FUNCTION app.loose() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE format('UPDATE %I.account_setting SET enabled = false', 'keyward'); END $$",
        "DROP FUNCTION app.loose()",
    ),
    Defect("KW222", "CREATE VIEW app.all_keys AS SELECT * FROM keyward.vault_location_api_key", "DROP VIEW app.all_keys"),
    Defect(
        "KW222",
        "CREATE MATERIALIZED VIEW app.all_keys AS SELECT * FROM keyward.vault_location_api_key",
        "DROP MATERIALIZED VIEW app.all_keys",
    ),
    Defect("KW225", "GRANT pg_monitor TO api_v2", "REVOKE pg_monitor FROM api_v2"),
    Defect(
        "KW226",
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (dbname 'shop'); CREATE USER MAPPING FOR api_v2 SERVER s OPTIONS (\"user\" 'app_ui')",
        "DROP FOREIGN DATA WRAPPER w CASCADE",
    ),
    Defect("KW228", "GRANT api_gateway TO api_v2", "REVOKE api_gateway FROM api_v2"),
];

/// Where keys are copied to, and what the server lacks.
const COPIES: &[Defect] = &[
    Defect("KW301", "CREATE VIEW app.v AS SELECT id, upper(api_key) AS k FROM app.locations", "DROP VIEW app.v"),
    Defect("KW301", "CREATE VIEW app.v AS SELECT to_jsonb(l) AS row FROM app.locations AS l", "DROP VIEW app.v"),
    Defect("KW301", "CREATE VIEW app.v AS SELECT id FROM app.devices WHERE token IS NOT NULL", "DROP VIEW app.v"),
    Defect("KW302", "CREATE MATERIALIZED VIEW app.m AS SELECT api_key FROM app.locations", "DROP MATERIALIZED VIEW app.m"),
    Defect(
        "KW302",
        "CREATE VIEW app.v AS SELECT * FROM app.locations; CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.v",
        "DROP VIEW app.v CASCADE",
    ),
    Defect(
        "KW303",
        "CREATE FUNCTION app.f(bigint) RETURNS text LANGUAGE sql AS 'SELECT api_key FROM app.locations WHERE id = $1'",
        "DROP FUNCTION app.f(bigint)",
    ),
    Defect(
        "KW303",
        "CREATE FUNCTION app.f(bigint) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT api_key FROM app.locations WHERE id = $1; END",
        "DROP FUNCTION app.f(bigint)",
    ),
    Defect(
        "KW303",
        "CREATE FUNCTION app.f() RETURNS text LANGUAGE plpgsql AS $$ DECLARE k text; BEGIN EXECUTE 'SELECT api_key FROM app.locations LIMIT 1' INTO k; RETURN k; END $$",
        "DROP FUNCTION app.f()",
    ),
    Defect(
        "KW304",
        "CREATE RULE r AS ON UPDATE TO app.users DO ALSO INSERT INTO app.history (who) SELECT api_key FROM app.locations",
        "DROP RULE r ON app.users",
    ),
    Defect("KW305", COPY, "DROP FUNCTION app.copy() CASCADE"),
    Defect(
        "KW305",
        "CREATE FUNCTION app.copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('x', row_to_json(NEW)::text); RETURN NEW; END $$; CREATE TRIGGER copy BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.copy()",
        "DROP FUNCTION app.copy() CASCADE",
    ),
    Defect(
        "KW305",
        "CREATE FUNCTION app.copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history (who) VALUES (OLD.token); RETURN NULL; END $$; CREATE TRIGGER copy AFTER UPDATE ON app.devices_1 FOR EACH ROW EXECUTE FUNCTION app.copy()",
        "DROP FUNCTION app.copy() CASCADE",
    ),
    Defect(
        "KW305",
        "CREATE FUNCTION app.copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history (what) SELECT to_jsonb(o) FROM gone AS o; RETURN NULL; END $$; CREATE TRIGGER copy AFTER UPDATE ON app.locations REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.copy()",
        "DROP FUNCTION app.copy() CASCADE",
    ),
    Defect(
        "KW161",
        "CREATE FUNCTION app.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE app.accounts SET name = name WHERE id = NEW.account_id; RETURN NULL; END $$; CREATE TRIGGER count AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.count()",
        "DROP FUNCTION app.count() CASCADE",
    ),
    Defect(
        "KW306",
        "ALTER TABLE app.locations ADD tsv tsvector; CREATE TRIGGER tsv BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(tsv, 'pg_catalog.english', api_key)",
        "ALTER TABLE app.locations DROP tsv; DROP TRIGGER tsv ON app.locations",
    ),
    Defect("KW307", "CREATE PUBLICATION p FOR TABLE app.locations", "DROP PUBLICATION p"),
    Defect("KW307", "CREATE PUBLICATION p FOR TABLE app.devices WITH (publish = 'insert')", "DROP PUBLICATION p"),
    Defect("KW307", "CREATE PUBLICATION p FOR TABLE app.locations (id, api_key) -- from 15 on", "DROP PUBLICATION p"),
    Defect("KW308", "CREATE PUBLICATION p FOR TABLE keyward.vault_token", "DROP PUBLICATION p"),
    Defect("KW308", "CREATE PUBLICATION p FOR ALL TABLES", "DROP PUBLICATION p"),
    Defect(
        "KW309",
        "ALTER TABLE app.locations ADD hash text GENERATED ALWAYS AS (md5(api_key)) STORED",
        "ALTER TABLE app.locations DROP hash",
    ),
    Defect("KW310", "CREATE INDEX lowered ON app.locations (lower(api_key))", "DROP INDEX app.lowered"),
    Defect("KW311", "CREATE STATISTICS app.s (mcv) ON api_key, name FROM app.locations", "DROP STATISTICS app.s"),
    Defect("KW311", "CREATE STATISTICS app.s ON (lower(api_key)) FROM app.locations", "DROP STATISTICS app.s"),
    Defect(
        "KW312",
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (dbname 'shop'); CREATE SCHEMA f; CREATE FOREIGN TABLE f.x (id bigint) SERVER s OPTIONS (schema_name 'app', table_name 'locations')",
        "DROP SCHEMA f CASCADE; DROP FOREIGN DATA WRAPPER w CASCADE",
    ),
    Defect("KW313", "ALTER TABLE app.locations REPLICA IDENTITY FULL", "ALTER TABLE app.locations REPLICA IDENTITY DEFAULT"),
    Defect("KW314", "CREATE TABLE app.old_locations (id bigint, api_key text)", "DROP TABLE app.old_locations"),
    Defect(
        "KW318",
        "CREATE POLICY k ON app.locations USING (api_key = current_setting('app.key', true))",
        "DROP POLICY k ON app.locations",
    ),
    Defect("KW503", "ALTER DATABASE shop SET log_statement = 'all'", "ALTER DATABASE shop RESET log_statement"),
    Defect(
        "KW504",
        "ALTER ROLE api_v2 SET session_replication_role = replica",
        "ALTER ROLE api_v2 RESET session_replication_role",
    ),
];

/// What the schema of the application itself makes impossible; planted before apply, since guards hold on to the columns.
const SCHEMA: &[Defect] = &[
    Defect(
        "KW112",
        "ALTER TABLE app.users ALTER id DROP IDENTITY; CREATE TABLE app.all_users (LIKE app.users) PARTITION BY RANGE (id); ALTER TABLE app.all_users ATTACH PARTITION app.users DEFAULT",
        "ALTER TABLE app.all_users DETACH PARTITION app.users; DROP TABLE app.all_users",
    ),
    Defect("KW144", "CREATE POLICY asleep ON app.users AS RESTRICTIVE USING (false)", "DROP POLICY asleep ON app.users"),
    Defect(
        "KW151",
        "CREATE DOMAIN app.k AS text NOT NULL; ALTER TABLE app.locations ALTER api_key TYPE app.k",
        "ALTER TABLE app.locations ALTER api_key TYPE text; DROP DOMAIN app.k",
    ),
    Defect(
        "KW151",
        "ALTER TABLE app.locations ALTER api_key TYPE bytea USING api_key::bytea",
        "ALTER TABLE app.locations ALTER api_key TYPE text USING encode(api_key, 'escape')",
    ),
    Defect(
        "KW155",
        "ALTER TABLE app.locations DROP CONSTRAINT locations_pkey, ADD UNIQUE (id), ADD CONSTRAINT pk PRIMARY KEY (api_key)",
        "ALTER TABLE app.locations DROP CONSTRAINT pk, DROP CONSTRAINT locations_id_key, ADD PRIMARY KEY (id), ALTER api_key DROP NOT NULL",
    ),
    Defect(
        "KW158",
        "ALTER TABLE app.locations ALTER api_key TYPE varchar(40)",
        "ALTER TABLE app.locations ALTER api_key TYPE text",
    ),
    Defect(
        "KW162",
        "ALTER TABLE app.users DROP CONSTRAINT users_account_id_fkey; ALTER TABLE app.users ALTER account_id TYPE text",
        "ALTER TABLE app.users ALTER account_id TYPE bigint USING account_id::bigint",
    ),
    Defect(
        "KW152",
        "ALTER TABLE app.locations DROP COLUMN api_key; ALTER TABLE app.locations ADD api_key text GENERATED ALWAYS AS (name || 'k') STORED",
        "ALTER TABLE app.locations ALTER COLUMN api_key DROP EXPRESSION",
    ),
];

#[tokio::test]
async fn every_schema_that_cannot_be_enforced_on_is_found_by_its_name() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    for Defect(id, act, mend) in SCHEMA {
        dba.ok(act).await;
        let findings = look(&world, "app_owner").await.findings;
        assert!(findings.iter().any(|finding| finding.id == *id), "{act}: {:?}", said(&findings));
        dba.ok(mend).await;
        let ids: Vec<_> = look(&world, "app_owner").await.findings.into_iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["KW101"], "{mend}");
    }
}

/// Plants each defect, finds it by its name, mends it, and finds nothing.
async fn finds_each(defects: &[Defect]) {
    assert!(finds_each_in(&world().await, defects).await >= 25);
}

/// The same in another database; returns how many were tried.
pub(crate) async fn finds_each_in(world: &World, defects: &[Defect]) -> u32 {
    let major = world.sandbox.version().major();
    let mut dba = world.act("postgres").await;
    assert_eq!(said(&look(world, "postgres").await.findings), Vec::<String>::new(), "clean, seen by a superuser");
    assert_eq!(said(&look(world, "app_owner").await.findings), Vec::<String>::new(), "clean, seen by who applied");
    let mut missed = Vec::new();
    let mut tried = 0;
    let mut before: Option<String> = None;
    for Defect(id, act, mend) in defects {
        let least = act.rsplit_once("-- from ").and_then(|(_, least)| least.trim_end_matches(" on").parse().ok()).unwrap_or(14);
        let most = act.rsplit_once("-- up to ").and_then(|(_, most)| most.parse().ok()).unwrap_or(99);
        if !(least..=most).contains(&major) {
            let which = if major < least { format!("from PostgreSQL {least}") } else { format!("up to PostgreSQL {most}") };
            skipped(&format!("{id} by {} ({which})", act.rsplit_once(" -- ").map_or(*act, |(act, _)| act)));
            continue;
        }
        tried += 1;
        dba.ok(act).await;
        let role = if tried % 2 == 0 { "postgres" } else { "app_owner" };
        let findings = look(world, role).await.findings;
        // The next defect may be of the same kind on the same object.
        let same = before.as_ref().is_some_and(|before| before.starts_with(id));
        if let Some(left) = findings.iter().find(|finding| !same && Some(&finding.cache_key) == before.as_ref()) {
            missed.push(format!("not mended before {act}: {}", left.cache_key));
        }
        before = None;
        match findings.iter().find(|finding| finding.id == *id) {
            None => missed.push(format!("{id}, seen by {role}: {act}\n    {:?}", said(&findings))),
            Some(finding) => {
                assert!(!finding.object.is_empty() && !finding.detail.is_empty(), "{finding:?}");
                assert!(!finding.remedy.is_empty() && finding.cache_key.starts_with(&format!("{id}:")), "{finding:?}");
                before = Some(finding.cache_key.clone());
            }
        }
        if mend.is_empty() {
            world.apply().await;
        } else {
            dba.ok(mend).await;
        }
    }
    assert!(missed.is_empty(), "{} of {tried}:\n{}", missed.len(), missed.join("\n"));
    assert_eq!(said(&look(world, "app_owner").await.findings), Vec::<String>::new(), "and all of it is mended");
    tried
}

#[tokio::test]
async fn every_guard_that_does_not_guard_is_found_by_its_name() {
    finds_each(GUARDS).await;
}

#[tokio::test]
async fn every_role_and_privilege_that_opens_a_way_is_found_by_its_name() {
    finds_each(ROLES).await;
}

#[tokio::test]
async fn every_copy_of_a_key_is_found_by_its_name() {
    finds_each(COPIES).await;
}

/// Panics if the audit of a database finds anything, whoever looks.
pub(crate) async fn is_clean(world: &World) {
    for role in ["postgres", "app_owner"] {
        let mut db = world.connect(role).await;
        match audit(&mut db, &world.manifest, Options::default()).await {
            Ok(report) => assert_eq!(said(&report.findings), Vec::<String>::new(), "seen by {role}"),
            // Where a superuser applied, nobody else looks into keyward's tables.
            Err(error) => assert_eq!(error.kind(), Kind::Refused, "{error}"),
        }
    }
}

#[tokio::test]
async fn the_demo_is_clean() {
    let script = format!(
        "{}\\connect demo\nSET ROLE app_owner;\n{}\n{};\nRESET ROLE;",
        include_str!("../../sql/demo/roles.sql"),
        include_str!("../../sql/demo/schema.sql"),
        include_str!("../../sql/demo/data.sql").replace("$1::bigint", "10::bigint"),
    );
    let world = World::with(&script, include_str!("../../sql/demo/manifest.toml"), "demo").await;
    world.apply().await;
    is_clean(&world).await;
    // control
    world.act("postgres").await.ok("CREATE VIEW app.v AS SELECT api_key FROM app.locations").await;
    assert_eq!(look(&world, "app_owner").await.findings.len(), 1);
}

#[tokio::test]
async fn before_apply_the_rest_is_audited_all_the_same_by_whoever_asks() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE MATERIALIZED VIEW app.m AS SELECT api_key FROM app.locations; GRANT pg_write_all_data TO api_v1").await;
    for role in ["postgres", "app_owner", "worker"] {
        let findings = look(&world, role).await.findings;
        let ids: Vec<_> = findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["KW101", "KW206", "KW302"], "{role}: {:?}", said(&findings));
    }
    assert!(
        !dba.get::<bool>("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'keyward') AS v").await,
        "nothing was written"
    );
    world.act("postgres").await.ok("REVOKE pg_write_all_data FROM api_v1").await;
    world.apply().await;
    // whoever may not look into keyward's tables is told who may
    let error = audit(&mut world.connect("worker").await, &world.manifest, Options::default()).await.unwrap_err();
    assert!(error.kind() == Kind::Refused && error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn a_manifest_that_is_ahead_of_the_database_is_told_once() {
    let mut world = world().await;
    let ahead = MANIFEST.replace("roles   = [\"api_v1\"]", "roles   = [\"api_v1\", \"worker\"]");
    world.manifest = Manifest::parse(&ahead, "keyward.toml").unwrap();
    let findings = look(&world, "app_owner").await.findings;
    assert_eq!(findings.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), ["KW102"], "{:?}", said(&findings));
}

#[tokio::test]
async fn a_table_that_has_the_name_of_one_that_keyward_would_make_is_found() {
    let mut world = World::applied().await;
    let second =
        "[[keys]]\nname = 'email'\ntable = 'app.users'\nid = 'id'\ncolumn = 'email'\naccount = 'account_id'\n\n[[writes]]";
    world.manifest = Manifest::parse(&crate::fixture::MANIFEST.replace("[[writes]]", second), "keyward.toml").unwrap();
    let of = async || {
        let findings = look(&world, "app_owner").await.findings;
        findings.into_iter().filter(|finding| finding.id == "KW128").map(|finding| finding.object).collect::<Vec<_>>()
    };
    assert_eq!(of().await, Vec::<String>::new(), "control");
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE TABLE keyward.vault_email (id bigint, email text)").await;
    assert_eq!(of().await, ["table keyward.vault_email"]);
    dba.ok("ALTER TABLE keyward.vault_email SET SCHEMA app").await;
    assert_eq!(of().await, Vec::<String>::new(), "and the remedy mends it");
}

#[tokio::test]
async fn an_audit_waits_for_nobody_who_reads_or_writes() {
    let world = world().await;
    let mut other = world.act("postgres").await;
    other.ok("BEGIN; LOCK TABLE app.locations, app.users, app.accounts, app.devices, keyward.vault_token, keyward.policy IN EXCLUSIVE MODE").await;
    assert_eq!(said(&look(&world, "app_owner").await.findings), Vec::<String>::new());
    // control: more than ACCESS SHARE would have waited
    let mut third = world.act("app_owner").await;
    assert_eq!(third.err("SET lock_timeout = '50ms'; LOCK TABLE app.locations IN ROW SHARE MODE").await, "55P03");
}

#[tokio::test]
async fn values_elsewhere_that_are_keys_are_found_and_not_shown() {
    let world = world().await;
    let mut dba = world.act("postgres").await;
    dba.ok("INSERT INTO app.history (what, who) VALUES ('{\"k\": \"nothing\"}', 'nobody')").await;
    let options = Options { sample: Some(100) };
    let mut found = Vec::new();
    for (act, mend) in [
        ("SELECT 1", "SELECT 1"),
        // a published key, and a sealed one
        ("UPDATE app.history SET who = 'key-7'", "UPDATE app.history SET who = 'nobody'"),
        ("UPDATE app.history SET who = 'key-1'", "UPDATE app.history SET who = 'nobody'"),
        (
            "UPDATE app.locations SET api_key = 'open sesame 0123' WHERE id = 8; UPDATE app.history SET what = '{\"k\": [\"x open sesame 0123 y\"]}'",
            "UPDATE app.history SET what = NULL",
        ),
    ] {
        dba.ok(act).await;
        for role in ["postgres", "app_owner"] {
            let mut db = world.connect(role).await;
            dba.ok("GRANT SELECT ON app.history TO app_owner").await;
            let report = audit(&mut db, &world.manifest, options).await.unwrap();
            assert_shows_no_key(&serde_json::to_string(&report).unwrap());
            found.push(
                report.findings.iter().map(|finding| format!("{} {}", finding.id, finding.object)).collect::<Vec<_>>().join(", "),
            );
        }
        dba.ok(mend).await;
    }
    let (who, what) = ("KW316 app.history.who", "KW316 app.history.what");
    assert_eq!(found, ["", "", who, who, who, who, what, what]);
}

#[tokio::test]
async fn who_uses_the_key_column_today_is_told_by_role_look_ups_first() {
    let options =
        crate::fixture::options().setting("shared_preload_libraries", "pg_stat_statements").setting("wal_level", "logical");
    // Servers without the contributed modules don't start with it.
    let Ok(sandbox) = Sandbox::start(options) else { return };
    let world = World::on(sandbox, include_str!("sql/app.sql"), crate::fixture::MANIFEST, "shop").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE EXTENSION pg_stat_statements SCHEMA public; GRANT pg_read_all_stats TO app_owner").await;
    let mut gateway = world.act("api_gateway").await;
    for key in ["key-1", "key-2"] {
        gateway.ok(&format!("SELECT id FROM app.locations WHERE api_key = '{key}'")).await;
    }
    let mut api = world.act("api_v2").await;
    api.ok("UPDATE app.locations SET api_key = 'key-3' WHERE id = 3").await;
    api.ok("SELECT name FROM app.locations").await;
    api.ok("SELECT email FROM app.users").await;
    let of = |findings: &[Finding]| {
        let of_statements = findings.iter().filter(|finding| finding.id.starts_with("KW4"));
        of_statements.map(|finding| format!("{} {}", finding.id, finding.object)).collect::<Vec<_>>()
    };
    let expected = ["KW401 app.locations.api_key by api_gateway", "KW402 app.locations.api_key by api_v2"];
    let first = look(&world, "app_owner").await.findings;
    assert_eq!(
        of(&first).iter().filter(|line| !line.ends_with("postgres") && !line.ends_with("app_owner")).collect::<Vec<_>>(),
        expected
    );
    // the same statement has the same key in the next run
    let again = look(&world, "postgres").await.findings;
    let keys =
        |findings: &[Finding]| findings.iter().filter(|f| f.id == "KW401").map(|f| f.cache_key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&first), keys(&again));
    // a slot of another plugin than pgoutput is told along with it
    assert!(first.iter().all(|finding| finding.id != "KW315"), "control");
    dba.ok("SELECT pg_create_logical_replication_slot('spy', 'test_decoding')").await;
    assert!(look(&world, "app_owner").await.findings.iter().any(|finding| finding.id == "KW315"));
    // what a role can't see is said
    let blind = look(&world, "worker").await.findings;
    assert!(blind.iter().any(|finding| finding.id == "KW901"), "{:?}", said(&blind));
}

#[tokio::test]
async fn the_command_reports_in_every_format_and_its_exit_code_says_whether_there_is_anything() {
    let world = world().await;
    let cli = Cli::on(&world);
    cli.manifest(MANIFEST);
    let ran = cli.ends_with(0, &["audit"]);
    assert!(ran.stdout.contains("Nothing found"), "{ran:?}");
    cli.ends_with(2, &["audit", "--output", "sql"]);
    cli.ends_with(2, &["audit", "--min-severity", "fatal"]);

    let mut dba = world.act("postgres").await;
    dba.ok("CREATE VIEW app.\"od,d: %\n<view>\" AS SELECT api_key FROM app.locations; ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_insert\"").await;
    let ran = cli.ends_with(1, &["audit"]);
    assert!(
        ran.stdout.contains("error KW104")
            && ran.stdout.contains("ENABLE ALWAYS TRIGGER")
            && ran.stdout.contains("1 error, 1 note"),
        "{ran:?}"
    );
    let json: serde_json::Value = serde_json::from_str(&cli.ends_with(1, &["audit", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["schema"], "keyward/audit/v1");
    let fields: Vec<_> = json["findings"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["cache_key", "detail", "id", "object", "remedy", "severity", "title"]);
    let sarif: serde_json::Value = serde_json::from_str(&cli.ends_with(1, &["audit", "--output", "sarif"]).stdout).unwrap();
    let schema = serde_json::from_str(include_str!("sarif-2.1.0.schema.json")).unwrap();
    jsonschema::validate(&schema, &sarif).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    let junit = cli.ends_with(1, &["audit", "--output", "junit"]).stdout;
    let junit = roxmltree::Document::parse(&junit).unwrap();
    assert_eq!(junit.descendants().filter(|node| node.has_tag_name("failure")).count(), 1);
    assert!(
        junit.descendants().filter(|node| node.has_tag_name("testcase")).count() > 60,
        "what was looked for in vain is a test that passed"
    );
    let github = cli.ends_with(1, &["audit", "--output", "github"]).stdout;
    assert_eq!(github.lines().count(), 2, "{github}");
    assert!(github.starts_with("::error title=KW104 ") && github.contains("%25%0A<view>"), "{github}");

    let ran = cli.ends_with(1, &["audit", "--min-severity", "warning"]);
    assert!(ran.stdout.contains("1 below the severity asked for") && !ran.stdout.contains("KW301"), "{ran:?}");

    let ran = cli.ends_with(0, &["audit", "--explain", "kw104"]);
    assert!(ran.stdout.starts_with("KW104 error: a guard is disabled"), "{ran:?}");
    assert!(cli.ends_with(0, &["audit", "--explain"]).stdout.lines().count() > 60);
    let ran = cli.ends_with(2, &["audit", "--explain", "KW999"]);
    assert!(ran.stderr.contains("hint:"), "{ran:?}");
}

#[tokio::test]
async fn a_baseline_accepts_with_reasons_and_what_it_accepts_in_vain_is_told() {
    let world = world().await;
    let cli = Cli::on(&world);
    cli.manifest(MANIFEST);
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE VIEW app.v AS SELECT api_key FROM app.locations; CREATE INDEX lowered ON app.locations (lower(api_key))")
        .await;
    cli.ends_with(0, &["audit", "--write-baseline", "accepted.toml"]);
    let ran = cli.ends_with(2, &["audit", "--baseline", "accepted.toml"]);
    assert!(ran.stderr.contains("without a reason"), "{ran:?}");
    let draft = std::fs::read_to_string(cli.path("accepted.toml")).unwrap();
    assert_eq!(draft.matches("reason = \"\"").count(), 2, "{draft}");
    std::fs::write(cli.path("accepted.toml"), draft.replace("reason = \"\"", "reason = \"known since May\"")).unwrap();
    cli.ends_with(2, &["audit", "--write-baseline", "accepted.toml"]);
    let ran = cli.ends_with(0, &["audit", "--baseline", "accepted.toml"]);
    assert!(ran.stdout.contains("2 more accepted by the baseline"), "{ran:?}");
    // something new is reported, something old isn't; what is gone is told
    dba.ok("CREATE VIEW app.w AS SELECT api_key FROM app.locations; DROP INDEX app.lowered").await;
    let ran = cli.ends_with(1, &["audit", "--baseline", "accepted.toml", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found: Vec<_> =
        json["findings"].as_array().unwrap().iter().map(|finding| finding["cache_key"].as_str().unwrap()).collect();
    assert_eq!(found, ["KW902:KW310:app.lowered", "KW301:app.w"]);
    assert_eq!(json["accepted"], 1);
    cli.ends_with(2, &["audit", "--baseline", "nowhere.toml"]);
}
