//! `keyward init`: a database is inspected, and the manifest that comes out is one, or says what must be decided. No key is ever shown.

use std::fs;

use keyward::manifest::{AccountPath, Manifest};

use crate::cli::{APPLY, Cli, Ran};
use crate::fixture::{Actor, World};

/// A manifest to start the world with; init writes another.
const NONE: &str = "version = 1\n[setting]\ncutover = 2024-06-17T00:00:00Z\n[accounts]\ntable = \"a.b\"\nid = \"c\"\n\
                    [[writes]]\nname = \"w\"\ntable = \"a.b\"\naccount = \"c\"\nroles = [\"r\"]\n";

/// A database, and keyward beside it without a manifest.
struct Site {
    world: World,
    cli: Cli,
}

impl Site {
    async fn new(script: &str) -> Self {
        let script =
            format!("CREATE ROLE app_owner LOGIN CREATEROLE;\nCREATE DATABASE shop OWNER app_owner;\n\\connect shop\n{script}");
        let world = World::with(&script, NONE, "shop").await;
        let cli = Cli::on(&world);
        fs::remove_file(cli.path("keyward.toml")).unwrap();
        Self { world, cli }
    }

    /// Drafts a manifest, and checks that nothing that is said holds one of these values.
    async fn init(&self, code: i32, secrets: &[&str]) -> (String, Ran) {
        let ran = self.cli.ends_with(code, &["init", "--force"]);
        let text = fs::read_to_string(self.cli.path("keyward.toml")).unwrap();
        let mut db = self.world.act("postgres").await;
        for query in secrets {
            let values: Vec<String> =
                db.get(&format!("SELECT jsonb_agg(secret) AS v FROM (SELECT {query}) AS all_of_them (secret)")).await;
            assert!(!values.is_empty());
            for value in values {
                assert!(!format!("{text}{ran:?}").contains(&value), "{value} is shown:\n{text}\n{ran:?}");
            }
        }
        (text, ran)
    }

    /// The drafted manifest, which has nothing left to decide.
    async fn manifest(&self, secrets: &[&str]) -> (Manifest, String) {
        let (text, _) = self.init(0, secrets).await;
        (Manifest::parse(&text, "keyward.toml").unwrap_or_else(|error| panic!("{error}\n{text}")), text)
    }

    /// Applies the drafted manifest, turns the setting on for an account, and returns how many keys an API role still reads of it.
    async fn keys_left(&self, account: &str, (ui, api): (&str, &str), count: &str) -> (i64, i64) {
        self.cli.ends_with(0, APPLY);
        self.cli.ends_with(0, &["plan", "--check"]);
        let count = format!("SELECT count(*) AS v FROM {count}");
        let mut api: Actor = self.world.act(api).await;
        let before = api.get(&count).await;
        self.world.act(ui).await.ok(&format!("SELECT keyward.opt_in({account}, 'test')")).await;
        (before, api.get(&count).await)
    }
}

#[tokio::test]
async fn the_draft_for_the_demo_protects_what_its_own_manifest_protects() {
    let script = format!(
        "{}\\connect demo\nSET ROLE app_owner;\n{}\n{};\nRESET ROLE;",
        include_str!("../../sql/demo/roles.sql"),
        include_str!("../../sql/demo/schema.sql"),
        include_str!("../../sql/demo/data.sql").replace("$1::bigint", "200::bigint"),
    );
    let world = World::with(&script, include_str!("../../sql/demo/manifest.toml"), "demo").await;
    let site = Site { cli: Cli::on(&world), world };
    // one that is there is not overwritten
    let ran = site.cli.ends_with(2, &["init"]);
    assert!(ran.stderr.contains("keyward.toml is there already"), "{ran:?}");
    let (drafted, text) = site.manifest(&["api_key FROM app.locations"]).await;
    let own = &site.world.manifest;
    assert_eq!(drafted.accounts, own.accounts);
    assert_eq!(drafted.roles, own.roles);
    assert_eq!(drafted.keys, own.keys);
    assert_eq!((&drafted.writes[0].table, &drafted.writes[0].roles), (&own.writes[0].table, &own.writes[0].roles));
    assert!(text.contains("its default makes one at random; it is unique; 500 sampled"), "{text}");
    let left = site.keys_left("1", ("app_ui", "api_v2"), "app.locations WHERE account_id = 1 AND api_key IS NOT NULL").await;
    assert_eq!(left, (5, 0));
    let shown = site.cli.ends_with(0, &["init", "--out", "-"]).stdout;
    assert_eq!(shown, text, "and keyward's own schema changes nothing about it");
}

#[tokio::test]
async fn names_are_quoted_whatever_they_are() {
    let site = Site::new(
        r#"
        CREATE ROLE "Web ""UI""" LOGIN;
        CREATE ROLE "api-v1's" LOGIN;
        CREATE ROLE "Other
# role" LOGIN;
        SET ROLE app_owner;
        CREATE SCHEMA "We""ird";
        CREATE SCHEMA "ÜBER";
        CREATE TABLE "We""ird"."ACCOUNT = [x]" ("Id""%" uuid PRIMARY KEY DEFAULT gen_random_uuid());
        CREATE TABLE "ÜBER"."Orte # [[keys]]" ("Nr'" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            "Konto\""" uuid NOT NULL REFERENCES "We""ird"."ACCOUNT = [x]",
            "API ""Key""" text DEFAULT md5(random()::text) || '9a');
        INSERT INTO "We""ird"."ACCOUNT = [x]" SELECT FROM generate_series(1, 3);
        INSERT INTO "ÜBER"."Orte # [[keys]]" ("Konto\""") SELECT "Id""%" FROM "We""ird"."ACCOUNT = [x]", generate_series(1, 20);
        CREATE INDEX ON "ÜBER"."Orte # [[keys]]" ("Konto\""");
        GRANT USAGE ON SCHEMA "We""ird", "ÜBER" TO "Web ""UI""", "api-v1's", "Other
# role";
        GRANT SELECT ON ALL TABLES IN SCHEMA "We""ird", "ÜBER" TO "Web ""UI""", "api-v1's", "Other
# role";
        RESET ROLE;
        "#,
    )
    .await;
    let table = "\"ÜBER\".\"Orte # [[keys]]\"";
    let (manifest, text) = site.manifest(&[&format!("\"API \"\"Key\"\"\" FROM {table}")]).await;
    assert_eq!(manifest.accounts.id.as_str(), "Id\"%");
    assert_eq!(manifest.keys[0].table.to_string(), table);
    assert_eq!(manifest.keys[0].column.as_str(), "API \"Key\"");
    assert_eq!(manifest.roles.ui[0].as_str(), "Web \"UI\"");
    assert_eq!(manifest.roles.api[0].as_str(), "api-v1's");
    assert!(text.contains(r#""Other\n# role": logs in"#), "a line break in a comment would end it:\n{text}");
    let mut db = site.world.act("postgres").await;
    let id: String = db.get("SELECT \"Id\"\"%\" AS v FROM \"We\"\"ird\".\"ACCOUNT = [x]\" LIMIT 1").await;
    let count = format!("{table} WHERE \"Konto\\\"\"\" = '{id}' AND \"API \"\"Key\"\"\" IS NOT NULL");
    assert_eq!(site.keys_left(&format!("'{id}'"), ("Web \"UI\"", "api-v1's"), &count).await, (20, 0));
}

#[tokio::test]
async fn a_partitioned_table_with_text_ids_is_found_by_its_root() {
    let site = Site::new(
        "CREATE ROLE portal LOGIN; CREATE ROLE rest_api LOGIN; CREATE ROLE rest_service LOGIN IN ROLE rest_api;
         SET ROLE app_owner;
         CREATE SCHEMA crm;
         CREATE TABLE crm.tenants (slug text PRIMARY KEY);
         CREATE TABLE crm.devices (id bigint GENERATED ALWAYS AS IDENTITY, tenant_slug text NOT NULL REFERENCES crm.tenants, made date NOT NULL,
             access_token varchar(40), PRIMARY KEY (id, made)) PARTITION BY RANGE (made);
         CREATE TABLE crm.devices_2023 PARTITION OF crm.devices FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
         CREATE TABLE crm.devices_2024 PARTITION OF crm.devices FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         CREATE INDEX ON crm.devices (tenant_slug);
         INSERT INTO crm.tenants VALUES ('north'), ('south');
         INSERT INTO crm.devices (tenant_slug, made, access_token)
         SELECT slug, date '2023-12-01' + n, 'dev_' || md5(slug || n) FROM crm.tenants, generate_series(1, 50) AS n;
         GRANT USAGE ON SCHEMA crm TO portal, rest_api;
         GRANT SELECT, UPDATE ON crm.tenants, crm.devices TO portal, rest_api;
         RESET ROLE;",
    )
    .await;
    let (manifest, text) = site.manifest(&["access_token FROM crm.devices"]).await;
    let key = &manifest.keys[0];
    assert_eq!((key.table.to_string(), key.id.as_str()), ("\"crm\".\"devices\"".to_owned(), "id"));
    assert_eq!(key.account, AccountPath::Column(keyward::ident::Ident::new("tenant_slug").unwrap()));
    assert_eq!((key.generate.prefix.as_str(), key.generate.bytes), ("dev_", 18), "what fits into varchar(40)");
    assert!(!text.contains("devices_2023"), "{text}");
    assert!(
        text.contains("rest_service: logs in; ") && text.replace("\n#  ", "").contains("counts as rest_api, which is listed"),
        "{text}"
    );
    let left = site.keys_left(
        "'north'",
        ("portal", "rest_service"),
        "crm.devices WHERE tenant_slug = 'north' AND access_token IS NOT NULL",
    );
    assert_eq!(left.await, (50, 0));
}

#[tokio::test]
async fn a_way_over_another_table_is_found_and_one_that_is_too_long_is_told() {
    let site = Site::new(
        "CREATE ROLE web LOGIN; CREATE ROLE api LOGIN;
         SET ROLE app_owner;
         CREATE SCHEMA core; CREATE SCHEMA hooks;
         CREATE TABLE core.agencies (id bigint PRIMARY KEY, api_key text UNIQUE);
         CREATE TABLE core.sites (id bigint PRIMARY KEY, agency_id bigint NOT NULL REFERENCES core.agencies);
         CREATE TABLE hooks.webhooks (id bigint PRIMARY KEY, site_id bigint NOT NULL REFERENCES core.sites, secret text NOT NULL);
         CREATE TABLE hooks.deliveries (id bigint PRIMARY KEY, webhook_id bigint NOT NULL REFERENCES hooks.webhooks, signing_secret text);
         -- without a foreign key, and two ways
         CREATE TABLE core.apps (id bigint PRIMARY KEY, agency_id bigint, client_secret text);
         CREATE TABLE core.links (id bigint PRIMARY KEY, buyer bigint REFERENCES core.agencies, seller bigint REFERENCES core.agencies, token text
             DEFAULT gen_random_uuid());
         INSERT INTO core.agencies SELECT n, md5(n::text) FROM generate_series(1, 30) AS n;
         INSERT INTO core.sites SELECT n, n FROM generate_series(1, 30) AS n;
         INSERT INTO hooks.webhooks SELECT n, n, 'whsec_' || md5('w' || n) FROM generate_series(1, 30) AS n;
         GRANT USAGE ON SCHEMA core, hooks TO web, api;
         GRANT SELECT ON ALL TABLES IN SCHEMA core, hooks TO web, api;
         RESET ROLE;",
    )
    .await;
    let (text, ran) = site.init(1, &["api_key FROM core.agencies", "secret FROM hooks.webhooks"]).await;
    assert!(text.contains(r#"account = { column = "site_id", via = "core.sites", id = "id", account = "agency_id" }"#), "{text}");
    assert!(text.contains(r#"account = { decide = ["buyer", "seller"] }"#), "{text}");
    let flowing = text.replace("\n# ", " ");
    assert!(flowing.contains("agency_id is named after core.agencies, though no foreign key"), "{text}");
    assert!(flowing.contains("the way to the account leads over hooks.webhooks and core.sites, and a manifest can"), "{text}");
    assert!(text.contains("# column = \"signing_secret\""), "{text}");
    let said = "decide this: `account` of [[keys]]; it may be \"buyer\" or \"seller\"";
    assert!(ran.stderr.contains(said), "{ran:?}");
    // plan doesn't guess either, and names the line
    let line = 1 + text.lines().position(|line| line.contains("decide = [\"buyer\"")).unwrap();
    let ran = site.cli.ends_with(2, &["plan"]);
    assert!(ran.stderr.contains(&format!("keyward.toml:{line}:11: {said}")), "{ran:?}");
    assert!(ran.stderr.contains("such as: account = \"buyer\""), "{ran:?}");
    // decided, it is a manifest
    let decided = text.replace("{ decide = [\"buyer\", \"seller\"] }", "\"seller\"");
    let manifest = Manifest::parse(&decided, "keyward.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(manifest.keys.len(), 4);
    assert_eq!(
        manifest.keys.iter().filter(|key| key.table == manifest.accounts.table).count(),
        1,
        "a key of the accounts themselves"
    );
    site.cli.manifest(&decided);
    let left = site.keys_left("1", ("web", "api"), "hooks.webhooks WHERE site_id = 1 AND secret IS NOT NULL").await;
    assert_eq!(left, (1, 0));
}

#[tokio::test]
async fn what_only_sounds_like_a_key_is_left_out_with_the_reason() {
    let site = Site::new(
        "CREATE ROLE website LOGIN; CREATE ROLE mobile_api LOGIN; CREATE ROLE reporting LOGIN; CREATE ROLE mystery LOGIN;
         SET ROLE app_owner;
         CREATE SCHEMA s;
         CREATE TABLE s.companies (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
         CREATE TABLE s.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), company_id uuid NOT NULL REFERENCES s.companies, email text,
             password_hash text, reset_token text, api_key_hash text, sort_key text, api_token uuid);
         CREATE TABLE s.sessions (token text PRIMARY KEY, user_id uuid REFERENCES s.users);
         CREATE TABLE s.files (id uuid PRIMARY KEY, company_id uuid REFERENCES s.companies, api_key jsonb, share_code text DEFAULT md5(random()::text),
             key text);
         INSERT INTO s.companies SELECT FROM generate_series(1, 30);
         INSERT INTO s.users (company_id, api_token) SELECT id, gen_random_uuid() FROM s.companies;
         INSERT INTO s.files SELECT gen_random_uuid(), id, '{}', md5(random()::text), 'report.pdf' FROM s.companies;
         GRANT USAGE ON SCHEMA s TO website, mobile_api, reporting, mystery;
         GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA s TO website, mobile_api;
         GRANT SELECT ON ALL TABLES IN SCHEMA s TO reporting, mystery;
         RESET ROLE;",
    )
    .await;
    let (manifest, text) = site.manifest(&["api_token FROM s.users", "share_code FROM s.files"]).await;
    assert_eq!(manifest.keys.len(), 1);
    assert_eq!(manifest.keys[0].column.as_str(), "api_token");
    let flowing = text.replace("\n#   ", " ");
    for said in [
        "- s.users.reset_token: by its name it is for one use",
        "- s.users.api_key_hash: by its name it is a hash",
        "- s.users.sort_key: by its name it is a look-up key",
        "- s.files.api_key: it is of type jsonb",
        "- s.files.key: it is named like a key; but 30 sampled values don't look random (1 different, 10 characters long)",
        "- reporting: logs in; reads s.companies, s.users; by its name it is neither",
        "- mystery: logs in; reads s.companies, s.users; its name doesn't say",
    ] {
        assert!(flowing.contains(said), "{said}:\n{flowing}");
    }
    // what is worth a look stands there as a comment, and so does the table of users, which no old API writes
    for said in ["# column = \"share_code\"", "# column = \"token\"", "# [[writes]]", "# table = \"s.users\""] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
    assert!(!text.contains("password_hash"), "{text}");
    // the marks taken off, it is an entry
    let at = text.find("# Perhaps a key").unwrap();
    let marked =
        text[at..].lines().take_while(|line| !line.is_empty()).filter(|line| line.contains(" = ") || line.contains("[["));
    let marked: Vec<_> = marked.map(|line| line.trim_start_matches("# ")).collect();
    let on = format!("{}{}\n", &text[..at], marked.join("\n"));
    assert_eq!(Manifest::parse(&on, "m").unwrap_or_else(|error| panic!("{error}\n{on}")).keys.len(), 2);
}

#[tokio::test]
async fn where_one_role_does_everything_the_roles_must_be_decided() {
    let site = Site::new(
        "CREATE ROLE shop LOGIN; CREATE ROLE core LOGIN;
         SET ROLE app_owner;
         CREATE TABLE public.accounts (id serial PRIMARY KEY);
         CREATE TABLE public.stores (id serial PRIMARY KEY, account_id int, api_key text);
         GRANT ALL ON ALL TABLES IN SCHEMA public TO shop, core;
         RESET ROLE;"
            .replace("SET ROLE app_owner", "GRANT ALL ON SCHEMA public TO app_owner; SET ROLE app_owner")
            .as_str(),
    )
    .await;
    let (text, ran) = site.init(1, &[]).await;
    assert!(text.contains("ui = { decide = [[\"core\"], [\"shop\"]] }"), "{text}");
    assert!(ran.stderr.contains("decide this: `ui` of [roles]; it may be [\"core\"] or [\"shop\"]"), "{ran:?}");
    assert!(ran.stderr.contains("decide this: `api` of [roles]"), "{ran:?}");
    assert!(text.contains("app_owner: logs in; owns public.accounts"), "{text}");
    // what connects says more than a name
    let settings = site.world.sandbox.url_as("shop", "shop") + "&application_name=dashboard";
    let resolved = keyward::db::settings::Settings::resolve(Some(&settings), &|_| None).unwrap();
    let held = keyward::db::Db::connect(&resolved).await.unwrap();
    let (text, _) = site.init(1, &[]).await;
    assert!(text.contains("ui = [\"shop\"]") && text.contains("has 1 sessions now (\"dashboard\")"), "{text}");
    assert!(text.contains("api = { decide = [[\"core\"]] }"), "{text}");
    held.close().await;
}

#[tokio::test]
async fn a_database_with_nothing_like_a_key_says_so() {
    let site = Site::new("CREATE SCHEMA s; CREATE TABLE s.notes (id int PRIMARY KEY, body text, monkey text);").await;
    let (text, ran) = site.init(1, &[]).await;
    assert!(text.contains("Nothing in this database looks enough like a key to be proposed"), "{text}");
    assert!(!text.contains("[[keys]]\n") && ran.stderr.contains("proposed: 0 key columns"), "{ran:?}");
    assert!(ran.stderr.contains("decide this: `table` of [accounts]"), "{ran:?}");
    let ran = site.cli.ends_with(2, &["plan"]);
    assert!(ran.stderr.contains("expected something to protect"), "{ran:?}");
    let empty = Site::new("SELECT 1;").await;
    empty.init(1, &[]).await;
}

#[tokio::test]
async fn an_inspection_writes_nothing_and_waits_for_nobody() {
    let site = Site::new(
        "CREATE ROLE web LOGIN; CREATE ROLE api LOGIN; CREATE ROLE blind LOGIN;
         SET ROLE app_owner; CREATE SCHEMA s; CREATE TABLE s.accounts (id int PRIMARY KEY, api_key text);
         INSERT INTO s.accounts SELECT n, md5(n::text) FROM generate_series(1, 40) AS n;
         GRANT USAGE ON SCHEMA s TO web, api; GRANT SELECT, UPDATE ON s.accounts TO web, api; RESET ROLE;",
    )
    .await;
    let mut db = site.world.act("postgres").await;
    db.ok("ALTER ROLE app_owner SET default_transaction_read_only = on").await;
    let (manifest, text) = site.manifest(&["api_key FROM s.accounts"]).await;
    assert_eq!(manifest.keys.len(), 1);
    assert!(text.contains("40 sampled values look random"), "{text}");
    // somebody holds the table: its values stay unknown
    db.ok("BEGIN; LOCK s.accounts").await;
    let (text, _) = site.init(0, &[]).await;
    assert!(text.contains("its values were not looked at"), "{text}");
    db.ok("ROLLBACK").await;
    // and whoever may not read it looks at the catalogue alone
    let blind = Cli::on(&site.world);
    let url = site.world.sandbox.url_as("blind", "shop");
    let ran = blind.ends_with(0, &["init", "--out", "-", "--database-url", &url]);
    assert!(ran.stdout.contains("its values were not looked at"), "{ran:?}");
}
