//! Stragglers: keys that a transaction published in an account whose new setting it had not seen.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;

use super::course::Course;
use super::ground::{Ground, asked, end, explain, guards_are_on, is_lost, stopped, turned_off};
use super::statements::KeyStatements;
use super::status::KeyStatus;
use super::worker::over;
use super::{Progress, Tell};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;

/// The most rows of one batch.
const MOST: i64 = 2_000;

/// How often a batch may find rows and seal none before something is held to keep them published.
const FRUITLESS: u32 = 5;

/// What a batch did.
enum Batch {
    /// Nothing: the guards are off.
    Off,
    /// Nothing: somebody has ended the wave.
    Over,
    /// Nothing: somebody is changing a setting.
    Held,
    /// Rows found and rows sealed.
    Rows(u64, u64),
    /// Rows were cleared instead of sealed; it was undone.
    Lossy,
}

/// Takes the statistics of the key tables anew: those from before show keys that are sealed now.
///
/// # Errors
/// As the connection.
pub(super) async fn forget(db: &mut Db, ground: &Ground, tell: &mut Tell<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Analyzed {
        done: bool,
    }
    for key in &ground.statements.keys {
        let function = Ident::new(format!("analyze_{}", key.name))?;
        // A VACUUM in the way is waited for a second each time.
        let query = format!("SELECT keyward.{function}() AS done");
        let analyzed = async {
            ground.begin(db, Duration::from_secs(1), true).await?;
            let done = db.row::<Analyzed>(&query, &[]).await;
            end(db, done).await
        }
        .await
        .map_err(|failure| explain(failure, "the statistics can't be taken anew"))?;
        if !analyzed.done {
            tell(Progress::Note(format!(
                "a VACUUM or ANALYZE is at work: the statistics of the table of {} may still show sealed keys; run ANALYZE on it when it has ended",
                key.name
            )));
        }
    }
    Ok(())
}

/// Seals what is found published in enabled accounts and not in use, in batches, and returns how many keys that were.
///
/// With `unknown`, rows whose account can't be determined are sealed too.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if something of the application's keeps a key published; [`crate::error::Kind::Resumable`] if
/// asked to stop or if the connection is lost.
pub(super) async fn seal(db: &mut Db, course: &Course<'_>, stop: &AtomicBool, unknown: bool) -> Result<u64> {
    let mut sealed = 0;
    for key in &course.ground.statements.keys {
        let mut most = MOST;
        let mut fruitless = 0;
        loop {
            if asked(stop) {
                return Err(stopped());
            }
            let what = || format!("published keys of {} in enabled accounts can't be sealed", key.name);
            match attempt(db, course, key, most, unknown).await {
                Ok(Batch::Off) => return Err(turned_off()),
                Ok(Batch::Over) => return Err(over()),
                Ok(Batch::Rows(0, _)) => break,
                Ok(Batch::Rows(_, now)) if now > 0 => {
                    sealed += now;
                    fruitless = 0;
                    continue;
                }
                Ok(Batch::Rows(..)) if fruitless + 1 == FRUITLESS => {
                    return Err(Error::refused(what())
                        .with_source("a trigger of the application suppresses the sealing UPDATE")
                        .with_hint("keyward plan names the triggers; mend it, then run the same command again"));
                }
                Ok(Batch::Rows(..)) => fruitless += 1,
                Ok(Batch::Held) if most == 1 && fruitless + 1 >= FRUITLESS => break,
                Ok(Batch::Held) => {
                    most = (most / 2).max(1);
                    fruitless += u32::from(most == 1);
                }
                Ok(Batch::Lossy) => {
                    return Err(Error::refused(what())
                        .with_source("keys would have been lost, so the batch was undone")
                        .with_hint("keyward plan tells whether the guards are in place; then run the same command again"));
                }
                Err(failure) if is_lost(&failure) || (most == 1 && !failure.is_transient()) => {
                    return Err(explain(failure, &what()));
                }
                // In use; whoever counts what is left will say so.
                Err(_) if most == 1 => break,
                Err(_) => most = (most / 2).max(1),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(sealed)
}

/// Returns the counts of every key.
pub(super) async fn count(db: &mut Db, ground: &Ground) -> Result<Vec<KeyStatus>> {
    #[derive(Deserialize)]
    struct Counts {
        sealed: u64,
        published: u64,
        published_enabled: u64,
        published_unknown: u64,
    }
    let mut all = Vec::new();
    for key in &ground.statements.keys {
        let rows: Vec<Counts> = ground.read(db, &key.counts, &[]).await?;
        all.extend(rows.into_iter().map(|counts| KeyStatus {
            name: key.name.clone(),
            sealed: counts.sealed,
            published: counts.published,
            published_enabled: counts.published_enabled,
            published_unknown: counts.published_unknown,
        }));
    }
    Ok(all)
}

async fn attempt(db: &mut Db, course: &Course<'_>, key: &KeyStatements, most: i64, unknown: bool) -> Result<Batch, Failure> {
    course.ground.begin(db, course.options.lock_timeout, true).await?;
    let done = inside(db, course.wave, key, most, unknown).await;
    if matches!(done, Ok(Batch::Lossy | Batch::Held | Batch::Over)) {
        db.execute("ROLLBACK").await?;
        return done;
    }
    end(db, done).await
}

async fn inside(db: &mut Db, wave: i64, key: &KeyStatements, most: i64, unknown: bool) -> Result<Batch, Failure> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
    }
    #[derive(Deserialize)]
    struct Held {
        held: bool,
    }
    #[derive(Deserialize)]
    struct Rows {
        rows: u64,
    }
    // Held until the end: a revert that ends the wave comes after what is sealed here, and finds it.
    let sql = "SELECT w.state AS id FROM keyward.wave AS w WHERE w.id = $1 AND w.state = 'running' FOR SHARE";
    if db.rows::<Row>(sql, &[Param::Int(wave)]).await?.is_empty() {
        return Ok(Batch::Over);
    }
    if !guards_are_on(db).await? {
        return Ok(Batch::Off);
    }
    let found: Vec<Row> = db.rows(&key.stragglers, &[Param::Int(most), Param::Bool(unknown)]).await?;
    let found: Vec<_> = found.into_iter().map(|row| row.id).collect();
    let ids = Param::Texts(found.clone());
    if found.is_empty() {
        return Ok(Batch::Rows(0, 0));
    }
    // An opt-out between the look and the UPDATE would make the guard take the NULL for the application's wish.
    let held: Held = db.row(&key.hold_settings, std::slice::from_ref(&ids)).await?;
    if !held.held {
        return Ok(Batch::Held);
    }
    let sealed: Vec<Row> = db.rows(&key.seal_rows, std::slice::from_ref(&ids)).await?;
    let sealed: Vec<_> = sealed.into_iter().map(|row| row.id).collect();
    let count = sealed.len() as u64;
    db.run(&key.sign, &[Param::Texts(sealed.clone()), Param::Int(wave)]).await?;
    let kept: Rows = db.row(&key.in_vault, &[Param::Texts(sealed)]).await?;
    if kept.rows != count {
        return Ok(Batch::Lossy);
    }
    Ok(Batch::Rows(found.len() as u64, count))
}
