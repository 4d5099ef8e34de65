//! How a row leads to its account: by foreign keys, and where there are none, by columns that are named after a table.

use std::collections::{BTreeSet, VecDeque};

use super::facts::{Facts, TableFacts};
use super::keys::{names_table, place};
use crate::catalog::type_family;
use crate::ident::{Ident, Table};
use crate::manifest::AccountPath;

/// A column that refers to a row of another table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    /// The referring column.
    pub(super) column: Ident,
    /// The table referred to.
    pub(super) table: Table,
    /// Its column.
    pub(super) to: Ident,
    /// What says so.
    kind: Kind,
    not_null: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A foreign key of one column.
    Key,
    /// One column of a foreign key of several: equal values, but no row of its own.
    Part,
    /// Its name, and a type that fits.
    Name,
}

/// Returns where the columns of a table lead to.
pub(super) fn edges(table: &TableFacts, facts: &Facts) -> Vec<Edge> {
    let mut found: Vec<Edge> = Vec::new();
    for key in &table.foreign_keys {
        let kind = if key.columns.len() == 1 { Kind::Key } else { Kind::Part };
        for (column, to) in key.columns.iter().zip(&key.to) {
            let not_null = table.column(column.as_str()).is_some_and(|column| column.not_null);
            let edge = Edge { column: column.clone(), table: key.table.clone(), to: to.clone(), kind, not_null };
            if !found.iter().any(|other| (&other.column, &other.table, &other.to) == (&edge.column, &edge.table, &edge.to)) {
                found.push(edge);
            }
        }
    }
    for column in table.columns.iter().filter(|column| !table.in_foreign_key(column.name.as_str())) {
        let named =
            facts.tables.iter().filter(|other| other.name != table.name && names_table(column.name.as_str(), &other.name));
        let mut named: Vec<_> = named
            .filter_map(|other| other.identifiers().first().map(|id| (other, *id)))
            .filter(|(_, id)| type_family(&id.base_type) == type_family(&column.base_type))
            .collect();
        // One of the same schema is meant rather than one of another.
        if named.iter().any(|(other, _)| other.name.schema == table.name.schema) {
            named.retain(|(other, _)| other.name.schema == table.name.schema);
        }
        if let [(other, id)] = named.as_slice() {
            found.push(Edge {
                column: column.name.clone(),
                table: other.name.clone(),
                to: id.name.clone(),
                kind: Kind::Name,
                not_null: column.not_null,
            });
        }
    }
    found
}

/// The ways from a table's rows to their accounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ways {
    /// Those that a manifest can say, the likeliest first; several if nothing tells which one is meant.
    pub(super) paths: Vec<AccountPath>,
    /// What speaks for the first one.
    pub(super) evidence: Vec<String>,
    /// The tables of a way that is too long for a manifest.
    pub(super) too_long: Option<Vec<Table>>,
}

/// Finds the ways from a table's rows to their accounts.
pub(super) fn ways(table: &TableFacts, accounts: &Table, id: &Ident, facts: &Facts) -> Ways {
    if table.name == *accounts {
        let evidence = vec!["the rows are the accounts themselves".to_owned()];
        return Ways { paths: vec![AccountPath::Column(id.clone())], evidence, too_long: None };
    }
    let direct = direct(table, accounts, id, facts);
    if !direct.is_empty() {
        let (best, rest) = narrowed(direct, accounts);
        let evidence = best.first().map(|edge| said(edge, &edge.table)).into_iter().chain(others(&rest)).collect();
        return Ways { paths: best.into_iter().map(|edge| AccountPath::Column(edge.column)).collect(), evidence, too_long: None };
    }
    let mut via = Vec::new();
    for edge in edges(table, facts).into_iter().filter(|edge| edge.kind != Kind::Part && edge.table != table.name) {
        let Some(other) = facts.table(&edge.table) else { continue };
        for last in narrowed(self::direct(other, accounts, id, facts), accounts).0 {
            via.push((edge.clone(), last));
        }
    }
    if !via.is_empty() {
        via.sort_by_key(|(edge, _)| (edge.kind, !edge.not_null));
        let (kind, not_null) = (via[0].0.kind, via[0].0.not_null);
        let (best, rest): (Vec<_>, Vec<_>) =
            via.into_iter().partition(|(edge, _)| edge.kind == kind && edge.not_null == not_null);
        let evidence = best.first().map(|(edge, last)| format!("{}, and {}", said(edge, &edge.table), said(last, accounts)));
        let rest: Vec<_> = rest.into_iter().map(|(edge, _)| edge).collect();
        let paths = best.into_iter().map(|(edge, last)| AccountPath::Via {
            column: edge.column,
            via: edge.table,
            id: edge.to,
            account: last.column,
        });
        return Ways { paths: paths.collect(), evidence: evidence.into_iter().chain(others(&rest)).collect(), too_long: None };
    }
    Ways { too_long: chain(table, accounts, facts), ..Ways::default() }
}

/// The columns that hold the account's id, by a foreign key to the accounts, or by one to a row that has the same account.
fn direct(table: &TableFacts, accounts: &Table, id: &Ident, facts: &Facts) -> Vec<Edge> {
    let mut found: Vec<Edge> = Vec::new();
    for edge in edges(table, facts) {
        let leads = edge.table == *accounts && edge.to == *id;
        let shares = edge.kind == Kind::Part
            && facts.table(&edge.table).is_some_and(|other| {
                edges(other, facts).iter().any(|next| next.column == edge.to && next.table == *accounts && next.to == *id)
            });
        if (leads || shares) && !found.iter().any(|other| other.column == edge.column) {
            found.push(edge);
        }
    }
    found
}

/// Keeps the likeliest: a name that says no more than "the account's id", then one that is never NULL.
fn narrowed(mut edges: Vec<Edge>, accounts: &Table) -> (Vec<Edge>, Vec<Edge>) {
    let rank = |edge: &Edge| (!names_table(edge.column.as_str(), accounts), edge.kind == Kind::Name, !edge.not_null);
    edges.sort_by_key(rank);
    let first = edges.first().map(rank);
    edges.into_iter().partition(|edge| Some(rank(edge)) == first)
}

fn said(edge: &Edge, to: &Table) -> String {
    let column = crate::ident::human(&edge.column);
    match edge.kind {
        Kind::Key => format!("the foreign key of {column} leads to {}", place(to, &edge.to)),
        Kind::Part => format!("a foreign key of several columns, {column} among them, leads to {}", to.human()),
        Kind::Name => format!("{column} is named after {}, though no foreign key says so", to.human()),
    }
}

fn others(rest: &[Edge]) -> Option<String> {
    let names: Vec<_> = rest.iter().map(|edge| crate::ident::human(&edge.column)).collect();
    (!names.is_empty()).then(|| format!("{} would lead there too", names.join(", ")))
}

/// Returns the tables of the shortest way, both ends included, whatever its length.
fn chain(from: &TableFacts, accounts: &Table, facts: &Facts) -> Option<Vec<Table>> {
    let mut seen = BTreeSet::from([from.name.clone()]);
    let mut queue = VecDeque::from([vec![from.name.clone()]]);
    while let Some(path) = queue.pop_front() {
        let last = path.last()?;
        if last == accounts {
            return Some(path);
        }
        let Some(table) = facts.table(last) else { continue };
        for edge in edges(table, facts).into_iter().filter(|edge| edge.kind != Kind::Part) {
            if seen.insert(edge.table.clone()) {
                queue.push_back(path.iter().cloned().chain([edge.table]).collect());
            }
        }
    }
    None
}
