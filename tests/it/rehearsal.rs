//! `plan --schema-file`: a plan for a schema, without its database.

use std::fs;
use std::process::Command;

use keyward::plan::Plan;

use crate::cli::{Cli, Ran};
use crate::fixture::World;

/// What `pg_dump --schema-only --create` writes around a schema.
const AROUND: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict tOkEn123\n\nSET statement_timeout = 0;\nSET of_a_newer_version = 0;\n\
SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\nCREATE DATABASE shop WITH TEMPLATE = template0;\n\
ALTER DATABASE shop OWNER TO app_owner;\n\\connect shop\n";

fn plan(cli: &Cli, code: i32, args: &[&str]) -> Ran {
    let bin_dir = std::env::var("KEYWARD_TEST_BIN_DIR").ok();
    let mut all = vec!["plan", "--schema-file", "schema.sql"];
    all.extend(args);
    all.extend(bin_dir.iter().flat_map(|dir| ["--bin-dir", dir]));
    cli.ends_with(code, &all)
}

fn steps(ran: &Ran) -> Vec<(String, String)> {
    let plan: Plan = serde_json::from_str(&ran.stdout).unwrap();
    plan.steps.into_iter().map(|step| (step.id, step.sql)).collect()
}

#[tokio::test]
async fn a_plan_for_a_dump_is_the_plan_for_the_database() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let superuser = world.sandbox.url_as("postgres", "shop");
    let live = steps(&cli.ends_with(0, &["plan", "--output", "json", "--database-url", &superuser]));
    assert!(live.len() > 50);

    // by hand: the schema of the fixture, its roles left out as a dump leaves them out
    let (_, schema) = include_str!("sql/app.sql").split_once("\\connect shop\n").unwrap();
    let body = keyward::parse::split(schema).unwrap();
    let body: Vec<_> = body.into_iter().filter(|statement| !statement.contains("INSERT INTO")).collect();
    let body = body.join(";\n") + ";\n";
    fs::write(cli.path("schema.sql"), format!("{AROUND}{body}\n\\unrestrict tOkEn123\n")).unwrap();
    let ran = plan(&cli, 0, &["--output", "json"]);
    assert_eq!(steps(&ran), live);
    assert!(ran.stderr.contains("planned for schema.sql on PostgreSQL"), "{ran:?}");

    // and as the server's own tool writes it, where that is here and not older than the server
    let dump = Command::new("pg_dump").args(["--schema-only", "-d", &superuser]).output();
    if let Ok(dump) = dump.map_err(drop).and_then(|dump| if dump.status.success() { Ok(dump.stdout) } else { Err(()) }) {
        fs::write(cli.path("schema.sql"), dump).unwrap();
        assert_eq!(steps(&plan(&cli, 0, &["--output", "json"])), live);
    }

    // and as migrations make it, in the order of their numbers: the last first by name, an undo beside it
    fs::remove_file(cli.path("schema.sql")).unwrap();
    fs::create_dir(cli.path("schema.sql")).unwrap();
    let half = body.find("CREATE TABLE").unwrap();
    let roles = "BEGIN; SET LOCAL search_path = 'app'; DO $$ BEGIN CREATE ROLE reporting; END $$; GRANT api_v1 TO reporting; REVOKE api_v1 FROM reporting; \
                 DROP ROLE reporting; COMMIT;";
    for (name, text) in [
        ("V2__b.sql", &body[..half]),
        ("V10__c.sql", &format!("SET SESSION AUTHORIZATION 'app_owner';\n{}", &body[half..])),
        ("U10__c.sql", "DROP SCHEMA app CASCADE;"),
        ("V11__d.sql", roles),
        (
            "V12__e.sql",
            "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p;\nCOPY app.users FROM stdin;\n1\n\\.\nLOCK app.users;\n",
        ),
    ] {
        fs::write(cli.path("schema.sql").join(name), text).unwrap();
    }
    assert_eq!(steps(&plan(&cli, 0, &["--output", "json"])), live);
    fs::write(cli.path("schema.sql").join("V13__f.sql"), "DROP TABLE app.locations CASCADE;").unwrap();
    plan(&cli, 2, &[]);
    fs::remove_file(cli.path("schema.sql").join("V13__f.sql")).unwrap();

    // a pipeline asks whether anything is in the way; nothing of it reaches a database
    plan(&cli, 1, &["--check", "--database-url", "postgres://nobody@127.0.0.1:1/none"]);
    plan(&cli, 2, &["--out", "plan.json"]);
}

#[tokio::test]
async fn a_migration_is_tried_with_the_schema_of_the_live_database_and_none_of_its_rows() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    let superuser = world.sandbox.url_as("postgres", "shop");
    // The server's own pg_dump must be here, and not older than the server.
    let has_pg_dump =
        Command::new("pg_dump").args(["--schema-only", "-d", &superuser]).output().is_ok_and(|ran| ran.status.success());
    let mut db = world.act("postgres").await;
    db.ok("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; \
           CREATE USER MAPPING FOR api_v1 SERVER s OPTIONS (password 'loc_hidden')")
        .await;
    let full = "DO $$ BEGIN IF EXISTS (SELECT FROM app.locations) OR EXISTS (SELECT FROM keyward.vault_location_api_key) \
                OR EXISTS (SELECT FROM pg_user_mapping) THEN RAISE 'it has rows'; END IF; END $$;\n";
    fs::write(
        cli.path("1.sql"),
        format!("{full}ALTER TABLE app.locations ADD COLUMN extra text;\nALTER TABLE app.users ALTER COLUMN id TYPE text;\n"),
    )
    .unwrap();
    let bin_dir = std::env::var("KEYWARD_TEST_BIN_DIR").ok();
    let mut args = vec!["lint", "--trace", "--no-hazards", "--output", "json", "1.sql", "--database-url", &superuser];
    args.extend(bin_dir.iter().flat_map(|dir| ["--bin-dir", dir]));
    if !has_pg_dump {
        let ran = cli.ends_with(2, &args);
        assert!(ran.stderr.contains("pg_dump"), "{ran:?}");
        return;
    }
    let ran = cli.ends_with(1, &args);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let trace = report["trace"].as_array().unwrap();
    assert_eq!(trace.len(), 3, "{trace:#?}");
    assert!(trace[0]["failure"].is_null(), "{trace:#?}");
    assert!(trace[1]["locks"][0]["table"] == "app.locations" && trace[1]["failure"].is_null(), "{trace:#?}");
    assert!(ran.stderr.contains("with the schema of shop, which is on PostgreSQL"), "{ran:?}");
    for secret in ["loc_hidden", "key-of-"] {
        assert!(!format!("{ran:?}").contains(secret), "{secret}");
    }
    // who may not read a table is told so, and what to do
    let mut as_api = args.clone();
    let url = world.sandbox.url_as("api_v1", "shop");
    let at = as_api.iter().position(|arg| *arg == superuser).unwrap();
    as_api[at] = &url;
    let ran = cli.ends_with(4, &as_api);
    assert!(ran.stderr.contains("can't be dumped") && ran.stderr.contains("hint:"), "{ran:?}");
    // control: the live database has rows
    assert!(db.get::<bool>("SELECT EXISTS (SELECT FROM app.locations) AS v").await);
}

#[tokio::test]
async fn a_schema_that_does_not_fit_or_load_is_told_with_its_statement() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let said = |text: &str, said: &str| {
        fs::write(cli.path("schema.sql"), text).unwrap();
        let ran = plan(&cli, 2, &[]);
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    };
    said("CREATE SCHEMA app; CREATE TABLE app.accounts (id nothing);", "line 1 of schema.sql failed");
    said("CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint);", "the manifest doesn't fit the database");
    said("SELECT 1;\n\\copy a from 'b'", "line 2 of schema.sql: \\copy is a command of psql's");
    said("SELECT 1;\nCREATE TABEL x ();", "line 2 of schema.sql failed");
    fs::remove_file(cli.path("schema.sql")).unwrap();
    let ran = plan(&cli, 2, &[]);
    assert!(ran.stderr.contains("there is no schema.sql"), "{ran:?}");
}
