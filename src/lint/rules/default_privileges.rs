//! ALTER DEFAULT PRIVILEGES.

use super::prelude::*;
use crate::lint::ground::columns_of;

pub(super) const RULE: Rule = Rule {
    id: "KWL004",
    file: "default_privileges",
    severity: Error,
    title: "default privileges hand out what is yet to be created",
    why: "What keyward creates later, or the next partition of a protected table, comes with these privileges, and nobody looks at it again.",
    remedy: "Grant on objects that are there; name the schema, and leave keyward's out.",
    bad: &[
        "ALTER DEFAULT PRIVILEGES IN SCHEMA keyward GRANT SELECT ON TABLES TO reporting;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keyward_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC;",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO api_v1;",
    ],
    good: &[
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT, INSERT ON TABLES TO api_v1;",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA billing GRANT ALL ON TABLES TO api_v1;",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE ALL ON TABLES FROM PUBLIC;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::DefaultPrivileges { of, schemas, grant } = act else { continue };
        if !grant.is_grant {
            continue;
        }
        let roles: Vec<String> = grant.roles.iter().map(Role::human).collect();
        let in_keyward = schemas.iter().any(|schema| schema == SCHEMA)
            || (schemas.is_empty() && of.iter().filter_map(Role::name).any(|role| ground.is_owner(role)));
        if in_keyward {
            hits.add(None, "schema keyward", format!("{} gets privileges on what keyward creates.", roles.join(", ")));
            continue;
        }
        let near = |schema: &str| schemas.is_empty() || schemas.iter().any(|named| named == schema);
        let protected = ground.guarded_tables().into_iter().find(|table| near(table.table.schema.as_str()));
        let given: Vec<&str> = ["REFERENCES", "TRIGGER", "TRUNCATE"].into_iter().filter(|one| columns_of(grant, one).is_some()).collect();
        let api: Vec<String> = grant.roles.iter().filter(|role| ground.reaches_api(role)).map(Role::human).collect();
        if let (Kind::Table, Some(table), false, false) = (grant.kind, protected, given.is_empty(), api.is_empty()) {
            let detail = format!("{} gets {} on new tables, also on a new partition of {}.", api.join(", "), given.join(", "), table.human());
            hits.add(None, format!("schema {}", crate::ident::human(&table.table.schema)), detail).severity(Warning);
        }
    }
}
