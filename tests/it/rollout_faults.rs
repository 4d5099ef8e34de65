//! What a rollout survives: its processes killed, stopped and cut off, the server gone, the disk full, and an application that goes on.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::error::{Error, Kind, Result};
use keyward::manifest::Manifest;
use keyward::rollout::{self, Options, Progress, Target};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::sync::Notify;

use crate::fixture::{Actor, MANIFEST, World, skipped};
use crate::rollout::{assert_whole, enabled, finish, finish_of, run, run_of, status, whole_text};

/// Names the server on which the process that [`child_rolls_out`] becomes works, and how.
const CHILD: [&str; 3] = ["KEYWARD_TEST_FAULTS_CHILD", "KEYWARD_TEST_FAULTS_WHAT", "KEYWARD_TEST_FAULTS_LEASE"];

/// The most that is waited for anything.
const LIMIT: Duration = Duration::from_mins(1);

/// A process of its own that runs or reverts, and tells of its progress.
pub(crate) struct Process {
    child: Child,
    said: mpsc::Receiver<String>,
}

impl Process {
    pub(crate) fn start(world: &World, what: &str, lease: Duration) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rollout_faults::child_rolls_out", "--nocapture"])
            .env(CHILD[0], world.sandbox.url_as("app_owner", &world.database))
            .env(CHILD[1], what)
            .env(CHILD[2], lease.as_millis().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, said) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, said }
    }

    /// What it calls itself.
    fn name(&self) -> String {
        format!("child {}", self.child.id())
    }

    /// Waits for a line that begins so, and returns it.
    pub(crate) fn hear(&self, start: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut heard = Vec::new();
        loop {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => heard.push(line),
                Err(error) => panic!("{start:?} was not heard ({error}), but {heard:#?}"),
            }
        }
    }

    /// Stops it. On a busy machine some of its threads go on for a while after the signal: they have stopped when this returns.
    fn stop(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        let status = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(status, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    }

    /// Lets it go on after a stop.
    fn go_on(&self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGCONT).unwrap();
    }

    /// Kills it without a word. The server notices by and by: see [`noticed`].
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        assert!(!self.child.wait().unwrap().success(), "it was killed while it worked");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended, or be stopped: a kill reaches that one too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test of its own: the processes that the others start.
#[tokio::test]
async fn child_rolls_out() {
    let [Ok(url), Ok(what), Ok(lease)] = CHILD.map(std::env::var) else { return };
    let settings = Settings::resolve(Some(&url), &|_| None).unwrap();
    let mut db = Db::connect(&settings).await.unwrap();
    let manifest = Manifest::parse(MANIFEST, "keyward.toml").unwrap();
    let options = Options {
        patience: LIMIT,
        lease: Duration::from_millis(lease.parse().unwrap()),
        process: format!("child {}", std::process::id()),
        ..run_of("100")
    };
    // Through stderr: the test harness keeps stdout to itself.
    let mut tell = |progress: Progress<'_>| eprintln!("rollout {progress:?}");
    let stop = AtomicBool::new(false);
    let done = match what.as_str() {
        "limited run" => {
            let options = Options { limit: Some(100), ..options };
            rollout::run(&mut db, &manifest, &options, &stop, &mut tell).await.map(drop)
        }
        "run" => rollout::run(&mut db, &manifest, &options, &stop, &mut tell).await.map(drop),
        _ => rollout::revert(&mut db, &manifest, Target::All, &options, &stop, &mut tell).await.map(drop),
    };
    match done {
        Ok(()) => eprintln!("ended well"),
        Err(error) => eprintln!("ended {:?}: {}", error.kind(), whole_text(&error)),
    }
}

/// The standard application with so many accounts, each with a location at least, whose sealing can be held up with [`hold`].
pub(crate) async fn crowd(accounts: u32) -> World {
    let world = World::applied().await;
    world
        .act("app_owner")
        .await
        .ok(&format!(
            "INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(11, {accounts}) AS n;
             INSERT INTO app.locations (id, account_id, name, api_key)
             SELECT n + 20, n, 'location ' || n, 'key-' || n + 20 FROM generate_series(11, {accounts}) AS n;
             CREATE FUNCTION app.heed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                -- not waiting in the lock function: a batch gives that up after a tenth of a second
                WHILE NOT pg_try_advisory_xact_lock_shared(77, OLD.account_id::integer) LOOP PERFORM pg_sleep(0.005); END LOOP;
                RETURN NEW; END $$;
             CREATE TRIGGER heed BEFORE UPDATE OF api_key ON app.locations FOR EACH ROW EXECUTE FUNCTION app.heed()"
        ))
        .await;
    world
}

/// Keeps whoever comes to an account amid its batch, until the lock is given back with [`let_go`].
pub(crate) async fn hold(actor: &mut Actor, account: u32) {
    actor.get::<String>(&format!("SELECT pg_advisory_lock(77, {account})::text AS v")).await;
}

pub(crate) async fn let_go(actor: &mut Actor, account: u32) {
    assert!(actor.get::<bool>(&format!("SELECT pg_advisory_unlock(77, {account}) AS v")).await);
}

/// Waits until a query answers true.
pub(crate) async fn eventually(actor: &mut Actor, query: &str) {
    let deadline = Instant::now() + LIMIT;
    while !actor.get::<bool>(query).await {
        assert!(Instant::now() < deadline, "this never came true:\n{query}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until so many batches are kept by [`hold`].
pub(crate) async fn held(actor: &mut Actor, batches: u32) {
    eventually(
        actor,
        &format!(
            "SELECT count(*) = {batches} AS v FROM pg_stat_activity
              WHERE usename = 'app_owner' AND wait_event = 'PgSleep' AND query LIKE '%seal\\_location%'"
        ),
    )
    .await;
}

/// Waits until the server has noticed that every process of a rollout is gone.
pub(crate) async fn noticed(actor: &mut Actor) {
    eventually(actor, "SELECT count(*) = 0 AS v FROM pg_stat_activity WHERE usename = 'app_owner'").await;
}

/// Asserts that the first wave is done, has counted each of its accounts and keys once, and is the only one.
async fn assert_counted(world: &World, accounts: u64) {
    let waves = status(world).await.waves;
    assert_eq!(waves.len(), 1);
    assert_eq!((waves[0].state.as_str(), waves[0].accounts, waves[0].keys), ("done", accounts, accounts + 20));
    let mut all = world.act("postgres").await;
    let settings = "SELECT count(*) FILTER (WHERE wave = 1 AND enabled AND source = 'rollout') AS v FROM keyward.account_setting";
    assert_eq!(all.get::<u64>(settings).await, accounts);
    let sealed = "SELECT count(*) FILTER (WHERE sealed_by_wave = 1) AS v FROM keyward.vault_location_api_key";
    assert_eq!(all.get::<u64>(sealed).await, accounts + 20);
    assert_whole(world).await;
}

const LEASE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_process_killed_among_three_is_replaced_by_the_two_others() {
    let world = crowd(900).await;
    let mut all = world.act("postgres").await;
    hold(&mut all, 250).await;
    let processes: Vec<_> = (0..3).map(|_| Process::start(&world, "run", LEASE)).collect();
    held(&mut all, 1).await;
    // whoever is kept amid the batch, with the chunk that no other could take
    let name: String = all
        .get("SELECT w.process AS v FROM keyward.chunk AS c JOIN keyward.worker AS w ON w.id = c.worker WHERE c.low = '200'")
        .await;
    let (victims, others): (Vec<_>, Vec<_>) = processes.into_iter().partition(|process| process.name() == name);
    assert_eq!((victims.len(), others.len()), (1, 2));
    victims.into_iter().for_each(Process::kill);
    assert!(enabled(&world).await.len() < 900);
    let_go(&mut all, 250).await;
    for process in others {
        assert_eq!(process.hear("ended"), "ended well");
    }
    let taken: i64 = all.get(&format!("SELECT accounts AS v FROM keyward.worker WHERE process = '{name}'")).await;
    assert!(taken < 900, "the one that was killed did not do it all");
    assert_counted(&world, 900).await;
}

#[tokio::test]
async fn when_all_processes_are_killed_the_next_run_goes_on() {
    let world = crowd(900).await;
    let mut all = world.act("postgres").await;
    // of one chunk, whose owner can't come past them, whatever the others have done by then
    for account in [250, 300, 350] {
        hold(&mut all, account).await;
        let processes: Vec<_> = (0..3).map(|_| Process::start(&world, "run", LEASE)).collect();
        held(&mut all, 1).await;
        processes.into_iter().for_each(Process::kill);
        let_go(&mut all, account).await;
        noticed(&mut all).await;
        assert_whole(&world).await;
        assert!(!enabled(&world).await.contains(&i64::from(account)));
    }
    assert_eq!(status(&world).await.waves[0].state, "stopped");
    run(&world, &run_of("100")).await.unwrap();
    assert_counted(&world, 900).await;
}

/// Runs with three workers until so many accounts are enabled, and then does something to it.
async fn run_until(world: &mut World, accounts: u64, act: impl AsyncFnOnce(&mut World)) -> Result<rollout::Ran> {
    let (manifest, mut db) = (world.manifest.clone(), world.connect("app_owner").await);
    let (half, stop) = (Notify::new(), AtomicBool::new(false));
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(tally) if tally.accounts >= accounts) {
            half.notify_one();
        }
    };
    let options = Options { workers: 3, patience: LIMIT, pace: Some(200.0), ..run_of("100") };
    let (ran, ()) = tokio::join!(rollout::run(&mut db, &manifest, &options, &stop, &mut tell), async {
        half.notified().await;
        act(world).await;
    });
    ran
}

#[tokio::test]
async fn a_server_that_crashes_amid_a_wave_loses_nothing() {
    let mut world = crowd(600).await;
    for round in 0..2 {
        let ran = run_until(&mut world, 100, async |world| {
            if round == 0 {
                // an immediate shutdown
                kill(Pid::from_raw(world.sandbox.pid().unwrap().try_into().unwrap()), Signal::SIGQUIT).unwrap();
            } else {
                world.sandbox.kill_server().unwrap();
            }
        })
        .await;
        let error = ran.unwrap_err();
        assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
        world.sandbox.restart().unwrap();
        assert_whole(&world).await;
        let counted = status(&world).await.waves[0].accounts;
        assert_eq!(counted, enabled(&world).await.len() as u64, "what was lost is lost as a whole");
        assert!(counted < 600);
    }
    run(&world, &run_of("100")).await.unwrap();
    assert_counted(&world, 600).await;
}

#[tokio::test]
async fn any_connection_may_be_cut_amid_a_wave() {
    let mut world = crowd(600).await;
    for (which, at) in [("pid IN (SELECT pid FROM keyward.worker)", 100), ("pid NOT IN (SELECT pid FROM keyward.worker)", 200)] {
        let ran = run_until(&mut world, 100, async |world| {
            let mut all = world.act("postgres").await;
            let query = format!(
                "SELECT count(pg_terminate_backend(pid)) AS v FROM (
                    SELECT pid FROM pg_stat_activity WHERE usename = 'app_owner' AND {which} LIMIT 1) AS x"
            );
            assert_eq!(all.get::<i64>(&query).await, 1);
        })
        .await;
        let error = ran.unwrap_err();
        assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
        assert!(error.to_string().contains("connection to the server was lost"), "{}", whole_text(&error));
        let enabled = enabled(&world).await.len();
        assert!(enabled >= at && enabled < 600, "{enabled}");
        noticed(&mut world.act("postgres").await).await;
        assert_whole(&world).await;
    }
    run(&world, &run_of("100")).await.unwrap();
    assert_counted(&world, 600).await;
}

#[tokio::test]
async fn a_lease_that_is_taken_away_between_two_batches_is_not_used_any_more() {
    let mut world = crowd(300).await;
    let ran = run_until(&mut world, 50, async |world| {
        let mut all = world.act("postgres").await;
        for _ in 0..5 {
            // as a takeover does; it waits for the batch that holds the chunk, and the next one finds it changed
            let touched =
                all.ok("UPDATE keyward.chunk SET fence = fence + 1, worker = NULL, leased_until = NULL WHERE NOT done").await;
            assert!(touched > 0, "amid the wave");
        }
    })
    .await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_counted(&world, 300).await;
}

#[tokio::test]
async fn who_has_lost_a_lease_goes_on_with_other_chunks_only() {
    let mut world = crowd(300).await;
    let ran = run_until(&mut world, 20, async |world| {
        let mut all = world.act("postgres").await;
        // a worker that lives, and has the first chunk
        all.get::<String>("SELECT pg_advisory_lock(1801812344, 999999)::text AS v").await;
        all.ok("UPDATE keyward.chunk SET fence = fence + 1, worker = 999999, leased_until = now() + interval '1 hour' WHERE no = 1 AND NOT done")
            .await;
        let taken = "SELECT count(*) AS v FROM keyward.account_setting AS s WHERE EXISTS (
                         SELECT FROM keyward.chunk AS c WHERE c.worker = 999999 AND s.account > COALESCE(c.low, '0')::bigint AND s.account <= c.high::bigint)";
        let before: i64 = all.get(taken).await;
        eventually(&mut all, "SELECT count(*) FILTER (WHERE account > 200) = 100 AS v FROM keyward.account_setting").await;
        assert_eq!(all.get::<i64>(taken).await, before, "it has let go of what was taken from it");
        all.ok("UPDATE keyward.chunk SET worker = NULL, leased_until = NULL WHERE worker = 999999").await;
    })
    .await;
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_counted(&world, 300).await;
}

/// Stops a process at a moment when its worker has no transaction open.
async fn stop_between_batches(process: &Process, all: &mut Actor) {
    let state = "SELECT a.state AS v FROM keyward.worker AS w JOIN pg_stat_activity AS a USING (pid)";
    for _ in 0..1000 {
        process.stop();
        // what it had sent already is carried out
        eventually(
            all,
            "SELECT bool_and(a.state <> 'active' AND a.state_change < clock_timestamp() - interval '20 ms') AS v
            FROM keyward.worker AS w JOIN pg_stat_activity AS a USING (pid)",
        )
        .await;
        if all.get::<String>(state).await == "idle" {
            return;
        }
        process.go_on();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    panic!("it was always amid a transaction");
}

#[tokio::test]
async fn a_process_stopped_for_longer_than_its_lease_is_replaced_and_cannot_commit_for_it() {
    let world = crowd(300).await;
    let mut all = world.act("postgres").await;
    let mut owner = world.connect("app_owner").await;
    let lease = Duration::from_millis(300);
    hold(&mut all, 50).await;
    let slow = Process::start(&world, "run", lease);
    held(&mut all, 1).await;
    assert!(rollout::pause(&mut owner, Some("test")).await.unwrap());
    let_go(&mut all, 50).await;
    // it keeps its chunk while it is paused, and is stopped between two batches
    eventually(&mut all, "SELECT bool_or(state = 'paused') AS v FROM keyward.worker").await;
    stop_between_batches(&slow, &mut all).await;
    eventually(&mut all, "SELECT leased_until <= clock_timestamp() AS v FROM keyward.chunk WHERE no = 1 AND worker = 1").await;
    assert!(rollout::resume(&mut owner).await.unwrap());
    hold(&mut all, 150).await;
    let quick = Process::start(&world, "run", lease);
    held(&mut all, 1).await;
    assert_eq!(all.get::<i64>("SELECT worker AS v FROM keyward.chunk WHERE no = 1").await, 2, "taken over from one that lives");
    let before = enabled(&world).await;
    slow.go_on();
    // the old owner finds its chunk another's, and works on the other one
    eventually(&mut all, "SELECT count(*) > 0 AS v FROM keyward.chunk WHERE no = 2 AND done").await;
    let of_the_first = |ids: BTreeSet<i64>| ids.into_iter().filter(|id| *id <= 200).collect::<Vec<_>>();
    assert_eq!(of_the_first(enabled(&world).await), of_the_first(before));
    let_go(&mut all, 150).await;
    for process in [&quick, &slow] {
        assert_eq!(process.hear("ended"), "ended well");
    }
    assert_counted(&world, 300).await;
}

#[tokio::test]
async fn a_process_stopped_amid_a_batch_makes_nobody_wait_longer_than_its_lease() {
    let world = crowd(300).await;
    let mut all = world.act("postgres").await;
    hold(&mut all, 50).await;
    let stopped = Process::start(&world, "run", Duration::from_secs(2));
    held(&mut all, 1).await;
    stopped.stop();
    let_go(&mut all, 50).await;
    // the server ends its session, which holds rows of the application
    eventually(
        &mut all,
        "SELECT count(*) = 0 AS v FROM keyward.worker AS w JOIN pg_stat_activity AS a USING (pid) WHERE a.datname = current_database()",
    )
    .await;
    assert!(!enabled(&world).await.contains(&50), "its batch is undone");
    let ran = run(&world, &run_of("100")).await.unwrap().tally.unwrap();
    assert!(ran.accounts < 300, "the same wave");
    assert_counted(&world, 300).await;
    stopped.go_on();
    let end = stopped.hear("ended");
    assert!(end.starts_with("ended Resumable: the connection to the server was lost"), "{end}");
    assert_counted(&world, 300).await;
}

#[test]
fn no_lease_depends_on_the_clock_of_the_machine_that_a_worker_runs_on() {
    // An Instant measures how long something takes here; it is no time of day, and is sent nowhere.
    let wall =
        |text: &str| ["SystemTime", "Timestamp::now", "Zoned::now", "UtcDateTime::now"].iter().any(|name| text.contains(name));
    assert!(wall("let until = jiff::Timestamp::now() + lease;") && !wall("let began = Instant::now();"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<PathBuf> = std::fs::read_dir(root.join("src/rollout")).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.iter().any(|path| path.ends_with("lease.rs")), "the scan sees the sources");
    let found: Vec<_> = files.iter().filter(|path| wall(&std::fs::read_to_string(path).unwrap())).collect();
    assert_eq!(found, Vec::<&PathBuf>::new());

    // and in SQL, the beginning of the transaction is not now
    let stale = |text: &str| text.contains("leased_until") && (text.contains("now()") || text.contains("CURRENT_TIMESTAMP"));
    assert!(stale("SET leased_until = now() + $3") && !stale("SET leased_until = clock_timestamp() + $3"));
    for file in ["lease", "progress", "renew", "give_back", "close", "open"] {
        let text = std::fs::read_to_string(root.join(format!("sql/rollout/{file}.sql"))).unwrap();
        assert!(!stale(&text), "{file}.sql");
    }
}

#[tokio::test]
async fn what_happens_to_accounts_and_keys_amid_a_wave_is_heeded() {
    let world = crowd(300).await;
    let (mut all, mut ui, mut api) = (world.act("postgres").await, world.act("app_ui").await, world.act("api_v2").await);
    hold(&mut all, 150).await;
    let process = Process::start(&world, "run", LEASE);
    held(&mut all, 1).await;
    let so_far = enabled(&world).await;
    assert!(so_far.contains(&140) && !so_far.contains(&160), "half-way");

    // an account behind the wave, and one before it, each
    api.ok("DELETE FROM app.accounts WHERE id IN (100, 200)").await;
    ui.ok("SELECT keyward.opt_out(101, 'no', acknowledge_risk => true), keyward.opt_out(201, 'no', acknowledge_risk => true)")
        .await;
    ui.ok("SELECT keyward.opt_in(102, 'yes'), keyward.opt_in(202, 'yes')").await;
    api.ok("INSERT INTO app.accounts (id, name) VALUES (5000, 'new')").await;
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key)
            VALUES (5000, 5000, 'x', 'key-5000'), (5103, 103, 'x', 'key-5103'), (5203, 203, 'x', 'key-5203')")
        .await;
    // moved across the front, both ways: location n + 20 is account n's
    api.ok("UPDATE app.locations SET account_id = 205 WHERE id = 124; UPDATE app.locations SET account_id = 105 WHERE id = 224")
        .await;
    let mut made = Vec::new();
    for id in [126, 226] {
        made.push((id, ui.get::<String>(&format!("SELECT keyward.generate_location_api_key({id}) AS v")).await));
    }
    ui.ok("UPDATE app.locations SET api_key = 'by hand ' || id WHERE id IN (127, 227)").await;
    let_go(&mut all, 150).await;
    assert_eq!(process.hear("ended"), "ended well");

    let sources: Vec<String> = all
        .get(
            "SELECT array_agg(concat_ws(' ', account, source, enabled, wave) ORDER BY account) AS v FROM keyward.account_setting
              WHERE account IN (100, 101, 102, 200, 201, 202, 5000)",
        )
        .await;
    assert_eq!(
        sources,
        ["100 rollout t 1", "101 opt_out f", "102 opt_in t", "201 opt_out f", "202 opt_in t", "5000 default t"],
        "what was deleted before it was reached has no setting"
    );
    let wave = status(&world).await.waves.remove(0);
    assert_eq!((wave.state.as_str(), wave.accounts), ("done", 297), "all but those deleted or decided before they were reached");
    for (id, key) in &made {
        assert_eq!(all.get::<i64>(&format!("SELECT id AS v FROM keyward.authenticate_location_api_key('{key}')")).await, *id);
    }
    let by_hand = "SELECT count(*) AS v FROM unnest(ARRAY[127, 227]) AS n, keyward.authenticate_location_api_key('by hand ' || n) AS a WHERE a.id = n";
    assert_eq!(all.get::<i64>(by_hand).await, 2);
    // the rest as it was: brought to the form that assert_whole knows
    let published: Vec<i64> = all.get("SELECT array_agg(id ORDER BY id) AS v FROM app.locations WHERE api_key IS NOT NULL").await;
    assert_eq!(published, [121, 221], "those of the accounts that opted out");
    let keyless: Vec<i64> = all
        .get(
            "SELECT array_agg(l.id ORDER BY l.id) AS v FROM app.locations AS l
              WHERE l.id NOT IN (126, 127, 226, 227) AND NOT EXISTS (SELECT FROM keyward.authenticate_location_api_key('key-' || l.id) AS a WHERE a.id = l.id)",
        )
        .await;
    assert_eq!(keyless, [5000, 5103], "rows that were new in an account that was enabled by then");
}

#[tokio::test]
async fn the_application_is_no_victim_of_a_deadlock() {
    let mut world = crowd(300).await;
    let mut done = 0;
    let ran = run_until(&mut world, 20, async |world| {
        let (mut first, mut second) = (world.act("api_v1").await, world.act("api_v2").await);
        // from the last row to the first, against the order of the wave
        for id in (60..300).rev().step_by(12) {
            first.ok(&format!("BEGIN; UPDATE app.locations SET name = 'a' WHERE id = {id}")).await;
            second.ok(&format!("BEGIN; UPDATE app.locations SET name = 'b' WHERE id = {}", id - 1)).await;
            first.ok(&format!("UPDATE app.locations SET name = 'a' WHERE id IN ({}, {})", id - 9, id - 10)).await;
            second.ok(&format!("UPDATE app.locations SET name = 'b' WHERE id = {}", id - 11)).await;
            first.ok("COMMIT").await;
            second.ok("COMMIT").await;
            done += 1;
        }
    })
    .await;
    assert_eq!((ran.unwrap().tally.unwrap().accounts, done), (300, 20));
    assert_counted(&world, 300).await;
}

#[tokio::test]
async fn an_account_whose_setting_is_being_changed_is_left_for_later() {
    let world = crowd(300).await;
    let (mut one, mut other) = (world.act("app_ui").await, world.act("app_ui").await);
    one.ok("BEGIN; SELECT keyward.opt_in(150)").await;
    other.ok("BEGIN; SELECT keyward.opt_out(160, 'no', acknowledge_risk => true)").await;
    let error = run(&world, &run_of("100")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable);
    assert!(error.to_string().contains(" in use: other transactions hold rows there"), "{}", whole_text(&error));
    let all: BTreeSet<i64> = (1..=300).collect();
    let left = &all - &enabled(&world).await;
    // with those that share their locks, of which there are 64
    assert!(left.contains(&150) && left.contains(&160) && left.len() < 30, "{left:?}");
    assert_eq!(status(&world).await.parked_accounts, 0);
    assert_whole(&world).await;
    one.ok("COMMIT").await;
    other.ok("COMMIT").await;
    run(&world, &run_of("100")).await.unwrap();
    let waves = status(&world).await.waves;
    assert_eq!((waves.len(), waves[0].accounts, waves[0].state.as_str()), (1, 298, "done"));
    assert_eq!(enabled(&world).await, &all - &BTreeSet::from([160]));
    assert_whole(&world).await;
}

/// A small disk; `None` where this user may not mount one.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn mount(owner: &Path, kilobytes: u32) -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("kw-disk-").tempdir_in("/tmp").unwrap().keep();
        let like = std::fs::metadata(owner).unwrap();
        let options = format!("size={kilobytes}k,mode=700,uid={},gid={}", like.uid(), like.gid());
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&dir).output();
        let disk = Self(dir);
        mounted.is_ok_and(|output| output.status.success()).then_some(disk)
    }

    pub(crate) fn resize(&self, kilobytes: u32) {
        let options = format!("remount,size={kilobytes}k");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_wave_and_is_no_fault_of_the_accounts() {
    let world = crowd(900).await;
    let Some(disk) = Disk::mount(&world.sandbox.data_dir(), 48) else {
        skipped("a full disk: this user may not mount one");
        return;
    };
    let mut all = world.act("postgres").await;
    all.ok(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display())).await;
    all.ok("ALTER TABLE keyward.vault_location_api_key SET TABLESPACE small").await;
    for _ in 0..2 {
        let error: Error = run(&world, &run_of("100")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{}", whole_text(&error));
        assert!(whole_text(&error).contains("53100"), "{}", whole_text(&error));
        let status = status(&world).await;
        assert_eq!((status.parked_accounts, status.waves[0].state.as_str()), (0, "stopped"));
        let enabled = enabled(&world).await.len();
        assert!(enabled > 100 && enabled < 900, "{enabled}");
        assert_whole(&world).await;
    }
    disk.resize(4096);
    run(&world, &run_of("100")).await.unwrap();
    assert_counted(&world, 900).await;
    finish(&world, &finish_of()).await.unwrap();
    drop(world);
}
