//! A key is never lost: whatever the application, the UI or an opt-out does, every key that nobody ended still authenticates.

use keyward::apply::{self, Options, Progress};
use keyward::catalog::Snapshot;
use keyward::plan;
use tokio::sync::Notify;

use crate::attack::{Raw, owner_of, published_in_enabled};
use crate::fixture::{Actor, World};

/// Each of the 30 keys of the set-up still leads to its row, as `expected` says for rows that moved or ended.
async fn all_authenticate(world: &World, expected: impl Fn(i64) -> Option<i64>) {
    let mut gateway = world.act("api_gateway").await;
    for n in 1..=30 {
        assert_eq!(owner_of(&mut gateway, &format!("key-{n}")).await, expected(n), "key-{n}");
    }
}

async fn sealed(dba: &mut Actor) -> i64 {
    dba.get("SELECT count(*) AS v FROM keyward.vault_location_api_key").await
}

#[tokio::test]
async fn writing_rows_back_ends_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    for role in ["api_v1", "api_v2", "worker", "app_ui"] {
        let mut actor = world.act(role).await;
        for act in [
            // an ORM writes the whole row back as it read it: after the sealing, NULL; before it, the key
            "UPDATE app.locations SET account_id = 1, name = 'back', api_key = NULL, updated_at = now() WHERE id = 1",
            "UPDATE app.locations SET account_id = 1, name = 'back', api_key = 'key-1', updated_at = now() WHERE id = 1",
            "UPDATE app.locations SET api_key = '' WHERE id = 11 AND false",
            "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (1, 1, 'up', NULL) ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key, name = excluded.name",
            "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (1, 1, 'up', 'key-1') ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key, name = excluded.name",
            "INSERT INTO app.locations (id, account_id, name) VALUES (1, 1, 'up'), (11, 1, 'up') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            "UPDATE app.locations SET api_key = NULL",
            "UPDATE app.locations AS l SET api_key = o.api_key, account_id = o.account_id FROM app.locations AS o WHERE o.id = l.id",
            "WITH gone AS (DELETE FROM app.locations WHERE id IN (1, 11) RETURNING *) INSERT INTO app.locations SELECT * FROM gone",
        ] {
            // clearing published keys is the application's right: the accounts that are off are not what is tried here
            if act == "UPDATE app.locations SET api_key = NULL" {
                actor.ok("UPDATE app.locations SET api_key = NULL WHERE account_id = 1").await;
            } else {
                actor.ok(act).await;
            }
        }
    }
    all_authenticate(&world, Some).await;
    // control: a published key is the application's to clear
    world.act("api_v2").await.ok("UPDATE app.locations SET api_key = NULL WHERE id = 2").await;
    all_authenticate(&world, |n| (n != 2).then_some(n)).await;
}

#[tokio::test]
async fn an_upsert_that_names_another_account_ends_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut api = world.act("api_v2").await;
    // the row belongs to an account that is off, the INSERT names an enabled one: its key was withheld, and would wipe the other
    assert_eq!(
        api.err("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (2, 1, 'up', 'mine') ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key").await,
        "KW001"
    );
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (2, 1, 'up', 'mine') ON CONFLICT (id) DO UPDATE SET name = excluded.name").await;
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (2, 1, 'up', 'mine') ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key, account_id = excluded.account_id").await;
    all_authenticate(&world, Some).await;
    // in one batch: a stripped INSERT, and then a key that is cleared on purpose in an account that is off
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (7000, 1, 'x', 'k'); UPDATE app.locations SET api_key = NULL WHERE id = 3").await;
    all_authenticate(&world, |n| (n != 3).then_some(n)).await;
}

#[tokio::test]
async fn a_key_follows_its_row_through_renamed_ids_and_accounts() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut api = world.act("api_v2").await;
    api.ok("UPDATE app.locations SET id = 1001 WHERE id = 1").await;
    api.ok("UPDATE app.locations SET id = 1002, account_id = 1 WHERE id = 2").await;
    api.ok("UPDATE app.locations SET id = 1003, api_key = 'other' WHERE id = 11").await;
    api.ok("UPDATE app.accounts SET id = 901 WHERE id = 1").await;
    api.ok("UPDATE app.accounts SET id = 902 WHERE id = 3").await;
    let at = |n| {
        Some(match n {
            1 => 1001,
            2 => 1002,
            11 => 1003,
            n => n,
        })
    };
    all_authenticate(&world, at).await;
    let mut dba = world.act("postgres").await;
    assert_eq!(published_in_enabled(&mut dba).await, 0);
    assert!(dba.get::<bool>("SELECT keyward.is_enabled(901) AND NOT keyward.is_enabled(902) AS v").await);
    world.act("app_ui").await.ok("SELECT keyward.opt_out(901, 'test', true)").await;
    all_authenticate(&world, at).await;
    assert_eq!(sealed(&mut dba).await, 0);
}

#[tokio::test]
async fn ids_that_are_swapped_in_one_statement_are_refused_where_a_key_is_sealed() {
    let world = World::bare().await;
    world
        .act("app_owner")
        .await
        .ok("ALTER TABLE app.locations DROP CONSTRAINT locations_pkey, ADD PRIMARY KEY (id) DEFERRABLE")
        .await;
    world.apply().await;
    world.opt_in("1").await;
    let mut api = world.act("api_v2").await;
    assert_eq!(api.err("UPDATE app.locations SET id = CASE id WHEN 1 THEN 11 ELSE 1 END WHERE id IN (1, 11)").await, "23505");
    assert_eq!(api.err("UPDATE app.locations SET id = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)").await, "23505");
    assert_eq!(api.err("UPDATE app.locations SET id = CASE id WHEN 11 THEN 10 ELSE 11 END WHERE id IN (10, 11)").await, "23505");
    all_authenticate(&world, Some).await;
    api.ok("UPDATE app.locations SET id = CASE id WHEN 3 THEN 2 ELSE 3 END WHERE id IN (2, 3)").await;
    all_authenticate(&world, |n| {
        Some(match n {
            3 => 2,
            2 => 3,
            n => n,
        })
    })
    .await;
    api.ok("UPDATE app.locations SET id = -1 WHERE id = 1; UPDATE app.locations SET id = 1 WHERE id = 11; UPDATE app.locations SET id = 11 WHERE id = -1").await;
    all_authenticate(&world, |n| {
        Some(match n {
            1 => 11,
            11 => 1,
            3 => 2,
            2 => 3,
            n => n,
        })
    })
    .await;
}

#[tokio::test]
async fn round_trips_of_opt_in_and_opt_out_end_no_key() {
    let world = World::applied().await;
    let mut ui = world.act("app_ui").await;
    for account in [1, 2, 3] {
        for _ in 0..3 {
            ui.ok(&format!("SELECT keyward.opt_in({account}); SELECT keyward.opt_in({account}, 'again')")).await;
            all_authenticate(&world, Some).await;
            ui.ok(&format!("SELECT keyward.opt_out({account}, 'test', true); SELECT keyward.opt_out({account}, 'again', true)"))
                .await;
            all_authenticate(&world, Some).await;
        }
    }
    // what fails, or is rolled back, changes nothing
    ui.ok("BEGIN; SELECT keyward.opt_in(1); SAVEPOINT s").await;
    ui.failure("SELECT keyward.opt_out(1, 'no acknowledgement')").await;
    ui.ok("ROLLBACK TO s; SELECT keyward.opt_out(2, 'test', true); ROLLBACK").await;
    all_authenticate(&world, Some).await;
    assert_eq!(sealed(&mut world.act("postgres").await).await, 0);
}

#[tokio::test]
async fn a_key_that_is_being_sealed_while_keyward_is_removed_comes_back() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut ui = world.act("app_ui").await;
    ui.ok("INSERT INTO app.locations (id, account_id, name) VALUES (7000, 1, 'keyless')").await;
    // sealed, in a transaction that was under way before the guards let everything pass
    ui.ok("BEGIN").await;
    let key: String = ui.get("SELECT keyward.generate_location_api_key(7000) AS v").await;
    let mut db = world.connect("app_owner").await;
    let snapshot = Snapshot::read(&mut db, &world.manifest).await.unwrap();
    let owner = &world.manifest.roles.owner;
    let steps = plan::removal(&snapshot, owner).unwrap();
    let blocked = Notify::new();
    let mut tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Blocked(..)) {
            blocked.notify_one();
        }
    };
    let options = Options::default();
    let (removed, ()) = tokio::join!(apply::uninstall(&mut db, &steps, owner, &options, &mut tell), async {
        blocked.notified().await;
        ui.ok("COMMIT").await;
    });
    removed.unwrap_or_else(|error| panic!("{error}"));
    let mut dba = world.act("postgres").await;
    assert_eq!(dba.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 7000").await, Some(key));
    assert_eq!(dba.get::<i64>("SELECT count(api_key) AS v FROM app.locations").await, 31);
}

#[tokio::test]
async fn a_key_ends_with_its_row_and_only_with_it() {
    let world = World::applied().await;
    world.opt_in("1").await;
    world.opt_in("2").await;
    let mut api = world.act("api_v2").await;
    let mut dba = world.act("postgres").await;
    api.ok("BEGIN; DELETE FROM app.locations WHERE id = 1; ROLLBACK").await;
    all_authenticate(&world, Some).await;
    api.ok("DELETE FROM app.locations WHERE id = 1; DELETE FROM app.accounts WHERE id = 2").await;
    all_authenticate(&world, |n| (n != 1 && (n - 1) % 10 != 1).then_some(n)).await;
    // the id is used again: the old key doesn't come back
    api.ok("INSERT INTO app.locations (id, account_id, name) VALUES (1, 1, 'again')").await;
    all_authenticate(&world, |n| (n != 1 && (n - 1) % 10 != 1).then_some(n)).await;
    dba.ok("BEGIN; TRUNCATE app.locations; ROLLBACK").await;
    assert_eq!(sealed(&mut dba).await, 2);
    dba.ok("TRUNCATE app.locations").await;
    assert_eq!(sealed(&mut dba).await, 0);
}

#[tokio::test]
async fn mode_off_and_back_ends_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut api = world.act("api_v2").await;
    dba.ok("UPDATE keyward.policy SET mode = 'off'").await;
    api.ok("UPDATE app.locations SET api_key = NULL, name = 'back' WHERE account_id = 1; UPDATE app.locations SET id = 1001 WHERE id = 1").await;
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (8000, 1, 'x', 'while-off')").await;
    world.act("api_v1").await.ok("UPDATE app.users SET email = email WHERE id = 1").await;
    all_authenticate(&world, |n| Some(if n == 1 { 1001 } else { n })).await;
    dba.ok("UPDATE keyward.policy SET mode = 'enforce'; SELECT keyward.seal_location_api_key(ARRAY[1]::bigint[])").await;
    all_authenticate(&world, |n| Some(if n == 1 { 1001 } else { n })).await;
    assert_eq!(owner_of(&mut world.act("api_gateway").await, "while-off").await, Some(8000));
    assert_eq!(published_in_enabled(&mut dba).await, 0);
    assert_eq!(world.act("api_v1").await.err("UPDATE app.users SET email = email WHERE id = 1").await, "KW002");
}

#[tokio::test]
async fn an_opt_in_waits_for_who_is_writing_a_key_or_is_refused() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let mut writer = world.act("api_v2").await;
    let mut ui = world.act("app_ui").await;
    for (n, write) in [
        "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (9000, 1, 'x', 'in-flight')",
        "UPDATE app.locations SET api_key = 'in-flight-2' WHERE id = 11",
        "UPDATE app.locations SET account_id = 1 WHERE id = 2",
    ]
    .into_iter()
    .enumerate()
    {
        writer.ok(&format!("BEGIN; {write}")).await;
        // refused while the writer is at work for too long …
        if n == 0 {
            assert_eq!(ui.err("SELECT keyward.opt_in(1)").await, "KW003");
        }
        // … and waited for when it ends in time
        let (sealed, ()) = tokio::join!(ui.get::<i64>("SELECT keyward.opt_in(1) AS v"), async {
            // only once the opt-in waits for the writer
            let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_ui' AND wait_event = 'PgSleep') AS v";
            while !dba.get::<bool>(waiting).await {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            writer.ok("COMMIT").await;
        });
        assert!(sealed >= 3, "{write}: {sealed}");
        assert_eq!(published_in_enabled(&mut dba).await, 0, "{write}");
        ui.ok("SELECT keyward.opt_out(1, 'again', true)").await;
    }
    assert_eq!(owner_of(&mut world.act("api_gateway").await, "in-flight").await, Some(9000));
}

#[tokio::test]
async fn nobody_who_has_a_row_and_writes_its_key_is_in_a_deadlock_with_a_change_of_the_setting() {
    let world = World::applied().await;
    let (mut dba, mut ui, mut writer) = (world.act("postgres").await, world.act("app_ui").await, world.act("api_v2").await);
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_ui' AND wait_event = 'PgSleep') AS v";
    for (n, call) in ["opt_in(1)", "opt_out(1, 'test', true)"].into_iter().enumerate() {
        writer.ok("BEGIN; SELECT FROM app.locations WHERE id = 11 FOR UPDATE").await;
        let change = format!("SELECT keyward.{call} AS v");
        let (moved, ()) = tokio::join!(ui.get::<i64>(&change), async {
            while !dba.get::<bool>(waiting).await {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            // takes the lock that the change of the setting takes first
            writer.ok(&format!("UPDATE app.locations SET api_key = 'other-{n}' WHERE id = 11")).await;
            writer.ok("COMMIT").await;
        });
        assert_eq!(moved, 3, "{call}");
        assert_eq!(published_in_enabled(&mut dba).await, 0);
    }
    // what it wrote when the account was on was withheld
    all_authenticate(&world, |n| (n != 11).then_some(n)).await;
    assert_eq!(owner_of(&mut world.act("api_gateway").await, "other-0").await, Some(11));
}

#[tokio::test]
async fn a_snapshot_older_than_the_opt_in_publishes_no_key() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        for before in ["SELECT 1", "SELECT keyward.opt_in(1); SELECT keyward.opt_out(1, 'a row to change', true)"] {
            ui.ok(before).await;
            for write in [
                "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (9000, 1, 'x', 'late')",
                "UPDATE app.locations SET account_id = 1 WHERE id = 2",
                "UPDATE app.locations SET api_key = 'late' WHERE id = 31",
            ] {
                dba.ok("INSERT INTO app.locations (id, account_id, name) VALUES (31, 1, 'no key') ON CONFLICT DO NOTHING").await;
                let mut writer = world.act("api_v2").await;
                let begin = format!("BEGIN ISOLATION LEVEL {isolation}; SELECT count(*) FROM app.accounts; {write}; COMMIT");
                let parts: Vec<_> = begin.split("; ").collect();
                writer.ok(parts[0]).await;
                writer.ok(parts[1]).await;
                ui.ok("SELECT keyward.opt_in(1)").await;
                assert_eq!(writer.err(write).await, "40001", "{isolation}: {write}");
                writer.ok("ROLLBACK").await;
                assert_eq!(published_in_enabled(&mut dba).await, 0, "{isolation}: {write}");
                ui.ok("SELECT keyward.opt_out(1, 'again', true)").await;
                // control: with the setting as it was at the snapshot
                writer.ok(&format!("BEGIN ISOLATION LEVEL {isolation}; {write}; ROLLBACK")).await;
            }
        }
        dba.ok("DELETE FROM keyward.account_setting").await;
        assert_eq!(ui.err(&format!("BEGIN ISOLATION LEVEL {isolation}; SELECT keyward.opt_in(1)")).await, "KW003");
        ui.ok("ROLLBACK").await;
    }
}

#[tokio::test]
async fn two_at_once_agree_and_end_no_key() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    for (one, two) in [
        ("SELECT keyward.opt_in(1)", "SELECT keyward.opt_in(1)"),
        ("SELECT keyward.opt_out(1, 'x', true)", "SELECT keyward.opt_in(1)"),
        ("SELECT keyward.opt_in(1)", "UPDATE app.locations SET api_key = 'key-1' WHERE id = 1"),
        ("SELECT keyward.opt_out(1, 'x', true)", "UPDATE app.locations SET name = 'x', api_key = NULL WHERE id = 1 AND false"),
    ] {
        let (mut a, mut b) = (Raw::connect(&world, "app_ui").await, Raw::connect(&world, "app_ui").await);
        let (a, b) = tokio::join!(a.run(one), b.run(two));
        for (act, result) in [(one, a), (two, b)] {
            if let Err((code, words)) = result {
                assert!(["40P01", "KW003"].contains(&code.as_str()), "{act}: {code} {words}");
            }
        }
        assert_eq!(published_in_enabled(&mut dba).await, 0, "{one} | {two}");
        all_authenticate(&world, Some).await;
    }
}

#[tokio::test]
async fn a_bulk_load_over_ten_thousand_accounts_fits_the_lock_table() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let mut api = world.act("api_v2").await;
    api.ok("INSERT INTO app.accounts (id, name) SELECT n, 'bulk' FROM generate_series(10001, 20000) AS n").await;
    api.ok("BEGIN; INSERT INTO app.locations (id, account_id, name, api_key) SELECT n, n, 'bulk', 'bulk-' || n FROM generate_series(10001, 20000) AS n").await;
    let locks: i64 = dba.get("SELECT count(*) AS v FROM pg_locks WHERE locktype = 'advisory'").await;
    assert!(locks <= 65, "{locks}");
    api.ok("COMMIT").await;
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key LIKE 'bulk-%'").await, 10000);
}

#[tokio::test]
async fn plans_are_the_same_and_plain_writes_call_no_guard() {
    let queries = [
        "SELECT * FROM app.locations WHERE id = 1",
        "SELECT * FROM app.locations WHERE account_id = 1 ORDER BY name",
        "SELECT * FROM app.locations WHERE api_key = 'key-2'",
        "SELECT * FROM app.users WHERE account_id = 1",
        "INSERT INTO app.locations (account_id, name) VALUES (1, 'x')",
        "INSERT INTO app.users (account_id, email) VALUES (2, 'x')",
        "UPDATE app.locations SET name = 'x' WHERE id = 1",
        "UPDATE app.users SET email = 'x' WHERE id = 2",
        "DELETE FROM app.users WHERE id = 2",
    ];
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ANALYZE").await;
    let explain = async |world: &World| {
        let mut api = Raw::connect(world, "api_v2").await;
        let mut plans = Vec::new();
        for query in queries {
            use sqlx::{Executor as _, Row as _};
            let rows = api
                .0
                .fetch_all(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("EXPLAIN (COSTS OFF, VERBOSE) {query}"))))
                .await
                .unwrap();
            plans.push(rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n"));
        }
        plans
    };
    let before = explain(&world).await;
    world.apply().await;
    world.opt_in("1").await;
    for (before, after) in before.iter().zip(explain(&world).await) {
        assert_eq!(*before, after);
    }
    let mut api = world.act("api_v2").await;
    api.ok("SELECT 1").await;
    dba.ok("ALTER SYSTEM SET track_functions = 'all'").await;
    dba.ok("SELECT pg_reload_conf()").await;
    let mut api = world.act("api_v2").await;
    while api.get::<String>("SELECT current_setting('track_functions') AS v").await != "all" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // who is acting has to be asked where users are written
    let calls = "SELECT count(*) AS v FROM pg_stat_xact_user_functions WHERE schemaname = 'keyward' AND funcname !~ '^binds_'";
    api.ok("BEGIN; UPDATE app.locations SET name = 'y', updated_at = now(); INSERT INTO app.locations (account_id, name) VALUES (1, 'y');
            UPDATE app.users SET email = email || 'y'; INSERT INTO app.users (account_id, email) VALUES (1, 'y'); DELETE FROM app.users WHERE id = 5")
        .await;
    assert_eq!(api.get::<i64>(calls).await, 0);
    api.ok("UPDATE app.locations SET api_key = 'x' WHERE id = 2").await;
    assert!(api.get::<i64>(calls).await > 0, "control");
    api.ok("ROLLBACK").await;
}

#[tokio::test]
async fn a_copy_of_a_sealed_key_does_not_take_its_place() {
    let world = World::applied().await;
    world.opt_in("1").await;
    world.act("api_v2").await.ok("UPDATE app.locations SET api_key = 'key-1' WHERE id = 2").await;
    let mut gateway = world.act("api_gateway").await;
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    world.act("app_ui").await.ok("SELECT keyward.revoke_location_api_key(1)").await;
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(2), "control: the copy is published");
}

#[tokio::test]
async fn a_trigger_that_suppresses_or_alters_the_publishing_ends_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    for body in ["RETURN NULL", "NEW.api_key := 'other'; RETURN NEW"] {
        dba.ok(&format!(
            "CREATE FUNCTION app.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$;
             CREATE TRIGGER meddle BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.meddle()"
        ))
        .await;
        assert_eq!(ui.err("SELECT keyward.opt_out(1, 'test', true)").await, "KW003", "{body}");
        // one by one: it waits until the opt-out that failed has let go of the rows
        assert_eq!(dba.err("SELECT keyward.publish_rows_location_api_key(1)").await, "KW003", "{body}");
        all_authenticate(&world, Some).await;
        dba.ok("DROP FUNCTION app.meddle CASCADE").await;
    }
    ui.ok("SELECT keyward.opt_out(1, 'test', true)").await;
    all_authenticate(&world, Some).await;
}

#[tokio::test]
async fn a_key_written_while_the_mode_is_off_takes_the_sealed_ones_place() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE keyward.policy SET mode = 'off'").await;
    world.act("api_v2").await.ok("UPDATE app.locations SET api_key = 'newer' WHERE id = 1").await;
    let mut gateway = world.act("api_gateway").await;
    assert_eq!(owner_of(&mut gateway, "newer").await, Some(1));
    assert_eq!(owner_of(&mut gateway, "key-1").await, None, "a row has one key");
    assert_eq!(sealed(&mut dba).await, 2, "control: the others stay");
}

/// Turns account 2's setting on as no path of keyward's does: its keys stay published.
const ENABLED_AND_PUBLISHED: &str =
    "INSERT INTO keyward.account_setting (account, enabled, source, changed_by) VALUES (2, true, 'opt_in', 'test')";

#[tokio::test]
async fn what_a_trigger_writes_while_keys_are_sealed_meets_the_guard() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok(ENABLED_AND_PUBLISHED).await;
    // runs as keyward's owner, amid the sealing
    dba.ok("CREATE FUNCTION app.siblings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.account_id = 1 AND NEW.api_key IS NULL THEN UPDATE app.locations SET api_key = NULL WHERE account_id = 2; END IF;
              RETURN NULL; END $$;
            CREATE TRIGGER siblings AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.siblings()")
        .await;
    assert_eq!(world.act("app_ui").await.get::<i64>("SELECT keyward.opt_in(1) AS v").await, 3);
    assert_eq!(dba.get::<i64>("SELECT count(api_key) AS v FROM app.locations WHERE account_id = 2").await, 0, "control: it ran");
    assert_eq!(sealed(&mut dba).await, 6);
    all_authenticate(&world, Some).await;
}

#[tokio::test]
async fn a_trigger_that_fills_or_suppresses_the_sealing_ends_no_key() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    for (body, refused) in [
        ("IF NEW.api_key IS NULL THEN NEW.api_key := 'made-' || NEW.id; END IF; RETURN NEW", false),
        ("NEW.api_key := OLD.api_key; RETURN NEW", true),
        ("RETURN NULL", true),
    ] {
        dba.ok(&format!(
            "CREATE FUNCTION app.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$;
             CREATE TRIGGER meddle BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.meddle()"
        ))
        .await;
        if refused {
            assert_eq!(ui.err("SELECT keyward.opt_in(1)").await, "KW003", "{body}");
            assert_eq!(sealed(&mut dba).await, 0, "{body}: no copy stays");
        } else {
            ui.ok("SELECT keyward.opt_in(1)").await;
            assert_eq!((sealed(&mut dba).await, published_in_enabled(&mut dba).await), (3, 0), "{body}");
        }
        dba.ok("DROP FUNCTION app.meddle CASCADE").await;
        all_authenticate(&world, Some).await;
        ui.ok("SELECT keyward.opt_out(1, 'again', true)").await;
    }
    all_authenticate(&world, Some).await;
}

#[tokio::test]
async fn a_copy_that_was_left_in_the_vault_makes_place_for_the_key_that_is_sealed() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok(
        "INSERT INTO keyward.vault_location_api_key (id, api_key) VALUES (1, 'left by somebody who had switched the guards off')",
    )
    .await;
    assert_eq!(world.act("app_ui").await.get::<i64>("SELECT keyward.opt_in(1) AS v").await, 3);
    assert_eq!((sealed(&mut dba).await, published_in_enabled(&mut dba).await), (3, 0));
    all_authenticate(&world, Some).await;
}

#[tokio::test]
async fn the_hint_that_keyward_itself_is_sealing_helps_nobody_else() {
    for role in ["api_v1", "api_v2", "worker", "app_ui", "app_owner", "postgres"] {
        let world = World::applied().await;
        let mut dba = world.act("postgres").await;
        dba.ok(ENABLED_AND_PUBLISHED).await;
        let mut actor = world.act(role).await;
        actor
            .ok("SET keyward.sealing_location_api_key = 'on'; UPDATE app.locations SET api_key = NULL WHERE account_id = 2")
            .await;
        assert_eq!(sealed(&mut dba).await, 3, "{role}");
        actor.ok("UPDATE app.locations SET api_key = 'mine' WHERE id = 2").await;
        assert_eq!(published_in_enabled(&mut dba).await, 0, "{role}");
        // control: where the setting is off, it is the application's to clear
        actor.ok("UPDATE app.locations SET api_key = NULL WHERE id = 1").await;
        // and whoever may do what the UI may has written another one by hand
        let by_hand = ["app_ui", "app_owner", "postgres"].contains(&role);
        all_authenticate(&world, |n| (n != 1 && !(n == 2 && by_hand)).then_some(n)).await;
    }
}

#[tokio::test]
async fn nothing_that_comes_before_pg_catalog_makes_a_statement_a_sealing() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok(ENABLED_AND_PUBLISHED).await;
    dba.ok(crate::attack::SHADOWS).await;
    let mut api = world.act("api_v2").await;
    api.ok("SET keyward.sealing_location_api_key = 'on'; SET search_path = evil, pg_catalog; UPDATE app.locations SET api_key = NULL WHERE account_id OPERATOR(pg_catalog.=) 2")
        .await;
    assert_eq!(sealed(&mut dba).await, 3);
    // control: where the setting is off, it is the application's to clear
    api.ok("UPDATE app.locations SET api_key = NULL WHERE id OPERATOR(pg_catalog.=) 1").await;
    all_authenticate(&world, |n| (n != 1).then_some(n)).await;
}

#[tokio::test]
async fn a_trigger_amid_an_upsert_ends_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    // a statement of the trigger's own that names the key, before the guard looks at the UPDATE arm
    dba.ok("CREATE FUNCTION app.meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF NEW.name = 'up' THEN UPDATE app.locations SET api_key = api_key WHERE id = 3; END IF; RETURN NEW; END $$;
            CREATE TRIGGER meddle BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.meddle()")
        .await;
    let mut api = world.act("api_v2").await;
    let upsert = "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (2, {a}, 'up', 'mine') ON CONFLICT (id) DO UPDATE SET name = 'up', api_key = excluded.api_key";
    assert_eq!(api.err(&upsert.replace("{a}", "1")).await, "KW001");
    all_authenticate(&world, Some).await;
    // control: an account that is off may write its keys
    api.ok(&upsert.replace("{a}", "2")).await;
    all_authenticate(&world, |n| (n != 2).then_some(n)).await;
}

#[tokio::test]
async fn a_row_that_is_deleted_while_its_account_is_sealed_leaves_no_copy() {
    for (act, left) in [("DELETE FROM app.locations WHERE id = 1", 2), ("UPDATE app.locations SET name = 'new' WHERE id = 1", 3)]
    {
        let world = World::applied().await;
        let mut dba = world.act("postgres").await;
        let mut writer = world.act("api_v2").await;
        let mut ui = world.act("app_ui").await;
        writer.ok(&format!("BEGIN; {act}")).await;
        let (sealed_now, ()) = tokio::join!(ui.get::<i64>("SELECT keyward.opt_in(1) AS v"), async {
            let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_ui' AND wait_event = 'PgSleep') AS v";
            while !dba.get::<bool>(waiting).await {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            writer.ok("COMMIT").await;
        });
        assert_eq!((sealed_now, sealed(&mut dba).await), (left, left), "{act}");
        all_authenticate(&world, |n| (n != 1 || left == 3).then_some(n)).await;
    }
}
