//! Whether account ids compare with what leads to them in the way that the guards compare: as they are spelt, by the operators of `pg_catalog`.

use std::collections::BTreeSet;

use super::finding::{Finding, Severity};
use crate::catalog::{Column, Snapshot, type_family};
use crate::ident::{Ident, Table, human};
use crate::manifest::{AccountPath, Manifest};

/// A column of a table.
type Place<'a> = (&'a Table, &'a Ident);

/// Refuses types and collations under which a guard would fail, or miss rows.
pub(super) fn account_types(manifest: &Manifest, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let ids = (&manifest.accounts.table, &manifest.accounts.id);
    let Some(id) = column(snapshot, ids) else { return };
    found.extend(unknown(ids.0, id));
    let keys = manifest.keys.iter().map(|key| (&key.table, &key.account, false));
    let writes = manifest.writes.iter().map(|write| (&write.table, &write.account, write.rls));
    let mut compared = BTreeSet::from([ids]);
    for (table, path, has_policies) in keys.chain(writes) {
        for (place, refers_to) in references(table, path, ids) {
            compared.extend([place, refers_to]);
            let is_in_policy = has_policies && matches!(path, AccountPath::Column(_));
            found.extend(unfitting(snapshot, place, refers_to, is_in_policy));
        }
    }
    found.extend(compared.into_iter().filter_map(|place| many_spellings(snapshot, place)));
}

/// The columns on the way from a table's rows to their accounts, each with the column that it refers to.
fn references<'a>(table: &'a Table, path: &'a AccountPath, ids: Place<'a>) -> Vec<(Place<'a>, Place<'a>)> {
    match path {
        AccountPath::Column(column) => vec![((table, column), ids)],
        AccountPath::Via { column, via, id, account } => vec![((table, column), (via, id)), ((via, account), ids)],
    }
}

/// Account ids of a type that keyward doesn't know.
fn unknown(table: &Table, id: &Column) -> Option<Finding> {
    let known =
        ["bigint", "integer", "smallint", "numeric", "uuid", "text", "character varying"].contains(&id.base_type.as_str());
    (!known).then(|| {
        refusal(
            table.human(),
            format!("account ids of type {}", id.base_type),
            "Account ids are smallint, integer, bigint, numeric, uuid, text or varchar.",
            "Name another column that identifies an account.",
        )
    })
}

/// A column whose values don't fit the one that it refers to.
fn unfitting(snapshot: &Snapshot, place: Place<'_>, refers_to: Place<'_>, is_in_policy: bool) -> Option<Finding> {
    let (own, other) = (&column(snapshot, place)?.base_type, &column(snapshot, refers_to)?.base_type);
    let title = format!("{} is {own}, {} is {other}", shown(place), shown(refers_to));
    if type_family(own) != type_family(other) {
        let why = "The column must hold ids of that table.";
        return Some(refusal(shown(place), title, why, "Name the column that refers to it."));
    }
    (is_in_policy && width(own) > width(other)).then(|| {
        let why = "A policy asks for the setting of its value, which must fit the type of account ids.";
        refusal(shown(place), title, why, &format!("ALTER TABLE {} ALTER COLUMN {} TYPE {other};", place.0, place.1))
    })
}

/// A column that takes values for equal which are spelt in different ways.
fn many_spellings(snapshot: &Snapshot, place: Place<'_>) -> Option<Finding> {
    let column = column(snapshot, place)?;
    let title = if let Some(collation) = &column.loose_collation {
        format!("the collation {collation} of {} is not deterministic", shown(place))
    } else if column.base_type.rsplit('.').next() == Some("citext") {
        format!("{} is {}", shown(place), column.base_type)
    } else {
        return None;
    };
    let why = "What is one value there has many spellings, and the guards compare spellings.";
    let remedy = format!("ALTER TABLE {} ALTER COLUMN {} TYPE text COLLATE \"default\";", place.0, place.1);
    Some(refusal(shown(place), title, why, &remedy))
}

/// How much a type of numbers holds, as its place among them; `None` of any other type.
fn width(name: &str) -> Option<usize> {
    ["smallint", "integer", "bigint", "numeric"].iter().position(|other| *other == name)
}

fn column<'a>(snapshot: &'a Snapshot, place: Place<'_>) -> Option<&'a Column> {
    snapshot.tables.get(place.0)?.column(place.1)
}

fn shown(place: Place<'_>) -> String {
    format!("{}.{}", place.0.human(), human(place.1))
}

fn refusal(object: String, title: String, why: &str, remedy: &str) -> Finding {
    Finding::new(Severity::Refusal, "account_type", object, title).because(why).remedy(remedy).hard()
}
