//! Undoing a wave: the settings that it made are taken back, and exactly the keys that it sealed are published. Explicit choices stay.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::batch::unseal;
use super::closing::{self, Part};
use super::course::{Course, Of};
use super::ground::{Ground, asked, end, explain, goes_on, guards_are_on, pause, stopped};
use super::run::not_alone;
use super::wave::Asked;
use super::worker::{LOOK_AGAIN, still_in_use};
use super::{Options, Percent, Progress, Tally, Tell, crew, park, wave};
use crate::apply;
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::manifest::Manifest;

/// How many accounts of [`left`] one transaction takes at most.
const MOST_LEFT: i64 = 500;

/// Which waves to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One, by its number.
    Wave(i64),
    /// The newest that has not been undone.
    Last,
    /// All of them.
    All,
}

/// What a revert would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoable {
    /// The waves that it would undo, oldest first.
    pub waves: Vec<i64>,
    /// The accounts whose setting it would take back.
    pub accounts: u64,
}

/// What a revert has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Reverted {
    /// The waves that were undone, oldest first; none if [`Target::All`] found none.
    pub waves: Vec<i64>,
    /// Accounts, keys and times.
    pub tally: Tally,
    /// The accounts that are parked: something refuses to have their keys published. The waves count as stopped then.
    pub parked: u64,
}

/// Says what [`revert`] would do. Writes nothing.
///
/// # Errors
/// As [`revert`].
pub async fn undoable(db: &mut Db, manifest: &Manifest, target: Target) -> Result<Undoable> {
    let ground = Ground::survey(db, manifest, true).await?;
    let waves = resolve(db, &ground, target).await?;
    let accounts = count(db, &ground, &waves).await?;
    Ok(Undoable { waves, accounts })
}

/// Undoes waves, by the same engine that made them: in batches, throttled, resumable, shared by whoever asks for the same.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if there is no such wave; [`crate::error::Kind::Refused`] if a later `finish` made the setting the default, so that
/// accounts would stay enabled, and as [`super::run()`]; [`crate::error::Kind::Resumable`] as [`super::run()`].
pub async fn revert(
    db: &mut Db,
    manifest: &Manifest,
    target: Target,
    options: &Options,
    stop: &AtomicBool,
    tell: &mut Tell<'_>,
) -> Result<Reverted> {
    not_alone(db, tell).await?;
    let done = async {
        let ground = Ground::survey(db, manifest, true).await?;
        ground.may_skip_triggers(db, options).await?;
        let waves = resolve(db, &ground, target).await?;
        if waves.is_empty() {
            return Ok(Reverted { waves, tally: Tally::default(), parked: 0 });
        }
        undo(db, &ground, options, target, waves, stop, tell).await
    }
    .await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = apply::release_shared(db).await;
    done
}

/// Undoes a wave whose gate failed.
pub(super) async fn wave_of_gate(
    db: &mut Db,
    ground: &Ground,
    options: &Options,
    id: i64,
    stop: &AtomicBool,
    tell: &mut Tell<'_>,
) -> Result<Reverted> {
    undo(db, ground, options, Target::Wave(id), vec![id], stop, tell).await
}

#[derive(Debug, Deserialize)]
struct Row {
    id: i64,
    state: String,
    /// It made the setting the default.
    made_default: bool,
}

/// Finds the waves that are meant.
async fn resolve(db: &mut Db, ground: &Ground, target: Target) -> Result<Vec<i64>> {
    let sql = "SELECT w.id, w.state, COALESCE(NOT (w.policy_before ->> 'default_enabled')::boolean, false) AS made_default \
               FROM keyward.wave AS w WHERE w.kind <> 'revert' ORDER BY w.id";
    let all: Vec<Row> = ground.read(db, sql, &[]).await?;
    let standing = || all.iter().filter(|wave| wave.state != "reverted");
    let hint = "keyward rollout status lists the waves";
    let waves: Vec<i64> = match target {
        Target::All => standing().map(|wave| wave.id).collect(),
        Target::Last => standing().next_back().map(|wave| wave.id).into_iter().collect(),
        Target::Wave(id) => match all.iter().find(|wave| wave.id == id) {
            None => return Err(Error::usage(format!("there is no wave {id} to revert")).with_hint(hint)),
            Some(_) => vec![id],
        },
    };
    if waves.is_empty() && target == Target::All {
        // Nothing to do: a revert of all that was killed at its very end is given again.
        return Ok(waves);
    }
    if waves.is_empty() {
        return Err(Error::refused("there is no wave to revert").with_hint(hint));
    }
    let finished = standing().rev().find(|wave| wave.made_default && !waves.contains(&wave.id));
    if let (Some(finish), true) = (finished, ground.now.default_enabled) {
        return Err(Error::refused(format!(
            "wave {} made the setting the default: accounts without a setting of their own would stay enabled",
            finish.id
        ))
        .with_hint(format!("revert that one first, keyward rollout revert --wave {}, or everything with --all", finish.id)));
    }
    Ok(waves)
}

async fn count(db: &mut Db, ground: &Ground, waves: &[i64]) -> Result<u64> {
    #[derive(Deserialize)]
    struct Count {
        accounts: u64,
    }
    let rows: Vec<Count> = ground.read(db, super::statements::UNDOABLE, &[texts(waves)]).await?;
    Ok(rows.first().map_or(0, |row| row.accounts))
}

fn texts(waves: &[i64]) -> Param {
    Param::Texts(waves.iter().map(ToString::to_string).collect())
}

async fn undo(
    db: &mut Db,
    ground: &Ground,
    options: &Options,
    target: Target,
    waves: Vec<i64>,
    stop: &AtomicBool,
    tell: &mut Tell<'_>,
) -> Result<Reverted> {
    let options = &Options { list: None, limit: None, percent: Percent::ALL, ..options.clone() };
    let total = count(db, ground, &waves).await?;
    if asked(stop) {
        return Err(stopped());
    }
    let reverts = match target {
        Target::All => None,
        Target::Wave(_) | Target::Last => waves.first().copied(),
    };
    let asked_for = Asked { kind: "revert", percent: Percent::ALL, list_sha256: None, limit: None, reverts };
    halt(db, ground, &waves).await?;
    let Some(wave) = wave::enter(db, ground, &asked_for, options, (total, total, true), &[]).await? else {
        return Err(Error::bug("a revert has no wave"));
    };
    tell(Progress::Began { wave: wave.id, total, continued: wave.continued });
    let course = Course {
        ground,
        options,
        wave: wave.id,
        of: Of::Settings,
        points: Percent::ALL.points(),
        undone: waves.clone(),
        had_parked: false,
    };
    let mut tally = Tally { wave: wave.id, total, ..Tally::default() };
    let done = async {
        restore_policy(db, ground, &waves).await?;
        crew::work(db, &course, stop, &mut tally, tell).await?;
        if closing::take_part(db, ground, wave.id, stop).await? == Part::Done {
            return Ok(());
        }
        let closed = async {
            let (keys, refused) = left(db, &course, stop).await?;
            tally.keys += keys + unknown(db, &course, stop).await?;
            tally.parked += refused;
            let left = count(db, ground, &waves).await? + refused;
            let undone = if left == 0 { waves.as_slice() } else { &[] };
            wave::conclude(db, ground, wave.id, 0, &serde_json::json!({ "reverted": waves, "left": left }), undone).await
        }
        .await;
        // Where this fails too the connection is gone, and the lock with it.
        let unlocked = wave::end_closing(db, wave.id).await;
        closed?;
        unlocked
    }
    .await;
    // Where both failed the connection is gone: the first says so, and the next revert finds the wave.
    let gone = wave::leave(db, ground, wave.id, 0).await;
    done.map_err(goes_on)?;
    gone?;
    let parked = tally.parked;
    Ok(Reverted { waves, tally, parked })
}

/// Ends the waves to be undone, wherever they are at work, and waits until no batch of theirs can commit any more: each batch locks its chunk.
async fn halt(db: &mut Db, ground: &Ground, waves: &[i64]) -> Result<()> {
    let sql = "UPDATE keyward.wave AS w SET state = 'stopped', ended_at = pg_catalog.clock_timestamp() \
               WHERE w.id = ANY ($1::text[]::integer[]) AND w.state IN ('running', 'stopped')";
    ground.write(db, sql, &[texts(waves)]).await?;
    let sql = "UPDATE keyward.chunk AS c SET fence = c.fence + 1, worker = NULL, leased_until = NULL \
               WHERE c.wave = ANY ($1::text[]::integer[]) AND NOT c.done";
    ground.write(db, sql, &[texts(waves)]).await?;
    Ok(())
}

/// Sets the policy back to what it was before the waves: the default as a finish found it, births once no wave stands.
async fn restore_policy(db: &mut Db, ground: &Ground, waves: &[i64]) -> Result<()> {
    ground.write(db, include_str!("../../sql/rollout/restore_policy.sql"), &[texts(waves)]).await?;
    Ok(())
}

/// Publishes what is left of the waves' keys in accounts that are off: rows that came from other accounts, or that a transaction with an
/// older snapshot sealed. Returns how many, and in how many accounts something refuses: they stay sealed, and authenticate.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if asked to stop, or if rows stay in use for longer than the patience.
async fn left(db: &mut Db, course: &Course<'_>, stop: &AtomicBool) -> Result<(u64, u64)> {
    #[derive(Deserialize)]
    struct Account {
        account: String,
    }
    let began = Instant::now();
    let mut keys = 0;
    let mut refused = BTreeSet::new();
    for key in &course.ground.statements.keys {
        let mut most = MOST_LEFT;
        let (mut in_use, mut passed_over) = (BTreeSet::new(), Vec::new());
        loop {
            if asked(stop) {
                return Err(stopped());
            }
            let mut accounts = Vec::new();
            course.ground.begin_batch(db, course.options).await?;
            let done: Result<u64, Failure> = async {
                let params = [course.undone(), Param::Int(most), Param::Texts(passed_over.clone())];
                let rows: Vec<Account> = db.rows(&key.left_sealed, &params).await?;
                accounts = rows.into_iter().map(|row| row.account).collect();
                if accounts.is_empty() { Ok(0) } else { unseal(db, course, accounts.clone()).await }
            }
            .await;
            match end(db, done).await {
                Ok(0) if accounts.is_empty() && in_use.is_empty() => break,
                Ok(0) if accounts.is_empty() => {
                    if began.elapsed() >= course.options.patience {
                        return Err(still_in_use(in_use.len() as u64));
                    }
                    pause(LOOK_AGAIN, stop).await?;
                    passed_over.retain(|account| !in_use.contains(account));
                    in_use.clear();
                }
                // Others have published them a moment ago.
                Ok(0) => passed_over.append(&mut accounts),
                Ok(published) => keys += published,
                Err(failure) if accounts.is_empty() || !park::is_one_accounts(&failure) => {
                    return Err(explain(failure, "keys can't be published"));
                }
                Err(_) if most > 1 => most /= 2,
                Err(failure) => {
                    let of = if failure.is_transient() { &mut in_use } else { &mut refused };
                    of.extend(accounts.iter().cloned());
                    passed_over.append(&mut accounts);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok((keys, refused.len() as u64))
}

/// Publishes what the waves sealed in rows whose account can't be determined, unless an account is still enabled: then they count as enabled, too.
/// Returns how many.
async fn unknown(db: &mut Db, course: &Course<'_>, stop: &AtomicBool) -> Result<u64> {
    #[derive(Deserialize)]
    struct Moved {
        taken: u64,
        published: u64,
    }
    let mut keys = 0;
    for key in &course.ground.statements.keys {
        let mut most = MOST_LEFT;
        loop {
            if asked(stop) {
                return Err(stopped());
            }
            course.ground.begin_batch(db, course.options).await?;
            let moved = async {
                // With the guards off nothing counts as enabled, and keys of enabled accounts' rows would be published.
                if !guards_are_on(db).await? {
                    return Ok(Moved { taken: 0, published: 0 });
                }
                db.document::<Moved>(&key.unseal_unknown, &[course.undone(), Param::Int(most)]).await
            }
            .await;
            let intact = moved.as_ref().is_ok_and(|moved| moved.taken == moved.published);
            if !intact && moved.is_ok() {
                db.execute("ROLLBACK").await?;
            } else {
                match end(db, moved).await {
                    Ok(Moved { taken: 0, .. }) => break,
                    Ok(moved) => {
                        keys += moved.published;
                        continue;
                    }
                    Err(failure) if !park::is_one_accounts(&failure) => return Err(explain(failure, "keys can't be published")),
                    Err(_) => {}
                }
            }
            // In use, or something refuses: they stay sealed, and authenticate.
            if most == 1 {
                break;
            }
            most /= 2;
        }
    }
    Ok(keys)
}
