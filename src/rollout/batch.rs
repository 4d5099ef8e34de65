//! One batch: a transaction that takes a few accounts of a chunk, moves their settings and their keys, and writes down the progress.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Deserialize;

use super::Percent;
use super::course::{Course, Of};
use super::ground::end;
use super::lease::{Lease, Standing, Step};
use super::size::Size;
use super::statements::KeyStatements;
use crate::db::{Db, Failure, Param};

/// The most accounts that one claim looks at.
const WIDEST_SPAN: u64 = 20_000;

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Batch {
    /// It was committed.
    Done(Step),
    /// Nothing was touched: somebody has paused the rollout.
    Paused,
    /// Nothing was touched: the guards are off.
    Off,
    /// Nothing was touched: the wave was ended by somebody.
    Over,
    /// Nothing was committed: the lease is another worker's by now.
    Lost,
}

#[derive(Deserialize)]
struct Claim {
    accounts: Vec<String>,
    last: Option<String>,
    whole: bool,
}

#[derive(Deserialize)]
struct Span {
    enabled: usize,
    last_enabled: Option<String>,
    /// The last account that was looked at; `None` where that was all of the chunk.
    last: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    account: String,
    ours: u64,
    others: u64,
}

#[derive(Deserialize)]
struct Account {
    account: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: i64,
}

/// Carries out one batch. `claimed` is filled with the accounts that it took on, for whoever must find the one that it failed at.
pub(super) async fn attempt(
    db: &mut Db,
    course: &Course<'_>,
    lease: &Lease,
    size: &Size,
    claimed: &mut Vec<String>,
) -> Result<Batch, Failure> {
    claimed.clear();
    let began = Instant::now();
    course.ground.begin_batch(db, course.options).await?;
    let done = inside(db, course, lease, size, claimed, began).await;
    match done {
        Ok(Batch::Done(_)) | Err(_) => end(db, done).await,
        Ok(nothing) => {
            db.execute("ROLLBACK").await?;
            Ok(nothing)
        }
    }
}

async fn inside(
    db: &mut Db,
    course: &Course<'_>,
    lease: &Lease,
    size: &Size,
    claimed: &mut Vec<String>,
    began: Instant,
) -> Result<Batch, Failure> {
    match lease.hold(db, course).await? {
        Standing::Good => {}
        Standing::Lost => return Ok(Batch::Lost),
        Standing::Over => return Ok(Batch::Over),
        Standing::Paused => return Ok(Batch::Paused),
        Standing::Off => return Ok(Batch::Off),
    }
    // Two statements that have next to nothing to do; there are four more, and two for each key.
    let empty = began.elapsed() * (3 + u32::try_from(course.ground.statements.keys.len()).unwrap_or(u32::MAX));
    let most = limit(size.accounts(), lease.left);
    let has_no_keys = course.ground.statements.keys.is_empty() && course.of != Of::Settings;
    let mut step = if has_no_keys && !course.had_parked && !size.is_searching() {
        span(db, course, lease, most).await?
    } else {
        accounts(db, course, lease, size, most, claimed).await?
    };
    step.empty = empty;
    // Nobody else can have got the lease, since the chunk is locked; if it had, nothing of this may be committed.
    if lease.advance(db, course, &step).await? { Ok(Batch::Done(step)) } else { Ok(Batch::Lost) }
}

/// Returns how many accounts to claim: as many as the size says, and no more than the limit leaves.
fn limit(size: usize, left: Option<i64>) -> usize {
    left.map_or(size, |left| size.min(usize::try_from(left).unwrap_or(0)))
}

/// The parameters of a claim of at most so many accounts.
fn claim_params(course: &Course<'_>, lease: &Lease, most: usize) -> [Param; 7] {
    let most = most as u64;
    // Of everybody nearly all are free as a rule; of a share, twice as many are looked at as should be needed.
    let (points, of_all) = (u64::from(course.points), u64::from(Percent::ALL.points()));
    let span = if points == of_all { most + most / 8 } else { most * 2 * of_all / points };
    // More, where the looks before found nobody.
    let span = (span.max(200) << lease.barren.min(7)).min(WIDEST_SPAN.max(most));
    [
        Param::OptionalText(lease.reached.clone()),
        Param::Text(lease.high.clone()),
        Param::Int(span.cast_signed()),
        Param::Int(most.cast_signed()),
        Param::Int(i64::from(course.points)),
        Param::Int(course.wave),
        course.undone(),
    ]
}

/// Enables a span of accounts that have no keys to move, in one statement.
async fn span(db: &mut Db, course: &Course<'_>, lease: &Lease, most: usize) -> Result<Step, Failure> {
    let mut params = claim_params(course, lease, most).to_vec();
    params.push(Param::Text(course.ground.actor.clone()));
    let done: Span = db.document(course.ground.statements.of(course.of).enable_span.as_str(), &params).await?;
    let full = done.enabled == most;
    Ok(Step {
        end: done.last.is_none() && !full,
        reached: if full { done.last_enabled } else { done.last },
        claimed: done.enabled,
        accounts: done.enabled as u64,
        ..Step::default()
    })
}

/// Claims accounts, leaves those in use, and moves the settings and the keys of the others.
async fn accounts(
    db: &mut Db,
    course: &Course<'_>,
    lease: &Lease,
    size: &Size,
    most: usize,
    claimed: &mut Vec<String>,
) -> Result<Step, Failure> {
    let sql = &course.ground.statements;
    let claim: Claim = db.row(&sql.of(course.of).claim, &claim_params(course, lease, most)).await?;
    let full = claim.accounts.len() == most;
    *claimed = claim.accounts;
    if claimed.is_empty() {
        return Ok(Step { reached: claim.last, end: claim.whole, ..Step::default() });
    }
    let (in_use, cut) = lock_rows(db, course, size.keys(), claimed).await?;
    // A full claim stops at its last account, and so does one that was cut; any other has seen the whole span.
    let reached = if full || cut { claimed.last().cloned() } else { claim.last };
    let free: Vec<_> = claimed.iter().filter(|account| !in_use.contains(*account)).cloned().collect();
    let (accounts, keys) =
        if course.of == Of::Settings { undo(db, course, free).await? } else { enable(db, course, free).await? };
    Ok(Step {
        reached,
        claimed: claimed.len(),
        accounts,
        keys,
        in_use: in_use.len() as u64,
        end: claim.whole && !full && !cut,
        cut,
        ..Step::default()
    })
}

/// Locks the rows whose keys are to be moved, as far as no other transaction holds them. Cuts the claim where it has more keys than a batch
/// should move, and returns the accounts in use, and whether it was cut.
async fn lock_rows(
    db: &mut Db,
    course: &Course<'_>,
    most: u64,
    claimed: &mut Vec<String>,
) -> Result<(BTreeSet<String>, bool), Failure> {
    let mut params = vec![Param::Texts(claimed.clone())];
    if course.of == Of::Settings {
        params.push(course.undone());
    }
    let mut in_use = BTreeSet::new();
    let mut keys: BTreeMap<String, u64> = BTreeMap::new();
    for key in &course.ground.statements.keys {
        let rows: Vec<Rows> = db.rows(of_key(key, course.of), &params).await?;
        for row in rows {
            if row.others > 0 {
                in_use.insert(row.account.clone());
            }
            *keys.entry(row.account).or_default() += row.ours;
        }
    }
    let mut sum = 0;
    let fitting = claimed
        .iter()
        .take_while(|account| {
            sum += keys.get(*account).copied().unwrap_or_default();
            sum <= most
        })
        .count()
        .max(1);
    let cut = fitting < claimed.len();
    claimed.truncate(fitting);
    in_use.retain(|account| claimed.contains(account));
    Ok((in_use, cut))
}

fn of_key(key: &KeyStatements, of: Of) -> &str {
    if of == Of::Settings { &key.in_use_sealed } else { &key.in_use }
}

/// Turns the setting on for accounts and seals their keys; returns how many of each.
async fn enable(db: &mut Db, course: &Course<'_>, accounts: Vec<String>) -> Result<(u64, u64), Failure> {
    let sql = &course.ground.statements;
    let params = [Param::Texts(accounts), Param::Int(course.wave), Param::Text(course.ground.actor.clone())];
    let enabled: Vec<Account> = db.rows(&sql.enable, &params).await?;
    let count = enabled.len() as u64;
    let enabled = Param::Texts(enabled.into_iter().map(|row| row.account).collect());
    let mut keys = 0;
    for key in &sql.keys {
        let sealed: Vec<Keys> = db.rows_again(&key.seal, std::slice::from_ref(&enabled)).await?;
        keys += sealed.iter().map(|sealed| sealed.keys).sum::<i64>();
    }
    if course.had_parked {
        db.run(&sql.unpark, std::slice::from_ref(&enabled)).await?;
    }
    Ok((count, keys.unsigned_abs()))
}

/// Takes the settings of accounts back and publishes the keys that were sealed with them; returns how many of each.
async fn undo(db: &mut Db, course: &Course<'_>, accounts: Vec<String>) -> Result<(u64, u64), Failure> {
    let sql = &course.ground.statements;
    let undone: Vec<Account> = db.rows(&sql.undo, &[Param::Texts(accounts), course.undone()]).await?;
    let count = undone.len() as u64;
    let keys = unseal(db, course, undone.into_iter().map(|row| row.account).collect()).await?;
    Ok((count, keys))
}

/// Publishes the keys of accounts that the undone waves sealed, and returns how many.
pub(super) async fn unseal(db: &mut Db, course: &Course<'_>, accounts: Vec<String>) -> Result<u64, Failure> {
    let params = [Param::Texts(accounts), course.undone()];
    let mut keys = 0;
    for key in &course.ground.statements.keys {
        let published: Keys = db.row(&key.unseal, &params).await?;
        keys += published.keys;
    }
    Ok(keys.unsigned_abs())
}
