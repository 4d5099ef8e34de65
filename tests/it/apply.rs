//! What plan and apply promise: the difference and nothing but the difference, under short locks.

use keyward::apply::{self, Options};
use keyward::error::Kind;
use keyward::manifest::Manifest;
use keyward::plan::{Action, Plan};

use crate::fixture::{MANIFEST, World, skipped};

/// The identities of a plan's steps.
fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[tokio::test]
async fn an_applied_database_has_an_empty_plan() {
    let world = World::bare().await;
    assert!(!world.plan().await.is_empty());
    world.apply().await;
    let plan = world.plan().await;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}

#[tokio::test]
async fn a_superuser_applies_as_well() {
    let world = World::bare().await;
    world.apply_as("postgres").await.unwrap();
    let mut superuser = world.connect("postgres").await;
    assert!(apply::plan(&mut superuser, &world.manifest).await.unwrap().is_empty());
    // whoever comes next needs the owner's rights
    let error = apply::plan(&mut world.connect("app_owner").await, &world.manifest).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(error.hint(), Some("GRANT keyward_owner TO \"app_owner\"; or run keyward as a superuser"));
    world.act("postgres").await.ok("GRANT keyward_owner TO app_owner").await;
    assert!(world.plan().await.is_empty());
}

#[tokio::test]
async fn after_tampering_the_plan_is_exactly_the_repair() {
    let world = World::applied().await;
    let mut dba = world.act("postgres").await;
    let trigger = |name: &str, table: &str| format!("trigger \"~keyward_{name}\" on \"app\".\"{table}\"");
    let tampering = [
        (
            "DROP TRIGGER \"~keyward_legacy_users_update\" ON app.users",
            trigger("legacy_users_update", "users"),
            "CREATE OR REPLACE",
        ),
        (
            "ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_insert\"",
            trigger("location_api_key_withhold_insert", "locations"),
            "ALTER TABLE",
        ),
        (
            "ALTER TABLE app.locations ENABLE TRIGGER \"~keyward_location_api_key_assert_insert\"",
            trigger("location_api_key_assert_insert", "locations"),
            "ALTER TABLE",
        ),
        (
            "CREATE OR REPLACE FUNCTION keyward.deny_legacy_users() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "function keyward.\"deny_legacy_users\"".to_owned(),
            "CREATE OR REPLACE FUNCTION",
        ),
        (
            "ALTER FUNCTION keyward.withhold_location_api_key() SECURITY INVOKER",
            "function keyward.\"withhold_location_api_key\"".to_owned(),
            "CREATE OR REPLACE FUNCTION",
        ),
        (
            "GRANT EXECUTE ON FUNCTION keyward.seal_location_api_key(bigint[]) TO api_v1",
            "function keyward.\"seal_location_api_key\"".to_owned(),
            "CREATE OR REPLACE FUNCTION",
        ),
        (
            "DROP POLICY ui_reads ON keyward.vault_location_api_key",
            "access keyward.\"vault_location_api_key\"".to_owned(),
            "REVOKE",
        ),
        (
            "ALTER TABLE keyward.vault_location_api_key NO FORCE ROW LEVEL SECURITY",
            "access keyward.\"vault_location_api_key\"".to_owned(),
            "REVOKE",
        ),
        ("GRANT ALL ON ALL TABLES IN SCHEMA keyward TO api_v2", "access keyward.\"account_setting\"".to_owned(), "REVOKE"),
        (
            "ALTER POLICY \"~keyward_legacy_users_insert\" ON app.users WITH CHECK (true)",
            "policy \"~keyward_legacy_users_insert\" on \"app\".\"users\"".to_owned(),
            "DROP POLICY",
        ),
        ("ALTER TABLE app.users DISABLE ROW LEVEL SECURITY", "row-level security on \"app\".\"users\"".to_owned(), "ALTER TABLE"),
        (
            "GRANT TRIGGER ON app.locations TO api_v1",
            "revocation from api_v1 on \"app\".\"locations\"".to_owned(),
            "REVOKE TRIGGER",
        ),
    ];
    for (act, identity, begins) in tampering {
        dba.ok(act).await;
        let plan = world.plan().await;
        let step = plan.steps.iter().find(|step| step.id == identity).unwrap_or_else(|| panic!("{act}: {:?}", ids(&plan)));
        assert_eq!(step.action, Action::Repair, "{act}");
        assert!(step.sql.starts_with(begins), "{act}: {}", step.sql);
        if !act.starts_with("GRANT ALL") {
            assert_eq!(plan.steps.len(), 1, "{act}: {:?}", ids(&plan));
        }
        world.apply().await;
        assert!(world.plan().await.is_empty(), "{act}");
    }
    let api: i64 = dba
        .get("SELECT count(*) AS v FROM information_schema.table_privileges WHERE table_schema = 'keyward' AND grantee = 'api_v2' AND table_name LIKE 'vault%'")
        .await;
    assert_eq!(api, 0, "the repair took the grants away");
}

#[tokio::test]
async fn what_cannot_be_enforced_is_refused_with_its_remedy() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    // (finding, what brings it about, what takes it away again)
    let situations = [
        ("superuser:api_v1", "ALTER ROLE api_v1 SUPERUSER", "ALTER ROLE api_v1 NOSUPERUSER"),
        ("owns_table:api_v2 app.users", "ALTER TABLE app.users OWNER TO api_v2", "ALTER TABLE app.users OWNER TO app_owner"),
        ("owns_table:api_v2 app.users", "GRANT app_owner TO api_v2", "REVOKE app_owner FROM api_v2"),
        ("writes_all_data:api_v1", "GRANT pg_write_all_data TO api_v1", "REVOKE pg_write_all_data FROM api_v1"),
        ("can_become:api_v1 app_ui", "GRANT app_ui TO api_v1", "REVOKE app_ui FROM api_v1"),
        ("can_become:legacy_login app_ui", "GRANT app_ui TO legacy_login", "REVOKE app_ui FROM legacy_login"),
        (
            "generated_column:app.locations.api_key",
            "ALTER TABLE app.locations DROP COLUMN api_key; ALTER TABLE app.locations ADD api_key text GENERATED ALWAYS AS (name || 'k') STORED",
            "ALTER TABLE app.locations ALTER COLUMN api_key DROP EXPRESSION; CREATE UNIQUE INDEX ON app.locations (api_key)",
        ),
        (
            "key_in_foreign_key:app.locations.api_key k",
            "CREATE TABLE app.k (k text CONSTRAINT k REFERENCES app.locations (api_key))",
            "DROP TABLE app.k",
        ),
        (
            "check_demands_key:app.locations.api_key must",
            "ALTER TABLE app.locations ADD CONSTRAINT must CHECK (api_key IS NOT NULL)",
            "ALTER TABLE app.locations DROP CONSTRAINT must",
        ),
        (
            "check_demands_key:app.locations.api_key either",
            "ALTER TABLE app.locations ADD CONSTRAINT either CHECK (api_key IS NOT NULL OR name = 'x')",
            "ALTER TABLE app.locations DROP CONSTRAINT either",
        ),
        (
            "restrictive_policy:app.locations tenant",
            "ALTER TABLE app.locations ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON app.locations AS RESTRICTIVE USING (account_id = 1)",
            "DROP POLICY tenant ON app.locations; ALTER TABLE app.locations DISABLE ROW LEVEL SECURITY",
        ),
        (
            "dormant_policy:app.users asleep",
            "CREATE POLICY asleep ON app.users AS RESTRICTIVE USING (false)",
            "DROP POLICY asleep ON app.users",
        ),
        ("inheritance_children:app.locations", "CREATE TABLE app.child () INHERITS (app.locations)", "DROP TABLE app.child"),
        (
            "generated_key_too_long:app.locations.api_key",
            "ALTER TABLE app.locations ALTER api_key TYPE varchar(40)",
            "ALTER TABLE app.locations ALTER api_key TYPE text",
        ),
        (
            "id_not_unique:app.locations",
            "ALTER TABLE app.locations DROP CONSTRAINT locations_pkey",
            "ALTER TABLE app.locations ADD CONSTRAINT locations_pkey PRIMARY KEY (id)",
        ),
    ];
    assert!(world.plan().await.refusals(&[]).is_empty(), "{:#?}", world.plan().await.refusals(&[]));
    for (id, act, mend) in situations {
        dba.ok(act).await;
        let plan = world.plan().await;
        let refusal = plan.refusals(&[]).into_iter().find(|finding| finding.id == id);
        let refusal = refusal.unwrap_or_else(|| panic!("{act}: {:#?}", plan.findings));
        assert!(!refusal.remedy.is_empty() && !refusal.detail.is_empty(), "{id}");
        let error = world.apply_as("app_owner").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{id}");
        assert!(error.to_string().contains(id), "{error}");
        dba.ok(mend).await;
        assert!(world.plan().await.refusals(&[]).is_empty(), "{mend}: {:#?}", world.plan().await.refusals(&[]));
    }
    world.apply().await;
}

#[tokio::test]
async fn accounts_with_many_spellings_or_of_types_that_do_not_fit_are_refused() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE EXTENSION citext SCHEMA public").await;
    let icu = dba.get::<bool>("SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS v").await;
    let loose = if icu {
        dba.ok("CREATE COLLATION public.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").await;
        "COLLATE public.loose"
    } else {
        skipped("a collation that is not deterministic (a server built without ICU)");
        ""
    };
    let loose_text = format!("text {loose}");
    // the types of account ids, of what the two tables on the way to them refer by, of a user's account; and what is said of which column
    let situations = [
        (["public.citext", "bigint", "bigint", "public.citext", "public.citext"], Some("account_type:odd.accounts")),
        ([loose_text.as_str(), "bigint", "bigint", "text", "text"], icu.then_some("account_type:odd.accounts.id")),
        (["text", "bigint", "bigint", loose_text.as_str(), "text"], icu.then_some("account_type:odd.sites.account")),
        (["text", "public.citext", "public.citext", "text", "text"], Some("account_type:odd.devices.site")),
        (["text", "text", "bigint", "text", "text"], Some("account_type:odd.devices.site")),
        (["integer", "bigint", "bigint", "uuid", "integer"], Some("account_type:odd.sites.account")),
        (["integer", "bigint", "bigint", "integer", "bigint"], Some("account_type:odd.users.account")),
        (["bigint", "integer", "bigint", "integer", "smallint"], None),
        (["varchar(9)", "uuid", "uuid", "text", "varchar(9)"], None),
    ];
    for (types, refused) in situations {
        let [account, device_site, site, site_account, user_account] = types;
        dba.ok(&format!(
            "CREATE SCHEMA odd AUTHORIZATION app_owner; SET ROLE app_owner;
             CREATE TABLE odd.accounts (id {account} PRIMARY KEY);
             CREATE TABLE odd.sites (id {site} PRIMARY KEY, account {site_account});
             CREATE TABLE odd.devices (id bigint PRIMARY KEY, site {device_site}, api_key text UNIQUE);
             CREATE TABLE odd.users (id bigint PRIMARY KEY, account {user_account}); RESET ROLE"
        ))
        .await;
        let manifest = Manifest::parse(
            "version = 1\n[setting]\ncutover = 2024-06-17T00:00:00Z\n[roles]\nui = ['app_ui']\napi = ['api_v1']\n
             [accounts]\ntable = 'odd.accounts'\nid = 'id'\n
             [[keys]]\nname = 'k'\ntable = 'odd.devices'\nid = 'id'\ncolumn = 'api_key'\naccount = { column = 'site', via = 'odd.sites', id = 'id', account = 'account' }\n
             [[writes]]\nname = 'u'\ntable = 'odd.users'\naccount = 'account'\nroles = ['api_v1']\nrls = true\n",
            "odd.toml",
        )
        .unwrap();
        let mut db = world.connect("app_owner").await;
        let plan = apply::plan(&mut db, &manifest).await.unwrap();
        let found: Vec<_> = plan.refusals(&[]).into_iter().map(|finding| finding.id.as_str()).collect();
        match refused {
            Some(refused) => assert!(found.contains(&refused), "{types:?}: {found:?}"),
            None => assert!(!found.iter().any(|id| id.starts_with("account_type")), "{types:?}: {found:?}"),
        }
        if let Some(refused) = refused {
            let options = Options { accepted_risks: vec![refused.to_owned()], ..Options::default() };
            let error = apply::apply(&mut db, &manifest, &plan, &options, &mut |_| {}).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Refused, "{types:?}: it can't be overruled");
        }
        dba.ok("DROP SCHEMA odd CASCADE").await;
    }
}

#[tokio::test]
async fn a_key_column_that_distinguishes_no_nulls_is_refused() {
    let world = World::bare().await;
    if !world.has(15, "NULLS NOT DISTINCT") {
        return;
    }
    let mut dba = world.act("postgres").await;
    dba.ok("CREATE UNIQUE INDEX one_null ON app.locations (api_key) NULLS NOT DISTINCT").await;
    let plan = world.plan().await;
    assert!(plan.refusals(&[]).iter().any(|finding| finding.id == "nulls_not_distinct:app.locations.api_key one_null"));
}

#[tokio::test]
async fn a_refusal_is_overruled_by_its_name_only_and_the_ledger_tells() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("GRANT app_ui TO legacy_login").await;
    let mut db = world.connect("app_owner").await;
    let plan = apply::plan(&mut db, &world.manifest).await.unwrap();
    let mut options = Options { accepted_risks: vec!["can_become:somebody app_ui".to_owned()], ..Options::default() };
    assert_eq!(apply::apply(&mut db, &world.manifest, &plan, &options, &mut |_| {}).await.unwrap_err().kind(), Kind::Refused);
    options.accepted_risks = vec!["can_become:legacy_login app_ui".to_owned()];
    apply::apply(&mut db, &world.manifest, &plan, &options, &mut |_| {}).await.unwrap();
    let rows: i64 = dba
        .get("SELECT count(*) AS v FROM keyward.ledger WHERE actor = 'app_owner' AND accepted_risks = '{can_become:legacy_login app_ui}'")
        .await;
    assert!(rows > 40, "{rows}");
}

#[tokio::test]
async fn missing_rights_are_named_one_by_one() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER ROLE app_owner NOCREATEROLE; ALTER DATABASE shop OWNER TO postgres; ALTER TABLE app.users OWNER TO postgres")
        .await;
    let plan = world.plan().await;
    let missing: Vec<_> = plan.refusals(&[]).into_iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(missing, ["missing_right:app.users", "missing_right:keyward_owner", "missing_right:shop"]);
}

#[tokio::test]
async fn not_null_is_dropped_with_a_hazard_that_says_so() {
    let world = World::bare().await;
    let mut dba = world.act("postgres").await;
    dba.ok("ALTER TABLE app.locations ALTER api_key SET NOT NULL").await;
    let plan = world.plan().await;
    let hazards: Vec<_> = plan.steps.iter().flat_map(|step| &step.hazards).map(|hazard| hazard.id.as_str()).collect();
    assert!(hazards.contains(&"drops_not_null") && hazards.contains(&"enables_rls"), "{hazards:?}");
    world.apply().await;
    world.opt_in("1").await;
    assert!(world.plan().await.is_empty());
}

#[tokio::test]
async fn a_changed_manifest_is_a_planned_change_and_loses_no_key() {
    let mut world = World::applied().await;
    world.opt_in("1").await;
    let mut gateway = world.act("api_gateway").await;

    // another name for the key: the vault keeps its contents
    world.manifest = Manifest::parse(&MANIFEST.replace("location_api_key", "site_key"), "keyward.toml").unwrap();
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:?}", ids(&world.plan().await));
    assert_eq!(gateway.get::<i64>("SELECT id AS v FROM keyward.authenticate_site_key('key-1')").await, 1);
    assert_eq!(gateway.err("SELECT * FROM keyward.authenticate_location_api_key('key-1')").await, "42883");
    let mut api = world.act("api_v2").await;
    api.ok("INSERT INTO app.locations (id, account_id, name, api_key) VALUES (200, 1, 'new', 'given')").await;
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 200").await, None);

    // no writes any more: the guards and policies go
    let (keys_only, _) = MANIFEST.split_once("[[writes]]").unwrap();
    world.manifest = Manifest::parse(&keys_only.replace("location_api_key", "site_key"), "keyward.toml").unwrap();
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:?}", ids(&world.plan().await));
    let mut legacy = world.act("api_v1").await;
    legacy.ok("UPDATE app.users SET email = 'x' WHERE id = 1").await;
    assert!(!api.get::<bool>("SELECT relrowsecurity AS v FROM pg_class WHERE oid = 'app.users'::regclass").await);

    // no key any more: it is published
    let (head, writes) = MANIFEST.split_once("[[keys]]").unwrap();
    let writes = writes.split_once("[[writes]]").unwrap().1;
    world.manifest = Manifest::parse(&format!("{head}[[writes]]{writes}"), "keyward.toml").unwrap();
    world.apply().await;
    assert!(world.plan().await.is_empty(), "{:?}", ids(&world.plan().await));
    assert_eq!(api.get::<Option<String>>("SELECT api_key AS v FROM app.locations WHERE id = 1").await.as_deref(), Some("key-1"));
}

#[tokio::test]
async fn a_manifest_for_another_database_is_a_usage_error_that_lists_what_is_missing() {
    let world = World::bare().await;
    let manifest =
        MANIFEST.replace("app.users", "app.people").replace("\"api_key\"", "\"token\"").replace("app_ui", "nobody_here");
    let manifest = Manifest::parse(&manifest, "keyward.toml").unwrap();
    let error = apply::plan(&mut world.connect("app_owner").await, &manifest).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    for missing in ["app.people", "token", "nobody_here"] {
        assert!(error.to_string().contains(missing), "{error}");
    }
}

#[tokio::test]
async fn a_new_partition_is_planned_for() {
    let script = include_str!("sql/app.sql").replace(
        "    api_key text UNIQUE,\n    updated_at timestamptz NOT NULL DEFAULT now()\n);",
        "    api_key text,\n    updated_at timestamptz NOT NULL DEFAULT now()\n) PARTITION BY HASH (id);
         CREATE TABLE app.locations_0 PARTITION OF app.locations FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
    );
    let script = script.replace("HASH (id)", "LIST (account_id)").replace(
        "CREATE TABLE app.locations_0 PARTITION OF app.locations FOR VALUES WITH (MODULUS 2, REMAINDER 0);",
        "CREATE TABLE app.locations_0 PARTITION OF app.locations FOR VALUES IN (1, 2, 3, 4, 5);",
    );
    let script = script
        .replace(
            "CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES WITH (MODULUS 2, REMAINDER 1);",
            "CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES IN (6, 7, 8, 9, 10);",
        )
        .replace(
            "CREATE TABLE app.locations (\n    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,",
            "CREATE SEQUENCE app.locations_id_seq;\nCREATE TABLE app.locations (\n    id bigint NOT NULL DEFAULT nextval('app.locations_id_seq'),",
        );
    let world = World::with(&script, MANIFEST, "shop").await;
    world.apply().await;
    assert!(world.plan().await.is_empty());
    let mut owner = world.act("app_owner").await;
    owner.ok("CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (11, 12)").await;
    assert_eq!(
        ids(&world.plan().await),
        [r#"trigger "~keyward_location_api_key_follow_truncate" on "app"."locations_2""#],
        "row triggers are cloned, a statement trigger is not"
    );
    world.apply().await;
    owner.ok("ALTER TABLE app.locations_2 DISABLE TRIGGER \"~keyward_location_api_key_withhold_insert\"").await;
    let plan = world.plan().await;
    assert_eq!(ids(&plan), [r#"trigger "~keyward_location_api_key_withhold_insert" on "app"."locations""#]);
    world.apply().await;
    assert!(world.plan().await.is_empty());
}
