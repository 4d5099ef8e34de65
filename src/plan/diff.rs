//! The difference between what is wanted and what is there, as steps.

use super::finding::{Finding, Severity};
use super::obstacles;
use super::step::{Action, How, Lock, RunAs, Step, hazard, step};
use super::wanted::{Kind, Wanted};
use crate::catalog::{Role, Snapshot};
use crate::error::{Error, Result};
use crate::ident::{Ident, literal};
use crate::manifest::{Hide, Key, Manifest};
use crate::schema;

/// The owner role, the schema and its base tables.
pub(super) fn bootstrap(manifest: &Manifest, snapshot: &Snapshot) -> Vec<Step> {
    let owner = &manifest.roles.owner;
    let server = &snapshot.server;
    let mut steps = Vec::new();
    if !snapshot.roles.contains_key(owner.as_str()) {
        let mut role = step(
            format!("role {owner}"),
            Action::Create,
            "The role that owns everything in the schema keyward. Nobody logs in as it.",
            // By the comment uninstall knows the role for keyward's, even if a run was killed before there was a ledger.
            format!("CREATE ROLE {owner} NOLOGIN;\nCOMMENT ON ROLE {owner} IS {};", literal(Role::MADE_BY_KEYWARD)),
            format!("DROP ROLE {owner};"),
        );
        // Recorded as well: somebody may give the role another comment.
        role.sha256 = Some(String::new());
        steps.push(role);
    }
    let joined = server.is_superuser
        || (snapshot.roles.contains_key(owner.as_str()) && obstacles::is_member(snapshot, &server.runner, owner));
    if !joined {
        let options = if server.major() >= 16 { " WITH INHERIT TRUE, SET TRUE" } else { "" };
        steps.push(step(
            format!("membership of {} in {owner}", server.runner),
            Action::Create,
            "Whoever applies creates objects as the owner, and attaches its guards to the tables.",
            format!("GRANT {owner} TO {}{options};", server.runner),
            format!("REVOKE {owner} FROM {};", server.runner),
        ));
    }
    if !server.has_schema {
        steps.push(step(
            "schema keyward",
            Action::Create,
            "Everything of keyward's is in this schema.",
            format!("CREATE SCHEMA keyward AUTHORIZATION {owner};"),
            "DROP SCHEMA keyward CASCADE;",
        ));
    }
    let applied = snapshot.installed.as_ref().map(|installed| installed.migrations.as_slice()).unwrap_or_default();
    let pending = schema::script(applied);
    if !pending.is_empty() {
        let mut migrate =
            step("base tables of keyward", Action::Create, "keyward's own tables, the same for every site.", pending, "");
        migrate.role = RunAs::Owner;
        migrate.how = How::Migrate;
        steps.push(migrate);
    }
    steps
}

/// Keys whose name changed while their table and column did not: `(former name, key)`.
pub(super) fn renames<'a>(manifest: &'a Manifest, snapshot: &Snapshot) -> Vec<(String, &'a Key)> {
    let former = snapshot.installed.as_ref().and_then(|installed| installed.manifest.as_ref());
    let vault = |name: &str| format!("table keyward.\"vault_{name}\"");
    manifest
        .keys
        .iter()
        .filter(|key| key.hide == Hide::Vault && snapshot.recorded(&vault(key.name.as_str())).is_none())
        .filter_map(|key| {
            let before = former?.keys.iter().find(|other| other.table == key.table && other.column == key.column)?;
            let kept = manifest.keys.iter().any(|other| other.name == before.name);
            let name = before.name.as_str();
            (before.name != key.name && !kept && snapshot.recorded(&vault(name)).is_some()).then(|| (name.to_owned(), key))
        })
        .collect()
}

pub(super) fn rename(former: &str, key: &Key, wanted: &[Wanted]) -> Result<Step> {
    let old = |suffix: &str| Ident::new(format!("vault_{former}{suffix}"));
    let new = |suffix: &str| Ident::new(format!("vault_{}{suffix}", key.name));
    let script = |from: &dyn Fn(&str) -> Result<Ident>, to: &dyn Fn(&str) -> Result<Ident>| -> Result<String> {
        Ok(format!(
            "ALTER TABLE keyward.{} RENAME TO {};\nALTER TABLE keyward.{} RENAME CONSTRAINT {} TO {};\nALTER INDEX keyward.{} RENAME TO {};",
            from("")?,
            to("")?,
            to("")?,
            from("_pkey")?,
            to("_pkey")?,
            from("_key")?,
            to("_key")?
        ))
    };
    let mut step = step(
        format!("table keyward.{}", new("")?),
        Action::Change,
        "The manifest gives the key another name: its vault, with the sealed keys in it, takes that name.",
        script(&old, &new)?,
        script(&new, &old)?,
    );
    step.role = RunAs::Owner;
    step.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation: format!("keyward.{}", old("")?) });
    step.replaces = Some(format!("table keyward.{}", old("")?));
    step.sha256 = wanted.iter().find(|want| want.identity == step.id).map(|want| want.sha256.clone());
    Ok(step)
}

/// What one wanted thing needs.
pub(super) enum Verdict {
    /// Nothing: it is there.
    Nothing,
    /// A step.
    Step(Step),
    /// It can't be brought about by keyward.
    Obstacle(Finding),
}

/// Compares one wanted thing with what is there.
pub(super) fn compare(want: &Wanted, snapshot: &Snapshot) -> Verdict {
    let found = snapshot.objects.get(&want.identity);
    let recorded = snapshot.recorded(&want.identity);
    let action = match (&want.kind, found, recorded) {
        (Kind::Condition { met: true }, ..) => return Verdict::Nothing,
        (Kind::Condition { met: false }, _, Some(_)) => Action::Repair,
        (Kind::Condition { met: false }, _, None) | (_, None, None) => Action::Create,
        (kind, Some(found), Some(recorded)) => match (found.definition == recorded.definition, recorded.sha256 == want.sha256) {
            (true, true) => return Verdict::Nothing,
            _ if *kind == Kind::Table => return Verdict::Obstacle(altered_table(want)),
            (false, true) => Action::Repair,
            (_, false) => Action::Change,
        },
        (Kind::Table, None, Some(_)) => return Verdict::Obstacle(lost_table(want)),
        (Kind::Table, Some(_), None) => return Verdict::Obstacle(foreign_table(want)),
        (_, None, Some(_)) => Action::Repair,
        (_, Some(_), None) => Action::Change,
    };
    let header = &want.rendered;
    let sql = match (&want.kind, found, recorded) {
        // A trigger that is merely disabled is enabled again, not replaced.
        (Kind::Trigger { enable }, Some(found), Some(recorded))
            if action == Action::Repair && only_switched(&found.definition, &recorded.definition) =>
        {
            enable
        }
        _ => &header.sql,
    };
    let field = |name: &str| header.field(name).unwrap_or_default();
    let mut made = step(&want.identity, action, field("purpose"), sql, field("undo"));
    made.file = Some(format!("sql/{}", want.template));
    made.role = if field("role") == "owner" { RunAs::Owner } else { RunAs::Runner };
    made.lock = header.field("lock").filter(|lock| *lock != "none").and_then(lock);
    made.hazards = header.fields("hazard").into_iter().map(hazard).collect();
    made.group.clone_from(&want.group);
    made.sha256 = Some(want.sha256.clone());
    Verdict::Step(made)
}

/// Reads `MODE relation`: the mode is the words in capitals.
fn lock(text: &str) -> Option<Lock> {
    let split = text.find(|c: char| !(c.is_ascii_uppercase() || c == ' '))?;
    let (mode, relation) = text.split_at(split);
    Some(Lock { mode: mode.trim().to_owned(), relation: relation.trim().to_owned() })
}

/// Tells whether two definitions of a trigger differ only in how it is enabled: the lines after the first.
fn only_switched(found: &str, recorded: &str) -> bool {
    let split = |text: &str| {
        text.rsplit_once("EXECUTE FUNCTION")
            .map(|(head, tail)| (head.to_owned(), tail.lines().next().unwrap_or_default().to_owned()))
    };
    split(found).is_some() && split(found) == split(recorded)
}

fn altered_table(want: &Wanted) -> Finding {
    Finding::new(Severity::Refusal, "altered_table", want.identity.as_str(), format!("the {} is not as keyward made it", want.identity))
        .because("Somebody altered it, or the manifest now calls for other columns or types. It holds data, so keyward doesn't replace it.")
        .remedy("Restore its definition (keyward plan --output sql shows it on an empty database), or uninstall and apply again: uninstall publishes every key.")
        .hard()
}

fn lost_table(want: &Wanted) -> Finding {
    Finding::new(Severity::Refusal, "lost_table", want.identity.as_str(), format!("the {} was dropped", want.identity))
        .because("It held data: settings, or sealed keys. Creating it empty would hide the loss.")
        .remedy(
            "Restore it from a backup. To go on without its contents: DELETE FROM keyward.object WHERE identity = … , and apply.",
        )
        .hard()
}

fn foreign_table(want: &Wanted) -> Finding {
    Finding::new(
        Severity::Refusal,
        "foreign_table",
        want.identity.as_str(),
        format!("there is a {} that keyward did not make", want.identity),
    )
    .because("The schema keyward is keyward's own.")
    .remedy("Move it to another schema.")
    .hard()
}

pub(super) fn record_manifest(manifest: &Manifest, sha256: &str) -> Result<Step> {
    let document = serde_json::to_string(manifest)
        .map_err(|error| Error::bug("the manifest can't be written as JSON").with_source(error))?;
    let mut made = step(
        "manifest",
        Action::Change,
        "keyward records which manifest is in force.",
        format!("INSERT INTO keyward.manifest (sha256, document) VALUES ({}, {});", literal(sha256), literal(&document)),
        "",
    );
    made.role = RunAs::Owner;
    Ok(made)
}
