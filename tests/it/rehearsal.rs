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

    // a pipeline asks whether anything is in the way; nothing of it reaches a database
    plan(&cli, 1, &["--check", "--database-url", "postgres://nobody@127.0.0.1:1/none"]);
    plan(&cli, 2, &["--out", "plan.json"]);
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
    said("CREATE SCHEMA app; CREATE TABLE app.accounts (id nothing);", "statement 2 of schema.sql failed");
    said("CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint);", "the manifest doesn't fit the database");
    said("\\copy a from 'b'", "not a script of SQL statements");
    fs::remove_file(cli.path("schema.sql")).unwrap();
    let ran = plan(&cli, 2, &[]);
    assert!(ran.stderr.contains("can't read schema.sql"), "{ran:?}");
}
