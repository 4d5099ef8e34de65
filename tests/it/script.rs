//! A plan's script: psql brings about what apply does, with the same records of it.

use std::fs;
use std::process::{Command, Output};

use crate::cli::{APPLY, Cli};
use crate::fixture::{MANIFEST, World};

/// Runs a script with the server's own psql, or the one on this machine.
fn psql(world: &World, cli: &Cli, role: &str, script: &str) -> Output {
    fs::write(cli.path("plan.sql"), script).unwrap();
    let own = world.sandbox.bin_dir().join("psql");
    let program = if own.exists() { own } else { "psql".into() };
    let url = world.sandbox.url_as(role, &world.database);
    Command::new(program)
        .args(["-X", "-q", "-d", &url, "-f"])
        .arg(cli.path("plan.sql"))
        .env_remove("PGOPTIONS")
        .output()
        .expect("psql")
}

fn ran(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What keyward recorded, as far as it doesn't depend on who or when.
async fn records(world: &World) -> serde_json::Value {
    let mut db = world.act("postgres").await;
    db.get(
        "SELECT jsonb_build_array(
            (SELECT jsonb_agg(jsonb_build_array(o.identity, o.sha256, o.definition, o.undo) ORDER BY o.position) FROM keyward.object AS o),
            (SELECT jsonb_agg(jsonb_build_array(l.version, l.manifest, l.step, l.sql, l.undo, l.accepted_risks, l.actor) ORDER BY l.id) FROM keyward.ledger AS l),
            (SELECT jsonb_agg(jsonb_build_array(m.sha256, m.document)) FROM keyward.manifest AS m),
            (SELECT jsonb_agg(jsonb_build_array(h.version, h.name, h.checksum) ORDER BY h.version) FROM keyward.schema_history AS h)) AS v",
    )
    .await
}

#[tokio::test]
async fn psql_brings_about_what_apply_does_and_records_the_same() {
    let applied = World::applied().await;
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let script = cli.ends_with(0, &["plan", "--output", "sql"]).stdout;
    ran(&psql(&world, &cli, "app_owner", &script));
    let plan = cli.ends_with(0, &["plan", "--check"]).stdout;
    assert!(plan.contains("Nothing to do"), "{plan}");
    assert_eq!(records(&world).await, records(&applied).await);
    assert_eq!(cli.ends_with(0, &["plan", "--output", "sql"]).stdout, "", "an empty plan is an empty script");

    // the setting works, and so does what comes later: a repair, another manifest, its vault emptied first
    world.opt_in("1").await;
    let mut db = world.act("postgres").await;
    db.ok("ALTER TABLE app.users DISABLE TRIGGER USER; DROP FUNCTION keyward.opt_out").await;
    let step = |cli: &Cli| cli.ends_with(0, &["plan", "--output", "sql"]).stdout;
    ran(&psql(&world, &cli, "app_owner", &step(&cli)));
    cli.ends_with(0, &["plan", "--check"]);
    for manifest in [
        MANIFEST.replace("\"location_api_key\"", "\"place_key\""),
        MANIFEST.replace("generate =", "hide = \"revoke\"\ngenerate ="),
        MANIFEST.to_owned(),
    ] {
        cli.manifest(&manifest);
        ran(&psql(&world, &cli, "app_owner", &step(&cli)));
        cli.ends_with(0, &["plan", "--check"]);
        let api: i64 = world.act("postgres").await.get("SELECT count(*) AS v FROM app.locations WHERE api_key IS NULL").await;
        assert_eq!(api, if manifest.contains("revoke") { 0 } else { 3 }, "sealed keys went where the manifest wants them");
    }

    // and the way back
    let script = cli.ends_with(0, &["uninstall", "--dry-run", "--output", "sql"]).stdout;
    ran(&psql(&world, &cli, "app_owner", &script));
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'keyward') AS v").await);
    assert_eq!(db.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IS NOT NULL").await, 30);
}

#[tokio::test]
async fn a_script_that_must_not_run_stops_at_its_beginning() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let script = cli.ends_with(0, &["plan", "--output", "sql"]).stdout;
    let mut db = world.act("postgres").await;
    let refused = |script: &str, said: &str| {
        let output = psql(&world, &cli, "app_owner", script);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "psql says that a script failed: {errors}");
        assert!(errors.contains(said), "{said}: {errors}");
    };
    // another database, another keyward at work, a role graph that makes enforcement advisory
    refused(&script.replace("'shop'", "'another'"), "was made for the database another");
    let mut first = world.connect("app_owner").await;
    keyward::apply::one_runner(&mut first, std::time::Duration::from_secs(1), &mut |_| {}).await.unwrap();
    refused(&script, "another keyward is at work");
    first.close().await;
    db.ok("GRANT app_ui TO api_v2").await;
    refused(&cli.ends_with(0, &["plan", "--output", "sql"]).stdout, "enforcement would not hold here");
    db.ok("REVOKE app_ui FROM api_v2").await;
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await);

    // a lock that can't be had stops it; what was done stays, and the next plan is the rest
    let mut blocker = world.act("worker").await;
    blocker.ok("BEGIN; UPDATE app.locations SET api_key = 'key-1' WHERE id = 1").await;
    refused(&script, "lock timeout");
    blocker.ok("ROLLBACK").await;
    let rest = cli.ends_with(0, &["plan", "--output", "sql"]).stdout;
    assert!(rest.len() < script.len() && !rest.contains("CREATE ROLE"), "{rest}");
    ran(&psql(&world, &cli, "app_owner", &rest));
    cli.ends_with(0, &["plan", "--check"]);
    // control: apply finds nothing of it to do either
    let ran = cli.ends_with(0, APPLY);
    assert!(ran.stderr.contains("Nothing to do"), "{ran:?}");
}
