//! The policy's mode: whether the guards enforce, only observe, or do nothing.
//!
//! It holds for the whole database, and for every session at once: a guard reads it with each row. Changing it moves no key.

use serde::{Deserialize, Serialize};

use crate::catalog::{self, Applied};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::status;

/// The `"schema"` of the policy's JSON document.
pub const SCHEMA: &str = "keyward/policy/v1";

/// For how many days observations are kept; older ones are forgotten when the mode is changed.
pub const DAYS_KEPT: i64 = 90;

/// What the guards do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They hold, for the accounts that have the setting on.
    Enforce,
    /// They let everything pass, and count what they would have stopped.
    Observe,
    /// They let everything pass.
    Off,
}

impl Mode {
    /// Returns its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Off => "off",
        }
    }
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What the guards do.
    pub mode: Mode,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Who changed the mode last; `None` if nobody has, or not by this command.
    pub changed_by: Option<String>,
    /// The setting of an account that has none of its own.
    pub default_enabled: bool,
    /// Whether an account is enabled at birth.
    pub new_accounts_enabled: bool,
    /// What there is of observations.
    pub observed: Observed,
}

/// What there is of observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// How many writes enforcement would have stopped, at least: a transaction that does the same many times counts once.
    pub writes: u64,
    /// In how many accounts.
    pub accounts: u64,
    /// The first day (UTC).
    pub first_day: Option<jiff::civil::Date>,
    /// The last.
    pub last_day: Option<jiff::civil::Date>,
}

/// What hangs on the mode: what enforcing holds, and what it finds open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stake {
    /// How many accounts have the setting on; those that follow a default that is on are among them.
    pub enabled_accounts: u64,
    /// How many keys are sealed.
    pub sealed: u64,
    /// How many keys are published in accounts that have the setting on.
    pub published_enabled: u64,
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The mode before; `None` if it was this one already, and nothing was changed.
    pub from: Option<String>,
    /// How many rows of observations were forgotten, being older than [`DAYS_KEPT`] days.
    pub forgotten: u64,
}

#[derive(Deserialize)]
struct Site {
    owner: Ident,
    actor: String,
    may_act: bool,
    knows_observations: bool,
}

#[derive(Deserialize)]
struct Row {
    mode: Mode,
    since: jiff::Timestamp,
    mode_changed_by: Option<String>,
    default_enabled: bool,
    new_accounts_enabled: bool,
    observed: Observed,
}

/// Returns the policy. Writes nothing.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied, the connected role may not act as its owner, or the policy has lost its row.
pub async fn show(db: &mut Db) -> Result<Policy> {
    let (site, _) = survey(db).await?;
    db.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL ROLE {}", site.owner)).await?;
    let row = db.rows::<Row>(include_str!("../sql/policy/show.sql"), &[]).await;
    db.execute("ROLLBACK").await?;
    let row = row?.pop().ok_or_else(lost)?;
    Ok(Policy {
        schema: SCHEMA,
        mode: row.mode,
        since: row.since,
        changed_by: row.mode_changed_by,
        default_enabled: row.default_enabled,
        new_accounts_enabled: row.new_accounts_enabled,
        observed: row.observed,
    })
}

/// Counts what hangs on the mode. Reads every key table; writes nothing.
///
/// # Errors
/// As [`show`].
pub async fn stake(db: &mut Db) -> Result<Stake> {
    let (_, applied) = survey(db).await?;
    let status = status::read(db, &applied.document).await?;
    let Some(installed) = status.installed else { return Ok(Stake::default()) };
    let accounts = installed.accounts.as_ref();
    let of = |enabled: bool| -> u64 {
        accounts
            .iter()
            .flat_map(|all| &all.settings)
            .filter(|setting| setting.enabled == enabled)
            .map(|setting| setting.accounts)
            .sum()
    };
    let by_default = installed.policy.as_ref().is_none_or(|policy| policy.default_enabled);
    let total = accounts.map_or(0, |all| all.total);
    Ok(Stake {
        enabled_accounts: if by_default { total.saturating_sub(of(false)) } else { of(true) },
        sealed: installed.keys.values().map(|keys| keys.sealed).sum(),
        published_enabled: installed.keys.values().map(|keys| keys.published_enabled).sum(),
    })
}

/// Changes the mode, enters that in the ledger, and forgets observations that are older than [`DAYS_KEPT`] days; all of it, or nothing.
/// A mode that is what it should be stays as it is.
///
/// # Errors
/// As [`show`], and [`crate::error::Kind::Refused`] if somebody holds the policy for more than five seconds.
pub async fn change(db: &mut Db, to: Mode) -> Result<Changed> {
    let (site, applied) = survey(db).await?;
    db.execute(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '5s'; SET LOCAL ROLE {}",
        site.owner
    ))
    .await?;
    let changed = write(db, &site, &applied, to).await;
    let ended = db.execute(if changed.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    let changed = changed?;
    ended?;
    Ok(changed)
}

async fn write(db: &mut Db, site: &Site, applied: &Applied, to: Mode) -> Result<Changed> {
    #[derive(Deserialize)]
    struct Held {
        mode: String,
    }
    let held: Vec<Held> = db.rows(include_str!("../sql/policy/hold.sql"), &[]).await.map_err(in_use)?;
    let before = held.into_iter().next().ok_or_else(lost)?.mode;
    let forgotten = db.run(include_str!("../sql/policy/prune.sql"), &[Param::Int(DAYS_KEPT)]).await?;
    if before == to.name() {
        return Ok(Changed { from: None, forgotten });
    }
    db.run(include_str!("../sql/policy/change.sql"), &[to.name().into(), site.actor.clone().into()]).await?;
    let set = |mode: &str| format!("UPDATE keyward.policy SET mode = '{mode}', changed_at = now();");
    let params = [
        env!("CARGO_PKG_VERSION").into(),
        applied.sha256.clone().into(),
        Param::Texts(Vec::new()),
        Param::Texts(vec!["policy".to_owned()]),
        Param::Texts(vec![set(to.name())]),
        Param::Texts(vec![set(&before)]),
    ];
    db.run(include_str!("../sql/apply/ledger.sql"), &params).await?;
    Ok(Changed { from: Some(before), forgotten })
}

/// Looks whether there is a policy to change, and whether the connected role may.
async fn survey(db: &mut Db) -> Result<(Site, Applied)> {
    let missing = || Error::refused("keyward is not applied to this database").with_hint("run keyward apply first");
    let site: Vec<Site> = db.rows(include_str!("../sql/policy/site.sql"), &[]).await?;
    let site = site.into_iter().next().ok_or_else(missing)?;
    if !site.may_act {
        return Err(Error::refused(format!("{} is no member of {}, which owns the policy", site.actor, site.owner.as_str()))
            .with_hint(format!("GRANT {} TO {};", site.owner, Ident::new(site.actor.as_str())?)));
    }
    if !site.knows_observations {
        return Err(Error::refused("keyward's tables in this database are older than this program")
            .with_hint("run keyward apply, which brings them up to date"));
    }
    let applied = catalog::applied_manifest(db).await?.ok_or_else(missing)?;
    Ok((site, applied))
}

fn lost() -> Error {
    Error::refused("keyward.policy has lost its row: the guards enforce for every account")
        .with_hint("as the owner: INSERT INTO keyward.policy DEFAULT VALUES")
}

fn in_use(failure: Failure) -> Error {
    if failure.code() != Some("55P03") {
        return failure.into();
    }
    Error::refused("a batch of the rollout, or a transaction with a snapshot of its own, has held the policy for five seconds")
        .with_hint("nothing was changed; try again, and look for long transactions in pg_stat_activity")
}
