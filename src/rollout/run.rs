//! One run: a share of the accounts that have no setting of their own is brought to enabled.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;

use super::batch::Batches;
use super::ground::{Ground, asked, asks_to_stop, stopped};
use super::{Options, Percent, Progress, Tally, Tell, stragglers, wave};
use crate::apply;
use crate::db::{Db, Param};
use crate::error::Result;
use crate::manifest::Manifest;
use crate::settle::{self, Running};

/// How long to wait for another keyward that is at work.
const RUNNER_PATIENCE: Duration = Duration::from_secs(10);

/// What a run or finish would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Preview {
    /// The accounts there are.
    pub accounts: u64,
    /// Those in the share.
    pub members: u64,
    /// Those in the share that have no setting of their own: they would be enabled.
    pub eligible: u64,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// Accounts, keys and times; `None` if there was nothing to do.
    pub tally: Option<Tally>,
    /// Keys found published in enabled accounts when older transactions had ended, and sealed.
    pub stragglers: u64,
    /// Transactions still running that may publish a key in an enabled account: `rollout finish` waits for them.
    pub older: Vec<Running>,
    /// From now on new accounts are enabled at birth; they weren't before.
    pub new_accounts: bool,
}

/// Says what [`run`] with these options, or with 100 percent [`super::finish()`], would do, and refuses where they would. Writes nothing.
///
/// # Errors
/// As [`run`].
pub async fn preview(db: &mut Db, manifest: &Manifest, options: &Options) -> Result<Preview> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    look(db, &ground, options.percent).await
}

/// Brings a share of the accounts to enabled: those in the share that have no setting of their own. Explicit choices stay.
///
/// A wave of the same percentage that was stopped goes on. Where there is nothing to do, nothing is written. From the first run after
/// the cutover on, new accounts are enabled at birth.
///
/// `stop` is looked at between batches; `tell` hears of each.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied as the manifest says, if its policy is off, if the cutover has not come, if another
/// keyward is at work, or if an account can't be enabled; [`crate::error::Kind::Resumable`] if asked to stop, if accounts stay in use
/// for longer than the patience, or if the connection is lost. What was committed stays.
pub async fn run(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Ran> {
    alone(db, tell).await?;
    let done = begin(db, manifest, options, stop, tell).await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = apply::release(db).await;
    done
}

/// Waits until no other keyward is at work, and keeps others away.
pub(super) async fn alone(db: &mut Db, tell: &mut Tell<'_>) -> Result<()> {
    apply::one_runner(db, RUNNER_PATIENCE, &mut |blocker| tell(Progress::Waiting(blocker))).await
}

/// Counts the accounts of a share.
pub(super) async fn look(db: &mut Db, ground: &Ground, percent: Percent) -> Result<Preview> {
    let mut rows: Vec<Preview> = ground.read(db, &ground.statements.eligible, &[Param::Int(i64::from(percent.points()))]).await?;
    Ok(rows.pop().unwrap_or(Preview { accounts: 0, members: 0, eligible: 0 }))
}

async fn begin(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Ran> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    wave::bury(db, &ground).await?;
    let unfinished = wave::unfinished(db, &ground, "run", options.percent).await?;
    let mut ran = Ran { tally: None, stragglers: 0, older: Vec::new(), new_accounts: false };
    if ground.now.past_cutover && !options.before_cutover && !ground.now.new_accounts_enabled {
        let sql = "UPDATE keyward.policy AS p SET new_accounts_enabled = true, changed_at = pg_catalog.now()";
        ground.write(db, sql, &[]).await?;
        ran.new_accounts = true;
    }
    let eligible = look(db, &ground, options.percent).await?.eligible;
    if eligible == 0 && unfinished.is_none() {
        return Ok(ran);
    }
    if asked(stop) {
        return Err(stopped());
    }
    let wave = wave::begin(db, &ground, "run", options.percent, options, unfinished.as_ref()).await?;
    tell(Progress::Began { wave, total: eligible, continued: unfinished.is_some() });
    let mut batches = Batches::new(&ground, options, stop, options.percent.points(), wave, eligible);
    let done = async {
        batches.all(db, unfinished.and_then(|wave| wave.reached), tell).await?;
        ran.older = wait_out(db, options.settle, stop, tell).await?;
        ran.stragglers = stragglers::seal(db, &ground, options, stop, false).await?;
        stragglers::forget(db, &ground, tell).await
    }
    .await;
    let state = if done.is_ok() { "done" } else { "stopped" };
    let ended = wave::end(db, &ground, wave, state, ran.stragglers, &serde_json::json!({})).await;
    // Where both failed the connection is gone: the first says so, and the next run finds the wave.
    done.and(ended)?;
    ran.tally = Some(batches.tally);
    Ok(ran)
}

/// Waits until the transactions that run now have ended, and returns those that are left when patience is over.
pub(super) async fn wait_out(db: &mut Db, patience: Duration, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Vec<Running>> {
    let older = settle::older_transactions(db).await?;
    if older.is_empty() {
        return Ok(older);
    }
    let mut left = older.clone();
    let mut on_wait = |running: &[Running]| {
        left = running.to_vec();
        tell(Progress::Settling(running));
    };
    let out = tokio::select! {
        out = settle::wait_out(db, &older, patience, &mut on_wait) => out,
        error = asks_to_stop(stop) => return Err(error),
    };
    match out {
        Ok(true) => Ok(Vec::new()),
        Ok(false) => Ok(left),
        Err(error) => Err(error),
    }
}
