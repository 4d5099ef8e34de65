//! CREATE RULE.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL025",
    file: "rule_on_protected",
    severity: Error,
    title: "a rule rewrites statements on a protected table",
    why: "It may write, copy or suppress keys before a guard sees anything, and it runs with its owner's rights.",
    remedy: "Write a trigger that sorts before ~keyward_… instead.",
    bad: &[
        "CREATE RULE keep AS ON DELETE TO app.locations DO INSTEAD NOTHING;",
        "CREATE OR REPLACE RULE note AS ON UPDATE TO users DO ALSO INSERT INTO app.notes DEFAULT VALUES;",
    ],
    good: &["CREATE RULE keep AS ON DELETE TO app.orders DO INSTEAD NOTHING;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::CreateRule { name, table } = act else { continue };
        if ground.guarded(table).is_some() || ground.is_own(table) {
            hits.add(table.at, format!("rule {name} on {}", table.human()), "");
        }
    }
}
