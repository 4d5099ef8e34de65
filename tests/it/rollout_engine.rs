//! What the engine of the rollout promises: workers share a wave, canaries stay confined, and a wave is undone exactly.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use keyward::error::{Kind, Result};
use keyward::rollout::{self, Options, Progress, Reverted, Target};

use crate::fixture::World;
use crate::rollout::{assert_whole, enabled, finish, finish_of, many, run, run_of, status, whole_text};

async fn revert(world: &World, target: Target, options: &Options) -> Result<Reverted> {
    let mut db = world.connect("app_owner").await;
    rollout::revert(&mut db, &world.manifest, target, options, &AtomicBool::new(false), &mut |_| {}).await
}

/// Every row of the application's tables, as one checksum.
async fn checksum(world: &World) -> String {
    world
        .act("postgres")
        .await
        .get(
            "SELECT md5(string_agg(r, '|' ORDER BY r)) AS v FROM (
                SELECT a::text AS r FROM app.accounts AS a UNION ALL SELECT l::text FROM app.locations AS l
                UNION ALL SELECT u::text FROM app.users AS u) AS x",
        )
        .await
}

/// The settings, without when and who.
async fn settings(world: &World) -> Vec<String> {
    world
        .act("postgres")
        .await
        .get(
            "SELECT COALESCE(array_agg(concat_ws(' ', account, enabled, source, reason) ORDER BY account), '{}') AS v FROM keyward.account_setting",
        )
        .await
}

fn list(ids: impl IntoIterator<Item = i64>) -> Options {
    Options { list: Some(ids.into_iter().map(|id| id.to_string()).collect()), ..run_of("100") }
}

#[tokio::test]
async fn workers_share_a_wave_and_each_account_is_taken_once() {
    let world = many().await;
    let mut most = 0;
    let mut db = world.connect("app_owner").await;
    let mut tell = |progress: Progress<'_>| {
        if let Progress::Batch(tally) = progress {
            most = tally.accounts;
        }
    };
    let options = Options { workers: 3, ..run_of("100") };
    let ran = rollout::run(&mut db, &world.manifest, &options, &AtomicBool::new(false), &mut tell).await.unwrap();
    assert_eq!((ran.tally.unwrap().accounts, most), (300, 300));
    let status = status(&world).await;
    assert_eq!((status.waves.len(), status.waves[0].accounts, status.waves[0].keys), (1, 300, 300));
    let workers: Vec<i64> = world
        .act("postgres")
        .await
        .get("SELECT array_agg(accounts ORDER BY id) AS v FROM keyward.worker WHERE state = 'ended'")
        .await;
    assert_eq!((workers.len(), workers.iter().sum::<i64>()), (3, 300));
    assert_whole(&world).await;
}

#[tokio::test]
async fn whoever_asks_for_the_same_joins_the_wave_and_for_something_else_is_refused() {
    let world = many().await;
    // slowly enough for another to come while it is under way
    let (world, options) = (&world, Options { pace: Some(100.0), ..run_of("100") });
    let mut db = world.connect("app_owner").await;
    let (joined, others) = tokio::sync::oneshot::channel();
    let mut joined = Some(joined);
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(_))
            && let Some(joined) = joined.take()
        {
            joined.send(()).unwrap();
        }
    };
    let first = rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell);
    let second = async {
        others.await.unwrap();
        let different = run(world, &run_of("50")).await;
        (different, run(world, &options).await)
    };
    let (first, (different, second)) = tokio::join!(first, second);
    let error = different.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("wave 1 (run of 100 %) of app_owner is under way"), "{}", whole_text(&error));
    let (first, second) = (first.unwrap().tally.unwrap(), second.unwrap().tally);
    let second = second.expect("it has joined");
    assert_eq!((first.wave, second.wave), (1, 1));
    assert_eq!(first.accounts + second.accounts, 300);
    assert_eq!((status(world).await.waves.len(), status(world).await.waves[0].state.as_str()), (1, "done"));
    assert_whole(world).await;
}

#[tokio::test]
async fn status_shows_the_workers_that_are_alive_and_the_chunks_that_they_have() {
    let world = many().await;
    let mut db = world.connect("app_owner").await;
    let mut seen = None;
    let (asked, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(_)) {
            let _ = asked.send(());
        }
    };
    let options = Options { workers: 2, process: "here:1".to_owned(), pace: Some(300.0), ..run_of("100") };
    let run = rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell);
    let look = async {
        heard.recv().await;
        seen = Some(status(&world).await);
    };
    let (ran, ()) = tokio::join!(run, look);
    ran.unwrap();
    let seen = seen.unwrap();
    assert_eq!((seen.waves[0].state.as_str(), seen.waves[0].total), ("running", 300));
    assert!(seen.waves[0].accounts < 300 && seen.waves[0].open_chunks > 0, "{:?}", seen.waves);
    assert_eq!(seen.workers.len(), 2);
    let worker = &seen.workers[0];
    assert_eq!((worker.wave, worker.process.as_str(), worker.actor.as_str()), (1, "here:1", "app_owner"));
    assert!(seen.workers.iter().any(|worker| worker.chunk.is_some() && worker.leased_until.is_some()));
    let after = status(&world).await;
    assert_eq!((after.workers.len(), after.waves[0].state.as_str(), after.waves[0].open_chunks), (0, "done", 0));
}

#[tokio::test]
async fn a_list_confines_the_wave_and_an_id_that_is_no_accounts_changes_nothing() {
    let world = many().await;
    let mut ui = world.act("app_ui").await;
    ui.ok("SELECT keyward.opt_out(5, 'they insist', acknowledge_risk => true)").await;
    let error = run(&world, &list([3, 4, 9999, 5])).await.unwrap_err();
    assert!(error.kind() == Kind::Usage && error.to_string().contains("9999"), "{}", whole_text(&error));
    let mut strange = list([3]);
    strange.list.as_mut().unwrap().push("3; DROP TABLE app.accounts".to_owned());
    assert_eq!(run(&world, &strange).await.unwrap_err().kind(), Kind::Usage);
    assert_eq!((enabled(&world).await, status(&world).await.waves.len()), (BTreeSet::new(), 0));

    let ran = run(&world, &list([3, 4, 5])).await.unwrap();
    assert_eq!(ran.tally.unwrap().accounts, 2, "5 has opted out");
    assert_eq!(enabled(&world).await, BTreeSet::from([3, 4]));
    assert!(status(&world).await.waves[0].listed);
    assert_eq!(run(&world, &list([4, 3, 5])).await.unwrap().tally, None, "nothing is left of the list");
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_limit_is_kept_to_the_account_by_however_many_workers() {
    let world = many().await;
    for (round, workers) in [(1, 1), (2, 3), (3, 2)] {
        let options = Options { limit: Some(37), workers, ..run_of("100") };
        assert_eq!(run(&world, &options).await.unwrap().tally.unwrap().accounts, 37);
        assert_eq!(enabled(&world).await.len(), 37 * round);
    }
    run(&world, &run_of("100")).await.unwrap();
    assert_eq!(enabled(&world).await.len(), 300);
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_revert_undoes_a_wave_exactly_and_again() {
    let world = many().await;
    let before = (checksum(&world).await, settings(&world).await);
    for round in 0..2 {
        run(&world, &Options { workers: 2, ..run_of("40") }).await.unwrap();
        let canaries = enabled(&world).await;
        assert!(status(&world).await.policy.new_accounts_enabled);
        assert_ne!(checksum(&world).await, before.0, "there is something to undo");
        run(&world, &run_of("100")).await.unwrap();

        let reverted = revert(&world, Target::Last, &Options { workers: 2, ..run_of("100") }).await.unwrap();
        assert_eq!(reverted.tally.accounts, 300 - canaries.len() as u64);
        assert_eq!(enabled(&world).await, canaries, "the wave before it stands");
        assert!(status(&world).await.policy.new_accounts_enabled, "and so does what it said of new accounts");
        assert_whole(&world).await;

        revert(&world, Target::Last, &run_of("100")).await.unwrap();
        assert_eq!((checksum(&world).await, settings(&world).await), before, "round {round}");
        let status = status(&world).await;
        assert!(!status.policy.new_accounts_enabled);
        assert_eq!(status.waves.iter().filter(|wave| wave.state == "reverted").count(), 2 * (round + 1));
        assert_whole(&world).await;
    }
    let error = revert(&world, Target::Last, &run_of("100")).await.unwrap_err();
    assert!(error.to_string().contains("no wave to revert"), "{}", whole_text(&error));
    // all of none is done already: the command that was killed at its very end is given again
    assert_eq!(revert(&world, Target::All, &run_of("100")).await.unwrap().waves, Vec::<i64>::new());
    assert_eq!(revert(&world, Target::Wave(99), &run_of("100")).await.unwrap_err().kind(), Kind::Usage);
}

#[tokio::test]
async fn a_revert_leaves_choices_alone_that_were_made_before_and_since() {
    let world = many().await;
    let mut ui = world.act("app_ui").await;
    ui.ok("SELECT keyward.opt_in(1, 'early'); SELECT keyward.opt_out(2, 'early', acknowledge_risk => true)").await;
    run(&world, &run_of("100")).await.unwrap();
    ui.ok("SELECT keyward.opt_in(3, 'since'); SELECT keyward.opt_out(4, 'since', acknowledge_risk => true)").await;
    // a key made in the UI since is the UI's, and as such it is published with the others
    let made: String = ui.get("SELECT keyward.generate_location_api_key(6) AS v").await;
    let reverted = revert(&world, Target::All, &run_of("100")).await.unwrap();
    assert_eq!(reverted.tally.accounts, 296);
    assert_eq!(settings(&world).await, ["1 t opt_in early", "2 f opt_out early", "3 t opt_in since", "4 f opt_out since"]);
    let mut all = world.act("postgres").await;
    let sealed: Vec<i64> = all
        .get("SELECT array_agg(DISTINCT l.account_id ORDER BY l.account_id) AS v FROM keyward.vault_location_api_key JOIN app.locations AS l USING (id)")
        .await;
    assert_eq!(sealed, [1, 3, 6], "sealed: the two that chose it, and the key that the wave did not seal");
    let answers: i64 = all.get(&format!("SELECT count(*) AS v FROM keyward.authenticate_location_api_key('{made}')")).await;
    assert_eq!(answers, 1);
}

#[tokio::test]
async fn a_wave_behind_a_finish_is_not_undone_before_it() {
    let world = many().await;
    let before = (checksum(&world).await, settings(&world).await);
    run(&world, &run_of("50")).await.unwrap();
    finish(&world, &finish_of()).await.unwrap();
    let error = revert(&world, Target::Wave(1), &run_of("100")).await.unwrap_err();
    assert!(error.kind() == Kind::Refused && error.hint().unwrap().contains("--wave 2"), "{}", whole_text(&error));
    revert(&world, Target::Wave(2), &run_of("100")).await.unwrap();
    let policy = status(&world).await.policy;
    assert_eq!((policy.default_enabled, policy.new_accounts_enabled), (false, true));
    assert_whole(&world).await;
    revert(&world, Target::Wave(1), &run_of("100")).await.unwrap();
    assert_eq!((checksum(&world).await, settings(&world).await), before);
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_revert_waits_for_rows_in_use_and_loses_none() {
    let world = many().await;
    run(&world, &run_of("100")).await.unwrap();
    let mut writer = world.act("api_v2").await;
    writer.ok("BEGIN; UPDATE app.locations SET name = 'held' WHERE account_id = 42").await;
    let error = revert(&world, Target::Last, &run_of("100")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
    assert_eq!(enabled(&world).await, BTreeSet::from([42]));
    assert_whole(&world).await;
    writer.ok("COMMIT").await;
    let reverted = revert(&world, Target::Wave(1), &run_of("100")).await.unwrap();
    assert_eq!((reverted.tally.accounts, enabled(&world).await.len()), (1, 0));
    assert_whole(&world).await;
}

#[tokio::test]
async fn a_revert_ends_a_wave_that_is_under_way() {
    let world = many().await;
    let mut db = world.connect("app_owner").await;
    let (begun, others) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Batch(tally) if tally.accounts > 20)
            && let Some(begun) = begun.take()
        {
            begun.send(()).unwrap();
        }
    };
    let options = Options { pace: Some(200.0), ..run_of("100") };
    let ran = rollout::run(&mut db, &world.manifest, &options, &stop, &mut tell);
    let undo = async {
        others.await.unwrap();
        revert(&world, Target::Last, &run_of("100")).await
    };
    let (ran, undone) = tokio::join!(ran, undo);
    let error = ran.unwrap_err();
    assert_eq!(error.kind(), Kind::Resumable, "{}", whole_text(&error));
    assert!(error.to_string().contains("ended by another command"), "{}", whole_text(&error));
    assert!(undone.unwrap().tally.accounts > 20);
    assert_eq!((enabled(&world).await.len(), status(&world).await.waves[0].state.as_str()), (0, "reverted"));
    assert_whole(&world).await;
}

#[tokio::test]
async fn parked_accounts_hold_the_finish_or_are_left_off_and_taken_later() {
    let world = many().await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id IN (7, 105) AND OLD.api_key IS NOT NULL THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    let error = finish(&world, &finish_of()).await.unwrap_err();
    assert!(error.kind() == Kind::Refused && error.to_string().starts_with("2 accounts are parked"), "{}", whole_text(&error));
    assert!(!status(&world).await.policy.default_enabled, "by default they would count as enabled");
    let finished = finish(&world, &Options { leave_parked: true, ..finish_of() }).await.unwrap();
    assert_eq!(finished.proof[0].published_in_enabled_accounts, 0);
    assert_eq!(enabled(&world).await.len(), 298);
    let off: Vec<String> = settings(&world).await.into_iter().filter(|line| line.contains(" f ")).collect();
    assert_eq!(off.len(), 2);
    assert!(off[0].starts_with("7 f rollout parked: refused by the function"), "{off:?}");
    assert_whole(&world).await;

    owner.ok("DROP TRIGGER protect ON app.locations").await;
    assert_eq!(run(&world, &run_of("100")).await.unwrap().tally.unwrap().accounts, 2);
    assert_eq!((enabled(&world).await.len(), status(&world).await.parked_accounts), (300, 0));
    assert_whole(&world).await;
}

#[tokio::test]
async fn too_many_parked_accounts_are_taken_for_a_general_failure() {
    let world = many().await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE FUNCTION app.protect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.account_id > 30 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER protect BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.protect()")
        .await;
    let error = run(&world, &Options { max_parked: 3, ..run_of("100") }).await.unwrap_err();
    assert!(
        error.kind() == Kind::Refused && error.to_string().contains("4 accounts could not be changed"),
        "{}",
        whole_text(&error)
    );
    assert_eq!((enabled(&world).await, status(&world).await.parked_accounts), ((1..=30).collect(), 4));
    assert_whole(&world).await;
}

#[tokio::test]
async fn triggers_of_the_application_fire_unless_told_and_that_takes_the_right() {
    let world = many().await;
    world
        .act("app_owner")
        .await
        .ok("CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
             CREATE TRIGGER touch BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch()")
        .await;
    let touched = "SELECT count(DISTINCT l.updated_at) AS v FROM app.locations AS l";
    let mut all = world.act("postgres").await;
    all.ok("ALTER TABLE app.locations DISABLE TRIGGER touch; UPDATE app.locations SET updated_at = 'epoch'; ALTER TABLE app.locations ENABLE TRIGGER touch").await;
    let skip = Options { skip_app_triggers: true, ..run_of("30") };
    let error = run(&world, &skip).await.unwrap_err();
    assert!(error.kind() == Kind::Refused && error.to_string().contains("may not skip"), "{}", whole_text(&error));
    assert_eq!(status(&world).await.waves.len(), 0);

    let mut db = world.connect("postgres").await;
    let stop = AtomicBool::new(false);
    let ran = rollout::run(&mut db, &world.manifest, &skip, &stop, &mut |_| {}).await.unwrap();
    assert!(ran.tally.unwrap().keys > 0);
    assert_eq!(all.get::<i64>(touched).await, 1, "no row was touched");
    assert_whole(&world).await;
    run(&world, &run_of("100")).await.unwrap();
    assert!(all.get::<i64>(touched).await > 1);
    assert_whole(&world).await;
}

#[tokio::test]
async fn the_cutover_is_waited_for_by_the_servers_clock() {
    let mut world = many().await;
    let settings =
        keyward::db::settings::Settings::resolve(Some(&world.sandbox.url_as("app_owner", &world.database)), &|_| None).unwrap();
    let mut db = world.connect("app_owner").await;
    let now: jiff::Timestamp = crate::fixture::Actor(world.connect("app_owner").await).get("SELECT clock_timestamp() AS v").await;
    world.manifest.setting.cutover = now + Duration::from_secs(2);
    let mut left = Vec::new();
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if let Progress::UntilCutover(length) = progress {
            left.push(length);
        }
    };
    rollout::wait_for_cutover(&settings, &world.manifest, &stop, &mut tell).await.unwrap().close().await;
    assert!(!left.is_empty() && left[0] <= Duration::from_secs(2), "{left:?}");
    let past: bool = {
        #[derive(serde::Deserialize)]
        struct Row {
            v: bool,
        }
        let params = [keyward::db::Param::Text(world.manifest.setting.cutover.to_string())];
        db.row::<Row>("SELECT clock_timestamp() >= $1::text::timestamptz AS v", &params).await.unwrap().v
    };
    assert!(past);

    world.manifest.setting.cutover = now + Duration::from_hours(1);
    let stop = AtomicBool::new(false);
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::UntilCutover(_)) {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let Err(error) = rollout::wait_for_cutover(&settings, &world.manifest, &stop, &mut tell).await else {
        panic!("it must stop")
    };
    assert_eq!(error.kind(), Kind::Resumable);
}
