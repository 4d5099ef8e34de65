//! REVOKEs that keyward's functions, or its callers, feel.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL010",
    file: "takes_from_keyward",
    severity: Error,
    title: "keyward, or who may call it, loses a privilege",
    why: "The guards work with the rights of keyward's owner: without them writes to the protected table fail. Without their own, the UI gets no key and the \
          gateway authenticates nobody.",
    remedy: "Leave the role out of the REVOKE, or run keyward apply right after it.",
    bad: &[
        "REVOKE ALL ON app.locations FROM keyward_owner;",
        "REVOKE USAGE ON SCHEMA app FROM keyward_owner;",
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA keyward FROM api_gateway;",
    ],
    good: &["REVOKE ALL ON app.locations FROM PUBLIC;", "REVOKE ALL ON ALL TABLES IN SCHEMA keyward FROM PUBLIC;", "REVOKE SELECT ON app.orders FROM api_v1;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Grant(grant) = act else { continue };
        if grant.is_grant {
            continue;
        }
        let in_keyward = grant.all_in.iter().any(|schema| schema == SCHEMA)
            || grant.objects.iter().any(|object| if grant.kind == Kind::Schema { object.name == SCHEMA } else { ground.is_own(object) });
        let in_schema = grant.kind == Kind::Schema && grant.objects.iter().any(|object| ground.is_schema(&object.name));
        let protected = in_schema || !ground.tables_of(grant).is_empty();
        for role in grant.roles.iter().filter_map(Role::name) {
            if (ground.is_owner(role) && (protected || in_keyward)) || (in_keyward && ground.is_known(role)) {
                hits.add(statement.find(role), format!("role {role}"), format!("{role} loses what keyward gave it."));
            }
        }
    }
}
