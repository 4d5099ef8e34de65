//! Names are anybody's: whatever stands in the manifest as a name or a text, or in the catalogue as the name of a partition, reaches SQL as
//! that name or text, and as nothing else.
//!
//! What is SQL by contract is left out: the `sql` of `[[rollout.throttle]]` and `[[rollout.gate]]` is the DBA's own.
//! `PROPTEST_CASES` says how many databases are tried.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use keyward::apply::{self, Options, Progress};
use keyward::catalog::Snapshot;
use keyward::error::Kind;
use keyward::ident::{Ident, literal};
use keyward::manifest::Manifest;
use keyward::plan::{self, Plan};
use keyward::report::{Paint, text};
use keyward::rollout::{self, Target};
use keyward::{account, audit, verify};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::fixture::{Actor, World, connect, start};
use crate::rollout::run_of;

/// What ends a quotation, a comment, a body, a line or a format somewhere, and what looks like a part of a template or of keyward's own texts.
const FRAGMENTS: &[&str] = &[
    "'",
    "''",
    "\"",
    "\"\"",
    "\\",
    "\\'",
    ";",
    "--",
    "/*",
    "*/",
    "$$",
    "$a$",
    "$1",
    "$key",
    "ward$",
    "\n",
    "\r\n",
    "\t",
    "%",
    "%I",
    "%s",
    "%1$L",
    "{{ key.table }}",
    "{% raw %}",
    "{#",
    "#}",
    "{",
    "}",
    "é",
    "日本",
    "🔑",
    "\u{202e}",
    "\u{1b}[31m",
    " ",
    "  ",
    ".",
    ",",
    "(",
    ")",
    "[]",
    ":",
    ":x",
    ":'x'",
    "E'",
    "U&\"",
    "||",
    "=",
    "*",
    "?",
    "@",
    "\" on \"",
    " on ",
    " in ",
    " from ",
    " of owner to ",
    "\n-- act:\n",
    "\n-- look as owner:\n",
    "\n-- undo: ",
    "\n-- end of the keyward plan\n",
    "\n\\! false\n",
    "NEW.",
    "keyward",
    "~keyward_k_follow_delete",
    "; DROP TABLE public.canary; --",
    "'; DROP TABLE public.canary; --",
    "\"; DROP TABLE public.canary; --",
    "\nDROP TABLE public.canary;\n",
    "$$; DROP TABLE public.canary; --",
    "*/ DROP TABLE public.canary; --",
];

/// Names that are words of SQL or PL/pgSQL, of keyward's own functions, or of PostgreSQL's catalogue.
const WORDS: &[&str] = &[
    "select",
    "table",
    "user",
    "current_user",
    "session_user",
    "all",
    "null",
    "true",
    "default",
    "group",
    "order",
    "new",
    "old",
    "begin",
    "end",
    "if",
    "return",
    "declare",
    "found",
    "tg_op",
    "public",
    "none",
    "account",
    "account_",
    "enabled",
    "enabled_",
    "key",
    "id",
    "v",
    "b",
    "s",
    "p",
    "a",
    "excluded",
    "setting",
    "policy",
    "event",
    "role",
    "name",
    "text",
    "pg_class",
    "now",
    "A",
    "SELECT",
    "reason",
    "position",
];

pub(crate) fn name() -> impl Strategy<Value = String> {
    let fragments = proptest::collection::vec(proptest::sample::select(FRAGMENTS), 1..6);
    prop_oneof![
        6 => fragments.clone().prop_map(|parts| parts.concat()),
        2 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        // up to the last byte
        1 => fragments.prop_map(|parts| format!("{}{}", "x".repeat(63_usize.saturating_sub(parts.concat().len())), parts.concat())),
        2 => "[^\0]{1,12}",
    ]
}

/// Returns a text that is no longer than an identifier.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes.min(text.len()))]
}

/// The names of one database, no two the same.
#[derive(Debug, Clone)]
pub(crate) struct Names(Vec<String>);

/// How many there are.
pub(crate) const COUNT: usize = 29;

impl Names {
    pub(crate) fn new(given: &[String]) -> Self {
        let mut taken = BTreeSet::new();
        let mut all: Vec<String> = Vec::new();
        for (at, name) in given.iter().enumerate() {
            // Nothing that is cut out may leave what was to be cut out.
            let mut name = name.replace("$keyward", "$_keyward");
            // Reserved, whatever the quotes: as a role, as a schema or as a database.
            let reserved = ["public", "none", "postgres", "keyward", "template0", "template1"];
            if at < 9 && (name.starts_with("pg_") || reserved.contains(&name.as_str())) {
                name.insert(0, 'x');
            }
            let mut one = cut(&name, 63).to_owned();
            // An import takes a row with a blank account for one that lacks it.
            let is_blank = at == 28 && one.trim().is_empty();
            if one.is_empty() || is_blank || !taken.insert(one.clone()) {
                one = format!("{}{at}", cut(&name, 60));
                taken.insert(one.clone());
            }
            all.push(one);
        }
        Self(all)
    }

    /// A name as SQL.
    fn q(&self, at: usize) -> String {
        Ident::new(self.0[at].as_str()).unwrap().to_string()
    }

    /// A name or a text as TOML.
    fn t(&self, at: usize) -> String {
        toml::Value::String(self.0[at].clone()).to_string()
    }

    /// A qualified table as SQL.
    fn table(&self, schema: usize, name: usize) -> String {
        format!("{}.{}", self.q(schema), self.q(name))
    }

    /// A text that takes no control characters; what ends a function's body is no matter in it.
    fn line(&self, at: usize) -> String {
        let shown: String = self.0[at].chars().map(|c| if c.is_control() { '$' } else { c }).collect();
        format!("L$keyward$; DROP TABLE public.canary; --{shown}")
    }

    /// The setting's label.
    fn label(&self) -> String {
        self.line(26)
    }

    /// The prefix of keys, which takes printable ASCII without quotes.
    fn prefix(&self) -> String {
        let shown: String = self.0[27].chars().filter(|c| c.is_ascii_graphic() && !"'\"`\\".contains(*c)).collect();
        format!("$keyward$;{shown}")
    }

    /// The manifest of the application.
    pub(crate) fn manifest(&self) -> String {
        let [accounts_toml, via_toml, keys_toml, users_toml] =
            [(7, 9), (8, 10), (8, 11), (7, 12)].map(|(schema, name)| toml::Value::String(self.table(schema, name)).to_string());
        let [
            owner_t,
            ui_t,
            api_t,
            auth_t,
            legacy_t,
            a_id_t,
            a_secret_t,
            v_id_t,
            v_account_t,
            k_id_t,
            k_place_t,
            k_key_t,
            u_account_t,
        ] = [OWNER, UI, API, AUTH, LEGACY, 14, 15, 16, 17, 18, 19, 20, 22].map(|at| self.t(at));
        format!(
            "version = 1\n[setting]\nlabel = {label}\ncutover = 2024-06-17T00:00:00Z\n[roles]\nowner = {owner_t}\nui = [{ui_t}]\napi = [{api_t}]\nauth = [{auth_t}]\n
             [accounts]\ntable = {accounts_toml}\nid = {a_id_t}\n
             [[keys]]\nname = 'k'\ntable = {keys_toml}\nid = {k_id_t}\ncolumn = {k_key_t}\ngenerate = {{ prefix = {prefix}, bytes = 16 }}\n
             account = {{ column = {k_place_t}, via = {via_toml}, id = {v_id_t}, account = {v_account_t} }}\n
             [[keys]]\nname = 's'\ntable = {accounts_toml}\nid = {a_id_t}\ncolumn = {a_secret_t}\naccount = {a_id_t}\nhide = 'revoke'\non_insert = 'reject'\n
             [[writes]]\nname = 'w'\ntable = {users_toml}\naccount = {u_account_t}\nroles = [{legacy_t}]\nrls = true\n
             [rollout.limits]\nlag_bytes = 5000000\nignore = [{standby}]\n",
            label = toml::Value::String(self.label()),
            standby = toml::Value::String(self.line(25)),
            prefix = toml::Value::String(self.prefix()),
        )
    }
}

const DATABASE: usize = 0;
const RUNNER: usize = 1;
const OWNER: usize = 2;
const UI: usize = 3;
const API: usize = 4;
const AUTH: usize = 5;
const LEGACY: usize = 6;

/// One application under such names, with three accounts; what is in it of others', and how to write it.
struct Site {
    world: World,
    names: Names,
    accounts: String,
    keys: String,
    users: String,
    one: String,
    two: String,
}

impl Site {
    async fn make(names: Names) -> Self {
        let sandbox = start();
        let n = &names;
        let [accounts, via, keys, users, part] =
            [(7, 9), (8, 10), (8, 11), (7, 12), (8, 13)].map(|(schema, name)| n.table(schema, name));
        // accounts: id, secret; via: id, account; keys: id, place, key; users: id, account
        let [a_id, a_secret, v_id, v_account, k_id, k_place, k_key, u_id, u_account] =
            [14, 15, 16, 17, 18, 19, 20, 21, 22].map(|at| n.q(at));
        let [one, two, three] = [23, 24, 28].map(|at| literal(&n.0[at]));
        let [runner, ui, api, auth, legacy] = [RUNNER, UI, API, AUTH, LEGACY].map(|at| n.q(at));
        let mut dba = Actor(connect(&sandbox, "postgres", "postgres").await);
        dba.ok(&format!(
            "CREATE ROLE canary LOGIN; CREATE ROLE {runner} LOGIN CREATEROLE; CREATE ROLE {ui} LOGIN; CREATE ROLE {api} LOGIN; CREATE ROLE {auth} LOGIN; CREATE ROLE {legacy} LOGIN"
        ))
        .await;
        dba.ok(&format!("CREATE DATABASE {} OWNER {runner}", n.q(DATABASE))).await;
        let mut dba = Actor(connect(&sandbox, "postgres", &n.0[DATABASE]).await);
        dba.ok(&format!(
            "CREATE TABLE public.canary (song text); INSERT INTO public.canary VALUES ('still here'); GRANT SELECT ON public.canary TO canary;
             SET ROLE {runner}; CREATE SCHEMA {s7}; CREATE SCHEMA {s8};
             CREATE TABLE {accounts} ({a_id} text PRIMARY KEY, {a_secret} text);
             CREATE TABLE {via} ({v_id} bigint PRIMARY KEY, {v_account} text REFERENCES {accounts});
             CREATE TABLE {keys} ({k_id} bigint PRIMARY KEY, {k_place} bigint REFERENCES {via}, {k_key} text UNIQUE);
             CREATE TABLE {users} ({u_id} bigint, {u_account} text) PARTITION BY RANGE ({u_id});
             CREATE TABLE {part} PARTITION OF {users} DEFAULT;
             CREATE INDEX ON {via} ({v_account}); CREATE INDEX ON {keys} ({k_place}); CREATE INDEX ON {users} ({u_account});
             INSERT INTO {accounts} VALUES ({one}, 'secret-1'), ({two}, 'secret-2'), ({three}, 'secret-3');
             INSERT INTO {via} VALUES (1, {one}), (2, {two}), (3, {three}); INSERT INTO {keys} VALUES (1, 1, 'key-1'), (2, 2, 'key-2'), (3, 3, 'key-3'); INSERT INTO {users} VALUES (1, {one}), (2, {two});
             GRANT USAGE ON SCHEMA {s7}, {s8} TO {ui}, {api}, {auth}, {legacy};
             GRANT ALL ON ALL TABLES IN SCHEMA {s7} TO {ui}, {api}, {legacy}; GRANT ALL ON ALL TABLES IN SCHEMA {s8} TO {ui}, {api}, {legacy}",
            s7 = n.q(7),
            s8 = n.q(8),
        ))
        .await;
        let manifest = n.manifest();
        let manifest = Manifest::parse(&manifest, "keyward.toml").unwrap_or_else(|error| panic!("{error}\n{manifest}"));
        let world = World { sandbox, manifest, database: n.0[DATABASE].clone() };
        Self { world, names, accounts, keys, users, one, two }
    }

    async fn act(&self, role: usize) -> Actor {
        self.world.act(&self.names.0[role]).await
    }

    /// Everything that is not the application's tables nor keyward's: it stays as it is. keyward's owner is a role of its own.
    async fn rest(&self) -> String {
        let owner = literal(&self.names.0[OWNER]);
        self.world
            .act("postgres")
            .await
            .get(&format!(
                "SELECT jsonb_build_array(
                    (SELECT jsonb_agg(c) FROM public.canary AS c),
                    (SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, c.relkind, c.relowner::regrole) ORDER BY n.nspname, c.relname)
                       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$|keyward$)'),
                    (SELECT jsonb_agg(jsonb_build_array(a.attname, a.atttypid::regtype) ORDER BY a.attrelid, a.attnum) FROM pg_attribute AS a
                       JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$|keyward$)'),
                    (SELECT c.relacl::text FROM pg_class AS c WHERE c.oid = 'public.canary'::regclass),
                    (SELECT count(*) FROM pg_proc AS f WHERE f.pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'keyward')),
                    (SELECT jsonb_agg(n.nspname ORDER BY n.nspname) FROM pg_namespace AS n WHERE n.nspname !~ '^(pg_|keyward$)'),
                    (SELECT jsonb_agg(jsonb_build_array(r.rolname, r.rolsuper, r.rolcreaterole, r.rolcanlogin, r.rolbypassrls) ORDER BY r.rolname)
                       FROM pg_roles AS r WHERE r.rolname <> {owner}),
                    (SELECT count(*) FROM pg_auth_members AS m WHERE 'canary'::regrole IN (m.roleid, m.member)),
                    (SELECT jsonb_agg(d.datname ORDER BY d.datname) FROM pg_database AS d),
                    (SELECT count(*) FROM pg_db_role_setting), (SELECT count(*) FROM pg_event_trigger), (SELECT count(*) FROM pg_extension),
                    (SELECT jsonb_agg(t.tgname ORDER BY t.tgname) FROM pg_trigger AS t WHERE NOT t.tgisinternal AND t.tgname !~ '^[~!]keyward_'),
                    (SELECT jsonb_agg(p.polname ORDER BY p.polname) FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
                      WHERE c.relnamespace::regnamespace::text <> 'keyward' AND p.polname !~ '^~keyward_')
                 )::text AS v"
            ))
            .await
    }

    async fn plan(&self) -> Plan {
        let mut db = self.world.connect(&self.names.0[RUNNER]).await;
        apply::plan(&mut db, &self.world.manifest).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The whole way, from the plan to the removal; `probes` are all unless told.
    async fn holds(&self, probes: Option<&[&str]>) {
        let n = &self.names;
        let before = self.rest().await;

        let plan = self.plan().await;
        assert!(plan.refusals(&[]).is_empty(), "{:#?}", plan.findings);
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
        assert!(text::plan(&plan, true, Paint::new(false)).lines().count() > plan.steps.len());
        let mut db = self.world.connect(&n.0[RUNNER]).await;
        let mut quiet = |_: Progress<'_>| {};
        apply::apply(&mut db, &self.world.manifest, &plan, &Options::default(), &mut quiet)
            .await
            .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
        assert!(self.plan().await.is_empty(), "{:#?}", self.plan().await.steps);
        assert_eq!(self.rest().await, before, "after apply");

        self.enforces().await;
        assert_eq!(self.rest().await, before, "after the application's acts");

        let mut dba = self.world.connect("postgres").await;
        let report = audit::audit(&mut dba, &self.world.manifest, audit::Options::default()).await.unwrap();
        let found: Vec<_> = report.findings.iter().map(|finding| format!("{} {}", finding.id, finding.detail)).collect();
        assert_eq!(found, Vec::<String>::new());
        let options = probes.map_or_else(verify::Options::new, crate::verify::only);
        let report =
            verify::verify(&mut dba, &self.world.manifest, &options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report.failures().collect::<Vec<_>>(), Vec::<&verify::Verdict>::new());
        assert!(report.probes.iter().filter(|verdict| verdict.ok).count() >= 10, "{:#?}", report.probes);
        assert_eq!(self.rest().await, before, "after the verification");

        // an account that opted out stays out of the rollout
        let csv = format!("account,reason\n\"{}\",\"{}\"\n", n.0[28].replace('"', "\"\""), n.0[25].replace('"', "\"\"") + ".");
        let staged = account::stage(&mut db, &self.world.manifest, csv.as_bytes(), "list.csv").await;
        staged.unwrap_or_else(|error| panic!("{error}")).carry_out(&mut db).await.unwrap();
        let options = rollout::Options { rollout: self.world.manifest.rollout.clone(), ..run_of("100") };
        let stop = AtomicBool::new(false);
        let ran = rollout::run(&mut db, &self.world.manifest, &options, &stop, &mut |_| {}).await;
        assert_eq!(ran.unwrap_or_else(|error| panic!("{error}")).tally.unwrap().accounts, 1);
        assert_eq!(account::show(&mut db, &self.world.manifest, &[n.0[28].clone()]).await.unwrap()[0].keys["k"].published, 1);
        let reverted = rollout::revert(&mut db, &self.world.manifest, Target::All, &options, &stop, &mut |_| {}).await;
        assert!(reverted.is_ok(), "{:?}", reverted.err());
        assert_eq!(self.rest().await, before, "after the rollout");

        let snapshot = Snapshot::read(&mut db, &self.world.manifest).await.unwrap();
        let owner = &self.world.manifest.roles.owner;
        let steps = plan::removal(&snapshot, owner).unwrap();
        apply::uninstall(&mut db, &steps, owner, &Options::default(), &mut quiet).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self.rest().await, before, "after uninstall");
        self.is_as_at_first().await;
    }

    /// What each role does, before and after an account's setting is on; in the end it is off again.
    async fn enforces(&self) {
        let n = &self.names;
        let [mut ui, mut api, mut gateway, mut legacy] =
            [self.act(UI).await, self.act(API).await, self.act(AUTH).await, self.act(LEGACY).await];
        let (keys, users, accounts, one, two) = (&self.keys, &self.users, &self.accounts, &self.one, &self.two);
        let [k_id, k_key, secret, account] = [18, 20, 15, 22].map(|at| n.q(at));
        let key_of = |id: i32| format!("SELECT (SELECT b.{k_key} FROM {keys} AS b WHERE b.{k_id} = {id}) AS v");
        assert_eq!(ui.get::<i64>(&format!("SELECT keyward.opt_in({one}) AS v")).await, 1);
        assert_eq!(api.get::<Option<String>>(&key_of(1)).await, None);
        assert_eq!(api.get::<Option<String>>(&key_of(2)).await.as_deref(), Some("key-2"));
        api.ok(&format!("INSERT INTO {keys} VALUES (11, 1, 'mine'); INSERT INTO {keys} VALUES (12, 2, 'kept')")).await;
        assert_eq!(api.get::<Option<String>>(&key_of(11)).await, None);
        assert_eq!(api.get::<Option<String>>(&key_of(12)).await.as_deref(), Some("kept"));
        assert_eq!(api.err(&format!("SELECT a.{secret} FROM {accounts} AS a")).await, "42501");
        for act in [
            "UPDATE {users} SET {account} = {account} WHERE {account} = {which}",
            "DELETE FROM {users} WHERE {account} = {which}",
        ] {
            let act = act.replace("{users}", users).replace("{account}", &account);
            assert_eq!(legacy.err(&act.replace("{which}", one)).await, "KW002");
            legacy.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("{which}", two))).await;
        }
        for (key, row) in [("key-1", 1), ("key-2", 2)] {
            assert_eq!(gateway.get::<i64>(&format!("SELECT b.id AS v FROM keyward.authenticate_k('{key}') AS b")).await, row);
        }
        let made: String = ui.get("SELECT keyward.generate_k(11) AS v").await;
        assert!(made.starts_with(&n.prefix()), "{made}");
        assert_eq!(ui.get::<String>("SELECT keyward.reveal_k(11) AS v").await, made);
        ui.ok(&format!("SELECT keyward.revoke_k(11); DELETE FROM {keys} WHERE {k_id} > 10")).await;
        let unasked = ui.failure(&format!("SELECT keyward.opt_out({one}, 'why')")).await;
        assert_eq!(unasked.code(), Some("KW003"));
        assert!(unasked.to_string().contains(&n.label()), "{unasked}");
        assert_eq!(ui.get::<i64>(&format!("SELECT keyward.opt_out({one}, 'why', true) AS v")).await, 1);
    }

    async fn is_as_at_first(&self) {
        let mut dba = self.world.act("postgres").await;
        let [k_id, k_key, secret] = [18, 20, 15].map(|at| self.names.q(at));
        let all = format!(
            "SELECT (SELECT string_agg(b.{k_key}, ',' ORDER BY b.{k_id}) FROM {} AS b) || (SELECT string_agg(a.{secret}, ',' ORDER BY a.{secret}) FROM {} AS a) AS v",
            self.keys, self.accounts
        );
        assert_eq!(dba.get::<String>(&all).await, "key-1,key-2,key-3secret-1,secret-2,secret-3");
        assert!(!dba.get::<bool>("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'keyward') AS v").await);
    }
}

/// Some probes of each kind: what is quoted in them is quoted in the others by the same macros.
const SOME: &[&str] = &[
    "key_insert",
    "key_upsert",
    "key_definer_trigger",
    "key_update_view",
    "key_hop_in",
    "read_star",
    "read_row",
    "read_statistics",
    "read_view",
    "read_own_function",
    "vault_direct",
    "vault_publish",
    "vault_authenticate",
    "setting_opt_out",
    "role_ui",
    "write_insert",
    "write_copy_from",
    "write_delete_join",
    "write_partition",
    "write_truncate",
    "wall_view",
    "wall_function",
];

#[test]
fn whatever_the_names_are_they_are_names_and_nothing_else_changes() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let config = ProptestConfig { cases, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tried = TestRunner::new(config).run(&proptest::collection::vec(name(), COUNT), |given| {
        let names = Names::new(&given);
        let whole =
            std::panic::AssertUnwindSafe(|| runtime.block_on(async { Site::make(names.clone()).await.holds(Some(SOME)).await }));
        std::panic::catch_unwind(whole).map_err(|_| TestCaseError::fail(format!("{names:?}")))
    });
    assert!(tried.is_ok(), "{tried:?}");
}

/// The same with every fragment in some name, every attack, and the plan as a script for psql.
#[tokio::test]
async fn names_that_would_be_sql_are_names() {
    let mut given = vec![String::new(); COUNT];
    for (at, fragment) in FRAGMENTS.iter().rev().enumerate() {
        let name = &mut given[at % COUNT];
        if name.len() + fragment.len() <= 60 {
            name.push_str(fragment);
        }
    }
    // columns that are called as the variables of keyward's functions are
    for (at, name) in [(15, "account_"), (17, "enabled_"), (19, "old"), (22, "tg_op")] {
        name.clone_into(&mut given[at]);
    }
    let site = Site::make(Names::new(&given)).await;
    site.holds(None).await;
    let before = site.rest().await;
    let script = site.plan().await.sql().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.sql");
    std::fs::write(&file, script).unwrap();
    let url = site.world.sandbox.url_as(&site.names.0[RUNNER], &site.world.database);
    let mut psql = std::process::Command::new("psql");
    let ran = psql.args(["-X", "-q", "-d", &url, "-f"]).arg(&file).env_remove("PGOPTIONS").output().expect("psql");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(site.plan().await.is_empty());
    assert_eq!(site.rest().await, before, "after psql");
    site.enforces().await;
}

#[tokio::test]
async fn a_name_in_the_catalogue_that_would_end_a_function_is_refused() {
    for (statement, what) in [
        (r#"CREATE TABLE app."$keyward$ p" PARTITION OF app.locations FOR VALUES IN (3)"#, "partition"),
        (
            r#"CREATE DOMAIN app."$keyward$ d" AS bigint; ALTER TABLE app.locations ALTER COLUMN id TYPE app."$keyward$ d""#,
            "type",
        ),
    ] {
        let script = "CREATE ROLE app_owner LOGIN CREATEROLE; CREATE ROLE app_ui; CREATE ROLE api_v1; CREATE ROLE api_v2; CREATE ROLE api_gateway;
             CREATE DATABASE shop OWNER app_owner;\n\\connect shop\nSET ROLE app_owner; CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint PRIMARY KEY);
             CREATE TABLE app.users (id bigint PRIMARY KEY, account_id bigint);
             CREATE TABLE app.locations (id bigint, account_id bigint, api_key text) PARTITION BY LIST (account_id); CREATE INDEX ON app.locations (id);";
        let world = World::with(script, crate::fixture::MANIFEST, "shop").await;
        let mut owner = world.connect("app_owner").await;
        apply::plan(&mut owner, &world.manifest).await.expect("control");
        world.act("app_owner").await.ok(statement).await;
        let error = apply::plan(&mut owner, &world.manifest).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        assert!(
            error.to_string().contains(&format!("the name of the {what} app.\"$keyward$"))
                || error.to_string().contains("\"$keyward$ p\""),
            "{error}"
        );
    }
}
