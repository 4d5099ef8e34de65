//! What kind a statement is, for who runs scripts.

use pg_query::NodeEnum;

/// Tells whether a statement makes, alters, comments on or drops a database, rather than something in it.
#[must_use]
pub fn is_about_databases(statement: &str) -> bool {
    is(statement, |node| match node {
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_) => true,
        NodeEnum::AlterOwnerStmt(alter) => alter.object_type() == pg_query::protobuf::ObjectType::ObjectDatabase,
        NodeEnum::CommentStmt(comment) => comment.objtype() == pg_query::protobuf::ObjectType::ObjectDatabase,
        NodeEnum::GrantStmt(grant) => grant.objtype() == pg_query::protobuf::ObjectType::ObjectDatabase,
        _ => false,
    })
}

/// Tells whether a statement is a COPY.
#[must_use]
pub fn copies(statement: &str) -> bool {
    begins_with(statement, "copy") && is(statement, |node| matches!(node, NodeEnum::CopyStmt(_)))
}

/// Tells whether a statement is a COPY that takes its data from the client.
#[must_use]
pub fn copies_from_client(statement: &str) -> bool {
    let takes = |node: &NodeEnum| matches!(node, NodeEnum::CopyStmt(copy) if copy.is_from && copy.filename.is_empty());
    begins_with(statement, "copy") && is(statement, takes)
}

/// Tells whether a statement locks a table until the end of its transaction, and does nothing else.
#[must_use]
pub fn only_locks(statement: &str) -> bool {
    begins_with(statement, "lock") && is(statement, |node| matches!(node, NodeEnum::LockStmt(_)))
}

/// A look before parsing: most statements are neither.
fn begins_with(statement: &str, word: &str) -> bool {
    statement.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Tells whether a statement sets a parameter of the session.
#[must_use]
pub fn sets_a_parameter(statement: &str) -> bool {
    is(statement, |node| matches!(node, NodeEnum::VariableSetStmt(_)))
}

fn is(statement: &str, what: impl Fn(&NodeEnum) -> bool) -> bool {
    let Ok(parsed) = pg_query::parse(statement, 0) else { return false };
    parsed.protobuf.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()).any(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_statement_is_told() {
        assert!(is_about_databases("CREATE DATABASE a") && is_about_databases("ALTER DATABASE a OWNER TO b"));
        assert!(!is_about_databases("CREATE TABLE a (b int)") && !is_about_databases("ALTER TABLE a OWNER TO b"));
        assert!(copies_from_client("COPY a FROM stdin") && copies("COPY a TO stdout") && only_locks("LOCK a"));
        for other in ["COPY a TO stdout", "COPY a FROM '/b'", "COPY a FROM PROGRAM 'b'", "SELECT 'copy'"] {
            assert!(!copies_from_client(other), "{other}");
        }
        assert!(sets_a_parameter("SET a.b = 0") && !sets_a_parameter("SELECT 1"));
    }
}
