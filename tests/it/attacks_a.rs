//! Attacks, section A: a key comes into being on its own. Each is tried in an enabled account (1), and the same act must
//! keep working in an account that is off (2).

use crate::attack::{Raw, owner_of, published_in_enabled};
use crate::fixture::{Actor, World};

/// The key of a location, and whether the vault has one for it.
async fn state(dba: &mut Actor, id: i64) -> (Option<String>, Option<String>) {
    let key = dba.get(&format!("SELECT (SELECT api_key FROM app.locations WHERE id = {id}) AS v")).await;
    let sealed = dba.get(&format!("SELECT (SELECT api_key FROM keyward.vault_location_api_key WHERE id = {id}) AS v")).await;
    (key, sealed)
}

async fn exists(dba: &mut Actor, id: i64) -> bool {
    dba.get(&format!("SELECT EXISTS (SELECT FROM app.locations WHERE id = {id}) AS v")).await
}

#[tokio::test]
async fn a_key_named_in_an_insert_is_stripped_by_whatever_statement_and_role_it_comes() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE VIEW app.location_view AS SELECT id, account_id, name, api_key FROM app.locations;
             GRANT ALL ON app.location_view TO api_v1, api_v2, app_ui, worker;
             CREATE FUNCTION app.add_location(id bigint, account bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
             AS $$ INSERT INTO app.locations (id, account_id, name, api_key) VALUES ($1, $2, 'definer', 'k-' || $1) $$")
        .await;
    let mut acts = vec![
        "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}')",
        "INSERT INTO app.locations (id, account_id, name, api_key) SELECT {id}, {account}, 'x', 'k-{id}'",
        "WITH new AS (INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}') RETURNING *) SELECT * FROM new",
        "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}') ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key",
        "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}') ON CONFLICT DO NOTHING",
        "INSERT INTO app.location_view (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}')",
        "SELECT app.add_location({id}, {account})",
        "PREPARE p AS INSERT INTO app.locations (id, account_id, name, api_key) VALUES ($1, $2, 'x', $3); EXECUTE p ({id}, {account}, 'k-{id}'); DEALLOCATE p",
        "DO $$ BEGIN BEGIN INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}'); EXCEPTION WHEN OTHERS THEN RAISE; END; END $$",
        "SET keyward.stated = 'x'; SET keyward.revoke = '{id}'; SET keyward.withheld = 'x'; INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'k-{id}'); RESET keyward.revoke",
    ];
    if world.has(15, "MERGE") {
        acts.push(
            "MERGE INTO app.locations AS l USING (VALUES ({id}, {account})) AS s (id, account) ON l.id = s.id
             WHEN NOT MATCHED THEN INSERT (id, account_id, name, api_key) VALUES (s.id, s.account, 'x', 'k-{id}')",
        );
    }
    let mut id = 2000;
    for role in ["api_v1", "api_v2", "app_ui", "worker"] {
        let mut actor = world.act(role).await;
        for act in &acts {
            for account in [1, 2] {
                id += 1;
                actor.ok(&act.replace("{id}", &id.to_string()).replace("{account}", &account.to_string())).await;
                let expected = (account == 2).then(|| format!("k-{id}"));
                assert_eq!(state(&mut dba, id).await, (expected, None), "{role}: {act}");
                assert!(exists(&mut dba, id).await, "silently nothing, {role}: {act}");
            }
        }
        let mut raw = Raw::connect(&world, role).await;
        id += 2;
        let lines = format!("{}\t1\tcopied\tk-{}\n{id}\t2\tcopied\tk-{id}\n", id - 1, id - 1);
        assert_eq!(raw.copy_in("COPY app.locations (id, account_id, name, api_key) FROM STDIN", &lines).await, Ok(2), "{role}");
        assert_eq!(state(&mut dba, id - 1).await, (None, None), "{role} COPY");
        assert_eq!(state(&mut dba, id).await, (Some(format!("k-{id}")), None), "{role} COPY");
    }
    assert_eq!(published_in_enabled(&mut dba).await, 0);
}

#[tokio::test]
async fn a_key_that_the_schema_fills_in_is_stripped_or_stopped() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    // what, set-up, tear-down, whether the row is refused in place of stripped
    let fill = "CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := 'auto-' || NEW.id; RETURN NEW; END $$;";
    let drop_fill = "DROP FUNCTION app.fill CASCADE";
    let later = "CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                 UPDATE app.locations AS l SET api_key = 'auto-' || l.id WHERE l.api_key IS NULL AND l.id > 2000; RETURN NULL; END $$;";
    let cases = [
        ("column default", "ALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT 'auto-' || gen_random_uuid()".to_owned(),
         "ALTER TABLE app.locations ALTER COLUMN api_key DROP DEFAULT", false),
        ("BEFORE trigger", format!("{fill} CREATE TRIGGER a_fill BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill()"), drop_fill, false),
        ("BEFORE trigger that sorts before all", format!("{fill} CREATE TRIGGER \" fill\" BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill()"), drop_fill, false),
        ("BEFORE trigger that sorts after the guard",
         format!("{fill} CREATE TRIGGER \"~~fill\" BEFORE INSERT ON app.locations FOR EACH ROW WHEN (NEW.account_id = 1) EXECUTE FUNCTION app.fill()"), drop_fill, true),
        ("AFTER row trigger", format!("{later} CREATE TRIGGER a_fill AFTER INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill()"), drop_fill, false),
        ("AFTER statement trigger", format!("{later} CREATE TRIGGER a_fill AFTER INSERT ON app.locations EXECUTE FUNCTION app.fill()"), drop_fill, false),
        ("deferred constraint trigger",
         format!("{later} CREATE CONSTRAINT TRIGGER a_fill AFTER INSERT ON app.locations INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fill()"), drop_fill, false),
        ("rule", "CREATE RULE fill AS ON INSERT TO app.locations DO ALSO UPDATE app.locations SET api_key = 'auto-' || id WHERE id = NEW.id".to_owned(),
         "DROP RULE fill ON app.locations", false),
    ];
    let mut id = 2000;
    for (what, set_up, tear_down, refused) in cases {
        dba.ok(&set_up).await;
        for role in ["api_v1", "api_v2", "app_ui", "worker"] {
            if (what, role) == ("rule", "app_ui") {
                // the UI's statement is rewritten into one that states a key: the plan refuses such a table
                let plan = world.plan().await;
                assert!(plan.findings.iter().any(|finding| finding.id == "rule:app.locations fill"), "{:#?}", plan.findings);
                continue;
            }
            let mut actor = world.act(role).await;
            id += 1;
            let insert =
                |id: i64, account: i64| format!("INSERT INTO app.locations (id, account_id, name) VALUES ({id}, {account}, 'x')");
            if refused {
                assert_eq!(actor.err(&insert(id, 1)).await, "KW001", "{what}, {role}");
                continue;
            }
            actor.ok(&insert(id, 1)).await;
            assert_eq!(state(&mut dba, id).await, (None, None), "{what}, {role}");
            id += 1;
            actor.ok(&insert(id, 2)).await;
            let (key, _) = state(&mut dba, id).await;
            assert!(key.is_some_and(|key| key.starts_with("auto-")), "control: {what}, {role}");
        }
        dba.ok(tear_down).await;
    }
    assert_eq!(published_in_enabled(&mut dba).await, 0);
}

#[tokio::test]
async fn no_trigger_is_switched_off_by_the_replica_role() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("SET session_replication_role = replica; INSERT INTO app.locations (id, account_id, name, api_key) VALUES (2001, 1, 'x', 'k'), (2002, 2, 'x', 'k2')")
        .await;
    assert_eq!(state(&mut dba, 2001).await, (None, None));
    assert_eq!(state(&mut dba, 2002).await, (Some("k2".to_owned()), None));
    let mut api = world.act("api_v2").await;
    assert_eq!(api.err("SET session_replication_role = replica").await, "42501");
}

#[tokio::test]
async fn a_later_update_by_an_api_role_brings_no_key_and_ends_none() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut gateway = world.act("api_gateway").await;
    for role in ["api_v1", "api_v2", "worker"] {
        let mut actor = world.act(role).await;
        for act in [
            "UPDATE app.locations SET api_key = 'mine' WHERE id = {id}",
            "UPDATE app.locations SET api_key = 'mine', name = 'y', account_id = account_id WHERE id = {id}",
            "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, 'x', 'mine') ON CONFLICT (id) DO UPDATE SET api_key = excluded.api_key, name = excluded.name",
            "SET keyward.stated = '{id}'; SET keyward.stated_location_api_key = '{id}'; UPDATE app.locations SET api_key = 'mine' WHERE id = {id}",
        ] {
            let act = |id: i64, account: i64| act.replace("{id}", &id.to_string()).replace("{account}", &account.to_string());
            actor.ok(&act(1, 1)).await;
            assert_eq!(state(&mut dba, 1).await, (None, Some("key-1".to_owned())), "{role}: {}", act(1, 1));
            actor.ok(&act(2, 2)).await;
            assert_eq!(state(&mut dba, 2).await.0.as_deref(), Some("mine"), "control, {role}: {}", act(2, 2));
            actor.ok("UPDATE app.locations SET api_key = 'key-2' WHERE id = 2").await;
        }
    }
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    assert_eq!(owner_of(&mut gateway, "mine").await, None);
}

#[tokio::test]
async fn an_account_hop_seals_the_key_on_the_way_in_and_keeps_it_sealed_on_the_way_out() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut gateway = world.act("api_gateway").await;
    let mut api = world.act("api_v2").await;
    api.ok("UPDATE app.locations SET account_id = 1 WHERE id = 2").await;
    assert_eq!(state(&mut dba, 2).await, (None, Some("key-2".to_owned())));
    api.ok("UPDATE app.locations SET account_id = 2 WHERE id = 2; UPDATE app.locations SET account_id = 2 WHERE id = 1").await;
    assert_eq!(state(&mut dba, 2).await, (None, Some("key-2".to_owned())));
    assert_eq!(state(&mut dba, 1).await, (None, Some("key-1".to_owned())));
    api.ok("UPDATE app.locations SET api_key = 'mine', account_id = 3 WHERE id = 1").await;
    assert_eq!(state(&mut dba, 1).await, (None, Some("key-1".to_owned())), "even now that the account is off");
    // between accounts that are off, a key goes along; to an unknown account it is sealed
    api.ok("UPDATE app.locations SET account_id = 4 WHERE id = 3").await;
    assert_eq!(state(&mut dba, 3).await, (Some("key-3".to_owned()), None));
    api.ok("UPDATE app.locations SET account_id = NULL WHERE id = 3").await;
    assert_eq!(state(&mut dba, 3).await, (None, Some("key-3".to_owned())));
    for (key, row) in [("key-1", 1), ("key-2", 2), ("key-3", 3)] {
        assert_eq!(owner_of(&mut gateway, key).await, Some(row));
    }
}

#[tokio::test]
async fn the_ui_writes_a_key_by_hand_and_only_by_hand() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    ui.ok("UPDATE app.locations SET api_key = 'by-hand' WHERE id = 1").await;
    assert_eq!(state(&mut dba, 1).await, (None, Some("by-hand".to_owned())));
    // a trigger of the application fills keys in on every update: not by hand
    dba.ok("CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := COALESCE(NEW.api_key, 'auto-' || NEW.id); RETURN NEW; END $$;
            CREATE TRIGGER fill BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill()")
        .await;
    ui.ok("UPDATE app.locations SET name = 'renamed' WHERE id IN (1, 11, 21)").await;
    assert_eq!(state(&mut dba, 1).await, (None, Some("by-hand".to_owned())));
    assert_eq!(state(&mut dba, 11).await, (None, Some("key-11".to_owned())));
    // one that tidies what a person wrote: still by hand
    dba.ok("CREATE OR REPLACE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := upper(NEW.api_key); RETURN NEW; END $$").await;
    ui.ok("UPDATE app.locations SET api_key = 'tidied' WHERE id = 1").await;
    assert_eq!(state(&mut dba, 1).await, (None, Some("TIDIED".to_owned())));
    ui.ok("UPDATE app.locations SET api_key = 'tidied' WHERE id = 2").await;
    assert_eq!(state(&mut dba, 2).await, (Some("TIDIED".to_owned()), None));
}

#[tokio::test]
async fn generate_and_revoke_do_what_they_say_or_fail() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let mut ui = world.act("app_ui").await;
    let mut gateway = world.act("api_gateway").await;
    // from inside a trigger a key would come into being, or end, on its own
    dba.ok("CREATE TABLE app.wish (id bigint, what text); GRANT ALL ON app.wish TO app_ui;
            CREATE FUNCTION app.grant_wish() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.what = 'generate' THEN PERFORM keyward.generate_location_api_key(NEW.id);
                ELSE PERFORM keyward.revoke_location_api_key(NEW.id); END IF;
                RETURN NEW; END $$;
            CREATE TRIGGER grant_wish BEFORE INSERT ON app.wish FOR EACH ROW EXECUTE FUNCTION app.grant_wish()")
        .await;
    for what in ["generate", "revoke"] {
        assert_eq!(ui.err(&format!("INSERT INTO app.wish VALUES (1, '{what}')")).await, "KW001", "{what}");
        assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1), "{what}");
    }
    ui.ok("INSERT INTO app.wish VALUES (2, 'generate')").await;
    assert_eq!(owner_of(&mut gateway, "key-2").await, None, "control: a new one, in an account that is off");
    ui.ok("INSERT INTO app.wish VALUES (3, 'revoke')").await;
    assert_eq!(owner_of(&mut gateway, "key-3").await, None, "control");
    // a definer function of the UI's doesn't lend its rights to the API
    dba.ok("CREATE FUNCTION app.lend(id bigint) RETURNS text LANGUAGE sql AS $$ SELECT keyward.generate_location_api_key($1) $$;
            ALTER FUNCTION app.lend OWNER TO app_ui; ALTER FUNCTION app.lend SECURITY DEFINER")
        .await;
    let mut api = world.act("api_v2").await;
    assert!(["42501", "KW001"].contains(&api.err("SELECT app.lend(1)").await.as_str()));
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    ui.ok("SELECT app.lend(1)").await;
    assert_eq!(owner_of(&mut gateway, "key-1").await, None, "control");
}

#[tokio::test]
async fn a_location_of_an_account_that_is_being_made_has_no_key_once_the_rollout_has_begun() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE keyward.policy SET new_accounts_enabled = true").await;
    let mut api = world.act("api_v2").await;
    // both in one statement: the account gets its setting at the statement's end, and the assertion stops the key
    let both = "WITH a AS (INSERT INTO app.accounts (id, name) VALUES (500, 'new') RETURNING id)
                INSERT INTO app.locations (id, account_id, name, api_key) SELECT 5001, id, 'x', ";
    assert_eq!(api.err(&format!("{both} 'k' FROM a")).await, "KW001");
    api.ok(&format!("{both} NULL FROM a")).await;
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (5004, 500, 'x', 'k')").await;
    assert_eq!(state(&mut dba, 5004).await, (None, None));
    // the location first, its account afterwards
    dba.ok("ALTER TABLE app.locations ALTER CONSTRAINT locations_account_id_fkey DEFERRABLE INITIALLY DEFERRED").await;
    api.ok("BEGIN; INSERT INTO app.locations (id, account_id, name, api_key) VALUES (5002, 501, 'x', 'k'); INSERT INTO app.accounts (id, name) VALUES (501, 'new'); COMMIT").await;
    assert_eq!(state(&mut dba, 5002).await, (None, None));
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (5003, 2, 'x', 'k')").await;
    assert_eq!(state(&mut dba, 5003).await.0.as_deref(), Some("k"), "control: an account that was there before");
    assert_eq!(published_in_enabled(&mut dba).await, 0);
}

#[tokio::test]
async fn a_row_that_leaves_an_enabled_account_brings_no_key_along() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("UPDATE app.locations SET api_key = NULL WHERE id IN (1, 3)").await;
    world.opt_in("1").await;
    let mut api = world.act("api_v2").await;
    api.ok("UPDATE app.locations SET account_id = 2, api_key = 'on the way out' WHERE id = 1").await;
    assert_eq!(state(&mut dba, 1).await, (None, None));
    api.ok("UPDATE app.locations SET account_id = 2, api_key = 'control' WHERE id = 3").await;
    assert_eq!(state(&mut dba, 3).await.0.as_deref(), Some("control"), "between accounts that are off");
}

#[tokio::test]
async fn an_update_after_which_a_later_trigger_leaves_a_key_is_stopped() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := 'auto-' || NEW.id; RETURN NEW; END $$;
            CREATE TRIGGER \"~~fill\" BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill()")
        .await;
    let mut api = world.act("api_v2").await;
    for role in ["api_v2", "app_ui"] {
        assert_eq!(world.act(role).await.err("UPDATE app.locations SET name = 'x' WHERE id = 1").await, "KW001", "{role}");
    }
    api.ok("UPDATE app.locations SET name = 'x' WHERE id = 2").await;
    assert_eq!(state(&mut dba, 2).await.0.as_deref(), Some("auto-2"), "control");
}

#[tokio::test]
async fn the_hint_that_a_key_is_revoked_is_believed_of_the_ui_only() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut dba = world.act("postgres").await;
    let forged = "SET keyward.revoke_location_api_key = ':1'; UPDATE app.locations SET api_key = NULL, name = 'x' WHERE id = 1";
    for role in ["api_v1", "api_v2", "worker"] {
        world.act(role).await.ok(forged).await;
        assert_eq!(state(&mut dba, 1).await.1.as_deref(), Some("key-1"), "{role}");
    }
    // control: it is the hint that revoke gives, and the UI may revoke
    world.act("app_ui").await.ok(forged).await;
    assert_eq!(state(&mut dba, 1).await, (None, None));
}
