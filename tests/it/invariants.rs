//! What holds of every object that keyward installs, read from the catalogue: a guard that is added later is held to it too.

use crate::fixture::{Actor, World};

/// Two keys and two kinds of writes, with and without a hop, so that every template is installed.
const EVERYTHING: &str = r#"
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
[[writes]]
name    = "notes"
table   = "app.notes"
account = { column = "location_id", via = "app.locations", id = "id", account = "account_id" }
roles   = ["api_v1"]
rls     = true
"#;

/// The application with two more tables, whose rows hang on a location; account 1 (odd devices and notes) is enabled.
async fn everything() -> World {
    let script = format!(
        "{}\nCREATE TABLE app.devices (id bigint PRIMARY KEY, location_id bigint, token text);
         CREATE TABLE app.notes (id bigint PRIMARY KEY, location_id bigint, body text);
         CREATE INDEX ON app.devices (location_id); CREATE INDEX ON app.notes (location_id);
         GRANT ALL ON app.devices, app.notes TO app_ui, api_v1, api_v2;
         INSERT INTO app.devices SELECT n, n, 'token-' || n FROM generate_series(1, 2) AS n;
         INSERT INTO app.notes SELECT n, n, 'note' FROM generate_series(1, 2) AS n;",
        include_str!("sql/app.sql")
    );
    let world = World::with(&script, EVERYTHING, "shop").await;
    world.apply().await;
    world.opt_in("1").await;
    world
}

/// The names that a query finds, as one line.
async fn names(dba: &mut Actor, query: &str) -> Vec<String> {
    dba.get(&format!("SELECT COALESCE(array_agg(x.name ORDER BY x.name), '{{}}') AS v FROM ({query}) AS x (name)")).await
}

#[tokio::test]
async fn every_guard_is_always_on_not_deferrable_and_in_its_place() {
    let world = everything().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
            CREATE CONSTRAINT TRIGGER zz_last AFTER INSERT ON app.users DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.touch()")
        .await;
    let all = "SELECT t.tgname::text FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
                WHERE NOT t.tgisinternal AND p.pronamespace = 'keyward'::regnamespace";
    let guards = names(&mut dba, all).await;
    assert!(guards.len() >= 33, "{guards:?}");
    for wrong in ["t.tgenabled <> 'A'", "t.tgdeferrable OR t.tgconstraint <> 0", "t.tgname !~ '^(~keyward_|!keyward_.*_stated$)'"]
    {
        assert_eq!(names(&mut dba, &format!("{all} AND ({wrong})")).await, Vec::<String>::new(), "{wrong}");
        // control: the application's own trigger is all that a guard must not be
        let theirs = format!("SELECT t.tgname::text FROM pg_trigger AS t WHERE t.tgname = 'zz_last' AND ({wrong})");
        assert_eq!(names(&mut dba, &theirs).await, ["zz_last"], "{wrong}");
    }
}

#[tokio::test]
async fn every_function_fixes_its_search_path_with_pg_temp_last_and_is_the_owners() {
    let world = everything().await;
    let mut dba = world.act("postgres").await;
    // what WHEN clauses call is another matter: see below
    let all = "SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'keyward'::regnamespace AND p.proname !~ '^(binds|seals)_'";
    let control = "CREATE FUNCTION keyward.careless() RETURNS integer LANGUAGE sql AS 'SELECT 1'";
    let functions = names(&mut dba, all).await;
    assert!(functions.len() >= 30, "{functions:?}");
    for wrong in [
        "('search_path=pg_catalog, pg_temp' = ANY (p.proconfig)) IS NOT TRUE",
        // only an owner of the table may ANALYZE it
        "p.proowner <> CASE WHEN p.proname ~ '^analyze_' THEN 'app_owner' ELSE 'keyward_owner' END::regrole",
        "p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)",
        // the caller's rights or the owner's: only what must look through the caller's row-level security runs as the caller
        "NOT p.prosecdef AND p.proname !~ '^(acts_as_ui|opt_in|opt_out|(generate|reveal|revoke)_.*|careless)$'
         OR p.prosecdef AND p.proname ~ '^(acts_as_ui|opt_in|opt_out|(generate|reveal|revoke)_.*)$'",
    ] {
        assert_eq!(names(&mut dba, &format!("{all} AND ({wrong})")).await, Vec::<String>::new(), "{wrong}");
        if !wrong.contains("prosecdef") {
            dba.ok(&format!("BEGIN; {control}")).await;
            assert_eq!(names(&mut dba, &format!("{all} AND ({wrong})")).await, ["careless"], "control: {wrong}");
            dba.ok("ROLLBACK").await;
        }
    }
}

#[tokio::test]
async fn what_when_clauses_call_runs_as_whoever_writes_and_is_the_owners() {
    let world = everything().await;
    let mut dba = world.act("postgres").await;
    let all = "SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'keyward'::regnamespace AND p.proname ~ '^(binds|seals)_'";
    assert_eq!(names(&mut dba, all).await, ["binds_legacy_users", "binds_notes", "seals_location_api_key", "seals_token"]);
    // the owner's rights, or a setting of its own, would cost every statement; PUBLIC, since the server asks the writer's right to call it
    let wrong = format!(
        "{all} AND (p.prosecdef OR p.proconfig IS NOT NULL OR p.provolatile <> 's' OR p.proowner <> 'keyward_owner'::regrole
                    OR NOT has_function_privilege('public', p.oid, 'EXECUTE'))"
    );
    assert_eq!(names(&mut dba, &wrong).await, Vec::<String>::new());
    dba.ok("BEGIN; ALTER FUNCTION keyward.seals_token() SECURITY DEFINER").await;
    assert_eq!(names(&mut dba, &wrong).await, ["seals_token"], "control");
    dba.ok("ROLLBACK").await;
}

#[tokio::test]
async fn every_vault_has_row_level_security_forced_even_on_its_owner() {
    let world = everything().await;
    let mut dba = world.act("postgres").await;
    let vaults = "SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = 'keyward'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'vault_%'";
    assert_eq!(names(&mut dba, vaults).await, ["vault_location_api_key", "vault_token"]);
    let held = format!("{vaults} AND c.relrowsecurity AND c.relforcerowsecurity");
    assert_eq!(names(&mut dba, &held).await, ["vault_location_api_key", "vault_token"]);
    // without its policy, the owner itself sees nothing
    dba.ok("BEGIN; SET LOCAL ROLE keyward_owner").await;
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key").await, 3, "control");
    dba.ok("DROP POLICY owner_moves_keys ON keyward.vault_location_api_key").await;
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key").await, 0);
    dba.ok("ROLLBACK").await;
}

/// What a superuser or a replica's applier does with triggers switched off passes every guard all the same.
#[tokio::test]
async fn replica_role_switches_off_no_guard() {
    let world = everything().await;
    let mut dba = world.act("postgres").await;
    dba.ok("SET session_replication_role = replica").await;
    let vault = "SELECT (SELECT api_key FROM keyward.vault_location_api_key WHERE id = {id}) AS v";
    dba.ok("UPDATE app.locations SET account_id = 1 WHERE id = 2").await;
    assert_eq!(dba.get::<Option<String>>(&vault.replace("{id}", "2")).await.as_deref(), Some("key-2"), "a hop seals");
    assert_eq!(dba.get::<Option<String>>("SELECT token AS v FROM app.devices WHERE id = 2").await, None, "and what hangs on it");
    dba.ok("UPDATE app.locations SET api_key = NULL WHERE id = 3").await;
    assert_eq!(dba.get::<Option<String>>(&vault.replace("{id}", "3")).await, None, "control: an account that is off");
    dba.ok("DELETE FROM app.locations WHERE id = 1").await;
    assert_eq!(dba.get::<Option<String>>(&vault.replace("{id}", "1")).await, None, "the key ends with its row");
    dba.ok("UPDATE keyward.policy SET new_accounts_enabled = true; INSERT INTO app.accounts (id, name) VALUES (700, 'new')")
        .await;
    assert!(dba.get::<bool>("SELECT keyward.is_enabled(700) AS v").await, "a new account gets its setting");
}

#[tokio::test]
async fn a_key_whose_way_to_its_account_is_cut_is_sealed() {
    let world = everything().await;
    let mut api = world.act("api_v2").await;
    let mut gateway = world.act("api_gateway").await;
    let token = "SELECT (SELECT token FROM app.devices WHERE id = 2) AS v";
    let authenticates = "SELECT count(*) AS v FROM keyward.authenticate_token('token-2')";
    for (act, open) in [
        ("UPDATE app.locations SET account_id = 3 WHERE id = 2", true),
        ("UPDATE app.locations SET account_id = 1 WHERE id = 2", false),
        ("UPDATE app.locations SET id = 2000 WHERE id = 2", false),
        ("DELETE FROM app.locations WHERE id = 2", false),
    ] {
        api.ok(&format!("BEGIN; {act}")).await;
        assert_eq!(api.get::<Option<String>>(token).await.is_some(), open, "{act}");
        api.ok("ROLLBACK").await;
    }
    api.ok("DELETE FROM app.locations WHERE id = 2").await;
    assert_eq!(gateway.get::<i64>(authenticates).await, 1, "and still authenticates");
}
