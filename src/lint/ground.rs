//! What rules ask: what a name means to the manifest, who a role is, what a query takes.

use crate::ident::{Ident, Table};
use crate::manifest::{AccountPath, Hide, Key, Manifest, Write};
use crate::parse::Lexeme;
use crate::parse::act::{Grant, Kind, Name, Role};

use super::statement::Statement;
use super::world::{Rename, World};

/// keyward's own schema.
pub(crate) const SCHEMA: &str = "keyward";

/// The manifest, in today's names, and what earlier statements made of the world.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) world: &'a World,
}

/// A table that the manifest names.
#[derive(Clone, Copy)]
pub(crate) struct Protected<'a> {
    pub(crate) table: &'a Table,
    manifest: &'a Manifest,
}

impl<'a> Protected<'a> {
    /// Returns the keys that it holds.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'a Key> {
        self.manifest.keys.iter().filter(move |key| key.table == *self.table)
    }

    /// Returns the writes that it is protected from.
    pub(crate) fn writes(self) -> impl Iterator<Item = &'a Write> {
        self.manifest.writes.iter().filter(move |write| write.table == *self.table)
    }

    /// Tells whether guards sit on it because of its own rows: keys, or writes.
    pub(crate) fn is_guarded(self) -> bool {
        self.keys().next().is_some() || self.writes().next().is_some() || *self.table == self.manifest.accounts.table
    }

    /// Returns the key of that column.
    pub(crate) fn key(self, column: &str) -> Option<&'a Key> {
        self.keys().find(|key| key.column.as_str() == column)
    }

    /// Returns the columns that the manifest names.
    pub(crate) fn columns(self) -> Vec<&'a Ident> {
        let manifest = self.manifest;
        let mut all = Vec::new();
        if *self.table == manifest.accounts.table {
            all.push(&manifest.accounts.id);
        }
        for key in self.keys() {
            all.extend([&key.id, &key.column]);
        }
        let paths = manifest
            .keys
            .iter()
            .map(|key| (&key.table, &key.account))
            .chain(manifest.writes.iter().map(|write| (&write.table, &write.account)));
        for (of, path) in paths {
            if of == self.table {
                all.push(path.column());
            }
            if let AccountPath::Via { via, id, account, .. } = path
                && via == self.table
            {
                all.extend([id, account]);
            }
        }
        all
    }

    /// Returns its name for people.
    pub(crate) fn human(self) -> String {
        self.table.human()
    }
}

/// Returns the tables that the manifest names, each as often as it does.
pub(crate) fn tables(manifest: &Manifest) -> impl Iterator<Item = &Table> {
    let keys = manifest.keys.iter().flat_map(|key| std::iter::once(&key.table).chain(via_of(&key.account)));
    let writes = manifest.writes.iter().flat_map(|write| std::iter::once(&write.table).chain(via_of(&write.account)));
    std::iter::once(&manifest.accounts.table).chain(keys).chain(writes)
}

fn via_of(path: &AccountPath) -> Option<&Table> {
    match path {
        AccountPath::Via { via, .. } => Some(via),
        AccountPath::Column(_) => None,
    }
}

/// Brings the names of a manifest up to date.
pub(crate) fn rename(manifest: &mut Manifest, rename: &Rename) {
    let is = |table: &Table, (schema, name): &(String, String)| table.schema.as_str() == schema && table.name.as_str() == name;
    let column = |table: &Table, column: &mut Ident| {
        if let Rename::Column(of, from, to) = rename
            && is(table, of)
            && column.as_str() == from
            && let Ok(name) = Ident::new(to)
        {
            *column = name;
        }
    };
    let table = |table: &mut Table| {
        if let Rename::Table(from, (schema, name)) = rename
            && is(table, from)
            && let (Ok(schema), Ok(name)) = (Ident::new(schema), Ident::new(name))
        {
            *table = Table { schema, name };
        }
    };
    let role = |role: &mut Ident| {
        if let Rename::Role(from, to) = rename
            && role.as_str() == from
            && let Ok(name) = Ident::new(to)
        {
            *role = name;
        }
    };
    let path = |of: &Table, path: &mut AccountPath| match path {
        AccountPath::Column(name) => column(of, name),
        AccountPath::Via { column: name, via, id, account } => {
            column(of, name);
            column(via, id);
            column(via, account);
            table(via);
        }
    };
    column(&manifest.accounts.table.clone(), &mut manifest.accounts.id);
    table(&mut manifest.accounts.table);
    for key in &mut manifest.keys {
        path(&key.table.clone(), &mut key.account);
        column(&key.table, &mut key.id);
        column(&key.table, &mut key.column);
        table(&mut key.table);
    }
    for write in &mut manifest.writes {
        path(&write.table.clone(), &mut write.account);
        table(&mut write.table);
        write.roles.iter_mut().for_each(role);
    }
    role(&mut manifest.roles.owner);
    let roles = &mut manifest.roles;
    roles.ui.iter_mut().chain(&mut roles.api).chain(&mut roles.auth).for_each(role);
}

/// Returns the columns that a GRANT gives a privilege on, none of them for the whole table; `None` if it doesn't give it.
pub(crate) fn columns_of<'a>(grant: &'a Grant, privilege: &str) -> Option<&'a [String]> {
    if grant.privileges.is_empty() {
        return Some(&[]);
    }
    let named = grant.privileges.iter().filter(|(name, _)| name == privilege || name == "ALL");
    named.map(|(_, columns)| columns.as_slice()).min_by_key(|columns| columns.len())
}

/// Tells whether a function's `search_path` leaves no way in: `pg_temp` is named, and comes last.
///
/// An empty one leaves none either: whatever the function means must then be written with its schema.
pub(crate) fn is_safe_path(path: &[String]) -> bool {
    path == [""] || (path.last().is_some_and(|last| last == "pg_temp") && !path.iter().any(|schema| schema == "$user"))
}

impl<'a> Ground<'a> {
    /// Returns what a name means to the manifest. One without its schema means a table of that name wherever it may be, unless the file has said
    /// where to look.
    pub(crate) fn table(&self, name: &Name) -> Option<Protected<'a>> {
        let manifest = self.manifest;
        tables(manifest)
            .find(|table| table.name.as_str() == name.name && self.is_in(name, table.schema.as_str()))
            .map(|table| Protected { table, manifest })
    }

    fn is_in(&self, name: &Name, schema: &str) -> bool {
        match &name.schema {
            // What a tool fills in later may be any schema.
            Some(written) => written == schema || super::statement::is_placeholder(written),
            None if self.world.is_temporary(&name.name) => false,
            None => self.world.search_path.as_ref().is_none_or(|path| path.iter().any(|part| part == schema)),
        }
    }

    /// Returns the table, if it is one that guards sit on.
    pub(crate) fn guarded(&self, name: &Name) -> Option<Protected<'a>> {
        self.table(name).filter(|table| table.is_guarded())
    }

    /// Returns every table that guards sit on, each once.
    pub(crate) fn guarded_tables(&self) -> Vec<Protected<'a>> {
        let manifest = self.manifest;
        let mut all: Vec<Protected<'a>> = Vec::new();
        for table in tables(manifest).map(|table| Protected { table, manifest }).filter(|table| table.is_guarded()) {
            if all.iter().all(|known| known.table != table.table) {
                all.push(table);
            }
        }
        all
    }

    /// Returns the protected tables that a GRANT or REVOKE is about, with the places of their names.
    pub(crate) fn tables_of(&self, grant: &Grant) -> Vec<(Protected<'a>, Option<usize>)> {
        if grant.kind != Kind::Table {
            return Vec::new();
        }
        let named = grant.objects.iter().filter_map(|object| Some((self.table(object)?, object.at)));
        let is_in = |table: &Protected<'a>| {
            grant.all_in.iter().any(|schema| schema == table.table.schema.as_str() || super::statement::is_placeholder(schema))
        };
        named.chain(self.guarded_tables().into_iter().filter(is_in).map(|table| (table, None))).collect()
    }

    /// Tells whether a protected table is in a schema.
    pub(crate) fn is_schema(&self, schema: &str) -> bool {
        tables(self.manifest).any(|table| table.schema.as_str() == schema)
    }

    /// Returns the first thing of the manifest, or keyward's schema, that texts name, word by word.
    pub(crate) fn named<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Option<String> {
        let keys = self
            .manifest
            .keys
            .iter()
            .map(|key| (key.column.as_str(), format!("{}.{}", key.table.human(), crate::ident::human(&key.column))));
        let tables = tables(self.manifest).map(|table| (table.name.as_str(), table.human()));
        let all: Vec<_> = std::iter::once((SCHEMA, "the schema keyward".to_owned())).chain(keys).chain(tables).collect();
        for text in texts {
            for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')) {
                if let Some((_, human)) = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
                    return Some(human.clone());
                }
            }
        }
        None
    }

    /// Tells whether a name is in keyward's schema.
    pub(crate) fn is_own(&self, name: &Name) -> bool {
        match &name.schema {
            Some(schema) => schema == SCHEMA,
            // Only where the file has put the schema into its path, and the name is one that keyward gives.
            None => {
                self.world.search_path.as_ref().is_some_and(|path| path.iter().any(|part| part == SCHEMA))
                    && self.own_tables().any(|own| own == name.name)
            }
        }
    }

    /// Returns the tables of keyward that hold keys or decide about them.
    pub(crate) fn own_tables(&self) -> impl Iterator<Item = String> {
        let vaults = self.manifest.keys.iter().filter(|key| key.hide == Hide::Vault).map(|key| format!("vault_{}", key.name));
        vaults.chain(
            ["account_setting", "setting_change", "policy", "event", "ledger", "manifest", "object", "wave"].map(str::to_owned),
        )
    }

    /// Tells whether the manifest holds a role at a distance: an API role, or one whose writes are denied.
    pub(crate) fn is_api(&self, role: &str) -> bool {
        let legacy = self.manifest.writes.iter().flat_map(|write| &write.roles);
        self.manifest.roles.api.iter().chain(legacy).any(|known| known.as_str() == role)
    }

    /// Tells whether what is given to a role reaches an API role: it is one, or everybody, or an API role was made a member of it.
    pub(crate) fn reaches_api(&self, role: &Role) -> bool {
        match role {
            Role::Public => true,
            Role::Current => false,
            Role::Named(name) => {
                self.is_api(name) || self.distant().any(|api| self.world.reached_by(api).contains(&name.as_str()))
            }
        }
    }

    /// Returns the roles that are held at a distance, each once.
    pub(crate) fn distant(&self) -> impl Iterator<Item = &'a str> {
        let manifest = self.manifest;
        let legacy = manifest.writes.iter().flat_map(|write| &write.roles).filter(|role| !manifest.roles.api.contains(role));
        manifest.roles.api.iter().chain(legacy).map(Ident::as_str)
    }

    /// Tells whether a role is one of the UI's.
    pub(crate) fn is_ui(&self, role: &str) -> bool {
        self.manifest.roles.ui.iter().any(|known| known.as_str() == role)
    }

    /// Tells whether a role is keyward's owner.
    pub(crate) fn is_owner(&self, role: &str) -> bool {
        self.manifest.roles.owner.as_str() == role
    }

    /// Tells whether the manifest names a role.
    pub(crate) fn is_known(&self, role: &str) -> bool {
        self.is_api(role)
            || self.is_ui(role)
            || self.is_owner(role)
            || self.manifest.roles.auth.iter().any(|known| known.as_str() == role)
    }

    /// Tells what a statement's query takes of keys: each key whose column it names, or takes along with the row. Only words are compared, so that it is
    /// the same for statements, bodies and what is nested too deeply.
    pub(crate) fn takes(&self, statement: &Statement) -> Vec<(&'a Key, Takes)> {
        let mut all: Vec<(&'a Key, Takes)> = Vec::new();
        for mention in &statement.read.mentions {
            let Some(table) = self.table(&mention.name) else { continue };
            for key in table.keys() {
                let names = [mention.alias.as_deref().unwrap_or(&mention.name.name), mention.name.name.as_str()];
                let others = statement
                    .read
                    .mentions
                    .iter()
                    .filter(|other| self.table(&other.name).is_none_or(|of| of.table != table.table));
                let others: Vec<&str> = others.map(|other| other.alias.as_deref().unwrap_or(&other.name.name)).collect();
                if let Some(takes) = takes(statement.lexemes(), key.column.as_str(), &names, &others)
                    && all.iter().all(|(known, _)| known.name != key.name)
                {
                    all.push((key, takes));
                }
            }
        }
        all
    }
}

/// How a query takes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// It names the column.
    Column,
    /// It takes whole rows.
    Rows,
}

/// Looks for a column, or whole rows, of a table that is called `names` in the query; `others` are the names of other tables there.
fn takes(all: &[Lexeme], column: &str, names: &[&str], others: &[&str]) -> Option<Takes> {
    let symbol =
        |at: Option<usize>, text: &str| matches!(at.and_then(|at| all.get(at)), Some(Lexeme::Symbol(symbol)) if symbol == text);
    let word = |at: Option<usize>| match at.and_then(|at| all.get(at)) {
        Some(Lexeme::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let qualifier = |at: usize| if symbol(at.checked_sub(1), ".") { word(at.checked_sub(2)) } else { None };
    let is_ours = |at: usize| qualifier(at).is_none_or(|of| names.contains(&of) || !others.contains(&of));
    let mut rows = false;
    let targets = targets(all);
    for (at, lexeme) in all.iter().enumerate().filter(|(at, _)| !targets.contains(at)) {
        match lexeme {
            Lexeme::Word(found) if found == column && is_ours(at) && !symbol(Some(at + 1), "(") => return Some(Takes::Column),
            Lexeme::Symbol(star) if star == "*" => {
                rows |= match at.checked_sub(1).and_then(|before| all.get(before)) {
                    Some(Lexeme::Word(before)) => matches!(before.as_str(), "select" | "returning" | "distinct" | "all"),
                    Some(Lexeme::Symbol(before)) if before == "." => is_ours(at),
                    Some(Lexeme::Symbol(before)) => before == ",",
                    _ => false,
                };
            }
            // f(row), as in to_jsonb(l)
            Lexeme::Word(found) if names.contains(&found.as_str()) => {
                let called = at >= 2
                    && symbol(at.checked_sub(1), "(")
                    && word(at.checked_sub(2))
                        .is_some_and(|of| !["from", "join", "in", "into", "table", "on", "only"].contains(&of));
                rows |= called
                    && (symbol(Some(at + 1), ")") || symbol(Some(at + 1), ","))
                    && word(at.checked_sub(2)).is_some_and(|of| of.contains("json") || of.contains("row") || of == "hstore");
            }
            Lexeme::Word(found) if found == "table" && word(Some(at + 1)).is_some() && at == 0 => rows = true,
            _ => {}
        }
    }
    rows.then_some(Takes::Rows)
}

/// Where the columns stand that a statement writes to: INTO t (…), SET c = ….
fn targets(all: &[Lexeme]) -> Vec<usize> {
    let symbol = |at: usize, text: &str| matches!(all.get(at), Some(Lexeme::Symbol(symbol)) if symbol == text);
    let word = |at: usize, text: &str| matches!(all.get(at), Some(Lexeme::Word(word)) if word == text);
    let mut found = Vec::new();
    let mut sets = false;
    for at in 0..all.len() {
        if word(at, "into") {
            let open = if symbol(at + 2, ".") { at + 4 } else { at + 2 };
            if symbol(open, "(") {
                found.extend((open..all.len()).take_while(|&at| !symbol(at, ")")));
            }
        }
        sets = (sets || word(at, "set")) && !word(at, "where") && !word(at, "from");
        let is_first = at > 0 && (word(at - 1, "set") || symbol(at - 1, ","));
        if sets && is_first && symbol(at + 1, "=") {
            found.push(at);
        }
    }
    found
}
