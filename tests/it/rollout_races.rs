//! What a rollout survives of itself and of others: reverts in the middle, processes that cross each other, and a storm of writers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::error::{Kind, Result};
use keyward::manifest::Manifest;
use keyward::rollout::{self, Options, Progress, Reverted, Target};
use tokio::sync::Notify;

use crate::fixture::{Actor, Dice, World};
use crate::rollout::{assert_whole, enabled, finish, finish_of, hops, run, run_of, status, whole_text};
use crate::rollout_faults::{Process, crowd, eventually, held, hold, let_go, noticed};

async fn revert(world: &World, target: Target) -> Result<Reverted> {
    let mut db = world.connect("app_owner").await;
    rollout::revert(&mut db, &world.manifest, target, &run_of("100"), &AtomicBool::new(false), &mut |_| {}).await
}

/// Every row of the application's tables, as one checksum.
async fn checksum(world: &World) -> String {
    let mut all = world.act("postgres").await;
    let tables: Vec<String> = all
        .get("SELECT array_agg(format('SELECT t::text AS r FROM %I.%I AS t', schemaname, tablename) ORDER BY tablename) AS v FROM pg_tables WHERE schemaname = 'app'")
        .await;
    all.get(&format!("SELECT md5(string_agg(r, '|' ORDER BY r)) AS v FROM ({}) AS x", tables.join(" UNION ALL "))).await
}

/// Runs until so many accounts are enabled, and stops.
async fn run_some(world: &World, accounts: u64) {
    let mut db = world.connect("app_owner").await;
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(tally) if tally.accounts >= accounts) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = rollout::run(&mut db, &world.manifest, &run_of("100"), &stop, &mut tell).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
}

#[tokio::test]
async fn a_revert_killed_half_way_goes_on_and_leaves_every_row_as_it_was() {
    let world = crowd(300).await;
    let (mut all, mut ui) = (world.act("postgres").await, world.act("app_ui").await);
    let before = checksum(&world).await;
    for round in 0..2 {
        run(&world, &run_of("100")).await.unwrap();
        assert_ne!(checksum(&world).await, before);
        hold(&mut all, 150).await;
        let process = Process::start(&world, "revert", Duration::from_secs(15));
        held(&mut all, 1).await;
        process.kill();
        let_go(&mut all, 150).await;
        noticed(&mut all).await;
        assert_whole(&world).await;
        let left = enabled(&world).await.len() as u64;
        assert!(left > 100 && left < 200, "{left}");
        let reverted = revert(&world, Target::All).await.unwrap();
        assert_eq!((reverted.tally.accounts, enabled(&world).await.len()), (left, 0), "round {round}");
        assert_eq!(checksum(&world).await, before);
        let waves = status(&world).await.waves;
        assert_eq!((waves.len(), waves.last().unwrap().accounts, waves.last().unwrap().keys), (2 * (round + 1), 300, 320));
        assert_eq!(waves[2 * round].state, "reverted");
    }
    // and what was chosen meanwhile stays chosen
    run(&world, &run_of("100")).await.unwrap();
    ui.ok("SELECT keyward.opt_in(7), keyward.opt_out(8, 'no', acknowledge_risk => true)").await;
    revert(&world, Target::All).await.unwrap();
    assert_eq!(enabled(&world).await, BTreeSet::from([7]));
    assert_whole(&world).await;
}

#[tokio::test]
async fn whatever_the_ids_and_wherever_the_keys_runs_and_reverts_leave_every_row_as_it_was() {
    let mut icu = false;
    for (id_type, id_of) in [("uuid", "md5(n::text)::uuid"), ("text", "chr(64 + n % 40) || 'é''\" ' || n")] {
        // an order of its own, in which keyward's tables don't sort, where the server has one
        let world = hops(id_type, if icu { "COLLATE \"und-x-icu\"" } else { "" }, id_of).await;
        let there = "SELECT count(*) = 1 AS v FROM pg_collation WHERE collname = 'und-x-icu'";
        icu = world.act("postgres").await.get(there).await;
        let before = checksum(&world).await;
        let three = Options { workers: 3, most: 3, ..run_of("100") };
        for round in 0..2 {
            run(&world, &Options { percent: "40".parse().unwrap(), ..three.clone() }).await.unwrap();
            run(&world, &three).await.unwrap();
            let done = status(&world).await;
            assert_eq!((done.keys[0].sealed, done.keys[1].sealed), (100, 400), "{id_type}");
            assert_eq!(done.waves.iter().rev().take(2).map(|wave| wave.accounts).sum::<u64>(), 100, "{id_type}");
            let orphan = u64::from(round == 1);
            if round == 1 {
                let finished = finish(&world, &finish_of()).await.unwrap();
                assert_eq!(
                    (finished.stragglers, finished.proof[1].sealed),
                    (1, 401),
                    "the one whose account can't be determined"
                );
            }
            let mut db = world.connect("app_owner").await;
            let stop = AtomicBool::new(false);
            let reverted = rollout::revert(&mut db, &world.manifest, Target::All, &three, &stop, &mut |_| {}).await.unwrap();
            assert_eq!((reverted.tally.accounts, reverted.tally.keys), (100, 500 + orphan), "{id_type}");
            assert_eq!(checksum(&world).await, before, "{id_type}");
        }
    }
}

#[tokio::test]
async fn a_revert_that_was_stopped_undoes_what_was_enabled_since_as_well() {
    let world = crowd(300).await;
    let mut all = world.act("postgres").await;
    let before = checksum(&world).await;
    run(&world, &run_of("100")).await.unwrap();
    hold(&mut all, 150).await;
    let process = Process::start(&world, "revert", Duration::from_secs(15));
    held(&mut all, 1).await;
    process.kill();
    let_go(&mut all, 150).await;
    noticed(&mut all).await;
    run(&world, &run_of("100")).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 300, "those that the revert had turned off, too");
    let reverted = revert(&world, Target::All).await.unwrap();
    assert_eq!((reverted.tally.accounts, enabled(&world).await.len()), (300, 0));
    assert_eq!(status(&world).await.waves.iter().filter(|wave| wave.state == "reverted").count(), 2);
    assert_eq!(checksum(&world).await, before);
}

#[tokio::test]
async fn a_wave_that_was_stopped_looks_again_at_what_it_has_behind_it() {
    let world = crowd(300).await;
    let mut owner = world.act("app_owner").await;
    // a canary first, then a wave that passes it by and stops, then the canary is undone
    run(&world, &Options { list: Some(vec!["20".to_owned()]), ..run_of("100") }).await.unwrap();
    owner
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id = 30 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    run_some(&world, 100).await;
    assert_eq!(status(&world).await.parked_accounts, 1);
    revert(&world, Target::Wave(1)).await.unwrap();
    owner.ok("DROP TRIGGER protect ON app.locations").await;
    assert!(!enabled(&world).await.contains(&20) && !enabled(&world).await.contains(&30));
    run(&world, &run_of("100")).await.unwrap();
    assert_eq!(enabled(&world).await, (1..=300).collect(), "the account that was undone, and the one that was mended");
    let status = status(&world).await;
    let wave = status.waves.iter().find(|wave| wave.id == 2).unwrap();
    assert_eq!((status.waves.len(), wave.accounts, wave.state.as_str(), status.parked_accounts), (3, 300, "done", 0));
    assert_whole(&world).await;
}

#[tokio::test]
async fn no_chunk_that_is_cut_anew_is_taken_for_one_that_was_cleared_away() {
    let world = crowd(300).await;
    let mut all = world.act("postgres").await;
    run_some(&world, 30).await;
    let before: i64 = all.get("SELECT fence AS v FROM keyward.chunk WHERE no = 1").await;
    hold(&mut all, 100).await;
    let process = Process::start(&world, "run", Duration::from_secs(15));
    held(&mut all, 1).await;
    let after: i64 = all.get("SELECT fence AS v FROM keyward.chunk WHERE no = 1").await;
    assert!(after > before, "{after} after {before}: whoever had the first one would take this one for its own");
    let_go(&mut all, 100).await;
    assert_eq!(process.hear("ended"), "ended well");
    assert_whole(&world).await;
}

#[tokio::test]
async fn while_a_revert_is_under_way_another_one_joins_it_and_a_run_is_refused() {
    let world = crowd(600).await;
    let mut all = world.act("postgres").await;
    let before = checksum(&world).await;
    run(&world, &run_of("100")).await.unwrap();
    hold(&mut all, 150).await;
    let first = Process::start(&world, "revert", Duration::from_secs(15));
    held(&mut all, 1).await;
    for options in [run_of("100"), run_of("5")] {
        let error = run(&world, &options).await.unwrap_err();
        assert!(error.kind() == Kind::Refused && error.to_string().contains("wave 2 (revert of"), "{}", whole_text(&error));
    }
    assert!(finish(&world, &finish_of()).await.is_err());
    assert!(!status(&world).await.policy.default_enabled);
    let second = Process::start(&world, "revert", Duration::from_secs(15));
    eventually(&mut all, "SELECT count(*) = 1 AS v FROM keyward.chunk WHERE wave = 2 AND no = 2 AND done").await;
    let_go(&mut all, 150).await;
    for process in [first, second] {
        assert_eq!(process.hear("ended"), "ended well");
    }
    let waves = status(&world).await.waves;
    assert_eq!(
        waves.iter().map(|wave| (wave.accounts, wave.state.as_str())).collect::<Vec<_>>(),
        [(600, "reverted"), (600, "done")]
    );
    assert_eq!(checksum(&world).await, before);
}

#[tokio::test]
async fn a_limit_is_kept_by_workers_that_are_killed_and_come_again() {
    let world = crowd(600).await;
    let mut all = world.act("postgres").await;
    for account in [30, 60] {
        hold(&mut all, account).await;
        let limited = [0, 1].map(|_| Process::start(&world, "limited run", Duration::from_secs(15)));
        held(&mut all, 1).await;
        limited.into_iter().for_each(Process::kill);
        let_go(&mut all, account).await;
        noticed(&mut all).await;
        assert!(enabled(&world).await.len() < 100);
    }
    run(&world, &Options { limit: Some(100), workers: 3, ..run_of("100") }).await.unwrap();
    let waves = status(&world).await.waves;
    assert_eq!((waves.len(), waves[0].accounts, enabled(&world).await.len()), (1, 100, 100));
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_finish_that_left_parked_accounts_off_is_undone_as_a_whole() {
    let world = crowd(50).await;
    let mut owner = world.act("app_owner").await;
    let before = checksum(&world).await;
    owner
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id = 30 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    finish(&world, &Options { leave_parked: true, ..finish_of() }).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 49);
    revert(&world, Target::Last).await.unwrap();
    let settings: i64 = world.act("postgres").await.get("SELECT count(*) AS v FROM keyward.account_setting").await;
    assert_eq!((settings, status(&world).await.policy.default_enabled), (0, false));
    assert_eq!(checksum(&world).await, before);
    owner.ok("DROP TRIGGER protect ON app.locations").await;
    run(&world, &run_of("100")).await.unwrap();
    finish(&world, &finish_of()).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 50);
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_finish_that_is_reverted_while_it_waits_changes_nothing_any_more() {
    let world = crowd(100).await;
    let before = checksum(&world).await;
    let mut writer = world.act("api_v2").await;
    writer.ok("BEGIN; SELECT 1").await;
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
        assert!(status(&world).await.policy.default_enabled);
        revert(&world, Target::All).await.unwrap();
        writer.ok("COMMIT").await;
    });
    let error = finished.unwrap_err();
    assert!(error.kind() == Kind::Resumable && error.to_string().contains("ended by another"), "{}", whole_text(&error));
    let status = status(&world).await;
    assert_eq!((status.policy.default_enabled, status.policy.new_accounts_enabled), (false, false));
    assert_eq!(status.waves.iter().map(|wave| wave.state.as_str()).collect::<Vec<_>>(), ["reverted", "done"]);
    assert_eq!(checksum(&world).await, before);
    // and the rollout can be begun anew
    finish(&world, &finish_of()).await.unwrap();
    assert_whole(&world).await;
}

#[tokio::test]
async fn whoever_joins_a_wave_does_not_find_it_ended_by_one_who_leaves() {
    let world = crowd(100).await;
    let mut all = world.act("postgres").await;
    hold(&mut all, 50).await;
    let leaving = Process::start(&world, "run", Duration::from_secs(15));
    held(&mut all, 1).await;
    // one who joins, step by step
    let mut joins = world.act("postgres").await;
    joins.ok("BEGIN; SELECT FROM keyward.rollout_control FOR UPDATE; UPDATE keyward.wave SET state = 'running'").await;
    let worker: i64 = all.get("SELECT count(pg_terminate_backend(pid)) AS v FROM keyward.worker").await;
    assert_eq!(worker, 1);
    let_go(&mut all, 50).await;
    eventually(
        &mut all,
        "SELECT count(*) = 1 AS v FROM pg_stat_activity WHERE usename = 'app_owner' AND wait_event_type = 'Lock'",
    )
    .await;
    joins.ok("SELECT pg_advisory_lock_shared(1801812346, 1); COMMIT").await;
    assert!(leaving.hear("ended").starts_with("ended Resumable"));
    assert_eq!(all.get::<String>("SELECT state AS v FROM keyward.wave").await, "running");
    joins.ok("SELECT pg_advisory_unlock_shared(1801812346, 1)").await;
    run(&world, &run_of("100")).await.unwrap();
    assert_whole(&world).await;
}

#[tokio::test]
async fn one_account_whose_keys_cannot_be_published_keeps_no_other_from_it() {
    let world = crowd(100).await;
    let (mut all, mut owner, mut api) = (world.act("postgres").await, world.act("app_owner").await, world.act("api_v2").await);
    run(&world, &Options { list: Some(vec!["50".to_owned(), "60".to_owned(), "70".to_owned()]), ..run_of("100") }).await.unwrap();
    // sealed keys move along to accounts that are off: 20 refuses to have one published, 30 doesn't
    api.ok("UPDATE app.locations SET account_id = 20 WHERE id = 70; UPDATE app.locations SET account_id = 30 WHERE id = 80")
        .await;
    owner
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id = 20 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    let sealed = "SELECT COALESCE(array_agg(id ORDER BY id), '{}') AS v FROM keyward.vault_location_api_key";
    assert_eq!(all.get::<Vec<i64>>(sealed).await, [70, 80, 90]);

    api.ok("BEGIN; UPDATE app.locations SET name = 'held' WHERE id = 80").await;
    let error = revert(&world, Target::Last).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
    assert!(error.to_string().starts_with("1 account is in use"), "{}", whole_text(&error));
    assert_eq!(all.get::<Vec<i64>>(sealed).await, [70, 80]);
    api.ok("COMMIT").await;
    let reverted = revert(&world, Target::Last).await.unwrap();
    assert_eq!((reverted.waves, reverted.parked), (vec![1], 1));
    assert_eq!(all.get::<Vec<i64>>(sealed).await, [70]);
    assert_eq!(status(&world).await.waves[0].state, "done", "it isn't undone as a whole");
    owner.ok("DROP TRIGGER protect ON app.locations").await;
    assert_eq!(revert(&world, Target::Last).await.unwrap().parked, 0);
    assert_eq!(status(&world).await.waves[0].state, "reverted");
    assert_whole(&world).await;
}

#[tokio::test]
async fn of_two_finishes_the_one_that_made_the_default_can_be_undone() {
    let world = crowd(50).await;
    let mut all = world.act("postgres").await;
    finish(&world, &finish_of()).await.unwrap();
    // what makes a second one: a key that is published all the same
    all.ok("ALTER TABLE app.locations DISABLE TRIGGER USER; UPDATE app.locations SET api_key = 'key-31' WHERE id = 31;
            DELETE FROM keyward.vault_location_api_key WHERE id = 31; ALTER TABLE app.locations ENABLE TRIGGER USER")
        .await;
    world.apply().await;
    assert_eq!(finish(&world, &finish_of()).await.unwrap().stragglers, 1);
    let error = revert(&world, Target::Wave(2)).await.unwrap_err();
    assert!(error.kind() == Kind::Refused && error.hint().unwrap().contains("--wave 1"), "{}", whole_text(&error));
    revert(&world, Target::Wave(1)).await.unwrap();
    assert!(!status(&world).await.policy.default_enabled);
    revert(&world, Target::Wave(2)).await.unwrap();
    assert_eq!(enabled(&world).await, BTreeSet::new());
    assert_whole(&world).await;
}

/// One of several writers: of rows that are its own, so that it knows which key each of them has.
struct Writer {
    actor: Actor,
    is_ui: bool,
    dice: Dice,
    /// The next row's id.
    next: u64,
    keys: BTreeMap<u64, Option<String>>,
}

impl Writer {
    async fn new(world: &World, role: &str, number: u64) -> Self {
        // every third of the rows that were there
        let keys = (31..=320).filter(|id| id % 3 == number).map(|id| (id, Some(format!("key-{id}")))).collect();
        Self {
            actor: world.act(role).await,
            is_ui: role == "app_ui",
            dice: Dice::new(number + 1),
            next: 10_000 * (number + 1),
            keys,
        }
    }

    async fn act(&mut self) {
        let at = self.dice.below(self.keys.len() as u64);
        let id = *self.keys.keys().nth(usize::try_from(at).unwrap()).unwrap();
        let account = self.dice.below(300) + 1;
        match self.dice.below(7) {
            0 | 1 => {
                let id = self.next;
                self.next += 1;
                let insert = format!(
                    "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'new', 'made-{id}') RETURNING api_key AS v"
                );
                // as it was, or withheld
                let kept: Option<String> = self.actor.get(&insert).await;
                self.keys.insert(id, kept);
            }
            2 => {
                self.actor.ok(&format!("DELETE FROM app.locations WHERE id = {id}")).await;
                self.keys.remove(&id);
            }
            3 => {
                self.actor.ok(&format!("UPDATE app.locations SET account_id = {account} WHERE id = {id}")).await;
            }
            4 => {
                self.actor.ok(&format!("UPDATE app.locations SET name = 'again', api_key = api_key WHERE id = {id}")).await;
            }
            _ if self.is_ui => {
                let key: String = self.actor.get(&format!("SELECT keyward.generate_location_api_key({id}) AS v")).await;
                self.keys.insert(id, Some(key));
            }
            _ => {
                // a legacy write: let pass or blocked, as the account's setting is
                let done =
                    self.actor.0.execute(&format!("UPDATE app.users SET email = email WHERE account_id = {account}")).await;
                assert!(done.as_ref().err().is_none_or(|failure| failure.code() == Some("KW002")), "{done:?}");
            }
        }
    }
}

#[tokio::test]
async fn in_a_storm_of_writers_no_key_is_lost_and_none_stays_published() {
    let world = crowd(300).await;
    let mut writers =
        [Writer::new(&world, "app_ui", 0).await, Writer::new(&world, "api_v1", 1).await, Writer::new(&world, "api_v2", 2).await];
    let over = AtomicBool::new(false);
    let options = Options { workers: 3, most: 3, patience: Duration::from_mins(1), pace: Some(150.0), ..run_of("100") };
    let mut db = world.connect("app_owner").await;
    let stop = AtomicBool::new(false);
    let rollout = async {
        let ran = rollout::run(&mut db, &world.manifest, &options, &stop, &mut |_| {}).await;
        over.store(true, Ordering::Relaxed);
        ran
    };
    let [ui, legacy, api] = &mut writers;
    let storm = async |writer: &mut Writer| {
        let mut amid = 0;
        for _ in 0..120 {
            writer.act().await;
            amid += u32::from(!over.load(Ordering::Relaxed));
        }
        amid
    };
    let (ran, ui, legacy, api) = tokio::join!(rollout, storm(ui), storm(legacy), storm(api));
    ran.unwrap();
    assert!(ui > 20 && legacy > 20 && api > 20, "amid the wave: {ui}, {legacy}, {api}");
    let finished = finish(&world, &Options { patience: Duration::from_mins(1), ..finish_of() }).await.unwrap();
    assert_eq!(finished.proof[0].published_in_enabled_accounts, 0);
    let mut all = world.act("postgres").await;
    assert_eq!(all.get::<i64>("SELECT count(api_key) AS v FROM app.locations").await, 0, "all accounts are enabled");
    for (id, key) in writers.iter().flat_map(|writer| &writer.keys) {
        let Some(key) = key else { continue };
        let found: Option<u64> =
            all.get(&format!("SELECT (SELECT id FROM keyward.authenticate_location_api_key('{key}')) AS v")).await;
        assert_eq!(found, Some(*id), "{key}");
    }
    let wave = &status(&world).await.waves[0];
    assert_eq!((wave.accounts, wave.state.as_str()), (300, "done"));
}

#[tokio::test]
async fn without_keys_a_choice_made_amid_a_batch_is_kept_and_the_batch_goes_on() {
    let mut world = World::bare().await;
    let (head, rest) = crate::fixture::MANIFEST.split_once("[[keys]]").unwrap();
    let writes = rest.split_once("[[writes]]").unwrap().1;
    world.manifest = Manifest::parse(&format!("{head}[[writes]]{writes}"), "keyward.toml").unwrap();
    world.apply().await;
    let (mut ui, mut all) = (world.act("app_ui").await, world.act("postgres").await);
    ui.ok("BEGIN; SELECT keyward.opt_in(5, 'they asked')").await;
    // the one statement that claims and enables waits for the choice, and then finds the row taken (23505)
    let patient = Options { lock_timeout: Duration::from_secs(20), ..run_of("100") };
    let (ran, ()) = tokio::join!(run(&world, &patient), async {
        eventually(&mut all, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted) AS v").await;
        ui.ok("COMMIT").await;
    });
    assert_eq!(ran.unwrap().tally.unwrap().accounts, 9, "control: everybody else");
    let sources = "SELECT array_agg(DISTINCT source || (account = 5) ORDER BY source || (account = 5)) AS v FROM keyward.account_setting WHERE enabled";
    assert_eq!(all.get::<Vec<String>>(sources).await, ["opt_intrue", "rolloutfalse"]);
    assert_eq!(all.get::<i64>("SELECT count(*) AS v FROM keyward.parked_account").await, 0);
}
