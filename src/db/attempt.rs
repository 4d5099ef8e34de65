//! Statements whose failure is an answer: what came back is looked through for a secret, and never leaves this module.

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgDatabaseError;
use sqlx::{AssertSqlSafe, Either, Row as _};

use super::{Db, Failure, Refusal};

/// A statement to try.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Any statement but a COPY of the client's.
    Plain(String),
    /// `COPY … FROM STDIN`, and what it is sent.
    CopyIn(String, String),
    /// `COPY (…) TO STDOUT`: the query.
    CopyOut(String),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Reply {
    /// The rows that came back.
    pub rows: u64,
    /// Whether anything that the server sent, rows or words of an error, holds the secret.
    pub shows: bool,
    /// What the server said of a statement that it refused.
    pub refusal: Option<Box<Refusal>>,
}

impl Db {
    /// Tries statements in turn until one is refused, and tells whether anything that came back holds `secret`.
    ///
    /// # Errors
    /// [`Failure::Lost`] if the connection is gone; a refusal of the server is an answer, not an error.
    pub async fn attempt(&mut self, statements: &[Statement], secret: &str) -> Result<Reply, Failure> {
        let mut reply = Reply::default();
        for statement in statements {
            let done = match statement {
                Statement::Plain(sql) => self.attempt_plain(sql, secret, &mut reply).await,
                Statement::CopyIn(sql, lines) => self.attempt_copy_in(sql, lines).await,
                Statement::CopyOut(query) => self.attempt_copy_out(query, secret, &mut reply).await,
            };
            match done {
                Ok(()) => {}
                Err(sqlx::Error::Database(error)) => {
                    reply.shows |= says(error.downcast_ref::<PgDatabaseError>(), secret);
                    let failure = Failure::from(sqlx::Error::Database(error));
                    let Failure::Server(refusal) = failure else { return Err(failure) };
                    reply.refusal = Some(refusal);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(reply)
    }

    /// Runs a script and returns the first value of the last row that came back, as text, in one round trip.
    ///
    /// # Errors
    /// The first statement's failure.
    pub async fn last_text(&mut self, script: &str) -> Result<Option<String>, Failure> {
        let rows = sqlx::raw_sql(AssertSqlSafe(script)).fetch_all(&mut self.conn).await?;
        let Some(row) = rows.last().filter(|row| !row.is_empty()) else { return Ok(None) };
        // The simple protocol answers in text; NULL has none.
        Ok(row.try_get_raw(0)?.as_str().ok().map(str::to_owned))
    }

    async fn attempt_plain(&mut self, sql: &str, secret: &str, reply: &mut Reply) -> Result<(), sqlx::Error> {
        // The simple protocol: every value comes as text.
        let mut answers = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&mut self.conn);
        while let Some(answer) = answers.try_next().await? {
            let Either::Right(row) = answer else { continue };
            reply.rows += 1;
            for at in 0..row.len() {
                // NULL has no bytes
                reply.shows |= row.try_get_raw(at)?.as_bytes().is_ok_and(|value| holds(value, secret));
            }
        }
        Ok(())
    }

    async fn attempt_copy_in(&mut self, sql: &str, lines: &str) -> Result<(), sqlx::Error> {
        let mut copy = self.conn.copy_in_raw(sql).await?;
        // A refusal is told at the end, whether or not the server took the lines.
        let sent = copy.send(lines.as_bytes()).await.map(drop);
        copy.finish().await?;
        sent
    }

    async fn attempt_copy_out(&mut self, query: &str, secret: &str, reply: &mut Reply) -> Result<(), sqlx::Error> {
        // sqlx loses its place in the stream where a COPY TO is refused before its first line, so that a later answer is taken for this one's:
        // who may not run the query learns it from EXPLAIN, which checks the same privileges.
        sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {query}"))).fetch_all(&mut self.conn).await?;
        let refused = |error: sqlx::Error| match error {
            sqlx::Error::Database(error) => {
                sqlx::Error::Protocol(format!("COPY TO was refused: {}", error.code().unwrap_or_default()))
            }
            other => other,
        };
        let mut lines = self.conn.copy_out_raw(&format!("COPY ({query}) TO STDOUT")).await.map_err(refused)?;
        while let Some(line) = lines.try_next().await? {
            reply.rows += 1;
            reply.shows |= holds(&line, secret);
        }
        Ok(())
    }
}

/// Tells whether any word of an error holds the secret.
fn says(error: &PgDatabaseError, secret: &str) -> bool {
    let words = [Some(error.message()), error.detail(), error.hint(), error.r#where()];
    words.into_iter().flatten().any(|words| holds(words.as_bytes(), secret))
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    !secret.is_empty() && bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}
