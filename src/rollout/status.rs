//! How far the rollout is.

use serde::{Deserialize, Serialize};

use super::ground::Ground;
use super::run::look;
use super::{Options, statements, stragglers};
use crate::catalog::Snapshot;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::manifest::{Manifest, Name};

/// The `"schema"` of the status's JSON document.
pub const SCHEMA: &str = "keyward/rollout/v1";

/// How far the rollout is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// From when on the setting is the default, as the applied manifest says.
    pub cutover: jiff::Timestamp,
    /// Whether that has passed, by the server's clock.
    pub past_cutover: bool,
    /// What holds for accounts without a setting of their own.
    pub policy: Policy,
    /// The accounts there are.
    pub accounts: u64,
    /// Those without a setting of their own, which a run would enable.
    pub eligible: u64,
    /// The settings, by where they came from.
    pub settings: Vec<Source>,
    /// The keys, one entry for each of the manifest's.
    pub keys: Vec<KeyStatus>,
    /// The last twenty waves, oldest first.
    pub waves: Vec<Wave>,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// `enforce` or `off`.
    pub mode: String,
    /// The setting of an account that has none of its own.
    pub default_enabled: bool,
    /// Whether an account is enabled at birth.
    pub new_accounts_enabled: bool,
}

/// The accounts whose setting came from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `rollout`, `default`, `opt_out` or `opt_in`.
    pub source: String,
    /// Whether it is on.
    pub enabled: bool,
    /// How many.
    pub accounts: u64,
}

/// The keys of one entry of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// Its name.
    pub name: Name,
    /// The keys in the vault.
    pub sealed: u64,
    /// The keys in the application's column.
    pub published: u64,
    /// Those of them in accounts that have the setting on.
    pub published_enabled: u64,
    /// Those of them in rows whose account can't be determined; `rollout finish` seals them.
    pub published_unknown: u64,
}

/// A wave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// The number.
    pub id: i64,
    /// `run` or `finish`.
    pub kind: String,
    /// The share of the accounts.
    pub percent: String,
    /// `running`, `stopped` or `done`; one whose process was killed stays `running` until the next run.
    pub state: String,
    /// The accounts enabled.
    pub accounts: u64,
    /// The keys sealed with them.
    pub keys: u64,
    /// The keys sealed after older transactions had ended.
    pub stragglers: u64,
    /// The last account of the last batch.
    pub reached: Option<String>,
    /// When it began, first.
    pub started_at: jiff::Timestamp,
    /// Who began it.
    pub started_by: String,
    /// When it ended, for now or for good.
    pub ended_at: Option<jiff::Timestamp>,
}

/// Tells how far the rollout is. Writes nothing.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied, or the connected role may not act as its owner.
pub async fn status(db: &mut Db, manifest: &Manifest) -> Result<Status> {
    let mut snapshot = Snapshot::read(db, manifest).await?;
    let Some(applied) = snapshot.installed.as_ref().and_then(|installed| installed.manifest.clone()) else {
        return Err(Error::refused("keyward is not applied to this database").with_hint("run keyward plan, then keyward apply"));
    };
    if applied.sha256() != manifest.sha256() {
        // What is there is what was applied, whatever the file says by now.
        snapshot = Snapshot::read(db, &applied).await?;
    }
    let ground = Ground::of(db, &applied, &snapshot).await?;
    let counts = look(db, &ground, &Options::run()).await?;
    Ok(Status {
        schema: SCHEMA,
        cutover: applied.setting.cutover,
        past_cutover: ground.now.past_cutover,
        policy: Policy {
            mode: ground.now.mode.clone(),
            default_enabled: ground.now.default_enabled,
            new_accounts_enabled: ground.now.new_accounts_enabled,
        },
        accounts: counts.accounts,
        eligible: counts.eligible,
        settings: ground.read(db, statements::SETTINGS, &[]).await?,
        keys: stragglers::count(db, &ground).await?,
        waves: ground.read(db, statements::WAVES, &[]).await?,
    })
}
