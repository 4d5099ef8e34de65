//! The one door to Postgres's grammar: every rendered statement is parsed before it runs, and only known kinds are accepted.

#![expect(clippy::disallowed_methods, reason = "this is the door to pg_query")]

pub mod act;
mod breaks;
mod kind;
mod read;
pub mod words;

use std::ops::Range;

use pg_query::NodeEnum;

pub use breaks::{Break, breaks};
pub use kind::{copies, copies_from_client, is_about_databases, only_locks, sets_a_parameter};
pub use read::{Unread, read};

use crate::error::{Error, Result};

/// Parses a script and checks that it consists of statements of the kinds that keyward installs: tables, functions,
/// triggers, policies, privileges, roles and its own bookkeeping; no COPY, no DO, no SET, nothing that drops what is not
/// named, and no DELETE but of certain rows of its own tables.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if the script doesn't parse, or holds a statement of another kind.
pub fn check(script: &str) -> Result<()> {
    let parsed = parse(script)?;
    for raw in &parsed.protobuf.stmts {
        let Some(node) = raw.stmt.as_ref().and_then(|stmt| stmt.node.as_ref()) else { continue };
        let known = matches!(
            node,
            NodeEnum::CreateStmt(_)
                | NodeEnum::CreateFunctionStmt(_)
                | NodeEnum::CreateTrigStmt(_)
                | NodeEnum::CreatePolicyStmt(_)
                | NodeEnum::CreateRoleStmt(_)
                | NodeEnum::CommentStmt(_)
                | NodeEnum::CreateSchemaStmt(_)
                | NodeEnum::IndexStmt(_)
                | NodeEnum::AlterTableStmt(_)
                | NodeEnum::RenameStmt(_)
                | NodeEnum::DropStmt(_)
                | NodeEnum::DropRoleStmt(_)
                | NodeEnum::GrantStmt(_)
                | NodeEnum::GrantRoleStmt(_)
                | NodeEnum::SelectStmt(_)
                | NodeEnum::UpdateStmt(_)
                | NodeEnum::InsertStmt(_)
                | NodeEnum::DropOwnedStmt(_)
        ) || is_of_own_rows(node);
        if !known {
            let kind = format!("{node:?}");
            let kind = kind.split('(').next().unwrap_or_default();
            return Err(Error::bug(format!("a rendered script holds a statement of a kind that keyward doesn't run: {kind}")));
        }
    }
    Ok(())
}

/// Tells whether a statement deletes certain rows of one of keyward's own tables.
fn is_of_own_rows(node: &NodeEnum) -> bool {
    let NodeEnum::DeleteStmt(delete) = node else { return false };
    delete.where_clause.is_some() && delete.relation.as_ref().is_some_and(|table| table.schemaname == "keyward")
}

/// A privilege that a GRANT gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The privilege, in capitals.
    pub privilege: String,
    /// The columns; none for the whole table.
    pub columns: Vec<String>,
    /// WITH GRANT OPTION.
    pub is_grantable: bool,
}

/// Returns what the GRANT statements of a script give, one entry a privilege.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if the script doesn't parse.
pub fn grants(script: &str) -> Result<Vec<Granted>> {
    let parsed = parse(script)?;
    let mut all = Vec::new();
    for raw in &parsed.protobuf.stmts {
        let Some(NodeEnum::GrantStmt(grant)) = raw.stmt.as_ref().and_then(|stmt| stmt.node.as_ref()) else { continue };
        for node in grant.privileges.iter().filter(|_| grant.is_grant) {
            let Some(NodeEnum::AccessPriv(privilege)) = &node.node else { continue };
            all.push(Granted {
                privilege: privilege.priv_name.to_uppercase(),
                columns: privilege.cols.iter().filter_map(|column| name_of(column.node.as_ref()?)).collect(),
                is_grantable: grant.grant_option,
            });
        }
    }
    Ok(all)
}

fn name_of(node: &NodeEnum) -> Option<String> {
    match node {
        NodeEnum::String(name) => Some(name.sval.clone()),
        _ => None,
    }
}

/// Splits a script into its statements, comments before a statement included.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if the script can't be scanned.
pub fn split(script: &str) -> Result<Vec<String>> {
    pg_query::split_with_parser(script)
        .map(|all| all.into_iter().map(|one| one.trim().to_owned()).collect())
        .map_err(|error| Error::bug("a script can't be split into statements").with_source(error))
}

/// Cuts a script at the comments that begin a line (`-- act:`): each comment's text, and what follows it. A line of a quoted name or of a
/// string that looks like one is no comment.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if the script can't be scanned.
pub fn sections(script: &str) -> Result<Vec<(&str, &str)>> {
    use pg_query::protobuf::Token;
    let scanned = pg_query::scan(script).map_err(|error| Error::bug("a script can't be scanned").with_source(error))?;
    let place =
        |token: &pg_query::protobuf::ScanToken| Some(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?);
    let comments = scanned.tokens.iter().filter(|token| token.token() == Token::SqlComment).filter_map(place);
    let heads: Vec<_> = comments
        .filter(|place| script.get(..place.start).is_some_and(|before| before.is_empty() || before.ends_with('\n')))
        .filter_map(|place| Some((script.get(place.clone())?.strip_prefix("-- ")?, place)))
        .collect();
    let ends = heads.iter().skip(1).map(|(_, place)| place.start).chain([script.len()]);
    Ok(heads.iter().zip(ends).map(|((title, place), end)| (*title, script.get(place.end..end).unwrap_or_default())).collect())
}

/// Checks that a text from a file is one query that only reads, SELECT, VALUES or TABLE, and returns it without a semicolon at its end.
///
/// What a function that it calls does is not looked into: run it in a transaction that reads only.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it doesn't parse, or is something else.
pub fn one_query(text: &str) -> Result<String> {
    let refused = |why: &str| {
        let hint = "write one SELECT, VALUES or TABLE; names carry their schema, as in SELECT count(*) FROM app.jobs";
        Error::usage(why).with_hint(hint)
    };
    let parsed = pg_query::parse(text, 0).map_err(|error| refused(&format!("it is no SQL: {error}")))?;
    let [raw] = parsed.protobuf.stmts.as_slice() else {
        return Err(refused(&format!("it holds {} statements; expected one", parsed.protobuf.stmts.len())));
    };
    let Some(NodeEnum::SelectStmt(select)) = raw.stmt.as_ref().and_then(|stmt| stmt.node.as_ref()) else {
        return Err(refused("it is no query; expected one that only reads"));
    };
    let writes = select.with_clause.iter().flat_map(|with| &with.ctes).any(|cte| {
        let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node else { return true };
        !matches!(cte.ctequery.as_ref().and_then(|query| query.node.as_ref()), Some(NodeEnum::SelectStmt(_)))
    });
    if writes || select.into_clause.is_some() || !select.locking_clause.is_empty() {
        return Err(refused("it writes or locks; expected a query that only reads"));
    }
    let scanned = pg_query::scan(text).map_err(|error| refused(&format!("it is no SQL: {error}")))?;
    if scanned.tokens.iter().any(|token| token.token() == pg_query::protobuf::Token::Param) {
        return Err(refused("it has a parameter ($1), and nothing is passed to it"));
    }
    let start = usize::try_from(raw.stmt_location).unwrap_or(0);
    let length = usize::try_from(raw.stmt_len).unwrap_or(0);
    // A length of 0 means up to the end.
    let statement = if length == 0 { text.get(start..) } else { text.get(start..start + length) };
    Ok(statement.unwrap_or(text).trim().to_owned())
}

/// Returns a statement with every constant replaced by a parameter, so that it can be shown to people: another session's
/// statement may hold a key. One that doesn't parse (the server truncates long ones) is reduced to its first word.
#[must_use]
pub fn redact(statement: &str) -> String {
    match pg_query::normalize(statement) {
        Ok(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Err(_) => format!("{} …", statement.split_whitespace().next().unwrap_or_default()),
    }
}

/// A piece of a script, as the scanner of Postgres's grammar cuts it; comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lexeme {
    /// A keyword or a name: folded to lower case, unless it was quoted.
    Word(String),
    /// A string constant, its quotes left off.
    Text(String),
    /// An operator, a number, punctuation.
    Symbol(String),
}

/// Cuts a script, or the body of a function in SQL or PL/pgSQL, into pieces; `None` if it can't be cut.
#[must_use]
pub fn lexemes(source: &str) -> Option<Vec<Lexeme>> {
    Some(placed_lexemes(source)?.into_iter().map(|(_, lexeme)| lexeme).collect())
}

/// The same, each piece with the bytes that it takes in the source.
#[must_use]
pub fn placed_lexemes(source: &str) -> Option<Vec<(Range<usize>, Lexeme)>> {
    use pg_query::protobuf::{KeywordKind, Token};
    let scanned = pg_query::scan(source).ok()?;
    let mut all = Vec::with_capacity(scanned.tokens.len());
    for token in &scanned.tokens {
        let place = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
        let text = source.get(place.clone())?;
        let is_keyword = token.keyword_kind() != KeywordKind::NoKeyword;
        let lexeme = match token.token() {
            Token::SqlComment | Token::CComment => continue,
            Token::Ident if text.starts_with('"') => {
                Lexeme::Word(text.get(1..text.len() - 1).unwrap_or_default().replace("\"\"", "\""))
            }
            Token::Ident => Lexeme::Word(text.to_lowercase()),
            Token::Sconst | Token::Usconst => Lexeme::Text(inner(text).to_owned()),
            _ if is_keyword => Lexeme::Word(text.to_lowercase()),
            _ => Lexeme::Symbol(text.to_owned()),
        };
        all.push((place, lexeme));
    }
    Some(all)
}

/// Returns what a string constant stands for: its quotes left off, doubled ones and the plain escapes of `E'…'` resolved. `None` if it is
/// no string constant, or has other escapes.
#[must_use]
pub fn value(constant: &str) -> Option<String> {
    if constant.starts_with('$') {
        return Some(inner(constant).to_owned());
    }
    let has_escapes = constant.starts_with(['e', 'E']);
    if !has_escapes && !constant.starts_with('\'') {
        return None;
    }
    let text = inner(constant).replace("''", "'");
    if !has_escapes || !text.contains('\\') {
        return Some(text);
    }
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        value.push(match c {
            '\\' => match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                c @ ('\\' | '\'') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(value)
}

/// Returns a string constant without its quotes, whether single ones or dollars.
fn inner(text: &str) -> &str {
    let tag = text.strip_prefix('$').and_then(|rest| rest.split_once('$')).map_or(0, |(tag, _)| tag.len() + 2);
    let (from, to) = if tag > 0 { (tag, tag) } else { (text.find('\'').map_or(0, |at| at + 1), 1) };
    text.get(from..text.len().saturating_sub(to)).unwrap_or_default()
}

/// How a statement uses a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It looks rows up by the column: in WHERE, or in a join.
    LooksUp,
    /// It names the column otherwise.
    Names,
    /// It takes whole rows of the table: `SELECT *`, `RETURNING *`.
    TakesAll,
}

/// Tells how a statement uses a column of a table; `None` if it doesn't, or can't be parsed. A table that is named without its schema
/// counts: which one is meant isn't in the text.
#[must_use]
pub fn use_of(statement: &str, schema: &str, table: &str, column: &str) -> Option<Use> {
    let parsed = pg_query::parse(statement, 0).ok()?;
    let qualified = format!("{schema}.{table}");
    let means = |name: &str| name == table || name == qualified;
    if !parsed.tables.iter().any(|(name, _)| means(name)) {
        return None;
    }
    let filtered = parsed.filter_columns.iter().any(|(of, name)| {
        let of = of.as_deref().map(|of| parsed.aliases.get(of).map_or(of, String::as_str));
        name == column && of.is_none_or(means)
    });
    let all = lexemes(statement)?;
    if filtered || is_joined_by(&all, column) {
        return Some(Use::LooksUp);
    }
    if all.contains(&Lexeme::Word(column.to_owned())) {
        return Some(Use::Names);
    }
    let star = |pair: &[Lexeme]| match pair {
        [before, Lexeme::Symbol(star)] if star == "*" => match before {
            Lexeme::Word(word) => matches!(word.as_str(), "select" | "returning" | "distinct" | "all"),
            Lexeme::Symbol(symbol) => symbol == "." || symbol == ",",
            Lexeme::Text(_) => false,
        },
        _ => false,
    };
    all.windows(2).any(star).then_some(Use::TakesAll)
}

/// Tells whether a column is compared in a join's condition, which is not among the filters that `pg_query` lists.
fn is_joined_by(all: &[Lexeme], column: &str) -> bool {
    let is_equals = |lexeme: Option<&Lexeme>| matches!(lexeme, Some(Lexeme::Symbol(symbol)) if symbol == "=");
    let Some(on) = all.iter().position(|lexeme| matches!(lexeme, Lexeme::Word(word) if word == "on")) else { return false };
    all.iter().enumerate().skip(on).any(|(at, lexeme)| {
        let qualified = at >= 2 && matches!(&all[at - 1], Lexeme::Symbol(dot) if dot == ".");
        let before = if qualified { at.checked_sub(3) } else { at.checked_sub(1) };
        matches!(lexeme, Lexeme::Word(word) if word == column)
            && (is_equals(all.get(at + 1)) || is_equals(before.and_then(|before| all.get(before))))
    })
}

fn parse(script: &str) -> Result<pg_query::ParseResult> {
    pg_query::parse(script, 0).map_err(|error| Error::bug(format!("a rendered script doesn't parse: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_kinds_of_statement_pass() {
        for good in [
            "CREATE TABLE a.b (c int); GRANT SELECT ON a.b TO c",
            "ALTER TABLE a.b ENABLE ALWAYS TRIGGER c",
            "SELECT 1",
            "DELETE FROM keyward.a WHERE b = 1",
        ] {
            check(good).unwrap();
        }
        for bad in [
            "DO $$ BEGIN END $$",
            "COPY a FROM PROGRAM 'x'",
            "SET ROLE x",
            "DELETE FROM app.a WHERE b = 1",
            "DELETE FROM keyward.a",
            "ALTER SYSTEM SET x = 1",
            "CREATE",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_script_grants() {
        let found = grants(
            "REVOKE SELECT ON a.b FROM c; GRANT SELECT, update (\"X\", y) ON TABLE a.b TO c; GRANT INSERT ON a.b TO c WITH GRANT OPTION",
        )
        .unwrap();
        let of = |privilege: &str, columns: &[&str], is_grantable| Granted {
            privilege: privilege.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            is_grantable,
        };
        assert_eq!(found, [of("SELECT", &[], false), of("UPDATE", &["X", "y"], false), of("INSERT", &[], true)]);
        assert_eq!(grants("").unwrap(), []);
    }

    #[test]
    fn one_query_is_one_that_reads() {
        for (text, query) in [
            ("SELECT 1", "SELECT 1"),
            (" SELECT count(*) FROM a.b; ", "SELECT count(*) FROM a.b"),
            ("SELECT 'é;' -- why; so\n; -- done", "SELECT 'é;' -- why; so"),
            ("/* x */ VALUES (1)", "VALUES (1)"),
            ("TABLE a.b", "TABLE a.b"),
            (
                "WITH x AS (SELECT 1 AS y) SELECT y FROM x UNION ALL SELECT 2",
                "WITH x AS (SELECT 1 AS y) SELECT y FROM x UNION ALL SELECT 2",
            ),
            ("SELECT '$1', $$ $2 $$", "SELECT '$1', $$ $2 $$"),
        ] {
            assert_eq!(one_query(text).unwrap(), query);
        }
        for bad in [
            "",
            "-- nothing",
            "SELECT 1; SELECT 2",
            "SELECT 1 FROM",
            "SELECT 1) AS a, (SELECT 2",
            "DELETE FROM a.b RETURNING 1",
            "WITH x AS (DELETE FROM a.b RETURNING 1) SELECT * FROM x",
            "SELECT 1 INTO a.c",
            "SELECT 1 FROM a.b FOR UPDATE",
            "SELECT $1",
            "EXPLAIN SELECT 1",
            "SET x = 1",
        ] {
            let error = one_query(bad).expect_err(bad);
            assert!(error.kind() == crate::error::Kind::Usage && error.hint().is_some(), "{bad}");
        }
    }

    #[test]
    fn a_redacted_statement_holds_no_constant() {
        assert_eq!(redact("UPDATE l SET k = 'secret'\n WHERE id = 5"), "UPDATE l SET k = $1 WHERE id = $2");
        assert_eq!(redact("UPDATE l SET k = 'secr"), "UPDATE …");
    }

    #[test]
    fn a_body_is_cut_into_words_texts_and_symbols() {
        let cut = lexemes("BEGIN -- api_key\n x := NEW.\"Api Key\"; EXECUTE 'SELECT 1' || $q$two$q$; END").unwrap();
        let word = |text: &str| Lexeme::Word(text.to_owned());
        assert!(cut.contains(&word("Api Key")) && cut.contains(&word("new")) && cut.contains(&word("execute")), "{cut:?}");
        assert!(!cut.contains(&word("api_key")), "a comment");
        assert!(cut.contains(&Lexeme::Text("SELECT 1".to_owned())) && cut.contains(&Lexeme::Text("two".to_owned())), "{cut:?}");
        assert_eq!(lexemes("'open"), None);
        assert_eq!(lexemes("\"\"\"a\"\"\"").unwrap(), [word("\"a\"")], "quotes of the name itself");
    }

    #[test]
    fn a_line_of_a_name_or_a_text_opens_no_section() {
        let script = "-- act:\nSELECT \"a\n-- look:\n\", '\n-- look:\n'; -- counter:\n  -- counter:\n-- look as owner:\nSELECT 2";
        let cut = sections(script).unwrap();
        assert_eq!(cut.iter().map(|(title, _)| *title).collect::<Vec<_>>(), ["act:", "look as owner:"]);
        assert_eq!(cut[1].1, "\nSELECT 2");
    }

    #[test]
    fn the_use_of_a_column_is_told() {
        for (statement, expected) in [
            ("SELECT id FROM app.locations WHERE api_key = $1", Some(Use::LooksUp)),
            ("SELECT l.id FROM locations AS l JOIN x ON x.k = l.api_key WHERE x.id = $1", Some(Use::LooksUp)),
            ("UPDATE app.locations SET api_key = $1 WHERE id = $2", Some(Use::Names)),
            ("SELECT * FROM app.locations WHERE id = $1", Some(Use::TakesAll)),
            ("INSERT INTO app.locations (name) VALUES ($1) RETURNING *", Some(Use::TakesAll)),
            ("SELECT count(*) FROM app.locations", None),
            ("SELECT api_key FROM other.locations", None),
            ("SELECT api_key FROM app.devices", None),
            ("SELECT nonsense FROM", None),
        ] {
            assert_eq!(use_of(statement, "app", "locations", "api_key"), expected, "{statement}");
        }
    }
}
