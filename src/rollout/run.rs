//! One run: accounts that have no setting of their own are brought to enabled, a share of them or those of a list.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::closing::{self, Gates, Part};
use super::course::{Course, Of};
use super::ground::{Ground, asked, goes_on, stopped};
use super::wave::Asked;
use super::worker::over;
use super::{Options, Progress, Tally, Tell, crew, park, revert, stragglers, wave};
use crate::apply;
use crate::catalog::hex;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::settle::Running;

/// How long to wait for another keyward that changes the database.
const RUNNER_PATIENCE: Duration = Duration::from_secs(10);

/// Which accounts a run or finish would enable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Share {
    /// The accounts there are.
    pub accounts: u64,
    /// Those in the share, or on the list.
    pub members: u64,
    /// Those of them that have no setting of their own: they would be enabled, up to the limit.
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

/// Says which accounts [`run`] with these options, or [`super::finish()`], would enable, and refuses where they would. Writes nothing.
///
/// # Errors
/// As [`run`].
pub async fn share(db: &mut Db, manifest: &Manifest, options: &Options) -> Result<Share> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    look(db, &ground, options).await
}

/// Brings accounts to enabled: those of a share, or of a list, that have no setting of their own. Explicit choices stay.
///
/// It is a wave. Processes that ask for the same wave at the same time share it; one that was stopped goes on. Where there is nothing to
/// do, nothing is written. From the first run after the cutover on, new accounts are enabled at birth.
///
/// `stop` is looked at between batches; `tell` hears of each.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if keyward isn't applied as the manifest says, if its policy doesn't enforce, if the cutover has not come, if another
/// keyward is at work on something else, if too many accounts can't be enabled, or if a gate fails; [`crate::error::Kind::Resumable`] if asked to
/// stop, if the rollout is paused before it begins, if accounts stay in use for longer than the patience, or if the connection is lost.
/// What was committed stays.
pub async fn run(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Ran> {
    not_alone(db, tell).await?;
    let done = begin(db, manifest, options, stop, tell).await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = apply::release_shared(db).await;
    done
}

/// Keeps those away that change the schema; other rollouts may be at work.
pub(super) async fn not_alone(db: &mut Db, tell: &mut Tell<'_>) -> Result<()> {
    apply::shared_runner(db, RUNNER_PATIENCE, &mut |blocker| tell(Progress::Waiting(blocker))).await
}

/// Counts the accounts of a share or list.
pub(super) async fn look(db: &mut Db, ground: &Ground, options: &Options) -> Result<Share> {
    #[derive(Deserialize)]
    struct Listed {
        missing: Vec<String>,
        missing_count: u64,
        #[serde(flatten)]
        share: Share,
    }
    let none = Share { accounts: 0, members: 0, eligible: 0 };
    let Some(list) = &options.list else {
        let params = [Param::Int(i64::from(options.percent.points()))];
        return Ok(ground.read(db, &ground.statements.eligible, &params).await?.pop().unwrap_or(none));
    };
    let mut rows: Vec<Listed> = ground.read(db, &ground.statements.listed, &[Param::Texts(list.clone())]).await?;
    let Some(listed) = rows.pop() else { return Ok(none) };
    if listed.missing_count > 0 {
        let more = if listed.missing_count > listed.missing.len() as u64 { ", …" } else { "" };
        return Err(Error::usage(format!(
            "{} ids of the list are no account's: {}{more}",
            listed.missing_count,
            listed.missing.join(", ")
        ))
        .with_hint("write each id as the server prints it (SELECT id::text), one a line; nothing was changed"));
    }
    Ok(listed.share)
}

/// Returns the wave that a run with these options is.
fn asked_for(options: &Options) -> Asked {
    let list_sha256 = options.list.as_ref().map(|list| {
        let mut sorted = list.clone();
        sorted.sort();
        sorted.dedup();
        hex(&Sha256::digest(sorted.join("\n")))
    });
    Asked { kind: "run", percent: options.percent, list_sha256, limit: options.limit, reverts: None }
}

async fn begin(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Ran> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    ground.may_skip_triggers(db, options).await?;
    let share = look(db, &ground, options).await?;
    if asked(stop) {
        return Err(stopped());
    }
    let total = share.eligible.min(options.limit.unwrap_or(u64::MAX));
    let mut on_begin = Vec::new();
    if let Some(list) = &options.list {
        on_begin.push((ground.statements.list.as_str(), vec![Param::Texts(list.clone())]));
    }
    let wave = wave::enter(db, &ground, &asked_for(options), options, (share.accounts, total, false), &on_begin).await?;
    let mut ran = Ran { tally: None, stragglers: 0, older: Vec::new(), new_accounts: false };
    if ground.now.past_cutover && !options.before_cutover && !ground.now.new_accounts_enabled {
        ran.new_accounts = births(db, &ground, wave.map(|wave| wave.id)).await?;
    }
    let Some(wave) = wave else { return Ok(ran) };
    tell(Progress::Began { wave: wave.id, total, continued: wave.continued });
    let course = Course {
        ground: &ground,
        options,
        wave: wave.id,
        of: if options.list.is_some() { Of::List } else { Of::Accounts },
        points: options.percent.points(),
        undone: Vec::new(),
        had_parked: park::any(db, &ground).await?,
    };
    let mut tally = Tally { wave: wave.id, total, ..Tally::default() };
    let done = async {
        crew::work(db, &course, stop, &mut tally, tell).await?;
        if closing::take_part(db, &ground, wave.id, stop).await? == Part::Done {
            return Ok::<_, Error>(Gates::Passed);
        }
        let sealed = tally.keys > 0 || wave.continued;
        let closed = close(db, &course, stop, sealed, &mut ran, tell).await;
        // Where this fails too the connection is gone, and the lock with it.
        let unlocked = wave::end_closing(db, wave.id).await;
        let gates = closed?;
        unlocked?;
        Ok(gates)
    }
    .await;
    // Where both failed the connection is gone: the first says so, and the next run finds the wave.
    let left = wave::leave(db, &ground, wave.id, if done.is_ok() { 0 } else { ran.stragglers }).await;
    let gates = done.map_err(goes_on)?;
    left?;
    ran.tally = Some(tally);
    if let Gates::Revert(why) = gates {
        tell(Progress::Note(format!("{why}: the wave is reverted")));
        revert::wave_of_gate(db, &ground, options, wave.id, stop, tell).await?;
        return Err(Error::refused(why).with_hint(format!(
            "wave {} was reverted, as the manifest says of that gate; mend it, then run the same command again: it begins a new wave",
            wave.id
        )));
    }
    Ok(ran)
}

/// Brings the wave to its end, once no chunk of it is left.
async fn close(
    db: &mut Db,
    course: &Course<'_>,
    stop: &AtomicBool,
    sealed: bool,
    ran: &mut Ran,
    tell: &mut Tell<'_>,
) -> Result<Gates> {
    let (ground, options) = (course.ground, course.options);
    ran.older = closing::wait_out(db, options.settle, stop, tell).await?;
    ran.stragglers = stragglers::seal(db, course, stop, false).await?;
    if sealed || ran.stragglers > 0 {
        stragglers::forget(db, ground, tell).await?;
    }
    let gates = closing::pass_gates(db, course, tell).await?;
    if matches!(gates, Gates::Passed) {
        wave::conclude(db, ground, course.wave, ran.stragglers, &serde_json::json!({}), &[]).await?;
    }
    Ok(gates)
}

/// Has accounts enabled at birth from now on, and tells whether that is new. The wave remembers what was before.
pub(super) async fn births(db: &mut Db, ground: &Ground, wave: Option<i64>) -> Result<bool> {
    change_policy(db, ground, wave, "new_accounts_enabled").await
}

/// Has the setting hold for every account without one of its own from now on, and tells whether that is new.
pub(super) async fn default_on(db: &mut Db, ground: &Ground, wave: i64) -> Result<bool> {
    change_policy(db, ground, Some(wave), "default_enabled").await
}

async fn change_policy(db: &mut Db, ground: &Ground, wave: Option<i64>, column: &str) -> Result<bool> {
    ground.begin(db, Duration::from_secs(10), false).await?;
    let done = async {
        if let Some(wave) = wave {
            let sql = format!(
                "UPDATE keyward.wave AS w SET policy_before = CASE WHEN p.{column} THEN w.policy_before \
                                              ELSE pg_catalog.jsonb_build_object($2::text, false) || COALESCE(w.policy_before, '{{}}') END \
                   FROM keyward.policy AS p WHERE w.id = $1 AND w.state = 'running'"
            );
            if db.run(&sql, &[Param::Int(wave), column.into()]).await? == 0 {
                // A revert has ended it: what it changed now would never be set back.
                return Ok(None);
            }
        }
        let sql =
            format!("UPDATE keyward.policy AS p SET {column} = true, changed_at = pg_catalog.now() WHERE NOT p.{column}");
        db.run(&sql, &[]).await.map(Some)
    }
    .await;
    super::ground::end(db, done).await?.map(|changed| changed > 0).ok_or_else(over)
}
