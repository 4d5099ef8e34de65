//! Views that show the key.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL040",
    file: "view_of_key",
    severity: Error,
    title: "a view shows the key column",
    why: "A view reads with its owner's rights: behind a wall it shows the key to whoever may read the view. Of sealed keys it shows NULL, and the keys of accounts whose \
          setting is off.",
    remedy: "Leave the key column out; name the columns instead of *.",
    bad: &[
        "CREATE VIEW app.partner_list AS SELECT id, token FROM app.partners;",
        "CREATE VIEW app.v AS SELECT p.* FROM app.partners AS p JOIN app.accounts AS a ON a.id = p.account_id;",
        "CREATE OR REPLACE VIEW app.v AS SELECT l.api_key FROM app.locations l;",
    ],
    good: &[
        "CREATE VIEW app.partner_list AS SELECT id, name FROM app.partners;",
        "CREATE VIEW app.v AS SELECT a.*, p.name FROM app.accounts AS a JOIN app.partners AS p ON a.id = p.account_id;",
        "CREATE VIEW app.v WITH (security_invoker = true) AS SELECT * FROM app.partners;",
        "CREATE VIEW app.v AS SELECT count(*) FROM app.partners;",
        "CREATE VIEW app.v AS SELECT s.token FROM app.sessions AS s JOIN app.partners AS p ON p.id = s.partner_id;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::CreateView { view, is_invoker, .. } = act else { continue };
        for (key, takes) in ground.takes(statement) {
            if *is_invoker && key.hide == Hide::Revoke {
                continue;
            }
            let hit = hits.add(view.at, view.human(), super::taken(key, takes));
            if key.hide == Hide::Vault {
                hit.severity(Warning);
            }
        }
    }
}
