//! `keyward verify`: everything holds on an applied database, a planted hole is found by the control that it opens, and nothing is left behind.

use std::collections::BTreeSet;
use std::process::Command;

use keyward::ident::Ident;
use keyward::report::{self, Paint, json};
use keyward::verify::{self, Options, Outcome, Report};
use serde_json::Value;

use crate::fixture::{Actor, World};
use Outcome::{Bypassed, Silent, Stopped};

pub(crate) async fn run(world: &World, role: &str, options: &Options) -> Report {
    let mut db = world.connect(role).await;
    verify::verify(&mut db, &world.manifest, options, &mut |_| {})
        .await
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.hint()))
}

/// Only some of the probes.
pub(crate) fn only(ids: &[&str]) -> Options {
    Options::new().only(ids.iter().map(|id| (*id).to_owned()).collect())
}

pub(crate) fn all_ok(report: &Report, skipped: &[&str]) {
    let failures: Vec<_> = report.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let found: BTreeSet<_> =
        report.probes.iter().filter(|verdict| verdict.outcome == Outcome::Skipped).map(|verdict| verdict.id.as_str()).collect();
    let reasons: Vec<_> = report
        .probes
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Skipped)
        .map(|verdict| (&verdict.id, &verdict.message))
        .collect();
    assert_eq!(found, skipped.iter().copied().collect(), "{reasons:#?}");
    assert!(report.probes.iter().any(|verdict| verdict.ok), "something was tried");
}

/// What needs a superuser.
const SUPERUSERS: &[&str] = &[
    "key_replica_role",
    "role_owner",
    "role_table_owner",
    "role_ui",
    "vault_read_all_data",
    "write_all_data",
    "write_bypass_rls",
    "write_replica_delete",
    "write_replica_role",
];

/// The probes of the application's tables that a server must be new enough for, and how new.
fn of_newer_servers() -> Vec<(String, u32)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/probe");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("-- {name}: "))).unwrap_or_default();
        let since = field("where").split(", ").find_map(|fact| match fact {
            "merge" => Some(15),
            "merge_returning" => Some(17),
            "old_returning" => Some(18),
            _ => None,
        });
        found.extend(since.map(|since| (field("id").to_owned(), since)));
    }
    found
}

/// Everything that the database holds, and who holds what in it: each table's rows, the catalogue, the roles.
pub(crate) async fn everything(world: &World, moved: &[String]) -> Vec<String> {
    let mut dba = world.act("postgres").await;
    let tables: Vec<String> = dba
        .get(
            "SELECT jsonb_agg(format('%I.%I', n.nspname, c.relname) ORDER BY 1) AS v FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
              WHERE c.relkind = 'r'
                AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
                AND (n.nspname <> 'pg_catalog' OR c.relname IN ('pg_authid', 'pg_auth_members', 'pg_namespace', 'pg_proc', 'pg_trigger', 'pg_policy', 'pg_rewrite',
                     'pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_db_role_setting', 'pg_default_acl', 'pg_inherits'))"
        )
        .await;
    let mut lines = Vec::new();
    for table in tables {
        // a namespace for temporary objects that another session has made is not ours
        let sum: Option<String> = dba
            .get(&format!(
                "SELECT (SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {table} AS t WHERE t::text !~ 'pg_(toast_)?temp') AS v"
            ))
            .await;
        lines.push(format!("{table} {}", sum.unwrap_or_default()));
    }
    let sequences: Vec<String> = dba
        .get("SELECT jsonb_agg(format('%I.%I %s', schemaname, sequencename, last_value) ORDER BY 1) AS v FROM pg_sequences")
        .await;
    lines.extend(sequences.into_iter().filter(|line| !moved.iter().any(|name| line.starts_with(&format!("{name} ")))));
    let locks: i64 = dba.get("SELECT count(*) AS v FROM pg_locks WHERE locktype = 'advisory'").await;
    lines.push(format!("advisory locks {locks}"));
    lines
}

/// The database as `pg_dump` writes it, without the sequences that moved; `None` where there is none of the server's version.
pub(crate) fn dump(world: &World, moved: &[String]) -> Option<String> {
    let output =
        Command::new("pg_dump").args(["--inserts", "-d", &world.sandbox.url_as("postgres", &world.database)]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    // newer ones write a random word into \restrict
    let kept =
        text.lines().filter(|line| !line.contains("restrict ") && !moved.iter().any(|name| line.contains(&format!("'{name}'"))));
    Some(kept.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn on_a_clean_database_every_attack_fails_and_nothing_is_left_behind() {
    let world = World::applied().await;
    world.opt_in("1").await;
    world.act("postgres").await.ok("ANALYZE").await;
    let moved = ["keyward.event_id_seq".to_owned(), "keyward.setting_change_id_seq".to_owned()];
    let before = (everything(&world, &moved).await, dump(&world, &moved));
    let mut db = world.connect("postgres").await;
    let report = verify::verify(&mut db, &world.manifest, &Options::new(), &mut |_| {}).await.unwrap();
    all_ok(&report, &[]);
    assert!(report.sequences.iter().all(|name| moved.contains(name)), "{:?}", report.sequences);
    let vectors: BTreeSet<_> = report.probes.iter().map(|verdict| verdict.id.as_str()).collect();
    assert!(vectors.len() > 100, "{}", vectors.len());
    for (probe, since) in of_newer_servers() {
        assert_eq!(vectors.contains(probe.as_str()), world.has(since, &probe), "{probe}");
    }
    for role in ["api_v1", "api_v2", "legacy_login", "app_ui"] {
        assert!(report.probes.iter().any(|verdict| verdict.role == role), "{role}");
    }
    // the session is as it was, too
    let mut session = Actor(db);
    for (query, expected) in [
        ("SELECT count(*)::text AS v FROM pg_prepared_statements WHERE name = 'keyward_probe'", "0"),
        ("SELECT current_user || ' ' || session_user AS v", "postgres postgres"),
        (
            "SELECT current_setting('search_path') || ' ' || current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') AS v",
            "pg_catalog 0 0",
        ),
    ] {
        assert_eq!(session.get::<String>(query).await, expected);
    }
    assert_eq!((everything(&world, &moved).await, dump(&world, &moved)), before);

    // as the owner of the tables, who is no superuser and may act as the others
    let mut dba = world.act("postgres").await;
    let skipped = run(&world, "app_owner", &only(&["read_column", "write_delete"])).await;
    assert!(skipped.probes.iter().all(|verdict| verdict.outcome == Outcome::Skipped && verdict.message.contains("GRANT ")));
    let options = if world.sandbox.version().major() >= 16 { " WITH INHERIT FALSE, SET TRUE" } else { "" };
    dba.ok(&format!("GRANT api_v1, api_v2, legacy_login, app_ui, api_gateway TO app_owner{options}")).await;
    let report = run(&world, "app_owner", &Options::new()).await;
    // up to 15 it inherits what it may act as, and is held itself
    let mut expected = SUPERUSERS.to_vec();
    if options.is_empty() {
        expected.push("write_null");
    }
    all_ok(&report, &expected);
    assert_eq!(report.acted_by, "SET ROLE");
}

/// A hole: how it is made and mended, and the probe that finds it, with what it says.
struct Hole {
    make: String,
    mend: String,
    id: &'static str,
    outcome: Outcome,
}

fn hole(make: &str, mend: &str, id: &'static str, outcome: Outcome) -> Hole {
    Hole { make: make.to_owned(), mend: mend.to_owned(), id, outcome }
}

/// Triggers of keyward's that are disabled, or fire only in some sessions.
fn triggers(entry: &str, names: &[&str], how: &str, id: &'static str, outcome: Outcome) -> Hole {
    let table = if entry == "legacy_users" { "users" } else { "locations" };
    let all = |how: &str| {
        let each = names.iter().map(|name| format!("ALTER TABLE app.{table} {how} TRIGGER \"~keyward_{entry}_{name}\"; "));
        each.collect::<String>()
    };
    Hole { make: all(how), mend: all("ENABLE ALWAYS"), id, outcome }
}

/// Ways for a key to come about; `guard` is the guard's source.
fn key_holes(guard: &str) -> Vec<Hole> {
    let nothing =
        "CREATE OR REPLACE FUNCTION keyward.withhold_location_api_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                   SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$";
    let key = |names: &[&str], how, id, outcome| triggers("location_api_key", names, how, id, outcome);
    vec![
        key(&["withhold_insert"], "DISABLE", "key_insert", Stopped),
        key(&["withhold_insert", "assert_insert"], "DISABLE", "key_insert", Bypassed),
        key(&["withhold_update"], "DISABLE", "key_sealed", Bypassed),
        key(&["assert_insert"], "DISABLE", "key_later_trigger", Bypassed),
        key(&["assert_update"], "DISABLE", "key_later_update_trigger", Bypassed),
        key(&["assert_insert"], "ENABLE REPLICA", "key_later_trigger", Bypassed),
        key(&["withhold_insert", "assert_insert"], "ENABLE", "key_replica_role", Bypassed),
        hole(nothing, guard, "key_update", Stopped),
        hole(nothing, guard, "key_sealed", Bypassed),
        hole("UPDATE keyward.policy SET mode = 'off'", "UPDATE keyward.policy SET mode = 'enforce'", "key_copy_from", Bypassed),
        hole("UPDATE keyward.policy SET mode = 'off'", "UPDATE keyward.policy SET mode = 'enforce'", "read_star", Bypassed),
        hole(
            "CREATE TABLE app.branch () INHERITS (app.locations); GRANT ALL ON app.branch TO api_v1, api_v2, app_ui",
            "DROP TABLE app.branch",
            "key_child",
            Bypassed,
        ),
    ]
}

/// Ways to a key that is there.
fn read_holes() -> Vec<Hole> {
    let vault = |what: &str| format!("ALTER TABLE keyward.vault_location_api_key {what} ROW LEVEL SECURITY");
    vec![
        hole(
            "GRANT TRIGGER ON app.locations TO api_v2",
            "REVOKE TRIGGER ON app.locations FROM api_v2",
            "read_trigger_privilege",
            Bypassed,
        ),
        hole(
            "GRANT REFERENCES ON app.locations TO PUBLIC",
            "REVOKE REFERENCES ON app.locations FROM PUBLIC",
            "read_references",
            Bypassed,
        ),
        hole(&vault("DISABLE"), &vault("ENABLE"), "vault_granted", Bypassed),
        hole(&vault("NO FORCE"), &vault("FORCE"), "read_failing_id", Bypassed),
        hole(
            "CREATE POLICY hole ON keyward.vault_location_api_key FOR SELECT USING (true)",
            "DROP POLICY hole ON keyward.vault_location_api_key",
            "vault_read_all_data",
            Bypassed,
        ),
        hole("GRANT app_ui TO api_v2", "REVOKE app_ui FROM api_v2", "role_ui", Bypassed),
        hole("GRANT app_ui TO api_v2", "REVOKE app_ui FROM api_v2", "vault_reveal", Bypassed),
        hole("GRANT keyward_owner TO api_v1", "REVOKE keyward_owner FROM api_v1", "role_owner", Bypassed),
        hole(
            "GRANT EXECUTE ON FUNCTION keyward.authenticate_location_api_key(text) TO api_v2",
            "REVOKE EXECUTE ON FUNCTION keyward.authenticate_location_api_key(text) FROM api_v2",
            "vault_authenticate",
            Bypassed,
        ),
        hole(
            "GRANT SELECT, UPDATE ON keyward.account_setting TO api_v2; CREATE POLICY hole ON keyward.account_setting USING (true)",
            "REVOKE SELECT, UPDATE ON keyward.account_setting FROM api_v2; DROP POLICY hole ON keyward.account_setting",
            "setting_update",
            Bypassed,
        ),
        hole(
            "GRANT UPDATE ON keyward.policy TO api_v2",
            "REVOKE UPDATE ON keyward.policy FROM api_v2",
            "setting_policy",
            Bypassed,
        ),
    ]
}

/// Ways for the legacy role to write; `guard` is the guard's source.
fn write_holes(guard: &str) -> Vec<Hole> {
    let dead = "CREATE OR REPLACE FUNCTION keyward.deny_legacy_users() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp AS $$ BEGIN IF current_user = 'api_v1' THEN RAISE EXCEPTION USING ERRCODE = 'KW002'; END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$";
    let write = |names: &[&str], how, id, outcome| triggers("legacy_users", names, how, id, outcome);
    // a defence that works, and that nobody hears of
    let mut silent = write(&["delete"], "DISABLE", "write_delete", Silent);
    silent.make.push_str(
        "CREATE POLICY quiet ON app.users AS RESTRICTIVE FOR DELETE TO api_v1 USING (NOT keyward.is_enabled(account_id))",
    );
    silent.mend.push_str("DROP POLICY quiet ON app.users");
    vec![
        write(&["delete"], "DISABLE", "write_delete", Bypassed),
        write(&["delete"], "DISABLE", "write_cascade_delete", Bypassed),
        write(&["delete"], "ENABLE", "write_replica_delete", Bypassed),
        write(&["insert", "assert_insert"], "DISABLE", "write_definer_insert", Bypassed),
        write(&["update", "assert_update"], "DISABLE", "write_hop_out", Bypassed),
        write(&["update", "assert_update"], "DISABLE", "write_cascade_update", Bypassed),
        write(&["truncate"], "DISABLE", "write_truncate_granted", Bypassed),
        hole(
            "GRANT TRIGGER ON app.users TO PUBLIC",
            "REVOKE TRIGGER ON app.users FROM PUBLIC",
            "write_trigger_privilege",
            Bypassed,
        ),
        hole(dead, guard, "write_delete", Bypassed),
        silent,
    ]
}

#[tokio::test]
async fn a_planted_hole_is_found_by_the_attack_that_goes_through_it() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let source = async |dba: &mut Actor, name: &str| -> String {
        dba.get(&format!("SELECT pg_get_functiondef('keyward.{name}()'::regprocedure) AS v")).await
    };
    let mut holes = key_holes(&source(&mut dba, "withhold_location_api_key").await);
    holes.extend(read_holes());
    holes.extend(write_holes(&source(&mut dba, "deny_legacy_users").await));
    let control = |id: &str| match id.split('_').next() {
        Some("key") => "no_automatic_key",
        Some("write") => "no_legacy_writes",
        _ => "no_key_in_responses",
    };
    for Hole { make, mend, id, outcome } in holes {
        // where there is no child, there is nothing to try
        if id != "key_child" {
            all_ok(&run(&world, "postgres", &only(&[id])).await, &[]);
        }
        dba.ok(&make).await;
        let report = run(&world, "postgres", &only(&[id])).await;
        let found = report
            .failures()
            .any(|verdict| verdict.outcome == outcome && verdict.control.as_str() == control(id) && !verdict.remedy.is_empty());
        assert!(found, "{make}\n{:#?}", report.probes);
        let text = report::verify::text(&report, Paint::plain());
        assert!(text.contains(outcome.as_str()) && text.contains("close it:"), "{text}");
        dba.ok(&mend).await;
    }
    all_ok(&run(&world, "postgres", &Options::new().gentle(true)).await, &["read_statistics"]);
}

#[tokio::test]
async fn a_control_that_fails_proves_nothing() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let options = || only(&["key_insert", "read_star", "read_copy_to", "write_delete", "write_definer_delete"]);
    all_ok(&run(&world, "postgres", &options()).await, &[]);
    // denied, but not by keyward
    dba.ok("REVOKE USAGE ON SCHEMA app FROM api_v1, api_v2").await;
    let report = run(&world, "postgres", &options()).await;
    for verdict in report.probes.iter().filter(|verdict| verdict.role.starts_with("api_")) {
        let lent = verdict.id == "write_definer_delete";
        assert_eq!(verdict.outcome == Outcome::Skipped, !lent, "{verdict:#?}");
        assert_eq!(verdict.ok, lent, "{verdict:#?}");
        assert!(lent || verdict.message.contains("permission denied for schema app (42501)"), "{verdict:#?}");
    }
    dba.ok("GRANT USAGE ON SCHEMA app TO api_v1, api_v2; REVOKE DELETE ON app.users FROM api_v1").await;
    let report = run(&world, "postgres", &options()).await;
    let delete = report.probes.iter().find(|verdict| verdict.id == "write_delete" && verdict.role == "api_v1").unwrap();
    assert!(delete.outcome == Outcome::Skipped && delete.message.contains("permission denied for table users"), "{delete:#?}");
}

#[tokio::test]
async fn no_output_holds_a_key_even_where_every_attack_gets_through() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE keyward.policy SET mode = 'off'; CREATE FUNCTION app.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF current_setting('role') = 'none' AND session_user = 'api_v2' THEN RAISE EXCEPTION 'no: %', NEW USING ERRCODE = '42501', DETAIL = NEW::text, HINT = NEW::text; END IF;
              RETURN NEW; END $$; CREATE TRIGGER shout BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.shout()")
        .await;
    let report = run(&world, "postgres", &Options::new().gentle(true)).await;
    // not one of the keys' attacks and the legacy role's writes fails any more, but for want of a privilege
    for verdict in &report.probes {
        let lacks = verdict.sqlstate.as_deref() == Some("42501")
            || ["23502", "0A000"].contains(&verdict.sqlstate.as_deref().unwrap_or_default());
        let vault = verdict.id.starts_with("vault_") || ["read_prepared", "read_statistics"].contains(&verdict.id.as_str());
        assert!(verdict.outcome == Outcome::Bypassed || lacks || vault || verdict.role == "api_v2", "{verdict:#?}");
    }
    let key = regex::Regex::new("loc_[0-9a-f]{6}|key-[0-9]|kwprobe").unwrap();
    for output in [
        json::document(&report).unwrap(),
        report::verify::text(&report, Paint::plain()),
        report::verify::text(&report, Paint::new(true)),
        format!("{report:?}"),
    ] {
        assert!(
            !key.is_match(&output),
            "{:?}",
            key.find(&output).map(|found| output[found.start().saturating_sub(200)..found.end()].to_owned())
        );
    }
    let document: Value = serde_json::from_str(&json::document(&report).unwrap()).unwrap();
    assert_eq!(document["schema"], "keyward/verify/v1");
    for field in ["id", "control", "role", "vector", "outcome", "ok", "sqlstate", "message"] {
        assert!(document["probes"][0].get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn what_others_hold_is_left_to_them() {
    let world = World::applied().await;
    let mut other = world.act("api_v2").await;
    // every row of the application, and so no strong lock on the table
    other
        .ok("BEGIN; SELECT FROM app.accounts FOR UPDATE; UPDATE app.locations SET name = name; SELECT FROM app.users FOR UPDATE")
        .await;
    let report =
        run(&world, "postgres", &only(&["key_insert", "key_hop_in", "read_returning", "write_delete", "key_later_trigger"]))
            .await;
    for verdict in &report.probes {
        let strong = verdict.id == "key_later_trigger";
        assert_eq!(verdict.outcome == Outcome::Skipped, strong, "{verdict:#?}");
        assert!(!strong || verdict.message.contains("55P03"), "{verdict:#?}");
    }
    other.ok("ROLLBACK").await;
    all_ok(&run(&world, "postgres", &only(&["key_later_trigger"])).await, &[]);
}

#[tokio::test]
async fn what_can_not_be_verified_is_refused() {
    let world = World::bare().await;
    let refusal = async |role: &str, options: &Options| {
        let mut db = world.connect(role).await;
        verify::verify(&mut db, &world.manifest, options, &mut |_| {}).await.expect_err("refused")
    };
    assert!(refusal("postgres", &Options::new()).await.to_string().contains("not applied"));
    let unknown = refusal("postgres", &only(&["write_delte"])).await;
    assert!(unknown.hint().unwrap().contains("write_delete"), "{unknown}: {:?}", unknown.hint());
    world.apply().await;
    let stranger = refusal("postgres", &Options::new().roles(vec![Ident::new("worker").unwrap()])).await;
    assert!(stranger.hint().unwrap().contains("legacy_login"), "{:?}", stranger.hint());
    let report = run(&world, "postgres", &Options::new().roles(vec![Ident::new("legacy_login").unwrap()]).gentle(true)).await;
    assert!(report.probes.iter().all(|verdict| verdict.role == "legacy_login") && !report.left_out.is_empty());
}

#[tokio::test]
async fn the_command_tells_by_its_exit_code_and_keeps_data_on_stdout() {
    let world = World::applied().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyward.toml"), crate::fixture::MANIFEST).unwrap();
    let verify = |role: &str, args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_keyward"))
            .arg("verify")
            .args(args)
            .current_dir(folder.path())
            .env("DATABASE_URL", world.sandbox.url_as(role, &world.database))
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let some = ["--only", "write_delete,read_star,role_ui", "--max-skipped", "0"];
    let (code, stdout, stderr) = verify("postgres", &some);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("No attack got through") && stderr.contains("rolled back"), "{stdout}{stderr}");
    let (code, stdout, _) = verify("postgres", &[&some[..], &["--output", "json"]].concat());
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, document["probes"].as_array().unwrap().len()), (Some(0), 2 + 3 + 5));
    // more skipped than allowed, or nothing but skipped
    let mut dba = world.act("postgres").await;
    assert_eq!(verify("app_owner", &some[..2]).0, Some(1));
    dba.ok("GRANT api_v1, api_v2, legacy_login TO app_owner").await;
    assert_eq!(verify("app_owner", &some[..2]).0, Some(0));
    let (code, stdout, stderr) = verify("app_owner", &some);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("only a superuser can be another login") && stderr.contains("5 probes skipped"), "{stdout}{stderr}");
    // got through
    dba.ok("ALTER TABLE app.users DISABLE TRIGGER USER").await;
    let (code, stdout, _) = verify("postgres", &["--only", "write_delete", "--role", "api_v1"]);
    assert_eq!(code, Some(1));
    assert!(stdout.starts_with("bypassed: DELETE, as api_v1 on app.users"), "{stdout}");
    // the rest
    let (code, stdout, _) = verify("postgres", &["--list"]);
    assert!(code == Some(0) && stdout.lines().count() > 140, "{stdout}");
    assert_eq!(verify("postgres", &["--only", "nonsense"]).0, Some(2));
    assert_eq!(verify("postgres", &["--set", "tenant"]).0, Some(2));
    dba.ok("DROP SCHEMA keyward CASCADE").await;
    assert_eq!(verify("postgres", &[]).0, Some(4));
}

/// The application's roles, and a manifest with one key.
const ROLES: &str = "CREATE ROLE app_owner LOGIN CREATEROLE; CREATE ROLE app_ui LOGIN; CREATE ROLE api LOGIN; CREATE ROLE legacy LOGIN; CREATE ROLE gate LOGIN;
CREATE DATABASE shop OWNER app_owner;
\\connect shop
SET ROLE app_owner; CREATE SCHEMA app;
";
const GRANTS: &str =
    "GRANT USAGE ON SCHEMA app TO app_ui, api, legacy; GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api, legacy;";

pub(crate) async fn shape(ddl: &str, accounts: &str, entries: &str) -> World {
    let manifest = format!(
        "version = 1\n[setting]\ncutover = 2024-06-17T00:00:00Z\n[roles]\nui = ['app_ui']\napi = ['api']\nauth = ['gate']\n[accounts]\n{accounts}\n{entries}"
    );
    let world = World::with(&format!("{ROLES}{ddl} {GRANTS}"), &manifest, "shop").await;
    world.apply().await;
    world
}

#[tokio::test]
async fn a_key_that_moved_in_is_found_in_the_statistics_until_they_are_taken_anew() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let (mut dba, probe) = (world.act("postgres").await, only(&["read_statistics"]));
    dba.ok("ANALYZE app.locations").await;
    all_ok(&run(&world, "postgres", &probe).await, &[]);
    world.act("api_v2").await.ok("UPDATE app.locations SET account_id = 1 WHERE id = 2").await;
    let report = run(&world, "postgres", &probe).await;
    assert!(report.failures().any(|verdict| verdict.outcome == Outcome::Bypassed), "{:#?}", report.probes);
    dba.ok("ANALYZE app.locations").await;
    all_ok(&run(&world, "postgres", &probe).await, &[]);
}

#[tokio::test]
async fn uuids_and_what_a_table_demands_are_honoured() {
    let world = shape(
        "CREATE TYPE app.kind AS ENUM ('big', 'small'); CREATE DOMAIN app.email AS text CHECK (VALUE ~ '^[^@]+@[^@]+$');
         CREATE TABLE app.accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug varchar(12) NOT NULL UNIQUE, kind app.kind NOT NULL, CHECK (slug = lower(slug)));
         CREATE TABLE app.locations (id uuid PRIMARY KEY, account uuid NOT NULL REFERENCES app.accounts ON DELETE CASCADE, code integer NOT NULL, api_key uuid UNIQUE,
             area numeric GENERATED ALWAYS AS (code * 2) STORED, tags text[] NOT NULL, at timestamptz NOT NULL, extra jsonb NOT NULL, UNIQUE (account, code));
         CREATE TABLE app.users (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account uuid NOT NULL REFERENCES app.accounts ON DELETE CASCADE, email app.email NOT NULL);
         CREATE UNIQUE INDEX ON app.users (lower(email));
         INSERT INTO app.accounts (slug, kind) VALUES ('one', 'big'), ('two', 'small');
         INSERT INTO app.locations SELECT gen_random_uuid(), id, 7, gen_random_uuid(), DEFAULT, '{}', now(), '{}' FROM app.accounts;
         INSERT INTO app.users (account, email) SELECT id, slug || '@example.com' FROM app.accounts;"
            .replace("DEFAULT, '{}', now()", "'{}', now()")
            .replace("INSERT INTO app.locations SELECT", "INSERT INTO app.locations (id, account, code, api_key, tags, at, extra) SELECT")
            .as_str(),
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'api_key'\naccount = 'account'\non_insert = 'reject'\n
         [[writes]]\nname = 'u'\ntable = 'app.users'\naccount = 'account'\nroles = ['legacy']\nrls = true\n",
    )
    .await;
    all_ok(&run(&world, "postgres", &Options::new()).await, &["read_statistics"]);
}

#[tokio::test]
async fn odd_names_text_ids_and_a_key_that_hangs_on_another_table_are_attacked_as_well() {
    let world = shape(
        r#"CREATE TABLE app."The accounts" ("Account ID" text COLLATE "C" PRIMARY KEY);
           CREATE TABLE app."si""tes" ("select" text PRIMARY KEY, "from" text REFERENCES app."The accounts" ON DELETE CASCADE ON UPDATE CASCADE);
           CREATE TABLE app.locations (id smallint PRIMARY KEY, "My site" text REFERENCES app."si""tes" ON DELETE CASCADE ON UPDATE CASCADE, "API key" varchar(40) NOT NULL UNIQUE);
           CREATE TABLE app.notes (id char(20) PRIMARY KEY, site text NOT NULL REFERENCES app."si""tes" ON DELETE CASCADE);
           INSERT INTO app."The accounts" VALUES ('o''ne'), ('two'); INSERT INTO app."si""tes" VALUES ('s1', 'o''ne'), ('s2', 'two');
           INSERT INTO app.locations VALUES (11, 's1', 'key-1'), (12, 's2', 'key-2'); INSERT INTO app.notes VALUES ('a', 's1');"#,
        "table = 'app.\"The accounts\"'\nid = 'Account ID'",
        "[[keys]]\nname = 'k'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'API key'\naccount = { column = 'My site', via = 'app.\"si\"\"tes\"', id = 'select', account = 'from' }\ngenerate = { bytes = 16 }\n
         [[writes]]\nname = 'n'\ntable = 'app.notes'\naccount = { column = 'site', via = 'app.\"si\"\"tes\"', id = 'select', account = 'from' }\nroles = ['legacy']\n",
    )
    .await;
    let report = run(&world, "postgres", &Options::new()).await;
    all_ok(&report, &["read_statistics"]);
    for id in ["key_hop_via", "read_hop_via", "write_hop_via_in", "write_hop_via_out"] {
        assert!(report.probes.iter().any(|verdict| verdict.id == id && verdict.ok), "{id}");
    }
    // the guard of the table that the rows hang on
    world.act("postgres").await.ok(r#"ALTER TABLE app."si""tes" DISABLE TRIGGER USER"#).await;
    let report = run(&world, "postgres", &only(&["key_hop_via", "write_hop_via_in"])).await;
    for id in ["key_hop_via", "write_hop_via_in"] {
        assert!(
            report.failures().any(|verdict| verdict.id == id && verdict.outcome == Outcome::Bypassed),
            "{id}: {:#?}",
            report.probes
        );
    }
}

#[tokio::test]
async fn a_key_in_the_accounts_table_itself_is_attacked_as_well() {
    let world = shape(
        "CREATE TABLE app.accounts (id bigint PRIMARY KEY, name text NOT NULL, secret text UNIQUE, other text); INSERT INTO app.accounts VALUES (1, 'a', 'key-1', 'other-1'), (2, 'b', 'key-2', 'other-2');",
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.accounts'\nid = 'id'\ncolumn = 'secret'\naccount = 'id'\n[[keys]]\nname = 'o'\ntable = 'app.accounts'\nid = 'id'\ncolumn = 'other'\naccount = 'id'\n[[writes]]\nname = 'a'\ntable = 'app.accounts'\naccount = 'id'\nroles = ['legacy']\nrls = true\n",
    )
    .await;
    all_ok(&run(&world, "postgres", &Options::new()).await, &["read_statistics"]);
    // accounts that are enabled at birth
    world.act("postgres").await.ok("UPDATE keyward.policy SET new_accounts_enabled = true, default_enabled = true").await;
    all_ok(&run(&world, "postgres", &Options::new().gentle(true)).await, &["read_statistics"]);
}

#[tokio::test]
async fn partitions_are_attacked_directly_on_accounts_that_have_one() {
    let world = shape(
        "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
         CREATE TABLE app.locations (id bigint NOT NULL, account bigint, api_key text) PARTITION BY LIST (account);
         CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES IN (1); CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (2);
         CREATE INDEX ON app.locations (id); CREATE INDEX ON app.locations (account);
         CREATE TABLE app.users (id bigint NOT NULL, account bigint NOT NULL) PARTITION BY HASH (account);
         CREATE TABLE app.users_0 PARTITION OF app.users FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE app.users_1 PARTITION OF app.users FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2'); INSERT INTO app.users VALUES (1, 1), (2, 2);",
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'api_key'\naccount = 'account'\n[[writes]]\nname = 'u'\ntable = 'app.users'\naccount = 'account'\nroles = ['legacy']\n",
    )
    .await;
    let report = run(&world, "postgres", &Options::new()).await;
    let there_are_two = [
        "setting_opt_out",
        "setting_definer",
        "vault_publish",
        "key_hop_in",
        "key_hop_in_with_key",
        "read_hop_out",
        "setting_reborn",
        "read_statistics",
    ];
    let skipped: BTreeSet<_> = report.probes.iter().filter(|v| v.outcome == Outcome::Skipped).map(|v| v.id.as_str()).collect();
    assert!(report.failures().next().is_none(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert!(skipped.is_subset(&there_are_two.into()), "{skipped:?}");
    for id in ["key_partition", "write_partition", "write_partition_insert"] {
        assert!(report.probes.iter().any(|verdict| verdict.id == id && verdict.ok), "{id}");
    }
    world
        .act("postgres")
        .await
        .ok("ALTER TABLE app.locations_1 DISABLE TRIGGER USER; ALTER TABLE app.locations_2 DISABLE TRIGGER USER")
        .await;
    let report = run(&world, "postgres", &only(&["key_partition"])).await;
    assert!(
        report.failures().all(|verdict| verdict.outcome == Outcome::Bypassed) && report.failures().count() > 0,
        "{:#?}",
        report.probes
    );
}

#[tokio::test]
async fn row_level_security_of_the_application_is_told_the_tenant() {
    let world = shape(
        "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
         CREATE TABLE app.locations (id bigint PRIMARY KEY, account bigint REFERENCES app.accounts, name text NOT NULL, api_key text UNIQUE);
         INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'a', 'key-1'), (12, 2, 'b', 'key-2');
         ALTER TABLE app.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE app.locations ENABLE ROW LEVEL SECURITY; ALTER TABLE app.locations FORCE ROW LEVEL SECURITY;
         CREATE POLICY tenant ON app.accounts USING (id = current_setting('app.tenant', true)::bigint);
         CREATE POLICY tenant ON app.locations USING (account = current_setting('app.tenant', true)::bigint);",
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'api_key'\naccount = 'account'\n",
    )
    .await;
    let some = ["key_insert", "read_star", "read_returning", "vault_view"];
    let blind = run(&world, "postgres", &only(&some)).await;
    assert!(blind.probes.iter().all(|verdict| verdict.outcome == Outcome::Skipped), "{:#?}", blind.probes);
    let told = vec![("app.tenant".to_owned(), "{account}".to_owned())];
    all_ok(&run(&world, "postgres", &only(&some).variables(told.clone())).await, &[]);
    let report = run(&world, "postgres", &Options::new().variables(told)).await;
    assert!(report.failures().next().is_none(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert!(report.probes.iter().filter(|verdict| verdict.ok).count() > 60);
}
