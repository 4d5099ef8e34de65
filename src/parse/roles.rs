//! Which roles a statement names: a dump of a schema names them, and doesn't hold them.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{GrantStmt, Node, RoleSpec, RoleSpecType};

/// Returns the roles that a statement names as owners, grantees, grantors, or in policies; none if it doesn't parse.
#[must_use]
pub fn roles_of(statement: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Ok(parsed) = pg_query::parse(statement, 0) else { return found };
    for node in parsed.protobuf.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
        of_statement(node, &mut found);
    }
    found
}

fn of_statement(node: &NodeEnum, found: &mut BTreeSet<String>) {
    match node {
        NodeEnum::GrantStmt(grant) => of_grant(grant, found),
        NodeEnum::GrantRoleStmt(grant) => {
            for role in &grant.granted_roles {
                if let Some(NodeEnum::AccessPriv(role)) = &role.node {
                    found.insert(role.priv_name.clone());
                }
            }
            of_nodes(&grant.grantee_roles, found);
            of_spec(grant.grantor.as_ref(), found);
        }
        NodeEnum::AlterOwnerStmt(alter) => of_spec(alter.newowner.as_ref(), found),
        NodeEnum::AlterTableStmt(alter) => {
            for command in &alter.cmds {
                if let Some(NodeEnum::AlterTableCmd(command)) = &command.node {
                    of_spec(command.newowner.as_ref(), found);
                }
            }
        }
        NodeEnum::CreatePolicyStmt(policy) => of_nodes(&policy.roles, found),
        NodeEnum::AlterPolicyStmt(policy) => of_nodes(&policy.roles, found),
        NodeEnum::CreateSchemaStmt(schema) => of_spec(schema.authrole.as_ref(), found),
        NodeEnum::CreateUserMappingStmt(mapping) => of_spec(mapping.user.as_ref(), found),
        NodeEnum::AlterDefaultPrivilegesStmt(alter) => {
            for option in &alter.options {
                if let Some(NodeEnum::DefElem(option)) = &option.node
                    && option.defname == "roles"
                    && let Some(NodeEnum::List(list)) = option.arg.as_ref().and_then(|arg| arg.node.as_ref())
                {
                    of_nodes(&list.items, found);
                }
            }
            if let Some(grant) = &alter.action {
                of_grant(grant, found);
            }
        }
        NodeEnum::VariableSetStmt(set) if matches!(set.name.as_str(), "role" | "session_authorization") => {
            for arg in &set.args {
                if let Some(NodeEnum::AConst(constant)) = &arg.node
                    && let Some(pg_query::protobuf::a_const::Val::Sval(name)) = &constant.val
                {
                    found.insert(name.sval.clone());
                }
            }
        }
        _ => {}
    }
}

fn of_grant(grant: &GrantStmt, found: &mut BTreeSet<String>) {
    of_nodes(&grant.grantees, found);
    of_spec(grant.grantor.as_ref(), found);
}

fn of_nodes(nodes: &[Node], found: &mut BTreeSet<String>) {
    for node in nodes {
        if let Some(NodeEnum::RoleSpec(role)) = &node.node {
            of_spec(Some(role), found);
        }
    }
}

fn of_spec(role: Option<&RoleSpec>, found: &mut BTreeSet<String>) {
    // Not PUBLIC, CURRENT_USER and the like.
    if let Some(role) = role.filter(|role| role.roletype() == RoleSpecType::RolespecCstring) {
        found.insert(role.rolename.clone());
    }
}

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
    fn the_roles_of_a_dump_are_found() {
        for (statement, expected) in [
            ("ALTER TABLE a.b OWNER TO c", &["c"][..]),
            ("ALTER FUNCTION a.b() OWNER TO \"We\"\"ird\"", &["We\"ird"]),
            ("CREATE SCHEMA a AUTHORIZATION b", &["b"]),
            ("GRANT SELECT ON a.b TO c, PUBLIC GRANTED BY d", &["c", "d"]),
            ("REVOKE ALL ON SCHEMA a FROM b", &["b"]),
            ("GRANT a TO b", &["a", "b"]),
            ("CREATE POLICY p ON a.b TO c USING (true)", &["c"]),
            ("ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA b GRANT SELECT ON TABLES TO c", &["a", "c"]),
            ("SET SESSION AUTHORIZATION 'a'", &["a"]),
            ("CREATE TABLE a (b int)", &[]),
            ("nonsense", &[]),
        ] {
            assert_eq!(roles_of(statement).into_iter().collect::<Vec<_>>(), expected, "{statement}");
        }
        assert!(is_about_databases("CREATE DATABASE a") && is_about_databases("ALTER DATABASE a OWNER TO b"));
        assert!(!is_about_databases("CREATE TABLE a (b int)") && !is_about_databases("ALTER TABLE a OWNER TO b"));
        assert!(sets_a_parameter("SET a.b = 0") && !sets_a_parameter("SELECT 1"));
    }
}
