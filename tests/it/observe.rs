//! Observing before the rollout: everything passes, what enforcement would have stopped is counted, and nobody pays for it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use keyward::account;
use keyward::error::Kind;
use keyward::policy::{self, Mode};
use keyward::rollout::{self, Preview};
use tempfile::TempDir;

use crate::fixture::{Actor, MANIFEST, World};

/// A new row of a key table that brings its key.
const KEY: &str = "INSERT INTO app.locations (account_id, name, api_key) VALUES ({}, 'new', 'brought-' || random())";

/// A legacy write.
const USER: &str = "INSERT INTO app.users (account_id, email) VALUES ({}, 'u' || random() || '@example.com')";

/// Does something in an account.
fn of(act: &str, account: i64) -> String {
    act.replace("{}", &account.to_string())
}

/// The standard application, applied, its policy observing.
async fn observing() -> World {
    let world = World::applied().await;
    change(&world, Mode::Observe).await;
    world
}

async fn change(world: &World, to: Mode) {
    let mut db = world.connect("app_owner").await;
    policy::change(&mut db, to).await.unwrap_or_else(|error| panic!("{error}"));
}

/// What was counted, one line each: account, control, act, role and in how many transactions, over all slots.
async fn seen(world: &World) -> Vec<String> {
    let mut dba = world.act("postgres").await;
    dba.get(
        "SELECT COALESCE(array_agg(x.line ORDER BY x.line COLLATE \"C\"), '{}') AS v
           FROM (SELECT concat_ws(' ', COALESCE(o.account, '?'), o.control, o.act, o.role, sum(o.transactions)) AS line
                   FROM keyward.observation AS o GROUP BY o.account, o.control, o.act, o.role) AS x",
    )
    .await
}

async fn preview(world: &World) -> Preview {
    let mut db = world.connect("app_owner").await;
    rollout::preview(&mut db, &world.manifest, None, None).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Each act passes and is counted while the policy observes, and is stopped or stripped once it enforces for an enabled account.
#[tokio::test]
async fn what_enforcement_would_stop_passes_and_is_counted() {
    let world = observing().await;
    let mut dba = world.act("postgres").await;
    let writes = [
        ("api_v1", of(USER, 1), "1 legacy_users insert api_v1 1"),
        ("legacy_login", "UPDATE app.users SET email = 'moved' WHERE id = 1".to_owned(), "1 legacy_users update legacy_login 1"),
        ("api_v1", "DELETE FROM app.users WHERE id = 11".to_owned(), "1 legacy_users delete api_v1 1"),
    ];
    for (role, act, counted) in &writes {
        assert_eq!(world.act(role).await.ok(act).await, 1, "{act}");
        assert!(seen(&world).await.iter().any(|line| line == counted), "{act}: {:?}", seen(&world).await);
    }
    let keys = [
        ("api_v2", of(KEY, 1), "1 location_api_key insert api_v2 1"),
        ("app_ui", of(KEY, 1), "1 location_api_key insert app_ui 1"),
        ("api_v2", "UPDATE app.locations SET api_key = 'written' WHERE id = 1".to_owned(), "1 location_api_key update api_v2 1"),
        ("api_v2", "UPDATE app.locations SET api_key = NULL WHERE id = 11".to_owned(), "1 location_api_key clear api_v2 1"),
    ];
    for (role, act, counted) in &keys {
        assert_eq!(world.act(role).await.ok(act).await, 1, "{act}");
        assert!(seen(&world).await.iter().any(|line| line == counted), "{act}: {:?}", seen(&world).await);
    }
    let keyless = "SELECT count(*) AS v FROM app.locations WHERE account_id = 1 AND api_key IS NULL";
    assert_eq!(dba.get::<i64>(keyless).await, 1, "only the one that was cleared");
    assert_eq!(seen(&world).await.len(), writes.len() + keys.len());

    // control: the same once it enforces, and the account is enabled
    change(&world, Mode::Enforce).await;
    world.opt_in("1").await;
    for (role, act, _) in &writes {
        let act = act.replace("11", "21");
        assert_eq!(world.act(role).await.err(&act).await, "KW002", "{act}");
    }
    for (role, act, _) in &keys {
        world.act(role).await.ok(act).await;
    }
    let published = "SELECT count(*) AS v FROM app.locations WHERE account_id = 1 AND api_key IS NOT NULL";
    assert_eq!(dba.get::<i64>(published).await, 0);
    assert_eq!(seen(&world).await.len(), writes.len() + keys.len(), "and nothing more was counted");
}

#[tokio::test]
async fn what_is_allowed_is_not_counted() {
    let world = observing().await;
    let mut ui = world.act("app_ui").await;
    ui.ok("UPDATE app.locations SET api_key = 'by hand' WHERE id = 1").await;
    ui.ok("SELECT keyward.generate_location_api_key(2); SELECT keyward.revoke_location_api_key(3)").await;
    ui.ok(&of(USER, 1)).await;
    let mut api = world.act("api_v2").await;
    api.ok(&of(USER, 1)).await;
    api.ok("UPDATE app.locations SET name = 'x', api_key = api_key WHERE id = 4").await;
    api.ok("INSERT INTO app.locations (account_id, name) VALUES (1, 'without')").await;
    api.ok("UPDATE app.users SET email = email || '.org'; DELETE FROM app.users WHERE id = 5").await;
    assert_eq!(seen(&world).await, Vec::<String>::new());
    // a superuser may do everything, but a key that a row brings is stripped from anybody
    let mut dba = world.act("postgres").await;
    dba.ok(&of(USER, 1)).await;
    assert_eq!(seen(&world).await, Vec::<String>::new());
    dba.ok(&of(KEY, 1)).await;
    assert_eq!(seen(&world).await, ["1 location_api_key insert postgres 1"], "control");
}

#[tokio::test]
async fn a_key_that_a_trigger_fills_in_is_counted_whenever_it_fires() {
    let world = observing().await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := 'filled-' || NEW.id; RETURN NEW; END $$;
             CREATE TRIGGER aa_fill BEFORE INSERT ON app.locations FOR EACH ROW WHEN (NEW.name = 'early') EXECUTE FUNCTION app.fill();
             CREATE TRIGGER \"~zz_fill\" BEFORE INSERT ON app.locations FOR EACH ROW WHEN (NEW.name = 'late') EXECUTE FUNCTION app.fill();
             CREATE TRIGGER \"~zz_fill_u\" BEFORE UPDATE ON app.locations FOR EACH ROW WHEN (NEW.name = 'late') EXECUTE FUNCTION app.fill()")
        .await;
    let mut api = world.act("api_v2").await;
    api.ok("INSERT INTO app.locations (account_id, name) VALUES (1, 'plain')").await;
    assert_eq!(seen(&world).await, Vec::<String>::new(), "control");
    api.ok("INSERT INTO app.locations (account_id, name) VALUES (1, 'early')").await;
    api.ok("INSERT INTO app.locations (account_id, name) VALUES (2, 'late')").await;
    api.ok("UPDATE app.locations SET name = 'late' WHERE id = 3").await;
    assert_eq!(
        seen(&world).await,
        ["1 location_api_key insert api_v2 1", "2 location_api_key insert api_v2 1", "3 location_api_key update api_v2 1"]
    );
}

#[tokio::test]
async fn both_accounts_of_a_row_that_moves_are_counted_and_a_truncate_under_none() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    api.ok("UPDATE app.users SET account_id = 2 WHERE id = 1").await;
    api.ok("UPDATE app.users SET account_id = NULL WHERE id = 3").await;
    let moved = ["1 legacy_users update api_v1 1", "2 legacy_users update api_v1 1", "3 legacy_users update api_v1 1"];
    assert_eq!(seen(&world).await, [&moved[..], &["? legacy_users update api_v1 1"]].concat());
    // TRUNCATE is taken from the legacy role; somebody has given it back
    world.act("app_owner").await.ok("GRANT TRUNCATE ON app.users TO api_v1").await;
    api.ok("TRUNCATE app.users").await;
    assert!(seen(&world).await.contains(&"? legacy_users truncate api_v1 1".to_owned()), "{:?}", seen(&world).await);
}

#[tokio::test]
async fn the_wall_of_row_level_security_lets_pass_while_it_observes() {
    let world = World::applied().await;
    world.opt_in("1").await;
    change(&world, Mode::Observe).await;
    world.act("app_owner").await.ok("ALTER TABLE app.users DISABLE TRIGGER USER").await;
    let mut api = world.act("api_v1").await;
    api.ok(&of(USER, 1)).await;
    api.ok("UPDATE app.users SET email = 'walled' WHERE id = 1").await;
    change(&world, Mode::Enforce).await;
    assert_eq!(api.err(&of(USER, 1)).await, "42501", "control: without triggers, the wall stands");
}

#[tokio::test]
async fn a_transaction_counts_once_however_many_rows_and_savepoints_it_has() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    api.ok("INSERT INTO app.locations (account_id, name, api_key)
            SELECT 1 + n % 2, 'bulk', 'bulk-' || n FROM generate_series(1, 10000) AS n")
        .await;
    let bulk = ["1 location_api_key insert api_v1 1", "2 location_api_key insert api_v1 1"];
    assert_eq!(seen(&world).await, bulk);
    // more accounts than the session keeps notes of
    let all = "INSERT INTO app.accounts (id, name) SELECT n, 'many' FROM generate_series(11, 300) AS n";
    world.act("app_owner").await.ok(all).await;
    api.ok("INSERT INTO app.users (account_id, email) SELECT 11 + n % 290, 'many-' || n FROM generate_series(1, 1000) AS n")
        .await;
    let mut dba = world.act("postgres").await;
    let rows = "SELECT concat(count(*), ' ', sum(transactions)) AS v FROM keyward.observation WHERE control = 'legacy_users'";
    assert_eq!(dba.get::<String>(rows).await, "290 290");

    // what is rolled back was never seen: the retry counts, and once
    for end in ["ROLLBACK", "ROLLBACK", "COMMIT"] {
        api.ok(&format!("BEGIN; {}; {end}", of(USER, 5))).await;
    }
    assert!(seen(&world).await.contains(&"5 legacy_users insert api_v1 1".to_owned()));
    api.ok("BEGIN; SAVEPOINT a").await;
    api.ok(&format!("{}; ROLLBACK TO a", of(USER, 6))).await;
    api.ok("COMMIT").await;
    assert!(!seen(&world).await.iter().any(|line| line.starts_with("6 ")), "{:?}", seen(&world).await);
    api.ok("BEGIN; SAVEPOINT a").await;
    api.ok(&format!("{}; ROLLBACK TO a; {}; SAVEPOINT b; {}; COMMIT", of(USER, 6), of(USER, 6), of(USER, 6))).await;
    assert!(seen(&world).await.contains(&"6 legacy_users insert api_v1 1".to_owned()));
    api.ok(&of(USER, 6)).await;
    assert!(seen(&world).await.contains(&"6 legacy_users insert api_v1 2".to_owned()), "control: the next one counts again");
}

/// The variable that a session keeps its notes in can be set by anybody.
#[tokio::test]
async fn no_session_variable_hides_an_observation() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    api.ok(&format!("BEGIN; {}", of(USER, 1))).await;
    let noted: String = api.get("SELECT current_setting('keyward.observed') AS v").await;
    assert!(noted.len() >= 18, "control: there is a note: {noted:?}");
    api.ok("COMMIT").await;
    for forged in [noted, " ".repeat(2000), "x".repeat(100_000), "%".to_owned()] {
        api.ok(&format!("BEGIN; SET LOCAL keyward.observed = '{forged}'; {}; COMMIT", of(USER, 1))).await;
    }
    assert_eq!(seen(&world).await, ["1 legacy_users insert api_v1 5"]);
}

#[tokio::test]
async fn no_transaction_waits_for_another_that_is_counted_as_well() {
    let world = observing().await;
    let mut all = Vec::new();
    for _ in 0..40 {
        let mut api = world.act("api_v1").await;
        api.ok("SET lock_timeout = '2s'; BEGIN").await;
        // all of them stay open, and write in the same account
        api.ok(&of(USER, 1)).await;
        api.ok(&of(KEY, 1)).await;
        all.push(api);
    }
    for api in &mut all {
        api.ok("COMMIT").await;
    }
    // once more in the rows that are there now, half of them taken back
    for api in &mut all {
        api.ok(&format!("BEGIN; {}", of(USER, 1))).await;
    }
    for (place, api) in all.iter_mut().enumerate() {
        api.ok(if place % 2 == 0 { "COMMIT" } else { "ROLLBACK" }).await;
    }
    assert_eq!(seen(&world).await, ["1 legacy_users insert api_v1 60", "1 location_api_key insert api_v1 40"]);
    // control: a slot of its own is what keeps them apart
    let mut dba = world.act("postgres").await;
    let slots = "SELECT count(DISTINCT slot) AS v FROM keyward.observation WHERE control = 'legacy_users'";
    assert!(dba.get::<i64>(slots).await >= 40);
    let mut one = world.act("api_v1").await;
    one.ok(&format!("BEGIN; {}", of(USER, 1))).await;
    let mut two = world.act("postgres").await;
    two.ok("SET lock_timeout = '100ms'").await;
    assert_eq!(two.err("UPDATE keyward.observation SET transactions = 0").await, "55P03");
    one.ok("ROLLBACK").await;
}

#[tokio::test]
async fn a_snapshot_of_its_own_is_no_reason_to_fail() {
    let world = observing().await;
    for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
        let mut old = world.act("api_v1").await;
        old.ok(&format!("SET lock_timeout = '2s'; BEGIN ISOLATION LEVEL {isolation}")).await;
        assert_eq!(old.get::<i64>("SELECT count(*) AS v FROM app.users WHERE account_id = 9").await, 3);
        // everything that the old one could count in has changed since its snapshot, in whatever slot
        let mut others = Vec::new();
        for _ in 0..20 {
            let mut api = world.act("api_v1").await;
            api.ok(&format!("BEGIN; {}; {}", of(USER, 1), of(KEY, 1))).await;
            others.push(api);
        }
        for api in &mut others {
            api.ok("COMMIT").await;
        }
        old.ok(&of(USER, 1)).await;
        old.ok(&of(KEY, 1)).await;
        old.ok(&of(USER, 2)).await;
        old.ok(
            "INSERT INTO app.users (account_id, email) SELECT 1 + n % 2, n || random()::text FROM generate_series(1, 500) AS n",
        )
        .await;
        old.ok("COMMIT").await;
        let two = if isolation == "SERIALIZABLE" { "2 legacy_users insert api_v1 2" } else { "2 legacy_users insert api_v1 1" };
        assert!(seen(&world).await.contains(&two.to_owned()), "{isolation}: {:?}", seen(&world).await);
    }
    // control: that is what a plain UPDATE would meet
    let mut old = world.act("postgres").await;
    old.ok("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM keyward.observation").await;
    world.act("postgres").await.ok("UPDATE keyward.observation SET transactions = transactions + 1").await;
    assert_eq!(old.err("UPDATE keyward.observation SET transactions = 0").await, "40001");
}

/// Writers that are SERIALIZABLE and have nothing in common but keyward both commit.
#[tokio::test]
async fn serializable_writers_of_different_accounts_both_commit() {
    let world = observing().await;
    let mut one = world.act("api_v1").await;
    let mut two = world.act("api_v1").await;
    for round in 0..5 {
        for api in [&mut one, &mut two] {
            api.ok("BEGIN ISOLATION LEVEL SERIALIZABLE").await;
        }
        one.ok(&of(KEY, 1)).await;
        two.ok(&of(KEY, 2)).await;
        one.ok(&of(KEY, 3)).await;
        two.ok(&of(KEY, 4)).await;
        one.ok("COMMIT").await;
        two.ok("COMMIT").await;
        assert!(seen(&world).await.contains(&format!("4 location_api_key insert api_v1 {}", round + 1)));
    }
}

#[tokio::test]
async fn accounts_that_have_opted_out_are_not_counted() {
    let world = World::applied().await;
    let mut db = world.connect("app_owner").await;
    let csv = "account,reason\n1,asked for it\n";
    account::stage(&mut db, &world.manifest, csv.as_bytes(), "list.csv").await.unwrap().carry_out(&mut db).await.unwrap();
    change(&world, Mode::Observe).await;
    let mut api = world.act("api_v1").await;
    for account in [1, 2] {
        api.ok(&of(USER, account)).await;
        api.ok(&of(KEY, account)).await;
    }
    assert_eq!(seen(&world).await, ["2 legacy_users insert api_v1 1", "2 location_api_key insert api_v1 1"]);
    // who opts out later is left out of the preview, though it was counted
    assert_eq!(preview(&world).await.accounts_hit, 1);
    world.act("app_ui").await.ok("SELECT keyward.opt_out(2, 'as well', true)").await;
    assert_eq!(preview(&world).await.accounts_hit, 0);
}

#[tokio::test]
async fn a_running_session_obeys_the_mode_from_the_next_row_on() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut api = world.act("api_v1").await;
    for _ in 0..2 {
        for _ in 0..7 {
            assert_eq!(api.err(&of(USER, 1)).await, "KW002");
        }
        for mode in [Mode::Observe, Mode::Off] {
            change(&world, mode).await;
            // often enough that the session keeps its plans
            for _ in 0..7 {
                api.ok(&of(USER, 1)).await;
                api.ok(&of(KEY, 1)).await;
            }
        }
        change(&world, Mode::Enforce).await;
    }
    assert_eq!(
        seen(&world).await,
        ["1 legacy_users insert api_v1 14", "1 location_api_key insert api_v1 14"],
        "not while it is off"
    );
    let mut dba = world.act("postgres").await;
    dba.ok("DELETE FROM keyward.policy").await;
    assert_eq!(api.err(&of(USER, 1)).await, "KW002", "a policy without its row enforces");
}

#[tokio::test]
async fn no_observation_holds_a_key_and_no_role_but_the_owner_reads_them() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    api.ok("INSERT INTO app.locations (account_id, name, api_key) VALUES (1, 'x', 'the-secret-key')").await;
    api.ok("UPDATE app.locations SET api_key = 'the-secret-other' WHERE id = 2").await;
    assert_eq!(seen(&world).await.len(), 2, "control");
    let mut dba = world.act("postgres").await;
    let text = "SELECT count(*) AS v FROM keyward.observation AS o WHERE o::text LIKE '%secret%'";
    assert_eq!(dba.get::<i64>(text).await, 0);
    let preview = preview(&world).await;
    let shown = format!("{}{}", preview.csv().unwrap(), serde_json::to_string(&preview).unwrap());
    assert!(shown.contains("location_api_key") && !shown.contains("secret"), "{shown}");
    for role in ["api_v1", "app_ui", "worker"] {
        let mut actor = world.act(role).await;
        for act in
            ["SELECT * FROM keyward.observation", "DELETE FROM keyward.observation", "SELECT keyward.observe(1, 'a', 'insert')"]
        {
            assert_eq!(actor.err(act).await, "42501", "{role}: {act}");
        }
    }
}

#[tokio::test]
async fn the_busiest_accounts_come_first_in_the_preview() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    for (account, times) in [(1, 2), (2, 5), (3, 1)] {
        for _ in 0..times {
            api.ok(&of(USER, account)).await;
        }
    }
    world.act("api_v2").await.ok(&of(KEY, 3)).await;
    api.ok("UPDATE app.users SET account_id = NULL WHERE id = 4").await;
    api.ok("DELETE FROM app.accounts WHERE id = 5").await;
    let all = preview(&world).await;
    let line = |hit: &rollout::Hit| format!("{} {} {}", hit.account.as_deref().unwrap_or("?"), hit.writes, hit.reason());
    let day = all.accounts[0].last_day;
    let lines: Vec<_> = all.accounts.iter().map(|hit| line(hit).replace(&format!(", last on {day}"), "")).collect();
    assert_eq!(
        lines,
        [
            "2 5 5 writes by api_v1 (legacy_users insert)",
            "1 2 2 writes by api_v1 (legacy_users insert)",
            "3 2 1 write by api_v1 (legacy_users insert), 1 write by api_v2 (location_api_key insert)",
            "4 1 1 write by api_v1 (legacy_users update)",
            "5 1 1 write by api_v1 (legacy_users delete)",
            "? 1 1 write by api_v1 (legacy_users update)",
        ]
    );
    assert_eq!((all.accounts_hit, all.writes, all.mode.as_str()), (6, 12, "observe"));
    assert!(!all.accounts[4].is_there, "it was deleted");
    let mut db = world.connect("app_owner").await;
    let few = rollout::preview(&mut db, &world.manifest, Some(1), Some(2)).await.unwrap();
    assert_eq!((few.accounts.len(), few.accounts_hit), (2, 6));

    // an older day
    world.act("postgres").await.ok("UPDATE keyward.observation SET day = day - 3 WHERE account = '2'").await;
    let today = rollout::preview(&mut db, &world.manifest, Some(3), None).await.unwrap();
    assert_eq!((today.accounts[0].account.as_deref(), today.accounts_hit), (Some("1"), 5));
    let four = rollout::preview(&mut db, &world.manifest, Some(4), None).await.unwrap();
    assert_eq!((four.accounts[0].account.as_deref(), four.accounts_hit), (Some("2"), 6));
}

#[tokio::test]
async fn days_that_are_long_past_are_forgotten_when_the_mode_changes() {
    let world = observing().await;
    let mut api = world.act("api_v1").await;
    for account in [1, 2] {
        api.ok(&of(USER, account)).await;
    }
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE keyward.observation SET day = day - 90 - account::integer + 1").await;
    assert_eq!(seen(&world).await.len(), 2, "control");
    change(&world, Mode::Enforce).await;
    assert_eq!(seen(&world).await, ["1 legacy_users insert api_v1 1"]);
    let ledger: String =
        dba.get("SELECT string_agg(l.sql, '|' ORDER BY l.id) AS v FROM keyward.ledger AS l WHERE l.step = 'policy'").await;
    assert!(ledger.contains("'observe'") && ledger.ends_with("SET mode = 'enforce', changed_at = now();"), "{ledger}");
}

/// Ids of another type, names that need quotes, keys and writes that hang on another table.
#[tokio::test]
async fn odd_names_uuids_and_rows_that_hang_on_others_are_counted_as_well() {
    let [one, two] = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"];
    let script = format!(
        r#"CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE "Api V1" LOGIN;
CREATE DATABASE shop OWNER app_owner;
\connect shop
SET ROLE app_owner;
CREATE SCHEMA "My App";
CREATE TABLE "My App"."Acc""ounts" ("The Id" uuid PRIMARY KEY);
CREATE TABLE "My App"."Sites" ("Id" bigint PRIMARY KEY, "Acc" uuid);
CREATE TABLE "My App"."Tokens" ("No" bigint PRIMARY KEY, "Site" bigint, "To ken" text);
CREATE TABLE "My App"."Notes" ("No" bigint PRIMARY KEY, "Site" bigint);
GRANT USAGE ON SCHEMA "My App" TO app_ui, "Api V1";
GRANT ALL ON ALL TABLES IN SCHEMA "My App" TO app_ui, "Api V1";
INSERT INTO "My App"."Acc""ounts" VALUES ('{one}'), ('{two}');
INSERT INTO "My App"."Sites" VALUES (1, '{one}'), (2, '{two}');
INSERT INTO "My App"."Notes" VALUES (1, 1);
"#
    );
    let manifest = r#"
version = 1
[setting]
cutover = 2024-06-17T00:00:00Z
[roles]
ui  = ["app_ui"]
api = ["Api V1"]
[accounts]
table = '"My App"."Acc""ounts"'
id    = "The Id"
[[keys]]
name    = "token"
table   = '"My App"."Tokens"'
id      = "No"
column  = "To ken"
account = { column = "Site", via = '"My App"."Sites"', id = "Id", account = "Acc" }
[[writes]]
name    = "notes"
table   = '"My App"."Notes"'
account = { column = "Site", via = '"My App"."Sites"', id = "Id", account = "Acc" }
roles   = ["Api V1"]
rls     = true
"#;
    let world = World::with(&script, manifest, "shop").await;
    world.apply().await;
    assert!(world.plan().await.steps.is_empty());
    change(&world, Mode::Observe).await;
    let mut api = world.act("Api V1").await;
    api.ok(r#"INSERT INTO "My App"."Tokens" VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 99, 'c')"#).await;
    api.ok(r#"INSERT INTO "My App"."Notes" VALUES (2, 1)"#).await;
    api.ok(&format!(r#"UPDATE "My App"."Sites" SET "Acc" = '{two}' WHERE "Id" = 1"#)).await;
    assert_eq!(
        seen(&world).await,
        [
            format!("{one} notes insert Api V1 1"),
            format!("{one} notes move Api V1 1"),
            format!("{one} token insert Api V1 1"),
            format!("{two} notes move Api V1 1"),
            format!("{two} token insert Api V1 1"),
            "? token insert Api V1 1".to_owned(),
        ]
    );
    assert!(world.plan().await.steps.is_empty(), "observations are no drift");
    let preview = preview(&world).await;
    assert_eq!(preview.accounts_hit, 3);
    let mut db = world.connect("app_owner").await;
    let csv = preview.csv().unwrap();
    let staged =
        account::stage(&mut db, &world.manifest, csv.as_bytes(), "preview.csv").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(staged.carry_out(&mut db).await.unwrap().changed, 2, "{csv}");
}

/// keyward on one database, in a directory with a manifest of its own.
struct Cli {
    url: String,
    dir: TempDir,
}

impl Cli {
    fn on(world: &World) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("keyward.toml"), MANIFEST).unwrap();
        Self { url: world.sandbox.url_as("app_owner", &world.database), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs it without a terminal, expects an exit code, and returns stdout and stderr.
    fn ends_with(&self, code: i32, args: &[&str]) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("DATABASE_URL", &self.url);
        let output = command.current_dir(self.dir.path()).args(args).stdin(Stdio::null()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
        (out, err)
    }
}

async fn mode(dba: &mut Actor) -> String {
    dba.get("SELECT mode AS v FROM keyward.policy").await
}

#[tokio::test]
async fn the_mode_is_changed_after_a_confirmation_and_says_what_it_means() {
    let world = World::bare().await;
    let cli = Cli::on(&world);
    for args in [&["policy"][..], &["policy", "observe", "--yes"], &["rollout", "preview"]] {
        let (_, said) = cli.ends_with(4, args);
        assert!(said.contains("keyward is not applied to this database") && said.contains("hint:"), "{said}");
    }
    world.apply().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;

    let (shown, _) = cli.ends_with(0, &["policy"]);
    assert!(shown.starts_with("mode       enforce, since "), "{shown}");
    let (_, said) = cli.ends_with(2, &["policy", "observe"]);
    assert!(said.contains("--yes") && mode(&mut dba).await == "enforce", "{said}");
    cli.ends_with(2, &["policy", "sometimes", "--yes"]);

    let (shown, said) = cli.ends_with(0, &["policy", "observe", "--yes"]);
    assert!(shown.starts_with("mode       observe, since ") && shown.contains(", by app_owner\n"), "{shown}");
    assert!(said.contains("1 account with the setting on will be protected no longer"), "{said}");
    assert_eq!(mode(&mut dba).await, "observe");
    let (shown, _) = cli.ends_with(0, &["status"]);
    assert!(shown.contains("mode       observe;"), "{shown}");
    let (shown, _) = cli.ends_with(0, &["rollout", "status"]);
    assert!(shown.contains("policy     observe;"), "{shown}");
    let (_, said) = cli.ends_with(4, &["rollout", "run", "--yes"]);
    assert!(said.contains("keyward's policy is observe"), "{said}");

    let (shown, _) = cli.ends_with(0, &["policy", "--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&document["schema"], &document["mode"]), (&"keyward/policy/v1".into(), &"observe".into()));
    assert_eq!(document["changed_by"], "app_owner");

    world.act("api_v1").await.ok(&of(KEY, 1)).await;
    let (_, said) = cli.ends_with(0, &["policy", "enforce", "--yes"]);
    assert!(
        said.contains("1 key published in enabled accounts: keyward rollout finish seals them, or keyward account opt-in"),
        "{said}"
    );
    let (_, said) = cli.ends_with(0, &["policy", "enforce"]);
    assert!(said.contains("enforce already"), "{said}");
    cli.ends_with(0, &["account", "opt-in", "1"]);
    cli.ends_with(0, &["policy", "off", "--yes"]);
    let (_, said) = cli.ends_with(0, &["policy", "enforce", "--yes"]);
    assert!(said.contains("No published key stands in an enabled account."), "{said}");

    // who may not, and what is broken
    let stranger = Cli { url: world.sandbox.url_as("worker", "shop"), dir: tempfile::tempdir().unwrap() };
    stranger.ends_with(4, &["policy"]);
    stranger.ends_with(4, &["policy", "off", "--yes"]);
    dba.ok("BEGIN; SELECT FROM keyward.policy FOR SHARE").await;
    let (_, said) = cli.ends_with(4, &["policy", "off", "--yes"]);
    assert!(said.contains("nothing was changed"), "{said}");
    dba.ok("ROLLBACK; DELETE FROM keyward.policy").await;
    let (_, said) = cli.ends_with(4, &["policy"]);
    assert!(said.contains("lost its row"), "{said}");
}

#[tokio::test]
async fn the_previews_csv_is_read_by_an_import() {
    let world = World::applied().await;
    let cli = Cli::on(&world);
    let (shown, _) = cli.ends_with(0, &["rollout", "preview"]);
    assert!(shown.contains("The policy's mode is enforce: nothing is being observed. keyward policy observe begins."), "{shown}");
    change(&world, Mode::Observe).await;
    let (shown, _) = cli.ends_with(0, &["rollout", "preview"]);
    assert!(shown.contains("Observing since ") && shown.contains("Nothing was seen so far"), "{shown}");

    let mut api = world.act("api_v1").await;
    for account in [3, 3, 7] {
        api.ok(&of(USER, account)).await;
    }
    api.ok("UPDATE app.users SET account_id = NULL WHERE id = 3").await;
    api.ok("DELETE FROM app.accounts WHERE id = 5").await;
    let (shown, _) = cli.ends_with(0, &["rollout", "preview"]);
    let rows: Vec<_> = shown.lines().skip_while(|line| !line.contains("account")).map(str::trim_start).collect();
    assert!(shown.contains("6 writes in 4 accounts"), "{shown}");
    assert!(
        rows.iter().any(|row| row.starts_with("5 (gone)")) && rows.iter().any(|row| row.starts_with("(not known)")),
        "{shown}"
    );

    cli.ends_with(2, &["status", "--output", "csv"]);
    let (csv, said) = cli.ends_with(0, &["rollout", "preview", "--output", "csv"]);
    assert!(csv.starts_with("account,reason\n3,"), "{csv}");
    assert!(said.contains("2 not in the list"), "{said}");
    fs::write(cli.path("list.csv"), &csv).unwrap();
    let (shown, _) = cli.ends_with(0, &["account", "import", "list.csv"]);
    assert!(shown.contains("2 of 2 accounts opted out"), "{shown}");
    let (shown, _) = cli.ends_with(0, &["rollout", "preview", "--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&document["schema"], &document["accounts_hit"]), (&"keyward/rollout-preview/v1".into(), &2.into()), "{shown}");
    cli.ends_with(2, &["rollout", "preview", "--days", "0"]);
    cli.ends_with(0, &["rollout", "preview", "--days", "2", "--limit", "1"]);
}

#[tokio::test]
async fn a_database_of_an_older_keyward_is_told_to_apply() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("DROP TABLE keyward.observation; DELETE FROM keyward.schema_history WHERE version = 3").await;
    let mut db = world.connect("app_owner").await;
    for error in [
        policy::show(&mut db).await.unwrap_err(),
        policy::change(&mut db, Mode::Observe).await.unwrap_err(),
        rollout::preview(&mut db, &world.manifest, None, None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.hint().unwrap().contains("keyward apply"), "{error}");
    }
}
