//! What the audit promises of keys with `hide = "revoke"`: whatever leads past a wall is found by its own name, and a wall that holds has nothing
//! to tell.

use keyward::manifest::Manifest;

use crate::audit::{Defect, finds_each_in, look, said};
use crate::fixture::{MANIFEST, World};

/// The standard application with a key that stays in its column; account 1 is enabled.
async fn plain() -> World {
    let mut world = World::bare().await;
    world
        .act("postgres")
        .await
        .ok("CREATE ROLE staff; GRANT staff TO api_v2; CREATE ROLE partner; CREATE TABLE app.history (what text)")
        .await;
    let text = MANIFEST.replace("generate = {", "hide     = \"revoke\"\ngenerate = {");
    world.manifest = Manifest::parse(&text, "keyward.toml").unwrap();
    world.apply().await;
    world.opt_in("1").await;
    world
}

/// A partitioned table with uuids and odd names, and roles with odd names, too.
async fn odd() -> World {
    let script = r#"CREATE ROLE app_owner LOGIN CREATEROLE; CREATE ROLE app_ui LOGIN; CREATE ROLE "We""ird" LOGIN; CREATE ROLE "the login" LOGIN IN ROLE "We""ird"; CREATE ROLE gate LOGIN;
        CREATE DATABASE shop OWNER app_owner;
\connect shop
        SET ROLE app_owner; CREATE SCHEMA "My ""app""";
        CREATE TABLE "My ""app"""."The accounts" (id uuid PRIMARY KEY);
        CREATE TABLE "My ""app"""."Loc""ations" ("The id" uuid NOT NULL, "account %I" uuid NOT NULL, "We""ird" varchar(80), "select" text NOT NULL) PARTITION BY LIST ("select");
        CREATE TABLE "My ""app"""."part.0" PARTITION OF "My ""app"""."Loc""ations" FOR VALUES IN ('x');
        CREATE TABLE "My ""app"""."part.1" PARTITION OF "My ""app"""."Loc""ations" DEFAULT;
        CREATE INDEX ON "My ""app"""."Loc""ations" ("The id"); CREATE INDEX ON "My ""app"""."Loc""ations" ("account %I");
        CREATE VIEW "My ""app"""."names" AS SELECT "The id", "select" FROM "My ""app"""."Loc""ations";
        CREATE FUNCTION "My ""app"""."names"() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM "My ""app"""."Loc""ations"';
        GRANT USAGE ON SCHEMA "My ""app""" TO app_ui, "We""ird";
        GRANT ALL ON ALL TABLES IN SCHEMA "My ""app""" TO app_ui, "We""ird";
        INSERT INTO "My ""app"""."The accounts" SELECT md5(n::text)::uuid FROM generate_series(1, 3) AS n;
        INSERT INTO "My ""app"""."Loc""ations" SELECT md5('l' || n)::uuid, md5(n::text)::uuid, 'key-' || n, 'x' FROM generate_series(1, 3) AS n;"#;
    let manifest = r#"
version = 1
[setting]
cutover = 2024-06-17T00:00:00Z
[roles]
ui   = ["app_ui"]
api  = ['We"ird']
auth = ["gate"]
[accounts]
table = '"My ""app"""."The accounts"'
id    = "id"
[[keys]]
name    = "k"
table   = '"My ""app"""."Loc""ations"'
id      = "The id"
column  = 'We"ird'
account = "account %I"
hide    = "revoke"
"#;
    let world = World::with(script, manifest, "shop").await;
    world.apply().await;
    world
}

const PLAIN: &[Defect] = &[
    // privileges: by the role, PUBLIC, a group, a column
    Defect("KW230", "GRANT SELECT ON app.locations TO api_v2", ""),
    Defect("KW230", "GRANT INSERT, UPDATE ON app.locations TO api_v1", ""),
    Defect("KW230", "GRANT SELECT (api_key) ON app.locations TO api_v2", ""),
    Defect("KW230", "GRANT UPDATE (api_key) ON app.locations TO PUBLIC", "REVOKE UPDATE (api_key) ON app.locations FROM PUBLIC"),
    Defect("KW230", "GRANT SELECT (api_key) ON app.locations TO staff", ""),
    Defect("KW230", "GRANT SELECT ON app.locations TO legacy_login", ""),
    Defect("KW231", "ALTER TABLE app.locations ADD extra text", ""),
    // what apply can't take back by itself
    Defect(
        "KW232",
        "GRANT SELECT ON app.locations TO worker WITH GRANT OPTION; SET ROLE worker; GRANT SELECT ON app.locations TO api_v2; RESET ROLE",
        "SET ROLE worker; REVOKE SELECT ON app.locations FROM api_v2; RESET ROLE; REVOKE GRANT OPTION FOR SELECT ON app.locations FROM worker",
    ),
    Defect(
        "KW233",
        "GRANT SELECT (api_key) ON app.locations TO api_v2 WITH GRANT OPTION; SET ROLE api_v2; GRANT SELECT (api_key) ON app.locations TO partner; RESET ROLE",
        "REVOKE SELECT (api_key) ON app.locations FROM api_v2 CASCADE",
    ),
    Defect("KW234", "GRANT INSERT ON app.locations TO PUBLIC", "REVOKE INSERT ON app.locations FROM PUBLIC"),
    Defect("KW235", "GRANT pg_read_all_data TO staff", "REVOKE pg_read_all_data FROM staff"),
    Defect("KW235", "GRANT pg_read_all_data TO legacy_login", "REVOKE pg_read_all_data FROM legacy_login"),
    Defect(
        "KW236",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app GRANT SELECT ON TABLES TO api_v2",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app REVOKE SELECT ON TABLES FROM api_v2",
    ),
    Defect(
        "KW236",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner GRANT SELECT ON TABLES TO staff",
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE SELECT ON TABLES FROM staff",
    ),
    // past the wall
    Defect(
        "KW237",
        "SET ROLE app_owner; CREATE VIEW app.v AS SELECT id, api_key FROM app.locations; GRANT SELECT (api_key) ON app.v TO api_v2; RESET ROLE",
        "DROP VIEW app.v",
    ),
    Defect(
        "KW237",
        "SET ROLE app_owner; CREATE VIEW app.v AS SELECT id FROM app.locations WHERE api_key = current_setting('app.guess', true); GRANT SELECT ON app.v TO PUBLIC; RESET ROLE",
        "DROP VIEW app.v",
    ),
    Defect(
        "KW237",
        "SET ROLE app_owner; CREATE VIEW app.v AS SELECT to_jsonb(l) AS j FROM app.locations AS l; CREATE VIEW app.w AS SELECT j FROM app.v; GRANT SELECT ON app.w TO staff; RESET ROLE",
        "DROP VIEW app.v CASCADE",
    ),
    Defect(
        "KW237",
        "SET ROLE app_owner; CREATE VIEW app.v WITH (security_invoker) AS SELECT * FROM app.locations; CREATE VIEW app.w AS SELECT * FROM app.v; GRANT SELECT ON app.v, app.w TO api_v1; RESET ROLE -- from 15 on",
        "DROP VIEW app.v CASCADE",
    ),
    Defect(
        "KW237",
        "SET ROLE app_owner; CREATE MATERIALIZED VIEW app.m AS SELECT id, md5(api_key) AS k FROM app.locations; GRANT SELECT ON app.m TO api_v2; RESET ROLE",
        "DROP MATERIALIZED VIEW app.m",
    ),
    Defect(
        "KW238",
        "SET ROLE app_owner; CREATE FUNCTION app.f(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT api_key FROM app.locations WHERE id = $1'; RESET ROLE",
        "DROP FUNCTION app.f(bigint)",
    ),
    Defect(
        "KW238",
        "SET ROLE app_owner; CREATE FUNCTION app.f() RETURNS SETOF app.locations LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN QUERY SELECT l.* FROM app.locations AS l; END $$; REVOKE ALL ON FUNCTION app.f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION app.f() TO staff; RESET ROLE",
        "DROP FUNCTION app.f()",
    ),
    Defect(
        "KW238",
        "SET ROLE app_owner; CREATE FUNCTION app.f() RETURNS text LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT max(api_key) FROM app.locations; END; RESET ROLE",
        "DROP FUNCTION app.f()",
    ),
    Defect(
        "KW239",
        "ALTER TABLE app.locations ADD hash text GENERATED ALWAYS AS (md5(api_key)) STORED",
        "ALTER TABLE app.locations DROP hash",
    ),
    // what is found of a key with a vault is found of one behind a wall
    Defect("KW301", "CREATE VIEW app.v AS SELECT id, upper(api_key) AS k FROM app.locations", "DROP VIEW app.v"),
    Defect("KW302", "CREATE MATERIALIZED VIEW app.m AS SELECT api_key FROM app.locations", "DROP MATERIALIZED VIEW app.m"),
    Defect(
        "KW303",
        "CREATE FUNCTION app.f(bigint) RETURNS text LANGUAGE sql AS 'SELECT api_key FROM app.locations WHERE id = $1'",
        "DROP FUNCTION app.f(bigint)",
    ),
    Defect(
        "KW304",
        "CREATE RULE r AS ON UPDATE TO app.users DO ALSO INSERT INTO app.history SELECT api_key FROM app.locations",
        "DROP RULE r ON app.users",
    ),
    Defect(
        "KW305",
        "CREATE FUNCTION app.copy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO app.history VALUES (to_jsonb(OLD)::text); RETURN NEW; END $$; CREATE TRIGGER copy AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.copy()",
        "DROP FUNCTION app.copy() CASCADE",
    ),
    Defect("KW307", "CREATE PUBLICATION p FOR TABLE app.locations", "DROP PUBLICATION p"),
    Defect("KW310", "CREATE INDEX lowered ON app.locations (lower(api_key))", "DROP INDEX app.lowered"),
    Defect("KW311", "CREATE STATISTICS app.s (mcv) ON api_key, name FROM app.locations", "DROP STATISTICS app.s"),
    Defect("KW313", "ALTER TABLE app.locations REPLICA IDENTITY FULL", "ALTER TABLE app.locations REPLICA IDENTITY DEFAULT"),
    Defect(
        "KW318",
        "CREATE POLICY k ON app.locations USING (api_key = current_setting('app.key', true))",
        "DROP POLICY k ON app.locations",
    ),
    // the guards of a wall
    Defect("KW103", "DROP TRIGGER \"~keyward_location_api_key_withhold_insert\" ON app.locations", ""),
    Defect("KW104", "ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_update\"", ""),
    Defect("KW105", "ALTER TABLE app.locations ENABLE TRIGGER \"~keyward_location_api_key_assert_update\"", ""),
    Defect("KW111", "CREATE TABLE app.child () INHERITS (app.locations)", "DROP TABLE app.child"),
    Defect("KW120", "DROP FUNCTION keyward.generate_location_api_key(bigint)", ""),
    Defect(
        "KW121",
        "CREATE OR REPLACE FUNCTION keyward.withhold_location_api_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET random_page_cost = 0.01 AS 'BEGIN RETURN NEW; END'",
        "",
    ),
    Defect("KW125", "GRANT EXECUTE ON FUNCTION keyward.reveal_location_api_key(bigint) TO api_v2", ""),
    Defect("KW160", "REVOKE SELECT (api_key) ON app.locations FROM keyward_owner", ""),
    Defect("KW205", "GRANT app_owner TO api_v2", "REVOKE app_owner FROM api_v2"),
    Defect("KW207", "GRANT app_ui TO api_v1", "REVOKE app_ui FROM api_v1"),
    Defect("KW209", "GRANT TRIGGER ON app.locations TO api_v1", ""),
];

const ODD: &[Defect] = &[
    Defect("KW230", r#"GRANT SELECT ON "My ""app"""."part.0" TO "We""ird""#, ""),
    Defect("KW230", r#"GRANT UPDATE ("We""ird") ON "My ""app"""."part.1" TO "the login""#, ""),
    Defect(
        "KW230",
        r#"CREATE TABLE "My ""app"""."part %2" PARTITION OF "My ""app"""."Loc""ations" FOR VALUES IN ('y'); ALTER TABLE "My ""app"""."part %2" OWNER TO app_owner; GRANT ALL ON "My ""app"""."part %2" TO "We""ird""#,
        "",
    ),
    Defect("KW231", r#"ALTER TABLE "My ""app"""."Loc""ations" ADD "new ""column""" text"#, ""),
    Defect("KW235", r#"GRANT pg_read_all_data TO "We""ird""#, r#"REVOKE pg_read_all_data FROM "We""ird""#),
    Defect(
        "KW236",
        r#"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA "My ""app""" GRANT UPDATE ON TABLES TO "We""ird""#,
        r#"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA "My ""app""" REVOKE UPDATE ON TABLES FROM "We""ird""#,
    ),
    Defect(
        "KW237",
        r#"SET ROLE app_owner; CREATE VIEW "My ""app"""."v %s" AS SELECT "We""ird" FROM "My ""app"""."part.0"; GRANT SELECT ON "My ""app"""."v %s" TO "We""ird"; RESET ROLE"#,
        r#"DROP VIEW "My ""app"""."v %s""#,
    ),
    Defect(
        "KW238",
        r#"SET ROLE app_owner; CREATE FUNCTION "My ""app"""."f ""x"""(uuid) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT "We""ird" FROM "My ""app"""."Loc""ations" WHERE "The id" = $1'; RESET ROLE"#,
        r#"DROP FUNCTION "My ""app"""."f ""x"""(uuid)"#,
    ),
    Defect(
        "KW107",
        r#"ALTER TABLE "My ""app"""."part.0" DISABLE TRIGGER "~keyward_k_withhold_insert""#,
        r#"ALTER TABLE "My ""app"""."part.0" ENABLE ALWAYS TRIGGER "~keyward_k_withhold_insert""#,
    ),
    Defect("KW104", r#"ALTER TABLE "My ""app"""."Loc""ations" DISABLE TRIGGER "~keyward_k_assert_insert""#, ""),
];

#[tokio::test]
async fn whatever_leads_past_a_wall_is_found_by_its_name() {
    assert!(finds_each_in(&plain().await, PLAIN).await >= 40);
}

#[tokio::test]
async fn a_wall_with_partitions_and_odd_names_is_audited_as_well() {
    assert_eq!(finds_each_in(&odd().await, ODD).await, 10);
}

#[tokio::test]
async fn who_comes_to_a_key_behind_its_wall_is_told_with_the_chain_and_the_remedy_mends_it() {
    let world = plain().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE middle; GRANT staff TO middle; REVOKE staff FROM api_v2; GRANT middle TO api_v2; GRANT SELECT (api_key), UPDATE (api_key) ON app.locations TO staff").await;
    let findings = look(&world, "app_owner").await.findings;
    let lines = said(&findings);
    assert_eq!(findings.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with(r#"KW230 app.locations for staff: SELECT ("api_key"), UPDATE ("api_key") is granted to staff: api_v2 → middle → staff."#), "{lines:?}");
    dba.ok(&findings[0].remedy).await;
    assert_eq!(said(&look(&world, "app_owner").await.findings), Vec::<String>::new());
    dba.ok("ALTER TABLE app.locations ADD extra text").await;
    let findings = look(&world, "app_owner").await.findings;
    assert_eq!(
        findings.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(),
        ["app.locations for api_v1", "app.locations for api_v2"]
    );
    assert!(
        said(&findings)[1].contains(r#"but not INSERT ("extra"), SELECT ("extra"), UPDATE ("extra")"#),
        "{:?}",
        said(&findings)
    );
    for finding in &findings {
        dba.ok(&finding.remedy).await;
    }
    assert_eq!(said(&look(&world, "app_owner").await.findings), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_view_or_function_shows_nobody_is_no_way_past_a_wall() {
    let world = plain().await;
    let mut dba = world.act("postgres").await;
    let of = async |id: &str| look(&world, "app_owner").await.findings.iter().filter(|finding| finding.id == id).count();
    dba.ok("SET ROLE app_owner; CREATE VIEW app.v AS SELECT api_key FROM app.locations; GRANT SELECT ON app.v TO app_ui; CREATE VIEW app.names AS SELECT id, name FROM app.locations; GRANT SELECT ON app.names TO api_v2;
            CREATE FUNCTION app.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT max(api_key) FROM app.locations'; REVOKE ALL ON FUNCTION app.f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION app.f() TO app_ui;
            CREATE FUNCTION app.g() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.locations';
            CREATE FUNCTION app.h() RETURNS text LANGUAGE sql AS 'SELECT max(api_key) FROM app.locations'; RESET ROLE")
        .await;
    assert_eq!((of("KW237").await, of("KW238").await), (0, 0));
    // a view of one who can't read the column itself
    dba.ok("ALTER VIEW app.v OWNER TO partner; GRANT USAGE ON SCHEMA app TO partner; GRANT SELECT ON app.v TO api_v2").await;
    assert_eq!(of("KW237").await, 0);
    dba.ok("GRANT SELECT (api_key) ON app.locations TO partner").await;
    assert_eq!(of("KW237").await, 1, "control");
    dba.ok("GRANT EXECUTE ON FUNCTION app.f() TO api_v2").await;
    assert_eq!(of("KW238").await, 1, "control");
}

#[tokio::test]
async fn a_wall_that_is_only_planned_is_told_once() {
    let mut world = World::applied().await;
    let text = MANIFEST.replace("generate = {", "hide     = \"revoke\"\ngenerate = {");
    world.manifest = Manifest::parse(&text, "keyward.toml").unwrap();
    let findings = look(&world, "app_owner").await.findings;
    assert_eq!(findings.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>(), ["KW102"], "{:?}", said(&findings));
}
