//! What apply, import and rollout meet with on a bad day: a full disk, and an application whose sessions take every lock there is.
//!
//! What only a rollout meets with is in `rollout_faults`, kills and cuts at random moments in `soak`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyward::account;
use keyward::apply::{self, Options as Apply, Progress};
use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::error::{Kind, Result};
use keyward::rollout::{self, Options};

use crate::fixture::{Actor, World};
use crate::rollout::{assert_whole, enabled, run, run_of, whole_text};
use crate::rollout_faults::{Disk, crowd};
use crate::soak::proxy::Proxy;

/// Whether no key of the set-up is elsewhere than in its column.
async fn all_published(all: &mut Actor) -> bool {
    all.get("SELECT bool_and(api_key = 'key-' || id) AS v FROM app.locations").await
}

async fn apply_in(world: &World, options: &Apply) -> Result<()> {
    let mut db = world.connect("app_owner").await;
    let plan = apply::plan(&mut db, &world.manifest).await?;
    apply::apply(&mut db, &world.manifest, &plan, options, &mut |_: Progress<'_>| {}).await
}

#[tokio::test]
async fn a_full_disk_stops_apply_and_with_room_it_goes_on() {
    let world = World::bare().await;
    let Some(disk) = Disk::mount(&world.sandbox.data_dir(), 48) else {
        eprintln!("skipped: this user may not mount a disk");
        return;
    };
    let mut all = world.act("postgres").await;
    all.ok(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display())).await;
    all.ok("GRANT CREATE ON TABLESPACE small TO PUBLIC").await;
    all.ok("ALTER DATABASE shop SET default_tablespace = small").await;
    let mut left = usize::MAX;
    for kilobytes in [48, 96, 144] {
        disk.resize(kilobytes);
        let error = world.apply_as("app_owner").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{}", whole_text(&error));
        assert!(whole_text(&error).contains("53100"), "{}", whole_text(&error));
        assert!(all_published(&mut all).await);
        let steps = world.plan().await.steps.len();
        assert!(steps <= left, "what was done stays");
        left = steps;
    }
    disk.resize(8192);
    world.apply().await;
    assert!(world.plan().await.is_empty());
    world.opt_in("1").await;
    assert_whole(&world).await;
    drop(world);
}

#[tokio::test]
async fn a_full_disk_stops_an_import_and_nothing_is_changed() {
    let world = crowd(900).await;
    let Some(disk) = Disk::mount(&world.sandbox.data_dir(), 160) else {
        eprintln!("skipped: this user may not mount a disk");
        return;
    };
    run(&world, &run_of("100")).await.unwrap();
    let mut all = world.act("postgres").await;
    all.ok(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display())).await;
    all.ok("ALTER TABLE keyward.account_setting SET TABLESPACE small").await;
    let lines: Vec<_> = (1..=900).map(|id| format!("{id},they insist\n")).collect();
    let file = format!("account,reason\n{}", lines.concat());
    let import = async || {
        let mut db = world.connect("app_owner").await;
        account::stage(&mut db, &world.manifest, file.as_bytes(), "file").await?.carry_out(&mut db).await
    };
    let error = import().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{}", whole_text(&error));
    assert!(whole_text(&error).contains("53100"), "{}", whole_text(&error));
    assert_eq!(enabled(&world).await.len(), 900);
    assert_whole(&world).await;
    disk.resize(8192);
    let imported = import().await.unwrap();
    assert_eq!((imported.changed, imported.keys), (900, 920));
    assert_whole(&world).await;
    assert!(all_published(&mut all).await);
    drop(world);
}

/// Sessions that take the strongest lock on one of the application's tables after the other, each for a moment.
struct Storm {
    over: Arc<AtomicBool>,
    sessions: Vec<JoinHandle<u32>>,
}

impl Storm {
    fn begin(world: &World) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let sessions = ["accounts", "locations", "users"].map(|table| {
            let (url, over) = (world.sandbox.url_as("postgres", &world.database), Arc::clone(&over));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut db = Db::connect(&Settings::resolve(Some(&url), &|_| None).unwrap()).await.unwrap();
                    let mut taken = 0;
                    while !over.load(Ordering::Relaxed) {
                        let lock = format!(
                            "BEGIN; SET LOCAL lock_timeout = '50ms'; LOCK TABLE app.{table}; SELECT pg_sleep(0.01); COMMIT"
                        );
                        match db.execute(&lock).await {
                            Ok(_) => taken += 1,
                            Err(failure) => {
                                assert_eq!(failure.code(), Some("55P03"), "{failure}");
                                db.execute("ROLLBACK").await.unwrap();
                            }
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    taken
                })
            })
        });
        Self { over, sessions: sessions.into() }
    }

    /// Ends it. None of its sessions was the victim of a deadlock.
    fn end(self) -> u32 {
        self.over.store(true, Ordering::Relaxed);
        self.sessions.into_iter().map(|session| session.join().unwrap()).sum()
    }
}

#[tokio::test]
async fn amid_a_storm_of_locks_apply_comes_through() {
    let world = World::bare().await;
    let mut reader = world.act("api_v2").await;
    // a row lock that stays keeps the strong locks of apply away for as long
    reader.ok("BEGIN; SELECT FROM app.users WHERE id = 1 FOR UPDATE").await;
    let impatient = Apply { lock_timeout: Duration::from_millis(100), patience: Duration::from_millis(300), ..Apply::default() };
    let error = apply_in(&world, &impatient).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{}", whole_text(&error));
    assert!(whole_text(&error).contains("api_v2"), "it says who is in the way: {}", whole_text(&error));
    reader.ok("COMMIT").await;
    let storm = Storm::begin(&world);
    let applied = apply_in(&world, &Apply { lock_timeout: Duration::from_millis(100), ..Apply::default() }).await;
    let taken = storm.end();
    applied.unwrap_or_else(|error| panic!("{}", whole_text(&error)));
    assert!(taken > 0);
    assert!(world.plan().await.is_empty());
    assert!(all_published(&mut world.act("postgres").await).await);
}

#[tokio::test]
async fn amid_a_storm_of_locks_a_rollout_and_its_undoing_come_through() {
    let world = crowd(300).await;
    let mut reader = world.act("api_v2").await;
    reader.ok("BEGIN; SELECT FROM app.locations WHERE id = 77 FOR UPDATE").await;
    let storm = Storm::begin(&world);
    let patient = Options { patience: Duration::from_mins(1), workers: 2, ..run_of("100") };
    let began = Instant::now();
    let (ran, ()) = tokio::join!(run(&world, &patient), async {
        // everybody but the account whose row is held
        let mut all = world.act("postgres").await;
        while all.get::<i64>("SELECT count(*) AS v FROM keyward.account_setting WHERE enabled").await < 299 {
            assert!(began.elapsed() < Duration::from_mins(2), "it doesn't come through");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        reader.ok("COMMIT").await;
    });
    let mut db = world.connect("app_owner").await;
    let stop = AtomicBool::new(false);
    let reverted = rollout::revert(&mut db, &world.manifest, rollout::Target::All, &patient, &stop, &mut |_| {}).await;
    let taken = storm.end();
    assert_eq!(ran.unwrap_or_else(|error| panic!("{}", whole_text(&error))).tally.unwrap().accounts, 300);
    reverted.unwrap_or_else(|error| panic!("{}", whole_text(&error)));
    assert!(taken > 0);
    assert!(enabled(&world).await.is_empty());
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_connection_that_is_lost_amid_the_base_tables_is_told_as_such_and_the_next_run_goes_on() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    // an earlier keyward's ledger, and somebody who keeps it from being brought up to date
    dba.ok("ALTER TABLE keyward.ledger DROP COLUMN signed_by; DELETE FROM keyward.schema_history WHERE version = 4").await;
    let mut reader = world.act("postgres").await;
    reader.ok("BEGIN; LOCK TABLE keyward.ledger IN ACCESS SHARE MODE").await;
    let plan = world.plan().await;
    let network = Proxy::of(&world);
    let mut runner = Db::connect(&Settings::resolve(Some(network.url()), &|_| None).unwrap()).await.unwrap();
    let options = Apply { lock_timeout: Duration::from_mins(1), ..Apply::default() };
    let cut = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_owner' AND wait_event_type = 'Lock') AS v";
        while !dba.get::<bool>(waits).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(network.cut());
    };
    let mut tell = |_: Progress<'_>| {};
    let (applied, ()) = tokio::join!(apply::apply(&mut runner, &world.manifest, &plan, &options, &mut tell), cut);
    let error = applied.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error} {:?}", std::error::Error::source(&error));
    reader.ok("COMMIT").await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "control");
}
