//! Which table holds the accounts: the one that others lead to, and that is named like it.

use std::collections::BTreeSet;

use super::facts::{Facts, TableFacts};
use super::paths::{edges, ways};
use super::words::{like_accounts, like_users};
use crate::ident::{Ident, Table};

/// A table that may be the accounts', and the column that identifies them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) table: Table,
    pub(super) id: Ident,
    pub(super) evidence: Vec<String>,
    score: i64,
    exact: bool,
}

/// Returns the tables that may be the accounts', the likeliest first; only one if nothing comes near it. `keys` are the tables with keys.
pub(super) fn find(facts: &Facts, keys: &BTreeSet<Table>) -> Vec<Candidate> {
    let mut all: Vec<_> = facts.tables.iter().filter_map(|table| judge(table, facts, keys)).collect();
    all.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.table.cmp(&b.table)));
    let Some(best) = all.first().cloned() else { return all };
    all.retain(|one| one.table == best.table || (one.score * 10 >= best.score * 8 && (one.exact || !best.exact)));
    all
}

fn judge(table: &TableFacts, facts: &Facts, keys: &BTreeSet<Table>) -> Option<Candidate> {
    let identifiers = table.identifiers();
    let mut referring: BTreeSet<&Table> = BTreeSet::new();
    let mut by_name: BTreeSet<&Table> = BTreeSet::new();
    let mut targets: Vec<Ident> = Vec::new();
    for other in facts.tables.iter().filter(|other| other.name != table.name) {
        for edge in edges(other, facts).into_iter().filter(|edge| edge.table == table.name) {
            if other.in_foreign_key(edge.column.as_str()) {
                referring.insert(&other.name);
            } else {
                by_name.insert(&other.name);
            }
            targets.push(edge.to);
        }
    }
    let count = |id: &Ident| targets.iter().filter(|to| *to == id).count();
    // The column that others refer to; the first among equals.
    let id = identifiers.iter().rev().max_by_key(|id| count(&id.name)).map(|id| id.name.clone())?;
    let from_keys =
        keys.iter().filter(|key| facts.table(key).is_some_and(|key| !ways(key, &table.name, &id, facts).paths.is_empty()));
    let (from_keys, named) = (from_keys.count(), i64::from(like_accounts(table.name.name.as_str())));
    if named == 0 && referring.is_empty() && by_name.is_empty() {
        return None;
    }
    // What belongs to something that is named like accounts is no account itself.
    let belongs =
        edges(table, facts).iter().any(|edge| edge.table != table.name && i64::from(like_accounts(edge.table.name.as_str())) > 0);
    let amount = |number: usize| i64::try_from(number.min(8)).unwrap_or_default();
    let mut score = 4 * amount(referring.len()) + 2 * amount(by_name.len()) + 6 * amount(from_keys) + 8 * named;
    score -= if belongs { 12 } else { 0 } + if like_users(table.name.name.as_str()) { 16 } else { 0 };
    let tables = |names: &BTreeSet<&Table>| {
        let shown: Vec<_> = names.iter().take(5).map(|name| name.human()).collect();
        let more = names.len().saturating_sub(shown.len());
        shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    let mut evidence = Vec::new();
    if named > 0 {
        evidence.push("it is named like accounts".to_owned());
    }
    if !referring.is_empty() {
        evidence.push(format!("foreign keys of {} lead to it", tables(&referring)));
    }
    if !by_name.is_empty() {
        evidence.push(format!("columns of {} are named after it, though no foreign key says so", tables(&by_name)));
    }
    if let Some(rows) = table.rows {
        evidence.push(format!("it has about {rows} rows"));
    }
    (score > 0).then_some(Candidate { table: table.name.clone(), id, evidence, score, exact: named == 2 && !belongs })
}
