//! What leaves: objects that the manifest no longer wants, and the removal of everything.

use std::collections::BTreeSet;

use super::step::{Action, How, Lock, RunAs, Step, hazard, step};
use super::wanted::Wanted;
use crate::catalog::{Recorded, Snapshot};
use crate::error::{Error, Result};
use crate::ident::{Ident, human};
use crate::manifest::Key;
use crate::parse;

/// What is recorded, but no longer wanted: guards first, then the keys out of the vault, then the rest, newest first.
pub(super) fn drops(wanted: &[Wanted], snapshot: &Snapshot, renames: &[(String, &Key)]) -> Vec<Step> {
    let keep: BTreeSet<_> = wanted.iter().map(|want| want.identity.as_str()).collect();
    let mut leaving: Vec<&Recorded> = snapshot
        .installed
        .iter()
        .flat_map(|installed| &installed.objects)
        .filter(|recorded| !keep.contains(recorded.identity.as_str()) && !recorded.identity.starts_with("role "))
        .filter(|recorded| !renames.iter().any(|(former, _)| recorded.identity == format!("table keyward.\"vault_{former}\"")))
        .collect();
    leaving.sort_by_key(|recorded| -recorded.position);
    let vaults: Vec<String> = leaving
        .iter()
        .filter_map(|recorded| recorded.identity.strip_prefix("table keyward.\"vault_")?.strip_suffix('"').map(str::to_owned))
        .collect();
    let is = |recorded: &Recorded, what: &str| {
        vaults.iter().any(|name| recorded.identity.starts_with(&format!("trigger \"~keyward_{name}_{what}")))
    };
    let guards = |recorded: &&Recorded| {
        vaults.iter().any(|name| recorded.identity.starts_with(&format!("trigger \"!keyward_{name}_")))
            || ["hop", "withhold", "assert"].iter().any(|what| is(recorded, what))
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = leaving.into_iter().partition(guards);
    // It writes NULL for the guard to seal: without the guard, that would end the key.
    first.sort_by_key(|recorded| !is(recorded, "hop"));
    let mut steps: Vec<_> = first.into_iter().map(|recorded| dropped(recorded, snapshot)).collect();
    steps.extend(vaults.iter().map(|name| publish(name)));
    // A run that is killed publishes again for as long as the vault is recorded: what that needs goes after the vault.
    let mut rest = rest;
    rest.sort_by_key(|recorded| {
        let identity = recorded.identity.as_str();
        if identity.starts_with("row-level security on ") {
            // While it is on and the policies are gone, nobody sees a row.
            -1
        } else if identity.starts_with("trigger ") || identity.starts_with("policy ") {
            0
        } else if identity.starts_with("access keyward.\"vault_") {
            1
        } else if identity.starts_with("table keyward.\"vault_") {
            2
        } else {
            3
        }
    });
    steps.extend(rest.into_iter().map(|recorded| dropped(recorded, snapshot)));
    for step in &mut steps {
        // The access to a vault goes along with it under its new name.
        if renames.iter().any(|(former, _)| step.id == format!("access keyward.\"vault_{former}\"")) {
            step.sql.clear();
        }
    }
    steps
}

fn publish(name: &str) -> Step {
    let function = Ident::new(format!("publish_rows_{name}")).map(|ident| ident.to_string()).unwrap_or_default();
    let mut made = step(
        format!("keys of {name}"),
        Action::Move,
        "Every sealed key goes back into the application's column, in batches.",
        format!("SELECT keyward.{function}(1000);"),
        "",
    );
    made.hazards = vec![hazard("publishes_keys")];
    made.role = RunAs::Owner;
    made.how = How::Publish { name: name.to_owned() };
    made
}

/// The step that removes what was recorded.
fn dropped(recorded: &Recorded, snapshot: &Snapshot) -> Step {
    let is_ours = ["table ", "function ", "access "].iter().any(|kind| recorded.identity.starts_with(kind))
        && !recorded.identity.starts_with("access of owner");
    let is_object = ["table ", "function ", "trigger ", "policy "].iter().any(|kind| recorded.identity.starts_with(kind));
    let gone = is_object && !snapshot.objects.contains_key(&recorded.identity);
    // What was recorded of a vault that took another name is how it gets the former one back.
    let own_table = recorded.identity.strip_prefix("table ").map(|table| format!("DROP TABLE {table};"));
    let sql = if gone { String::new() } else { own_table.unwrap_or_else(|| recorded.undo.clone()) };
    let mut made = step(&recorded.identity, Action::Drop, "The manifest no longer wants it.", sql, "");
    made.role = if is_ours { RunAs::Owner } else { RunAs::Runner };
    let on = recorded.identity.split_once("\" on ").map(|(_, table)| table.to_owned());
    if let Some(table) = on.filter(|_| is_object) {
        made.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation: table.clone() });
        made.group = Some(format!("drops on {table}"));
        made.hazards = vec![hazard("removes_guard")];
    }
    if let Some(table) = recorded.identity.strip_prefix("row-level security on ") {
        let on = snapshot.tables.values().find(|relation| relation.table().to_string() == table);
        if on.is_some_and(|relation| relation.policies.iter().any(|policy| !policy.name.starts_with("~keyward_"))) {
            // The application has come to rely on it: turning it off would open the table.
            made.sql.clear();
            "It stays on: the table has policies of the application's.".clone_into(&mut made.why);
        } else {
            made.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation: table.to_owned() });
        }
    }
    if let Some(place) = recorded.identity.strip_prefix("nullable ") {
        made.how = How::Try;
        made.hazards = vec![hazard("restores_not_null")];
        let relation = place.split_once(" in ").map(|(_, table)| table.to_owned()).unwrap_or_default();
        made.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation });
    }
    made
}

/// Takes the hazard off guards and policies that give way to others on the same table: a key has another name, or another strategy.
pub(super) fn keep_guards_that_come_back(steps: &mut [Step]) {
    let on = |step: &Step| {
        let kind = step.id.split(' ').next().unwrap_or_default();
        // the names of guards and policies are keyward's own, the table's is anybody's
        step.id.split_once("\" on ").map(|(_, table)| (kind.to_owned(), table.to_owned()))
    };
    let made: Vec<_> = steps.iter().filter(|step| step.action != Action::Drop).filter_map(on).collect();
    for step in steps.iter_mut().filter(|step| step.action == Action::Drop) {
        if on(step).is_some_and(|place| made.contains(&place)) {
            step.hazards.retain(|hazard| hazard.id != "removes_guard");
        }
    }
}

/// Returns the steps that remove everything that is recorded, every key published first.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if keyward is not installed here.
pub fn removal(snapshot: &Snapshot, owner: &Ident) -> Result<Vec<Step>> {
    if snapshot.installed.is_none() && !snapshot.server.has_schema {
        return Err(Error::usage(format!("keyward is not installed in the database {}", snapshot.server.database)));
    }
    let mut steps = Vec::new();
    if snapshot.installed.is_some() {
        // The guards stay until every key is out, and let everything pass meanwhile.
        let mut off = step(
            "policy",
            Action::Change,
            "The guards let everything pass from here on.",
            "UPDATE keyward.policy SET mode = 'off', changed_at = now();",
            "UPDATE keyward.policy SET mode = 'enforce', changed_at = now();",
        );
        off.role = RunAs::Owner;
        steps.push(off);
        let all = drops(&[], snapshot, &[]);
        steps.extend(all.iter().filter(|step| step.action == Action::Move).cloned());
        // What is in the schema goes with it; only what sits on the application's side is taken down one by one.
        let rest =
            all.into_iter().filter(|step| step.action == Action::Move || step.role == RunAs::Runner && !step.sql.is_empty());
        let rest = rest.map(|mut step| {
            let why = if step.action == Action::Move {
                "Once more: a transaction that was under way may have sealed a key. Taking the guards down has waited for it."
            } else {
                "It was installed by keyward."
            };
            why.clone_into(&mut step.why);
            step
        });
        // A run that is killed publishes again, which needs the owner's access: it ends in one transaction with the schema.
        let (access, rest): (Vec<_>, Vec<_>) = rest.partition(|step| step.id.starts_with("access of owner"));
        steps.extend(rest);
        steps.extend(access);
    }
    let mut schema =
        step("schema keyward", Action::Drop, "Everything of keyward's is in this schema.", "DROP SCHEMA keyward CASCADE;", "");
    schema.role = RunAs::Owner;
    let end = steps.iter().rposition(|step| !step.id.starts_with("access of owner")).map_or(0, |last| last + 1);
    steps.push(schema);
    // As whoever granted them: the owner itself can't take back what others gave it.
    steps.push(step(
        format!("privileges of {owner}"),
        Action::Drop,
        "The owner's remaining rights in this database go with it.",
        format!("DROP OWNED BY {owner};"),
        "",
    ));
    for step in &mut steps[end..] {
        step.group = Some("end".to_owned());
    }
    let is_made_by_keyward = snapshot.roles.get(owner.as_str()).is_some_and(|role| role.is_made_by_keyward);
    if is_made_by_keyward || snapshot.recorded(&format!("role {owner}")).is_some() {
        let mut role = step(
            format!("role {owner}"),
            Action::Drop,
            format!(
                "keyward made {}, and it owns nothing here any more; it stays if another database still uses it.",
                human(owner)
            ),
            format!("DROP ROLE {owner};"),
            "",
        );
        role.how = How::Try;
        // Once the schema is gone, nobody knows any more that keyward made it.
        role.group = Some("end".to_owned());
        steps.push(role);
    }
    for step in &steps {
        parse::check(&step.sql)?;
    }
    Ok(steps)
}
