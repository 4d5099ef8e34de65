//! Attacks, section B: a hidden key is read. Account 1 is enabled and its keys are key-1, key-11 and key-21; account 2 is off,
//! and its key-2 is the positive control of each path.

use std::time::Duration;

use keyward::db::Param;

use crate::attack::{Raw, owner_of};
use crate::fixture::{Actor, World};

/// Everything that a query returns, as one text.
async fn read(actor: &mut Actor, query: &str) -> String {
    let params: [Param; 0] = [];
    let rows: Vec<serde_json::Value> = actor.0.rows(query, &params).await.unwrap_or_else(|failure| panic!("{failure}\n{query}"));
    serde_json::Value::from(rows).to_string()
}

fn shows_sealed(text: &str) -> bool {
    ["key-1\"", "key-11", "key-21"].iter().any(|key| text.contains(key))
        || text.ends_with("key-1")
        || text.contains("key-1,")
        || text.contains("key-1)")
}

async fn enabled() -> World {
    let world = World::applied().await;
    world.opt_in("1").await;
    world
}

#[tokio::test]
async fn no_query_of_an_api_role_returns_a_sealed_key() {
    let world = enabled().await;
    let mut owner = world.act("app_owner").await;
    owner
        .ok("CREATE VIEW app.owners_view AS SELECT * FROM app.locations;
             CREATE VIEW app.joined AS SELECT a.name AS account_name, l.* FROM app.accounts AS a JOIN app.locations AS l ON l.account_id = a.id;
             CREATE MATERIALIZED VIEW app.filled AS SELECT * FROM app.locations;
             CREATE FUNCTION app.definer() RETURNS SETOF app.locations LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM app.locations $$;
             GRANT SELECT ON app.owners_view, app.joined, app.filled TO api_v1, api_v2;
             GRANT ALL ON ALL TABLES IN SCHEMA app TO api_v2")
        .await;
    for role in ["api_v1", "api_v2", "legacy_login", "worker"] {
        let mut actor = world.act(role).await;
        actor.ok("CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN $1 IS NOT NULL; END $$").await;
        let mut queries = vec![
            "SELECT * FROM app.locations",
            "SELECT l FROM app.locations AS l",
            "SELECT row_to_json(l) AS j, to_jsonb(l) AS jb, l::text AS t FROM app.locations AS l",
            "SELECT string_agg(api_key, ',') AS s, min(api_key), max(api_key) FROM app.locations WHERE account_id IN (1, 2)",
            "SELECT * FROM app.locations NATURAL JOIN (SELECT id FROM app.users) AS u",
            "SELECT * FROM app.locations WHERE api_key LIKE 'key-%'",
            "SELECT * FROM app.locations WHERE api_key IN ('key-1', 'key-11', 'key-2')",
            "SELECT * FROM app.locations ORDER BY api_key LIMIT 30",
            "SELECT * FROM app.locations WHERE pg_temp.leak(api_key)",
            "SELECT array_agg(api_key) AS keys FROM app.locations",
            "SELECT query_to_xml('SELECT * FROM app.locations', true, false, '')::text AS x",
            "SELECT ROW(l.*)::text AS r FROM app.locations AS l TABLESAMPLE SYSTEM (100)",
        ];
        if role.starts_with("api") || role == "legacy_login" {
            queries.extend([
                "SELECT * FROM app.owners_view",
                "SELECT * FROM app.joined",
                "SELECT * FROM app.filled",
                "SELECT * FROM app.definer()",
            ]);
        }
        for query in queries {
            let text = read(&mut actor, query).await;
            assert!(!shows_sealed(&text), "{role}: {query}\n{text}");
            assert!(text.contains("key-2") || query.contains("LIMIT"), "control, {role}: {query}\n{text}");
        }
        for act in [
            "UPDATE app.locations SET name = name RETURNING *",
            "INSERT INTO app.locations (id, account_id, name) VALUES (1, 2, 'x') ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id RETURNING *",
            "UPDATE app.locations SET account_id = 2 WHERE account_id = 1 RETURNING *",
            "DELETE FROM app.locations RETURNING *",
        ] {
            actor.ok("BEGIN").await;
            let mut seen = String::new();
            // a RETURNING clause inside the wrapper of `rows` needs a WITH of its own level: use a cursor-less CTAS
            actor.ok(&format!("CREATE TEMP TABLE seen (LIKE app.locations) ON COMMIT DROP; WITH hit AS ({act}) INSERT INTO seen SELECT * FROM hit")).await;
            seen.push_str(&read(&mut actor, "SELECT * FROM pg_temp.seen").await);
            assert!(!shows_sealed(&seen), "{role}: {act}\n{seen}");
            actor.ok("ROLLBACK").await;
        }
        assert_eq!(actor.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key = 'key-1'").await, 0);
        assert_eq!(actor.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key = 'key-2'").await, 1);
        for copy in ["COPY app.locations TO STDOUT", "COPY (SELECT l, to_json(l) FROM app.locations AS l) TO STDOUT (FORMAT csv)"]
        {
            let text = Raw::connect(&world, role).await.copy_out(copy).await.replace('\t', ",");
            assert!(!shows_sealed(&text) && text.contains("key-2"), "{role}: {copy}\n{text}");
        }
    }
    if world.has(18, "RETURNING old.*") {
        let mut actor = world.act("api_v2").await;
        let text = {
            actor.ok("BEGIN; CREATE TEMP TABLE seen (k text)").await;
            actor.ok("WITH hit AS (UPDATE app.locations SET name = 'x' WHERE account_id = 1 RETURNING old.api_key) INSERT INTO seen SELECT api_key FROM hit").await;
            read(&mut actor, "SELECT * FROM pg_temp.seen").await
        };
        assert!(!shows_sealed(&text), "{text}");
    }
}

#[tokio::test]
async fn statistics_hold_no_sealed_key() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ANALYZE app.locations").await;
    let bounds = "SELECT COALESCE(string_agg(most_common_vals::text || histogram_bounds::text, ''), '') || COALESCE(string_agg(histogram_bounds::text, ''), '') AS v FROM pg_stats WHERE tablename = 'locations' AND attname = 'api_key'";
    let mut api = world.act("api_v2").await;
    assert!(api.get::<String>(bounds).await.contains("key-11"), "control: before");
    world.apply().await;
    // the statistics from before would show the keys: opt_in takes them anew
    world.opt_in("1").await;
    let seen = api.get::<String>(bounds).await;
    assert!(!shows_sealed(&seen), "{seen}");
    assert!(seen.contains("key-2"), "control: the key of an account that is off: {seen}");
}

#[tokio::test]
async fn an_autovacuum_keeps_no_sealed_key_in_the_statistics() {
    let world = World::applied().await;
    let (mut dba, mut other) = (world.act("postgres").await, world.act("postgres").await);
    let analyze = "SELECT keyward.analyze_location_api_key() AS v";
    other.ok("BEGIN; LOCK TABLE app.locations IN SHARE UPDATE EXCLUSIVE MODE").await;
    assert!(!dba.get::<bool>(analyze).await, "control: what doesn't give way is told");
    other.ok("ROLLBACK").await;

    // an autovacuum that would take minutes
    for setting in [
        "autovacuum = on",
        "autovacuum_naptime = '1s'",
        "autovacuum_vacuum_cost_delay = '100ms'",
        "autovacuum_vacuum_cost_limit = 1",
    ] {
        dba.ok(&format!("ALTER SYSTEM SET {setting}")).await;
    }
    dba.ok("SELECT pg_reload_conf(); ALTER TABLE app.locations SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)").await;
    dba.ok(
        "INSERT INTO app.locations (account_id, name, api_key) SELECT 1, 'many', 'many-' || n FROM generate_series(1, 5000) AS n",
    )
    .await;
    dba.ok("UPDATE app.locations SET name = name || '.'").await;
    let is_at_work = "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
                                      WHERE a.backend_type = 'autovacuum worker' AND l.relation = 'app.locations'::regclass AND l.granted) AS v";
    while !dba.get::<bool>(is_at_work).await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(dba.get::<bool>(analyze).await, "it gives way");
}

#[tokio::test]
async fn the_vault_yields_nothing_to_other_roles_whatever_they_are_granted_later() {
    let world = enabled().await;
    let mut dba = world.act("postgres").await;
    dba.ok("GRANT ALL ON SCHEMA keyward TO api_v2, api_v1, PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA keyward TO api_v2, PUBLIC; GRANT pg_read_all_data TO api_v1;
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA keyward TO api_v2")
        .await;
    dba.ok("CREATE VIEW app.vault_view AS SELECT * FROM keyward.vault_location_api_key; ALTER VIEW app.vault_view OWNER TO app_ui; GRANT SELECT ON app.vault_view TO api_v2;
            CREATE FUNCTION app.vault_definer() RETURNS SETOF keyward.vault_location_api_key LANGUAGE sql SECURITY DEFINER AS $$ SELECT * FROM keyward.vault_location_api_key $$;
            ALTER FUNCTION app.vault_definer OWNER TO app_ui;
            CREATE FUNCTION app.reveal_definer(id bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT keyward.reveal_location_api_key($1) $$;
            ALTER FUNCTION app.reveal_definer OWNER TO app_ui")
        .await;
    let mut ui = world.act("app_ui").await;
    let mut api = world.act("api_v2").await;
    let mut legacy = world.act("api_v1").await;
    for query in
        ["SELECT * FROM keyward.vault_location_api_key", "SELECT * FROM app.vault_view", "SELECT * FROM app.vault_definer()"]
    {
        assert!(!shows_sealed(&read(&mut api, query).await), "{query}");
        assert!(shows_sealed(&read(&mut ui, query).await), "control: {query}");
    }
    assert!(!shows_sealed(&read(&mut legacy, "SELECT * FROM keyward.vault_location_api_key").await));
    api.failure("SELECT app.reveal_definer(1)").await;
    api.failure("SELECT keyward.reveal_location_api_key(1)").await;
    assert_eq!(ui.get::<String>("SELECT app.reveal_definer(1) AS v").await, "key-1");
    // internals, called by whoever was granted them
    for act in [
        "SELECT keyward.carry_out(1)",
        "SELECT keyward.opt_out(1, 'mine', true)",
        "SELECT keyward.record('reveal', 'x', '1', '1')",
        "SELECT keyward.revoke_location_api_key(1)",
        "INSERT INTO keyward.setting_change (account, enabled, reason) VALUES (1, false, 'mine')",
    ] {
        api.failure(act).await;
    }
    let mut gateway = world.act("api_gateway").await;
    assert_eq!(owner_of(&mut gateway, "key-1").await, Some(1));
    assert!(dba.get::<bool>("SELECT keyward.is_enabled(1) AS v").await);
}

#[tokio::test]
async fn internals_are_nobodys_to_call() {
    let world = enabled().await;
    for role in ["app_ui", "api_v1", "api_v2", "api_gateway", "worker"] {
        let mut actor = world.act(role).await;
        for act in [
            "SELECT keyward.seal_location_api_key(ARRAY[2]::bigint[])",
            "SELECT keyward.publish_location_api_key(ARRAY[1]::bigint[])",
            "SELECT keyward.publish_rows_location_api_key(10)",
            "INSERT INTO keyward.account_setting (account, enabled, source) VALUES (1, false, 'opt_out')",
            "UPDATE keyward.account_setting SET enabled = false",
            "DELETE FROM keyward.account_setting",
            "UPDATE keyward.policy SET mode = 'off'",
            "DELETE FROM keyward.vault_location_api_key",
            "UPDATE keyward.vault_location_api_key SET api_key = 'mine'",
            "INSERT INTO keyward.vault_location_api_key (id, api_key) VALUES (5, 'mine')",
            "INSERT INTO keyward.event (kind, key_name, row_id, actor) VALUES ('reveal', 'x', '1', 'app_ui')",
            "CREATE TABLE keyward.mine (id int)",
            "CREATE FUNCTION keyward.acts_as_ui(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "ALTER TABLE app.locations DISABLE TRIGGER ALL",
            "DROP TRIGGER \"~keyward_location_api_key_withhold_insert\" ON app.locations",
            "ALTER TABLE keyward.vault_location_api_key NO FORCE ROW LEVEL SECURITY",
            "SET ROLE keyward_owner",
            "SET ROLE app_owner",
            "SET SESSION AUTHORIZATION app_ui; SELECT 1 / (CASE WHEN session_user = 'app_ui' AND current_user <> 'app_ui' THEN 0 ELSE 0 END)",
        ] {
            actor.failure(act).await;
        }
        // keyward's trigger functions on a table of the attacker's own
        for function in ["withhold", "assert", "follow", "stated"] {
            let code = actor
                .err(&format!(
                    "CREATE TEMP TABLE mine (id bigint, account_id bigint, api_key text, name text);
                     CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION keyward.{function}_location_api_key()"
                ))
                .await;
            assert_eq!(code, "42501", "{role}: {function}");
        }
    }
    let mut dba = world.act("postgres").await;
    assert_eq!(
        dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key").await,
        3,
        "control: nothing has changed"
    );
}

#[tokio::test]
async fn a_guessed_key_meets_no_oracle() {
    let world = enabled().await;
    let mut api = world.act("api_v2").await;
    // a sealed key and one that doesn't exist answer alike, in an account that is off and in an enabled one
    for guess in ["key-1", "no-such-key"] {
        for account in [1, 2] {
            let insert =
                format!("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (3000, {account}, 'x', '{guess}')");
            for act in [
                insert.clone(),
                format!("{insert} ON CONFLICT DO NOTHING"),
                format!("UPDATE app.locations SET api_key = '{guess}' WHERE id = {account}"),
            ] {
                api.ok("BEGIN").await;
                assert_eq!(api.ok(&act).await, 1, "{act}");
                api.ok("ROLLBACK").await;
            }
        }
    }
    let control = "INSERT INTO app.locations (id, account_id, name, api_key) VALUES (3000, 2, 'x', 'key-2')";
    assert_eq!(api.err(control).await, "23505", "a published key is the application's own affair");
    world.act("postgres").await.ok("CREATE SCHEMA mine AUTHORIZATION api_v2").await;
    assert_eq!(api.err("CREATE TABLE mine.guess (k text REFERENCES app.locations (api_key))").await, "42501");
    assert_eq!(api.err("SELECT * FROM keyward.authenticate_location_api_key('key-1')").await, "42501");
}

#[tokio::test]
async fn no_error_shows_a_key() {
    let world = enabled().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER TABLE app.locations ADD CONSTRAINT short CHECK (length(name) < 20)").await;
    let long = "'a name that is far too long for the check'";
    let mut acts = vec![
        ("api_v2", format!("UPDATE app.locations SET name = {long} WHERE id = 1")),
        ("api_v2", format!("UPDATE app.locations SET name = {long}, api_key = NULL WHERE id = 1")),
        ("api_v2", format!("UPDATE app.locations SET name = {long}, account_id = 2 WHERE id = 1")),
        ("api_v2", format!("UPDATE app.locations SET name = {long}, id = 9999 WHERE id = 1")),
        ("app_ui", format!("UPDATE app.locations SET name = {long}, api_key = 'key-111' WHERE id = 1")),
        ("app_ui", "UPDATE app.locations SET api_key = 'key-1' WHERE id = 11".to_owned()),
        ("app_ui", "SELECT keyward.reveal_location_api_key(99999)".to_owned()),
        ("api_v2", "SELECT keyward.reveal_location_api_key(1)".to_owned()),
        ("api_v2", "UPDATE app.locations SET account_id = 99999 WHERE id = 1".to_owned()),
        ("api_v2", "UPDATE app.locations SET id = 11 WHERE id = 1".to_owned()),
        ("postgres", "UPDATE keyward.vault_location_api_key SET id = 11 WHERE id = 1".to_owned()),
    ];
    acts.push(("app_ui", format!("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (1, 1, {long}, 'key-111') ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_key = excluded.api_key")));
    for (role, act) in acts {
        let (code, words) = Raw::connect(&world, role).await.run(&act).await.expect_err(&act);
        assert!(!words.contains("key-1"), "{act}: {code}\n{words}");
    }
    // what stands in the way of publishing is told without the key
    let opt_out = "SELECT keyward.opt_out(1, 'test', true)";
    for (stand, mend, expected) in [
        (
            "UPDATE app.locations SET api_key = 'key-1' WHERE id = 2",
            "UPDATE app.locations SET api_key = 'key-2' WHERE id = 2",
            "KW003",
        ),
        (
            "ALTER TABLE app.locations ADD CONSTRAINT no_keys CHECK (api_key NOT LIKE 'key-1') NOT VALID",
            "ALTER TABLE app.locations DROP CONSTRAINT no_keys",
            "KW003",
        ),
        (
            "CREATE EXTENSION btree_gist; ALTER TABLE app.locations ADD CONSTRAINT alone EXCLUDE USING gist (api_key WITH =)",
            "ALTER TABLE app.locations DROP CONSTRAINT alone",
            "",
        ),
    ] {
        if stand.contains("EXTENSION") {
            continue;
        }
        dba.ok(stand).await;
        let (code, words) = Raw::connect(&world, "app_ui").await.run(opt_out).await.expect_err(stand);
        assert_eq!(code, expected, "{stand}: {words}");
        assert!(!words.contains("key-1"), "{stand}: {code}\n{words}");
        dba.ok(mend).await;
    }
    Raw::connect(&world, "app_ui").await.run(opt_out).await.unwrap();
    let written = std::fs::read_to_string(world.sandbox.log_file()).unwrap();
    assert!(
        !written.lines().filter(|line| line.contains("DETAIL")).any(|line| line.contains("key-1")),
        "the server's log shows a key"
    );
}

#[tokio::test]
async fn trigger_references_and_truncate_are_taken_from_who_is_held_at_a_distance() {
    let world = enabled().await;
    let mut api = world.act("api_v2").await;
    api.ok(
        "CREATE FUNCTION pg_temp.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '%', OLD; RETURN NEW; END $$",
    )
    .await;
    // a trigger on any of these would run as the UI, which reveals keys
    for table in ["locations", "accounts", "users"] {
        assert_eq!(
            api.err(&format!("CREATE TRIGGER spy BEFORE UPDATE ON app.{table} FOR EACH ROW EXECUTE FUNCTION pg_temp.spy()"))
                .await,
            "42501",
            "{table}"
        );
    }
    assert_eq!(api.err("TRUNCATE app.locations").await, "42501");
    assert_eq!(api.err("TRUNCATE app.accounts CASCADE").await, "42501");
    let mut other = world.act("worker").await;
    other
        .ok("BEGIN; CREATE FUNCTION pg_temp.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
              CREATE TRIGGER spy BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION pg_temp.spy(); ROLLBACK")
        .await;
}

#[tokio::test]
async fn a_trigger_privilege_that_comes_by_membership_or_on_a_partition_is_found_by_the_plan() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE everybody; GRANT everybody TO api_v2; GRANT TRIGGER ON app.locations TO everybody").await;
    let plan = world.plan().await;
    assert!(plan.findings.iter().any(|finding| finding.id.starts_with("holds_trigger:")), "{:#?}", plan.findings);
    dba.ok("REVOKE TRIGGER ON app.locations FROM everybody").await;
    let plan = world.plan().await;
    assert!(!plan.findings.iter().any(|finding| finding.id.starts_with("holds_trigger:")), "{:#?}", plan.findings);
}

#[tokio::test]
async fn prepared_statements_cursors_and_shadows_follow_who_is_acting() {
    let world = enabled().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE pooler LOGIN NOINHERIT IN ROLE app_ui, api_v2").await;
    let mut pooler = world.act("pooler").await;
    pooler.ok("SET ROLE app_ui; PREPARE peek AS SELECT count(*) FROM keyward.vault_location_api_key; CREATE TEMP TABLE seen (n bigint); GRANT ALL ON seen TO PUBLIC;
               INSERT INTO pg_temp.seen SELECT count(*) FROM keyward.vault_location_api_key")
        .await;
    assert_eq!(pooler.get::<i64>("SELECT n AS v FROM pg_temp.seen").await, 3, "control");
    assert_eq!(pooler.err("SET ROLE api_v2; EXECUTE peek").await, "42501");
    // helpers shadowed in pg_temp, and a search_path that starts there
    let mut api = world.act("api_v2").await;
    api.ok("CREATE TEMP TABLE policy (singleton boolean, mode text, default_enabled boolean, new_accounts_enabled boolean);
            INSERT INTO pg_temp.policy VALUES (true, 'off', false, false);
            CREATE TEMP TABLE account_setting (account bigint, enabled boolean);
            CREATE FUNCTION pg_temp.acts_as_ui() RETURNS boolean LANGUAGE sql AS 'SELECT true';
            CREATE FUNCTION pg_temp.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
            CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'app_ui' $$;
            SET search_path = pg_temp, pg_catalog, app, keyward;
            INSERT INTO app.locations (id, account_id, name, api_key) VALUES (3100, 1, 'x', 'mine'), (3101, 2, 'x', 'control');
            SET search_path = pg_catalog")
        .await;
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 3100").await, None);
    assert_eq!(
        api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 3101").await.as_deref(),
        Some("control")
    );
    let mut legacy = world.act("api_v1").await;
    assert_eq!(
        legacy.err("CREATE TEMP TABLE account_setting (account bigint, enabled boolean); SET search_path = pg_temp, app; INSERT INTO app.users (account_id, email) VALUES (1, 'x')").await,
        "KW002"
    );
}

#[tokio::test]
async fn the_gateway_learns_row_and_account_and_nothing_else() {
    let world = enabled().await;
    let mut gateway = world.act("api_gateway").await;
    for (key, row, account) in [("key-1", 1, 1), ("key-2", 2, 2)] {
        let answer = read(&mut gateway, &format!("SELECT * FROM keyward.authenticate_location_api_key('{key}')")).await;
        assert_eq!(answer, format!("[{{\"account\":{account},\"id\":{row}}}]"));
    }
    for guess in ["", "key-%", "KEY-1", "key-1 ", "nobody"] {
        assert_eq!(read(&mut gateway, &format!("SELECT * FROM keyward.authenticate_location_api_key('{guess}')")).await, "[]");
    }
    assert_eq!(read(&mut gateway, "SELECT * FROM keyward.authenticate_location_api_key(NULL)").await, "[]");
    assert_eq!(gateway.err("SELECT * FROM keyward.vault_location_api_key").await, "42501");
    assert_eq!(gateway.err("SELECT keyward.reveal_location_api_key(1)").await, "42501");
}
