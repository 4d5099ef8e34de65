//! What a migration really does: its statements are run one by one on a server that is thrown away, and the locks they hold, the tables they rewrite
//! and the time they take are written down.
//!
//! Each statement is a transaction of its own, so the locks are those of one statement. One that can't be in a transaction is run without, and its locks aren't known.

use std::collections::HashMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::statement::Statement;
use crate::db::Db;
use crate::error::Result;
use crate::parse;
use crate::parse::act::Act;
use crate::script::{Lines, Run, Source, forward};

const LOCKS: &str = include_str!("../../sql/lint/locks.sql");
const RELATIONS: &str = include_str!("../../sql/lint/relations.sql");

/// A statement that was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// The statement, its constants left out.
    pub statement: String,
    /// How long it took, and so held its locks, in milliseconds, on the sandbox's rows.
    pub milliseconds: f64,
    /// The locks that it held on tables that were there before; `None` where it can't be in a transaction.
    pub locks: Option<Vec<Held>>,
    /// The tables that it rewrote.
    pub rewrites: Vec<String>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// A lock on a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Held {
    /// The table, qualified.
    pub table: String,
    /// Its mode, as in `ACCESS EXCLUSIVE`.
    pub mode: String,
}

#[derive(Debug, Deserialize)]
struct Relation {
    oid: String,
    name: String,
    node: String,
}

#[derive(Debug, Deserialize)]
struct Lock {
    oid: String,
    mode: String,
}

/// Runs migrations on a database that is thrown away and has their schema already; see [`crate::rehearsal`]. Only what goes forward is run, and no
/// data is taken in.
///
/// # Errors
/// As the connection. A statement that fails is part of the result.
pub async fn trace(db: &mut Db, sources: &[Source]) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for source in sources {
        // A server's defaults, not keyward's own.
        db.execute("RESET SESSION AUTHORIZATION; RESET ALL").await?;
        let lines = Lines::new(&source.text);
        for (text, at) in statements(source) {
            let (line, column) = lines.place(at);
            let mut step = run(db, &text).await?;
            source.path.clone_into(&mut step.file);
            (step.line, step.column) = (line, column);
            steps.push(step);
        }
    }
    Ok(steps)
}

/// The statements of a script that are run, what tools fill in replaced as where it is judged.
fn statements(source: &Source) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    for run in forward(source) {
        let Run::Statement { text, at } = run else { continue };
        let statement = Statement::read(&text, at);
        if !statement.as_ref().is_ok_and(|statement| statement.read.acts.iter().any(|act| matches!(act, Act::Copy { .. }))) {
            all.push((statement.map_or_else(|_| text.into_owned(), |statement| statement.text), at));
        }
    }
    all
}

async fn run(db: &mut Db, statement: &str) -> Result<Step> {
    let before = relations(db).await?;
    db.execute("BEGIN").await?;
    let mut start = Instant::now();
    let mut done = db.execute(statement).await;
    let mut locks = None;
    if matches!(&done, Err(failure) if failure.code() == Some("25001")) {
        db.execute("ROLLBACK").await?;
        start = Instant::now();
        done = db.execute(statement).await;
    } else if done.is_ok() {
        let milliseconds = start.elapsed();
        let held: Vec<Lock> = db.rows(LOCKS, &[]).await?;
        start = Instant::now().checked_sub(milliseconds).unwrap_or(start);
        let mut held: Vec<Held> = held
            .into_iter()
            .filter_map(|lock| Some(Held { table: before.get(&lock.oid)?.name.clone(), mode: words(&lock.mode) }))
            .collect();
        held.sort();
        held.dedup();
        locks = Some(held);
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    if locks.is_some() {
        // What is deferred is done, and may fail, now.
        done = db.execute("COMMIT").await.map(|_| 0);
    } else if done.is_err() {
        let _ = db.execute("ROLLBACK").await;
    }
    let after = relations(db).await?;
    let rewritten = |relation: &&Relation| after.get(&relation.oid).is_some_and(|now| now.node != relation.node);
    let mut rewrites: Vec<String> = before.values().filter(rewritten).map(|relation| relation.name.clone()).collect();
    rewrites.sort();
    let mut shown: String = parse::redact(statement).chars().take(100).collect();
    if shown.chars().count() == 100 {
        shown.push('…');
    }
    Ok(Step {
        file: String::new(),
        line: 0,
        column: 0,
        statement: shown,
        milliseconds,
        locks,
        rewrites,
        failure: done.err().map(|failure| failure.to_string()),
    })
}

async fn relations(db: &mut Db) -> Result<HashMap<String, Relation>> {
    let all: Vec<Relation> = db.rows(RELATIONS, &[]).await?;
    Ok(all.into_iter().map(|relation| (relation.oid.clone(), relation)).collect())
}

/// `AccessExclusiveLock` as SQL says it.
fn words(mode: &str) -> String {
    let mut words = String::new();
    for c in mode.trim_end_matches("Lock").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mode_is_said_as_in_sql() {
        assert_eq!(super::words("AccessExclusiveLock"), "ACCESS EXCLUSIVE");
        assert_eq!(super::words("ShareLock"), "SHARE");
    }
}
