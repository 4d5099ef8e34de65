//! Predefined roles whose members pass by privileges.

use super::prelude::*;

/// What each lets its members do.
const MIGHTY: [(&str, &str); 6] = [
    ("pg_write_all_data", "writes every table"),
    ("pg_read_all_data", "reads every table, the key column behind a wall included"),
    ("pg_read_server_files", "reads the server's files"),
    ("pg_write_server_files", "writes the server's files"),
    ("pg_execute_server_program", "runs programs on the server"),
    ("pg_maintain", "may REFRESH and CLUSTER everything"),
];

pub(super) const RULE: Rule = Rule {
    id: "KWL006",
    file: "mighty_member",
    severity: Error,
    title: "an API role becomes a member of a predefined role that passes by privileges",
    why: "keyward refuses to be applied beside it: what is revoked from the role doesn't matter any more.",
    remedy: "Grant the privileges that it needs on the tables that it needs.",
    bad: &["GRANT pg_write_all_data TO api_v1;", "GRANT pg_read_server_files TO readers; GRANT readers TO api_v1; GRANT pg_read_all_data TO readers;"],
    good: &["GRANT pg_read_all_data TO backup;", "GRANT pg_monitor TO api_v1;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Membership { is_grant: true, roles, members } = act else { continue };
        for role in roles {
            let reached = ground.world.reached_by(role);
            let mighty = MIGHTY.iter().find(|(name, _)| role == name || reached.contains(name));
            let Some((name, does)) = mighty else { continue };
            for member in members.iter().filter(|member| ground.reaches_api(member)) {
                hits.add(None, format!("role {}", member.human()), format!("As a member of {name}, {} {does}.", member.human()));
            }
        }
    }
}
