//! Pausing and resuming: one row that every batch reads, so it takes hold within one batch on every worker, wherever it runs.
//!
//! Neither asks for the manifest or for a lock that a rollout holds: whoever wants to stop it must be able to, whatever the file says, and
//! whatever is under way.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ground::{Ground, end};
use super::statements;
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;

/// Whether the rollout is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// It is: no batch begins.
    pub paused: bool,
    /// Since when.
    pub paused_at: Option<jiff::Timestamp>,
    /// By whom: the external identity.
    pub paused_by: Option<String>,
    /// Why: what the person wrote, or the gate that failed.
    pub reason: Option<String>,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.paused {
            return f.write_str("not paused");
        }
        f.write_str("paused")?;
        if let Some(by) = &self.paused_by {
            write!(f, " by {by}")?;
        }
        if let Some(at) = &self.paused_at {
            write!(f, " since {at:.0}")?;
        }
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

#[derive(Deserialize)]
struct Site {
    owner: Ident,
    actor: String,
    may_act: bool,
}

/// Pauses the rollout: every worker, of every process, ends the batch in hand and waits. Tells whether that changed anything.
///
/// Paused already, it stays as it is, unless there is a reason and it is a new one.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied to the database, or the connected role may not act as its owner.
pub async fn pause(db: &mut Db, reason: Option<&str>) -> Result<bool> {
    let site = site(db).await?;
    let params = pause_params(&site.actor, reason);
    change(db, &site, statements::PAUSE, &params).await
}

/// Lets a rollout that was paused go on, and tells whether it was.
///
/// # Errors
/// As [`pause`].
pub async fn resume(db: &mut Db) -> Result<bool> {
    let site = site(db).await?;
    change(db, &site, statements::RESUME, &[]).await
}

/// Returns whether the rollout is paused.
pub(super) async fn state(db: &mut Db, ground: &Ground) -> Result<Control> {
    let mut rows: Vec<Control> = ground.read(db, statements::CONTROL, &[]).await?;
    rows.pop().ok_or_else(|| {
        Error::refused("keyward.rollout_control has lost its row")
            .with_hint("as the owner: INSERT INTO keyward.rollout_control DEFAULT VALUES")
    })
}

/// Pauses the rollout on behalf of whoever runs it.
pub(super) async fn hold_rollout(db: &mut Db, ground: &Ground, reason: Option<&str>) -> Result<()> {
    ground.write(db, statements::PAUSE, &pause_params(&ground.actor, reason)).await?;
    Ok(())
}

fn pause_params(actor: &str, reason: Option<&str>) -> [Param; 2] {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    [actor.into(), Param::OptionalText(reason.map(str::to_owned))]
}

async fn site(db: &mut Db) -> Result<Site> {
    let rows: Vec<Site> = db.rows(statements::SITE, &[]).await?;
    let site = rows.into_iter().next().ok_or_else(|| {
        Error::refused("keyward is not applied to this database").with_hint("run keyward plan, then keyward apply")
    })?;
    if site.may_act {
        return Ok(site);
    }
    Err(Error::refused(format!("{} is no member of {}, which owns the rollout", site.actor, site.owner.as_str()))
        .with_hint(format!("GRANT {} TO {};", site.owner, Ident::new(site.actor)?)))
}

async fn change(db: &mut Db, site: &Site, statement: &str, params: &[Param]) -> Result<bool> {
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '10s'; SET LOCAL ROLE";
    db.execute(&format!("{begin} {}", site.owner)).await?;
    let done = db.run(statement, params).await;
    let touched = end(db, done).await.map_err(|failure: Failure| Error::from(failure))?;
    Ok(touched > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_since_when_by_whom_and_why_as_far_as_that_is_known() {
        let mut control = Control { reason: Some("too late in the day".to_owned()), ..Control::default() };
        assert_eq!(control.to_string(), "not paused");
        control.paused = true;
        assert_eq!(control.to_string(), "paused: too late in the day");
        control.paused_by = Some("dba".to_owned());
        control.paused_at = Some("2024-06-17T10:00:00.25Z".parse().unwrap());
        assert_eq!(control.to_string(), "paused by dba since 2024-06-17T10:00:00Z: too late in the day");
    }
}
