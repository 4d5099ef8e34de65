//! How a wave comes to its end: one of its processes waits older transactions out, seals late keys, takes statistics anew and asks the gates.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::course::Course;
use super::gate::{self, GateResult};
use super::ground::{Ground, pause};
use super::{Progress, Tell, control, wave};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::manifest::OnFail;
use crate::settle::{self, Running};

/// Whose part it is to bring a wave to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// This process's.
    Ours,
    /// Another process's, and it has done so.
    Done,
}

/// Waits until this process may bring the wave to its end, or another has done so.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if asked to stop, or if the other process has stopped half-way.
pub(super) async fn take_part(db: &mut Db, ground: &Ground, id: i64, stop: &AtomicBool) -> Result<Part> {
    loop {
        match wave::sum(db, ground, id).await?.state.as_str() {
            "done" => return Ok(Part::Done),
            "running" => {}
            _ => return Err(super::worker::over()),
        }
        if wave::try_close(db, id).await? {
            // It may have come to its end between the two.
            if wave::sum(db, ground, id).await?.state == "running" {
                return Ok(Part::Ours);
            }
            wave::end_closing(db, id).await?;
            continue;
        }
        pause(Duration::from_millis(100), stop).await?;
    }
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
        error = super::ground::asks_to_stop(stop) => return Err(error),
    };
    match out {
        Ok(true) => Ok(Vec::new()),
        Ok(false) => Ok(left),
        Err(error) => Err(error),
    }
}

/// Asks the manifest's gates, and writes their answers down. One that fails pauses the rollout.
///
/// # Errors
/// [`crate::error::Kind::Refused`], naming the gates that failed.
pub(super) async fn pass_gates(db: &mut Db, course: &Course<'_>, tell: &mut Tell<'_>) -> Result<Gates> {
    let gates = &course.options.rollout.gates;
    if gates.is_empty() {
        return Ok(Gates::Passed);
    }
    let results = gate::check(db, gates).await?;
    let document =
        serde_json::to_string(&results).map_err(|error| Error::bug("gates can't be written down").with_source(error))?;
    let sql = "UPDATE keyward.wave AS w SET gates = $2::text::jsonb WHERE w.id = $1";
    course.ground.write(db, sql, &[crate::db::Param::Int(course.wave), document.into()]).await?;
    for result in &results {
        tell(Progress::Note(format!("gate {result}")));
    }
    let failed: Vec<GateResult> = results.into_iter().filter(|result| !result.ok).collect();
    if failed.is_empty() {
        return Ok(Gates::Passed);
    }
    let names: Vec<_> = failed.iter().map(ToString::to_string).collect();
    let what = format!("wave {} doesn't count as good: gate {}", course.wave, names.join("; gate "));
    if failed.iter().any(|result| result.on_fail == OnFail::Revert) {
        return Ok(Gates::Revert(what));
    }
    control::hold_rollout(db, course.ground, Some(&what)).await?;
    Err(Error::refused(what).with_hint(
        "the rollout is paused. Mend it, then keyward rollout resume and run the same command again, which asks the gates again; or keyward rollout resume, then keyward rollout revert",
    ))
}

/// What the gates say.
#[derive(Debug)]
pub(super) enum Gates {
    /// Go on.
    Passed,
    /// One failed that says to revert the wave; why.
    Revert(String),
}
