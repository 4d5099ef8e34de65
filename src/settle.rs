//! Waiting out older transactions: after a change has been committed, until nobody is left who may not have seen it.
//!
//! A transaction with a snapshot of its own (REPEATABLE READ, SERIALIZABLE) reads the settings as they were when it began,
//! and may publish keys until it ends. So: commit the change, take [`older_transactions`], [`wait_out`] those, and
//! look again for keys. CREATE INDEX CONCURRENTLY waits in the same way.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::db::Db;
use crate::error::Result;
use crate::parse;

/// How long to wait between two looks at who is still there.
const PAUSE: Duration = Duration::from_millis(50);

/// A transaction that was running when it was looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// The backend's process id; `None` for a prepared transaction, which has no session.
    pub pid: Option<i32>,
    /// The login, or the owner of a prepared transaction.
    pub role: String,
    /// How long it has been running, or prepared; zero where this role may not know.
    pub age: Duration,
    /// The session's current or last statement, every constant replaced; the name of a prepared transaction.
    pub query: String,
    /// The virtual id of a running transaction, the id of a prepared one.
    id: String,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, seconds, query) = (&self.role, self.age.as_secs_f64(), &self.query);
        match self.pid {
            Some(pid) => write!(f, "pid {pid} ({role}, for {seconds:.1} s): {query}"),
            None => write!(f, "the prepared transaction {query:?} ({role}, for {seconds:.1} s)"),
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: String,
    pid: Option<i32>,
    role: String,
    seconds: f64,
    query: String,
}

impl From<Row> for Running {
    fn from(row: Row) -> Self {
        let query = match row.pid {
            None => row.query,
            Some(_) if row.query.is_empty() => "a query that this role may not see".to_owned(),
            Some(_) => parse::redact(&row.query),
        };
        Self { pid: row.pid, role: row.role, age: Duration::from_secs_f64(row.seconds.max(0.0)), query, id: row.id }
    }
}

/// Returns the transactions that run or are prepared in this database now, the own one left out.
///
/// To be called after the change was committed, outside of a transaction: whoever began earlier is among them.
///
/// # Errors
/// As the connection.
pub async fn older_transactions(db: &mut Db) -> Result<Vec<Running>> {
    // In this order: one that is prepared between the two looks is seen twice rather than never.
    let mut all = running(db).await?;
    all.extend(prepared(db).await?);
    Ok(all)
}

/// Waits until the given transactions have ended, however they end, and tells whether they did within `patience`.
///
/// `on_wait` is called with those that are left, at first and whenever they have become others. No transaction is held open meanwhile.
///
/// # Errors
/// As the connection.
pub async fn wait_out(
    db: &mut Db,
    snapshot: &[Running],
    patience: Duration,
    on_wait: &mut dyn FnMut(&[Running]),
) -> Result<bool> {
    let started = Instant::now();
    let mut left = snapshot.to_vec();
    let mut known: BTreeSet<String> = ids(&left);
    let mut told = BTreeSet::new();
    loop {
        let now = ids(&running(db).await?);
        let prepared = prepared(db).await?;
        let before = left.len();
        left.retain(
            |one| if one.pid.is_some() { now.contains(&one.id) } else { prepared.iter().any(|other| other.id == one.id) },
        );
        if left.len() < before {
            // One of those that are gone may have been prepared, and goes on under another id.
            left.extend(prepared.into_iter().filter(|one| known.insert(one.id.clone())));
        }
        if left.is_empty() {
            return Ok(true);
        }
        let waits_for = ids(&left);
        if told != waits_for {
            on_wait(&left);
            told = waits_for;
        }
        if started.elapsed() >= patience {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn running(db: &mut Db) -> Result<Vec<Running>> {
    let rows: Vec<Row> = db.rows(include_str!("../sql/settle/running.sql"), &[]).await?;
    Ok(rows.into_iter().map(Running::from).collect())
}

async fn prepared(db: &mut Db) -> Result<Vec<Running>> {
    let rows: Vec<Row> = db.rows(include_str!("../sql/settle/prepared.sql"), &[]).await?;
    Ok(rows.into_iter().map(Running::from).collect())
}

fn ids(all: &[Running]) -> BTreeSet<String> {
    all.iter().map(|one| one.id.clone()).collect()
}
