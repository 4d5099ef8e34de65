//! What apply would do: the difference between what the manifest wants and what the database has.
//!
//! A plan is a pure function of manifest and [`Snapshot`]. On an applied database it is empty; after somebody has tampered
//! with it, it is exactly the repair. Nothing here talks to a server.

mod context;
mod enforce;
mod finding;
mod graph;
mod obstacles;
mod wanted;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use finding::{Finding, Severity};

use crate::catalog::{Recorded, Snapshot};
use crate::error::{Error, Result};
use crate::ident::{Ident, human, literal};
use crate::manifest::{Key, Manifest};
use crate::{parse, schema};
use wanted::{Kind, Wanted};

/// The `"schema"` of a plan's JSON document.
pub const SCHEMA: &str = "keyward/plan/v1";

/// What apply would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The database's name.
    pub database: String,
    /// The checksum of the manifest.
    pub manifest: String,
    /// The checksum of everything in the database that the plan relied on.
    pub fingerprint: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What stands in the way of enforcement, or weakens it.
    pub findings: Vec<Finding>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The identity of what it is about.
    pub id: String,
    /// What it does to it.
    pub action: Action,
    /// Why: one sentence or two.
    pub why: String,
    /// The file of `sql/` that it comes from, where there is one.
    pub file: Option<String>,
    /// The statements.
    pub sql: String,
    /// The statements that take it back.
    pub undo: String,
    /// The strongest lock that it takes on a table in use.
    pub lock: Option<Lock>,
    /// What to think about before.
    pub hazards: Vec<Hazard>,
    /// The role that the statements run as.
    pub role: RunAs,
    /// Steps that follow each other with the same group are one transaction.
    pub group: Option<String>,
    /// How it is carried out.
    pub how: How,
    /// The checksum under which the object is recorded afterwards; `None` where nothing is.
    pub sha256: Option<String>,
    /// The identity that the object was recorded under before.
    pub replaces: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// The manifest, or this version of keyward, wants it otherwise.
    Change,
    /// Somebody altered or removed it.
    Repair,
    /// The manifest no longer wants it.
    Drop,
    /// Data moves.
    Move,
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The mode, as `pg_locks` and the manual name it: `ACCESS EXCLUSIVE`, `SHARE ROW EXCLUSIVE`.
    pub mode: String,
    /// The relation, quoted and qualified.
    pub relation: String,
}

/// What to think about before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// The stable name.
    pub id: String,
    /// What it means.
    pub text: String,
}

/// The role that a step's statements run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// The connected role.
    Runner,
    /// keyward's owner.
    Owner,
}

/// How a step is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its SQL is run.
    Run,
    /// refinery runs the migrations of keyward's base tables.
    Migrate,
    /// Sealed keys are published in batches, each a transaction of its own, with `keyward.publish_rows_<name>`.
    Publish {
        /// The key's name.
        name: String,
    },
    /// Its SQL is run; where rows are in the way, the step is left out with a note.
    Try,
}

impl Plan {
    /// Makes the plan that brings the database to what the manifest wants.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the manifest names what doesn't exist; [`crate::error::Kind::Bug`] if a template is broken.
    pub fn make(manifest: &Manifest, snapshot: &Snapshot) -> Result<Self> {
        obstacles::validate(manifest, snapshot)?;
        let mut findings = graph::findings(manifest, snapshot);
        findings.extend(obstacles::findings(manifest, snapshot));
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));

        let mut steps = bootstrap(manifest, snapshot);
        let wanted = wanted::wanted(manifest, snapshot)?;
        let renames = renames(manifest, snapshot);
        for (former, key) in &renames {
            steps.push(rename(former, key, &wanted)?);
        }
        let known = Renamed { renames: &renames };
        for want in &wanted {
            if let Some(step) = known.step(want, snapshot, &mut findings) {
                steps.push(step?);
            }
        }
        steps.extend(drops(&wanted, snapshot, &renames));
        if !renames.is_empty() {
            // The old guards look for the old vault: old and new change places in one transaction.
            let from = steps.iter().position(|step| step.replaces.is_some()).unwrap_or_default();
            for step in &mut steps[from..] {
                step.group = Some("rename".to_owned());
            }
        }
        let sha256 = manifest.sha256();
        let recorded = snapshot.installed.as_ref().and_then(|installed| installed.manifest_sha256.as_deref());
        if recorded != Some(sha256.as_str()) {
            steps.push(record_manifest(manifest, &sha256)?);
        }
        for step in &steps {
            if step.how != How::Migrate {
                parse::check(&step.sql)?;
                parse::check(&step.undo)?;
            }
        }
        Ok(Self {
            schema: SCHEMA.to_owned(),
            database: snapshot.server.database.clone(),
            manifest: sha256,
            fingerprint: snapshot.fingerprint(),
            steps,
            findings,
        })
    }

    /// Tells whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the findings that forbid to apply, given the risks that were accepted by name.
    #[must_use]
    pub fn refusals(&self, accepted: &[String]) -> Vec<&Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refusal)
            .filter(|finding| !(finding.can_be_accepted && accepted.contains(&finding.id)))
            .collect()
    }

    /// Returns the whole plan as one SQL script with comments.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut script = String::new();
        for step in &self.steps {
            let role = if step.role == RunAs::Owner { "as keyward's owner" } else { "as the connected role" };
            script.push_str(&format!("-- {} ({role})\n-- {}\n{}\n\n", step.id, step.why, step.sql));
        }
        script
    }
}

/// Explains a hazard.
fn hazard(id: &str) -> Hazard {
    let text = match id {
        "drops_not_null" => "the key column accepts NULL from now on; code that relies on NOT NULL must expect rows without a key",
        "enables_rls" => {
            "row-level security is on from now on: COPY FROM fails with 0A000 for roles that are subject to it; everybody else passes as before"
        }
        "revokes_privileges" => "the role loses privileges on the table; the step's undo gives them back",
        "publishes_keys" => "sealed keys go back into the application's column, where API roles read them",
        "restores_not_null" => "the whole table is read under an ACCESS EXCLUSIVE lock to check for NULL",
        _ => "",
    };
    Hazard { id: id.to_owned(), text: text.to_owned() }
}

fn step(id: impl Into<String>, action: Action, why: impl Into<String>, sql: impl Into<String>, undo: impl Into<String>) -> Step {
    Step {
        id: id.into(),
        action,
        why: why.into(),
        file: None,
        sql: sql.into(),
        undo: undo.into(),
        lock: None,
        hazards: Vec::new(),
        role: RunAs::Runner,
        group: None,
        how: How::Run,
        sha256: None,
        replaces: None,
    }
}

/// The owner role, the schema and its base tables.
fn bootstrap(manifest: &Manifest, snapshot: &Snapshot) -> Vec<Step> {
    let owner = &manifest.roles.owner;
    let server = &snapshot.server;
    let mut steps = Vec::new();
    if !snapshot.roles.contains_key(owner.as_str()) {
        let mut role = step(
            format!("role {owner}"),
            Action::Create,
            "The role that owns everything in the schema keyward. Nobody logs in as it.",
            format!("CREATE ROLE {owner} NOLOGIN;"),
            format!("DROP ROLE {owner};"),
        );
        // Recorded, so that uninstall removes the role only where keyward made it.
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
        let mut migrate = step("base tables of keyward", Action::Create, "keyward's own tables, the same for every site.", pending, "");
        migrate.role = RunAs::Owner;
        migrate.how = How::Migrate;
        steps.push(migrate);
    }
    steps
}

/// Keys whose name changed while their table and column did not: `(former name, key)`.
fn renames<'a>(manifest: &'a Manifest, snapshot: &Snapshot) -> Vec<(String, &'a Key)> {
    let former = snapshot.installed.as_ref().and_then(|installed| installed.manifest.as_ref());
    let vault = |name: &str| format!("table keyward.\"vault_{name}\"");
    manifest
        .keys
        .iter()
        .filter(|key| snapshot.recorded(&vault(key.name.as_str())).is_none())
        .filter_map(|key| {
            let before = former?.keys.iter().find(|other| other.table == key.table && other.column == key.column)?;
            let kept = manifest.keys.iter().any(|other| other.name == before.name);
            let name = before.name.as_str();
            (before.name != key.name && !kept && snapshot.recorded(&vault(name)).is_some()).then(|| (name.to_owned(), key))
        })
        .collect()
}

fn rename(former: &str, key: &Key, wanted: &[Wanted]) -> Result<Step> {
    let old = |suffix: &str| Ident::new(format!("vault_{former}{suffix}"));
    let new = |suffix: &str| Ident::new(format!("vault_{}{suffix}", key.name));
    let script = |from: &dyn Fn(&str) -> Result<Ident>, to: &dyn Fn(&str) -> Result<Ident>| -> Result<String> {
        Ok(format!(
            "ALTER TABLE keyward.{} RENAME TO {};\nALTER TABLE keyward.{} RENAME CONSTRAINT {} TO {};\nALTER INDEX keyward.{} RENAME TO {};",
            from("")?, to("")?, to("")?, from("_pkey")?, to("_pkey")?, from("_key")?, to("_key")?
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

/// Which identities are on their way to another name.
struct Renamed<'a> {
    renames: &'a [(String, &'a Key)],
}

impl Renamed<'_> {
    /// Returns the step that brings one wanted thing about, or `None` if it is there.
    fn step(&self, want: &Wanted, snapshot: &Snapshot, findings: &mut Vec<Finding>) -> Option<Result<Step>> {
        if self.renames.iter().any(|(_, key)| want.identity == format!("table keyward.\"vault_{}\"", key.name)) {
            return None;
        }
        let found = snapshot.objects.get(&want.identity);
        let recorded = snapshot.recorded(&want.identity);
        let header = &want.rendered;
        let mut sql = header.sql.clone();
        let action = match (&want.kind, found, recorded) {
            (Kind::Condition { met: true }, ..) => return None,
            (Kind::Condition { met: false }, _, None) | (_, None, None) => Action::Create,
            (Kind::Condition { met: false }, _, Some(_)) => Action::Repair,
            (Kind::Table, Some(found), Some(recorded)) => {
                if found.definition != recorded.definition || recorded.sha256 != want.sha256 {
                    findings.push(altered_table(want));
                }
                return None;
            }
            (Kind::Table, None, Some(_)) => {
                findings.push(lost_table(want));
                return None;
            }
            (Kind::Table, Some(_), None) => {
                findings.push(foreign_table(want));
                return None;
            }
            (_, None, Some(_)) => Action::Repair,
            (_, Some(_), None) => Action::Change,
            (kind, Some(found), Some(recorded)) => {
                if recorded.sha256 != want.sha256 {
                    Action::Change
                } else if found.definition == recorded.definition {
                    return None;
                } else {
                    if let Kind::Trigger { enable } = kind
                        && only_switched(&found.definition, &recorded.definition)
                    {
                        sql.clone_from(enable);
                    }
                    Action::Repair
                }
            }
        };
        let mut made =
            step(&want.identity, action, header.field("purpose").unwrap_or_default(), sql, header.field("undo").unwrap_or_default());
        made.file = Some(format!("sql/{}", want.template));
        made.role = if header.field("role") == Some("owner") { RunAs::Owner } else { RunAs::Runner };
        made.lock = header.field("lock").filter(|lock| *lock != "none").and_then(lock);
        made.hazards = header.fields("hazard").into_iter().map(hazard).collect();
        made.group.clone_from(&want.group);
        made.sha256 = Some(want.sha256.clone());
        Some(Ok(made))
    }
}

/// Reads `MODE relation`: the mode is the words in capitals.
fn lock(text: &str) -> Option<Lock> {
    let split = text.find(|c: char| !(c.is_ascii_uppercase() || c == ' '))?;
    let (mode, relation) = text.split_at(split);
    Some(Lock { mode: mode.trim().to_owned(), relation: relation.trim().to_owned() })
}

/// Tells whether two definitions of a trigger differ only in how it is enabled: the lines after the first.
fn only_switched(found: &str, recorded: &str) -> bool {
    let split = |text: &str| text.rsplit_once("EXECUTE FUNCTION").map(|(head, tail)| {
        (head.to_owned(), tail.lines().next().unwrap_or_default().to_owned())
    });
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
        .remedy("Restore it from a backup. To go on without its contents: DELETE FROM keyward.object WHERE identity = … , and apply.")
        .hard()
}

fn foreign_table(want: &Wanted) -> Finding {
    Finding::new(Severity::Refusal, "foreign_table", want.identity.as_str(), format!("there is a {} that keyward did not make", want.identity))
        .because("The schema keyward is keyward's own.")
        .remedy("Move it to another schema.")
        .hard()
}

/// What is recorded, but no longer wanted: guards first, then the keys out of the vault, then the rest, newest first.
fn drops(wanted: &[Wanted], snapshot: &Snapshot, renames: &[(String, &Key)]) -> Vec<Step> {
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
    let guards = |recorded: &&Recorded| {
        vaults.iter().any(|name| {
            recorded.identity.starts_with(&format!("trigger \"!keyward_{name}_"))
                || recorded.identity.starts_with(&format!("trigger \"~keyward_{name}_withhold"))
                || recorded.identity.starts_with(&format!("trigger \"~keyward_{name}_assert"))
        })
    };
    let (first, rest): (Vec<_>, Vec<_>) = leaving.into_iter().partition(guards);
    let mut steps: Vec<_> = first.into_iter().map(|recorded| dropped(recorded, snapshot)).collect();
    steps.extend(vaults.iter().map(|name| publish(name)));
    steps.extend(rest.into_iter().map(|recorded| dropped(recorded, snapshot)));
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
    let sql = if gone { String::new() } else { recorded.undo.clone() };
    let mut made = step(&recorded.identity, Action::Drop, "The manifest no longer wants it.", sql, "");
    made.role = if is_ours { RunAs::Owner } else { RunAs::Runner };
    let on = recorded.identity.split_once("\" on ").map(|(_, table)| table.to_owned());
    if let Some(table) = on.filter(|_| is_object) {
        made.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation: table.clone() });
        made.group = Some(format!("drops on {table}"));
    }
    if let Some(place) = recorded.identity.strip_prefix("nullable ") {
        made.how = How::Try;
        made.hazards = vec![hazard("restores_not_null")];
        let relation = place.split_once(" in ").map(|(_, table)| table.to_owned()).unwrap_or_default();
        made.lock = Some(Lock { mode: "ACCESS EXCLUSIVE".to_owned(), relation });
    }
    made
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
        let (moves, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|step| step.action == Action::Move);
        steps.extend(moves);
        // What is in the schema goes with it; only what sits on the application's side is taken down one by one.
        steps.extend(rest.into_iter().filter(|step| step.role == RunAs::Runner && !step.sql.is_empty()).map(|mut step| {
            step.why = "It was installed by keyward.".to_owned();
            step
        }));
    }
    let mut schema = step(
        "schema keyward",
        Action::Drop,
        "Everything of keyward's is in this schema.",
        "DROP SCHEMA keyward CASCADE;",
        "",
    );
    schema.role = RunAs::Owner;
    steps.push(schema);
    let mut privileges = step(
        format!("privileges of {owner}"),
        Action::Drop,
        "The owner's remaining rights in this database go with it.",
        format!("DROP OWNED BY {owner};"),
        "",
    );
    privileges.role = RunAs::Owner;
    steps.push(privileges);
    if snapshot.recorded(&format!("role {owner}")).is_some() {
        let mut role = step(
            format!("role {owner}"),
            Action::Drop,
            format!("keyward made {}, and it owns nothing here any more; it stays if another database still uses it.", human(owner)),
            format!("DROP ROLE {owner};"),
            "",
        );
        role.how = How::Try;
        steps.push(role);
    }
    for step in &steps {
        parse::check(&step.sql)?;
    }
    Ok(steps)
}

fn record_manifest(manifest: &Manifest, sha256: &str) -> Result<Step> {
    let document = serde_json::to_string(manifest).map_err(|error| Error::bug("the manifest can't be written as JSON").with_source(error))?;
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
