//! The end of the rollout: the setting becomes the default, late keys are sealed, and it is proved that none is published.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::batch::Batches;
use super::ground::{Ground, asked, pause, stopped};
use super::run::{alone, look, wait_out};
use super::status::KeyStatus;
use super::{Options, Percent, Progress, Tally, Tell, stragglers, wave};
use crate::apply;
use crate::db::Db;
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
/// Done again, it proves again.
///
/// # Errors
/// As [`super::run`]; [`crate::error::Kind::Resumable`] also if older transactions outlast the patience;
/// [`crate::error::Kind::Refused`] also if keys stay published, with how many of which.
pub async fn finish(
    db: &mut Db,
    manifest: &Manifest,
    options: &Options,
    stop: &AtomicBool,
    tell: &mut Tell<'_>,
) -> Result<Finished> {
    alone(db, tell).await?;
    let done = begin(db, manifest, options, stop, tell).await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = apply::release(db).await;
    done
}

async fn begin(db: &mut Db, manifest: &Manifest, options: &Options, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Finished> {
    let ground = Ground::survey(db, manifest, options.before_cutover).await?;
    wave::bury(db, &ground).await?;
    let unfinished = wave::unfinished(db, &ground, "finish", Percent::ALL).await?;
    let was_default = ground.now.default_enabled && ground.now.new_accounts_enabled;
    let eligible = look(db, &ground, Percent::ALL).await?.eligible;
    if was_default && eligible == 0 && unfinished.is_none() {
        let counts = stragglers::count(db, &ground).await?;
        if published(&counts) == 0 {
            return Ok(Finished { tally: None, stragglers: 0, proof: proof(&counts) });
        }
    }
    if asked(stop) {
        return Err(stopped());
    }
    // First the wave: if this ends between the two, the next finish knows that there is something to go on with.
    let wave = wave::begin(db, &ground, "finish", Percent::ALL, options, unfinished.as_ref()).await?;
    let mut batches = Batches::new(&ground, options, stop, Percent::ALL.points(), wave, eligible);
    let mut sealed = 0;
    let done = async {
        if !was_default {
            // Committed before the first batch: whoever begins later sees it.
            let sql = "UPDATE keyward.policy AS p SET default_enabled = true, new_accounts_enabled = true, changed_at = pg_catalog.now()";
            ground.write(db, sql, &[]).await?;
        }
        tell(Progress::Began { wave, total: eligible, continued: unfinished.is_some() });
        batches.all(db, unfinished.and_then(|wave| wave.reached), tell).await?;
        let older = wait_out(db, options.patience, stop, tell).await?;
        if !older.is_empty() {
            let names: Vec<_> = older.iter().map(ToString::to_string).collect();
            return Err(Error::resumable("transactions that began before the end of the rollout are still running")
                .with_source(names.join("; "))
                .with_hint("wait for them or end them, then run the same command again; or give it a longer --patience"));
        }
        let counts = settle(db, &ground, options, stop, &mut sealed, tell).await?;
        stragglers::forget(db, &ground, tell).await?;
        Ok(counts)
    }
    .await;
    let (state, more) = match &done {
        Ok(counts) => ("done", serde_json::json!({ "proof": proof(counts) })),
        Err(_) => ("stopped", serde_json::json!({})),
    };
    let ended = wave::end(db, &ground, wave, state, sealed, &more).await;
    // Where both failed the connection is gone: the first says so, and the next finish finds the wave.
    let counts = done?;
    ended?;
    Ok(Finished { tally: Some(batches.tally), stragglers: sealed, proof: proof(&counts) })
}

/// Seals until nothing is published in an enabled account, and returns the last counts.
async fn settle(
    db: &mut Db,
    ground: &Ground,
    options: &Options,
    stop: &AtomicBool,
    sealed: &mut u64,
    tell: &mut Tell<'_>,
) -> Result<Vec<KeyStatus>> {
    let began = Instant::now();
    let mut length = Duration::from_millis(100);
    loop {
        *sealed += stragglers::seal(db, ground, options, stop, true).await?;
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
