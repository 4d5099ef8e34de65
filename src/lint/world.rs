//! What earlier statements of the files have made of the world: the search path, new names, functions, members.

use std::collections::{HashMap, HashSet};

use crate::manifest::Manifest;
use crate::parse::act::{Act, Kind, Name, Role, Scope};

use super::statement::{Inside, Statement};

/// A function that the files made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) language: String,
    pub(crate) body: String,
    pub(crate) is_definer: bool,
    /// It sets its own `search_path` safely.
    pub(crate) is_safe: bool,
}

/// The state of things at a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct World {
    /// The schemas that unqualified names are looked for in; `None` while nothing was said about it.
    pub(crate) search_path: Option<Vec<String>>,
    /// Temporary tables of this file, which unqualified names mean first.
    temporary: HashSet<String>,
    /// Functions, by their names without schema.
    functions: HashMap<String, Made>,
    /// Who was made a member of what.
    members: Vec<(String, String)>,
    /// What was renamed and so isn't called as in the manifest any more.
    pub(crate) renames: Renames,
}

/// Renames of what the manifest names, in the order in which they were done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Renames(Vec<Rename>);

/// A rename, in the names of its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rename {
    /// A table: its schema and name, and the new ones.
    Table((String, String), (String, String)),
    /// A column of a table.
    Column((String, String), String, String),
    /// A role.
    Role(String, String),
}

impl Renames {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the manifest with its names brought up to date; `None` where nothing was renamed.
    pub(crate) fn applied_to(&self, manifest: &Manifest) -> Option<Manifest> {
        if self.is_empty() {
            return None;
        }
        let mut manifest = manifest.clone();
        self.0.iter().for_each(|rename| super::ground::rename(&mut manifest, rename));
        Some(manifest)
    }
}

impl World {
    /// Returns the world at the beginning of another file: what a session had is gone, what the database has stays.
    pub(crate) fn of_next_file(&self) -> Self {
        Self { renames: self.renames.clone(), ..Self::default() }
    }

    /// Forgets what a session had: psql connected anew.
    pub(crate) fn reconnect(&mut self) {
        self.search_path = None;
        self.temporary.clear();
    }

    /// Tells whether an unqualified name means a temporary table.
    pub(crate) fn is_temporary(&self, name: &str) -> bool {
        self.temporary.contains(name)
    }

    /// Returns a function that the file made.
    pub(crate) fn function(&self, name: &Name) -> Option<&Made> {
        self.functions.get(&name.name)
    }

    /// Returns the roles that somebody was made a member of, directly or through others.
    pub(crate) fn reached_by<'a>(&'a self, role: &'a str) -> Vec<&'a str> {
        let mut reached = vec![role];
        let mut next = 0;
        while let Some(&at) = reached.get(next) {
            for (of, member) in &self.members {
                if member == at && !reached.contains(&of.as_str()) {
                    reached.push(of);
                }
            }
            next += 1;
        }
        reached.remove(0);
        reached
    }

    /// Takes a statement in. What a function's body says happens when it is called, and so doesn't count.
    pub(crate) fn take(&mut self, statement: &Statement, manifest: &Manifest) {
        if statement.inside == Inside::Function {
            return;
        }
        for act in &statement.read.acts {
            self.act(act, manifest);
        }
    }

    fn act(&mut self, act: &Act, manifest: &Manifest) {
        match act {
            Act::Setting { scope: Scope::Session, name, values } if name == "search_path" || name.is_empty() => {
                self.search_path.clone_from(values);
            }
            Act::CreateTable { table, is_temporary: true, .. }
            | Act::CreateAs { into: table, is_temporary: true, .. }
            | Act::CreateView { view: table, is_temporary: true, .. } => {
                self.temporary.insert(table.name.clone());
            }
            Act::CreateFunction(function) => {
                let made = Made {
                    language: function.language.clone(),
                    body: function.body.as_ref().map(|body| body.text.clone()).unwrap_or_default(),
                    is_definer: function.is_definer,
                    is_safe: function.search_path.as_deref().is_some_and(super::ground::is_safe_path),
                };
                self.functions.insert(function.name.name.clone(), made);
            }
            Act::Membership { is_grant, roles, members } => {
                for (role, member) in
                    roles.iter().flat_map(|role| members.iter().filter_map(Role::name).map(move |member| (role, member)))
                {
                    let pair = (role.clone(), member.to_owned());
                    self.members.retain(|other| *other != pair);
                    if *is_grant {
                        self.members.push(pair);
                    }
                }
            }
            Act::Rename { .. } | Act::Move { .. } => self.rename(act, manifest),
            _ => {}
        }
    }

    fn rename(&mut self, act: &Act, manifest: &Manifest) {
        let ground = super::ground::Ground { manifest, world: self };
        // `manifest` has today's names already: what it calls today is what is renamed now.
        let table = |object: &Name| {
            ground.table(object).map(|of| (of.table.schema.as_str().to_owned(), of.table.name.as_str().to_owned()))
        };
        match act {
            Act::Rename { kind, object, part: None, to } if kind.is_relation() => {
                if let Some((schema, name)) = table(object) {
                    let renamed = (schema.clone(), to.clone());
                    self.renames.0.push(Rename::Table((schema, name), renamed));
                }
            }
            Act::Rename { kind: Kind::Column, object, part: Some(column), to } => {
                if let Some((schema, name)) = table(object) {
                    self.renames.0.push(Rename::Column((schema, name), column.clone(), to.clone()));
                }
            }
            Act::Rename { kind: Kind::Role, object, to, .. } => {
                self.renames.0.push(Rename::Role(object.name.clone(), to.clone()));
            }
            Act::Rename { kind: Kind::Schema, object, to, .. } => {
                let moved: Vec<_> = super::ground::tables(manifest)
                    .filter(|table| table.schema.as_str() == object.name)
                    .map(|table| table.name.as_str().to_owned())
                    .collect();
                for name in moved {
                    self.renames.0.push(Rename::Table((object.name.clone(), name.clone()), (to.clone(), name)));
                }
            }
            Act::Move { kind, object, to } if kind.is_relation() => {
                if let Some((schema, name)) = table(object) {
                    self.renames.0.push(Rename::Table((schema, name.clone()), (to.clone(), name)));
                }
            }
            _ => {}
        }
    }
}
