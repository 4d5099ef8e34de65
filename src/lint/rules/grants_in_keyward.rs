//! Grants on what keyward owns.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL003",
    file: "grants_in_keyward",
    severity: Error,
    title: "a role gets a privilege on what is keyward's",
    why: "The vault holds the keys, the other tables and functions decide about them. Who may do what there is in the manifest, and keyward apply grants it.",
    remedy: "Name the role in the manifest's [roles], and run keyward apply.",
    bad: &[
        "GRANT SELECT ON keyward.vault_location_api_key TO reporting;",
        "GRANT SELECT ON ALL TABLES IN SCHEMA keyward TO api_v1;",
        "GRANT EXECUTE ON FUNCTION keyward.reveal_location_api_key(bigint) TO api_v2;",
        "GRANT CREATE ON SCHEMA keyward TO app_ui;",
        "GRANT UPDATE ON keyward.policy TO app_ui;",
    ],
    good: &[
        "GRANT USAGE ON SCHEMA keyward TO api_v1;",
        "GRANT SELECT ON keyward.vault_location_api_key TO app_ui;",
        "GRANT EXECUTE ON FUNCTION keyward.authenticate_location_api_key(text) TO api_gateway;",
        "GRANT EXECUTE ON FUNCTION keyward.is_enabled(bigint) TO api_v1;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Grant(grant) = act else { continue };
        if !grant.is_grant {
            continue;
        }
        let strangers = |name: &str| -> Vec<String> {
            grant.roles.iter().filter(|role| !may(ground, grant, name, role)).map(Role::human).collect()
        };
        if grant.all_in.iter().any(|schema| schema == SCHEMA) {
            let roles = strangers("");
            if !roles.is_empty() {
                let detail = format!("{} gets a privilege on everything of a kind in the schema keyward.", roles.join(", "));
                hits.add(None, "schema keyward", detail);
            }
        }
        for object in &grant.objects {
            let is_own = if grant.kind == Kind::Schema { object.name == SCHEMA } else { ground.is_own(object) };
            let roles = strangers(&object.name);
            if is_own && !roles.is_empty() {
                let what = if grant.kind == Kind::Schema { "schema keyward".to_owned() } else { object.human() };
                hits.add(object.at, what.clone(), format!("{} gets {} on {what}.", roles.join(", "), words(grant)));
            }
        }
    }
}

fn words(grant: &Grant) -> String {
    let all: Vec<&str> = grant.privileges.iter().map(|(privilege, _)| privilege.as_str()).collect();
    if all.is_empty() { "ALL".to_owned() } else { all.join(", ") }
}

/// Whether keyward itself gives a role this.
fn may(ground: &Ground<'_>, grant: &Grant, name: &str, role: &Role) -> bool {
    let Some(role) = role.name() else { return false };
    let only = |privilege: &str| !grant.privileges.is_empty() && grant.privileges.iter().all(|(given, _)| given == privilege);
    if ground.is_owner(role) {
        return true;
    }
    match grant.kind {
        Kind::Schema => only("USAGE"),
        Kind::Function if !name.is_empty() => {
            let starts = |what: &str| name.starts_with(what);
            let is_auth = ground.manifest.roles.auth.iter().any(|auth| auth.as_str() == role);
            (name == "is_enabled" && ground.is_known(role))
                || (is_auth && starts("authenticate_"))
                || (ground.is_ui(role)
                    && (["opt_in", "opt_out", "is_enabled", "record", "acts_as_ui", "carry_out"].contains(&name)
                        || ["generate_", "reveal_", "revoke_"].into_iter().any(starts)))
        }
        Kind::Table if !name.is_empty() => {
            ground.is_ui(role) && only("SELECT") && (name == "account_setting" || name.starts_with("vault_"))
        }
        _ => false,
    }
}
