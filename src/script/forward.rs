//! What is run of a script when it is tried: what goes forward, without its own transactions, and nothing that reaches beyond the server.

use std::borrow::Cow;

use super::{Direction, Marker, Piece, Pieces, Source, markers};

/// A piece of a script that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run<'a> {
    /// A statement.
    Statement {
        /// Its text, without a semicolon.
        text: Cow<'a, str>,
        /// The byte that it starts at.
        at: usize,
    },
    /// A command of psql.
    Command {
        /// Its text.
        text: &'a str,
        /// The byte that it starts at.
        at: usize,
    },
}

/// Words that begin the statements of transactions: each statement is run by itself.
const TRANSACTION: [&str; 8] = ["abort", "begin", "commit", "end", "release", "rollback", "savepoint", "start"];

/// Returns what goes forward in a script, in its order.
pub(crate) fn forward(source: &Source) -> Vec<Run<'_>> {
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
                all.extend(statement(text).map(|text| Run::Statement { text, at }));
            }
            Piece::Meta { text, at } if direction == Direction::Up => all.push(Run::Command { text, at }),
            _ => {}
        }
    }
    all
}

/// Returns a statement as it is run; `None` if it isn't.
fn statement(text: &str) -> Option<Cow<'_, str>> {
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ';')
        .filter(|word| !word.is_empty())
        .take(3)
        .map(str::to_ascii_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [first, ..] if TRANSACTION.contains(first) => None,
        // They hold passwords, and a subscription connects to another server.
        ["create" | "alter" | "drop", "user", "mapping"] | ["create" | "alter" | "drop", "subscription", ..] => None,
        // Without its transaction it would be over at once.
        ["set", "local", ..] => {
            let local = text.to_ascii_lowercase().find("local")?;
            Some(Cow::Owned(format!("SET {}", text.get(local + "local".len()..)?)))
        }
        _ => Some(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_forward_is_run_and_nothing_else() {
        let script = "-- migrate:up\nBEGIN;\nSET LOCAL search_path = app;\n\\set x 1\nCREATE TABLE a (b int);\nCREATE USER MAPPING FOR a SERVER b;\n\
                      CREATE USER u;\nCOPY a FROM stdin;\n1\n\\.\nEND;\n-- migrate:down\nDROP TABLE a;\n\\set y 1\n";
        let source = Source::new("1.sql", script.as_bytes().to_vec());
        let found: Vec<_> = forward(&source)
            .into_iter()
            .map(|run| match run {
                Run::Statement { text, at } => (text.into_owned(), at),
                Run::Command { text, at } => (text.to_owned(), at),
            })
            .collect();
        let texts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["SET  search_path = app", "\\set x 1", "CREATE TABLE a (b int)", "CREATE USER u", "COPY a FROM stdin"]
        );
        assert_eq!(found[2].1, script.find("CREATE TABLE").unwrap());
        assert_eq!(forward(&Source::new("1.down.sql", b"DROP TABLE a;".to_vec())), []);
    }
}
