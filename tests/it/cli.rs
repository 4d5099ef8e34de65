//! The command line, run as a process: exit codes, streams, and what survives when it is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyward::plan::Plan;
use keyward::sandbox::{Listen, Options, Sandbox};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::fixture::{MANIFEST, World};

/// `keyward apply` with every hazard allowed.
pub(crate) const APPLY: &[&str] = &[
    "apply",
    "--yes",
    "--allow",
    "breaks_select_star,drops_not_null,enables_rls,publishes_keys,removes_guard,restores_not_null,revokes_privileges,seals_keys",
];

/// keyward on one database, in a directory with a manifest of its own.
pub(crate) struct Cli {
    url: String,
    dir: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    fn new(url: String) -> Self {
        let cli = Self { url, dir: tempfile::tempdir().unwrap() };
        cli.manifest(MANIFEST);
        cli
    }

    /// As the owner of the tables of a world.
    pub(crate) fn on(world: &World) -> Self {
        Self::by(world, "app_owner")
    }

    /// As a role of a world.
    pub(crate) fn by(world: &World, role: &str) -> Self {
        Self::new(world.sandbox.url_as(role, &world.database))
    }

    pub(crate) fn manifest(&self, text: &str) {
        fs::write(self.dir.path().join("keyward.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("DATABASE_URL", &self.url).current_dir(self.dir.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_holds_no_secret(&ran.stdout);
        assert_holds_no_secret(&ran.stderr);
        ran
    }

    /// Runs it, expects an exit code, and returns what it said.
    pub(crate) fn ends_with(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:#?}");
        ran
    }

    /// The number of steps of the plan.
    fn steps(&self) -> usize {
        serde_json::from_str::<Plan>(&self.ends_with(0, &["plan", "--output", "json"]).stdout).unwrap().steps.len()
    }

    /// Runs it, kills it with SIGKILL when it has announced so many steps, and tells whether it was killed before its end.
    pub(crate) fn kill_at_step(&self, args: &[&str], steps: usize) -> bool {
        let mut child = self.command(args).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = 0;
        let mut killed = false;
        for line in said.map_while(Result::ok) {
            assert_holds_no_secret(&line);
            seen += usize::from(line.starts_with('[') && line.contains('/'));
            if seen == steps && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        killed && child.wait().unwrap().code().is_none()
    }
}

/// The keys of the fixture are `key-1` to `key-30`; the password is the loopback server's.
pub(crate) fn assert_holds_no_secret(text: &str) {
    let key = text.match_indices("key-").any(|(at, _)| text[at + 4..].starts_with(|c: char| c.is_ascii_digit()));
    assert!(!key && !text.contains("open sesame"), "a secret is shown:\n{text}");
}

#[test]
#[should_panic(expected = "a secret is shown")]
fn a_shown_key_would_be_noticed() {
    assert_holds_no_secret("UPDATE app.locations SET api_key = 'key-7'");
}

/// Every key of the fixture, wherever it is: sealed or in its column.
async fn keys(world: &World) -> Vec<String> {
    keys_of(world, "location_api_key").await
}

/// The same, where the manifest gives the key another name.
async fn keys_of(world: &World, name: &str) -> Vec<String> {
    let mut db = world.act("postgres").await;
    let sealed: bool = db.get(&format!("SELECT to_regclass('keyward.vault_{name}') IS NOT NULL AS v")).await;
    let vault = if sealed { format!("UNION ALL SELECT id, api_key FROM keyward.vault_{name}") } else { String::new() };
    db.get(&format!(
        "SELECT jsonb_agg(id || ' ' || api_key ORDER BY id) AS v
           FROM (SELECT id, api_key FROM app.locations WHERE api_key IS NOT NULL {vault}) AS every"
    ))
    .await
}

#[tokio::test]
async fn a_bad_input_is_explained_and_has_its_exit_code() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let edited = |from: &str, to: &str| {
        assert!(MANIFEST.contains(from));
        cli.manifest(&MANIFEST.replace(from, to));
    };
    cli.ends_with(0, &["plan"]);

    // the command line
    cli.ends_with(2, &["plann"]);
    cli.ends_with(2, &["status", "--output", "sql"]);
    cli.ends_with(2, &["apply", "--lock-timeout", "5"]);
    cli.ends_with(2, &["apply", "--lock-timeout", "0s"]);
    let ran = cli.ends_with(2, &["apply"]);
    assert!(ran.stderr.contains("--yes"), "{ran:?}");
    cli.ends_with(2, &["uninstall", "--yes"]);

    // the connection
    let ran = cli.ends_with(3, &["plan", "--database-url", "postgres://app_owner:open%20sesame@127.0.0.1:1/shop"]);
    assert!(ran.stderr.contains("127.0.0.1:1"), "{ran:?}");
    cli.ends_with(3, &["plan", "--database-url", &world.sandbox.url_as("nobody_here", "shop")]);
    cli.ends_with(3, &["plan", "--database-url", &world.sandbox.url_as("app_owner", "no_shop")]);

    // the manifest
    for (from, to, said) in [
        ("app.locations", "app.places", "app.places"),
        ("\"api_key\"", "\"api_secret\"", "api_secret"),
        ("\"api_v2\"", "\"api_v9\"", "api_v9"),
        ("version = 1", "version = 1\nnovelty = true", "novelty"),
        ("version = 1", "version = ", "keyward.toml"),
        ("app.", "other.", "other"),
    ] {
        edited(from, to);
        for command in [&["plan"][..], APPLY, &["status"]] {
            let ran = cli.ends_with(2, command);
            assert!(ran.stderr.contains(said), "{said}: {ran:?}");
        }
    }
    let ran = cli.ends_with(2, &["plan", "--manifest", "nowhere.toml"]);
    assert!(ran.stderr.contains("nowhere.toml") && ran.stderr.contains("hint:"), "{ran:?}");
    fs::remove_file(cli.path("keyward.toml")).unwrap();
    let ran = cli.ends_with(2, &["status"]);
    assert!(ran.stderr.contains("keyward.example.toml"), "{ran:?}");

    // nothing was done by any of them
    cli.manifest(MANIFEST);
    cli.ends_with(1, &["plan", "--check"]);
    let mut db = world.act("postgres").await;
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await);
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let options = Options::new()
        .bin_dir(std::env::var_os("KEYWARD_TEST_BIN_DIR").map(PathBuf::from))
        .search_path(std::env::var_os("PATH"))
        .listen(Listen::Loopback);
    let sandbox = Sandbox::start(options).unwrap();
    let cli = Cli::new(sandbox.url_with_password("postgres", "open sesame", "postgres"));
    let ran = cli.ends_with(3, &["plan"]);
    assert!(ran.stderr.contains("password"), "{ran:?}");
}

#[tokio::test]
async fn a_second_apply_waits_and_then_names_the_first() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut first = world.connect("app_owner").await;
    keyward::apply::one_runner(&mut first, std::time::Duration::from_secs(1), &mut |_| {}).await.unwrap();
    let ran = cli.ends_with(4, &[APPLY, &["--patience", "300ms"]].concat());
    assert!(ran.stderr.contains("another keyward") && ran.stderr.contains("app_owner"), "{ran:?}");
    first.close().await;
    cli.ends_with(0, APPLY);
}

#[tokio::test]
async fn whoever_is_in_the_way_of_a_lock_is_named_and_the_next_run_goes_on() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut blocker = world.act("worker").await;
    // without this right the blocker's role is told, but not its statement
    world.act("postgres").await.ok("GRANT pg_read_all_stats TO app_owner").await;
    let pid: i64 = blocker.get("SELECT pg_backend_pid() AS v").await;
    blocker.ok("BEGIN; UPDATE app.locations SET api_key = 'key-1' WHERE id = 1").await;
    let ran = cli.ends_with(4, &[APPLY, &["--patience", "400ms", "--lock-timeout", "50ms"]].concat());
    assert!(ran.stderr.contains(&format!("pid {pid} (worker")), "{ran:?}");
    assert!(ran.stderr.contains("UPDATE app.locations SET api_key = $1"), "{ran:?}");
    blocker.ok("ROLLBACK").await;
    let ran = cli.ends_with(0, APPLY);
    assert!(!ran.stderr.contains("table keyward.vault_location_api_key"), "what was done is not done again: {ran:?}");
    cli.ends_with(0, &["plan", "--check"]);
}

#[tokio::test]
async fn a_kept_plan_is_applied_as_it_was_reviewed_or_not_at_all() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let shown = cli.ends_with(1, &["plan", "--check", "--out", "plan.json", "--output", "json"]).stdout;
    let kept = fs::read_to_string(cli.path("plan.json")).unwrap();
    assert_eq!(kept, shown);
    let plan: Plan = serde_json::from_str(&kept).unwrap();
    assert_eq!(plan, world.plan().await);

    let refused = |code: i32, text: &str, said: &str| {
        fs::write(cli.path("other.json"), text).unwrap();
        let ran = cli.ends_with(code, &[APPLY, &["--plan", "other.json"]].concat());
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    };
    refused(2, "", "not a plan");
    refused(2, "{}", "no schema");
    refused(2, &kept.replace("keyward/plan/v1", "keyward/plan/v2"), "keyward/plan/v2");
    refused(2, "{\"schema\": \"keyward/plan/v1\"}", "not a whole plan");
    refused(4, &kept.replace("NOLOGIN", "LOGIN"), "somebody edited it");
    cli.ends_with(2, &[APPLY, &["--plan", "nowhere.json"]].concat());
    let mut owner = world.act("app_owner").await;
    owner.ok("ALTER TABLE app.locations ADD COLUMN later text").await;
    refused(4, &kept, "changed since");
    owner.ok("ALTER TABLE app.locations DROP COLUMN later").await;
    // a dropped column leaves a trace in the catalogue, but none that the plan relies on
    cli.ends_with(0, &[APPLY, &["--plan", "plan.json"]].concat());
    cli.ends_with(0, &["plan", "--check"]);
    refused(4, &kept, "changed since");
}

#[tokio::test]
async fn apply_killed_at_any_point_is_simply_run_again() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let before = keys(&world).await;
    let (mut kills, mut left, mut at) = (0, usize::MAX, 1);
    while cli.kill_at_step(APPLY, at) {
        kills += 1;
        assert_eq!(keys(&world).await, before);
        cli.run(&["status"]);
        // A group of steps is one transaction: where a kill came inside of it, the next one comes later.
        let steps = cli.steps();
        at = if steps < left { 3 } else { at + 3 };
        left = steps;
    }
    assert!(kills >= 10, "killed only {kills} times");
    cli.ends_with(0, APPLY);
    cli.ends_with(0, &["plan", "--check"]);
    cli.ends_with(0, &["status"]);
    assert_eq!(keys(&world).await, before);
    world.opt_in("1").await;
    assert_eq!(keys(&world).await, before);
}

#[tokio::test]
async fn uninstall_killed_at_any_point_is_run_again_and_every_key_comes_back() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    let before = keys(&world).await;
    let mut legacy = world.act("api_v1").await;
    for account in ["1", "2", "3"] {
        world.opt_in(account).await;
    }
    fs::remove_file(cli.path("keyward.toml")).unwrap();
    let (mut kills, mut left, mut at) = (0, String::new(), 1);
    while cli.kill_at_step(&["uninstall", "--yes"], at) {
        kills += 1;
        assert_eq!(keys(&world).await, before);
        // the application goes on meanwhile, its legacy part too
        assert_eq!(legacy.ok("UPDATE app.users SET email = email WHERE account_id = 9").await, 3);
        let steps = cli.run(&["uninstall", "--dry-run"]).stdout;
        at = if steps == left { at + 2 } else { 2 };
        left = steps;
    }
    assert!(kills >= 5, "killed only {kills} times");
    let mut db = world.act("postgres").await;
    if db.get::<bool>("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'keyward') AS v").await {
        cli.ends_with(0, &["uninstall", "--yes"]);
    }
    let there: i64 = db.get("SELECT count(*) AS v FROM app.locations WHERE api_key IS NOT NULL").await;
    assert_eq!(there, 30);
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await);
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'keyward') AS v").await);
}

#[tokio::test]
async fn uninstall_leaves_nothing_and_every_key_is_back_in_its_column() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut db = world.act("postgres").await;
    let catalogue = include_str!("sql/catalogue.sql");
    let before: Vec<String> = db.get(catalogue).await;
    let keys: Vec<String> = db.get("SELECT jsonb_agg(id || ' ' || api_key ORDER BY id) AS v FROM app.locations").await;
    cli.ends_with(0, APPLY);
    world.opt_in("1").await;
    world.opt_in("2").await;
    assert_ne!(db.get::<Vec<String>>(catalogue).await, before, "the comparison sees what apply does");
    assert_eq!(db.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IS NULL").await, 6);

    fs::remove_file(cli.path("keyward.toml")).unwrap();
    let ran = cli.ends_with(0, &["uninstall", "--dry-run"]);
    assert!(ran.stdout.contains("keys of location_api_key"), "{ran:?}");
    cli.ends_with(2, &["uninstall"]);
    assert_ne!(db.get::<Vec<String>>(catalogue).await, before, "neither removes anything");
    cli.ends_with(0, &["uninstall", "--yes"]);
    assert_eq!(db.get::<Vec<String>>(catalogue).await, before);
    let back: Vec<String> = db.get("SELECT jsonb_agg(id || ' ' || api_key ORDER BY id) AS v FROM app.locations").await;
    assert_eq!(back, keys);
}

#[tokio::test]
async fn uninstall_drops_the_owners_role_where_keyward_made_it_and_only_there() {
    for (before, stays) in [
        ("SELECT", false),
        (
            "CREATE ROLE keyward_owner; GRANT keyward_owner TO app_owner WITH ADMIN OPTION; COMMENT ON ROLE keyward_owner IS 'ours'",
            true,
        ),
        // as a run leaves it that is killed as soon as it has made the role, so before there is a ledger
        ("SET ROLE app_owner; {role}; {membership}", false),
    ] {
        let world = World::bare().await;
        let cli = Cli::on(&world);
        let steps = world.plan().await.steps;
        let sql = |id: &str| steps.iter().find(|step| step.id == id).unwrap().sql.clone();
        let before = before
            .replace("{role}", &sql(r#"role "keyward_owner""#))
            .replace("{membership}", &sql(r#"membership of "app_owner" in "keyward_owner""#));
        let mut db = world.act("postgres").await;
        db.ok(&before).await;
        cli.ends_with(0, APPLY);
        cli.ends_with(0, &["uninstall", "--yes"]);
        let is_there: bool = db.get("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'keyward_owner') AS v").await;
        assert_eq!(is_there, stays, "{before}");
    }
}

#[tokio::test]
async fn row_level_security_that_the_application_has_come_to_use_outlives_keyward() {
    let on = "SELECT relrowsecurity AS v FROM pg_class WHERE oid = 'app.users'::regclass";
    for policy in [false, true] {
        let world = World::applied().await;
        let cli = Cli::on(&world);
        let mut db = world.act("postgres").await;
        assert!(db.get::<bool>(on).await);
        if policy {
            db.ok("CREATE POLICY tenant ON app.users USING (account_id = 1)").await;
        }
        let plan = cli.run(&["plan"]);
        assert_eq!(format!("{plan:?}").contains("ineffective_policy"), policy, "{plan:?}");
        cli.ends_with(0, &["uninstall", "--yes"]);
        assert_eq!(db.get::<bool>(on).await, policy);
    }
}

#[tokio::test]
async fn a_schema_keyward_of_somebody_else_is_left_alone() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut db = world.act("postgres").await;
    db.ok("CREATE SCHEMA keyward AUTHORIZATION app_ui; CREATE TABLE keyward.precious (id int)").await;
    for arguments in [&["plan"][..], APPLY, &["uninstall", "--yes"]] {
        let ran = cli.ends_with(4, arguments);
        assert!(format!("{ran:?}").contains("belongs to app_ui"), "{ran:?}");
    }
    assert!(db.get::<bool>("SELECT to_regclass('keyward.precious') IS NOT NULL AS v").await);
    db.ok("DROP SCHEMA keyward CASCADE").await;
    cli.ends_with(0, APPLY);
}

#[tokio::test]
async fn what_is_set_for_the_role_does_not_reach_keyward() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut db = world.act("postgres").await;
    for setting in [
        "statement_timeout = '1ms'",
        "default_transaction_isolation = 'repeatable read'",
        "row_security = off",
        "quote_all_identifiers = on",
        "search_path = app",
    ] {
        db.ok(&format!("ALTER ROLE app_owner SET {setting}")).await;
    }
    cli.ends_with(0, APPLY);
    assert!(world.plan().await.is_empty());
    db.ok("ALTER ROLE app_owner RESET ALL").await;
    assert!(world.plan().await.is_empty());
}

#[tokio::test]
async fn a_key_whose_row_is_elsewhere_is_not_dropped_with_the_vault() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    world.opt_in("1").await;
    let mut db = world.act("postgres").await;
    // as if the row's partition had been detached
    db.ok("SET session_replication_role = replica; ALTER TABLE app.locations DISABLE TRIGGER ALL; DELETE FROM app.locations WHERE id = 1").await;
    let ran = cli.ends_with(4, &["uninstall", "--yes"]);
    assert!(ran.stderr.contains("have no row"), "{ran:?}");
    let left: i64 = db.get("SELECT count(*) AS v FROM keyward.vault_location_api_key").await;
    assert_eq!(left, 1);
    db.ok("DELETE FROM keyward.vault_location_api_key").await;
    cli.ends_with(0, &["uninstall", "--yes"]);
}

#[tokio::test]
async fn a_changed_manifest_is_applied_and_loses_no_key() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    world.opt_in("1").await;
    let before = keys(&world).await;
    let mut db = world.act("postgres").await;

    let without_writes = &MANIFEST[..MANIFEST.find("[[writes]]").unwrap()];
    cli.manifest(without_writes);
    assert!(cli.ends_with(1, &["status"]).stdout.contains("to apply"));
    cli.ends_with(0, APPLY);
    let mut legacy = world.act("api_v1").await;
    legacy.ok("UPDATE app.users SET email = 'x' WHERE id = 1").await;

    cli.manifest(&without_writes.replace("\"location_api_key\"", "\"place_key\""));
    cli.ends_with(0, APPLY);
    cli.ends_with(0, &["status"]);
    assert_eq!(db.get::<i64>("SELECT count(*) AS v FROM keyward.vault_place_key").await, 3);
    assert_eq!(db.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IS NULL").await, 3);

    let (head, rest) = MANIFEST.split_once("[[keys]]").unwrap();
    cli.manifest(&format!("{head}[[writes]]{}", rest.split_once("[[writes]]").unwrap().1));
    let ran = cli.ends_with(0, &["plan"]);
    assert!(ran.stdout.contains("publishes_keys"), "{ran:?}");
    // killed at any point, it publishes all the same
    let (mut left, mut at) = (usize::MAX, 1);
    while cli.kill_at_step(APPLY, at) {
        assert_eq!(keys_of(&world, "place_key").await, before);
        let steps = cli.steps();
        at = if steps < left { 2 } else { at + 2 };
        left = steps;
    }
    cli.ends_with(0, APPLY);
    cli.ends_with(0, &["plan", "--check"]);
    assert_eq!(keys(&world).await, before);
    assert_eq!(db.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IS NULL").await, 0);

    // nothing is left of the vault that had another name: the entry can come back
    assert!(!db.get::<bool>("SELECT EXISTS (SELECT FROM pg_tables WHERE tablename LIKE 'vault%') AS v").await);
    cli.manifest(MANIFEST);
    cli.ends_with(0, APPLY);
}

#[tokio::test]
async fn read_only_commands_write_nothing() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    let mut db = world.act("postgres").await;
    db.ok("ALTER ROLE app_owner SET default_transaction_read_only = on").await;
    // the control: a command that writes fails
    cli.ends_with(4, APPLY);
    cli.ends_with(1, &["status"]);
    cli.ends_with(1, &["plan", "--check"]);
    db.ok("ALTER ROLE app_owner RESET default_transaction_read_only").await;
    cli.ends_with(0, APPLY);
    world.opt_in("1").await;
    db.ok("ALTER ROLE app_owner SET default_transaction_read_only = on").await;
    cli.ends_with(0, &["status"]);
    cli.ends_with(0, &["status", "--output", "json"]);
    cli.ends_with(0, &["plan", "--check"]);
    cli.ends_with(0, &["policy"]);
    cli.ends_with(0, &["rollout", "preview"]);
    cli.ends_with(0, &["plan", "--output", "sql"]);
    cli.ends_with(0, &["uninstall", "--dry-run"]);
}

#[tokio::test]
async fn status_tells_drift_and_open_keys() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    world.opt_in("1").await;
    let read = |ran: &Ran| serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
    let status = read(&cli.ends_with(0, &["status", "--output", "json"]));
    assert_eq!(status["schema"], "keyward/status/v1");
    assert_eq!(status["installed"]["keys"]["location_api_key"], serde_json::json!({"sealed": 3, "published_enabled": 0}));
    assert_eq!(status["installed"]["accounts"]["total"], 10);
    assert_eq!(status["installed"]["accounts"]["settings"][0]["source"], "opt_in");
    let lines = cli.ends_with(0, &["status"]).stdout.lines().count();
    assert!(lines <= 24, "one screen");

    let mut db = world.act("postgres").await;
    db.ok("ALTER TABLE app.locations DISABLE TRIGGER USER; UPDATE app.locations SET api_key = 'open' WHERE id = 1").await;
    let status = read(&cli.ends_with(1, &["status", "--output", "json"]));
    assert_eq!(status["installed"]["keys"]["location_api_key"]["published_enabled"], 1);
    assert_eq!(status["drift"]["steps"], 9);

    // a stranger to keyward is told so
    let stranger = Cli::new(world.sandbox.url_as("worker", "shop"));
    let ran = stranger.ends_with(4, &["status"]);
    assert!(ran.stderr.contains("hint:"), "{ran:?}");
}

#[test]
fn a_sandbox_lives_until_it_is_told_to_end() {
    let cli = Cli::new(String::new());
    fs::write(cli.path("schema.sql"), "CREATE ROLE api; CREATE DATABASE shop; CREATE TABLE t (a int);").unwrap();
    let mut args = vec!["sandbox", "--schema", "schema.sql"];
    let bin_dir = std::env::var("KEYWARD_TEST_BIN_DIR").ok();
    args.extend(bin_dir.iter().flat_map(|dir| ["--bin-dir", dir]));
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = cli.command(&args).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let found = Cli::new(url.trim().to_owned());
        found.ends_with(2, &["status", "--quiet"]);
        let dir = url.split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        assert!(Path::new(&dir).exists());
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        assert!(!Path::new(&dir).exists());
    }
    for (text, said) in [
        // a dump as pg_dump writes it, its data included
        (
            "\\restrict x\nSET of_a_newer_version = 0;\nCREATE DATABASE \"my shop\";\n\\connect \"my shop\"\nCREATE TABLE t (a int, b text);\nCOPY t (a, b) FROM stdin;\n1\tit's;\n2\t\\N\n\\.\n\
          \\unrestrict x\nDO $$ BEGIN RAISE 'there are %', (SELECT string_agg(a || coalesce(b, '-'), ' ' ORDER BY a) FROM t); END $$;",
            "there are 1it's; 2-",
        ),
        ("CREATE TABLE t (a int);\nCOPY t FROM stdin;\nx\n\\.\n", "line 2 of schema.sql failed"),
        ("SELECT 1;\n\\copy t from 'x'\n", "line 2 of schema.sql: \\copy is a command"),
    ] {
        fs::write(cli.path("schema.sql"), text).unwrap();
        let ran = cli.ends_with(2, &args);
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    fs::write(cli.path("schema.sql"), "CREATE TABLE t (a nothing)").unwrap();
    let ran = cli.ends_with(2, &args);
    assert!(ran.stderr.contains("line 1 of schema.sql failed"), "{ran:?}");
}

#[test]
fn ctrl_c_ends_with_130() {
    // A server that takes the connection and says nothing.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let cli = Cli::new(format!("postgres://a@{}/a?sslmode=disable", listener.local_addr().unwrap()));
    let child = cli.command(&["plan"]).spawn().unwrap();
    let _held = listener.accept().unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
}

/// The commands that a help text lists.
fn subcommands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A long description goes on in the next line, indented.
    lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()).collect()
}

/// A help text under its title, without the global options, which are the same for all.
fn own_help(command: &[&str], help: &str) -> String {
    let own = help.split("\nGlobal options:").next().unwrap();
    let examples = help.rsplit_once("[default: auto]").unwrap().1;
    format!("\n===== keyward {} =====\n\n{own}\n{}\n", command.join(" "), examples.trim())
}

#[test]
fn every_help_text_is_as_reviewed() {
    let cli = Cli::new(String::new());
    let top = cli.ends_with(0, &["--help"]).stdout;
    let commands = subcommands(&top);
    assert!(commands.contains(&"plan"), "{commands:?}");
    let mut all = top.clone();
    for command in commands {
        let help = cli.ends_with(0, &[command, "--help"]).stdout;
        all.push_str(&own_help(&[command], &help));
        for under in subcommands(&help) {
            let path = [command, under];
            all.push_str(&own_help(&path, &cli.ends_with(0, &[command, under, "--help"]).stdout));
        }
    }
    insta::assert_snapshot!("help", all);
    for shell in ["bash", "zsh", "fish"] {
        assert!(cli.ends_with(0, &["completions", shell]).stdout.contains("uninstall"), "{shell}");
    }
    assert!(cli.ends_with(0, &["man"]).stdout.contains("uninstall"));
}
