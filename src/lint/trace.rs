//! What a migration really does: its statements are run one by one on a server that is thrown away, and the locks they hold, the tables they rewrite
//! and the time they take are written down.
//!
//! Each statement is a transaction of its own, so the locks are those of one statement. One that can't be in a transaction is run without, and its locks aren't known.

use std::collections::HashMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::source::{Direction, Lines, Marker, Piece, Pieces, Source, markers};
use super::statement::Statement;
use crate::db::{Db, Failure};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::parse;
use crate::parse::act::Act;

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

/// Runs migrations on a database that holds nothing yet, after its schema. Only what goes forward is run.
///
/// Roles that the manifest or the schema names are created.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if a statement of the schema fails. One of a migration that does is part of the result.
pub async fn trace(db: &mut Db, manifest: &Manifest, schema: &Source, sources: &[Source]) -> Result<Vec<Step>> {
    // A server's defaults, not keyward's own.
    db.execute("RESET ALL").await?;
    let roles = &manifest.roles;
    for role in roles.ui.iter().chain(&roles.api).chain(&roles.auth).chain(manifest.writes.iter().flat_map(|write| &write.roles))
    {
        create_role(db, role).await?;
    }
    for (statement, at) in forward(schema) {
        load(db, &statement, schema, at).await?;
    }
    let mut steps = Vec::new();
    for source in sources {
        db.execute("RESET ALL").await?;
        let lines = Lines::new(&source.text);
        for (statement, at) in forward(source) {
            let (line, column) = lines.place(at);
            let mut step = run(db, &statement).await?;
            source.path.clone_into(&mut step.file);
            (step.line, step.column) = (line, column);
            steps.push(step);
        }
    }
    Ok(steps)
}

/// The statements of a script that go forward, apart from its own transactions and the data that isn't passed on.
fn forward(source: &Source) -> Vec<(String, usize)> {
    let mut direction = source.direction;
    let mut all = Vec::new();
    for piece in Pieces::new(&source.text) {
        match piece {
            Piece::Comment { text, begins_line: true, .. } => {
                for marker in markers(text) {
                    if let Marker::Goes(goes) = marker {
                        direction = goes;
                    }
                }
            }
            Piece::Statement { text, at } if direction == Direction::Up => {
                let first = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
                let is_transaction =
                    ["begin", "start", "commit", "end", "rollback", "savepoint", "release"].contains(&first.as_str());
                let statement = Statement::read(text, at);
                let copies = |statement: &Statement| statement.read.acts.iter().any(|act| matches!(act, Act::Copy { .. }));
                if !is_transaction && !statement.as_ref().is_ok_and(copies) {
                    all.push((statement.map_or_else(|_| text.to_owned(), |statement| statement.text), at));
                }
            }
            _ => {}
        }
    }
    all
}

async fn create_role(db: &mut Db, role: &Ident) -> Result<()> {
    match db.execute(&format!("CREATE ROLE {role}")).await {
        Err(failure) if failure.code() != Some("42710") => Err(failure.into()),
        _ => Ok(()),
    }
}

/// Runs a statement of the schema; a role that it misses is created.
async fn load(db: &mut Db, statement: &str, schema: &Source, at: usize) -> Result<()> {
    loop {
        let Err(failure) = db.execute(statement).await else { return Ok(()) };
        let missing = match &failure {
            Failure::Server(refusal) if refusal.code == "42704" => {
                refusal.message.strip_prefix("role \"").and_then(|rest| rest.strip_suffix("\" does not exist"))
            }
            _ => None,
        };
        let Some(role) = missing.and_then(|role| Ident::new(role).ok()) else {
            let (line, _) = Lines::new(&schema.text).place(at);
            return Err(Error::usage(format!("the schema can't be loaded: line {line} of {} failed", schema.path))
                .with_source(failure)
                .with_hint("pg_dump --schema-only writes one that can, for a server of the same version or an older one"));
        };
        create_role(db, &role).await?;
    }
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
