//! How far the rollout is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::control::{self, Control};
use super::ground::Ground;
use super::run::look;
use super::{Options, park, statements, stragglers};
use crate::catalog::Snapshot;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::{Manifest, Name};

/// The `"schema"` of the status's JSON document.
pub const SCHEMA: &str = "keyward/rollout/v1";

/// The most parked accounts that [`Status::parked`] names.
pub const MOST_PARKED: i64 = 100;

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
    /// Whether somebody has paused the rollout.
    pub control: Control,
    /// The last twenty waves, oldest first.
    pub waves: Vec<Wave>,
    /// The workers that are alive, wherever they run.
    pub workers: Vec<Worker>,
    /// How many accounts are parked: they could not be changed.
    pub parked_accounts: u64,
    /// The first [`MOST_PARKED`] of them, oldest first.
    pub parked: Vec<Parked>,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// `enforce`, `observe` or `off`.
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
    /// `run`, `finish` or `revert`.
    pub kind: String,
    /// The share of the accounts.
    pub percent: String,
    /// `running`, `stopped`, `done` or `reverted`.
    pub state: String,
    /// The accounts before it when it began.
    pub total: u64,
    /// The accounts whose setting it has changed.
    pub accounts: u64,
    /// The keys sealed with them; of a revert, the keys published.
    pub keys: u64,
    /// The keys sealed after older transactions had ended.
    pub stragglers: u64,
    /// The accounts that it has left for later, since they were in use.
    pub in_use: u64,
    /// The chunks that are not done.
    pub open_chunks: u64,
    /// The most accounts that it may change; `None` for no limit.
    pub limit: Option<u64>,
    /// Whether it is confined to a list of accounts.
    pub listed: bool,
    /// The wave that it undoes; `None` for all of them, or if it is no revert.
    pub reverts: Option<i64>,
    /// How it was begun, and what it has proved.
    pub parameters: serde_json::Value,
    /// What the manifest's gates last said; `None` if they weren't asked.
    pub gates: Option<serde_json::Value>,
    /// When it began, first.
    pub started_at: jiff::Timestamp,
    /// Who began it.
    pub started_by: String,
    /// When it ended, for now or for good.
    pub ended_at: Option<jiff::Timestamp>,
}

/// A worker that is alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// The number.
    pub id: i64,
    /// The wave that it works on.
    pub wave: i64,
    /// Who runs it.
    pub actor: String,
    /// The process that it belongs to, by its own word: host and process id.
    pub process: String,
    /// The server's process that serves it.
    pub pid: i64,
    /// `working`, `throttled`, `paused`, or what else keeps it.
    pub state: String,
    /// Why it waits.
    pub why: Option<String>,
    /// The accounts that it has changed.
    pub accounts: u64,
    /// The keys that it has moved.
    pub keys: u64,
    /// Since when.
    pub started_at: jiff::Timestamp,
    /// When its process last said so, about every second.
    pub seen_at: jiff::Timestamp,
    /// The seconds between the two.
    pub seconds: f64,
    /// The chunk that it has leased.
    pub chunk: Option<i64>,
    /// Until when; from then on, another may take it over.
    pub leased_until: Option<jiff::Timestamp>,
}

/// An account that could not be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its id.
    pub account: String,
    /// The wave that came upon it.
    pub wave: i64,
    /// The server's code.
    pub sqlstate: String,
    /// What refused, without a word that may quote a row.
    pub problem: String,
    /// When.
    pub parked_at: jiff::Timestamp,
}

impl Status {
    /// Returns the accounts per second that the workers of a wave bring to it, all together; 0 if it has none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self, wave: &Wave) -> f64 {
        let ours = self.workers.iter().filter(|worker| worker.wave == wave.id && worker.seconds > 0.0);
        ours.map(|worker| worker.accounts as f64 / worker.seconds).sum()
    }

    /// Returns the time until a wave that is running will have come through its accounts, at this rate; `None` if that can't be said.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
    pub fn remaining(&self, wave: &Wave) -> Option<Duration> {
        let (rate, left) = (self.rate(wave), wave.total.saturating_sub(wave.accounts));
        (wave.state == "running" && rate > 0.0).then(|| Duration::try_from_secs_f64(left as f64 / rate).ok()).flatten()
    }
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
        control: control::state(db, &ground).await?,
        waves: ground.read(db, &ground.statements.waves, &[]).await?,
        workers: ground.read(db, &ground.statements.workers, &[]).await?,
        parked_accounts: park::still_parked(db, &ground).await?.accounts,
        parked: ground.read(db, &ground.statements.parked, &[Param::Int(MOST_PARKED)]).await?,
    })
}
