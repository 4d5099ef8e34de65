//! What holds a rollout, and what it must prove at its end: signals of the server, queries of the DBA's, pauses, gates.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::error::{Error, Kind, Result};
use keyward::manifest::{Limit, Manifest, Rollout};
use keyward::rollout::{self, Options, Progress, Ran};
use tokio::sync::Notify;

use crate::fixture::{Actor, MANIFEST, World, skipped};

/// The `[rollout]` of a manifest.
fn section(text: &str) -> Rollout {
    let manifest = Manifest::parse(&format!("{MANIFEST}\n{text}"), "keyward.toml");
    manifest.unwrap_or_else(|error| panic!("{error}")).rollout
}

/// A run of all accounts under a `[rollout]`, in small batches.
fn run_under(text: &str) -> Options {
    Options { most: 7, settle: Duration::from_millis(200), rollout: section(text), ..Options::run() }
}

/// The standard application with 300 accounts, each with a location at least, and with what the queries of these tests ask.
async fn many() -> World {
    let world = World::applied().await;
    furnish(&world).await;
    world
}

async fn furnish(world: &World) {
    let mut all = world.act("postgres").await;
    all.ok("INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(11, 300) AS n;
            INSERT INTO app.locations (id, account_id, name, api_key)
            SELECT n, n, 'location ' || n, 'key-' || n FROM generate_series(31, 300) AS n;
            CREATE TABLE app.load (n bigint); INSERT INTO app.load VALUES (10); GRANT SELECT ON app.load TO app_owner;
            CREATE TABLE app.spare (n bigint); CREATE SEQUENCE app.numbers OWNED BY app.spare.n;
            GRANT pg_monitor TO app_owner")
        .await;
}

async fn enabled(world: &World) -> i64 {
    world.act("postgres").await.get("SELECT count(*) AS v FROM keyward.account_setting WHERE enabled").await
}

/// How many keys lie where the application can read them.
async fn published(world: &World) -> i64 {
    world.act("postgres").await.get("SELECT count(api_key) AS v FROM app.locations").await
}

/// Waits until a query answers with true.
async fn until(world: &World, query: &str) {
    let mut all = world.act("postgres").await;
    while !all.get::<bool>(query).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a run told, in order: why it is held, that it goes on, notes.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn hear(&self, progress: &Progress<'_>) {
        let text = match progress {
            Progress::Held(Some(why)) => format!("held: {why}"),
            Progress::Held(None) => "goes on".to_owned(),
            Progress::Note(note) => format!("note: {note}"),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Runs as the owner of the tables. Once the first hold is told, `act` is carried out; `stop` asks the run to stop.
async fn run_and(world: &World, options: &Options, stop: &AtomicBool, act: impl AsyncFnOnce()) -> (Result<Ran>, Vec<String>) {
    let (told, held, over) = (Told::default(), Notify::new(), Notify::new());
    let mut db = world.connect("app_owner").await;
    let mut tell = |progress: Progress<'_>| {
        told.hear(&progress);
        if matches!(progress, Progress::Held(Some(_))) {
            held.notify_one();
        }
    };
    let running = async {
        let ran = rollout::run(&mut db, &world.manifest, options, stop, &mut tell).await;
        over.notify_one();
        ran
    };
    let acting = async {
        tokio::select! {
            biased;
            () = held.notified() => act().await,
            () = over.notified() => {}
        }
    };
    let (ran, ()) = tokio::join!(running, acting);
    (ran, told.all())
}

/// Runs to the end, and returns what was told. Once held, no account has been enabled yet; then `free` takes the load away.
async fn run_held(world: &World, options: &Options, free: impl AsyncFnOnce()) -> Vec<String> {
    let before = enabled(world).await;
    let (ran, told) = run_and(world, options, &AtomicBool::new(false), async || {
        assert_eq!(enabled(world).await, before, "nothing is enabled while it is held");
        free().await;
    })
    .await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_eq!(told.last().map(String::as_str), Some("goes on"), "{told:?}");
    // for the next signal of the same test
    restore(world).await;
    told
}

/// No limit at all.
fn off() -> Rollout {
    let mut rollout = Rollout::default();
    for limit in [&mut rollout.limits.lag_bytes, &mut rollout.limits.lag_seconds, &mut rollout.limits.lock_waiters] {
        *limit = Limit::Off;
    }
    rollout
}

fn whole_text(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source} ({})", error.hint().unwrap_or_default())
}

const QUEUE: &str = "[[rollout.throttle]]\nname = \"queue\"\nsql = \"SELECT n FROM app.load\"\nlimit = 5";

#[tokio::test]
async fn a_query_over_its_limit_holds_the_rollout_names_itself_and_lets_it_go_on() {
    let world = many().await;
    let told = run_held(&world, &run_under(QUEUE), async || {
        world.act("postgres").await.ok("UPDATE app.load SET n = 5").await;
    })
    .await;
    assert_eq!(told, ["held: \"queue\": 10, limit 5", "goes on"]);
    let (ran, told) = run_and(&world, &run_under(QUEUE), &AtomicBool::new(false), async || {}).await;
    assert_eq!((ran.unwrap().tally.unwrap().accounts, told), (300, vec![]), "at its limit it holds nothing");
}

#[tokio::test]
async fn a_limit_is_changed_without_an_apply() {
    let mut world = many().await;
    world.manifest = Manifest::parse(&format!("{MANIFEST}\n{QUEUE}"), "keyward.toml").unwrap();
    assert!(world.plan().await.is_empty(), "nothing to apply");
    let held = Options { rollout: world.manifest.rollout.clone(), ..run_under("") };
    run_held(&world, &held, async || {
        world.act("postgres").await.ok("UPDATE app.load SET n = 0").await;
    })
    .await;
    let stored: String =
        world.act("postgres").await.get("SELECT string_agg(document::text, '') AS v FROM keyward.manifest").await;
    assert!(!stored.contains("rollout") && stored.contains("location_api_key"), "{stored}");
    // and what enforces is still compared
    world.manifest.setting.label = "Another".to_owned();
    assert!(!world.plan().await.is_empty());
}

#[tokio::test]
async fn a_query_that_does_not_answer_with_a_number_holds_with_its_reason_and_quotes_nothing() {
    let world = many().await;
    world.act("postgres").await.ok("REVOKE SELECT ON app.load FROM app_owner; CREATE TABLE app.hidden (n bigint)").await;
    let queries = [
        ("divides", "SELECT 1 / 0", "it fails (SQLSTATE 22012)"),
        ("quotes", "SELECT api_key::integer FROM app.locations ORDER BY id LIMIT 1", "it fails (SQLSTATE 22P02)"),
        ("no row", "SELECT id FROM app.locations WHERE id < 0", "it answers with no row, or with NULL"),
        ("null", "SELECT NULL::integer", "it answers with no row, or with NULL"),
        ("rows", "SELECT id FROM app.locations", "it answers with more than one row (SQLSTATE 21000)"),
        ("columns", "SELECT 1 AS a, 2 AS a", "it answers with more than one column (SQLSTATE 42601)"),
        ("text", "SELECT api_key FROM app.locations ORDER BY id LIMIT 1", "it answers with something else than a number"),
        ("row", "SELECT l FROM app.locations AS l ORDER BY id LIMIT 1", "it answers with something else than a number"),
        ("not a number", "SELECT 'NaN'::float8", "it answers with something else than a number"),
        ("truth", "SELECT false", "it answers with true or false, not with a number"),
        ("not its to read", "SELECT n FROM app.load", "the connected role may not read that (SQLSTATE 42501)"),
        ("not there", "SELECT n FROM load", "a table is not there; names carry their schema (SQLSTATE 42P01)"),
        ("writes", "SELECT nextval('app.numbers')", "it writes, and may only read (SQLSTATE 25006)"),
        ("slow", "SELECT 1 FROM pg_sleep(600)", "it takes longer than 5 s (SQLSTATE 57014)"),
    ];
    world.act("postgres").await.ok("GRANT USAGE ON SEQUENCE app.numbers TO app_owner").await;
    let query = |(name, sql, _): &(&str, &str, &str)| {
        format!("[[rollout.throttle]]\nname = \"{name}\"\nsql = \"{sql}\"\nlimit = 1_000_000\n")
    };
    let text: Vec<_> = queries.iter().map(query).collect();
    let stop = AtomicBool::new(false);
    let (ran, told) = run_and(&world, &run_under(&text.concat()), &stop, async || stop.store(true, Ordering::Relaxed)).await;
    assert_eq!(ran.unwrap_err().kind(), Kind::Resumable);
    let expected: Vec<_> = queries.iter().map(|(name, _, why)| format!("{name:?}: {why}")).collect();
    assert_eq!(told[0], format!("held: {}", expected.join("; ")));
    assert!(!told.concat().contains("key-"), "{told:?}");
    assert_eq!(enabled(&world).await, 0);

    // as long as it answers with a number, it may be anything that one can SELECT
    let text = "[[rollout.throttle]]\nname = \"a\"\nsql = \"WITH x AS (VALUES (1.5)) SELECT * FROM x -- so\"\nlimit = 1.5\n\
                [[rollout.throttle]]\nname = \"b\"\nsql = \"TABLE app.one;\"\nlimit = -7";
    world.act("app_owner").await.ok("CREATE TABLE app.one AS SELECT -7::numeric AS n").await;
    let (ran, told) = run_and(&world, &run_under(text), &AtomicBool::new(false), async || {}).await;
    assert_eq!((ran.unwrap().tally.unwrap().accounts, told), (300, vec![]));
}

#[tokio::test]
async fn each_signal_of_sessions_holds_the_rollout_and_keywards_own_do_not() {
    let world = many().await;
    let (mut first, mut all) = (shopper(&world).await, world.act("postgres").await);
    all.ok("GRANT ALL ON app.spare TO api_v1").await;

    // With every limit as tight as can be keyward doesn't hold itself, whatever its sessions are called.
    let tight = "[rollout.limits]\nlock_waiters = 0.5\nactive_sessions = 0.5\noldest_transaction_seconds = 0.000001";
    let url = world.sandbox.url_as("app_owner", &world.database);
    let url = format!("{url}{}application_name=nightly", if url.contains('?') { "&" } else { "?" });
    let mut nightly = Db::connect(&Settings::resolve(Some(&url), &|_| None).unwrap()).await.unwrap();
    let options = Options { workers: 2, pace: Some(150.0), ..run_under(tight) };
    let told = Told::default();
    let mut tell = |progress: Progress<'_>| told.hear(&progress);
    rollout::run(&mut nightly, &world.manifest, &options, &AtomicBool::new(false), &mut tell).await.unwrap();
    assert_eq!((enabled(&world).await, told.all()), (300, vec![]), "control");
    drop(nightly);
    restore(&world).await;

    // somebody waits for a lock
    first.ok("BEGIN; LOCK TABLE app.spare").await;
    let mut second = shopper(&world).await;
    let waiting = tokio::spawn(async move { second.0.execute("BEGIN; LOCK TABLE app.spare IN SHARE MODE").await.map(|_| ()) });
    until(&world, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted) AS v").await;
    let told = run_held(&world, &run_under("[rollout.limits]\nlock_waiters = 0.5"), async || {
        first.ok("COMMIT").await;
    })
    .await;
    assert_eq!(told, ["held: sessions waiting for a lock: 1, limit 0.5", "goes on"]);
    let _ = waiting.await.unwrap();

    // somebody runs a statement
    let mut second = shopper(&world).await;
    let pid: i64 = second.get("SELECT pg_backend_pid() AS v").await;
    let sleeping = tokio::spawn(async move { second.0.execute("SELECT pg_sleep(600)").await.map(|_| ()) });
    until(&world, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active') AS v")
        .await;
    let told = run_held(&world, &run_under("[rollout.limits]\nactive_sessions = 0.5"), async || {
        all.ok(&format!("SELECT pg_cancel_backend({pid})")).await;
    })
    .await;
    assert_eq!(told[0], "held: active sessions: 1, limit 0.5");
    assert!(sleeping.await.unwrap().is_err());

    // an older transaction, or a prepared one
    first.ok("BEGIN; SELECT FROM app.spare").await;
    let told = run_held(&world, &run_under("[rollout.limits]\noldest_transaction_seconds = 0.000001"), async || {
        first.ok("COMMIT").await;
    })
    .await;
    assert!(told[0].starts_with("held: oldest transaction: ") && told[0].ends_with(" s, limit 0 s"), "{told:?}");
}

/// A session of the application that doesn't bear keyward's name, as the others of these tests do.
async fn shopper(world: &World) -> Actor {
    let mut shopper = world.act("api_v1").await;
    shopper.ok("SET application_name = 'shop'").await;
    shopper
}

/// Takes every wave back.
async fn restore(world: &World) {
    let options = Options { rollout: off(), ..Options::run() };
    let mut db = world.connect("app_owner").await;
    rollout::revert(&mut db, &world.manifest, rollout::Target::All, &options, &AtomicBool::new(false), &mut |_| {})
        .await
        .unwrap();
}

#[tokio::test]
async fn a_role_that_may_not_see_other_sessions_is_told_so_once_and_works() {
    let world = many().await;
    let mut all = world.act("postgres").await;
    all.ok("REVOKE pg_monitor FROM app_owner").await;
    let tight = "[rollout.limits]\nactive_sessions = 0.5\noldest_transaction_seconds = 1_000";
    let (ran, told) = run_and(&world, &run_under(tight), &AtomicBool::new(false), async || {}).await;
    assert_eq!((ran.unwrap().tally.unwrap().accounts, told), (300, vec![]), "nothing is hidden");
    restore(&world).await;
    let _idle = shopper(&world).await;
    let options = Options { pace: Some(150.0), ..run_under(tight) };
    let (ran, told) = run_and(&world, &options, &AtomicBool::new(false), async || {}).await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("may not see what the sessions of other roles do") && told[0].contains("pg_monitor"), "{told:?}");
}

#[tokio::test]
async fn what_a_slot_holds_back_holds_the_rollout_unless_it_is_ignored() {
    let mut world = World::bare().await;
    world.act("postgres").await.ok("ALTER SYSTEM SET wal_level = 'logical'").await;
    world.sandbox.restart().unwrap();
    world.apply().await;
    furnish(&world).await;
    let mut all = world.act("postgres").await;
    let limits = "[rollout.limits]\nlag_bytes = 1_000_000";
    let fill = "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)) FROM generate_series(1, 20)";
    for (kind, make) in [
        ("logical", "SELECT pg_create_logical_replication_slot('cdc', 'pgoutput')"),
        ("physical", "SELECT pg_create_physical_replication_slot('cdc', true)"),
    ] {
        all.ok(make).await;
        all.ok(fill).await;
        let ignoring = run_under(&format!("{limits}\nignore = [\"cdc\"]"));
        let (ran, told) = run_and(&world, &ignoring, &AtomicBool::new(false), async || {}).await;
        assert_eq!((ran.unwrap().tally.unwrap().accounts, told), (300, vec![]), "{kind}");
        restore(&world).await;
        let told = run_held(&world, &run_under(limits), async || {
            all.ok("SELECT pg_drop_replication_slot('cdc')").await;
        })
        .await;
        assert!(
            told[0].starts_with("held: replication lag of slot \"cdc\": ") && told[0].ends_with(", limit 977 kB"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn wal_and_checkpoints_are_counted_from_look_to_look() {
    let world = many().await;
    let stop = AtomicBool::new(false);
    // While it is held, its own WAL is only what says that it is alive.
    let gently = |text: &str| Options { pace: Some(100.0), ..run_under(text) };
    let writing = async {
        let mut all = world.act("postgres").await;
        while !stop.load(Ordering::Relaxed) {
            all.ok("SELECT pg_logical_emit_message(false, 'load', repeat('x', 1000000)) FROM generate_series(1, 5)").await;
        }
    };
    let limit = gently("[rollout.limits]\nwal_bytes_per_second = 1_000_000");
    let never = AtomicBool::new(false);
    let running = run_and(&world, &limit, &never, async || stop.store(true, Ordering::Relaxed));
    let ((ran, told), ()) = tokio::join!(running, writing);
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert!(told[0].starts_with("held: WAL written: ") && told[0].ends_with("/s, limit 977 kB/s"), "{told:?}");
    assert_eq!(told.last().unwrap(), "goes on");
    restore(&world).await;

    let limit = gently("[rollout.limits]\ncheckpoints_per_minute = 0.5");
    let mut all = world.act("postgres").await;
    let view = if world.sandbox.version().major() >= 17 { "checkpointer" } else { "bgwriter" };
    let (told, began, over) = (Told::default(), Notify::new(), Notify::new());
    let held = Notify::new();
    let mut db = world.connect("app_owner").await;
    let mut tell = |progress: Progress<'_>| {
        told.hear(&progress);
        match progress {
            Progress::Batch(_) => began.notify_one(),
            Progress::Held(Some(_)) => held.notify_one(),
            _ => {}
        }
    };
    let running = async {
        let ran = rollout::run(&mut db, &world.manifest, &limit, &never, &mut tell).await;
        over.notify_one();
        ran
    };
    let acting = async {
        began.notified().await;
        all.ok("CHECKPOINT").await;
        tokio::select! {
            () = held.notified() => drop(all.ok(&format!("SELECT pg_stat_reset_shared('{view}')")).await),
            () = over.notified() => {}
        }
    };
    let (ran, ()) = tokio::join!(running, acting);
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_eq!(told.all(), ["held: checkpoints requested within a minute: 1, limit 0.5", "goes on"]);
}

/// A standby of a sandbox's server; it ends with this value.
struct Standby {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Standby {
    /// Makes a standby called `east`, or nothing where this server comes without `pg_basebackup`.
    fn of(world: &World) -> Option<Self> {
        let program = |name: &str| world.sandbox.bin_dir().join(name);
        if !program("pg_basebackup").exists() {
            return None;
        }
        let user = std::fs::metadata(world.sandbox.data_dir()).unwrap();
        let dir = tempfile::Builder::new().prefix("kw").tempdir_in("/tmp").unwrap();
        chown(dir.path(), Some(user.uid()), Some(user.gid())).unwrap();
        let command = |name: &str| {
            let mut command = Command::new(program(name));
            command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // Who isn't root is that user already.
            if user.uid() != nix::unistd::geteuid().as_raw() {
                command.uid(user.uid()).gid(user.gid());
            }
            command
        };
        let data = dir.path().join("data");
        let port = world.sandbox.port();
        let copied = command("pg_basebackup")
            .args(["-R", "-X", "stream", "-c", "fast", "-U", "postgres", "-p", &port.to_string(), "-h"])
            .arg(world.sandbox.socket_dir())
            .arg("-D")
            .arg(&data)
            .status();
        assert!(copied.unwrap().success(), "pg_basebackup");
        let socket = format!("unix_socket_directories={}", dir.path().display());
        let child = command("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", &socket, "-c", "listen_addresses=", "-c", &format!("port={port}"), "-c", "cluster_name=east"])
            .args(["-c", "hot_standby=on", "-c", "wal_receiver_status_interval=1", "-c", "shared_buffers=32MB"])
            .spawn();
        Some(Self { child: child.unwrap(), dir, port })
    }

    /// Runs a statement on the standby, once it takes connections.
    async fn ok(&self, sql: &str) {
        let url = format!("postgresql://postgres@/shop?host={}&port={}", self.dir.path().display(), self.port);
        let settings = Settings::resolve(Some(&url), &|_| None).unwrap();
        loop {
            if let Ok(mut db) = Db::connect(&settings).await {
                db.execute(sql).await.unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT);
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_standby_that_lags_holds_the_rollout_until_it_has_caught_up() {
    let world = many().await;
    let Some(standby) = Standby::of(&world) else {
        skipped(&format!("a standby: {} has no pg_basebackup", world.sandbox.bin_dir().display()));
        return;
    };
    until(&world, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'east' AND state = 'streaming') AS v")
        .await;
    standby.ok("SELECT pg_wal_replay_pause()").await;
    let mut all = world.act("postgres").await;
    all.ok("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)) FROM generate_series(1, 20)").await;
    until(&world, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE pg_wal_lsn_diff(flush_lsn, replay_lsn) > 5000000) AS v")
        .await;
    let limit = "[rollout.limits]\nlag_bytes = 5_000_000";

    let (ran, told) =
        run_and(&world, &run_under(&format!("{limit}\nignore = [\"east\"]")), &AtomicBool::new(false), async || {}).await;
    assert_eq!((ran.unwrap().tally.unwrap().accounts, told), (300, vec![]), "ignored");
    restore(&world).await;

    // who may not see how far it is behind is told so, and not held
    all.ok("REVOKE pg_monitor FROM app_owner").await;
    let (ran, told) = run_and(&world, &run_under(limit), &AtomicBool::new(false), async || {}).await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert!(told.len() == 1 && told[0].contains("may not see how far standbys are behind"), "{told:?}");
    all.ok("GRANT pg_monitor TO app_owner").await;
    restore(&world).await;

    let told = run_held(&world, &run_under(limit), async || standby.ok("SELECT pg_wal_replay_resume()").await).await;
    assert!(
        told[0].starts_with("held: replication lag of standby \"east\": ") && told[0].ends_with(", limit 4883 kB"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_pause_takes_hold_within_one_batch_on_every_worker_and_resume_lets_them_go_on() {
    let world = many().await;
    let options = Options { workers: 3, pace: Some(150.0), ..run_under("") };
    let (told, began, held) = (Told::default(), Notify::new(), Notify::new());
    let mut db = world.connect("app_owner").await;
    let mut tell = |progress: Progress<'_>| {
        told.hear(&progress);
        match progress {
            Progress::Batch(_) => began.notify_one(),
            Progress::Held(Some(_)) => held.notify_one(),
            _ => {}
        }
    };
    let stop = AtomicBool::new(false);
    let running = rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell);
    let acting = async {
        began.notified().await;
        // as somebody who may act as keyward's owner, with a manifest that doesn't matter, and whatever lock is held
        let mut other = world.connect("app_owner").await;
        assert!(rollout::pause(&mut other, Some("the shop is busy")).await.unwrap());
        let at_once = enabled(&world).await;
        held.notified().await;
        until(&world, "SELECT bool_and(state = 'paused') AS v FROM keyward.worker").await;
        let later = enabled(&world).await;
        assert!(later <= at_once + 3 * 7 && later < 300, "{at_once} accounts, then {later}");
        // nothing moves however often it is looked at
        for _ in 0..20 {
            assert!(enabled(&world).await <= at_once + 3 * 7);
        }
        assert!(rollout::resume(&mut other).await.unwrap());
    };
    let (ran, ()) = tokio::join!(running, acting);
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    let told = told.all();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("held: paused by app_owner since ") && told[0].ends_with("Z: the shop is busy"), "{told:?}");
}

#[tokio::test]
async fn a_pause_is_had_whatever_the_state_of_things_and_holds_every_run() {
    let world = World::bare().await;
    let mut db = world.connect("app_owner").await;
    for error in [rollout::pause(&mut db, None).await.unwrap_err(), rollout::resume(&mut db).await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Refused);
        assert!(whole_text(&error).contains("not applied"), "{}", whole_text(&error));
    }
    world.apply().await;
    let mut api = world.connect("api_v1").await;
    assert!(whole_text(&rollout::pause(&mut api, None).await.unwrap_err()).contains("GRANT \"keyward_owner\" TO \"api_v1\";"));
    assert!(!rollout::resume(&mut db).await.unwrap(), "it isn't paused");

    let mut all = world.act("postgres").await;
    all.ok("ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_update\"").await;
    assert!(!world.plan().await.is_empty(), "the database has drifted");
    all.ok(&format!("SELECT pg_advisory_lock({})", 0x006b_6579_7761_7264_i64)).await;
    let paused = async |db: &mut Db| rollout::status(db, &world.manifest).await.unwrap().control;
    assert!(rollout::pause(&mut db, None).await.unwrap());
    let first = paused(&mut db).await;
    assert_eq!((first.paused, first.paused_by.as_deref(), &first.reason), (true, Some("app_owner"), &None));
    for (reason, changes, known) in [
        (Some("Black Friday"), true, "Black Friday"),
        (None, false, "Black Friday"),
        (Some("Black Friday"), false, "Black Friday"),
        (Some("  "), false, "Black Friday"),
        (Some("Cyber Monday"), true, "Cyber Monday"),
    ] {
        assert_eq!(rollout::pause(&mut db, reason).await.unwrap(), changes, "{reason:?}");
        let now = paused(&mut db).await;
        assert_eq!((now.reason.as_deref(), now.paused_at), (Some(known), first.paused_at));
    }
    all.ok("SELECT pg_advisory_unlock_all()").await;
    world.apply().await;
    let (ran, _) = run_and(&world, &run_under(""), &AtomicBool::new(false), async || {}).await;
    let error = ran.unwrap_err();
    assert_eq!((error.kind(), enabled(&world).await), (Kind::Resumable, 0));
    assert!(
        error.to_string().starts_with("the rollout is paused by app_owner since ") && error.to_string().ends_with("Cyber Monday")
    );
    assert!(rollout::resume(&mut db).await.unwrap() && !rollout::resume(&mut db).await.unwrap());
    assert_eq!(paused(&mut db).await, rollout::Control::default());
    let (ran, _) = run_and(&world, &run_under(""), &AtomicBool::new(false), async || {}).await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 10);
}

/// A gate on `app.load`, which says 10.
fn gate(ok_when: &str, on_fail: &str) -> String {
    format!(
        "[[rollout.gate]]\nname = \"load\"\nsql = \"SELECT n FROM app.load\"\nok_when = \"{ok_when}\"\non_fail = \"{on_fail}\""
    )
}

/// The state of the last wave, and the answers of its gates.
async fn last_wave(world: &World) -> (String, serde_json::Value) {
    let mut all = world.act("postgres").await;
    let last = |column: &str| format!("SELECT {column} AS v FROM keyward.wave WHERE kind = 'run' ORDER BY id DESC LIMIT 1");
    (all.get(&last("state")).await, all.get(&last("gates")).await)
}

#[tokio::test]
async fn a_gate_that_passes_lets_the_wave_be_done_and_its_answer_is_kept() {
    let world = many().await;
    let text = gate("<= 10", "revert") + "\n[[rollout.gate]]\nname = \"alive\"\nsql = \"SELECT true\"\nok_when = \"true\"";
    let (ran, told) = run_and(&world, &run_under(&text), &AtomicBool::new(false), async || {}).await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_eq!(told, ["note: gate \"load\" passes: 10; ok when <= 10", "note: gate \"alive\" passes: true; ok when true"]);
    let (state, gates) = last_wave(&world).await;
    assert_eq!(state, "done");
    assert!(gates[0]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    for (at, expected) in [
        serde_json::json!({ "name": "load", "ok": true, "value": "10", "ok_when": "<= 10", "on_fail": "revert" }),
        serde_json::json!({ "name": "alive", "ok": true, "value": "true", "ok_when": "true", "on_fail": "pause" }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut found = gates[at].clone();
        found.as_object_mut().unwrap().remove("at");
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_gate_that_fails_pauses_the_rollout_and_is_asked_again() {
    let world = many().await;
    let options = run_under(&gate("< 10", "pause"));
    let (ran, _) = run_and(&world, &options, &AtomicBool::new(false), async || {}).await;
    let error = ran.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("gate \"load\" fails: 10; ok when < 10"), "{error}");
    let (state, gates) = last_wave(&world).await;
    assert_eq!((state.as_str(), &gates[0]["ok"], enabled(&world).await), ("stopped", &serde_json::json!(false), 300));
    let mut db = world.connect("app_owner").await;
    let control = rollout::status(&mut db, &world.manifest).await.unwrap().control;
    assert!(control.paused && control.reason.unwrap().contains("gate \"load\" fails"));
    let (ran, _) = run_and(&world, &options, &AtomicBool::new(false), async || {}).await;
    assert_eq!(ran.unwrap_err().kind(), Kind::Resumable, "it is paused");

    world.act("postgres").await.ok("UPDATE app.load SET n = 9").await;
    rollout::resume(&mut db).await.unwrap();
    let (ran, told) = run_and(&world, &options, &AtomicBool::new(false), async || {}).await;
    ran.unwrap();
    assert_eq!(told, ["note: gate \"load\" passes: 9; ok when < 10"]);
    assert_eq!(last_wave(&world).await.0, "done");
}

#[tokio::test]
async fn a_gate_that_says_so_reverts_the_wave_and_every_key_is_back() {
    let world = many().await;
    let before = published(&world).await;
    world.opt_in("7").await;
    let sealed = before - published(&world).await;
    assert!(sealed > 0, "control: account 7 has chosen, and has keys");
    let (ran, told) = run_and(&world, &run_under(&gate("< 10", "revert")), &AtomicBool::new(false), async || {}).await;
    let error = ran.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(whole_text(&error).contains("was reverted"), "{}", whole_text(&error));
    assert!(told.iter().any(|told| told.ends_with("the wave is reverted")), "{told:?}");
    assert_eq!((enabled(&world).await, published(&world).await), (1, before - sealed), "but for the one that chose");
    let (state, gates) = last_wave(&world).await;
    assert_eq!((state.as_str(), &gates[0]["value"]), ("reverted", &serde_json::json!("10")));
    let lost: i64 = world
        .act("postgres")
        .await
        .get("SELECT count(*) AS v FROM app.locations AS l LEFT JOIN keyward.vault_location_api_key AS s ON s.id = l.id WHERE COALESCE(s.api_key, l.api_key) <> 'key-' || l.id")
        .await;
    assert_eq!(lost, 0);
    assert!(!rollout::status(&mut world.connect("app_owner").await, &world.manifest).await.unwrap().control.paused);
}

#[tokio::test]
async fn a_gate_whose_query_fails_is_one_that_fails_and_quotes_nothing() {
    let world = many().await;
    let text = "[[rollout.gate]]\nname = \"broken\"\nsql = \"SELECT l.name::integer FROM app.locations AS l ORDER BY id LIMIT 1\"\nok_when = \"<> 0\"";
    world.act("app_owner").await.ok("UPDATE app.locations SET name = 'key-' || id").await;
    let (ran, told) = run_and(&world, &run_under(text), &AtomicBool::new(false), async || {}).await;
    let text = format!("{} {told:?} {}", whole_text(&ran.unwrap_err()), last_wave(&world).await.1);
    assert!(text.contains("gate \"broken\" fails: it fails (SQLSTATE 22P02); ok when <> 0") && !text.contains("key-"), "{text}");
}
