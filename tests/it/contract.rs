//! The SQL contract: what each role can do once an account is enabled.

use crate::fixture::World;

#[tokio::test]
async fn a_new_location_of_an_enabled_account_has_no_key() {
    let world = World::applied().await;
    world.opt_in("1").await;
    for role in ["api_v1", "api_v2", "app_ui", "worker", "postgres"] {
        let mut actor = world.act(role).await;
        actor.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (100, 1, 'new', 'given')").await;
        let key: Option<String> = actor.get("SELECT api_key AS v FROM app.locations WHERE id = 100").await;
        assert_eq!(key, None, "{role}");
        actor.ok("DELETE FROM app.locations WHERE id = 100").await;
        // the same act for an account that is off
        actor.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (100, 2, 'new', 'given')").await;
        let key: Option<String> = actor.get("SELECT api_key AS v FROM app.locations WHERE id = 100").await;
        assert_eq!(key.as_deref(), Some("given"), "{role}");
        actor.ok("DELETE FROM app.locations WHERE id = 100").await;
    }
}

#[tokio::test]
async fn a_session_looks_up_by_index_what_it_first_asked_of_tables_a_page_long() {
    for (role, ask) in [
        ("api_gateway", "SELECT id FROM keyward.authenticate_location_api_key('key-2')"),
        ("api_v1", "UPDATE app.users SET email = email WHERE id = 2"),
        ("api_v1", "SELECT keyward.is_enabled(2)"),
    ] {
        let world = World::applied().await;
        world.opt_in("1").await;
        let mut all = world.act("postgres").await;
        all.ok("ANALYZE").await;
        let mut session = world.act(role).await;
        // often enough that the session keeps its plans
        for _ in 0..10 {
            assert_eq!(session.ok(ask).await, 1, "{ask}");
        }
        all.ok("INSERT INTO app.accounts (id, name) SELECT n, 'one of many' FROM generate_series(1001, 6000) AS n;
                INSERT INTO app.locations (account_id, name, api_key) SELECT n, 'one of many', 'many-' || n FROM generate_series(1001, 6000) AS n;
                INSERT INTO keyward.account_setting (account, enabled, source) SELECT n, true, 'rollout' FROM generate_series(1001, 6000) AS n;
                SELECT keyward.seal_location_api_key(ARRAY(SELECT generate_series(1001, 6000)::bigint))")
            .await;
        let read = "SELECT COALESCE(sum(seq_tup_read), 0)::bigint AS v FROM pg_stat_xact_all_tables WHERE schemaname IN ('app', 'keyward') AND relname <> 'policy'";
        session.ok("BEGIN").await;
        for _ in 0..20 {
            assert_eq!(session.ok(ask).await, 1, "{ask}");
        }
        let rows = session.get::<i64>(read).await;
        assert!(rows < 1000, "{ask} has read {rows} rows");
        session.ok("ROLLBACK").await;
        all.ok("BEGIN; SELECT count(*) FROM app.locations").await;
        assert!(all.get::<i64>(read).await > 5_000, "control: whoever reads all is counted");
    }
}

#[tokio::test]
async fn a_sealed_key_authenticates_and_is_shown_to_the_ui_only() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut ui = world.act("app_ui").await;
    let mut api = world.act("api_v2").await;
    let mut gateway = world.act("api_gateway").await;
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 1").await, None);
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 2").await.as_deref(), Some("key-2"));
    assert_eq!(ui.get::<String>("SELECT keyward.reveal_location_api_key(1) AS v").await, "key-1");
    assert_eq!(ui.get::<i64>("SELECT count(*) AS v FROM keyward.vault_location_api_key").await, 3);
    for (key, row) in [("key-1", 1), ("key-2", 2)] {
        let id: i64 = gateway.get(&format!("SELECT id AS v FROM keyward.authenticate_location_api_key('{key}')")).await;
        assert_eq!(id, row);
    }
    assert_eq!(api.err("SELECT keyward.reveal_location_api_key(1)").await, "42501");
    assert_eq!(api.err("SELECT * FROM keyward.vault_location_api_key").await, "42501");
    assert_eq!(api.err("SELECT * FROM keyward.authenticate_location_api_key('key-1')").await, "42501");
}

#[tokio::test]
async fn the_ui_generates_reveals_and_revokes() {
    let world = World::applied().await;
    world.opt_in("1").await;
    let mut ui = world.act("app_ui").await;
    let mut gateway = world.act("api_gateway").await;
    for row in [1, 2] {
        let key: String = ui.get(&format!("SELECT keyward.generate_location_api_key({row}) AS v")).await;
        assert_eq!(key.len(), 4 + 64);
        assert_eq!(ui.get::<String>(&format!("SELECT keyward.reveal_location_api_key({row}) AS v")).await, key);
        let authenticate = format!("SELECT count(*) AS v FROM keyward.authenticate_location_api_key('{key}')");
        assert_eq!(gateway.get::<i64>(&authenticate).await, 1);
        ui.ok(&format!("SELECT keyward.revoke_location_api_key({row})")).await;
        assert_eq!(gateway.get::<i64>(&authenticate).await, 0);
        assert_eq!(ui.err(&format!("SELECT keyward.reveal_location_api_key({row})")).await, "KW004");
    }
    let mut owner = world.act("postgres").await;
    assert_eq!(owner.get::<i64>("SELECT count(*) AS v FROM keyward.event").await, 7);
}

#[tokio::test]
async fn an_opt_out_publishes_and_an_opt_in_seals_again() {
    let world = World::applied().await;
    let mut ui = world.act("app_ui").await;
    world.opt_in("1").await;
    assert_eq!(ui.err("SELECT keyward.opt_out(1, 'they insist')").await, "KW003");
    assert_eq!(ui.err("SELECT keyward.opt_out(1, 'they insist', acknowledge_risk => NULL)").await, "KW003");
    for reason in ["NULL", "''", "'  '"] {
        assert_eq!(ui.err(&format!("SELECT keyward.opt_out(1, {reason}, true)")).await, "KW003", "{reason}");
    }
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_out(1, 'they insist', acknowledge_risk => true) AS v").await, 3);
    let mut api = world.act("api_v1").await;
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 1").await.as_deref(), Some("key-1"));
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_in(1) AS v").await, 3);
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 1").await, None);
    assert_eq!(api.err("SELECT keyward.opt_out(1, 'x', true)").await, "42501");
    assert_eq!(ui.err("SELECT keyward.opt_out(999, 'x', true)").await, "KW004");
}

#[tokio::test]
async fn the_legacy_role_writes_no_user_of_an_enabled_account() {
    let world = World::applied().await;
    world.opt_in("1").await;
    for role in ["api_v1", "legacy_login"] {
        let mut legacy = world.act(role).await;
        for act in [
            "INSERT INTO app.users (account_id, email) VALUES (1, 'x')",
            "UPDATE app.users SET email = 'x' WHERE id = 1",
            "DELETE FROM app.users WHERE id = 1",
            "UPDATE app.users SET account_id = 1 WHERE id = 2",
            "UPDATE app.users SET account_id = 2 WHERE id = 1",
            "DELETE FROM app.accounts WHERE id = 1",
            "UPDATE app.accounts SET id = 77 WHERE id = 1",
        ] {
            assert_eq!(legacy.err(act).await, "KW002", "{act}");
            legacy.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("= 1", "= 3").replace("(1,", "(3,"))).await;
        }
        assert_eq!(legacy.err("TRUNCATE app.users").await, "42501");
    }
    let mut other = world.act("api_v2").await;
    other.ok("UPDATE app.users SET email = 'x' WHERE id = 1").await;
}

#[tokio::test]
async fn a_request_is_carried_out_once_and_by_the_ui_only() {
    let world = World::applied().await;
    let mut ui = world.act("app_ui").await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE FUNCTION app.carry(change bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT keyward.carry_out($1) $$;
            ALTER FUNCTION app.carry OWNER TO app_ui")
        .await;
    let ask = "INSERT INTO keyward.setting_change (account, enabled, reason) VALUES (1, true, 'asked') RETURNING id AS v";
    let change: i64 = ui.get(ask).await;
    let carry = format!("SELECT app.carry({change})");
    assert_eq!(world.act("api_v2").await.err(&carry).await, "KW003");
    ui.ok(&carry).await;
    assert_eq!(ui.err(&carry).await, "KW004", "the second time");
    assert!(dba.get::<bool>("SELECT keyward.is_enabled(1) AS v").await);
}

#[tokio::test]
async fn an_explicit_choice_takes_the_account_out_of_its_wave() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    dba.ok("INSERT INTO keyward.account_setting (account, enabled, source, wave) VALUES (1, true, 'rollout', 7), (2, true, 'rollout', 7)").await;
    world.opt_in("1").await;
    let waves: Vec<Option<i32>> = dba.get("SELECT array_agg(wave ORDER BY account) AS v FROM keyward.account_setting").await;
    assert_eq!(waves, [None, Some(7)]);
}
