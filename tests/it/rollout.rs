//! What a rollout promises: nothing is lost or half done, whatever ends it, and nobody is made to wait.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::error::{Error, Kind, Result};
use keyward::manifest::Manifest;
use keyward::rollout::{self, Finished, Options, Percent, Progress, Ran, Status};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::fixture::{MANIFEST, World};

/// Names the server on which the process that [`child_rolls_out_until_it_is_killed`] becomes works.
const CHILD: &str = "KEYWARD_TEST_ROLLOUT_CHILD";

/// A run of the percentage with short patience and small batches.
pub(crate) fn run_of(percent: &str) -> Options {
    Options {
        percent: percent.parse().unwrap(),
        patience: Duration::ZERO,
        settle: Duration::from_millis(200),
        most: 7,
        ..Options::run()
    }
}

pub(crate) fn finish_of() -> Options {
    Options { patience: Duration::from_millis(300), most: 7, ..Options::finish() }
}

pub(crate) async fn run(world: &World, options: &Options) -> Result<Ran> {
    let mut db = world.connect("app_owner").await;
    rollout::run(&mut db, &world.manifest, options, &AtomicBool::new(false), &mut |_| {}).await
}

pub(crate) async fn finish(world: &World, options: &Options) -> Result<Finished> {
    let mut db = world.connect("app_owner").await;
    rollout::finish(&mut db, &world.manifest, options, &AtomicBool::new(false), &mut |_| {}).await
}

pub(crate) async fn status(world: &World) -> Status {
    rollout::status(&mut world.connect("app_owner").await, &world.manifest).await.unwrap()
}

/// The standard application with 300 accounts, of which each has a location at least.
pub(crate) async fn many() -> World {
    let world = World::applied().await;
    world
        .act("postgres")
        .await
        .ok("INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(11, 300) AS n;
             INSERT INTO app.locations (id, account_id, name, api_key)
             SELECT n, n, 'location ' || n, 'key-' || n FROM generate_series(31, 300) AS n")
        .await;
    world
}

/// Asserts that every key is in one place, authenticates, and that no account is half sealed.
pub(crate) async fn assert_whole(world: &World) {
    let mut all = world.act("postgres").await;
    let misplaced: i64 = all
        .get(
            "SELECT count(*) AS v FROM app.locations AS l LEFT JOIN keyward.vault_location_api_key AS s ON s.id = l.id
              WHERE COALESCE(s.api_key, l.api_key) IS DISTINCT FROM 'key-' || l.id OR s.api_key IS NOT NULL AND l.api_key IS NOT NULL",
        )
        .await;
    assert_eq!(misplaced, 0, "keys lost, changed or doubled");
    let strange: i64 = all
        .get(
            "SELECT count(*) AS v FROM app.locations AS l
              WHERE NOT EXISTS (SELECT FROM keyward.authenticate_location_api_key('key-' || l.id) AS a WHERE a.id = l.id)",
        )
        .await;
    assert_eq!(strange, 0, "keys that no longer authenticate");
    let half: i64 = all
        .get("SELECT count(*) AS v FROM app.locations AS l WHERE keyward.is_enabled(l.account_id) <> (l.api_key IS NULL)")
        .await;
    assert_eq!(half, 0, "keys on the wrong side");
}

pub(crate) async fn enabled(world: &World) -> BTreeSet<i64> {
    let mut all = world.act("postgres").await;
    let ids: Vec<i64> =
        all.get("SELECT COALESCE(array_agg(account), '{}') AS v FROM keyward.account_setting WHERE enabled").await;
    ids.into_iter().collect()
}

/// An error with its causes, as a person reads it.
pub(crate) fn whole_text(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source} ({})", error.hint().unwrap_or_default())
}

#[tokio::test]
async fn a_share_is_the_same_in_every_run_and_lies_within_any_greater_one() {
    let world = many().await;
    let share = |points: u32| -> BTreeSet<i64> {
        let hash = |id: &i64| u32::from_be_bytes(Sha256::digest(id.to_string())[..4].try_into().unwrap());
        (1..=300).filter(|id| hash(id) % 10_000 < points).collect()
    };
    for (percent, points) in [("5", 500), ("12.5", 1_250), ("60", 6_000), ("100", 10_000)] {
        let ran = run(&world, &run_of(percent)).await.unwrap();
        assert!(ran.tally.is_some());
        assert_eq!(enabled(&world).await, share(points), "{percent}");
        assert_whole(&world).await;
        assert_eq!(run(&world, &run_of(percent)).await.unwrap().tally, None, "there is nothing to do the second time");
    }
    let status = status(&world).await;
    assert_eq!(status.waves.len(), 4, "a run with nothing to do leaves no wave behind");
    assert!(status.waves.iter().all(|wave| wave.state == "done" && wave.started_by == "app_owner"));
    assert_eq!(status.waves.iter().map(|wave| wave.accounts).sum::<u64>(), 300);
    assert_eq!((status.keys[0].sealed, status.keys[0].published, status.eligible), (300, 0, 0));
}

#[tokio::test]
async fn explicit_choices_stay_as_they_are() {
    let world = many().await;
    let mut ui = world.act("app_ui").await;
    ui.ok("SELECT keyward.opt_out(7, 'they insist', acknowledge_risk => true)").await;
    ui.ok("SELECT keyward.opt_in(8, 'they asked')").await;
    run(&world, &run_of("100")).await.unwrap();
    finish(&world, &finish_of()).await.unwrap();
    let mut all = world.act("postgres").await;
    let sources: Vec<String> = all
        .get("SELECT array_agg(source || enabled ORDER BY account) AS v FROM keyward.account_setting WHERE account IN (7, 8, 9)")
        .await;
    assert_eq!(sources, ["opt_outfalse", "opt_intrue", "rollouttrue"]);
    assert_eq!(all.get::<i64>("SELECT count(api_key) AS v FROM app.locations").await, 3, "account 7's keys stay published");
    assert_whole(&world).await;
}

#[tokio::test]
async fn before_the_cutover_it_runs_only_when_told_to() {
    let mut world = World::bare().await;
    world.manifest = Manifest::parse(&MANIFEST.replace("2024-06-17", "2999-06-17"), "keyward.toml").unwrap();
    world.apply().await;
    for error in [run(&world, &run_of("5")).await.unwrap_err(), finish(&world, &finish_of()).await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().contains("the cutover has not come yet: 2999-06-17"), "{error}");
    }
    let mut db = world.connect("app_owner").await;
    assert!(rollout::share(&mut db, &world.manifest, &run_of("100")).await.is_err());
    let early = Options { before_cutover: true, ..run_of("100") };
    let share = rollout::share(&mut db, &world.manifest, &early).await.unwrap();
    assert_eq!((share.accounts, share.eligible), (10, 10));
    let ran = run(&world, &early).await.unwrap();
    assert_eq!((ran.tally.unwrap().accounts, ran.new_accounts), (10, false));
    assert!(!status(&world).await.policy.new_accounts_enabled, "canaries don't change what new accounts get");
    finish(&world, &Options { before_cutover: true, ..finish_of() }).await.unwrap();
    assert!(status(&world).await.policy.default_enabled);
}

#[tokio::test]
async fn a_new_account_is_enabled_once_the_rollout_has_begun() {
    let world = World::applied().await;
    let mut api = world.act("api_v2").await;
    api.ok("INSERT INTO app.accounts (id, name) VALUES (501, 'early')").await;
    assert!(run(&world, &run_of("1")).await.unwrap().new_accounts);
    api.ok("INSERT INTO app.accounts (id, name) VALUES (502, 'late')").await;
    assert!(enabled(&world).await.contains(&502) && !enabled(&world).await.contains(&501));
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (502, 502, 'x', 'given')").await;
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 502").await, None);
}

#[tokio::test]
async fn it_refuses_where_sealing_would_not_hold() {
    let mut world = World::bare().await;
    let refused = async |world: &World, what: &str| {
        for error in [run(world, &run_of("100")).await.unwrap_err(), finish(world, &finish_of()).await.unwrap_err()] {
            assert_eq!(error.kind(), Kind::Refused);
            assert!(whole_text(&error).contains(what), "{}", whole_text(&error));
        }
    };
    refused(&world, "not applied").await;
    world.apply().await;
    let applied = world.manifest.clone();
    world.manifest.setting.label = "Another".to_owned();
    refused(&world, "run keyward plan").await;
    world.manifest = applied;
    let mut all = world.act("postgres").await;
    all.ok("ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_update\"").await;
    refused(&world, "drifted").await;
    world.apply().await;
    all.ok("UPDATE keyward.policy SET mode = 'off'").await;
    refused(&world, "policy is off").await;
    all.ok("UPDATE keyward.policy SET mode = 'enforce'").await;
    assert_eq!(status(&world).await.waves, []);
    assert_whole(&world).await;
    run(&world, &run_of("100")).await.unwrap();
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_row_in_use_is_left_and_taken_later() {
    let world = many().await;
    let mut busy = world.act("api_v1").await;
    busy.ok("BEGIN; UPDATE app.locations SET name = 'renamed' WHERE id = 11").await;
    let error = run(&world, &run_of("100")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable);
    assert!(error.to_string().starts_with("1 account is in use"), "{error}");
    assert_eq!(enabled(&world).await, (2..=300).collect());
    assert_eq!(status(&world).await.waves[0].state, "stopped");
    busy.ok("COMMIT").await;
    assert_whole(&world).await;
    let ran = run(&world, &run_of("100")).await.unwrap().tally.unwrap();
    assert_eq!((ran.accounts, ran.keys), (1, 3));
    let waves = status(&world).await.waves;
    assert_eq!((waves.len(), waves[0].accounts, waves[0].state.as_str()), (1, 300, "done"), "the same wave went on");
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_row_that_an_open_transaction_refers_to_is_in_use_only_where_its_key_could_be_what_it_refers_to() {
    for (of_the_key, in_use) in [("", 1), ("ALTER TABLE app.locations DROP CONSTRAINT locations_api_key_key", 0)] {
        let world = many().await;
        world.act("postgres").await.ok(of_the_key).await;
        world.apply().await;
        // as a row does that is being inserted with a reference to this one
        let mut busy = world.act("api_v1").await;
        busy.ok("BEGIN; SELECT FROM app.locations WHERE id = 11 FOR KEY SHARE").await;
        let ran = run(&world, &run_of("100")).await;
        assert_eq!(enabled(&world).await.len(), 300 - in_use, "{of_the_key}");
        match ran {
            Ok(_) => assert_eq!(in_use, 0),
            Err(error) => assert!(in_use == 1 && error.to_string().starts_with("1 account is in use"), "{error}"),
        }
        busy.ok("COMMIT").await;
        run(&world, &run_of("100")).await.unwrap();
        assert_whole(&world).await;
    }
}

#[tokio::test]
async fn with_patience_it_comes_back_by_itself() {
    let world = many().await;
    let mut busy = world.act("api_v1").await;
    busy.ok("BEGIN; SELECT FROM app.locations WHERE id = 11 FOR UPDATE").await;
    let freed = Notify::new();
    let mut db = world.connect("app_owner").await;
    let options = Options { patience: Duration::from_mins(1), ..run_of("100") };
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::InUse(1, _)) {
            freed.notify_one();
        }
    };
    let (ran, ()) = tokio::join!(rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell), async {
        freed.notified().await;
        busy.ok("COMMIT").await;
    });
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 300);
    assert_whole(&world).await;
}

#[tokio::test]
async fn an_account_that_a_trigger_protects_is_parked_and_no_key_is_told() {
    let world = many().await;
    let mut owner = world.act("app_owner").await;
    for (round, (act, sqlstate)) in
        [("RAISE EXCEPTION 'keep %', OLD.api_key", "P0001"), ("RETURN NULL", "KW003")].into_iter().enumerate()
    {
        owner
            .ok(&format!(
                "CREATE OR REPLACE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF OLD.account_id = 105 THEN {act}; END IF; RETURN NEW; END $$;
                 CREATE OR REPLACE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()"
            ))
            .await;
        let mut told = Vec::new();
        let mut tell = |progress: Progress<'_>| {
            if let Progress::Parked { account, problem } = progress {
                told.push((account.to_owned(), problem.to_owned()));
            }
        };
        let mut db = world.connect("app_owner").await;
        let stop = AtomicBool::new(false);
        let tally = rollout::run(&mut db, &world.manifest, &run_of("100"), &stop, &mut tell).await.unwrap().tally.unwrap();
        assert_eq!((tally.accounts, tally.parked), (if round == 0 { 299 } else { 0 }, 1));
        assert!(told[0].0 == "105" && told[0].1.contains(sqlstate) && !told[0].1.contains("key-"), "{told:?}");
        assert_eq!(enabled(&world).await, (1..=300).filter(|id| *id != 105).collect());
        assert_whole(&world).await;
        let status = status(&world).await;
        let parked = &status.parked[0];
        assert_eq!((status.parked_accounts, parked.account.as_str(), parked.sqlstate.as_str()), (1, "105", sqlstate));
        assert!(!serde_json::to_string(&status).unwrap().contains("key-"));

        let error = finish(&world, &finish_of()).await.unwrap_err();
        assert!(error.kind() == Kind::Refused && error.to_string().contains("105"), "{}", whole_text(&error));
    }
    owner.ok("DROP TRIGGER protect ON app.locations").await;
    assert_eq!(run(&world, &run_of("100")).await.unwrap().tally.unwrap().accounts, 1, "parked no longer");
    assert_eq!((enabled(&world).await.len(), status(&world).await.parked_accounts), (300, 0));
    finish(&world, &finish_of()).await.unwrap();
    assert_whole(&world).await;
}

#[tokio::test]
async fn an_older_snapshot_is_waited_for_by_finish_and_publishes_nothing() {
    let world = World::applied().await;
    let mut writer = world.act("api_v2").await;
    writer.ok("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    writer.get::<i64>("SELECT count(*) AS v FROM app.accounts").await;
    let ran = run(&world, &run_of("100")).await.unwrap();
    assert_eq!((ran.older.len(), ran.older[0].role.as_str()), (1, "api_v2"));
    let error = finish(&world, &finish_of()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable);
    assert!(whole_text(&error).contains("(api_v2, for "), "{}", whole_text(&error));

    // and this time somebody ends the transaction while finish waits
    let waits = Notify::new();
    let mut db = world.connect("app_owner").await;
    let options = Options { patience: Duration::from_mins(1), ..finish_of() };
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Settling(_)) {
            waits.notify_one();
        }
    };
    let (finished, ()) = tokio::join!(rollout::finish(&mut db, &world.manifest, &options, &stop, &mut tell), async {
        waits.notified().await;
        // its snapshot shows the setting of before: it is told to begin anew
        let late = "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (601, 1, 'late', 'key-601')";
        assert_eq!(writer.err(late).await, "40001");
        writer.ok("ROLLBACK").await;
    });
    let finished = finished.unwrap();
    assert_eq!(finished.stragglers, 0);
    assert_eq!((finished.proof[0].sealed, finished.proof[0].published_in_enabled_accounts), (30, 0));
    assert_whole(&world).await;
    let again = finish(&world, &finish_of()).await.unwrap();
    assert_eq!((again.tally, again.proof), (None, finished.proof), "the proof is given again");
}

#[tokio::test]
async fn a_straggler_whose_account_opts_out_meanwhile_keeps_its_key() {
    let world = World::applied().await;
    let mut all = world.act("postgres").await;
    // An opt-out holds one of 64 locks: of an account here that shares its lock with no other.
    let leaver: i64 = all
        .get(
            "SELECT min(a.id) AS v FROM app.accounts AS a WHERE NOT EXISTS (
                SELECT FROM app.accounts AS b WHERE b.id <> a.id AND hashtext(b.id::text) & 63 = hashtext(a.id::text) & 63)",
        )
        .await;
    let other = if leaver == 10 { 9 } else { 10 };
    world.opt_in(&leaver.to_string()).await;
    // what a transaction with an older snapshot leaves behind, in an account that opts out and in one that doesn't
    all.ok(&format!(
        "ALTER TABLE app.locations DISABLE TRIGGER USER;
         INSERT INTO app.locations (id, account_id, name, api_key)
         VALUES (601, {leaver}, 'late', 'key-601'), (602, {other}, 'late', 'key-602');
         ALTER TABLE app.locations ENABLE TRIGGER USER"
    ))
    .await;
    world.apply().await;
    let mut ui = world.act("app_ui").await;
    ui.ok(&format!("BEGIN; SELECT keyward.opt_out({leaver}, 'they insist', acknowledge_risk => true)")).await;
    let ran = run(&world, &run_of("100")).await.unwrap();
    assert_eq!(ran.older.len(), 1, "the opt-out is still under way");
    ui.ok("COMMIT").await;
    finish(&world, &finish_of()).await.unwrap();
    assert_eq!(all.get::<i64>("SELECT count(api_key) AS v FROM app.locations").await, 4, "the leaver's keys, published");
    assert_whole(&world).await;
}

#[tokio::test]
async fn asked_to_stop_it_stops_between_two_batches_and_goes_on_later() {
    let world = many().await;
    let mut db = world.connect("app_owner").await;
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(tally) if tally.accounts >= 50) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = rollout::run(&mut db, &world.manifest, &run_of("100"), &stop, &mut tell).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable);
    let (wave, count) = (status(&world).await.waves.remove(0), enabled(&world).await.len());
    assert_eq!((wave.state.as_str(), wave.accounts, wave.ended_at.is_some()), ("stopped", count as u64, true));
    // the batch that the worker was at when it was heard of the 50th, and no other
    assert!((50..70).contains(&count), "{count}");
    assert_whole(&world).await;
    let ran = run(&world, &run_of("100")).await.unwrap();
    assert_eq!(ran.tally.unwrap().accounts, 300 - count as u64);
    assert_eq!(status(&world).await.waves.len(), 1);
    assert_whole(&world).await;
}

#[tokio::test]
async fn asked_to_stop_while_it_waits_for_transactions_it_stops_too() {
    let world = World::applied().await;
    let mut writer = world.act("api_v2").await;
    writer.ok("BEGIN; SELECT 1").await;
    let mut db = world.connect("app_owner").await;
    let stop = AtomicBool::new(false);
    let options = Options { patience: Duration::from_mins(10), ..finish_of() };
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Settling(_)) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = rollout::finish(&mut db, &world.manifest, &options, &stop, &mut tell).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable);
    assert_eq!(status(&world).await.waves[0].state, "stopped");
    writer.ok("COMMIT").await;
    finish(&world, &finish_of()).await.unwrap();
}

/// Makes each sealed row take a while, so that whatever is killed is killed amid a batch.
async fn slow(world: &World) {
    world
        .act("app_owner")
        .await
        .ok("CREATE FUNCTION app.dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$;
             CREATE TRIGGER dawdle BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.dawdle()")
        .await;
}

#[tokio::test]
async fn a_backend_cut_off_amid_a_batch_loses_nothing() {
    let world = many().await;
    slow(&world).await;
    for _ in 0..3 {
        let mut killer = world.act("postgres").await;
        let stop = AtomicBool::new(false);
        let mut db = world.connect("app_owner").await;
        let begun = Notify::new();
        let options = run_of("100");
        let mut tell = |progress: Progress<'_>| {
            if matches!(progress, Progress::Batch(_)) {
                begun.notify_one();
            }
        };
        let (error, ()) = tokio::join!(rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell), async {
            begun.notified().await;
            let cut = "SELECT count(pg_terminate_backend(pid)) AS v FROM pg_stat_activity WHERE usename = 'app_owner' AND query LIKE '%\"seal_%'";
            while killer.get::<i64>(cut).await == 0 {}
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
        assert_whole(&world).await;
    }
    assert!(enabled(&world).await.len() < 300);
    run(&world, &run_of("100")).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 300);
    assert_eq!(status(&world).await.waves.len(), 1);
    assert_whole(&world).await;
}

/// No test of its own: the process that the next test starts and kills.
#[tokio::test]
async fn child_rolls_out_until_it_is_killed() {
    let Some(url) = std::env::var(CHILD).ok() else { return };
    let settings = Settings::resolve(Some(&url), &|_| None).unwrap();
    let mut db = Db::connect(&settings).await.unwrap();
    let manifest = Manifest::parse(MANIFEST, "keyward.toml").unwrap();
    // Through stderr: the test harness keeps stdout to itself.
    let mut tell = |progress: Progress<'_>| eprintln!("rollout {progress:?}");
    rollout::run(&mut db, &manifest, &run_of("100"), &AtomicBool::new(false), &mut tell).await.unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_process_killed_with_sigkill_at_any_batch_loses_nothing() {
    let world = many().await;
    slow(&world).await;
    let mut before = 0;
    for lines in [1, 2, 6, 12] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rollout::child_rolls_out_until_it_is_killed", "--nocapture"])
            .env(CHILD, world.sandbox.url_as("app_owner", &world.database))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let seen = told.filter(|line| line.starts_with("rollout ")).take(lines).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen, lines, "it was killed while it worked");
        // The server notices by and by, and rolls back what was open.
        let mut all = world.act("postgres").await;
        while all.get::<i64>("SELECT count(*) AS v FROM pg_stat_activity WHERE usename = 'app_owner'").await > 0 {}
        assert_whole(&world).await;
        let count = enabled(&world).await.len();
        assert!(count >= before && count < 300, "{count}");
        before = count;
    }
    run(&world, &run_of("100")).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 300);
    let waves = status(&world).await.waves;
    assert_eq!((waves.len(), waves[0].accounts, waves[0].keys), (1, 300, 300), "one wave, and it counted right");
    assert_whole(&world).await;
}

/// The manifest of the application in `sql/hops.sql`.
pub(crate) const HOPS: &str = r#"
    version = 1
    [setting]
    cutover = 2024-06-17T00:00:00Z
    [roles]
    ui = ["app_ui"]
    api = ["api_v1"]
    auth = ["api_gateway"]
    [accounts]
    table = 'app."Accounts"'
    id = "id"
    [[keys]]
    name = "master"
    table = 'app."Accounts"'
    id = "id"
    column = "Master Key"
    account = "id"
    [[keys]]
    name = "token"
    table = "app.devices"
    id = "id"
    column = "token"
    account = { column = "location_id", via = "app.locations", id = "id", account = "account_id" }
"#;

/// An application whose ids are of the type, with keys on the accounts themselves and keys that are two steps away from theirs.
pub(crate) async fn hops(id_type: &str, collate: &str, id_of: &str) -> World {
    let script = include_str!("sql/hops.sql")
        .replace("ID_TYPE PRIMARY", &format!("{id_type} {collate} PRIMARY"))
        .replace("ID_TYPE REFERENCES", &format!("{id_type} {collate} REFERENCES"))
        .replace("ID_TYPE", id_type)
        .replace("ID_FROM_N", id_of);
    let world = World::with(&script, HOPS, "shop").await;
    world.apply().await;
    world
}

#[tokio::test]
async fn ids_of_any_type_keys_of_accounts_and_keys_two_steps_away_are_sealed() {
    for (id_type, id_of) in [("uuid", "md5(n::text)::uuid"), ("text", "chr(64 + n % 40) || 'é''\" ' || n"), ("integer", "n")] {
        let world = hops(id_type, "", id_of).await;
        run(&world, &run_of("30")).await.unwrap();
        let some = status(&world).await;
        assert!(some.eligible > 40 && some.eligible < 95, "{id_type}: {}", some.eligible);
        assert_eq!(some.keys[0].sealed + some.eligible, 100, "{id_type}");
        assert_eq!(some.keys[1].sealed + some.eligible * 4, 400, "{id_type}");
        run(&world, &run_of("100")).await.unwrap();
        let all = status(&world).await;
        assert_eq!((all.keys[0].sealed, all.keys[1].sealed, all.keys[1].published_unknown), (100, 400, 1), "{id_type}");
        let finished = finish(&world, &finish_of()).await.unwrap();
        assert_eq!(finished.proof.iter().map(|key| key.sealed).collect::<Vec<_>>(), [100, 401], "{id_type}: the orphan too");
        let mut gateway = world.act("api_gateway").await;
        for (key, n) in [("master", 100), ("token", 401)] {
            let query = format!(
                "SELECT count(*) AS v FROM generate_series(1, {n}) AS n, LATERAL keyward.authenticate_{key}('{key}-' || n) AS a"
            );
            assert_eq!(gateway.get::<i64>(&query).await, n, "{id_type} {key}");
        }
    }
}

#[tokio::test]
async fn a_second_runner_is_refused() {
    let world = World::applied().await;
    let mut first = world.connect("app_owner").await;
    keyward::apply::one_runner(&mut first, Duration::ZERO, &mut |_| {}).await.unwrap();
    assert_eq!(run(&world, &run_of("100")).await.unwrap_err().kind(), Kind::Refused);
    keyward::apply::release(&mut first).await.unwrap();
    assert_eq!(Percent::ALL, Options::run().percent);
    run(&world, &run_of("100")).await.unwrap();
}

#[tokio::test]
async fn with_the_guards_off_sealing_is_refused_and_no_key_is_lost() {
    let world = World::applied().await;
    let mut all = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    all.ok("UPDATE keyward.policy SET mode = 'off'").await;
    assert_eq!(ui.err("SELECT keyward.opt_in(1)").await, "KW003");
    assert_eq!(all.get::<i64>("SELECT count(api_key) AS v FROM app.locations").await, 30);
    all.ok("UPDATE keyward.policy SET mode = 'enforce'").await;
    // an account that is off can't be sealed by a mistaken call either
    assert_eq!(all.err("SELECT keyward.seal_location_api_key(ARRAY[2::bigint])").await, "KW003");
    assert_whole(&world).await;
    ui.ok("SELECT keyward.opt_in(1)").await;
    assert_whole(&world).await;
}
