//! A server of its own for each test, with an application on it, and connections as its roles.

use std::path::{Path, PathBuf};

use keyward::apply::{self, Options, Progress};
use keyward::db::settings::Settings;
use keyward::db::{Db, Failure, Param};
use keyward::manifest::Manifest;
use keyward::plan::Plan;
use keyward::sandbox::{self, Sandbox};
use serde::de::DeserializeOwned;

/// The manifest of the application in `sql/app.sql`.
pub(crate) const MANIFEST: &str = r#"
version = 1

[setting]
cutover = 2024-06-17T00:00:00Z

[roles]
ui   = ["app_ui"]
api  = ["api_v1", "api_v2"]
auth = ["api_gateway"]

[accounts]
table = "app.accounts"
id    = "id"

[[keys]]
name     = "location_api_key"
table    = "app.locations"
id       = "id"
column   = "api_key"
account  = "account_id"
generate = { prefix = "loc_", bytes = 32 }

[[writes]]
name    = "legacy_users"
table   = "app.users"
account = "account_id"
roles   = ["api_v1"]
rls     = true
"#;

/// A server with an application on it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) manifest: Manifest,
    pub(crate) database: String,
}

impl World {
    /// A server with the standard application, keyward not applied.
    pub(crate) async fn bare() -> Self {
        Self::with(include_str!("sql/app.sql"), MANIFEST, "shop").await
    }

    /// The same, applied as the owner of the tables, who is no superuser.
    pub(crate) async fn applied() -> Self {
        let world = Self::bare().await;
        world.apply().await;
        world
    }

    /// A server with another application: a script that may `\connect` to a database it has made.
    pub(crate) async fn with(script: &str, manifest: &str, database: &str) -> Self {
        Self::on(start(), script, manifest, database).await
    }

    /// The same on a server that was started otherwise.
    pub(crate) async fn on(sandbox: Sandbox, script: &str, manifest: &str, database: &str) -> Self {
        let mut at = "postgres";
        for part in script.split("\\connect ") {
            let (name, statements) = if at == "postgres" && std::ptr::eq(part.as_ptr(), script.as_ptr()) {
                ("postgres", part)
            } else {
                part.split_once('\n').unwrap()
            };
            at = name.trim();
            let mut db = connect(&sandbox, "postgres", at).await;
            // CREATE DATABASE can't run in the implicit transaction of a script.
            for statement in keyward::parse::split(statements).unwrap() {
                db.execute(&statement).await.unwrap_or_else(|failure| panic!("{failure}\n{statement}"));
            }
        }
        let manifest = Manifest::parse(manifest, "keyward.toml").unwrap_or_else(|error| panic!("{error}"));
        Self { sandbox, manifest, database: database.to_owned() }
    }

    /// Tells whether the server is new enough for something; if not, says by name what is left out.
    pub(crate) fn has(&self, since: u32, what: &str) -> bool {
        let has = self.sandbox.version().major() >= since;
        if !has {
            skipped(&format!("{what} (from PostgreSQL {since})"));
        }
        has
    }

    /// A connection as a role.
    pub(crate) async fn connect(&self, role: &str) -> Db {
        connect(&self.sandbox, role, &self.database).await
    }

    /// A connection as a role, wrapped for tests.
    pub(crate) async fn act(&self, role: &str) -> Actor {
        Actor(self.connect(role).await)
    }

    /// Makes the plan as the owner of the tables.
    pub(crate) async fn plan(&self) -> Plan {
        let mut db = self.connect("app_owner").await;
        apply::plan(&mut db, &self.manifest).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Applies the manifest as the owner of the tables, and panics if that fails.
    pub(crate) async fn apply(&self) {
        self.apply_as("app_owner").await.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    }

    /// Applies the manifest as a role.
    pub(crate) async fn apply_as(&self, role: &str) -> keyward::error::Result<()> {
        let mut db = self.connect(role).await;
        let plan = apply::plan(&mut db, &self.manifest).await?;
        apply::apply(&mut db, &self.manifest, &plan, &Options::default(), &mut |_: Progress<'_>| {}).await
    }

    /// Turns the setting on for an account, as the UI does.
    pub(crate) async fn opt_in(&self, account: &str) {
        let mut ui = self.act("app_ui").await;
        ui.ok(&format!("SELECT keyward.opt_in({account}, 'test')")).await;
    }
}

/// Says that a part of a test is left out; `make matrix` lists what begins so.
pub(crate) fn skipped(what: &str) {
    eprintln!("skipped: {what}");
}

/// The files that a fuzz target begins with and has found, of which there are so many at least.
pub(crate) fn fuzz_corpus(target: &str, least: usize) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= least, "it is kept in the repository");
    files
}

/// Starts a server; `KEYWARD_TEST_BIN_DIR` chooses which.
pub(crate) fn start() -> Sandbox {
    Sandbox::start(options()).unwrap_or_else(|error| panic!("{error}: {:?}", error.hint()))
}

/// How a server is started; `KEYWARD_TEST_DIR` chooses where its files are.
pub(crate) fn options() -> sandbox::Options {
    let options = sandbox::Options::new()
        .bin_dir(std::env::var_os("KEYWARD_TEST_BIN_DIR").map(PathBuf::from))
        .search_path(std::env::var_os("PATH"));
    match std::env::var_os("KEYWARD_TEST_DIR") {
        Some(dir) => options.temp_dir(PathBuf::from(dir)),
        None => options,
    }
}

/// A connection to a server as a role.
pub(crate) async fn connect(sandbox: &Sandbox, role: &str, database: &str) -> Db {
    let settings = Settings::resolve(Some(&sandbox.url_as(role, database)), &|_| None).unwrap();
    Db::connect(&settings).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A session of the application, as one of its roles.
pub(crate) struct Actor(pub(crate) Db);

impl Actor {
    /// Runs statements that must succeed, and returns the rows touched.
    pub(crate) async fn ok(&mut self, sql: &str) -> u64 {
        self.0.execute(sql).await.unwrap_or_else(|failure| panic!("{failure}\n{sql}"))
    }

    /// Runs statements that must fail, and returns the SQLSTATE.
    pub(crate) async fn err(&mut self, sql: &str) -> String {
        match self.0.execute(sql).await {
            Err(failure) => failure.code().unwrap_or("lost").to_owned(),
            Ok(rows) => panic!("this should have failed, but touched {rows} rows:\n{sql}"),
        }
    }

    /// Runs statements that must fail, and returns the failure.
    pub(crate) async fn failure(&mut self, sql: &str) -> Failure {
        self.0.execute(sql).await.expect_err(sql)
    }

    /// Returns the one value of a query, named `v`.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, query: &str) -> T {
        #[derive(serde::Deserialize)]
        struct Row<T> {
            v: T,
        }
        let params: [Param; 0] = [];
        let row: Row<T> = self.0.row(query, &params).await.unwrap_or_else(|failure| panic!("{failure}\n{query}"));
        row.v
    }
}

/// Numbers that look random and are the same each time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // neighbours shall not begin alike
        let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        Self(mixed ^ (mixed >> 32))
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    /// From 0 to 1, in thousandths.
    pub(crate) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1000)).unwrap()) / 1000.0
    }
}
