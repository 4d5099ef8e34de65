//! Memberships that let an API role act as the UI or as keyward's owner.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL005",
    file: "leads_to_ui_or_owner",
    severity: Error,
    title: "a membership leads to the UI's rights, or to keyward's own",
    why: "Who is a member of a UI role sees and makes keys, and changes settings; who is a member of keyward's owner does anything. Enforcement is then only \
          advice.",
    remedy: "Give the role the privileges on your own tables that it needs, instead of the membership.",
    bad: &[
        "GRANT app_ui TO api_v1;",
        "GRANT keyward_owner TO deploy;",
        "GRANT app_ui TO staff; GRANT staff TO api_v2;",
        "CREATE ROLE api_v3 IN ROLE keyward_owner;",
        "ALTER GROUP app_ui ADD USER api_gateway;",
    ],
    good: &["GRANT app_ui TO web_login;", "GRANT api_v1 TO legacy_login;", "REVOKE app_ui FROM api_v1;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Membership { is_grant: true, roles, members } = act else { continue };
        for role in roles {
            let mut reached = ground.world.reached_by(role);
            reached.insert(0, role);
            let Some(goal) = reached.into_iter().find(|of| ground.is_ui(of) || ground.is_owner(of)) else { continue };
            for member in members.iter().filter_map(Role::name) {
                let far = far_role(ground, member);
                let whose = far.unwrap_or(member);
                if (far.is_some() && whose != goal) || (ground.is_owner(goal) && role == goal) {
                    hits.add(None, format!("role {whose}"), format!("{whose} may act as {goal}."));
                }
            }
        }
    }
}

/// The role held at a distance that a new member is, or that is a member of it.
fn far_role<'a>(ground: &Ground<'a>, member: &'a str) -> Option<&'a str> {
    let is_auth = ground.manifest.roles.auth.iter().any(|auth| auth.as_str() == member);
    if ground.is_api(member) || is_auth {
        return Some(member);
    }
    ground.distant().find(|api| ground.world.reached_by(api).contains(&member))
}
