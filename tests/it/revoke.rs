//! What `hide = "revoke"` promises: the key stays in its column, and no API role may read or write it there; nothing else changes for anybody.

use keyward::apply::{self, Options, Progress};
use keyward::error::Kind;
use keyward::manifest::Manifest;
use keyward::plan::{Action, Plan};

use crate::attack::{Raw, owner_of};
use crate::cli::{APPLY, Cli};
use crate::fixture::{Actor, MANIFEST, World};
use crate::rollout::{finish, finish_of, run, run_of, status};

/// The standard manifest with a key that stays in its column.
fn walled() -> String {
    MANIFEST.replace("generate = {", "hide     = \"revoke\"\ngenerate = {")
}

fn manifest(text: &str) -> Manifest {
    Manifest::parse(text, "keyward.toml").unwrap_or_else(|error| panic!("{error}"))
}

async fn bare() -> World {
    let mut world = World::bare().await;
    world.manifest = manifest(&walled());
    world
}

async fn applied() -> World {
    let world = bare().await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    world
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn refusals(plan: &Plan) -> Vec<&str> {
    plan.refusals(&[]).into_iter().map(|finding| finding.id.as_str()).collect()
}

/// The privileges on the application's tables and columns, each as the catalogue stores it.
async fn acls(dba: &mut Actor) -> String {
    dba.get(
        "SELECT string_agg(x.acl, E'\n' ORDER BY x.acl) AS v
           FROM (SELECT c.oid::regclass || ' ' || acl AS acl FROM pg_class AS c, unnest(c.relacl) AS acl
                  WHERE c.relnamespace = 'app'::regnamespace
                 UNION ALL
                 SELECT a.attrelid::regclass || '.' || a.attname || ' ' || COALESCE(acl::text, '(empty)')
                   FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
                   LEFT JOIN LATERAL unnest(a.attacl) AS acl ON true
                  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.relnamespace = 'app'::regnamespace) AS x",
    )
    .await
}

async fn keys(dba: &mut Actor) -> String {
    dba.get("SELECT string_agg(id || '=' || api_key, ',' ORDER BY id) AS v FROM app.locations").await
}

/// What can't be done any more, each a statement by itself.
const TAKEN: [&str; 22] = [
    "SELECT api_key FROM app.locations",
    "SELECT * FROM app.locations",
    "TABLE app.locations",
    "SELECT l FROM app.locations AS l",
    "SELECT row_to_json(l) FROM app.locations AS l",
    "SELECT l::text FROM app.locations AS l WHERE l IS NOT NULL",
    "SELECT id FROM app.locations WHERE api_key = 'key-1'",
    "SELECT id FROM app.locations WHERE api_key LIKE 'key-%'",
    "SELECT id FROM app.locations ORDER BY api_key",
    "SELECT max(api_key) FROM app.locations",
    "SELECT query_to_xml('SELECT * FROM app.locations', true, false, '')",
    "UPDATE app.locations SET name = 'x' WHERE id = 1 RETURNING *",
    "UPDATE app.locations SET name = api_key WHERE id = 1",
    "UPDATE app.locations SET name = 'x' WHERE api_key = 'key-1'",
    "UPDATE app.locations SET api_key = 'mine' WHERE id = 1",
    "UPDATE app.locations SET api_key = NULL WHERE id = 1",
    "DELETE FROM app.locations WHERE id = 1 RETURNING api_key",
    "INSERT INTO app.locations (account_id, name, api_key) VALUES (1, 'x', 'mine')",
    "INSERT INTO app.locations (account_id, name) VALUES (1, 'x') RETURNING *",
    "INSERT INTO app.locations (id, account_id, name) VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET api_key = 'mine'",
    "INSERT INTO app.locations (id, account_id, name) VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET name = app.locations.api_key",
    "CREATE TEMP TABLE guess (k text REFERENCES app.locations (api_key))",
];

/// What can still be done.
const KEPT: [&str; 10] = [
    "SELECT id, account_id, name, updated_at FROM app.locations",
    "SELECT ctid, xmin, tableoid, id FROM app.locations FOR UPDATE",
    "SELECT count(*) FROM app.locations AS l JOIN app.accounts AS a ON a.id = l.account_id WHERE l.name LIKE 'loc%'",
    "UPDATE app.locations SET name = 'x', account_id = 2, updated_at = now() WHERE id = 1 RETURNING id, name",
    "INSERT INTO app.locations (account_id, name) VALUES (1, 'x') RETURNING id, account_id",
    "INSERT INTO app.locations (account_id, name) SELECT account_id, name FROM app.locations",
    "INSERT INTO app.locations (id, account_id, name) VALUES (1, 1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    "DELETE FROM app.locations WHERE id = 1 RETURNING id",
    "SELECT * FROM app.users",
    "SELECT * FROM app.accounts",
];

/// Runs a statement and takes it back; `Err` is the SQLSTATE.
async fn tried(raw: &mut Raw, statement: &str) -> Result<(), String> {
    raw.run("BEGIN").await.unwrap();
    let done = raw.run(statement).await.map_err(|(code, text)| {
        assert!(!text.contains("key-1"), "{statement}: {text}");
        code
    });
    raw.run("ROLLBACK").await.unwrap();
    done
}

#[tokio::test]
async fn an_api_role_neither_reads_nor_writes_the_key_and_everything_else_as_before() {
    let world = bare().await;
    for role in ["api_v2", "legacy_login"] {
        let mut before = Raw::connect(&world, role).await;
        // (a temporary table never refers to a permanent one: this shows by another error that the check came first)
        for statement in TAKEN.iter().filter(|statement| !statement.contains("REFERENCES")).chain(&KEPT) {
            assert_eq!(tried(&mut before, statement).await, Ok(()), "control, {role}: {statement}");
        }
        assert!(before.copy_out("COPY app.locations TO STDOUT").await.contains("key-1"), "control");
    }
    world.apply().await;
    for enabled in [false, true] {
        if enabled {
            world.opt_in("1").await;
        }
        for role in ["api_v1", "api_v2", "legacy_login"] {
            let mut raw = Raw::connect(&world, role).await;
            for statement in TAKEN.iter().filter(|statement| !statement.contains("REFERENCES")) {
                assert_eq!(tried(&mut raw, statement).await, Err("42501".to_owned()), "{role}: {statement}");
            }
            for statement in KEPT {
                assert_eq!(tried(&mut raw, statement).await, Ok(()), "{role}: {statement}");
            }
            assert_eq!(tried(&mut raw, "COPY app.locations TO STDOUT").await, Err("42501".to_owned()));
            assert!(raw.copy_out("COPY app.locations (id, name) TO STDOUT").await.contains("location 1"));
            assert_eq!(
                raw.copy_in("COPY app.locations (account_id, name, api_key) FROM STDIN", "2\tx\tmine\n").await,
                Err("42501".to_owned())
            );
            assert_eq!(raw.copy_in("COPY app.locations (account_id, name) FROM STDIN", "2\tcopied\n").await, Ok(1));
        }
        let mut api = world.act("api_v2").await;
        if world.has(15, "MERGE") {
            let merge = |set: &str| {
                format!(
                    "MERGE INTO app.locations AS l USING (VALUES (1)) AS v (id) ON l.id = v.id WHEN MATCHED THEN UPDATE SET {set}"
                )
            };
            assert_eq!(api.err(&merge("api_key = 'mine'")).await, "42501");
            api.ok(&merge("name = 'merged'")).await;
        }
        let bounds = "SELECT count(*) AS v FROM pg_stats WHERE tablename = 'locations' AND attname = 'api_key'";
        world.act("app_owner").await.ok("ANALYZE app.locations").await;
        assert_eq!(api.get::<i64>(bounds).await, 0, "statistics are copies of keys");
        assert_eq!(world.act("worker").await.get::<i64>(bounds).await, 1, "control");
    }
    let mut dba = world.act("postgres").await;
    dba.ok("GRANT CREATE ON SCHEMA app TO api_v2").await;
    let mut api = world.act("api_v2").await;
    assert_eq!(api.err("CREATE TABLE app.guess (k text REFERENCES app.locations (api_key))").await, "42501");
    // who is no API role notices nothing
    for role in ["app_ui", "worker"] {
        let mut raw = Raw::connect(&world, role).await;
        for statement in TAKEN.iter().filter(|statement| !statement.contains("REFERENCES")).chain(&KEPT) {
            assert_eq!(tried(&mut raw, statement).await, Ok(()), "{role}: {statement}");
        }
    }
}

#[tokio::test]
async fn an_enabled_account_gets_no_automatic_key_and_keeps_those_it_has() {
    let world = bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER TABLE app.locations ALTER api_key SET DEFAULT 'auto-' || gen_random_uuid();
            ALTER TABLE app.locations ALTER api_key SET NOT NULL")
        .await;
    world.apply().await;
    let key = |id: i64| format!("SELECT api_key AS v FROM app.locations WHERE id = {id}");
    let (mut api, mut ui, mut worker, mut gateway) =
        (world.act("api_v2").await, world.act("app_ui").await, world.act("worker").await, world.act("api_gateway").await);
    api.ok("INSERT INTO app.locations (id, account_id, name) VALUES (100, 1, 'before')").await;
    assert!(dba.get::<Option<String>>(&key(100)).await.unwrap().starts_with("auto-"), "control: the account is off");

    world.opt_in("1").await;
    assert_eq!(dba.get::<Option<String>>(&key(1)).await.as_deref(), Some("key-1"), "an existing key stays where it is");
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    api.ok("INSERT INTO app.locations (id, account_id, name) VALUES (101, 1, 'default')").await;
    ui.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (102, 1, 'named', 'given')").await;
    worker.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (103, 1, 'named', 'given')").await;
    worker.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (104, 2, 'off', 'off-104')").await;
    for id in [101, 102, 103] {
        assert_eq!(dba.get::<Option<String>>(&key(id)).await, None, "{id}");
    }
    assert_eq!(dba.get::<Option<String>>(&key(104)).await.as_deref(), Some("off-104"), "control: another account");

    // what isn't the UI's own statement writes no key, and ends none
    worker.ok("UPDATE app.locations SET api_key = 'worker' WHERE id IN (1, 101)").await;
    worker
        .ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (1, 1, 'x', 'upsert')
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_key = excluded.api_key")
        .await;
    assert_eq!(dba.get::<Option<String>>(&key(1)).await.as_deref(), Some("key-1"));
    assert_eq!(dba.get::<Option<String>>(&key(101)).await, None);
    assert_eq!(dba.get::<String>("SELECT name AS v FROM app.locations WHERE id = 1").await, "x", "control: the rest was written");
    // an account hop brings the key along, and no new one
    worker.ok("UPDATE app.locations SET account_id = 1 WHERE id = 2").await;
    assert_eq!(dba.get::<Option<String>>(&key(2)).await.as_deref(), Some("key-2"));
    worker.ok("UPDATE app.locations SET account_id = 2, api_key = 'hop' WHERE id = 2").await;
    assert_eq!(dba.get::<Option<String>>(&key(2)).await.as_deref(), Some("key-2"), "the former account is enabled");
    worker.ok("UPDATE app.locations SET api_key = 'free' WHERE id = 2").await;
    assert_eq!(dba.get::<Option<String>>(&key(2)).await.as_deref(), Some("free"), "control: now it is off");

    // the UI's own
    ui.ok("UPDATE app.locations SET api_key = 'by hand' WHERE id = 101").await;
    assert_eq!(owner_of(&mut gateway, "by hand").await, Some(101));
    let made: String = ui.get("SELECT keyward.generate_location_api_key(102) AS v").await;
    assert!(made.starts_with("loc_") && made.len() == 68);
    assert_eq!(ui.get::<String>("SELECT keyward.reveal_location_api_key(102) AS v").await, made);
    assert_eq!(owner_of(&mut gateway, &made).await, Some(102));
    ui.ok("SELECT keyward.revoke_location_api_key(102)").await;
    assert_eq!(owner_of(&mut gateway, &made).await, None);
    assert_eq!(api.err("SELECT keyward.generate_location_api_key(102)").await, "42501");
    assert_eq!(api.err("SELECT keyward.reveal_location_api_key(1)").await, "42501");
    assert_eq!(
        dba.get::<String>("SELECT string_agg(kind, ' ' ORDER BY id) AS v FROM keyward.event").await,
        "write write generate reveal revoke"
    );

    // opting out and in moves nothing
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_out(1, 'they insist', true) AS v").await, 0);
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_in(1) AS v").await, 0);
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    assert_eq!(api.err("SELECT api_key FROM app.locations").await, "42501");
}

#[tokio::test]
async fn a_key_that_a_trigger_fills_in_is_stripped_or_stopped() {
    let world = bare().await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := 'filled-' || NEW.id; RETURN NEW; END $$;
             CREATE FUNCTION app.later() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN UPDATE app.locations SET api_key = 'later' WHERE id = NEW.id AND api_key IS NULL; RETURN NULL; END $$;
             CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.fill();
             CREATE TRIGGER later AFTER INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.later()")
        .await;
    world.apply().await;
    world.opt_in("1").await;
    let key = |id: i64| format!("SELECT api_key AS v FROM app.locations WHERE id = {id}");
    for role in ["app_ui", "api_v2"] {
        let mut actor = world.act(role).await;
        actor.ok("DELETE FROM app.locations WHERE id IN (100, 200)").await;
        actor.ok("INSERT INTO app.locations (id, account_id, name) VALUES (100, 1, 'on'), (200, 2, 'off')").await;
        actor.ok("UPDATE app.locations SET name = 'x' WHERE id IN (1, 100, 200)").await;
        assert_eq!(owner.get::<Option<String>>(&key(100)).await, None, "{role}");
        assert_eq!(owner.get::<Option<String>>(&key(1)).await.as_deref(), Some("key-1"), "{role}");
        assert_eq!(owner.get::<Option<String>>(&key(200)).await.as_deref(), Some("filled-200"), "control, {role}");
    }
    // one that sorts after the guard meets the assertion
    owner.ok("ALTER TRIGGER fill ON app.locations RENAME TO \"~zzz\"").await;
    for role in ["app_ui", "api_v2"] {
        let mut actor = world.act(role).await;
        assert_eq!(actor.err("INSERT INTO app.locations (id, account_id, name) VALUES (101, 1, 'on')").await, "KW001", "{role}");
        assert_eq!(actor.err("UPDATE app.locations SET name = 'x' WHERE id = 100").await, "KW001", "{role}");
        actor.ok("UPDATE app.locations SET name = 'x' WHERE id = 200").await;
    }
}

#[tokio::test]
async fn what_is_to_be_rejected_is_rejected() {
    let mut world = World::bare().await;
    world.manifest = manifest(&walled().replace("generate = {", "on_insert = \"reject\"\ngenerate = {"));
    world.apply().await;
    world.opt_in("1").await;
    let (mut ui, mut worker) = (world.act("app_ui").await, world.act("worker").await);
    let insert = |account: i64| {
        format!("INSERT INTO app.locations (account_id, name, api_key) VALUES ({account}, 'x', 'given-{account}')")
    };
    assert_eq!(ui.err(&insert(1)).await, "KW001");
    assert_eq!(worker.err(&insert(1)).await, "KW001");
    assert_eq!(worker.err("UPDATE app.locations SET api_key = 'x' WHERE id = 1").await, "KW001");
    worker.ok(&insert(2)).await;
    ui.ok("UPDATE app.locations SET api_key = 'x' WHERE id = 1").await;
}

#[tokio::test]
async fn while_the_policy_observes_new_keys_pass_and_are_counted() {
    let world = applied().await;
    world.opt_in("1").await;
    let mut all = world.act("postgres").await;
    all.ok("UPDATE keyward.policy SET mode = 'observe'").await;
    let mut ui = world.act("app_ui").await;
    ui.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (501, 1, 'x', 'new-1')").await;
    ui.ok("UPDATE app.locations SET api_key = 'new-2' WHERE id = 501").await;
    assert_eq!(all.get::<String>("SELECT api_key AS v FROM app.locations WHERE id = 501").await, "new-2", "all of it passes");
    let seen = "SELECT array_agg(concat_ws(' ', account, control, act, role) ORDER BY act) AS v FROM keyward.observation";
    assert_eq!(
        all.get::<Vec<String>>(seen).await,
        ["1 location_api_key insert app_ui"],
        "what the UI states by hand is not counted"
    );

    all.ok("UPDATE keyward.policy SET mode = 'enforce'").await;
    ui.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (502, 1, 'x', 'new-3')").await;
    assert_eq!(all.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 502").await, None);
}

#[tokio::test]
async fn uninstall_gives_every_privilege_back_exactly() {
    let world = bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE readers; GRANT readers TO api_v2; CREATE ROLE partner;
            REVOKE ALL ON app.locations FROM api_v1;
            GRANT SELECT ON app.locations TO api_v1 WITH GRANT OPTION; GRANT UPDATE (name, api_key) ON app.locations TO api_v1;
            GRANT SELECT (name) ON app.locations TO api_v1;
            GRANT SELECT, REFERENCES ON app.locations TO readers; GRANT SELECT (id) ON app.locations TO partner, PUBLIC;
            GRANT SELECT ON app.locations TO PUBLIC")
        .await;
    let (before, sealed) = (acls(&mut dba).await, keys(&mut dba).await);
    world.apply().await;
    world.opt_in("1").await;
    let mut legacy = world.act("api_v1").await;
    assert_eq!(legacy.err("SELECT * FROM app.locations").await, "42501");
    assert_eq!(legacy.err("UPDATE app.locations SET api_key = NULL").await, "42501");
    assert_eq!(legacy.err("UPDATE app.locations SET account_id = 1").await, "42501", "nothing is widened");
    legacy.ok("UPDATE app.locations SET name = 'x' WHERE id = 30; SELECT id, name, xmin FROM app.locations; GRANT SELECT (id) ON app.locations TO partner; REVOKE SELECT (id) ON app.locations FROM partner").await;
    // repairs, and a new column: what was before is not forgotten
    dba.ok("GRANT TRIGGER, SELECT ON app.locations TO api_v2").await;
    world.apply().await;
    dba.ok("ALTER TABLE app.locations ADD extra text; GRANT UPDATE, TRUNCATE ON app.locations TO api_v2").await;
    world.apply().await;
    dba.ok("ALTER TABLE app.locations DROP COLUMN extra").await;
    Cli::on(&world).ends_with(0, &["uninstall", "--yes"]);
    assert_eq!(acls(&mut dba).await, before);
    assert_eq!(keys(&mut dba).await, sealed);
    legacy.ok("SELECT * FROM app.locations").await;
    assert_eq!(legacy.err("UPDATE app.locations SET account_id = 1").await, "42501");
}

#[tokio::test]
async fn a_group_or_public_that_only_the_api_lives_on_is_rewritten() {
    for holder in ["readers", "PUBLIC"] {
        let world = bare().await;
        let mut dba = world.act("postgres").await;
        dba.ok(&format!(
            "CREATE ROLE readers; CREATE ROLE middle; GRANT readers TO middle; GRANT middle TO api_v2; CREATE ROLE stranger LOGIN;
             REVOKE ALL ON app.locations FROM api_v2; GRANT SELECT, INSERT, UPDATE ON app.locations TO {holder}, api_gateway"
        ))
        .await;
        let mut api = world.act("api_v2").await;
        api.ok("SELECT * FROM app.locations").await;
        let plan = world.plan().await;
        assert_eq!(
            refusals(&plan),
            Vec::<&str>::new(),
            "{holder}: the gateway, the UI and the worker have their own; a stranger has no schema"
        );
        world.apply().await;
        assert!(world.plan().await.is_empty());
        for statement in TAKEN.iter().filter(|statement| !statement.contains("REFERENCES") && !statement.starts_with("DELETE")) {
            assert_eq!(api.err(statement).await, "42501", "{holder}: {statement}");
        }
        api.ok("SELECT id, name FROM app.locations; UPDATE app.locations SET name = 'x' WHERE id = 1; INSERT INTO app.locations (account_id, name) VALUES (1, 'x')").await;
        for role in ["app_ui", "worker", "api_gateway"] {
            world.act(role).await.ok("SELECT * FROM app.locations").await;
        }
    }
}

#[tokio::test]
async fn a_shared_grant_is_refused_until_everybody_else_has_its_own() {
    let world = bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE staff; GRANT staff TO api_v2, app_ui; GRANT SELECT ON app.locations TO staff; REVOKE SELECT, UPDATE ON app.locations FROM app_ui, worker;
            GRANT UPDATE ON app.locations TO PUBLIC")
        .await;
    let plan = world.plan().await;
    assert_eq!(refusals(&plan), ["shared_grant:public app.locations", "shared_grant:staff app.locations"]);
    let staff = plan.findings.iter().find(|finding| finding.id.contains("staff")).unwrap();
    assert!(staff.remedy.starts_with(r#"GRANT SELECT ON TABLE "app"."locations" TO "app_ui"; Or take"#), "{}", staff.remedy);
    let everybody = plan.findings.iter().find(|finding| finding.id.contains("public")).unwrap();
    assert!(everybody.title.contains("api_gateway") && everybody.title.contains("worker"), "{}", everybody.title);
    assert_eq!(world.apply_as("app_owner").await.unwrap_err().kind(), Kind::Refused);
    // the remedies, word for word up to where they offer another way
    for finding in [staff, everybody] {
        dba.ok(finding.remedy.split(" Or ").next().unwrap()).await;
    }
    assert_eq!(refusals(&world.plan().await), Vec::<&str>::new());
    world.apply().await;
    assert!(world.plan().await.is_empty());
    world.act("app_ui").await.ok("SELECT * FROM app.locations; UPDATE app.locations SET api_key = 'x' WHERE id = 1").await;
    assert_eq!(world.act("api_v2").await.err("SELECT api_key FROM app.locations").await, "42501");
}

#[tokio::test]
async fn what_only_its_grantor_can_take_back_is_refused_with_the_remedy() {
    let world = bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("GRANT SELECT ON app.locations TO worker WITH GRANT OPTION; CREATE ROLE partner").await;
    world.act("worker").await.ok("GRANT SELECT ON app.locations TO api_v2").await;
    let id = "foreign_grant:api_v2 app.locations SELECT";
    let plan = world.plan().await;
    assert_eq!(refusals(&plan), [id]);
    let error = world.apply_as("app_owner").await.unwrap_err().to_string();
    assert!(error.contains("worker") && error.contains("SET ROLE"), "{error}");
    let finding = plan.findings.iter().find(|finding| finding.id == id).unwrap();
    // a REVOKE by the owner is the silent nothing that it is refused for
    world.act("app_owner").await.ok("REVOKE SELECT ON app.locations FROM api_v2").await;
    world.act("api_v2").await.ok("SELECT * FROM app.locations").await;
    dba.ok(&finding.remedy.replace(" then, as the owner, ", " ")).await;
    assert_eq!(refusals(&world.plan().await), Vec::<&str>::new());
    world.apply().await;
    assert_eq!(world.act("api_v2").await.err("SELECT * FROM app.locations").await, "42501");
    // later: the plan says so again
    world.act("worker").await.ok("GRANT SELECT ON app.locations TO api_v2").await;
    assert_eq!(refusals(&world.plan().await), [id]);
    world.act("worker").await.ok("REVOKE SELECT ON app.locations FROM api_v2").await;

    dba.ok("GRANT UPDATE ON app.locations TO api_v2 WITH GRANT OPTION").await;
    world.act("api_v2").await.ok("GRANT UPDATE ON app.locations TO partner").await;
    let plan = world.plan().await;
    assert_eq!(refusals(&plan), ["dependent_grant:api_v2 partner app.locations UPDATE"]);
    let remedy = plan.refusals(&[])[0].remedy.replace(" as the owner, if it is to keep it; then", ";");
    dba.ok(&remedy).await;
    assert_eq!(refusals(&world.plan().await), Vec::<&str>::new());
    world.apply().await;
    assert_eq!(world.act("api_v2").await.err("UPDATE app.locations SET api_key = NULL").await, "42501");
    assert!(dba.get::<bool>("SELECT has_column_privilege('partner', 'app.locations', 'api_key', 'UPDATE') AS v").await);
}

#[tokio::test]
async fn a_role_that_reads_everything_is_refused() {
    let world = bare().await;
    let mut dba = world.act("postgres").await;
    for (act, id, mend) in [
        ("GRANT pg_read_all_data TO api_v2", "reads_all_data:api_v2", "REVOKE pg_read_all_data FROM api_v2"),
        ("GRANT pg_write_all_data TO api_v2", "writes_all_data:api_v2", "REVOKE pg_write_all_data FROM api_v2"),
        (
            "ALTER TABLE app.locations OWNER TO api_v2",
            "owns_table:api_v2 app.locations",
            "ALTER TABLE app.locations OWNER TO app_owner",
        ),
    ] {
        dba.ok(act).await;
        let plan = world.plan().await;
        assert!(refusals(&plan).contains(&id), "{act}: {:?}", refusals(&plan));
        dba.ok(mend).await;
        assert_eq!(refusals(&world.plan().await), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_new_column_and_a_grant_that_reappears_are_drift_and_the_plan_is_the_repair() {
    let world = applied().await;
    let mut owner = world.act("app_owner").await;
    let mut api = world.act("api_v2").await;
    let grants = |role: &str| format!(r#"column grants of "{role}" on "app"."locations""#);

    owner.ok("ALTER TABLE app.locations ADD COLUMN \"Opening Hours\" text DEFAULT '9-5'").await;
    assert_eq!(api.err("SELECT \"Opening Hours\" FROM app.locations").await, "42501");
    let plan = world.plan().await;
    assert_eq!(ids(&plan), [grants("api_v1"), grants("api_v2")]);
    assert_eq!(
        plan.steps[1].sql,
        r#"GRANT INSERT ("Opening Hours"), SELECT ("Opening Hours"), UPDATE ("Opening Hours") ON TABLE "app"."locations" TO "api_v2";"#,
        "it names only what is missing"
    );
    world.apply().await;
    assert!(world.plan().await.is_empty());
    api.ok("SELECT \"Opening Hours\" FROM app.locations; UPDATE app.locations SET \"Opening Hours\" = 'x'").await;

    // what was taken away on purpose stays away
    owner.ok("REVOKE UPDATE (name) ON app.locations FROM api_v2; REVOKE INSERT ON app.locations FROM api_v1").await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);

    owner.ok("GRANT ALL ON ALL TABLES IN SCHEMA app TO api_v2").await;
    api.ok("SELECT api_key FROM app.locations").await;
    let plan = world.plan().await;
    let ours: Vec<_> = plan.steps.iter().filter(|step| step.id.contains("locations")).collect();
    assert_eq!(ours[0].id, grants("api_v2"));
    assert_eq!(ours[0].action, Action::Repair);
    assert!(
        plan.steps.iter().all(|step| step.id.starts_with("column grants") || step.id.starts_with("revocation")),
        "{:?}",
        ids(&plan)
    );
    assert!(ours[0].hazards.iter().any(|hazard| hazard.id == "breaks_select_star"));
    world.apply().await;
    assert!(world.plan().await.is_empty());
    assert_eq!(api.err("SELECT api_key FROM app.locations").await, "42501");
    api.ok("UPDATE app.locations SET name = 'granted again'").await;

    for (act, sql) in [
        (
            "GRANT SELECT (api_key) ON app.locations TO api_v1",
            r#"REVOKE SELECT ("api_key") ON TABLE "app"."locations" FROM "api_v1";"#,
        ),
        (
            "GRANT UPDATE (api_key) ON app.locations TO PUBLIC",
            r#"REVOKE UPDATE ("api_key") ON TABLE "app"."locations" FROM PUBLIC;"#,
        ),
    ] {
        owner.ok(act).await;
        let plan = world.plan().await;
        let step = plan.steps.iter().find(|step| step.sql == sql).unwrap_or_else(|| panic!("{act}: {:#?}", plan.steps));
        assert!(step.lock.is_none());
        let mut db = world.connect("app_owner").await;
        let options =
            Options { accepted_risks: plan.findings.iter().map(|finding| finding.id.clone()).collect(), ..Options::default() };
        apply::apply(&mut db, &world.manifest, &plan, &options, &mut |_: Progress<'_>| {}).await.unwrap();
        assert!(world.plan().await.is_empty(), "{act}");
    }
}

/// A second key, so that both strategies are in one manifest; its table knows the account by way of another one.
const WEBHOOKS: &str = "
[[keys]]
name    = \"webhook_secret\"
table   = \"app.webhooks\"
id      = \"id\"
column  = \"Web \\\"Secret\\\"\"
account = { column = \"location_id\", via = \"app.locations\", id = \"id\", account = \"account_id\" }
hide    = \"revoke\"

[[writes]]";

const WEBHOOK_TABLE: &str = "
SET ROLE app_owner;
CREATE TABLE app.webhooks (id uuid PRIMARY KEY, location_id bigint REFERENCES app.locations, \"Web \"\"Secret\"\"\" uuid, \"url; --\" text);
CREATE INDEX ON app.webhooks (location_id);
INSERT INTO app.webhooks SELECT md5(n::text)::uuid, n, md5('secret' || n)::uuid, 'https://' || n FROM generate_series(1, 30) AS n;
GRANT ALL ON app.webhooks TO app_ui, api_v1, api_v2, worker;
RESET ROLE;";

async fn both() -> World {
    let mut world = World::bare().await;
    world.act("postgres").await.ok(WEBHOOK_TABLE).await;
    world.manifest = manifest(&MANIFEST.replace("[[writes]]", WEBHOOKS));
    world
}

#[tokio::test]
async fn a_rollout_moves_the_keys_of_the_one_strategy_and_proves_both() {
    let world = both().await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    let mut dba = world.act("postgres").await;
    let secrets = "SELECT count(\"Web \"\"Secret\"\"\") AS v FROM app.webhooks";
    let ran = run(&world, &run_of("50")).await.unwrap();
    let moved: i64 = dba.get("SELECT count(*) AS v FROM keyward.vault_location_api_key").await;
    assert!(moved > 0, "control: the other key moves");
    drop(ran);
    assert_eq!(dba.get::<i64>(secrets).await, 30);
    let finished = finish(&world, &finish_of()).await.unwrap();
    assert_eq!(dba.get::<i64>(secrets).await, 30);
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key").await, 30);
    assert_eq!(finished.walls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["webhook_secret"]);
    assert_eq!(finished.proof.iter().map(|proof| proof.key.to_string()).collect::<Vec<_>>(), ["location_api_key"]);
    assert_eq!(status(&world).await.keys.len(), 1);

    let mut api = world.act("api_v2").await;
    assert_eq!(api.err("SELECT * FROM app.webhooks").await, "42501");
    api.ok("SELECT id, location_id, \"url; --\" FROM app.webhooks").await;
    let id: i64 = world
        .act("api_gateway")
        .await
        .get("SELECT account AS v FROM keyward.authenticate_webhook_secret(md5('secret13')::uuid)")
        .await;
    assert_eq!(id, 3);
    let mut ui = world.act("app_ui").await;
    let made: String = ui.get("SELECT keyward.generate_webhook_secret(md5('1')::uuid) AS v").await;
    assert_eq!(ui.get::<String>("SELECT keyward.reveal_webhook_secret(md5('1')::uuid) AS v").await, made);
    world.act("worker").await.ok("INSERT INTO app.webhooks VALUES (md5('x')::uuid, 1, md5('y')::uuid)").await;
    assert_eq!(dba.get::<i64>(secrets).await, 30, "no automatic key");

    let cli = Cli::on(&world);
    cli.manifest(&MANIFEST.replace("[[writes]]", WEBHOOKS));
    assert!(cli.ends_with(0, &["status"]).stdout.contains("webhook_secret: in its column; no API role may read it"));
    dba.ok("GRANT SELECT ON app.webhooks TO api_v1").await;
    let error = finish(&world, &finish_of()).await.unwrap_err().to_string();
    assert!(error.contains("drifted"), "{error}");
    assert!(cli.run(&["status"]).stdout.contains("webhook_secret: in its column; OPEN to api_v1"));
    world.apply().await;
    // what no grant on the table shows
    dba.ok("GRANT pg_read_all_data TO api_v1").await;
    let error = finish(&world, &finish_of()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("api_v1 may read webhook_secret"), "{error}");
    dba.ok("REVOKE pg_read_all_data FROM api_v1").await;
    assert_eq!(finish(&world, &finish_of()).await.unwrap().walls.len(), 1, "control");
}

#[tokio::test]
async fn from_the_vault_to_the_column_and_back_no_key_is_lost_or_open() {
    let mut world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER TABLE app.locations ADD note text").await;
    let (all, before) = (keys(&mut dba).await, acls(&mut dba).await);
    for account in ["1", "2", "3"] {
        world.opt_in(account).await;
    }
    assert_ne!(keys(&mut dba).await, all, "control: sealed");
    let mut api = world.act("api_v2").await;
    let mut gateway = world.act("api_gateway").await;

    world.manifest = manifest(&walled());
    let plan = world.plan().await;
    let at = |of: &str| plan.steps.iter().position(|step| step.id == of).unwrap_or_else(|| panic!("{of}: {:#?}", ids(&plan)));
    let published = at("keys of location_api_key");
    for before in [r#"column grants of "api_v2" on "app"."locations""#, r#"column grants of "api_v1" on "app"."locations""#] {
        assert!(at(before) < at(r#"function keyward."withhold_location_api_key""#) && at(before) < published);
    }
    assert!(at(r#"function keyward."authenticate_location_api_key""#) > published, "keys authenticate all the while");
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    assert_eq!(keys(&mut dba).await, all);
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM pg_class WHERE relname LIKE 'vault%'").await, 0);
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.event").await, 0, "no key was written");
    assert_eq!(api.err("SELECT api_key FROM app.locations").await, "42501");
    assert_eq!(owner_of(&mut gateway, "key-11").await, Some(11));
    api.ok("INSERT INTO app.locations (id, account_id, name) VALUES (100, 1, 'x')").await;
    let made: String = world.act("app_ui").await.get("SELECT keyward.generate_location_api_key(100) AS v").await;

    world.manifest = manifest(MANIFEST);
    let plan = world.plan().await;
    let at = |of: &str| plan.steps.iter().position(|step| step.id == of).unwrap_or_else(|| panic!("{of}: {:#?}", ids(&plan)));
    let sealed = at("keys of location_api_key into the vault");
    assert!(at(r#"trigger "~keyward_location_api_key_withhold_update" on "app"."locations""#) < sealed);
    assert!(at(r#"column grants of "api_v2" on "app"."locations""#) > sealed, "nobody reads what isn't sealed yet");
    dba.ok("ANALYZE app.locations").await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    for privilege in ["api_v1=", "api_v2=", "worker=", "app_ui="] {
        let of = |text: &str| text.lines().filter(|line| line.contains(privilege)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(&acls(&mut dba).await), of(&before), "{privilege}");
    }
    let open = "SELECT string_agg(l.api_key, ',') AS v FROM app.locations AS l WHERE l.account_id IN (1, 2, 3)";
    assert_eq!(api.get::<Option<String>>(open).await, None);
    assert_eq!(
        api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 4").await.as_deref(),
        Some("key-4"),
        "control"
    );
    let bounds: String = api.get("SELECT COALESCE(string_agg(histogram_bounds::text || COALESCE(most_common_vals::text, ''), ''), '') AS v FROM pg_stats WHERE tablename = 'locations' AND attname = 'api_key'").await;
    assert!(!bounds.contains("key-11") && bounds.contains("key-4"), "{bounds}");
    for (key, id) in [("key-1", 1), ("key-12", 12), ("key-4", 4), (made.as_str(), 100)] {
        assert_eq!(owner_of(&mut gateway, key).await, Some(id), "{key}");
    }
    Cli::on(&world).ends_with(0, &["uninstall", "--yes"]);
    dba.ok("DELETE FROM app.locations WHERE id = 100").await;
    assert_eq!(keys(&mut dba).await, all);
}

#[tokio::test]
async fn a_change_of_strategy_and_name_in_one_loses_no_key() {
    let mut world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let all = keys(&mut dba).await;
    world.opt_in("1").await;
    let mut gateway = world.act("api_gateway").await;
    world.manifest = manifest(&walled().replace("location_api_key", "site_key"));
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    assert_eq!(keys(&mut dba).await, all);
    assert_eq!(gateway.get::<i64>("SELECT id AS v FROM keyward.authenticate_site_key('key-1')").await, 1);
    assert_eq!(gateway.err("SELECT id FROM keyward.authenticate_location_api_key('key-1')").await, "42883");
    world.manifest = manifest(MANIFEST);
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    assert_ne!(keys(&mut dba).await, all);
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    assert_eq!(
        world.act("api_v2").await.get::<i64>("SELECT count(api_key) AS v FROM app.locations WHERE account_id = 1").await,
        0
    );
}

/// The application with its locations in partitions by account.
fn partitioned() -> String {
    let script = include_str!("sql/app.sql").replace(
        "    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    account_id bigint REFERENCES app.accounts ON DELETE CASCADE ON UPDATE CASCADE,
    name text NOT NULL,
    api_key text UNIQUE,
    updated_at timestamptz NOT NULL DEFAULT now()
);",
        "    id bigint NOT NULL,
    account_id bigint REFERENCES app.accounts ON DELETE CASCADE ON UPDATE CASCADE,
    name text NOT NULL,
    api_key text,
    updated_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY LIST (account_id);
CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES IN (1, 2, 3, 4, 5);
CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (6, 7, 8, 9, 10);
CREATE SEQUENCE app.locations_id_seq;",
    );
    assert!(script.contains("PARTITION BY"));
    script
}

#[tokio::test]
async fn partitions_are_walled_each_by_itself() {
    let script = partitioned();
    let world = World::with(&script, &walled(), "shop").await;
    let mut dba = world.act("postgres").await;
    let before = acls(&mut dba).await;
    let mut api = world.act("api_v2").await;
    api.ok("SELECT api_key FROM app.locations_1").await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    let is_open = |table: &str| format!("SELECT api_key FROM app.{table}");
    for table in ["locations", "locations_1", "locations_2"] {
        assert_eq!(api.err(&is_open(table)).await, "42501", "{table}");
        assert_eq!(api.err(&format!("UPDATE app.{table} SET api_key = 'x'")).await, "42501", "{table}");
        api.ok(&format!("SELECT id, name FROM app.{table}; UPDATE app.{table} SET name = 'x'")).await;
        world.act("app_ui").await.ok(&is_open(table)).await;
    }
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE TABLE app.locations_3 PARTITION OF app.locations FOR VALUES IN (11); GRANT ALL ON app.locations_3 TO api_v2")
        .await;
    let plan = world.plan().await;
    assert!(ids(&plan).contains(&r#"column grants of "api_v2" on "app"."locations_3""#), "{:?}", ids(&plan));
    api.ok(&is_open("locations_3")).await;
    world.apply().await;
    assert!(world.plan().await.is_empty());
    assert_eq!(api.err(&is_open("locations_3")).await, "42501");
    owner.ok("GRANT SELECT (api_key) ON app.locations_2 TO api_v1; ALTER TABLE app.locations ADD extra text").await;
    assert_eq!(
        ids(&world.plan().await).len(),
        7,
        "two roles on the table and on two partitions, one on the third: {:?}",
        ids(&world.plan().await)
    );
    world.apply().await;
    assert!(world.plan().await.is_empty());
    api.ok("SELECT extra FROM app.locations_3").await;
    owner.ok("DROP TABLE app.locations_3").await;
    world.apply().await;
    assert!(world.plan().await.is_empty(), "what was recorded of it is forgotten");
    owner
        .ok("CREATE TABLE app.locations_3 PARTITION OF app.locations FOR VALUES IN (11); GRANT ALL ON app.locations_3 TO api_v2")
        .await;
    world.apply().await;
    owner.ok("DROP TABLE app.locations_3; ALTER TABLE app.locations DROP COLUMN extra").await;
    Cli::on(&world).ends_with(0, &["uninstall", "--yes"]);
    assert_eq!(acls(&mut dba).await, before);
}

#[tokio::test]
async fn the_plan_names_the_statements_that_break_and_no_constant() {
    let mut world = bare().await;
    let cli = Cli::on(&world);
    cli.manifest(&walled());
    let ran = cli.ends_with(0, &["plan"]).stdout;
    assert!(ran.contains("the extension pg_stat_statements is not installed in this database"), "{ran}");
    let mut dba = world.act("postgres").await;
    if !dba.get::<bool>("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') AS v").await {
        return;
    }
    dba.ok("CREATE SCHEMA \"Odd Place\"; CREATE EXTENSION pg_stat_statements SCHEMA \"Odd Place\"").await;
    let ran = cli.ends_with(0, &["plan"]).stdout;
    assert!(ran.contains("this role may not read pg_stat_statements"), "{ran}");
    dba.ok("GRANT USAGE ON SCHEMA \"Odd Place\" TO app_owner").await;
    let ran = cli.ends_with(0, &["plan"]).stdout;
    assert!(ran.contains("pg_stat_statements is not in shared_preload_libraries"), "{ran}");
    dba.ok("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").await;
    drop(dba);
    world.sandbox.restart().unwrap();

    let (mut api, mut legacy, mut worker) =
        (Raw::connect(&world, "api_v2").await, Raw::connect(&world, "legacy_login").await, Raw::connect(&world, "worker").await);
    for _ in 0..3 {
        api.run("SELECT * FROM app.locations WHERE api_key = 'key-1' OR name = 'a secret'").await.unwrap();
    }
    api.run("SELECT id, name FROM app.locations WHERE name = 'fine'").await.unwrap();
    legacy.run("UPDATE app.locations SET name = 'x' WHERE id = 1 RETURNING *").await.unwrap();
    worker.run("SELECT l.*, 'not the API' FROM app.locations AS l").await.unwrap();
    let ran = cli.ends_with(0, &["plan"]).stdout;
    assert!(ran.contains("Statements of API roles are hidden from this role"), "{ran}");
    let mut dba = world.act("postgres").await;
    dba.ok("GRANT pg_read_all_stats TO app_owner").await;
    let ran = cli.ends_with(0, &["plan"]).stdout;
    assert!(ran.contains("2 statements of API roles that break"), "{ran}");
    assert!(ran.contains("api_v2 on app.locations, 3 calls: SELECT *, names the key\n"), "{ran}");
    assert!(ran.contains("legacy_login on app.locations, 1 calls: RETURNING *\n"), "{ran}");
    assert!(!ran.contains("a secret") && !ran.contains("not the API") && !ran.contains("key-1"), "{ran}");
    assert!(ran.contains("! breaks_select_star"), "control: the hazard stands at its step");
    let document: serde_json::Value = serde_json::from_str(&cli.ends_with(0, &["plan", "--output", "json"]).stdout).unwrap();
    assert_eq!(document["evidence"]["statements"][0]["calls"], 3);
    assert_eq!(document["evidence"]["statements"][0]["breaks"], serde_json::json!(["SELECT *", "names the key"]));

    // new calls in between don't make a kept plan another one
    cli.ends_with(0, &["plan", "--out", "plan.json"]);
    api.run("SELECT l FROM app.locations AS l").await.unwrap();
    cli.ends_with(0, &[APPLY, &["--plan", "plan.json"]].concat());
    assert!(!cli.ends_with(0, &["plan"]).stdout.contains("break"), "nothing left to break");
}

#[tokio::test]
async fn a_change_of_strategy_killed_at_any_point_is_run_again_and_no_key_was_open_or_lost() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let all = keys(&mut dba).await;
    world.opt_in("1").await;
    let cli = Cli::on(&world);
    let mut gateway = world.act("api_gateway").await;
    let mut api = world.act("api_v2").await;
    for text in [walled(), MANIFEST.to_owned()] {
        cli.manifest(&text);
        let (mut kills, mut left, mut at) = (0, usize::MAX, 1);
        while cli.kill_at_step(APPLY, at) {
            kills += 1;
            assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1), "{at}");
            let seen = api.0.execute("SELECT FROM app.locations WHERE account_id = 1 AND api_key IS NOT NULL").await;
            assert!(
                matches!(&seen, Ok(0)) || seen.as_ref().is_err_and(|failure| failure.code() == Some("42501")),
                "{at}: {seen:?}"
            );
            let document = cli.ends_with(0, &["plan", "--output", "json"]).stdout;
            let steps = serde_json::from_str::<Plan>(&document).unwrap().steps.len();
            at = if steps < left { 2 } else { at + 1 };
            left = steps;
        }
        assert!(kills >= 5, "killed only {kills} times");
        cli.ends_with(0, APPLY);
        cli.ends_with(0, &["plan", "--check"]);
        assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
        assert_eq!(keys(&mut dba).await == all, text == walled());
    }
    assert_eq!(api.get::<i64>("SELECT count(api_key) AS v FROM app.locations WHERE account_id = 2").await, 3, "control");
}

/// Makes a new key for row 1 as the UI, in a transaction that is rolled back; returns which rows it and the former key then belong to.
async fn generated(dba: &mut Actor) -> Result<(Option<i64>, Option<i64>), String> {
    owners_after(dba, "generate").await
}

/// Which rows the key that one of the key functions returns to the UI, and `key-1`, belong to after it. Nothing stays.
async fn owners_after(dba: &mut Actor, verb: &str) -> Result<(Option<i64>, Option<i64>), String> {
    let owner = |key: &str| format!("(SELECT id FROM keyward.authenticate_location_api_key({key}))");
    dba.ok("BEGIN; SET LOCAL ROLE app_ui").await;
    let done = dba
        .0
        .execute(&format!("CREATE TEMP TABLE made ON COMMIT DROP AS SELECT keyward.{verb}_location_api_key(1)::text AS k"))
        .await;
    let found = if let Err(failure) = done {
        Err(failure.code().unwrap_or("lost").to_owned())
    } else {
        dba.ok("RESET ROLE").await;
        let query = format!("SELECT jsonb_build_array({}, {}) AS v", owner("(SELECT k FROM made)"), owner("'key-1'"));
        let [made, former]: [Option<i64>; 2] = dba.get(&query).await;
        Ok((made, former))
    };
    dba.ok("ROLLBACK").await;
    found
}

#[tokio::test]
async fn a_key_is_made_and_ended_at_any_point_of_a_change_of_strategy_or_the_call_fails_aloud() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    world.opt_in("1").await;
    let cli = Cli::on(&world);
    let sealed = "SELECT COALESCE((SELECT true FROM pg_class WHERE relname = 'vault_location_api_key'), false) AS v";
    for text in [walled(), MANIFEST.to_owned()] {
        cli.manifest(&text);
        let (mut refused, mut done, mut left, mut at) = (0, 0, usize::MAX, 1);
        while cli.kill_at_step(crate::cli::APPLY, at) {
            for verb in ["generate", "revoke"] {
                match owners_after(&mut dba, verb).await {
                    // the new key is the row's, the former one nobody's
                    Ok(owners) => {
                        assert_eq!(owners, (Some(1).filter(|_| verb == "generate"), None), "{at}: {verb}");
                        done += 1;
                    }
                    Err(code) => {
                        assert!(["KW001", "42501"].contains(&code.as_str()), "{at}: {verb}: {code}");
                        assert!(dba.get::<bool>(sealed).await, "only while a vault is there: {at}");
                        refused += 1;
                    }
                }
            }
            let document = cli.ends_with(0, &["plan", "--output", "json"]).stdout;
            let steps = serde_json::from_str::<Plan>(&document).unwrap().steps.len();
            at = if steps < left { 2 } else { at + 1 };
            left = steps;
        }
        assert!(done >= 4, "control: {done} done, {refused} refused");
        cli.ends_with(0, crate::cli::APPLY);
        assert_eq!(generated(&mut dba).await, Ok((Some(1), None)), "afterwards");
    }
}

#[tokio::test]
async fn a_key_that_the_ui_makes_while_its_row_is_still_sealed_outlives_the_change_or_was_never_told() {
    let mut world = World::applied().await;
    let mut dba = world.act("postgres").await;
    world.opt_in("1").await;
    world.manifest = manifest(&walled());
    // up to where the vault is emptied: the guard is the wall's, the key functions still those of the vault
    let mut plan = world.plan().await;
    let at = plan.steps.iter().position(|step| step.id == "keys of location_api_key").unwrap();
    plan.steps.truncate(at);
    let mut db = world.connect("app_owner").await;
    for step in &plan.steps {
        let role = if step.role == keyward::plan::RunAs::Owner { "SET ROLE keyward_owner; " } else { "" };
        db.execute(&format!("BEGIN; {role}{}; COMMIT; RESET ROLE", step.sql))
            .await
            .unwrap_or_else(|failure| panic!("{failure}: {}", step.sql));
    }
    assert_eq!(
        dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key WHERE id = 1").await,
        1,
        "control: sealed"
    );
    let (mut ui, mut gateway) = (world.act("app_ui").await, world.act("api_gateway").await);
    for call in ["SELECT keyward.generate_location_api_key(1)", "SELECT keyward.revoke_location_api_key(1)"] {
        assert_eq!(ui.err(call).await, "KW001", "{call}");
        assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1), "{call}");
    }
    assert_eq!(ui.get::<String>("SELECT keyward.reveal_location_api_key(1) AS v").await, "key-1");
    // a row that isn't sealed, meanwhile
    let made: String = ui.get("SELECT keyward.generate_location_api_key(2) AS v").await;
    assert_eq!(owner_of(&mut gateway, &made).await, Some(2));
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:#?}", world.plan().await.steps);
    for (key, id) in [("key-1", Some(1)), (made.as_str(), Some(2)), ("key-2", None)] {
        assert_eq!(owner_of(&mut gateway, key).await, id, "{key}");
    }
    assert_eq!(world.act("api_v2").await.err("SELECT api_key FROM app.locations").await, "42501");
}

#[tokio::test]
async fn a_row_that_moves_to_another_partition_keeps_its_key() {
    for on_insert in ["strip", "reject"] {
        let script = partitioned().replace("CREATE SEQUENCE", "CREATE INDEX ON app.locations (id);\nCREATE SEQUENCE");
        let text = walled().replace("generate = {", &format!("on_insert = \"{on_insert}\"\ngenerate = {{"));
        let world = World::with(&script, &text, "shop").await;
        world.apply().await;
        for account in ["1", "2", "6"] {
            world.opt_in(account).await;
        }
        let mut dba = world.act("postgres").await;
        let all = keys(&mut dba).await;
        let (mut api, mut worker, mut ui) = (world.act("api_v2").await, world.act("worker").await, world.act("app_ui").await);
        let mut gateway = world.act("api_gateway").await;
        // from one that is on to one that is on, and from one that is off, by whomever
        api.ok("UPDATE app.locations SET account_id = 6 WHERE id = 1; UPDATE app.locations SET account_id = 6, name = 'x' WHERE id = 13").await;
        worker.ok("UPDATE app.locations SET account_id = 1 WHERE id IN (6, 17); BEGIN; SAVEPOINT a; UPDATE app.locations SET account_id = 2 WHERE id = 8; RELEASE a; COMMIT").await;
        worker.ok("INSERT INTO app.locations (id, account_id, name) VALUES (400, 1, 'without')").await;
        assert_eq!(keys(&mut dba).await, all, "{on_insert}");
        assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM app.locations_1 WHERE id IN (6, 17, 8)").await, 3, "control: moved");
        for (key, id) in [("key-1", 1), ("key-13", 13), ("key-6", 6), ("key-17", 17), ("key-8", 8)] {
            assert_eq!(owner_of(&mut gateway, key).await, Some(id), "{on_insert}: {key}");
        }
        // one that moves brings no other key along, and nobody passes a new row for one that moves
        let forged = "SELECT set_config('keyward.moved_location_api_key', repeat('0', 32), false); ";
        for statement in [
            "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (401, 1, 'x', 'new')",
            "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (1, 1, 'the id of another one, and its key', 'key-1')",
            "WITH gone AS (DELETE FROM app.locations WHERE id = 2 RETURNING id) INSERT INTO app.locations (id, account_id, name, api_key) SELECT id, 6, 'x', 'other' FROM gone",
        ] {
            for actor in [&mut worker, &mut ui] {
                actor.ok(forged).await;
                match actor.0.execute(&format!("BEGIN; {statement}; COMMIT")).await {
                    Ok(_) => assert_eq!(on_insert, "strip", "{statement}"),
                    Err(failure) => {
                        assert_eq!((on_insert, failure.code()), ("reject", Some("KW001")), "{statement}: {failure}");
                        actor.ok("ROLLBACK").await;
                    }
                }
                assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IN ('new', 'other') OR api_key = 'key-1' AND account_id <> 6").await, 0, "{statement}");
            }
        }
        // what the UI states by hand moves along
        ui.ok("UPDATE app.locations SET account_id = 1, api_key = 'by hand' WHERE id = 7").await;
        assert_eq!(owner_of(&mut gateway, "by hand").await, Some(7), "{on_insert}");
    }
}
