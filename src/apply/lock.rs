//! Locks: one runner at a time, and who stands in the way of a table's lock.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::parse;
use crate::plan::{Lock, RUNNER};

/// A session that stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocker {
    /// The backend's process id.
    pub pid: i32,
    /// The login.
    pub role: String,
    /// The age of its transaction.
    pub age: Duration,
    /// Its current or last statement, every constant replaced.
    pub query: String,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pid {} ({}, for {:.1} s): {}", self.pid, self.role, self.age.as_secs_f64(), self.query)
    }
}

#[derive(Deserialize)]
struct BlockerRow {
    pid: i32,
    role: String,
    seconds: f64,
    query: String,
}

impl From<BlockerRow> for Blocker {
    fn from(row: BlockerRow) -> Self {
        let query = if ["", "<insufficient privilege>"].contains(&row.query.as_str()) {
            "a query that this role may not see".to_owned()
        } else {
            parse::redact(&row.query)
        };
        Self { pid: row.pid, role: row.role, age: Duration::from_secs_f64(row.seconds.max(0.0)), query }
    }
}

/// Returns who holds a lock that conflicts with the one given.
pub(super) async fn blockers(db: &mut Db, lock: &Lock) -> Result<Vec<Blocker>> {
    let params = [lock.relation.as_str().into(), lock.mode.as_str().into()];
    let rows: Vec<BlockerRow> = db.rows(include_str!("../../sql/catalog/blockers.sql"), &params).await?;
    Ok(rows.into_iter().map(Blocker::from).collect())
}

/// Takes the lock that lets one runner at a time work on a database, for the rest of the session.
///
/// Polled: waiting inside the lock function would hold a snapshot, and deadlock with CREATE INDEX CONCURRENTLY.
/// `waiting` is called once, with who holds it.
///
/// # Errors
/// [`crate::error::Kind::Refused`] when it can't be had within `patience`.
pub async fn one_runner(db: &mut Db, patience: Duration, waiting: &mut dyn FnMut(&Blocker)) -> Result<()> {
    poll(db, "SELECT pg_catalog.pg_try_advisory_lock($1) AS got", patience, waiting).await
}

/// Takes the same lock shared: rollouts may run side by side, but not while [`one_runner`] is at work.
///
/// # Errors
/// As [`one_runner`].
pub async fn shared_runner(db: &mut Db, patience: Duration, waiting: &mut dyn FnMut(&Blocker)) -> Result<()> {
    poll(db, "SELECT pg_catalog.pg_try_advisory_lock_shared($1) AS got", patience, waiting).await
}

async fn poll(db: &mut Db, attempt: &str, patience: Duration, waiting: &mut dyn FnMut(&Blocker)) -> Result<()> {
    #[derive(Deserialize)]
    struct Got {
        got: bool,
    }
    let started = Instant::now();
    let mut told = false;
    loop {
        let got: Got = db.row(attempt, &[Param::Int(RUNNER)]).await?;
        if got.got {
            return Ok(());
        }
        let holders: Vec<BlockerRow> =
            db.rows(include_str!("../../sql/catalog/runner_lock_holder.sql"), &[Param::Int(RUNNER)]).await?;
        let holder = holders.into_iter().next().map(|row| Blocker {
            pid: row.pid,
            role: row.role,
            age: Duration::from_secs_f64(row.seconds.max(0.0)),
            query: row.query,
        });
        if started.elapsed() >= patience {
            let who = holder.map_or_else(String::new, |holder| format!(": {holder}"));
            return Err(Error::refused(format!("another keyward is at work on this database{who}"))
                .with_hint("wait until it has finished, or end it with pg_terminate_backend: what it has done stays, and the next run goes on"));
        }
        if let (false, Some(holder)) = (told, &holder) {
            waiting(holder);
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Gives the lock of [`one_runner`] back.
///
/// # Errors
/// As the connection.
pub async fn release(db: &mut Db) -> Result<()> {
    db.run("SELECT pg_catalog.pg_advisory_unlock($1)", &[Param::Int(RUNNER)]).await?;
    Ok(())
}

/// Gives the lock of [`shared_runner`] back.
///
/// # Errors
/// As the connection.
pub async fn release_shared(db: &mut Db) -> Result<()> {
    db.run("SELECT pg_catalog.pg_advisory_unlock_shared($1)", &[Param::Int(RUNNER)]).await?;
    Ok(())
}
