//! Questions of the manifest's own: queries of throttles and gates. They read only, as the connected role, with little time.

use serde::Deserialize;

use super::ground::is_lost;
use super::statements;
use crate::db::{Db, Failure};
use crate::error::{Error, Result};

/// What a question runs in: it may write nothing, and has five seconds, of which one for a lock.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'";

/// What a question was answered with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    /// A number.
    Number(f64),
    /// True or false.
    Truth(bool),
}

/// Asks, and returns the answer, or why there is none: in words that quote no data.
///
/// # Errors
/// If the connection is gone.
pub(super) async fn ask(db: &mut Db, query: &str) -> Result<Result<Answer, String>> {
    #[derive(Deserialize)]
    struct Row {
        kind: String,
        value: Option<String>,
    }
    let query = statements::ask(query)?;
    db.execute(BEGIN).await?;
    let asked = db.row::<Row>(&query, &[]).await;
    let ended = db.execute("ROLLBACK").await;
    match asked {
        Ok(row) => {
            ended?;
            Ok(read(&row.kind, row.value.as_deref()))
        }
        Err(failure) if is_lost(&failure) => Err(failure.into()),
        Err(Failure::Server(refusal)) => {
            ended?;
            Ok(Err(problem(&refusal.code)))
        }
        Err(failure) => Err(Error::bug("the answer to a query of [rollout] can't be read").with_source(failure)),
    }
}

fn read(kind: &str, value: Option<&str>) -> Result<Answer, String> {
    match (kind, value) {
        // A numeric can be greater than any f64: it is infinite then, and over every limit.
        ("number", Some(value)) => value.parse().map(Answer::Number).map_err(|_| "it answers with no number".to_owned()),
        ("boolean", Some(value)) => Ok(Answer::Truth(value == "true")),
        ("null", _) => Err("it answers with no row, or with NULL".to_owned()),
        _ => Err("it answers with something else than a number".to_owned()),
    }
}

/// Says what went wrong. The server's own message may quote a row; the SQLSTATE doesn't.
fn problem(code: &str) -> String {
    let words = match code {
        "57014" => "it takes longer than 5 s",
        "55P03" => "it waits for a lock",
        "25006" => "it writes, and may only read",
        "21000" => "it answers with more than one row",
        // Its syntax was checked when the manifest was read.
        "42601" => "it answers with more than one column",
        "42501" => "the connected role may not read that",
        "42P01" => "a table is not there; names carry their schema",
        "42703" => "a column is not there",
        "42883" => "a function or an operator is not there; names carry their schema",
        _ => "it fails",
    };
    format!("{words} (SQLSTATE {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_or_a_truth_and_nothing_else_is_quoted() {
        assert_eq!(read("number", Some("12.50")), Ok(Answer::Number(12.5)));
        assert_eq!(read("number", Some(&"9".repeat(400))), Ok(Answer::Number(f64::INFINITY)));
        assert_eq!(read("boolean", Some("true")), Ok(Answer::Truth(true)));
        assert_eq!(read("boolean", Some("false")), Ok(Answer::Truth(false)));
        for (kind, value) in [("null", None), ("string", None), ("object", None), ("string", Some("loc_key")), ("number", None)] {
            assert!(!read(kind, value).unwrap_err().contains("loc_key"), "{kind}");
        }
        assert_eq!(problem("22012"), "it fails (SQLSTATE 22012)");
    }
}
