//! `keyward verify` on keys with `hide = "revoke"`: every attack is refused, a hole in the wall is found by the attack that goes through it, and
//! nothing is left behind.

use std::collections::BTreeSet;

use keyward::manifest::Manifest;
use keyward::report::{self, Paint};
use keyward::verify::{Options, Outcome, Report};

use crate::fixture::{MANIFEST, World};
use crate::verify::{all_ok, dump, everything, only, run, shape};
use Outcome::{Bypassed, Hidden, Refused, Stopped, Stripped};

/// The standard application with a key that stays in its column.
async fn walled() -> World {
    let mut world = World::bare().await;
    let text = MANIFEST.replace("generate = {", "hide     = \"revoke\"\ngenerate = {");
    world.manifest = Manifest::parse(&text, "keyward.toml").unwrap_or_else(|error| panic!("{error}"));
    world.apply().await;
    world
}

fn outcomes(report: &Report, id: &str, role: &str) -> BTreeSet<Outcome> {
    report.probes.iter().filter(|verdict| verdict.id == id && verdict.role == role).map(|verdict| verdict.outcome).collect()
}

#[tokio::test]
async fn behind_a_wall_every_attack_is_refused_and_nothing_is_left_behind() {
    let world = walled().await;
    world.opt_in("1").await;
    world.act("postgres").await.ok("ANALYZE").await;
    let moved = ["keyward.event_id_seq".to_owned(), "keyward.setting_change_id_seq".to_owned()];
    let before = (everything(&world, &moved).await, dump(&world, &moved));
    let report = run(&world, "postgres", &Options::new()).await;
    all_ok(&report, &[]);
    assert_eq!((everything(&world, &moved).await, dump(&world, &moved)), before);
    let of_key: BTreeSet<_> =
        report.probes.iter().filter(|verdict| verdict.entry == "location_api_key").map(|verdict| &verdict.id).collect();
    assert!(of_key.len() > 75, "{}", of_key.len());
    for (id, role, outcome) in [
        ("read_star", "api_v1", Refused),
        ("read_star", "legacy_login", Refused),
        ("read_copy_to", "api_v2", Refused),
        ("read_order", "api_v2", Refused),
        ("read_returning", "api_v2", Refused),
        ("read_failing_row", "api_v2", Hidden),
        ("read_statistics", "api_v2", Hidden),
        ("read_duplicate_key", "api_v2", Refused),
        ("read_references", "api_v2", Stopped),
        ("key_insert", "api_v2", Refused),
        ("key_insert", "app_ui", Stripped),
        ("key_update", "api_v2", Refused),
        ("key_clear", "api_v2", Refused),
        ("key_update_granted", "api_v2", Stripped),
        ("key_definer_function", "api_v2", Stripped),
        ("key_later_trigger", "app_ui", Stopped),
        ("vault_reveal", "api_v2", Stopped),
        ("wall_view", "api_v2", Hidden),
        ("wall_function", "api_v2", Hidden),
    ] {
        assert_eq!(outcomes(&report, id, role), BTreeSet::from([outcome]), "{id} as {role}");
    }
    // a vault's attacks have no meaning here
    assert!(report.not_applicable.iter().any(|id| id == "vault_direct") && !of_key.iter().any(|id| **id == "key_sealed"));
}

#[tokio::test]
async fn a_wall_of_any_shape_is_attacked() {
    // a partitioned table with uuids and odd names
    let world = shape(
        r#"CREATE TABLE app.accounts (id uuid PRIMARY KEY);
           CREATE TABLE app."Loc""ations" ("The id" uuid NOT NULL, "We""ird account" uuid NOT NULL, "API ""key""" varchar(60), "select" text NOT NULL) PARTITION BY LIST ("select");
           CREATE TABLE app."part %0" PARTITION OF app."Loc""ations" FOR VALUES IN ('x');
           CREATE TABLE app."part %1" PARTITION OF app."Loc""ations" DEFAULT;
           CREATE INDEX ON app."Loc""ations" ("The id"); CREATE INDEX ON app."Loc""ations" ("We""ird account");
           INSERT INTO app.accounts SELECT md5(n::text)::uuid FROM generate_series(1, 3) AS n;
           INSERT INTO app."Loc""ations" SELECT md5('l' || n)::uuid, md5(n::text)::uuid, 'key-' || n, 'x' FROM generate_series(1, 3) AS n;"#,
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.\"Loc\"\"ations\"'\nid = 'The id'\ncolumn = 'API \"key\"'\naccount = 'We\"ird account'\nhide = 'revoke'\non_insert = 'reject'\ngenerate = { bytes = 16 }\n",
    )
    .await;
    let report = run(&world, "postgres", &Options::new()).await;
    all_ok(&report, &["read_statistics"]);
    for (id, outcome) in [("read_partition", Refused), ("key_partition", Refused), ("key_insert_granted", Stopped)] {
        assert_eq!(outcomes(&report, id, "api"), BTreeSet::from([outcome]), "{id}");
    }
    world.act("postgres").await.ok("GRANT SELECT ON app.\"part %0\", app.\"part %1\" TO api").await;
    let report = run(&world, "postgres", &only(&["read_partition", "read_star"])).await;
    assert_eq!(outcomes(&report, "read_partition", "api"), BTreeSet::from([Bypassed]));
    assert_eq!(outcomes(&report, "read_star", "api"), BTreeSet::from([Refused]), "the table itself is closed");

    // beside a key with a vault, in the accounts table itself
    let world = shape(
        "CREATE TABLE app.accounts (id bigint PRIMARY KEY, name text NOT NULL, secret text UNIQUE, other text); INSERT INTO app.accounts VALUES (1, 'a', 'key-1', 'other-1'), (2, 'b', 'key-2', 'other-2');",
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.accounts'\nid = 'id'\ncolumn = 'secret'\naccount = 'id'\nhide = 'revoke'\n[[keys]]\nname = 'o'\ntable = 'app.accounts'\nid = 'id'\ncolumn = 'other'\naccount = 'id'\n",
    )
    .await;
    all_ok(&run(&world, "postgres", &Options::new()).await, &["read_statistics"]);

    // by way of another table
    let world = shape(
        r#"CREATE TABLE app.accounts (id text COLLATE "C" PRIMARY KEY);
           CREATE TABLE app.sites (id text PRIMARY KEY, account text REFERENCES app.accounts ON DELETE CASCADE);
           CREATE TABLE app.hooks (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, site text REFERENCES app.sites ON DELETE CASCADE, secret uuid NOT NULL UNIQUE DEFAULT gen_random_uuid());
           INSERT INTO app.accounts VALUES ('a'), ('b'); INSERT INTO app.sites VALUES ('s', 'a'); INSERT INTO app.hooks (site) VALUES ('s');
           GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO app_ui, api;"#,
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.hooks'\nid = 'id'\ncolumn = 'secret'\naccount = { column = 'site', via = 'app.sites', id = 'id', account = 'account' }\nhide = 'revoke'\n",
    )
    .await;
    let report = run(&world, "postgres", &Options::new()).await;
    all_ok(&report, &["read_statistics"]);
    assert_eq!(outcomes(&report, "key_default", "api"), BTreeSet::from([Stripped]));
}

/// A hole: how it is made and mended (by apply, where nothing is said), the attack that goes through it, and what comes of that.
type Hole<'a> = (&'a str, &'a str, &'a str, Outcome);

/// Privileges that come back.
const PRIVILEGES: &[Hole<'_>] = &[
    ("GRANT SELECT ON app.locations TO api_v2", "", "read_star", Bypassed),
    (
        "GRANT SELECT (api_key) ON app.locations TO api_v2",
        "REVOKE SELECT (api_key) ON app.locations FROM api_v2",
        "read_json",
        Bypassed,
    ),
    (
        "GRANT SELECT (api_key) ON app.locations TO api_v2",
        "REVOKE SELECT (api_key) ON app.locations FROM api_v2",
        "read_join_using",
        Bypassed,
    ),
    (
        "GRANT SELECT (api_key) ON app.locations TO PUBLIC",
        "REVOKE SELECT (api_key) ON app.locations FROM PUBLIC",
        "read_order",
        Bypassed,
    ),
    (
        "GRANT SELECT (api_key) ON app.locations TO staff",
        "REVOKE SELECT (api_key) ON app.locations FROM staff",
        "read_failing_row",
        Bypassed,
    ),
    (
        "GRANT SELECT (api_key) ON app.locations TO staff",
        "REVOKE SELECT (api_key) ON app.locations FROM staff",
        "read_statistics",
        Bypassed,
    ),
    ("GRANT pg_read_all_data TO api_v2", "REVOKE pg_read_all_data FROM api_v2", "read_copy_to", Bypassed),
    (
        "GRANT UPDATE (api_key) ON app.locations TO api_v1",
        "REVOKE UPDATE (api_key) ON app.locations FROM api_v1",
        "key_update",
        Stripped,
    ),
    (
        "GRANT UPDATE (api_key) ON app.locations TO api_v1",
        "REVOKE UPDATE (api_key) ON app.locations FROM api_v1",
        "key_clear",
        Bypassed,
    ),
    ("GRANT INSERT ON app.locations TO PUBLIC", "REVOKE INSERT ON app.locations FROM PUBLIC", "key_insert", Stripped),
    ("GRANT INSERT ON app.locations TO api_v1", "", "read_duplicate_key", Bypassed),
];

/// Other ways past a wall.
const WAYS: &[Hole<'_>] = &[
    ("GRANT app_ui TO api_v2", "REVOKE app_ui FROM api_v2", "vault_reveal", Bypassed),
    (
        "GRANT EXECUTE ON FUNCTION keyward.authenticate_location_api_key(text) TO api_v2",
        "REVOKE EXECUTE ON FUNCTION keyward.authenticate_location_api_key(text) FROM api_v2",
        "vault_authenticate",
        Bypassed,
    ),
    (
        "GRANT REFERENCES (api_key) ON app.locations TO PUBLIC",
        "REVOKE REFERENCES (api_key) ON app.locations FROM PUBLIC",
        "read_references",
        Bypassed,
    ),
    (
        "CREATE VIEW app.all_of_it AS SELECT * FROM app.locations; ALTER VIEW app.all_of_it OWNER TO app_owner; GRANT SELECT (api_key) ON app.all_of_it TO api_v2",
        "DROP VIEW app.all_of_it",
        "wall_view",
        Bypassed,
    ),
    (
        "CREATE VIEW app.inner AS SELECT to_jsonb(l) AS j FROM app.locations AS l; CREATE VIEW app.\"out%er\" AS SELECT j ->> 'api_key' AS k FROM app.inner; GRANT SELECT ON app.\"out%er\" TO staff",
        "DROP VIEW app.inner CASCADE",
        "wall_view",
        Bypassed,
    ),
    (
        "CREATE FUNCTION app.peek(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT api_key FROM app.locations WHERE id = $1'; ALTER FUNCTION app.peek(bigint) OWNER TO app_owner",
        "DROP FUNCTION app.peek(bigint)",
        "wall_function",
        Bypassed,
    ),
    (
        "CREATE FUNCTION app.peek(account bigint, OUT id bigint, OUT k text) RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN QUERY SELECT l.id, l.api_key FROM app.locations AS l WHERE l.account_id = account; END $$",
        "DROP FUNCTION app.peek(bigint)",
        "wall_function",
        Bypassed,
    ),
    (
        "CREATE FUNCTION app.peek(bigint) RETURNS SETOF app.locations LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT * FROM app.locations WHERE id = $1; END",
        "DROP FUNCTION app.peek(bigint)",
        "wall_function",
        Bypassed,
    ),
];

#[tokio::test]
async fn a_planted_hole_in_a_wall_is_found_by_the_attack_that_goes_through_it() {
    let world = walled().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE ROLE staff; GRANT staff TO api_v2; CREATE FUNCTION app.harmless(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT name FROM app.locations WHERE id = $1';
            CREATE VIEW app.names AS SELECT id, name FROM app.locations; GRANT SELECT ON app.names TO api_v2; ANALYZE app.locations")
        .await;
    let guard: String = dba.get("SELECT pg_get_functiondef('keyward.withhold_location_api_key()'::regprocedure) AS v").await;
    let nothing =
        "CREATE OR REPLACE FUNCTION keyward.withhold_location_api_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                   SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$";
    let disabled = "ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_insert\"; ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_assert_insert\"";
    let enabled = disabled.replace("DISABLE", "ENABLE ALWAYS");
    let guards: [Hole<'_>; 3] = [
        (disabled, &enabled, "key_view", Bypassed),
        (disabled, &enabled, "key_insert_granted", Bypassed),
        (nothing, &guard, "key_update_granted", Stopped),
    ];
    let mut missed = Vec::new();
    for (make, mend, id, outcome) in PRIVILEGES.iter().chain(&guards).chain(WAYS) {
        all_ok(&run(&world, "postgres", &only(&[id])).await, &[]);
        dba.ok(make).await;
        let report = run(&world, "postgres", &only(&[id])).await;
        let found = report.failures().any(|verdict| verdict.outcome == *outcome && !verdict.remedy.is_empty());
        if found {
            let text = report::verify::text(&report, Paint::plain());
            assert!(text.contains(outcome.as_str()) && text.contains("close it:"), "{text}");
        } else {
            missed.push(format!("{make}: {id}\n{:#?}", report.probes));
        }
        // the plan mends what would take more away than it gave: REVOKE on the table takes the columns along
        if mend.is_empty() {
            world.apply().await;
        } else {
            dba.ok(mend).await;
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    all_ok(&run(&world, "postgres", &Options::new().gentle(true)).await, &[]);
}

#[tokio::test]
async fn a_function_that_writes_is_called_where_nothing_can_be_written() {
    let world = walled().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE SEQUENCE app.calls; CREATE FUNCTION app.count_and_tell(bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
              PERFORM nextval('app.calls'); RETURN (SELECT api_key FROM app.locations WHERE id = $1); END $$")
        .await;
    let report = run(&world, "postgres", &only(&["wall_function"])).await;
    all_ok(&report, &[]);
    assert!(!dba.get::<bool>("SELECT is_called AS v FROM app.calls").await);
    assert!(report.sequences.is_empty(), "{:?}", report.sequences);
}

#[tokio::test]
async fn behind_a_wall_a_control_that_fails_proves_nothing() {
    let world = walled().await;
    let mut dba = world.act("postgres").await;
    let options = || only(&["read_star", "key_insert", "wall_view"]).roles(vec![keyward::ident::Ident::new("api_v2").unwrap()]);
    all_ok(&run(&world, "postgres", &options()).await, &[]);
    // a column that came later, without its grant, keeps an API role from SELECT * even where it may read the key
    dba.ok("ALTER TABLE app.locations ADD extra text").await;
    all_ok(&run(&world, "postgres", &options()).await, &["read_star"]);
    world.apply().await;
    all_ok(&run(&world, "postgres", &options()).await, &[]);
    dba.ok("REVOKE USAGE ON SCHEMA app FROM api_v2").await;
    all_skipped(
        &run(&world, "postgres", &only(&["read_star", "key_insert"]).roles(vec![keyward::ident::Ident::new("api_v2").unwrap()]))
            .await,
    );
}

fn all_skipped(report: &Report) {
    assert!(
        !report.probes.is_empty() && report.probes.iter().all(|verdict| verdict.outcome == Outcome::Skipped),
        "{:#?}",
        report.probes
    );
}
