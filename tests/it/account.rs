//! Single accounts: shown, opted out and in, imported, exported; and older transactions waited out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::account::{self, Imported, OptedIn, Source};
use keyward::error::{Error, Kind};
use keyward::settle;

use crate::fixture::{Dice, World};

const PATIENCE: Duration = Duration::from_secs(30);

/// Carries out something that is to wait for something else, and panics if it ends first.
async fn both<T>(waiting: impl Future<Output = Result<T, Error>>, other: impl Future<Output = ()>) -> T {
    tokio::pin!(waiting);
    tokio::select! {
        () = other => waiting.await.unwrap_or_else(|error| panic!("{error}")),
        early = &mut waiting => panic!("it didn't wait: {:?}", early.err()),
    }
}

/// Imports a text, and returns what it did.
async fn import(world: &World, csv: &str) -> Result<Imported, Error> {
    let mut db = world.connect("app_owner").await;
    account::stage(&mut db, &world.manifest, csv.as_bytes(), "list.csv").await?.carry_out(&mut db).await
}

async fn opt_in(world: &World, id: &str, patience: Duration) -> OptedIn {
    let mut db = world.connect("app_owner").await;
    account::opt_in(&mut db, &world.manifest, id, None, None, patience, &mut |_| {})
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn show(world: &World, id: &str) -> account::Account {
    let mut db = world.connect("app_owner").await;
    account::show(&mut db, &world.manifest, &[id.to_owned()]).await.unwrap_or_else(|error| panic!("{error}")).remove(0)
}

async fn export(world: &World, source: Option<Source>) -> String {
    let mut db = world.connect("app_owner").await;
    let mut csv = String::new();
    account::export(&mut db, &world.manifest, source, &mut |part| csv.push_str(part))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    csv
}

fn keys(account: &account::Account) -> (i64, i64) {
    let keys = account.keys["location_api_key"];
    (keys.sealed, keys.published)
}

/// The settings as one text, to compare before and after.
async fn settings(world: &World) -> String {
    world
        .act("postgres")
        .await
        .get("SELECT COALESCE(string_agg(s::text, ';' ORDER BY s.account::text), '') AS v FROM keyward.account_setting AS s")
        .await
}

#[tokio::test]
async fn an_account_is_shown_with_its_setting_and_its_keys() {
    let world = World::applied().await;
    let untouched = show(&world, "2").await;
    assert!(!untouched.enabled && untouched.source.is_none());
    assert_eq!(keys(&untouched), (0, 3));

    let done = opt_in(&world, "1", PATIENCE).await;
    assert_eq!((done.keys, done.stragglers, done.unsettled.len()), (3, 0, 0));
    let shown = show(&world, "1").await;
    assert!(shown.enabled);
    assert_eq!((shown.source.as_deref(), shown.changed_by.as_deref(), keys(&shown)), (Some("opt_in"), Some("app_owner"), (3, 0)));

    let mut db = world.connect("app_owner").await;
    assert_eq!(account::opt_out(&mut db, &world.manifest, "1", "they insist", Some("a lawyer")).await.unwrap(), 3);
    let shown = show(&world, "1").await;
    assert!(!shown.enabled);
    assert_eq!(
        (shown.reason.as_deref(), shown.requested_by.as_deref(), keys(&shown)),
        (Some("they insist"), Some("a lawyer"), (0, 3))
    );
}

#[tokio::test]
async fn a_malformed_or_unknown_account_is_named() {
    let world = World::applied().await;
    let mut db = world.connect("app_owner").await;
    for (id, told) in [("abc", "'abc' is not a bigint"), ("99999999999999999999", "is not a bigint"), ("99", "no account '99'")] {
        let errors = [
            account::show(&mut db, &world.manifest, &["1".to_owned(), id.to_owned()]).await.unwrap_err(),
            account::opt_out(&mut db, &world.manifest, id, "why", None).await.unwrap_err(),
            account::opt_in(&mut db, &world.manifest, id, None, None, PATIENCE, &mut |_| {}).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
    // the same connection, and a good id
    assert_eq!(account::show(&mut db, &world.manifest, &["1".to_owned()]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_without_keyward_is_refused() {
    let world = World::bare().await;
    let mut db = world.connect("app_owner").await;
    let error = account::show(&mut db, &world.manifest, &["1".to_owned()]).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Refused, "keyward is not applied to this database"));
    world.apply().await;
    assert!(account::show(&mut db, &world.manifest, &["1".to_owned()]).await.is_ok());
    // a role of the application is no member of the owner
    let mut api = world.connect("api_v1").await;
    assert_eq!(account::show(&mut api, &world.manifest, &["1".to_owned()]).await.unwrap_err().kind(), Kind::Refused);
}

#[tokio::test]
async fn an_opt_in_waits_for_an_older_transaction_which_publishes_nothing() {
    let world = World::applied().await;
    let mut old = world.act("api_v1").await;
    old.ok("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    old.get::<i64>("SELECT count(*) AS v FROM app.locations").await;
    let pid: i32 = old.get("SELECT pg_backend_pid() AS v").await;

    let mut db = world.connect("app_owner").await;
    let mut waits_for = Vec::new();
    let (seen, mut told) = tokio::sync::mpsc::unbounded_channel();
    let write = async {
        // only once the change is committed and waits for this transaction
        let pids: Vec<Option<i32>> = told.recv().await.unwrap();
        // its snapshot shows the setting of before: it is told to begin anew
        let late = "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (500, 1, 'late', 'late-key')";
        assert_eq!(old.err(late).await, "40001");
        old.ok("ROLLBACK").await;
        pids
    };
    let mut on_wait = |left: &[settle::Running]| seen.send(left.iter().map(|one| one.pid).collect()).unwrap();
    let opting = account::opt_in(&mut db, &world.manifest, "1", None, None, PATIENCE, &mut on_wait);
    let write = async { waits_for = write.await };
    let done = both(opting, write).await;
    assert_eq!(waits_for, [Some(pid)]);
    assert_eq!((done.keys, done.stragglers, done.unsettled.len()), (3, 0, 0));
    assert_eq!(keys(&show(&world, "1").await), (3, 0));
}

#[tokio::test]
async fn an_opt_in_says_whom_it_could_not_wait_for() {
    let world = World::applied().await;
    let mut old = world.act("worker").await;
    old.ok("BEGIN").await;
    let pid: i32 = old.get("SELECT pg_backend_pid() AS v").await;
    let done = opt_in(&world, "1", Duration::ZERO).await;
    assert_eq!(done.unsettled.iter().map(|one| one.pid).collect::<Vec<_>>(), [Some(pid)]);
    assert_eq!(keys(&show(&world, "1").await), (3, 0));
}

#[tokio::test]
async fn an_import_opts_out_in_advance_and_again_changes_nothing() {
    let world = World::applied().await;
    let csv = "account,reason,requested_by\n1,\"a, \"\"b\"\"\",me\n 2 ,why,\n";
    let done = import(&world, csv).await.unwrap();
    assert_eq!(done, Imported { changed: 2, overridden: 0, keys: 0 });
    let shown = show(&world, "1").await;
    assert!(!shown.enabled);
    assert_eq!((shown.source.as_deref(), shown.changed_by.as_deref()), (Some("opt_out"), Some("app_owner")));
    assert_eq!((shown.reason.as_deref(), shown.requested_by.as_deref()), (Some("a, \"b\""), Some("me")));

    let before = settings(&world).await;
    assert_eq!(import(&world, csv).await.unwrap(), Imported { changed: 0, overridden: 0, keys: 0 });
    assert_eq!(settings(&world).await, before);
    // one more row, and only that one changes
    assert_eq!(import(&world, &format!("{csv}3,new,\n")).await.unwrap().changed, 1);
    assert!(settings(&world).await.starts_with(&before));
    let recorded: i64 =
        world.act("postgres").await.get("SELECT count(*) AS v FROM keyward.setting_change WHERE NOT enabled").await;
    assert_eq!(recorded, 3);
}

#[tokio::test]
async fn an_import_with_a_bad_row_changes_nothing_and_names_each_line() {
    let world = World::applied().await;
    let csv = "account,reason\n1,fine\nabc,secret one\n99,secret two\n2,\n3,a,secret three\n1,secret four\n";
    let error = import(&world, csv).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(
        error.to_string(),
        "5 rows of list.csv can't be imported, so nothing was changed:\n  line 3: 'abc' is not a bigint\n  \
         line 4: there is no account '99'\n  line 5: no reason for account '2'\n  line 6: 3 fields where the header has 2\n  \
         line 7: account '1' is on line 2 already"
    );
    assert_eq!(settings(&world).await, "");
    assert_eq!(import(&world, "account,reason\n1,fine\n").await.unwrap().changed, 1);

    let mut many = String::from("account,reason\n");
    for n in 0..60 {
        writeln!(many, "x{n},{}", if n % 2 == 0 { "" } else { "why" }).unwrap();
    }
    let told = import(&world, &many).await.unwrap_err().to_string();
    assert!(told.starts_with("60 rows") && told.contains("line 51:") && !told.contains("line 52:"), "{told}");
    assert!(told.ends_with("\n  and 10 more"), "{told}");
}

#[tokio::test]
async fn an_import_turns_enabled_accounts_off_and_publishes_their_keys() {
    let world = World::applied().await;
    world.opt_in("1").await;
    world.opt_in("2").await;
    let mut db = world.connect("app_owner").await;
    let csv = "account,reason\n1,why\n3,why\n";
    let staged = account::stage(&mut db, &world.manifest, csv.as_bytes(), "list.csv").await.unwrap();
    let counts = staged.counts();
    assert_eq!((counts.accounts, counts.already, counts.enabled, counts.opted_in, counts.keys), (2, 0, 1, 1, 3));
    // staged only: nothing has changed
    assert!(show(&world, "1").await.enabled);
    staged.discard(&mut db).await.unwrap();
    let staged = account::stage(&mut db, &world.manifest, csv.as_bytes(), "list.csv").await.unwrap();
    assert_eq!(staged.carry_out(&mut db).await.unwrap(), Imported { changed: 2, overridden: 1, keys: 3 });
    assert_eq!(keys(&show(&world, "1").await), (0, 3));
    assert_eq!(keys(&show(&world, "2").await), (3, 0));
}

#[tokio::test]
async fn an_import_overrides_a_rollout_batch_that_commits_meanwhile() {
    let world = World::applied().await;
    let mut batch = world.act("postgres").await;
    batch.ok("BEGIN; INSERT INTO keyward.account_setting (account, enabled, source, wave) VALUES (1, true, 'rollout', 7), (2, true, 'rollout', 7)").await;
    batch.ok("SELECT keyward.seal_location_api_key(ARRAY[1, 2]::bigint[])").await;
    let mut watch = world.act("postgres").await;
    let commit = async {
        // only once the import waits for the batch
        let waiting =
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_owner' AND wait_event_type = 'Lock') AS v";
        while !watch.get::<bool>(waiting).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        batch.ok("COMMIT").await;
    };
    let done = both(import(&world, "account,reason\n1,why\n"), commit).await;
    assert_eq!(done, Imported { changed: 1, overridden: 1, keys: 3 });
    let shown = show(&world, "1").await;
    assert!(!shown.enabled && shown.wave.is_none());
    assert_eq!(keys(&shown), (0, 3));
    let other = show(&world, "2").await;
    assert!(other.enabled);
    assert_eq!(keys(&other), (3, 0));
}

#[tokio::test]
async fn an_import_waits_for_who_is_writing_a_key_in_an_enabled_account() {
    let world = World::applied().await;
    let mut watch = world.act("postgres").await;
    for (act, asked_for, published) in [
        ("UPDATE app.locations SET api_key = 'written-by-hand' WHERE id = 1", "SKIP LOCKED", 3),
        (
            "INSERT INTO app.locations (id, account_id, name) VALUES (99, 1, 'new');
             UPDATE app.locations SET api_key = 'made-by-hand' WHERE id = 99",
            "pg_try_advisory",
            4,
        ),
    ] {
        world.opt_in("1").await;
        let mut ui = world.act("app_ui").await;
        ui.ok(&format!("BEGIN; {act}")).await;
        let commit = async {
            let polling = format!(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_owner' AND query LIKE '%{asked_for}%') AS v"
            );
            while !watch.get::<bool>(&polling).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            ui.ok("COMMIT").await;
        };
        let done = both(import(&world, "account,reason\n1,why\n"), commit).await;
        assert_eq!(done.keys, published, "{act}");
        assert_eq!(keys(&show(&world, "1").await), (0, published.cast_signed()), "{act}");
    }
    let mut api = world.act("api_v1").await;
    assert_eq!(api.get::<String>("SELECT api_key AS v FROM app.locations WHERE id = 1").await, "written-by-hand");
    assert_eq!(api.get::<String>("SELECT api_key AS v FROM app.locations WHERE id = 99").await, "made-by-hand");
}

#[tokio::test]
async fn an_import_comes_through_however_much_is_written_in_its_accounts() {
    // many short transactions, and a few that overlap for longer than the import waits at first
    let (quick, slow) = (Duration::from_millis(10), Duration::from_millis(1500));
    for (writers, act, pause) in [
        (6, "UPDATE app.locations SET api_key = 'by hand ' || id WHERE id = {id}", quick),
        (
            4,
            "INSERT INTO app.locations (id, account_id, name) VALUES ({new}, {id}, 'new'); UPDATE app.locations SET api_key = 'made-{new}' WHERE id = {new}",
            slow,
        ),
    ] {
        let world = World::applied().await;
        let mut all = world.act("postgres").await;
        all.ok("INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(1001, 1200) AS n").await;
        all.ok("INSERT INTO app.locations (id, account_id, name, api_key) SELECT n, n, 'location', 'key-' || n FROM generate_series(1001, 1200) AS n").await;
        all.ok("INSERT INTO keyward.account_setting (account, enabled, source) SELECT n, true, 'rollout' FROM generate_series(1001, 1200) AS n").await;
        let sealed = "SELECT keyward.seal_location_api_key(ARRAY(SELECT generate_series(1001, 1200)::bigint)) AS v";
        assert_eq!(all.get::<i64>(sealed).await, 200);
        let (stop, mut tasks) = (Arc::new(AtomicBool::new(false)), Vec::new());
        for number in 0..writers {
            let (mut ui, stop, mut dice) = (world.act("app_ui").await, Arc::clone(&stop), Dice::new(number));
            tasks.push(tokio::spawn(async move {
                tokio::time::sleep(pause * u32::try_from(number).unwrap() / u32::try_from(writers).unwrap()).await;
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    let (id, new) = (1001 + dice.below(200), (number + 2) * 10_000 + written);
                    ui.ok(&format!("BEGIN; {}", act.replace("{id}", &id.to_string()).replace("{new}", &new.to_string()))).await;
                    tokio::time::sleep(pause).await;
                    ui.ok("COMMIT").await;
                    written += 1;
                }
                written
            }));
        }
        let mut csv = "account,reason\n".to_owned();
        for id in 1001..=1200 {
            writeln!(csv, "{id},they insist").unwrap();
        }
        tokio::time::sleep(pause).await;
        let imported = import(&world, &csv).await;
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            assert!(task.await.unwrap() > 0, "control: it writes");
        }
        let imported = imported.unwrap_or_else(|error| panic!("{act}: {error}"));
        assert_eq!((imported.changed, imported.overridden), (200, 200), "{act}");
        assert!(imported.keys >= 200, "{act}: {}", imported.keys);
        let sealed = "SELECT count(*) AS v FROM app.locations WHERE account_id > 1000 AND api_key IS NULL";
        assert_eq!(world.act("api_v1").await.get::<i64>(sealed).await, 0, "{act}");
    }
}

#[tokio::test]
async fn an_import_is_in_no_deadlock_with_who_has_a_row_and_writes_its_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let (mut writer, mut all) = (world.act("api_v2").await, world.act("postgres").await);
    writer.ok("BEGIN; SELECT FROM app.locations WHERE id = 11 FOR UPDATE").await;
    let imported = both(import(&world, "account,reason\n1,they insist\n"), async {
        // it comes back again and again, and holds nothing in between
        let came = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_owner' AND query = 'ROLLBACK') AS v";
        while !all.get::<bool>(came).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        writer.ok("UPDATE app.locations SET api_key = 'other', name = 'renamed' WHERE id = 11").await;
        writer.ok("COMMIT").await;
    })
    .await;
    assert_eq!((imported.changed, imported.keys), (1, 3));
}

#[tokio::test]
async fn exported_opt_outs_can_be_imported_again() {
    let world = World::applied().await;
    import(&world, "account,reason,requested_by\n1,\"a\n\"\"b\"\", c\",me\n2,why,\n").await.unwrap();
    world.opt_in("3").await;
    let all = export(&world, None).await;
    assert!(all.starts_with("account,enabled,source,changed_at,changed_by,requested_by,reason,wave\n"), "{all}");
    let mut reader = csv::Reader::from_reader(all.as_bytes());
    assert_eq!(reader.records().count(), 3);
    // all of them can't: account 3 has opted in
    let error = import(&world, &all).await.unwrap_err().to_string();
    assert!(error.contains("account '3' has another source than opt_out"), "{error}");

    let opted_out = export(&world, Some(Source::OptOut)).await;
    let mut owner = world.act("postgres").await;
    owner.ok("DELETE FROM keyward.account_setting").await;
    assert_eq!(import(&world, &opted_out).await.unwrap().changed, 2);
    let shown = show(&world, "1").await;
    assert_eq!((shown.reason.as_deref(), shown.requested_by.as_deref()), (Some("a\n\"b\", c"), Some("me")));
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_imported() {
    let world = World::applied().await;
    world
        .act("app_owner")
        .await
        .ok("INSERT INTO app.accounts (id, name) SELECT n, 'more' FROM generate_series(11, 100000) AS n")
        .await;
    let mut csv = String::from("account,reason,requested_by\n");
    for n in 1..=100_000 {
        writeln!(csv, "{n},asked by phone,person {n}").unwrap();
    }
    for changed in [100_000, 0] {
        let started = std::time::Instant::now();
        assert_eq!(import(&world, &csv).await.unwrap().changed, changed);
        eprintln!("100,000 rows, {changed} of them new: {:?}", started.elapsed());
    }
    let exported = export(&world, Some(Source::OptOut)).await;
    assert_eq!(exported.lines().count(), 100_001);
}

/// An application whose ids are of another type, and whose names need quotes; its keys hang on accounts through another table.
fn odd_app(id_type: &str, ids: [&str; 3]) -> (String, String) {
    let [one, two, three] = ids;
    let script = format!(
        r#"CREATE ROLE app_owner LOGIN CREATEROLE;
CREATE ROLE app_ui LOGIN;
CREATE ROLE api_v1 LOGIN;
CREATE DATABASE shop OWNER app_owner;
\connect shop
SET ROLE app_owner;
CREATE SCHEMA "My App";
CREATE TABLE "My App"."Acc""ounts" ("The Id" {id_type} PRIMARY KEY);
CREATE TABLE "My App"."Sites" ("Id" bigint PRIMARY KEY, "Acc" {id_type} REFERENCES "My App"."Acc""ounts");
CREATE TABLE "My App"."Tokens" ("No" bigint PRIMARY KEY, "Site" bigint REFERENCES "My App"."Sites", "To ken" text);
GRANT USAGE ON SCHEMA "My App" TO app_ui, api_v1;
GRANT ALL ON ALL TABLES IN SCHEMA "My App" TO app_ui, api_v1;
INSERT INTO "My App"."Acc""ounts" VALUES ('{one}'), ('{two}'), ('{three}');
INSERT INTO "My App"."Sites" VALUES (1, '{one}'), (2, '{two}'), (3, '{three}');
INSERT INTO "My App"."Tokens" VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
"#
    );
    let manifest = r#"
version = 1
[setting]
cutover = 2024-06-17T00:00:00Z
[roles]
ui  = ["app_ui"]
api = ["api_v1"]
[accounts]
table = '"My App"."Acc""ounts"'
id    = "The Id"
[[keys]]
name    = "location_api_key"
table   = '"My App"."Tokens"'
id      = "No"
column  = "To ken"
account = { column = "Site", via = '"My App"."Sites"', id = "Id", account = "Acc" }
"#;
    (script, manifest.to_owned())
}

#[tokio::test]
async fn ids_of_other_types_and_odd_names_do_as_well() {
    let uuids =
        ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-00000000000c"];
    let texts = ["it''s, \"one\"", "TWO", " three "];
    for (id_type, ids, malformed) in [("uuid", uuids, true), ("text", texts, false)] {
        let (script, manifest) = odd_app(id_type, ids);
        let world = World::with(&script, &manifest, "shop").await;
        world.apply().await;
        let ids = ids.map(|id| id.replace("''", "'"));
        let quoted = ids.clone().map(|id| format!("\"{}\"", id.replace('"', "\"\"")));

        assert_eq!(opt_in(&world, &ids[0], PATIENCE).await.keys, 1);
        assert_eq!(keys(&show(&world, &ids[0]).await), (1, 0), "{id_type}");
        let csv = format!("account,reason\n{},why\n{},why\n", quoted[0], quoted[1]);
        assert_eq!(import(&world, &csv).await.unwrap(), Imported { changed: 2, overridden: 1, keys: 1 }, "{id_type}");
        assert_eq!(import(&world, &csv).await.unwrap().changed, 0);
        assert_eq!(keys(&show(&world, &ids[0]).await), (0, 1), "{id_type}");
        assert_eq!(opt_in(&world, &ids[2], PATIENCE).await.keys, 1);

        let told = import(&world, "account,reason\nzzz,why\n").await.unwrap_err().to_string();
        let expected = if malformed { "line 2: 'zzz' is not a uuid" } else { "line 2: there is no account 'zzz'" };
        assert!(told.contains(expected), "{told}");

        let exported = export(&world, Some(Source::OptOut)).await;
        world.act("postgres").await.ok("DELETE FROM keyward.account_setting").await;
        assert_eq!(import(&world, &exported).await.unwrap().changed, 2, "{id_type}");
    }
}
