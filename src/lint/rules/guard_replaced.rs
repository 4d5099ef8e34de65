//! Guards dropped, renamed or put in other words.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL022",
    file: "guard_replaced",
    severity: Error,
    title: "a guard is dropped, renamed or replaced",
    why: "Whatever the trigger stopped passes from then on: keys come into being, or are published again; legacy writes go through.",
    remedy: "Leave it. What should no longer be protected goes out of the manifest, and keyward apply takes its guards away.",
    bad: &[
        "DROP TRIGGER \"~keyward_location_api_key_withhold_insert\" ON app.locations;",
        "DROP TRIGGER IF EXISTS \"!keyward_location_api_key_stated\" ON locations;",
        "ALTER TRIGGER \"~keyward_legacy_users_insert\" ON app.users RENAME TO a;",
        "CREATE OR REPLACE TRIGGER \"~keyward_legacy_users_insert\" BEFORE INSERT ON app.users FOR EACH ROW EXECUTE FUNCTION app.nothing();",
    ],
    good: &["DROP TRIGGER touch ON app.locations;", "ALTER TRIGGER touch ON app.locations RENAME TO touch_row;"],
    check,
};

fn check(_: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    let mut found = |table: &Name, trigger: &str, what: &str| {
        if super::is_of_keyward(trigger) {
            hits.add(table.at, format!("trigger {trigger} on {}", table.human()), format!("It is {what}."));
        }
    };
    for act in &statement.read.acts {
        match act {
            Act::Drop { kind: Kind::Trigger, objects, .. } => {
                for (table, trigger) in objects {
                    found(table, trigger.as_deref().unwrap_or_default(), "dropped");
                }
            }
            Act::Rename { kind: Kind::Trigger, object, part: Some(trigger), .. } => found(object, trigger, "renamed"),
            Act::CreateTrigger(trigger) => found(&trigger.table, &trigger.name, "replaced"),
            _ => {}
        }
    }
}
