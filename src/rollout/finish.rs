//! The end of the rollout: the setting becomes the default, late keys are sealed, and it is proved that none is published.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::closing::{self, Gates, Part};
use super::course::{Course, Of};
use super::ground::{Ground, asked, goes_on, pause, stopped};
use super::run::{births, default_on, look, not_alone};
use super::status::KeyStatus;
use super::wave::Asked;
use super::{Options, Percent, Progress, Tally, Tell, crew, park, revert, stragglers, wave};
use crate::apply;
use crate::catalog;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::{Manifest, Name};

/// What [`finish`] has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Accounts, keys and times; `None` if the rollout was finished already.
    pub tally: Option<Tally>,
    /// Keys found published in enabled accounts when older transactions had ended, and sealed.
    pub stragglers: u64,
    /// What was counted at the end, key by key.
    pub proof: Vec<Proof>,
    /// The keys that stay in their column, which no API role may read: that was looked up at the end.
    pub walls: Vec<Name>,
}

/// What was counted for one key at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The key's name.
    pub key: Name,
    /// The sealed keys.
    pub sealed: u64,
    /// The published keys in enabled accounts, and in rows whose account can't be determined: 0.
    pub published_in_enabled_accounts: u64,
}

/// Makes the setting the default, enables every account that has none of its own, waits until every older transaction has ended,
/// seals what those published late, and proves that no enabled account has a published key.
///
/// First every account is enabled; while some are parked it goes no further, unless told to leave them off. Then the setting becomes the
/// default. Done again, it proves again.
///
/// # Errors
/// As [`super::run()`]; [`crate::error::Kind::Resumable`] also if older transactions outlast the patience;
/// [`crate::error::Kind::Refused`] also if accounts are parked, or if keys stay published, with how many of which.
pub async fn finish(
    db: &mut Db,
    manifest: &Manifest,
    options: &Options,
    stop: &AtomicBool,
    tell: &mut Tell<'_>,
) -> Result<Finished> {
    not_alone(db, tell).await?;
    let done = async {
        let mut finished = begin(db, manifest, options, stop, tell).await?;
        finished.walls = walls(db, manifest).await?;
        Ok(finished)
    }
    .await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = apply::release_shared(db).await;
    done
}

/// Proves of the keys that stay in their column that no API role may read it, and returns which these are.
async fn walls(db: &mut Db, manifest: &Manifest) -> Result<Vec<Name>> {
    let readers = catalog::readers(db, manifest).await?;
    let open = readers.iter().filter(|(_, readers)| !readers.is_empty());
    let open: Vec<_> = open.map(|(name, readers)| format!("{} may read {name}", readers.join(", "))).collect();
    if open.is_empty() {
        return Ok(readers.into_keys().collect());
    }
    Err(Error::refused(format!("API roles may read keys that their privileges should hide: {}", open.join("; ")))
        .with_hint("keyward plan tells by which grant; apply it, then run the same command again"))
}

async fn begin(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Finished> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    ground.may_skip_triggers(db, options).await?;
    let parked = park::still_parked(db, &ground).await?;
    if parked.accounts > 0 && !options.leave_parked {
        return Err(park::refuse(&parked));
    }
    let everybody = Options { percent: Percent::ALL, list: None, limit: None, ..options.clone() };
    let share = look(db, &ground, &everybody).await?;
    let was_default = ground.now.default_enabled && ground.now.new_accounts_enabled;
    let asked_for = Asked { kind: "finish", percent: Percent::ALL, list_sha256: None, limit: None, reverts: None };
    let mut always = true;
    if was_default && share.eligible == parked.accounts {
        let counts = stragglers::count(db, &ground).await?;
        if published(&counts) == 0 {
            // Nothing to do, unless one that was stopped half-way is to be ended.
            always = false;
        }
    }
    if asked(stop) {
        return Err(stopped());
    }
    let Some(wave) = wave::enter(db, &ground, &asked_for, &everybody, (share.accounts, 0, always), &[]).await? else {
        let counts = stragglers::count(db, &ground).await?;
        return Ok(Finished { tally: None, stragglers: 0, proof: proof(&counts), walls: Vec::new() });
    };
    tell(Progress::Began { wave: wave.id, total: share.eligible, continued: wave.continued });
    let course = Course {
        ground: &ground,
        options: &everybody,
        wave: wave.id,
        of: Of::Accounts,
        points: Percent::ALL.points(),
        undone: Vec::new(),
        had_parked: park::any(db, &ground).await?,
    };
    let mut tally = Tally { wave: wave.id, total: share.eligible, ..Tally::default() };
    let mut sealed = 0;
    let done = async {
        births(db, &ground, Some(wave.id)).await?;
        crew::work(db, &course, stop, &mut tally, tell).await?;
        if closing::take_part(db, &ground, wave.id, stop).await? == Part::Done {
            let counts = stragglers::count(db, &ground).await?;
            return Ok::<_, Error>((counts, Gates::Passed));
        }
        let closed = close(db, &course, stop, &mut tally, &mut sealed, tell).await;
        // Where this fails too the connection is gone, and the lock with it.
        let unlocked = wave::end_closing(db, wave.id).await;
        let closed = closed?;
        unlocked?;
        Ok(closed)
    }
    .await;
    let left = wave::leave(db, &ground, wave.id, if done.is_ok() { 0 } else { sealed }).await;
    // Where both failed the connection is gone: the first says so, and the next finish finds the wave.
    let (counts, gates) = done.map_err(goes_on)?;
    left?;
    if let Gates::Revert(why) = gates {
        tell(Progress::Note(format!("{why}: the wave is reverted")));
        revert::wave_of_gate(db, &ground, options, wave.id, stop, tell).await?;
        return Err(Error::refused(why)
            .with_hint("the wave was reverted, as the manifest says of that gate; mend it, then run the same command again"));
    }
    Ok(Finished { tally: Some(tally), stragglers: sealed, proof: proof(&counts), walls: Vec::new() })
}

/// Brings the wave to its end, once every account has been looked at.
async fn close(
    db: &mut Db,
    course: &Course<'_>,
    stop: &AtomicBool,
    tally: &mut Tally,
    sealed: &mut u64,
    tell: &mut Tell<'_>,
) -> Result<(Vec<KeyStatus>, Gates)> {
    let (ground, options) = (course.ground, course.options);
    let parked = park::still_parked(db, ground).await?;
    if parked.accounts > 0 {
        if !options.leave_parked {
            return Err(park::refuse(&parked));
        }
        let params = [Param::Int(course.wave), ground.actor.as_str().into()];
        ground.write(db, &ground.statements.leave_parked, &params).await?;
    }
    // Committed before what follows: whoever begins later sees it.
    default_on(db, ground, course.wave).await?;
    // Accounts that came while the first pass was under way, before births were enabled.
    let late = look(db, ground, options).await?.eligible;
    if late > parked.accounts {
        wave::fold(db, ground, course.wave).await?;
        crew::work(db, course, stop, tally, tell).await?;
    }
    let older = closing::wait_out(db, options.patience, stop, tell).await?;
    if !older.is_empty() {
        let names: Vec<_> = older.iter().map(ToString::to_string).collect();
        return Err(Error::resumable("transactions that began before the end of the rollout are still running")
            .with_source(names.join("; "))
            .with_hint("wait for them or end them, then run the same command again; or give it a longer --patience"));
    }
    let counts = settle(db, course, stop, sealed, tell).await?;
    stragglers::forget(db, ground, tell).await?;
    let gates = closing::pass_gates(db, course, tell).await?;
    if matches!(gates, Gates::Passed) {
        let more = serde_json::json!({ "proof": proof(&counts) });
        wave::conclude(db, ground, course.wave, *sealed, &more, &[]).await?;
    }
    Ok((counts, gates))
}

/// Seals until nothing is published in an enabled account, and returns the last counts.
async fn settle(
    db: &mut Db,
    course: &Course<'_>,
    stop: &AtomicBool,
    sealed: &mut u64,
    tell: &mut Tell<'_>,
) -> Result<Vec<KeyStatus>> {
    let (ground, options) = (course.ground, course.options);
    let began = Instant::now();
    let mut length = Duration::from_millis(100);
    loop {
        *sealed += stragglers::seal(db, course, stop, true).await?;
        let counts = stragglers::count(db, ground).await?;
        if published(&counts) == 0 {
            return Ok(counts);
        }
        if began.elapsed() >= options.patience {
            let left: Vec<_> = proof(&counts)
                .into_iter()
                .filter(|one| one.published_in_enabled_accounts > 0)
                .map(|one| format!("{} of {}", one.published_in_enabled_accounts, one.key))
                .collect();
            return Err(Error::resumable(format!("enabled accounts still have published keys: {}", left.join(", ")))
                .with_source("other transactions hold their rows")
                .with_hint("wait for them or end them, then run the same command again; or give it a longer --patience"));
        }
        tell(Progress::Note(format!("{} keys are in rows in use; they are looked at again", published(&counts))));
        pause(length, stop).await?;
        length = (length * 2).min(Duration::from_secs(5));
    }
}

fn published(counts: &[KeyStatus]) -> u64 {
    counts.iter().map(|key| key.published_enabled + key.published_unknown).sum()
}

fn proof(counts: &[KeyStatus]) -> Vec<Proof> {
    counts
        .iter()
        .map(|key| Proof {
            key: key.name.clone(),
            sealed: key.sealed,
            published_in_enabled_accounts: key.published_enabled + key.published_unknown,
        })
        .collect()
}
