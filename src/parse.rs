//! The one door to Postgres's grammar: every rendered statement is parsed before it runs, and only known kinds are accepted.

#![expect(clippy::disallowed_methods, reason = "this is the door to pg_query")]

mod breaks;

use pg_query::NodeEnum;

pub use breaks::{Break, breaks};

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
}
