//! What enforcement would hit, from what was observed before it begins.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ground::Ground;
use crate::catalog::Snapshot;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::plan::context as values;
use crate::schema;
use crate::template::Templates;

/// The `"schema"` of the preview's JSON document.
pub const PREVIEW_SCHEMA: &str = "keyward/rollout-preview/v1";

/// A day before all others: there were no observations then.
const ALL_DAYS: u32 = 36_500;

/// What enforcement would have stopped, had the setting been on for everybody who hasn't opted out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// [`PREVIEW_SCHEMA`].
    pub schema: &'static str,
    /// The policy's mode.
    pub mode: String,
    /// Since when it is observed; `None` while it isn't.
    pub observing_since: Option<jiff::Timestamp>,
    /// The first day of which there are observations at all.
    pub first_day: Option<Date>,
    /// How many days the preview looks back, today included; `None`: all there are.
    pub days: Option<u32>,
    /// How many accounts would be hit.
    pub accounts_hit: u64,
    /// The writes, at least, of all of these accounts.
    pub writes: u64,
    /// The accounts, busiest first: as many as were asked for.
    pub accounts: Vec<Hit>,
}

/// An account that enforcement would hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its id as text; `None` for rows whose account can't be determined.
    pub account: Option<String>,
    /// How many writes, at least: a transaction that does the same many times counts once.
    pub writes: u64,
    /// The first day (UTC).
    pub first_day: Date,
    /// The last.
    pub last_day: Date,
    /// Who did what, most often first.
    pub facts: Vec<Fact>,
    /// Whether the account is there now.
    pub is_there: bool,
    /// Whether it has a setting that is on by now.
    pub enabled: bool,
}

/// What a role did in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The external identity.
    pub role: String,
    /// The key's or the write's name in the manifest.
    pub control: String,
    /// `insert`, `update` or `clear` of a key; `insert`, `update`, `delete`, `truncate` or `move` of a write.
    pub act: String,
    /// How many writes, at least: a transaction that does the same many times counts once.
    pub writes: u64,
    /// The first day (UTC).
    pub first_day: Date,
    /// The last.
    pub last_day: Date,
}

/// Returns what enforcement would hit, by what was observed in the last `days` days (`None`: ever): the `limit` busiest accounts, or
/// all. Writes nothing.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied, or by an older program, or the connected role may not act as its owner.
pub async fn preview(db: &mut Db, manifest: &Manifest, days: Option<u32>, limit: Option<usize>) -> Result<Preview> {
    #[derive(Deserialize)]
    struct Observing {
        mode: String,
        since: jiff::Timestamp,
        first_day: Option<Date>,
    }
    let missing = || Error::refused("keyward is not applied to this database").with_hint("run keyward plan, then keyward apply");
    let mut snapshot = Snapshot::read(db, manifest).await?;
    let installed = snapshot.installed.as_ref().ok_or_else(missing)?;
    if schema::versions().iter().any(|version| !installed.migrations.contains(version)) {
        return Err(Error::refused("keyward's tables in this database are older than this program")
            .with_hint("run keyward apply, which brings them up to date"));
    }
    let applied = installed.manifest.clone().ok_or_else(missing)?;
    if applied != *manifest {
        snapshot = Snapshot::read(db, &applied).await?;
    }
    let ground = Ground::of(db, &applied, &snapshot).await?;
    let templates = Templates::new(&[("rollout/preview.sql", include_str!("../../sql/rollout/preview.sql"))])?;
    let query = templates.render("rollout/preview.sql", &values::base(&applied, &snapshot)?)?.sql;
    let observing: Vec<Observing> = ground.read(db, include_str!("../../sql/rollout/observing.sql"), &[]).await?;
    let observing = observing.into_iter().next().ok_or_else(|| Error::bug("keyward.policy has lost its row"))?;
    let mut accounts: Vec<Hit> = ground.read(db, &query, &[Param::Int(days.unwrap_or(ALL_DAYS).into())]).await?;
    let (accounts_hit, writes) = (accounts.len() as u64, accounts.iter().map(|hit| hit.writes).sum());
    accounts.truncate(limit.unwrap_or(usize::MAX));
    Ok(Preview {
        schema: PREVIEW_SCHEMA,
        observing_since: (observing.mode == "observe").then_some(observing.since),
        mode: observing.mode,
        first_day: observing.first_day,
        days,
        accounts_hit,
        writes,
        accounts,
    })
}

impl Preview {
    /// Returns the accounts as the CSV of an import of opt-outs (`account,reason`), for a person to edit: those that are there, and not
    /// enabled yet.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if it can't be written.
    pub fn csv(&self) -> Result<String> {
        let bug = |error: &dyn std::fmt::Display| Error::bug("a row can't be written as CSV").with_source(error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["account", "reason"]).map_err(|error| bug(&error))?;
        for (account, hit) in self.accounts.iter().filter_map(|hit| Some((hit.can_opt_out()?, hit))) {
            writer.write_record([account, &hit.reason()]).map_err(|error| bug(&error))?;
        }
        let bytes = writer.into_inner().map_err(|error| bug(&error))?;
        String::from_utf8(bytes).map_err(|error| bug(&error))
    }
}

impl Hit {
    /// Returns the account's id if it could opt out in advance: it is known, there, and not enabled yet.
    #[must_use]
    pub fn can_opt_out(&self) -> Option<&str> {
        self.account.as_deref().filter(|_| self.is_there && !self.enabled)
    }

    /// Returns what was seen in one line, such as `42 writes by api_v1 (legacy_users insert), last on 2026-11-23`.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut text = String::new();
        for (place, Fact { role, control, act, writes, .. }) in self.facts.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let noun = if *writes == 1 { "write" } else { "writes" };
            // to a String, which takes everything
            let _ = write!(text, "{comma}{writes} {noun} by {role} ({control} {act})");
        }
        let _ = write!(text, ", last on {}", self.last_day);
        text
    }
}
