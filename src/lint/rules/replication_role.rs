//! `session_replication_role`.

use super::prelude::*;

const NAME: &str = "session_replication_role";

pub(super) const RULE: Rule = Rule {
    id: "KWL009",
    file: "replication_role",
    severity: Error,
    title: "triggers are switched off by session_replication_role",
    why: "With replica, foreign keys and the application's triggers don't fire. keyward's guards are ENABLE ALWAYS and do; one that was enabled otherwise \
          doesn't.",
    remedy: "Leave it at origin. What a migration must not fire, make conditional in the trigger.",
    bad: &[
        "SET session_replication_role = replica;",
        "ALTER ROLE api_v1 SET session_replication_role = 'replica';",
        "ALTER DATABASE shop SET session_replication_role TO replica;",
        "GRANT SET ON PARAMETER session_replication_role TO api_v1;",
        "SELECT set_config('session_replication_role', 'replica', false);",
    ],
    good: &["SET session_replication_role = DEFAULT;", "SET session_replication_role = origin;", "RESET session_replication_role;"],
    check,
};

fn check(_: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::Setting { scope, name, values: Some(values) } if name == NAME && !values.iter().any(|value| value.eq_ignore_ascii_case("origin")) => {
                let whose = match scope {
                    // It ends with the session.
                    Scope::Session => {
                        hits.add(None, NAME, "It is set for the session.").severity(Warning);
                        continue;
                    }
                    Scope::Role(Some(role)) => format!("the role {role}"),
                    Scope::Role(None) => "every role".to_owned(),
                    Scope::Database => "every session of the database".to_owned(),
                    Scope::System => "the server".to_owned(),
                };
                hits.add(None, NAME, format!("It is set for {whose}."));
            }
            Act::Grant(grant) if grant.is_grant && grant.kind == Kind::Parameter && grant.objects.iter().any(|object| object.name == NAME) => {
                let roles: Vec<String> = grant.roles.iter().map(Role::human).collect();
                hits.add(None, NAME, format!("{} may set it.", roles.join(", ")));
            }
            _ => {}
        }
    }
}
