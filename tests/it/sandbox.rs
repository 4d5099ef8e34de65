//! A sandbox is real, private, quick to start, and gone afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use keyward::error::Kind;
use keyward::sandbox::{Listen, Options, Sandbox};
use sqlx::{Connection as _, PgConnection};

/// Names the directory below which the process works that [`child_holds_a_sandbox_until_it_is_killed`] becomes.
const CHILD: &str = "KEYWARD_TEST_SANDBOX_CHILD";

fn options() -> Options {
    Options::new().search_path(std::env::var_os("PATH"))
}

fn query(url: &str, sql: &'static str) -> Result<String, sqlx::Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let answer = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer)
    })
}

fn execute(url: &str, sql: &'static str) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// Whether a process runs; one that has ended and is only waiting to be reaped doesn't.
fn runs(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim_start().starts_with('Z')
}

/// Waits for what a process that was killed, or its watchdog, does by and by.
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20));
    }
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn any_role_connects_through_the_unix_socket() {
    let sandbox = Sandbox::start(options()).unwrap();
    assert_eq!(query(&sandbox.url(), "SELECT current_user::text").unwrap(), "postgres");
    execute(&sandbox.url(), r#"CREATE ROLE "odd & role" LOGIN"#);
    execute(&sandbox.url(), r#"CREATE DATABASE "odd/base""#);
    let url = sandbox.url_as("odd & role", "odd/base");
    assert_eq!(query(&url, "SELECT current_user::text").unwrap(), "odd & role");
    assert_eq!(query(&url, "SELECT current_database()::text").unwrap(), "odd/base");
    assert_eq!(query(&url, "SELECT current_setting('synchronous_commit')").unwrap(), "on");
    let number = query(&url, "SELECT current_setting('server_version_num')").unwrap();
    assert_eq!(number.parse::<u32>().unwrap() / 10_000, sandbox.version().major());
}

#[test]
fn nobody_else_can_enter_the_directory_of_the_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::start(options()).unwrap();
    let mode = fs::metadata(sandbox.socket_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(query(&sandbox.url(), "SELECT current_setting('listen_addresses')").unwrap(), "");
}

#[test]
fn the_second_start_copies_what_the_first_initialised() {
    let cache = tempfile::tempdir().unwrap();
    let start = || Sandbox::start(options().cache_dir(cache.path().to_owned())).unwrap();
    let system = "SELECT system_identifier::text FROM pg_control_system()";
    let first = start();
    assert_eq!(entries(cache.path()).len(), 1);
    let second = start();
    // initdb draws a system identifier: the same one means that it didn't run again.
    assert_eq!(query(&first.url(), system).unwrap(), query(&second.url(), system).unwrap());
    assert_eq!(entries(cache.path()).len(), 1);
    execute(&first.url(), "CREATE TABLE only_here ()");
    assert_eq!(query(&first.url(), "SELECT (to_regclass('only_here') IS NULL)::text").unwrap(), "false");
    assert_eq!(query(&second.url(), "SELECT (to_regclass('only_here') IS NULL)::text").unwrap(), "true");
}

#[test]
fn two_that_start_at_once_with_an_empty_cache_both_succeed() {
    let cache = tempfile::tempdir().unwrap();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let start = || {
            let sandbox = Sandbox::start(options().cache_dir(cache.path().to_owned())).unwrap();
            query(&sandbox.url(), "SELECT 'up'").unwrap()
        };
        [scope.spawn(start), scope.spawn(start)].map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(answers, ["up", "up"]);
    assert_eq!(entries(cache.path()).len(), 1, "one entry, and nothing half made");
}

#[test]
fn dropping_leaves_neither_server_nor_directory() {
    for stop in [|sandbox: Sandbox| sandbox.stop().unwrap(), drop] {
        let sandbox = Sandbox::start(options()).unwrap();
        let (pid, dir) = (sandbox.pid().unwrap(), sandbox.socket_dir().to_owned());
        assert!(runs(pid) && dir.exists());
        stop(sandbox);
        assert!(!runs(pid) && !dir.exists());
    }
}

/// No test of its own: the process that the next two tests start and kill.
#[test]
fn child_holds_a_sandbox_until_it_is_killed() {
    let Some(base) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let sandbox = Sandbox::start(options().temp_dir(base.join("temp")).cache_dir(base.join("cache"))).unwrap();
    // Through stderr: the test harness keeps stdout to itself.
    let told = format!("sandbox {} {}\n", sandbox.pid().unwrap(), sandbox.socket_dir().display());
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
    sleep(Duration::from_mins(10));
}

fn start_child(base: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::child_holds_a_sandbox_until_it_is_killed", "--nocapture"])
        .env(CHILD, base)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A directory that the server's user can reach.
fn open_dir() -> tempfile::TempDir {
    let base = tempfile::Builder::new().prefix("kwt-").permissions(mode(0o755)).tempdir_in("/tmp").unwrap();
    fs::create_dir(base.path().join("temp")).unwrap();
    fs::set_permissions(base.path().join("temp"), mode(0o755)).unwrap();
    base
}

#[test]
fn a_parent_killed_with_sigkill_leaves_neither_server_nor_directory() {
    let base = open_dir();
    let mut child = start_child(base.path());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.find(|line| line.starts_with("sandbox ")).unwrap();
    let mut words = told.split(' ').skip(1);
    let pid: u32 = words.next().unwrap().parse().unwrap();
    let dir = PathBuf::from(words.next().unwrap());
    assert!(runs(pid) && dir.join("data/postmaster.pid").exists());

    child.kill().unwrap();
    child.wait().unwrap();
    // The watchdog and the server hold none of the parent's files: its stderr ends with it.
    assert_eq!(lines.next(), None);
    eventually("the server still runs", || !runs(pid));
    eventually("the directory is still there", || !dir.exists());
}

#[test]
fn a_parent_killed_at_any_moment_of_its_start_leaves_nothing() {
    let mut early = 0;
    for step in 0..14 {
        let base = open_dir();
        let temp = base.path().join("temp");
        let mut child = start_child(base.path());
        sleep(Duration::from_millis(step * 60));
        child.kill().unwrap();
        child.wait().unwrap();
        let told = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        early += u32::from(!told.contains("sandbox "));
        let name = temp.to_str().unwrap();
        eventually("a process still works there", || !command_lines().contains(name));
        assert_eq!(entries(&temp), Vec::<PathBuf>::new(), "killed after {} ms", step * 60);
    }
    assert!(early > 0, "no kill fell into the start");
}

/// The command lines of every process of the machine.
fn command_lines() -> String {
    let output = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_committed_row_survives_a_killed_server_and_a_restart() {
    let mut sandbox = Sandbox::start(options()).unwrap();
    execute(&sandbox.url(), "CREATE TABLE t (v text); INSERT INTO t VALUES ('kept')");
    let url = sandbox.url();
    sandbox.kill_server().unwrap();
    assert!(query(&url, "SELECT v FROM t").is_err());
    sandbox.restart().unwrap();
    assert_eq!(query(&url, "SELECT v FROM t").unwrap(), "kept");
    sandbox.restart().unwrap();
    assert_eq!(query(&url, "SELECT v FROM t").unwrap(), "kept");
}

#[test]
fn loopback_needs_the_password() {
    let sandbox = Sandbox::start(options().listen(Listen::Loopback)).unwrap();
    let password = sandbox.password().unwrap();
    assert_eq!(query(&sandbox.url(), "SELECT current_user::text").unwrap(), "postgres");

    let refused = |url: &str| match query(url, "SELECT 'in'").unwrap_err() {
        sqlx::Error::Database(error) => error.code().unwrap().into_owned(),
        other => panic!("{other}"),
    };
    assert_eq!(refused(&sandbox.url_with_password("postgres", "wrong", "postgres")), "28P01");
    execute(&sandbox.url(), "CREATE ROLE app LOGIN PASSWORD 'app''s'; CREATE ROLE bare LOGIN");
    assert_eq!(query(&sandbox.url_with_password("app", "app's", "postgres"), "SELECT current_user::text").unwrap(), "app");
    assert_eq!(refused(&sandbox.url_with_password("bare", "", "postgres")), "28P01");
    assert_eq!(query(&sandbox.socket_url_as("bare", "postgres"), "SELECT current_user::text").unwrap(), "bare");

    assert!(!format!("{sandbox:?}").contains(password));
    assert!(!fs::read_to_string(sandbox.log_file()).unwrap().contains(password));
}

#[test]
fn a_setting_reaches_the_server() {
    let sandbox = Sandbox::start(options().setting("wal_level", "logical").setting("my.own", "it's \\ so")).unwrap();
    assert_eq!(query(&sandbox.url(), "SELECT current_setting('wal_level')").unwrap(), "logical");
    assert_eq!(query(&sandbox.url(), "SELECT current_setting('my.own')").unwrap(), "it's \\ so");
}

#[test]
fn a_directory_without_a_server_gives_a_clear_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = Sandbox::start(options().bin_dir(empty.path().to_owned())).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(error.to_string(), format!("there is no PostgreSQL server in {}: initdb is missing", empty.path().display()));
}

#[test]
fn a_server_that_does_not_start_shows_the_end_of_its_log_and_leaves_nothing() {
    let base = open_dir();
    let temp = base.path().join("temp");
    let place = || options().temp_dir(&temp).cache_dir(base.path().join("cache"));
    drop(Sandbox::start(place()).unwrap());
    let error = Sandbox::start(place().setting("shared_buffers", "plenty")).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    assert!(error.to_string().contains(r#"invalid value for parameter "shared_buffers": "plenty""#), "{error}");
    assert_eq!(entries(&temp), Vec::<PathBuf>::new());
}

#[test]
fn initdb_that_fails_is_quoted_and_leaves_nothing() {
    let base = open_dir();
    let (programs, temp) = (base.path().join("bin"), base.path().join("temp"));
    fs::create_dir(&programs).unwrap();
    fs::set_permissions(&programs, mode(0o755)).unwrap();
    for (name, script) in [
        ("postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 17.99'\n"),
        ("initdb", "#!/bin/sh\necho 'initdb: error: the moon is full' >&2\nexit 3\n"),
    ] {
        fs::write(programs.join(name), script).unwrap();
        fs::set_permissions(programs.join(name), mode(0o755)).unwrap();
    }
    let cache = base.path().join("cache");
    let error = Sandbox::start(options().bin_dir(programs).temp_dir(&temp).cache_dir(cache.clone())).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    assert!(error.to_string().ends_with("it says:\n  initdb: error: the moon is full"), "{error}");
    assert_eq!(entries(&temp), Vec::<PathBuf>::new());
    assert_eq!(entries(&cache), Vec::<PathBuf>::new());
}

#[test]
fn a_directory_too_deep_for_a_socket_is_refused_before_anything_is_made() {
    let temp = tempfile::tempdir().unwrap();
    let deep = temp.path().join("d".repeat(90));
    fs::create_dir(&deep).unwrap();
    let error = Sandbox::start(options().temp_dir(&deep).cache_dir(temp.path().join("cache"))).unwrap_err();
    assert!(error.to_string().contains("the path of its socket would be"), "{error}");
    assert_eq!(entries(&deep), Vec::<PathBuf>::new());
}

fn mode(mode: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}
