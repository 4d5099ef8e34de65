//! DISABLE TRIGGER, and ENABLE TRIGGER without ALWAYS.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL023",
    file: "guard_switched",
    severity: Error,
    title: "guards are disabled, or enabled for some sessions only",
    why: "A disabled trigger is there and fires for nobody. ENABLE TRIGGER without ALWAYS lets pass whoever sets session_replication_role, and replication. ALL \
          and USER mean keyward's guards too.",
    remedy: "Name the triggers of the application that are meant, one by one.",
    bad: &[
        "ALTER TABLE app.users DISABLE TRIGGER ALL;",
        "ALTER TABLE app.locations DISABLE TRIGGER USER;",
        "ALTER TABLE app.locations DISABLE TRIGGER \"~keyward_location_api_key_withhold_insert\";",
        "ALTER TABLE app.users ENABLE TRIGGER ALL;",
        "ALTER TABLE app.users ENABLE REPLICA TRIGGER \"~keyward_legacy_users_insert\";",
        "DO $$ BEGIN EXECUTE 'ALTER TABLE app.users ' || 'DISABLE TRIGGER ALL'; END $$;",
    ],
    good: &[
        "ALTER TABLE app.locations DISABLE TRIGGER touch;",
        "ALTER TABLE app.orders DISABLE TRIGGER ALL;",
        "ALTER TABLE app.users ENABLE ALWAYS TRIGGER \"~keyward_legacy_users_insert\";",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        for change in changes {
            let (which, what) = match change {
                Change::DisableTrigger(which) => (which, "disabled"),
                Change::EnableTrigger(which, false) => (which, "enabled for ordinary sessions only"),
                _ => continue,
            };
            let detail = match which {
                Triggers::Named(name) if super::is_of_keyward(name) => format!("The guard {name} is {what}."),
                Triggers::All | Triggers::User if ground.table(table).is_some() => format!("All its guards are {what}."),
                _ => continue,
            };
            hits.add(table.at, table.human(), detail);
        }
    }
}
