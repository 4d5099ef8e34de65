//! DISABLE ROW LEVEL SECURITY, NO FORCE.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL020",
    file: "row_security_off",
    severity: Error,
    title: "row-level security is taken off a protected table",
    why: "Policies that aren't enforced stop nobody: legacy writes have one wall less, a UI role sees the keys of every tenant, and without FORCE the owner \
          passes.",
    remedy: "Leave it on. To let one role pass, give it a policy of its own.",
    bad: &[
        "ALTER TABLE app.users DISABLE ROW LEVEL SECURITY;",
        "ALTER TABLE keyward.vault_location_api_key NO FORCE ROW LEVEL SECURITY;",
        "ALTER TABLE ONLY app.locations ENABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;",
    ],
    good: &["ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;", "ALTER TABLE app.orders DISABLE ROW LEVEL SECURITY;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        if ground.guarded(table).is_none() && !ground.is_own(table) {
            continue;
        }
        for change in changes {
            match change {
                Change::RowSecurity(false) => {
                    hits.add(table.at, table.human(), "Its row-level security is disabled.");
                }
                Change::ForceRowSecurity(false) => {
                    hits.add(table.at, table.human(), "Its owner passes by the policies.");
                }
                _ => {}
            }
        }
    }
}
