//! A wave: its row in keyward.wave, how processes begin and join it, and how it is cut into chunks.

use std::time::Duration;

use serde::Deserialize;

use super::control::Control;
use super::course::Course;
use super::ground::{Ground, end, explain};
use super::{Options, Percent, statements};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};

/// The class of the advisory lock that each process in a wave shares.
const WAVE_LOCK: i64 = 1_801_812_346;

/// The class of the advisory lock of the one process that brings a wave to its end.
const CLOSING_LOCK: i64 = 1_801_812_347;

/// The fewest and the most account ids that a chunk spans.
const SPANS: (u64, u64) = (200, 20_000);

/// What sort of wave it is. The same words ask for the same wave: whoever uses them again joins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// `run`, `finish` or `revert`.
    pub(super) kind: &'static str,
    pub(super) percent: Percent,
    /// The checksum of its list of accounts.
    pub(super) list_sha256: Option<String>,
    pub(super) limit: Option<u64>,
    /// The wave that a revert undoes.
    pub(super) reverts: Option<i64>,
}

impl Asked {
    fn params(&self) -> [Param; 5] {
        let number = |value: Option<String>| Param::OptionalText(value);
        [
            self.kind.into(),
            self.percent.to_string().into(),
            Param::OptionalText(self.list_sha256.clone()),
            number(self.limit.map(|limit| limit.to_string())),
            number(self.reverts.map(|wave| wave.to_string())),
        ]
    }
}

/// A wave that this process is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entered {
    /// Its number.
    pub(super) id: i64,
    /// It was there already: stopped, or other processes are at work on it.
    pub(super) continued: bool,
}

#[derive(Deserialize)]
struct Unfinished {
    id: i64,
    kind: String,
    percent: String,
    state: String,
    started_by: String,
    same: bool,
}

#[derive(Deserialize)]
struct Begun {
    id: i64,
}

/// Joins the wave that was asked for, or begins it where there are accounts before it (`total`), or in any case if `always`.
///
/// `accounts` is how many there are in all: chunks are cut accordingly. `on_begin` runs in the transaction that begins the wave.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if the rollout is paused; [`crate::error::Kind::Refused`] if another wave is under way.
pub(super) async fn enter(
    db: &mut Db,
    ground: &Ground,
    asked: &Asked,
    options: &Options,
    (accounts, total, always): (u64, u64, bool),
    on_begin: &[(&str, Vec<Param>)],
) -> Result<Option<Entered>> {
    ground.begin(db, Duration::from_secs(10), false).await?;
    let done = async {
        let control: Option<Control> = db.rows(statements::ENTER, &[]).await?.pop();
        if let Some(control) = control.filter(|control| control.paused) {
            return Ok(Err(paused(&control)));
        }
        db.run(&ground.statements.bury, &[]).await?;
        let unfinished: Vec<Unfinished> = db.rows(statements::UNFINISHED, &asked.params()).await?;
        if let Some(other) = unfinished.iter().find(|wave| wave.state == "running" && !wave.same) {
            return Ok(Err(under_way(other)));
        }
        let entered = if let Some(wave) = unfinished.iter().find(|wave| wave.same) {
            let sql = "UPDATE keyward.wave AS w SET state = 'running', ended_at = NULL WHERE w.id = $1";
            let id = [Param::Int(wave.id)];
            db.run(sql, &id).await?;
            if wave.state == "stopped" {
                // Behind where it was, accounts may have come, been reverted, or be mended by now: it looks at all of them again.
                db.run(statements::FOLD, &id).await?;
                db.run("DELETE FROM keyward.parked_account AS k WHERE k.wave = $1", &id).await?;
            }
            Entered { id: wave.id, continued: true }
        } else if total == 0 && !always {
            return Ok(Ok(None));
        } else {
            let mut params = asked.params().to_vec();
            params.extend([
                ground.actor.as_str().into(),
                parameters(options).to_string().into(),
                Param::Int(total.cast_signed()),
                Param::Int((accounts / 64).clamp(SPANS.0, SPANS.1).cast_signed()),
            ]);
            let begun: Begun = db.row(statements::BEGIN, &params).await?;
            for (statement, params) in on_begin {
                let all: Vec<_> = std::iter::once(Param::Int(begun.id)).chain(params.iter().cloned()).collect();
                db.run(statement, &all).await?;
            }
            Entered { id: begun.id, continued: false }
        };
        // Held until the session ends: who looks at the lock knows that somebody is at work on the wave.
        let lock = [Param::Int(WAVE_LOCK), Param::Int(entered.id)];
        db.run("SELECT pg_catalog.pg_advisory_lock_shared($1::integer, $2::integer)", &lock).await?;
        Ok(Ok(Some(entered)))
    }
    .await;
    end(db, done).await.map_err(|failure| explain(failure, "a wave can't be begun"))?
}

fn paused(control: &Control) -> Error {
    Error::resumable(format!("the rollout is {control}"))
        .with_hint("keyward rollout resume lets it go on; then run the same command again")
}

fn under_way(wave: &Unfinished) -> Error {
    Error::refused(format!("wave {} ({} of {} %) of {} is under way", wave.id, wave.kind, wave.percent, wave.started_by)).with_hint(
        "wait until it has finished, or stop it (Ctrl-C where it runs); the same command as there, options and all, joins it with more workers",
    )
}

fn parameters(options: &Options) -> serde_json::Value {
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "before_cutover": options.before_cutover,
        "target_batch_ms": u64::try_from(options.target.as_millis()).unwrap_or(u64::MAX),
        "batch_most": options.most,
        "workers": options.workers,
        "pace": options.pace,
        "skip_app_triggers": options.skip_app_triggers,
    })
}

/// Cuts the next chunk, and tells whether there was anything left to cut.
///
/// # Errors
/// As the connection; [`crate::error::Kind::Resumable`] if somebody has ended the wave.
pub(super) async fn cut(db: &mut Db, course: &Course<'_>) -> Result<bool> {
    #[derive(Deserialize)]
    struct Row {
        state: String,
        reached: Option<String>,
        span: i64,
        left: Option<i64>,
        chunks: i64,
        open: u64,
    }
    #[derive(Deserialize)]
    struct Cut {
        high: Option<String>,
    }
    let ground = course.ground;
    ground.begin(db, Duration::from_secs(10), true).await?;
    let done = async {
        let id = [Param::Int(course.wave)];
        db.run("SELECT FROM keyward.wave AS w WHERE w.id = $1 FOR NO KEY UPDATE", &id).await?;
        let wave: Row = db.row(statements::WAVE_ROW, &id).await?;
        match wave.state.as_str() {
            "running" => {}
            // by another process, since nothing was left of it
            "done" => return Ok(Some(false)),
            _ => return Ok(None),
        }
        // With open chunks enough for a while, cutting more would only hold the wave's row.
        if wave.left.is_some_and(|left| left <= 0)
            || wave.open > course.options.workers as u64 + 1 && has_free(db, course).await?
        {
            return Ok(Some(false));
        }
        let params = [Param::OptionalText(wave.reached.clone()), Param::Int(wave.span), Param::Int(course.wave), course.undone()];
        let Some(high) = db.row::<Cut>(&ground.statements.of(course.of).cut, &params).await?.high else {
            return Ok(Some(false));
        };
        let quota = wave.left.map(|left| left.min(wave.span).to_string());
        let params = [
            Param::Int(course.wave),
            Param::Int(wave.chunks + 1),
            Param::OptionalText(wave.reached),
            high.into(),
            Param::OptionalText(quota),
        ];
        db.run(statements::CHUNK, &params).await?;
        Ok(Some(true))
    }
    .await;
    let cut = end(db, done).await.map_err(|failure| explain(failure, "the accounts can't be cut into chunks"))?;
    cut.ok_or_else(super::worker::over)
}

/// What is left of a wave's chunks.
#[derive(Debug, Deserialize)]
pub(super) struct Open {
    /// How many chunks are not done.
    pub(super) chunks: i64,
    /// How many accounts were in use in those that wait.
    pub(super) in_use: u64,
    /// For how many milliseconds the first of them still waits.
    wait: f64,
    /// How many have a worker.
    pub(super) leased: i64,
    /// How many are to be had now.
    pub(super) free: i64,
}

impl Open {
    /// Returns for how long the first of the chunks still waits.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_secs_f64(self.wait.clamp(0.0, 60_000.0) / 1000.0)
    }
}

/// Returns what is left of the chunks.
pub(super) async fn open(db: &mut Db, course: &Course<'_>) -> Result<Open> {
    let mut rows: Vec<Open> = course.ground.read(db, statements::OPEN, &[Param::Int(course.wave)]).await?;
    rows.pop().ok_or_else(|| Error::bug("the chunks can't be counted"))
}

/// What a wave and its chunks have done so far.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Sum {
    pub(super) state: String,
    pub(super) stragglers: u64,
    pub(super) accounts: u64,
    pub(super) keys: u64,
}

/// Returns what a wave has done so far.
pub(super) async fn sum(db: &mut Db, ground: &Ground, wave: i64) -> Result<Sum> {
    let mut rows: Vec<Sum> = ground.read(db, statements::WAVE_DONE, &[Param::Int(wave)]).await?;
    rows.pop().ok_or_else(|| Error::refused(format!("wave {wave} is no longer there")).with_hint("run the same command again"))
}

/// Clears the chunks away, so that another pass over all accounts can begin.
pub(super) async fn fold(db: &mut Db, ground: &Ground, wave: i64) -> Result<()> {
    ground.write(db, statements::FOLD, &[Param::Int(wave)]).await?;
    Ok(())
}

/// Takes the right to bring a wave to its end, if no other process has it.
pub(super) async fn try_close(db: &mut Db, wave: i64) -> Result<bool> {
    #[derive(Deserialize)]
    struct Got {
        got: bool,
    }
    let lock = [Param::Int(CLOSING_LOCK), Param::Int(wave)];
    let got: Got = db.row("SELECT pg_catalog.pg_try_advisory_lock($1::integer, $2::integer) AS got", &lock).await?;
    Ok(got.got)
}

/// Gives that right back.
pub(super) async fn end_closing(db: &mut Db, wave: i64) -> Result<()> {
    let lock = [Param::Int(CLOSING_LOCK), Param::Int(wave)];
    db.run("SELECT pg_catalog.pg_advisory_unlock($1::integer, $2::integer)", &lock).await?;
    Ok(())
}

/// Writes down that a wave is done, and that the waves that it undoes are undone.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if somebody has ended the wave.
pub(super) async fn conclude(
    db: &mut Db,
    ground: &Ground,
    wave: i64,
    stragglers: u64,
    more: &serde_json::Value,
    undone: &[i64],
) -> Result<()> {
    ground.begin(db, Duration::from_secs(10), false).await?;
    let done = async {
        let params = [Param::Int(wave), Param::Int(stragglers.cast_signed()), more.to_string().into()];
        if db.run(statements::END, &params).await? == 0 {
            return Ok(false);
        }
        db.run(statements::FOLD, &[Param::Int(wave)]).await?;
        let sql = "UPDATE keyward.wave AS w SET state = 'reverted' WHERE w.id = ANY ($1::text[]::integer[])";
        db.run(sql, &[Param::Texts(undone.iter().map(ToString::to_string).collect())]).await?;
        Ok(true)
    }
    .await;
    if end(db, done).await? { Ok(()) } else { Err(super::worker::over()) }
}

/// Leaves a wave: where no other process is at work on it, it is stopped for now. What it has sealed of others' late keys is added.
pub(super) async fn leave(db: &mut Db, ground: &Ground, wave: i64, stragglers: u64) -> Result<()> {
    let lock = [Param::Int(WAVE_LOCK), Param::Int(wave)];
    db.run("SELECT pg_catalog.pg_advisory_unlock_shared($1::integer, $2::integer)", &lock).await?;
    ground.begin(db, Duration::from_secs(10), false).await?;
    let done = async {
        // One that is about to join has this row until it holds its lock: without it, the wave would be buried under its feet.
        db.rows::<Control>(statements::ENTER, &[]).await?;
        let sql = "UPDATE keyward.wave AS w SET stragglers = w.stragglers + $2 WHERE w.id = $1 AND $2 > 0";
        db.run(sql, &[Param::Int(wave), Param::Int(stragglers.cast_signed())]).await?;
        db.run(&ground.statements.bury, &[]).await
    }
    .await;
    end(db, done).await?;
    Ok(())
}

async fn has_free(db: &mut Db, course: &Course<'_>) -> Result<bool, Failure> {
    let open: Open = db.row(statements::OPEN, &[Param::Int(course.wave)]).await?;
    Ok(open.free > 0)
}
