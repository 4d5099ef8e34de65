//! Attacks, section C: the legacy role writes users. Account 1 is enabled; accounts 2 and 3 are off, and the same act there is
//! the positive control.

use crate::attack::{Raw, major};
use crate::fixture::{Actor, World};

/// A text that changes with any user row.
async fn users(dba: &mut Actor) -> String {
    dba.get("SELECT md5(string_agg(u::text, ';' ORDER BY u.id)) AS v FROM app.users AS u").await
}

/// Things that the application's owner might have lying about.
const PATHS: &str = "
CREATE VIEW app.user_view AS SELECT * FROM app.users;
CREATE TABLE app.inbox (account bigint, what text);
CREATE TABLE app.ruled (account bigint);
CREATE FUNCTION app.definer_insert(account bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
  AS $$ INSERT INTO app.users (account_id, email) VALUES ($1, 'definer' || $1) $$;
CREATE FUNCTION app.definer_update(account bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  AS $$ BEGIN EXECUTE 'UPDATE app.users SET email = email || ''x'' WHERE account_id = $1' USING $1; END $$;
CREATE FUNCTION app.from_inbox() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  IF NEW.what = 'insert' THEN INSERT INTO app.users (account_id, email) VALUES (NEW.account, 'inbox' || NEW.account);
  ELSIF NEW.what = 'update' THEN UPDATE app.users SET email = email || 'y' WHERE account_id = NEW.account;
  ELSE DELETE FROM app.users WHERE account_id = NEW.account; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER from_inbox AFTER INSERT ON app.inbox FOR EACH ROW EXECUTE FUNCTION app.from_inbox();
CREATE CONSTRAINT TRIGGER from_inbox_late AFTER UPDATE ON app.inbox INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.from_inbox();
CREATE RULE also AS ON INSERT TO app.ruled DO ALSO INSERT INTO app.users (account_id, email) VALUES (NEW.account, 'ruled' || NEW.account);
GRANT ALL ON app.user_view, app.inbox, app.ruled TO api_v1, api_v2, app_ui;
";

#[tokio::test]
async fn no_path_leads_the_legacy_role_to_the_users_of_an_enabled_account() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    world.act("app_owner").await.ok(PATHS).await;
    let mut acts = vec![
        "INSERT INTO app.users (account_id, email) VALUES ({a}, 'x')",
        "INSERT INTO app.users (account_id, email) SELECT {a}, 'x'",
        "INSERT INTO app.users (account_id, email) VALUES (9, 'fine'), ({a}, 'x')",
        "INSERT INTO app.users (account_id, email) VALUES ({a}, 'user{a}@example.com') ON CONFLICT (email) DO UPDATE SET email = excluded.email || 'z'",
        "INSERT INTO app.users (id, account_id, email) VALUES ({a}, 9, 'x') ON CONFLICT (id) DO UPDATE SET email = excluded.email",
        "UPDATE app.users SET email = email || 'x' WHERE account_id = {a}",
        "UPDATE app.users SET email = email WHERE id = {a}",
        "UPDATE app.users AS u SET email = email || 'x' FROM app.accounts AS a WHERE a.id = u.account_id AND a.id = {a}",
        "UPDATE app.users SET account_id = 9 WHERE id = {a}",
        "UPDATE app.users SET account_id = NULL WHERE id = {a}",
        "DELETE FROM app.users WHERE account_id = {a}",
        "DELETE FROM app.users AS u USING app.accounts AS a WHERE a.id = u.account_id AND a.id = {a}",
        "WITH gone AS (DELETE FROM app.users WHERE id = {a} RETURNING *) SELECT * FROM gone",
        "WITH gone AS (DELETE FROM app.users WHERE id = {a} RETURNING *) INSERT INTO app.users SELECT * FROM gone",
        "INSERT INTO app.user_view (account_id, email) VALUES ({a}, 'x')",
        "UPDATE app.user_view SET email = email || 'x' WHERE account_id = {a}",
        "DELETE FROM app.user_view WHERE account_id = {a}",
        "SELECT app.definer_insert({a})",
        "SELECT app.definer_update({a})",
        "INSERT INTO app.inbox VALUES ({a}, 'insert')",
        "INSERT INTO app.inbox VALUES ({a}, 'update')",
        "INSERT INTO app.inbox VALUES ({a}, 'delete')",
        "INSERT INTO app.ruled VALUES ({a})",
        "DELETE FROM app.accounts WHERE id = {a}",
        "UPDATE app.accounts SET id = 7000 + id WHERE id = {a}",
        "DEALLOCATE ALL; PREPARE p AS UPDATE app.users SET email = email || 'x' WHERE account_id = $1; EXECUTE p ({a})",
        "DO $$ BEGIN UPDATE app.users SET email = email || 'x' WHERE account_id = {a}; END $$",
        "SET LOCAL row_security = off; DELETE FROM app.users WHERE account_id = {a}",
        "SET LOCAL search_path = pg_temp, app; UPDATE app.users SET email = email || 'x' WHERE account_id = {a}",
    ];
    if major(&mut dba).await >= 15 {
        acts.extend([
            "MERGE INTO app.users AS u USING (VALUES ({a}::bigint)) AS s (a) ON u.account_id = s.a WHEN MATCHED THEN UPDATE SET email = email || 'x'",
            "MERGE INTO app.users AS u USING (VALUES ({a}::bigint)) AS s (a) ON u.account_id = s.a WHEN MATCHED THEN DELETE",
            "MERGE INTO app.users AS u USING (VALUES ({a}::bigint)) AS s (a) ON false WHEN NOT MATCHED THEN INSERT (account_id, email) VALUES (s.a, 'x')",
        ]);
    }
    let before = users(&mut dba).await;
    for role in ["api_v1", "legacy_login"] {
        let mut legacy = world.act(role).await;
        for act in &acts {
            let on = |account: &str| format!("BEGIN; {};", act.replace("{a}", account));
            let code = legacy.err(&on("1")).await;
            // row-level security off and on: the server's own refusal comes first
            assert!(code == "KW002" || (act.contains("row_security") && code == "42501"), "{role}, {code}: {act}");
            legacy.ok("ROLLBACK").await;
            // a user without an account is one of an unknown account, which is enabled: no control
            if !act.contains("row_security") && !act.contains("= NULL") {
                legacy.ok(&on("3")).await;
                assert_ne!(
                    users(&mut legacy).await,
                    if act.contains("email = email WHERE") || act.contains("INSERT INTO app.users SELECT") {
                        String::new()
                    } else {
                        before.clone()
                    },
                    "control, {role}: {act}"
                );
                legacy.ok("ROLLBACK").await;
            }
        }
        // a deferred trigger, with the role set back before it fires
        assert_eq!(
            legacy
                .err(
                    "BEGIN; INSERT INTO app.inbox VALUES (3, 'insert'); UPDATE app.inbox SET account = 1, what = 'delete'; COMMIT"
                )
                .await,
            "KW002"
        );
        legacy.ok("ROLLBACK").await;
        // COPY is refused by row-level security, for any account: design.md says so
        let mut raw = Raw::connect(&world, role).await;
        assert_eq!(raw.copy_in("COPY app.users (account_id, email) FROM STDIN", "1\tcopied\n").await, Err("0A000".to_owned()));
    }
    assert_eq!(users(&mut dba).await, before, "not one row has changed");
    // others write as before, COPY included where row-level security lets them
    for role in ["api_v2", "app_ui", "worker"] {
        let mut actor = world.act(role).await;
        // row_security = off fails for everybody whom row-level security holds; the worker has no grant on the rest
        let granted = |act: &&&str| {
            !act.contains("row_security")
                && (role != "worker" || ["app.inbox", "app.ruled", "user_view"].iter().all(|name| !act.contains(name)))
        };
        for act in acts.iter().filter(granted) {
            actor.ok(&format!("BEGIN; {};", act.replace("{a}", "1"))).await;
            actor.ok("ROLLBACK").await;
        }
    }
}

#[tokio::test]
async fn each_refusal_says_who_what_and_where() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut legacy = Raw::connect(&world, "legacy_login").await;
    for (act, word) in [
        ("DELETE FROM app.users WHERE id = 1", "delete"),
        ("UPDATE app.users SET email = 'x' WHERE id = 1", "update"),
        ("INSERT INTO app.users (account_id, email) VALUES (1, 'x')", "insert"),
    ] {
        let (code, words) = legacy.run(act).await.unwrap_err();
        assert_eq!(code, "KW002");
        for part in ["legacy_login", word, "app.users", "Enhanced Account Security", "current API"] {
            assert!(words.contains(part), "{part} in: {words}");
        }
    }
}

#[tokio::test]
async fn truncation_is_stopped_whoever_lends_the_privilege() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut legacy = world.act("api_v1").await;
    assert_eq!(legacy.err("TRUNCATE app.users").await, "42501");
    assert_eq!(legacy.err("TRUNCATE app.accounts CASCADE").await, "42501");
    dba.ok("GRANT TRUNCATE ON app.users, app.locations TO api_v1; CREATE FUNCTION app.wipe() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'TRUNCATE app.users'").await;
    for act in ["TRUNCATE app.users", "TRUNCATE app.accounts CASCADE", "SELECT app.wipe()"] {
        assert_eq!(legacy.err(act).await, "KW002", "{act}");
    }
    world.act("api_v2").await.ok("BEGIN; SELECT app.wipe(); ROLLBACK").await;
    dba.ok("DELETE FROM keyward.account_setting").await;
    legacy.ok("BEGIN; TRUNCATE app.users; ROLLBACK").await;
}

#[tokio::test]
async fn neither_replica_role_nor_bypassrls_passes_the_guard() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER ROLE api_v1 BYPASSRLS").await;
    let lends_parameter = major(&mut dba).await >= 15;
    if lends_parameter {
        dba.ok("GRANT SET ON PARAMETER session_replication_role TO api_v1").await;
    }
    let mut legacy = world.act("api_v1").await;
    if lends_parameter {
        legacy.ok("SET session_replication_role = replica").await;
    }
    for act in [
        "DELETE FROM app.users WHERE id = {a}",
        "UPDATE app.users SET email = 'x' WHERE id = {a}",
        "INSERT INTO app.users (account_id, email) VALUES ({a}, 'x')",
    ] {
        assert_eq!(legacy.err(&act.replace("{a}", "1")).await, "KW002");
        legacy.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("{a}", "2"))).await;
    }
    let mut raw = Raw::connect(&world, "api_v1").await;
    assert_eq!(raw.copy_in("COPY app.users (account_id, email) FROM STDIN", "1\tcopied\n").await, Err("KW002".to_owned()));
    assert_eq!(raw.copy_in("COPY app.users (account_id, email) FROM STDIN", "2\tcopied\n").await, Ok(1));
}

#[tokio::test]
async fn triggers_of_the_application_do_not_smuggle_a_row_past_the_guard() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE FUNCTION app.smuggle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.email LIKE 'smuggle%' THEN NEW.account_id := 1; END IF; RETURN NEW; END $$").await;
    let mut legacy = world.act("api_v1").await;
    for name in ["a_smuggle", "~~smuggle"] {
        dba.ok(&format!(
            "CREATE TRIGGER \"{name}\" BEFORE INSERT OR UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.smuggle()"
        ))
        .await;
        let insert = legacy.err("INSERT INTO app.users (account_id, email) VALUES (2, 'smuggled')").await;
        let update = legacy.err("UPDATE app.users SET email = 'smuggled' WHERE id = 2").await;
        assert!(
            ["KW002", "42501"].contains(&insert.as_str()) && ["KW002", "42501"].contains(&update.as_str()),
            "{name}: {insert}, {update}"
        );
        legacy.ok("BEGIN; INSERT INTO app.users (account_id, email) VALUES (2, 'honest'); ROLLBACK").await;
        dba.ok(&format!("DROP TRIGGER \"{name}\" ON app.users")).await;
    }
}

#[tokio::test]
async fn the_setting_is_turned_off_by_no_path_of_the_api() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    // the application that makes it easiest: nothing ties rows to their account
    dba.ok("ALTER TABLE app.users DROP CONSTRAINT users_account_id_fkey; ALTER TABLE app.locations DROP CONSTRAINT locations_account_id_fkey").await;
    world.opt_in("1").await;
    for role in ["api_v1", "api_v2"] {
        let mut api = world.act(role).await;
        // delete the account and make it again
        api.ok("DELETE FROM app.accounts WHERE id = 1; INSERT INTO app.accounts (id, name) VALUES (1, 'again')").await;
        assert!(dba.get::<bool>("SELECT keyward.is_enabled(1) AS v").await, "{role}: deleted and made again");
        // rename it away and back, writing in between
        api.ok("UPDATE app.accounts SET id = 900 WHERE id = 1; INSERT INTO app.locations (account_id, name, api_key) VALUES (1, 'between', 'k-between'); UPDATE app.accounts SET id = 1 WHERE id = 900").await;
        assert!(dba.get::<bool>("SELECT keyward.is_enabled(1) AS v").await, "{role}: renamed");
        assert_eq!(crate::attack::published_in_enabled(&mut dba).await, 0, "{role}");
        // swap it with one that is off, in one statement
        dba.ok("ALTER TABLE app.accounts DROP CONSTRAINT accounts_pkey CASCADE; ALTER TABLE app.accounts ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED").await;
        api.ok("UPDATE app.accounts SET id = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)").await;
        assert!(dba.get::<bool>("SELECT keyward.is_enabled(1) AND keyward.is_enabled(2) AS v").await, "{role}: swapped");
        dba.ok("DELETE FROM keyward.account_setting WHERE account <> 1").await;
    }
    let mut legacy = world.act("api_v1").await;
    assert_eq!(legacy.err("INSERT INTO app.users (account_id, email) VALUES (1, 'x')").await, "KW002");
    // control: the UI turns it off, and an account that was off leaves nothing behind
    world.act("app_ui").await.ok("SELECT keyward.opt_out(1, 'they insist', true)").await;
    legacy.ok("INSERT INTO app.users (account_id, email) VALUES (1, 'x'); DELETE FROM app.accounts WHERE id = 1").await;
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.account_setting WHERE account = 1").await, 0);
}

#[tokio::test]
async fn an_account_made_after_the_rollout_has_begun_is_closed_to_the_legacy_role_from_its_first_moment() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE keyward.policy SET new_accounts_enabled = true").await;
    let mut legacy = world.act("api_v1").await;
    for act in [
        "WITH a AS (INSERT INTO app.accounts (id, name) VALUES (600, 'new') RETURNING id) INSERT INTO app.users (account_id, email) SELECT id, 'x' FROM a",
        "INSERT INTO app.accounts (id, name) VALUES (601, 'new'); INSERT INTO app.users (account_id, email) VALUES (601, 'x')",
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO app.users (account_id, email) VALUES (602, 'x'); INSERT INTO app.accounts (id, name) VALUES (602, 'new'); COMMIT",
    ] {
        dba.ok("ALTER TABLE app.users ALTER CONSTRAINT users_account_id_fkey DEFERRABLE").await;
        // in the statement that makes the account, its row is news to the guard, and row-level security stands behind it
        let code = legacy.err(act).await;
        assert!(code == "KW002" || (act.starts_with("WITH") && code == "42501"), "{code}: {act}");
        legacy.ok("ROLLBACK").await;
    }
    // an account that was there, and is off, may be written and deleted as before, users and all
    legacy.ok("INSERT INTO app.users (account_id, email) VALUES (2, 'x'); DELETE FROM app.accounts WHERE id = 2").await;
}

#[tokio::test]
async fn who_acts_is_the_role_that_is_set_for_each_statement() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE pooler LOGIN NOINHERIT IN ROLE api_v1, api_v2").await;
    let mut pooler = world.act("pooler").await;
    pooler.ok("SET ROLE api_v2; PREPARE up AS UPDATE app.users SET email = email || 'x' WHERE id = 1; EXECUTE up").await;
    assert_eq!(pooler.err("SET ROLE api_v1; EXECUTE up").await, "KW002");
    pooler.ok("BEGIN; SET LOCAL ROLE api_v2; SAVEPOINT s; EXECUTE up; RELEASE s; COMMIT").await;
    pooler.ok("SET ROLE api_v1; BEGIN; SAVEPOINT s").await;
    assert_eq!(pooler.err("DELETE FROM app.users WHERE id = 1").await, "KW002");
    pooler.ok("ROLLBACK TO s; DELETE FROM app.users WHERE id = 2; ROLLBACK").await;
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM app.users WHERE account_id = 1").await, 3);
    let mut legacy = world.act("api_v1").await;
    for act in [
        "SET ROLE app_ui",
        "SET ROLE api_v2",
        "SET SESSION AUTHORIZATION api_v2",
        "SELECT set_config('role', 'app_ui', false)",
        "ALTER ROLE api_v1 SUPERUSER",
    ] {
        assert_eq!(legacy.err(act).await, "42501", "{act}");
    }
}

#[tokio::test]
async fn the_assertion_stands_where_row_level_security_does_not() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER ROLE api_v1 BYPASSRLS;
            CREATE FUNCTION app.smuggle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.email LIKE 'smuggle%' THEN NEW.account_id := 1; END IF; RETURN NEW; END $$;
            CREATE TRIGGER \"~~smuggle\" BEFORE INSERT OR UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.smuggle()")
        .await;
    let mut legacy = world.act("api_v1").await;
    for act in ["INSERT INTO app.users (account_id, email) VALUES (2, '{e}')", "UPDATE app.users SET email = '{e}' WHERE id = 2"]
    {
        assert_eq!(legacy.err(&act.replace("{e}", "smuggled")).await, "KW002", "{act}");
        legacy.ok(&act.replace("{e}", "honest")).await;
        legacy.ok("DELETE FROM app.users WHERE email = 'honest' AND id > 1000").await;
    }
    // control: whoever is no legacy role moves what it likes
    world
        .act("api_v2")
        .await
        .ok("UPDATE app.users SET account_id = 1 WHERE id = 2; UPDATE app.users SET account_id = 2 WHERE id = 2")
        .await;
}

#[tokio::test]
async fn nothing_that_comes_before_pg_catalog_changes_who_is_acting() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok(crate::attack::SHADOWS).await;
    dba.ok("CREATE ROLE pooler LOGIN NOINHERIT IN ROLE api_v1, api_v2").await;
    for (login, role) in [("api_v1", "none"), ("pooler", "api_v1")] {
        let mut legacy = world.act(login).await;
        legacy.ok(&format!("SET ROLE {role}; SET search_path = evil, pg_catalog")).await;
        // control: they come first
        legacy.ok("DO $$ BEGIN ASSERT 'a'::pg_catalog.text = 'b' AND NOT pg_has_role('x', 0::pg_catalog.oid, 'x'); END $$").await;
        for act in [
            "INSERT INTO app.users (account_id, email) VALUES ({a}, 'x{a}')",
            "UPDATE app.users SET email = 'y{a}' WHERE id OPERATOR(pg_catalog.=) {a}",
            "DELETE FROM app.users WHERE id OPERATOR(pg_catalog.=) {a}",
        ] {
            assert_eq!(legacy.err(&act.replace("{a}", "1")).await, "KW002", "{login}: {act}");
            legacy.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("{a}", "2"))).await;
        }
    }
}

#[tokio::test]
async fn a_membership_counts_only_as_far_as_its_privileges_reach() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE pooler LOGIN NOINHERIT IN ROLE api_v1, app_ui; GRANT USAGE ON SCHEMA app TO pooler;
            GRANT ALL ON app.users, app.locations TO pooler")
        .await;
    let mut pooler = world.act("pooler").await;
    let (write, state) =
        ("UPDATE app.users SET email = email || 'x' WHERE id = 1", "UPDATE app.locations SET api_key = 'stated' WHERE id = 1");
    let kept = "SELECT api_key AS v FROM keyward.vault_location_api_key WHERE id = 1";
    // as itself it is neither legacy nor UI; with either role set, it is that
    pooler.ok(&format!("{write}; {state}")).await;
    assert_eq!(dba.get::<String>(kept).await, "key-1");
    assert_eq!(pooler.err(&format!("SET ROLE api_v1; {write}")).await, "KW002");
    pooler.ok(&format!("SET ROLE app_ui; {state}")).await;
    assert_eq!(dba.get::<String>(kept).await, "stated");
    // a superuser has every role's privileges, and is held by none
    dba.ok(&format!("{write}; DELETE FROM app.users WHERE id = 1")).await;
}

#[tokio::test]
async fn what_the_ui_owns_lends_the_api_neither_the_settings_nor_a_request() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE VIEW app.settings AS SELECT * FROM keyward.account_setting; ALTER VIEW app.settings OWNER TO app_ui; GRANT SELECT ON app.settings TO api_v2;
            CREATE FUNCTION app.ask() RETURNS void LANGUAGE sql SECURITY DEFINER
            AS $$ INSERT INTO keyward.setting_change (account, enabled, reason) VALUES (1, false, 'lent') $$;
            ALTER FUNCTION app.ask OWNER TO app_ui; GRANT EXECUTE ON FUNCTION keyward.acts_as_ui TO api_v2")
        .await;
    let (mut api, mut ui) = (world.act("api_v2").await, world.act("app_ui").await);
    let count = "SELECT count(*) AS v FROM app.settings";
    assert_eq!((api.get::<i64>(count).await, ui.get::<i64>(count).await), (0, 1));
    assert_eq!(api.err("SELECT app.ask()").await, "42501");
    ui.ok("SELECT app.ask()").await;
}

#[tokio::test]
async fn row_level_security_stands_where_the_triggers_do_not() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER TABLE app.users DISABLE TRIGGER USER").await;
    let mut legacy = world.act("api_v1").await;
    for act in ["INSERT INTO app.users (account_id, email) VALUES ({a}, 'x')", "UPDATE app.users SET email = 'x' WHERE id = {a}"]
    {
        assert_eq!(legacy.err(&act.replace("{a}", "1")).await, "42501", "{act}");
        legacy.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("{a}", "2"))).await;
    }
}

#[tokio::test]
async fn a_policy_that_has_lost_its_row_enforces() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut legacy = world.act("api_v1").await;
    let write = "UPDATE app.users SET email = email WHERE id = 2";
    legacy.ok(write).await;
    dba.ok("DELETE FROM keyward.policy").await;
    assert_eq!(legacy.err(write).await, "KW002");
}
