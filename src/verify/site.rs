//! What is attacked: one entry of the manifest, what it has and has not, and the roles that attack it.

use std::collections::BTreeSet;

use minijinja::context;
use minijinja::value::Value;

use super::outcome::Outcome;
use super::probe::{Control, Probe, Who};
use crate::catalog::{Relation, Snapshot};
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::{AccountPath, Deny, Hide, Key, Manifest, OnInsert};
use crate::plan::{context as values, reach};
use crate::template::{ident, sql, table};

/// An entry of the manifest.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The entry's name.
    pub(super) name: &'a str,
    pub(super) table: &'a Table,
    pub(super) id: Ident,
    pub(super) path: &'a AccountPath,
    /// The key, unless it is an entry of `[[writes]]`.
    pub(super) key: Option<&'a Key>,
    /// The columns that hold keys, of this table.
    pub(super) key_columns: Vec<&'a Ident>,
    /// The columns of this table that hold other keys, behind a wall.
    neighbours: Vec<&'a Ident>,
    /// The key's table is the accounts table itself.
    pub(super) is_accounts: bool,
    /// The roles that attack, and their parts.
    pub(super) roles: Vec<(Who, Ident)>,
    /// What the site has, as the probes' `where` names it.
    pub(super) facts: BTreeSet<&'static str>,
    /// The table's one child by inheritance that probes write to.
    child: Option<Table>,
    /// What the templates of `sql/enforce/` get, and the names that both kinds of entries have in common.
    pub(super) values: Value,
}

/// Returns the sites of a manifest.
///
/// # Errors
/// As the context of the plan.
pub(super) fn all<'a>(manifest: &'a Manifest, snapshot: &Snapshot) -> Result<Vec<Site<'a>>> {
    let mut sites = Vec::new();
    for key in &manifest.keys {
        let mut roles = actors(manifest, snapshot, &key.table, &manifest.roles.api, Who::Api);
        roles.extend(manifest.roles.ui.iter().map(|role| (Who::Ui, role.clone())));
        sites.push(Site::new(manifest, snapshot, Entry::Key(key), roles, values::key(manifest, snapshot, key)?)?);
    }
    for write in &manifest.writes {
        let roles = actors(manifest, snapshot, &write.table, &write.roles, Who::Legacy);
        let mut site = Site::new(manifest, snapshot, Entry::Write(write), roles, values::write(manifest, snapshot, write)?)?;
        for (deny, fact) in [(Deny::Insert, "insert"), (Deny::Update, "update"), (Deny::Delete, "delete")] {
            if !write.deny.contains(&deny) {
                site.facts.remove(fact);
            }
        }
        sites.push(site);
    }
    Ok(sites)
}

/// An entry of either kind.
#[derive(Clone, Copy)]
enum Entry<'a> {
    Key(&'a Key),
    Write(&'a crate::manifest::Write),
}

impl<'a> Site<'a> {
    fn new(
        manifest: &'a Manifest,
        snapshot: &Snapshot,
        entry: Entry<'a>,
        roles: Vec<(Who, Ident)>,
        context: Value,
    ) -> Result<Self> {
        let (name, table_name, path, key) = match entry {
            Entry::Key(key) => (key.name.as_str(), &key.table, &key.account, Some(key)),
            Entry::Write(write) => (write.name.as_str(), &write.table, &write.account, None),
        };
        let on = values::relation(snapshot, table_name)?;
        let is_accounts = *table_name == manifest.accounts.table;
        let id = match key {
            Some(key) => key.id.clone(),
            None => id_of(on, path, &manifest.accounts.id, is_accounts),
        };
        let facts = facts(manifest, snapshot, on, &id, path, key);
        let not_null = not_null(on, &id, path, key);
        let via = match path {
            AccountPath::Column(_) => context! {},
            AccountPath::Via { via, id, account, .. } => {
                context! { via => table(via), via_id => ident(id), via_account => ident(account) }
            }
        };
        let values = context! {
            row => context! {
                table => table(table_name),
                id => ident(&id),
                link => ident(path.column()),
                owner => ident(&on.owner),
                not_null => not_null.as_ref().map_or(Value::UNDEFINED, ident),
                ..via
            },
            child => on.children.first().map_or(Value::UNDEFINED, table),
            walled => Value::from(key.is_some_and(|key| key.hide == Hide::Revoke)),
            ui_role => manifest.roles.ui.first().map_or(Value::UNDEFINED, ident),
            read_row => format!("SELECT * FROM {table_name} AS b WHERE b.{id} = "),
            ..context
        };
        Ok(Self {
            name,
            table: table_name,
            id,
            path,
            key,
            key_columns: keys_of(manifest, table_name),
            neighbours: manifest
                .keys
                .iter()
                .filter(|other| other.hide == Hide::Revoke && other.table == *table_name)
                .map(|other| &other.column)
                .filter(|column| key.is_none_or(|key| key.column != **column))
                .collect(),
            is_accounts,
            roles,
            facts,
            child: on.children.first().cloned(),
            values,
        })
    }

    /// Returns the control that a probe attacks here; `None` if it is none of this site's.
    pub(super) fn control(&self, probe: &Probe) -> Option<Control> {
        let mine = |control: &&Control| (**control == Control::NoLegacyWrites) == self.key.is_none();
        let hidden_so = probe.hide.is_none_or(|hide| self.key.is_some_and(|key| key.hide == hide));
        probe.controls.iter().find(mine).copied().filter(|_| hidden_so)
    }

    /// Tells whether a role lacks what a probe takes, behind this site's wall.
    pub(super) fn is_behind_wall(&self, probe: &Probe, role: &Ident) -> bool {
        let is_wall = self.key.is_some_and(|key| key.hide == Hide::Revoke) && !probe.lends.is_empty();
        is_wall && self.roles.iter().any(|(who, name)| *who == Who::Api && name == role)
    }

    /// Returns the statement that lends a role what it lacks for a probe behind the wall, for a control. `part` is where the row is.
    pub(super) fn lend(&self, probe: &Probe, role: &Ident, part: &str) -> String {
        self.grant(&probe.lends, &self.key_columns, role, part)
    }

    /// Returns the statement that takes the walls of other keys of the table out of a probe's way, if there are any.
    pub(super) fn lend_neighbours(&self, role: &Ident, part: &str) -> Option<String> {
        let all = ["SELECT", "INSERT", "UPDATE"];
        (!self.neighbours.is_empty()).then(|| self.grant(&all, &self.neighbours, role, part))
    }

    fn grant(&self, privileges: &[&str], columns: &[&Ident], role: &Ident, part: &str) -> String {
        let columns = columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let privileges: Vec<_> = privileges.iter().map(|privilege| format!("{privilege} ({columns})")).collect();
        let mut tables = vec![self.table.to_string(), part.to_owned()];
        tables.extend(self.child.iter().map(ToString::to_string));
        format!("GRANT {} ON TABLE {} TO {role}", privileges.join(", "), tables.join(", "))
    }

    /// Tells whether an outcome of a probe is right here.
    pub(super) fn expects(&self, probe: &Probe, role: &Ident, outcome: Outcome) -> bool {
        self.right(probe, role).contains(&outcome.as_str())
    }

    /// Returns the outcomes of a probe that are right here.
    pub(super) fn right(&self, probe: &Probe, role: &Ident) -> Vec<&'static str> {
        if self.is_behind_wall(probe, role) {
            return probe.wall.iter().copied().map(Outcome::as_str).collect();
        }
        let withheld = match self.key {
            Some(key) if key.on_insert == OnInsert::Reject => Outcome::Stopped,
            _ => Outcome::Stripped,
        };
        let also = Some(withheld).filter(|_| probe.withheld);
        probe.expects.iter().copied().chain(also).map(Outcome::as_str).collect()
    }

    /// Returns the roles that carry out a probe.
    pub(super) fn attackers(&self, probe: &Probe) -> Vec<Ident> {
        let acts = |who: Who| {
            let here = |hide: Option<Hide>| hide.is_none_or(|hide| self.key.is_some_and(|key| key.hide == hide));
            probe.who.iter().any(|(named, hide)| *named == who && here(*hide))
        };
        let mut roles: Vec<Ident> = Vec::new();
        for (who, role) in &self.roles {
            if acts(*who) && !roles.contains(role) {
                roles.push(role.clone());
            }
        }
        roles
    }
}

/// Returns the columns of a table that hold keys.
pub(super) fn keys_of<'a>(manifest: &'a Manifest, table: &Table) -> Vec<&'a Ident> {
    manifest.keys.iter().filter(|key| key.table == *table).map(|key| &key.column).collect()
}

/// Returns the column that tells rows of a table apart: one of its primary key, or else of a unique index, but never the one that leads to the
/// account, of which rows have the same.
fn id_of(on: &Relation, path: &AccountPath, account: &Ident, is_accounts: bool) -> Ident {
    if is_accounts {
        return account.clone();
    }
    let primary = on.constraints.iter().filter(|constraint| constraint.kind == "p").flat_map(|constraint| &constraint.columns);
    let unique = on.indexes.iter().filter(|index| index.is_unique).flat_map(|index| &index.columns);
    let any = on.columns.iter().map(|column| &column.name);
    let candidates = primary.chain(unique).chain(any).filter_map(|name| Ident::new(name.as_str()).ok());
    let mut candidates = candidates.filter(|name| name != path.column());
    candidates.next().unwrap_or_else(|| account.clone())
}

/// Returns a column that takes no NULL and tells nothing of the row's account.
fn not_null(on: &Relation, id: &Ident, path: &AccountPath, key: Option<&Key>) -> Option<Ident> {
    let of_use =
        on.columns.iter().filter(|column| column.not_null && !column.is_generated && !on.partition_key.contains(&column.name));
    let names = of_use.filter_map(|column| Ident::new(column.name.as_str()).ok());
    let mut names = names.filter(|name| name != id && name != path.column() && key.is_none_or(|key| key.column != *name));
    names.next()
}

fn facts(
    manifest: &Manifest,
    snapshot: &Snapshot,
    on: &Relation,
    id: &Ident,
    path: &AccountPath,
    key: Option<&Key>,
) -> BTreeSet<&'static str> {
    let server = snapshot.server.major();
    let name = on.table();
    let is_accounts = name == manifest.accounts.table;
    let unique = |column: &Ident| on.indexes.iter().any(|index| index.is_unique && index.columns == [column.as_str()]);
    let column = |name: &Ident| on.column(name);
    let is_via = matches!(path, AccountPath::Via { .. });
    // a foreign key of this table that refers to the accounts
    let refers = |text: &str| {
        on.constraints.iter().any(|constraint| {
            constraint.kind == "f"
                && constraint.columns == [path.column().as_str()]
                && constraint.on_table.parse::<Table>().is_ok_and(|table| table == name)
                && constraint.definition.contains(text)
        })
    };
    let referenced = on
        .constraints
        .iter()
        .any(|constraint| constraint.kind == "f" && constraint.on_table.parse::<Table>().map_or(true, |table| table != name));
    let all = [
        ("insert", true),
        ("update", true),
        ("delete", true),
        ("merge", server >= 15),
        ("merge_returning", server >= 17),
        ("old_returning", server >= 18),
        ("unique_id", unique(id)),
        ("unique_key", key.is_some_and(|key| unique(&key.column))),
        ("partition", on.kind == "p"),
        ("child", !on.children.is_empty()),
        ("via", is_via),
        ("moves", !is_accounts),
        ("not_accounts", !is_accounts),
        // another account doesn't mean another partition
        ("stays", !on.partition_key.iter().any(|column| column == path.column().as_str())),
        ("not_null", not_null(on, id, path, key).is_some()),
        // under row-level security the server quotes no failing row
        ("details", !on.has_rls),
        ("not_null_id", !is_accounts && column(id).is_some_and(|column| column.not_null)),
        ("null_ref", !is_accounts && column(path.column()).is_some_and(|column| !column.not_null && !column.domain_not_null)),
        ("cascades_delete", !is_via && refers("ON DELETE CASCADE")),
        ("cascades_update", !is_via && refers("ON UPDATE CASCADE")),
        ("unreferenced", !referenced),
        ("refers", !is_via && refers("")),
        ("ui", !manifest.roles.ui.is_empty()),
        ("auth", !manifest.roles.auth.is_empty()),
    ];
    all.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect()
}

/// Returns the roles of a list, and for each the first login that inherits its privileges: equality of names would miss it. Who owns the table
/// or is a member of keyward's owner is held by nothing; the plan's role graph judges that.
fn actors(manifest: &Manifest, snapshot: &Snapshot, table: &Table, roles: &[Ident], who: Who) -> Vec<(Who, Ident)> {
    let mut actors: Vec<(Who, Ident)> = roles.iter().map(|role| (who, role.clone())).collect();
    let owner = snapshot.tables.get(table).map_or("", |relation| relation.owner.as_str());
    for role in roles {
        let inherits = snapshot.roles.values().find(|login| {
            let reached = reach(snapshot, &login.name, |membership| membership.inherits);
            login.can_login
                && !login.is_superuser
                && ![snapshot.server.login.as_str(), snapshot.server.runner.as_str(), owner].contains(&login.name.as_str())
                && !roles.iter().any(|role| role.as_str() == login.name)
                && !reached.contains_key(owner)
                && !reached.contains_key(manifest.roles.owner.as_str())
                && reached.contains_key(role.as_str())
        });
        if let Some(name) = inherits.and_then(|login| Ident::new(login.name.as_str()).ok()) {
            actors.push((who, name));
        }
    }
    actors
}

/// Returns text that is SQL already, as a template value.
pub(super) fn raw(text: impl Into<String>) -> Value {
    sql(text)
}
