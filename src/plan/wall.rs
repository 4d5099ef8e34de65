//! The wall of a key with `hide = "revoke"`: what API roles may do with the whole of its table, they may do with every column but the key.
//!
//! Privileges add up, so a privilege on the table must go before one on columns can say less; it may be held by an API role itself, by
//! who acts as one, by a group that one of these is a member of, or by PUBLIC; and a partition has privileges of its own.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::Value;

use super::context as values;
use super::enforce;
use super::finding::{Finding, Severity};
use super::graph::{arrows, reach};
use super::step::{Action, How, RunAs, Step, hazard, step};
use crate::catalog::{Membership, Privilege, Relation, Snapshot};
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::{Hide, Manifest};
use crate::parse;
use crate::template::{ident, sql, table};

/// The privileges that are granted by column.
const PRIVILEGES: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "REFERENCES"];

/// The columns that every table has besides its own: reading the table included them.
const SYSTEM: [&str; 6] = ["tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"];

/// The name under which the catalogue knows the grantee PUBLIC.
const PUBLIC: &str = "public";

/// What one grantee's privileges on one table or partition must become.
#[derive(Debug)]
pub(super) struct Rewrite {
    /// The identity under which it is recorded.
    pub(super) identity: String,
    /// The table, or one of its partitions.
    pub(super) table: Table,
    /// Who holds them.
    grantee: String,
    /// Privileges on the whole, to revoke.
    whole: Vec<&'static str>,
    /// Privileges on key columns, to revoke.
    keys: BTreeMap<&'static str, BTreeSet<String>>,
    /// Columns to grant, in order, those with the grant option apart.
    columns: [BTreeMap<&'static str, Vec<String>>; 2],
    /// Privileges that were on the whole before keyward came, each with its grant option.
    former: BTreeMap<&'static str, bool>,
    /// Privileges on columns that keyward took away, those with the grant option apart.
    former_columns: [BTreeMap<&'static str, BTreeSet<String>>; 2],
}

impl Rewrite {
    /// Tells whether there is nothing to do.
    pub(super) fn is_met(&self) -> bool {
        self.whole.is_empty() && self.keys.is_empty() && self.columns.iter().all(BTreeMap::is_empty)
    }

    /// Returns what `sql/enforce/wall/column_grants.sql` gets.
    pub(super) fn context(&self) -> Result<Value> {
        let grantee = if self.grantee == PUBLIC { sql("PUBLIC") } else { ident(&Ident::new(self.grantee.as_str())?) };
        let [columns, grantable] = &self.columns;
        let former = |is_grantable: bool| -> Result<Value> {
            let whole = self.former.iter().filter(|(_, option)| **option == is_grantable).map(|(name, _)| (*name).to_owned());
            Ok(listed(whole.chain(by_column(&self.former_columns[usize::from(is_grantable)])?)))
        };
        Ok(context! {
            table => table(&self.table),
            grantee => grantee,
            whole => listed(self.whole.iter().map(|name| (*name).to_owned())),
            keys => listed(by_column(&self.keys)?),
            columns => listed(by_column(columns)?),
            grantable => listed(by_column(grantable)?),
            widened => listed(self.former.keys().map(|name| (*name).to_owned())),
            former => former(false)?,
            former_grantable => former(true)?,
        })
    }
}

/// Joins privileges; the empty text counts as false in a template.
fn listed(privileges: impl IntoIterator<Item = String>) -> Value {
    sql(privileges.into_iter().collect::<Vec<_>>().join(", "))
}

/// Spells privileges on columns: `SELECT ("a", "b")`.
fn by_column<'a, C: 'a>(privileges: impl IntoIterator<Item = (&'a &'static str, &'a C)>) -> Result<Vec<String>>
where
    &'a C: IntoIterator<Item = &'a String>,
{
    let spell = |(name, columns): (&'a &'static str, &'a C)| -> Result<String> {
        let columns = columns.into_iter().map(|column| Ident::new(column.as_str()).map(|column| column.to_string()));
        Ok(format!("{name} ({})", columns.collect::<Result<Vec<_>>>()?.join(", ")))
    };
    privileges.into_iter().map(spell).collect()
}

/// One table with the keys that its wall hides.
struct Site<'a> {
    relation: &'a Relation,
    keys: BTreeSet<&'a str>,
    /// The columns that the manifest applied last hid.
    given_back: BTreeSet<&'a str>,
    /// API roles and who acts as one.
    restricted: BTreeSet<&'a str>,
    /// All whose privileges reach these: themselves, their groups (each with the chain that leads there) and PUBLIC.
    holders: BTreeMap<String, Vec<String>>,
}

fn passes(membership: &Membership) -> bool {
    membership.can_set || membership.inherits
}

fn sites<'a>(manifest: &'a Manifest, snapshot: &'a Snapshot) -> Vec<Site<'a>> {
    let mut all: BTreeMap<&Table, Site<'a>> = BTreeMap::new();
    for key in manifest.keys.iter().filter(|key| key.hide == Hide::Revoke) {
        let Some(relation) = snapshot.tables.get(&key.table) else { continue };
        let site = all.entry(&key.table).or_insert_with(|| {
            let restricted = restricted(manifest, snapshot, relation);
            let holders = holders(manifest, snapshot, relation, &restricted);
            let columns = relation.columns.iter().map(|column| column.name.as_str());
            let given_back =
                columns.filter(|name| Ident::new(*name).is_ok_and(|column| was_walled(snapshot, &key.table, &column))).collect();
            Site { relation, keys: BTreeSet::new(), given_back, restricted, holders }
        });
        site.keys.insert(key.column.as_str());
    }
    all.into_values().collect()
}

/// API roles, and who acts as one by membership: logins, mostly. Not who may also act as the UI, as keyward or as the table's owner: that is
/// allowed, or refused elsewhere.
fn restricted<'a>(manifest: &'a Manifest, snapshot: &'a Snapshot, relation: &Relation) -> BTreeSet<&'a str> {
    let api: BTreeSet<_> = manifest.roles.api.iter().map(Ident::as_str).collect();
    let trusted = |name: &str| {
        manifest.roles.ui.iter().any(|role| role.as_str() == name)
            || name == manifest.roles.owner.as_str()
            || name == relation.owner.as_str()
            || name == snapshot.server.runner.as_str()
            || name == snapshot.server.login
    };
    let acting = snapshot.roles.values().filter(|role| !role.is_superuser && !trusted(&role.name)).filter(|role| {
        let reach = reach(snapshot, &role.name, passes);
        reach.keys().any(|name| api.contains(name.as_str())) && !reach.keys().any(|name| trusted(name))
    });
    let acting: Vec<_> = acting.map(|role| role.name.as_str()).collect();
    api.into_iter().chain(acting).collect()
}

fn holders(
    manifest: &Manifest,
    snapshot: &Snapshot,
    relation: &Relation,
    restricted: &BTreeSet<&str>,
) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::from([(PUBLIC.to_owned(), Vec::new())]);
    for role in restricted {
        all.insert((*role).to_owned(), vec![(*role).to_owned()]);
        for (group, chain) in reach(snapshot, role, passes) {
            all.entry(group).or_insert(chain);
        }
    }
    // Who reaches these is refused, not held.
    let refused = |name: &str| {
        manifest.roles.ui.iter().any(|role| role.as_str() == name)
            || name == manifest.roles.owner.as_str()
            || name == relation.owner.as_str()
    };
    all.retain(|name, _| !refused(name));
    all
}

impl<'a> Site<'a> {
    /// The table and its partitions.
    fn parts(&self) -> impl Iterator<Item = (Option<&'a Table>, Table)> + use<'a> {
        let parts = self.relation.partitions.iter().map(|part| (Some(part), part.clone()));
        std::iter::once((None, self.relation.table())).chain(parts)
    }

    /// The privileges on one of these that let a grantee at the key: on the whole of it, or on a key column.
    fn open(&self, part: Option<&Table>, grantee: &str) -> impl Iterator<Item = &'a Privilege> {
        let held = self.relation.privileges.iter();
        held.filter(move |held| held.part.as_ref() == part && held.grantee == grantee)
            .filter(|held| PRIVILEGES.contains(&held.privilege.as_str()))
            .filter(|held| held.column.as_deref().is_none_or(|column| self.keys.contains(column)))
            .filter(move |held| !is_taken_whole(held, grantee, &self.restricted))
    }

    fn rewrite(&self, snapshot: &Snapshot, part: Option<&Table>, name: Table, grantee: &str) -> Result<Rewrite> {
        let role = if grantee == PUBLIC { PUBLIC.to_owned() } else { Ident::new(grantee)?.to_string() };
        let identity = format!("column grants of {role} on {name}");
        let others: Vec<&str> = self.columns().collect();
        let mut made = Rewrite {
            identity,
            table: name,
            grantee: grantee.to_owned(),
            whole: Vec::new(),
            keys: BTreeMap::new(),
            columns: Default::default(),
            former: BTreeMap::new(),
            former_columns: Default::default(),
        };
        let recorded = snapshot.recorded(&made.identity).map(|recorded| parse::grants(&recorded.undo)).transpose()?;
        let open: Vec<_> = self.open(part, grantee).collect();
        let is_new = recorded.is_none();
        let before = recorded.unwrap_or_default();
        for privilege in PRIVILEGES {
            let of_whole = open.iter().filter(|held| held.privilege == privilege && held.column.is_none());
            let now = of_whole.map(|held| held.is_grantable).reduce(|a, b| a || b);
            let was = before.iter().filter(|was| was.privilege == privilege && was.columns.is_empty());
            let was = was.map(|was| was.is_grantable).reduce(|a, b| a || b);
            let by_column = || {
                let held = self.relation.privileges.iter();
                held.filter(|held| held.part.as_ref() == part && held.grantee == grantee && held.privilege == privilege)
                    .filter_map(|held| Some((held.column.as_deref()?, held.is_grantable)))
            };
            if let Some(is_grantable) = now.or(was).map(|_| now == Some(true) || was == Some(true)) {
                made.former.insert(privilege, is_grantable);
            }
            for (column, is_grantable) in by_column() {
                // Under a privilege on the whole, those on columns go along with it; later ones are keyward's own.
                if was.is_none() && (self.keys.contains(column) || (is_new && now.is_some())) {
                    made.former_columns[usize::from(is_grantable)].entry(privilege).or_default().insert(column.to_owned());
                }
            }
            for was in before.iter().filter(|was| was.privilege == privilege && !was.columns.is_empty()) {
                let there = was.columns.iter().filter(|column| self.exists(column)).cloned();
                made.former_columns[usize::from(was.is_grantable)].entry(privilege).or_default().extend(there);
            }
            if let Some(is_grantable) = now {
                made.whole.push(privilege);
                let system = SYSTEM.iter().copied().filter(|_| privilege == "SELECT");
                let columns = others.iter().copied().chain(system).map(str::to_owned).collect();
                made.columns[usize::from(is_grantable)].insert(privilege, columns);
                continue;
            }
            let keys: BTreeSet<_> =
                by_column().filter(|(column, _)| self.keys.contains(column)).map(|(column, _)| column.to_owned()).collect();
            if !keys.is_empty() {
                made.keys.insert(privilege, keys);
            }
            // New columns come last: one that is missing in the middle was taken away on purpose.
            let last = others.iter().rposition(|column| by_column().any(|(held, _)| held == *column));
            if let (Some(is_grantable), Some(last)) = (was, last) {
                let new = others.iter().enumerate().filter(|(at, column)| {
                    *at > last || (self.given_back.contains(*column) && !by_column().any(|(held, _)| held == **column))
                });
                let new: Vec<_> = new.map(|(_, &column)| column.to_owned()).collect();
                if !new.is_empty() {
                    made.columns[usize::from(is_grantable)].insert(privilege, new);
                }
            }
        }
        for columns in &mut made.former_columns {
            columns.retain(|_, columns| !columns.is_empty());
        }
        Ok(made)
    }

    /// Every column but the keys, in order.
    fn columns(&self) -> impl Iterator<Item = &'a str> {
        self.relation.columns.iter().map(|column| column.name.as_str()).filter(|name| !self.keys.contains(name))
    }

    fn exists(&self, column: &str) -> bool {
        SYSTEM.contains(&column) || self.relation.columns.iter().any(|known| known.name == column)
    }

    fn findings(&self, snapshot: &Snapshot, found: &mut Vec<Finding>) {
        for (part, name) in self.parts() {
            for (holder, chain) in &self.holders {
                let open: Vec<_> = self.open(part, holder).collect();
                for held in open.iter().filter(|held| !held.by_owner) {
                    found.push(foreign_grant(held, &name));
                }
                let dependents = self.relation.privileges.iter().filter(|other| {
                    other.part.as_ref() == part
                        && other.grantor == *holder
                        && !other.by_owner
                        && open.iter().any(|held| {
                            held.privilege == other.privilege && (held.column.is_none() || held.column == other.column)
                        })
                });
                for dependent in dependents {
                    found.push(dependent_grant(dependent, holder, &name));
                }
                if !self.restricted.contains(holder.as_str()) && !open.is_empty() {
                    let losers = self.losers(snapshot, part, holder, &open);
                    if !losers.is_empty() {
                        found.push(shared_grant(holder, chain, &losers, &name));
                    }
                }
            }
        }
    }

    /// Who isn't held at a distance, gets privileges through a holder that is shared, and would lose them: each with what it would lose.
    fn losers(
        &self,
        snapshot: &Snapshot,
        part: Option<&Table>,
        holder: &str,
        open: &[&Privilege],
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut losers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let logins = snapshot.roles.values().filter(|role| role.can_login && !role.is_superuser);
        for login in logins.filter(|login| !self.restricted.contains(login.name.as_str())) {
            let reached = reach(snapshot, &login.name, passes);
            if holder != PUBLIC && holder != login.name && !reached.contains_key(holder) {
                continue;
            }
            let inherited = reach(snapshot, &login.name, |membership| membership.inherits);
            let acts_as = |name: &str| name == login.name || inherited.contains_key(name);
            let may_look = self.relation.schema_users.iter().any(|user| user == PUBLIC || acts_as(user));
            if !may_look || acts_as(self.relation.owner.as_str()) {
                continue;
            }
            for lost in open {
                let by_nature = match lost.privilege.as_str() {
                    "SELECT" => acts_as("pg_read_all_data"),
                    "INSERT" | "UPDATE" => acts_as("pg_write_all_data"),
                    // Nobody lives on making foreign keys: apply doesn't stop for it.
                    _ => true,
                };
                let keeps = self.relation.privileges.iter().any(|held| {
                    held.part.as_ref() == part
                        && held.privilege == lost.privilege
                        && (held.column.is_none() || held.column == lost.column)
                        && acts_as(&held.grantee)
                        && !self.holders.contains_key(&held.grantee)
                });
                if !by_nature && !keeps {
                    losers.entry(login.name.clone()).or_default().insert(lost.privilege.clone());
                }
            }
        }
        losers
    }
}

/// REFERENCES on the table is taken from API roles and PUBLIC altogether (`enforce/setting/revoke_dangerous.sql`).
fn is_taken_whole(held: &Privilege, grantee: &str, restricted: &BTreeSet<&str>) -> bool {
    held.privilege == "REFERENCES" && held.column.is_none() && (grantee == PUBLIC || restricted.contains(grantee))
}

fn quoted(role: &str) -> String {
    if role == PUBLIC { "PUBLIC".to_owned() } else { Ident::new(role).map(|role| role.to_string()).unwrap_or_default() }
}

/// `SELECT` or `SELECT ("api_key")`.
fn spelled(held: &Privilege) -> String {
    match &held.column {
        Some(column) => format!("{} ({})", held.privilege, quoted(column)),
        None => held.privilege.clone(),
    }
}

fn foreign_grant(held: &Privilege, on: &Table) -> Finding {
    let (grantee, grantor, what) = (&held.grantee, &held.grantor, spelled(held));
    Finding::new(
        Severity::Refusal,
        "foreign_grant",
        format!("{grantee} {} {what}", on.human()),
        format!("{what} on {} was granted to {grantee} by {grantor}, not by the owner", on.human()),
    )
    .because("Only who granted a privilege can take it back: anybody else's REVOKE does nothing, and says nothing.")
    .remedy(format!(
        "SET ROLE {}; REVOKE {what} ON TABLE {on} FROM {}; RESET ROLE; then, as the owner, GRANT {what} ON TABLE {on} TO {};",
        quoted(grantor),
        quoted(grantee),
        quoted(grantee)
    ))
    .hard()
}

fn dependent_grant(dependent: &Privilege, holder: &str, on: &Table) -> Finding {
    let (grantee, what) = (&dependent.grantee, spelled(dependent));
    Finding::new(
        Severity::Refusal,
        "dependent_grant",
        format!("{holder} {grantee} {} {what}", on.human()),
        format!("{holder} has passed {what} on {} on to {grantee}", on.human()),
    )
    .because(format!("Taking the privilege from {holder} would take it from {grantee} too (CASCADE), which keyward doesn't do unasked."))
    .remedy(format!(
        "GRANT {what} ON TABLE {on} TO {} as the owner, if it is to keep it; then SET ROLE {}; REVOKE {what} ON TABLE {on} FROM {}; RESET ROLE;",
        quoted(grantee),
        quoted(holder),
        quoted(grantee)
    ))
    .hard()
}

fn shared_grant(holder: &str, chain: &[String], losers: &BTreeMap<String, BTreeSet<String>>, on: &Table) -> Finding {
    let names: Vec<_> = losers.keys().map(String::as_str).collect();
    let grants: Vec<_> = losers
        .iter()
        .filter(|(name, _)| *name != holder)
        .map(|(name, lost)| {
            let lost: Vec<_> = lost.iter().map(String::as_str).collect();
            format!("GRANT {} ON TABLE {on} TO {};", lost.join(", "), quoted(name))
        })
        .collect();
    let leave = match chain.len().checked_sub(2).and_then(|at| chain.get(at)) {
        Some(member) => format!("Or take the API out of the group: REVOKE {} FROM {};", quoted(holder), quoted(member)),
        None => String::new(),
    };
    let through = if holder == PUBLIC { "PUBLIC".to_owned() } else { format!("{holder} ({})", arrows(chain)) };
    Finding::new(
        Severity::Refusal,
        "shared_grant",
        format!("{holder} {}", on.human()),
        format!("API roles reach the key of {} through {holder}, and so do {}", on.human(), names.join(", ")),
    )
    .because(format!(
        "The wall takes the key column from {through}. Whoever is no API role and has no privilege of its own would lose the key with it, and SELECT *."
    ))
    .remedy(format!("{} {leave}", grants.join(" ")).trim().to_owned())
}

/// Returns what must become of each grantee's privileges, table by table.
pub(super) fn rewrites(manifest: &Manifest, snapshot: &Snapshot) -> Result<Vec<Rewrite>> {
    let mut all = Vec::new();
    for site in sites(manifest, snapshot) {
        for (part, name) in site.parts() {
            for holder in site.holders.keys() {
                all.push(site.rewrite(snapshot, part, name.clone(), holder)?);
            }
        }
    }
    Ok(all)
}

/// How a grantee's privileges on one table or partition differ from what the wall leaves to it.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The table, or one of its partitions.
    pub(crate) on: Table,
    /// Who holds privileges that let an API role at a key, in words.
    pub(crate) holder: String,
    /// The memberships by which an API role comes to them; empty where it holds them itself.
    pub(crate) chain: String,
    /// These privileges.
    pub(crate) open: Vec<String>,
    /// Columns that are not granted, by privilege.
    pub(crate) missing: Vec<String>,
}

/// Returns how the privileges differ from what the walls leave, by the identity of the step that would mend it.
pub(crate) fn openings(manifest: &Manifest, snapshot: &Snapshot) -> Result<BTreeMap<String, Opening>> {
    let mut all = BTreeMap::new();
    for site in sites(manifest, snapshot) {
        for (part, name) in site.parts() {
            for (holder, chain) in &site.holders {
                let rewrite = site.rewrite(snapshot, part, name.clone(), holder)?;
                if rewrite.is_met() {
                    continue;
                }
                let mut open: Vec<_> = site.open(part, holder).map(spelled).collect();
                open.dedup();
                let missing = |privilege: &&str| !rewrite.whole.contains(privilege);
                let missing = by_column(rewrite.columns.iter().flatten().filter(|(privilege, _)| missing(privilege)))?;
                let holder = if holder == PUBLIC { "PUBLIC".to_owned() } else { holder.clone() };
                let chain = if chain.len() > 1 { arrows(chain) } else { String::new() };
                all.insert(rewrite.identity.clone(), Opening { on: name.clone(), holder, chain, open, missing });
            }
        }
    }
    Ok(all)
}

/// Returns what stands in the way of the walls.
pub(super) fn findings(manifest: &Manifest, snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for site in sites(manifest, snapshot) {
        for role in &site.restricted {
            if let Some(chain) = reach(snapshot, role, passes).get("pg_read_all_data") {
                let title = format!("{role} has pg_read_all_data");
                found.push(
                    Finding::new(Severity::Refusal, "reads_all_data", *role, title)
                        .because(format!("It reads every column without a grant, the key among them ({}).", arrows(chain)))
                        .remedy(format!(
                            "REVOKE pg_read_all_data FROM {};",
                            quoted(chain.iter().rev().nth(1).map_or(*role, String::as_str))
                        )),
                );
            }
        }
        site.findings(snapshot, &mut found);
    }
    found
}

/// Keys that leave their vault for the column: as long as some are sealed, the functions that look for a key look into the vault.
pub(super) fn out_of_the_vault(manifest: &Manifest, steps: &mut Vec<Step>, drops: &mut Vec<Step>) {
    for key in manifest.keys.iter().filter(|key| key.hide == Hide::Revoke) {
        let Some(published) = drops.iter().position(|step| step.how == How::Publish { name: key.name.to_string() }) else {
            continue;
        };
        let late =
            ["generate", "reveal", "revoke", "authenticate"].map(|verb| format!("function keyward.\"{verb}_{}\"", key.name));
        let (later, now): (Vec<_>, Vec<_>) = std::mem::take(steps).into_iter().partition(|step| late.contains(&step.id));
        *steps = now;
        let rest = drops.split_off(published + 1);
        drops.extend(later);
        drops.extend(rest);
    }
}

/// Keys that an earlier manifest left in their column, and this one wants in a vault: those of enabled accounts are sealed before API roles
/// get the column back.
pub(super) fn into_the_vault(manifest: &Manifest, snapshot: &Snapshot, steps: &mut Vec<Step>) -> Result<()> {
    for key in manifest.keys.iter().filter(|key| key.hide == Hide::Vault && was_walled(snapshot, &key.table, &key.column)) {
        let rendered = enforce::templates()?.render("enforce/wall/seal_rows.sql", &values::key(manifest, snapshot, key)?)?;
        let vault = Ident::new(format!("vault_{}", key.name))?;
        let relation = values::relation(snapshot, &key.table)?;
        let id_type = relation.column(&key.id).map(|column| column.r#type.as_str()).unwrap_or_default();
        let check = format!(
            "SELECT count(*) AS rows FROM keyward.{vault} AS v WHERE v.{id} = ANY ($1::text[]::{id_type}[])",
            id = key.id
        );
        let name = key.name.to_string();
        let mut sealing = step(
            format!("keys of {name} into the vault"),
            Action::Move,
            rendered.field("purpose").unwrap_or_default(),
            &rendered.sql,
            "",
        );
        sealing.file = Some("sql/enforce/wall/seal_rows.sql".to_owned());
        sealing.role = RunAs::Owner;
        sealing.hazards = vec![hazard("seals_keys")];
        sealing.how = How::Seal { name, check };
        // What gives the column back where another key of the table stays behind its wall.
        let gives = |step: &Step| step.id.starts_with("column grants of ") && step.id.ends_with(&format!(" on {}", key.table));
        let (later, now): (Vec<_>, Vec<_>) = std::mem::take(steps).into_iter().partition(gives);
        *steps = now;
        steps.push(sealing);
        steps.extend(later);
    }
    Ok(())
}

/// Tells whether the manifest that was applied last hid a column by a wall.
fn was_walled(snapshot: &Snapshot, table: &Table, column: &Ident) -> bool {
    let former = snapshot.installed.as_ref().and_then(|installed| installed.manifest.as_ref());
    former.is_some_and(|former| {
        former.keys.iter().any(|key| key.hide == Hide::Revoke && key.table == *table && key.column == *column)
    })
}

/// Returns the roles whose statements the walls may break, by name: API roles and who acts as one.
pub(crate) fn affected(manifest: &Manifest, snapshot: &Snapshot) -> BTreeSet<String> {
    sites(manifest, snapshot).into_iter().flat_map(|site| site.restricted).map(str::to_owned).collect()
}
