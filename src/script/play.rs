//! A script, run as psql runs it: statement by statement, its data with it.

use std::collections::VecDeque;

use super::{Lines, Piece, Pieces, Source};
use crate::db::{Db, Failure};
use crate::error::{Error, Result};

/// Commands of psql that change nothing but what psql itself shows.
const SHOWN: [&str; 14] = [
    "\\a",
    "\\echo",
    "\\encoding",
    "\\pset",
    "\\qecho",
    "\\restrict",
    "\\set",
    "\\t",
    "\\timing",
    "\\unrestrict",
    "\\unset",
    "\\warn",
    "\\x",
    "\\errverbose",
];

/// Tells whether a command of psql may be passed over.
pub(crate) fn is_shown_only(command: &str) -> bool {
    command.split_whitespace().next().is_some_and(|name| SHOWN.contains(&name))
}

/// Tells whether a dump may go on after this failure: a newer `pg_dump` sets what an older server doesn't know, and that the schema public exists is
/// no news.
pub(crate) fn is_harmless(statement: &str, failure: &Failure) -> bool {
    match failure.code() {
        Some("42704") => crate::parse::sets_a_parameter(statement),
        code => code == Some("42P06"),
    }
}

/// Returns the error about a command of psql that can't be followed.
pub(crate) fn not_followed(source: &Source, command: &str, at: usize) -> Error {
    let name = command.split_whitespace().next().unwrap_or_default();
    let (line, _) = Lines::new(&source.text).place(at);
    Error::usage(format!("line {line} of {}: {name} is a command of psql's that keyward doesn't follow", source.path))
        .with_hint("run such a file with psql, or name a dump or plain SQL")
}

/// Runs a script as psql does, each statement by itself, so that it may have a transaction of its own. `connect` makes a connection to a
/// database; the first is to `database`, and `\connect` leads to others.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the line of a statement that fails, or of a command of psql that can't be followed; as `connect`.
pub(crate) async fn play(source: &Source, database: &str, connect: &mut impl AsyncFnMut(&str) -> Result<Db>) -> Result<()> {
    source.require_utf8()?;
    let pieces: Vec<_> = Pieces::new(&source.text).collect();
    let mut data: VecDeque<&str> =
        pieces.iter().filter_map(|piece| if let Piece::Data { text, .. } = piece { Some(*text) } else { None }).collect();
    let mut db = connect(database).await?;
    for piece in pieces {
        let (text, at) = match piece {
            Piece::Statement { text, at } => (text, at),
            Piece::Meta { text, at } => {
                if let Some(other) = connects_to(text) {
                    db.close().await;
                    db = connect(&other).await?;
                } else if !is_shown_only(text) {
                    return Err(not_followed(source, text, at));
                }
                continue;
            }
            Piece::Comment { .. } | Piece::Data { .. } => continue,
        };
        let done = if crate::parse::copies_from_client(text) {
            db.copy_in(text, data.pop_front().unwrap_or_default()).await
        } else {
            db.execute(text).await
        };
        if matches!(&done, Err(failure) if is_harmless(text, failure)) {
            continue;
        }
        done.map_err(|failure| {
            let (line, _) = Lines::new(&source.text).place(at);
            Error::usage(format!("line {line} of {} failed", source.path)).with_source(failure)
        })?;
    }
    db.close().await;
    Ok(())
}

/// The database that `\connect` leads to: `\connect shop`, `\connect "my shop"`, or as `pg_dump` writes odd names,
/// `\connect -reuse-previous=on "dbname='my shop'"`.
fn connects_to(command: &str) -> Option<String> {
    let rest = command.strip_prefix("\\connect ").or_else(|| command.strip_prefix("\\c "))?.trim();
    let rest = rest.strip_prefix("-reuse-previous=on").map_or(rest, str::trim);
    let Some(quoted) = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        // With a user or a host behind it, it leads elsewhere.
        return (!rest.contains(char::is_whitespace) && rest != "-" && !rest.contains(['\'', '='])).then(|| rest.to_owned());
    };
    let quoted = quoted.replace("\"\"", "\"");
    let Some(value) = quoted.strip_prefix("dbname='").and_then(|rest| rest.strip_suffix('\'')) else {
        return (!quoted.contains('=')).then_some(quoted);
    };
    let mut name = String::new();
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        name.push(if c == '\\' { rest.next()? } else { c });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_leads_to_another_database_and_nowhere_else() {
        let to = |command: &str| connects_to(command);
        assert_eq!(to("\\connect shop").as_deref(), Some("shop"));
        assert_eq!(to("\\c \"my \"\"shop\"\"\"").as_deref(), Some("my \"shop\""));
        assert_eq!(to(r#"\connect -reuse-previous=on "dbname='it\'s \\'""#).as_deref(), Some(r"it's \"));
        for other in
            ["\\connect shop alice", "\\connect -", "\\connect host=other", "\\connected", "\\connect \"host=x dbname=y\""]
        {
            assert_eq!(to(other), None, "{other}");
        }
    }
}
