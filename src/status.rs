//! How a database stands: settings, keys, rollout and drift, read without writing anything.

use std::collections::BTreeMap;

use minijinja::context;
use minijinja::value::Value;
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Snapshot};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::manifest::{AccountPath, Key, Manifest};
use crate::plan::{Plan, Severity};
use crate::template::{Templates, ident, table};

/// The `"schema"` of a status's JSON document.
pub const SCHEMA: &str = "keyward/status/v1";

/// How a database stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The database's name.
    pub database: String,
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// The role that asked.
    pub role: String,
    /// What the manifest calls the setting.
    pub label: String,
    /// What is installed; `None` where keyward's base tables don't exist.
    pub installed: Option<Installed>,
    /// What separates the database from the manifest.
    pub drift: Drift,
}

/// What is installed, and how it is used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Installed {
    /// The manifest in force; `None` before the first apply has finished.
    pub manifest: Option<InForce>,
    /// What the guards do; `None` where the policy's row was deleted, which counts as enforcing.
    pub policy: Option<Policy>,
    /// The accounts and their settings; `None` where the table of settings doesn't exist (yet).
    pub accounts: Option<Accounts>,
    /// The keys, by name.
    pub keys: BTreeMap<String, Keys>,
    /// The keys that stay in their column, by name, each with the API roles that may read it all the same: none should be.
    pub walls: BTreeMap<String, Vec<String>>,
    /// The last wave of the rollout.
    pub wave: Option<Wave>,
    /// What was done with keys deliberately in the last 24 hours: how often, by kind.
    pub events: BTreeMap<String, u64>,
}

/// The manifest in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InForce {
    /// Its checksum.
    pub sha256: String,
    /// When it was applied.
    pub applied_at: jiff::Timestamp,
    /// Who applied it.
    pub applied_by: String,
    /// The keys that had signed the plan which was applied last; none where nobody asked.
    pub signed_by: Vec<String>,
    /// Whether the manifest given is the same.
    pub is_current: bool,
}

/// What the guards do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `enforce`, `observe` or `off`.
    pub mode: String,
    /// The setting of accounts that have none of their own.
    pub default_enabled: bool,
    /// Whether an account is enabled at birth.
    pub new_accounts_enabled: bool,
}

/// The accounts and their settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    /// How many there are.
    #[serde(rename(deserialize = "accounts"))]
    pub total: u64,
    /// How many have a setting of their own, by where it came from.
    pub settings: Vec<Setting>,
}

/// The settings of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// `rollout`, `default`, `opt_out` or `opt_in`.
    pub source: String,
    /// On or off.
    pub enabled: bool,
    /// How many accounts.
    pub accounts: u64,
}

/// The keys of one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// How many are in the vault.
    pub sealed: u64,
    /// How many lie in the application's column although their account is enabled.
    pub published_enabled: u64,
}

/// A wave of the rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Its number.
    pub id: i64,
    /// `run` or `finish`.
    pub kind: String,
    /// The share of the eligible accounts that it brings to enabled.
    pub percent: f64,
    /// `running`, `stopped` or `done`.
    pub state: String,
    /// How many accounts it has enabled so far.
    pub accounts: u64,
    /// How many keys it has sealed so far.
    pub keys: u64,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
}

/// What separates the database from the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The number of steps of the plan.
    pub steps: usize,
    /// The ids of the findings that forbid to apply.
    pub refusals: Vec<String>,
    /// The ids of the findings that don't.
    pub warnings: Vec<String>,
}

impl Status {
    /// Tells whether somebody should look: something to apply, something in the way, a key that lies open.
    #[must_use]
    pub fn wants_attention(&self) -> bool {
        let open = self.installed.iter().flat_map(|installed| installed.keys.values()).any(|keys| keys.published_enabled > 0)
            || self.installed.iter().flat_map(|installed| installed.walls.values()).any(|readers| !readers.is_empty());
        self.installed.is_none() || self.drift.steps > 0 || !self.drift.refusals.is_empty() || open
    }
}

/// Reads how a database stands, measured against a manifest.
///
/// # Errors
/// As [`Snapshot::read`] and [`Plan::make`]; [`crate::error::Kind::Refused`] if the connected role may not act as keyward's owner.
pub async fn read(db: &mut Db, manifest: &Manifest) -> Result<Status> {
    let snapshot = Snapshot::read(db, manifest).await?;
    let plan = Plan::make(manifest, &snapshot)?;
    let ids = |severity: Severity| {
        plan.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.id.clone()).collect()
    };
    let drift = Drift { steps: plan.steps.len(), refusals: ids(Severity::Refusal), warnings: ids(Severity::Warning) };
    let mut status = Status {
        schema: SCHEMA,
        database: snapshot.server.database.clone(),
        server_version: snapshot.server.version_num,
        role: snapshot.server.runner.as_str().to_owned(),
        label: manifest.setting.label.clone(),
        installed: None,
        drift,
    };
    if let Some(found) = &snapshot.installed {
        let in_force = found.manifest.as_ref().unwrap_or(manifest);
        // One snapshot for all numbers, and a transaction that can't write by any mistake.
        db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let installed = installed(db, manifest, in_force, &snapshot).await;
        // Nothing was written; if this fails, the connection is gone and so is the transaction.
        let _ = db.execute("ROLLBACK").await;
        status.installed = Some(installed?);
    }
    Ok(status)
}

#[derive(Deserialize)]
struct Overview {
    policy: Option<Policy>,
    wave: Option<Wave>,
    events: BTreeMap<String, u64>,
    signed_by: Option<Vec<String>>,
}

async fn installed(db: &mut Db, manifest: &Manifest, in_force: &Manifest, snapshot: &Snapshot) -> Result<Installed> {
    let owner = &in_force.roles.owner;
    db.execute(&format!("SET LOCAL ROLE {owner}")).await.map_err(|failure| match failure.code() {
        Some("42501") => Error::refused(format!("the role {} may not look into keyward's tables", snapshot.server.runner))
            .with_hint(format!("connect as a member of {owner} (who applied is one), or as a superuser"))
            .with_source(failure),
        _ => failure.into(),
    })?;
    let Overview { policy, wave, events, signed_by } = db.row(include_str!("../sql/status/overview.sql"), &[]).await?;
    let stored = catalog::applied_manifest(db).await?;
    let templates = Templates::new(&[
        ("status/settings.sql", include_str!("../sql/status/settings.sql")),
        ("status/key.sql", include_str!("../sql/status/key.sql")),
    ])?;
    // A run that was killed, or somebody with DROP, may have left less than everything.
    let there = |name: &str| snapshot.objects.contains_key(&format!("table keyward.{name}"));
    let mut accounts = None;
    let mut keys = BTreeMap::new();
    if there("\"account_setting\"") && snapshot.tables.contains_key(&in_force.accounts.table) {
        let query = templates.render("status/settings.sql", &context! { accounts => table(&in_force.accounts.table) })?;
        accounts = countable(db, &query.sql).await?;
        for key in in_force.keys.iter().filter(|key| there(&format!("\"vault_{}\"", key.name))) {
            if !snapshot.tables.contains_key(&key.table) {
                continue;
            }
            let query = templates.render("status/key.sql", &context_of(key))?;
            if let Some(counted) = countable(db, &query.sql).await? {
                keys.insert(key.name.to_string(), counted);
            }
        }
    }
    let walls = catalog::readers(db, in_force).await?.into_iter().map(|(name, readers)| (name.to_string(), readers)).collect();
    let manifest = stored.map(|stored| InForce {
        is_current: stored.sha256 == manifest.sha256(),
        sha256: stored.sha256,
        applied_at: stored.applied_at,
        applied_by: stored.applied_by,
        signed_by: signed_by.unwrap_or_default(),
    });
    Ok(Installed { manifest, policy, accounts, keys, walls, wave, events })
}

/// Counts, or returns `None` where the owner has no access to the application's table: apply hasn't come so far, or somebody revoked it.
async fn countable<T: serde::de::DeserializeOwned>(db: &mut Db, query: &str) -> Result<Option<T>> {
    db.execute("SAVEPOINT counting").await?;
    match db.row(query, &[]).await {
        Ok(counted) => {
            db.execute("RELEASE counting").await?;
            Ok(Some(counted))
        }
        Err(failure) if failure.code() == Some("42501") => {
            db.execute("ROLLBACK TO counting").await?;
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn context_of(key: &Key) -> Value {
    let (via, via_id, via_account) = match &key.account {
        AccountPath::Column(_) => (Value::from(false), Value::UNDEFINED, Value::UNDEFINED),
        AccountPath::Via { via, id, account, .. } => (table(via), ident(id), ident(account)),
    };
    context! {
        name => key.name.as_str(),
        table => table(&key.table),
        key => ident(&key.column),
        account => ident(key.account.column()),
        via => via,
        via_id => via_id,
        via_account => via_account,
    }
}
