//! BEFORE triggers outside of the guards.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL024",
    file: "guard_outrun",
    severity: Error,
    title: "a trigger sorts outside of the guards",
    why: "Triggers fire in the order of their names. What one that comes after the guard does to the row, the guard doesn't see: only the assertion behind it does, and \
          fails the statement. A key that one fills in before keyward's first is taken for one that a person wrote.",
    remedy: "Give it a name that sorts between !keyward_… and ~keyward_…: one that begins with a letter.",
    bad: &[
        "CREATE TRIGGER \"~last\" BEFORE INSERT ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch();",
        "CREATE TRIGGER \"\u{e9}tat\" BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch();",
        "CREATE TRIGGER \" first\" BEFORE UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch();",
        "CREATE TRIGGER touch BEFORE INSERT ON app.users FOR EACH ROW EXECUTE FUNCTION app.touch(); ALTER TRIGGER touch ON app.users RENAME TO \"~~touch\";",
    ],
    good: &[
        "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.touch();",
        "CREATE TRIGGER \"~last\" AFTER INSERT ON app.users FOR EACH ROW EXECUTE FUNCTION app.note();",
        "CREATE TRIGGER \"~last\" BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let (table, name, on_update) = match act {
            Act::CreateTrigger(trigger) if trigger.is_before && trigger.is_row && trigger.writes => {
                (&trigger.table, &trigger.name, trigger.on_update)
            }
            // Which sort of trigger it is isn't said.
            Act::Rename { kind: Kind::Trigger, object, part: Some(old), to } if !super::is_of_keyward(old) => (object, to, true),
            _ => continue,
        };
        let Some(protected) = ground.guarded(table).filter(|_| !super::is_of_keyward(name)) else { continue };
        let has_rows = protected.keys().next().is_some() || protected.writes().next().is_some();
        let after = has_rows && name.as_bytes() > b"~keyward_".as_slice();
        let before = on_update && protected.keys().next().is_some() && name.as_bytes() < b"!keyward_".as_slice();
        if after || before {
            let detail = if after { "It fires after the guards." } else { "It fires before keyward's first trigger." };
            hits.add(table.at, format!("trigger {name} on {}", table.human()), detail);
        }
    }
}
