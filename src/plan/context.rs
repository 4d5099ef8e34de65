//! What the templates of `sql/enforce/` are rendered with: the manifest's names and the catalogue's types.

use minijinja::context;
use minijinja::value::Value;

use crate::catalog::{Column, Index, Relation, Snapshot};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table};
use crate::manifest::{AccountPath, Hide, Key, Manifest, OnInsert, Write};
use crate::template::{ident, idents, sql, table};

/// Looks up a table that validation has found to exist.
pub(crate) fn relation<'a>(snapshot: &'a Snapshot, name: &Table) -> Result<&'a Relation> {
    snapshot.tables.get(name).ok_or_else(|| Error::bug(format!("the table {} is missing from the snapshot", name.human())))
}

/// Returns a column's type as SQL text.
fn type_of(relation: &Relation, column: &Ident) -> Result<String> {
    relation
        .column(column)
        .map(|found| found.r#type.clone())
        .ok_or_else(|| Error::bug(format!("the column {column} of {} is missing from the snapshot", relation.table().human())))
}

/// Returns an identifier's or account's type without its modifier: a parameter of a function has none.
pub(crate) fn plain_type(relation: &Relation, column: &Ident) -> Result<String> {
    let text = type_of(relation, column)?;
    // "character varying(40)", "timestamp(3) without time zone"; a quoted type name keeps its parentheses
    if text.starts_with('"') || text.contains(".\"") {
        return Ok(text);
    }
    let plain = match (text.find('('), text.find(')')) {
        (Some(open), Some(close)) => format!("{}{}", &text[..open], &text[close + 1..]),
        _ => text,
    };
    // "character" without a length is one character
    Ok(if plain == "character" { "bpchar".to_owned() } else { plain })
}

/// Returns the operator that compares keys as the application's own look-up does: that of citext is not in `pg_catalog`.
fn equals(column: Option<&Column>) -> String {
    column
        .and_then(|column| column.base_type.strip_suffix("citext"))
        .map_or_else(|| "=".to_owned(), |schema| format!("OPERATOR({schema}=)"))
}

/// Returns what every template gets.
pub(crate) fn base(manifest: &Manifest, snapshot: &Snapshot) -> Result<Value> {
    let accounts = relation(snapshot, &manifest.accounts.table)?;
    let mut deniers: Vec<Ident> = manifest.writes.iter().flat_map(|write| write.roles.clone()).collect();
    deniers.sort();
    deniers.dedup();
    let mut users: Vec<Ident> =
        [&manifest.roles.ui, &manifest.roles.api, &manifest.roles.auth, &deniers].into_iter().flatten().cloned().collect();
    // The owners of the protected tables create partitions, which clones the guards' triggers.
    users.extend(snapshot.tables.values().map(|relation| relation.owner.clone()));
    users.sort();
    users.dedup();
    users.retain(|role| *role != manifest.roles.owner);
    // Those that move when a setting changes.
    let sealed = manifest.keys.iter().filter(|key| key.hide == Hide::Vault);
    let keys = sealed.map(|key| {
        let on = relation(snapshot, &key.table)?;
        Ok(context! {
            name => key.name.as_str(),
            human => key.table.human(),
            table => table(&key.table),
            account => account(manifest, snapshot, on, &key.account)?,
            row_lock => sql(row_lock(on, key.column.as_str())),
        })
    });
    let keys: Vec<Value> = keys.collect::<Result<_>>()?;
    Ok(context! {
        owner => ident(&manifest.roles.owner),
        owner_name => manifest.roles.owner.as_str(),
        ui => idents(&manifest.roles.ui),
        api => idents(&manifest.roles.api),
        auth => idents(&manifest.roles.auth),
        deniers => idents(&deniers),
        users => idents(&users),
        label => manifest.setting.label.as_str(),
        keys => keys,
        grantees => Vec::<String>::new(),
        accounts => context! {
            table => table(&manifest.accounts.table),
            schema => manifest.accounts.table.schema.as_str(),
            name => manifest.accounts.table.name.as_str(),
            id => ident(&manifest.accounts.id),
            id_type => sql(plain_type(accounts, &manifest.accounts.id)?),
            owners => owners(manifest, accounts),
        },
    })
}

/// Returns the roles, other than keyward's owner, that must be able to attach a guard to a partition: the table's owner.
fn owners(manifest: &Manifest, relation: &Relation) -> Value {
    if relation.owner == manifest.roles.owner { idents(&[]) } else { idents(std::slice::from_ref(&relation.owner)) }
}

/// Returns how a row leads to its account.
fn account(manifest: &Manifest, snapshot: &Snapshot, on: &Relation, path: &AccountPath) -> Result<Value> {
    Ok(match path {
        AccountPath::Column(column) => {
            context! { column => ident(column), column_type => sql(plain_type(on, column)?), via => Value::from(false) }
        }
        AccountPath::Via { column, via, id, account } => {
            let other = relation(snapshot, via)?;
            context! {
                column => ident(column),
                column_type => sql(plain_type(on, column)?),
                via => table(via),
                via_id => ident(id),
                via_account => ident(account),
                via_owners => owners(manifest, other),
            }
        }
    })
}

/// Returns the lock that an UPDATE of a column takes on its rows: the stronger one where a foreign key could refer to the column. Who takes just this
/// one in advance waits for nobody later, and has it written to the log once.
fn row_lock(on: &Relation, column: &str) -> &'static str {
    let is_key = |index: &Index| {
        index.is_unique && index.columns.iter().any(|name| name == column) && !index.columns.contains(&String::new())
    };
    if on.indexes.iter().any(is_key) { "FOR UPDATE" } else { "FOR NO KEY UPDATE" }
}

/// Returns what the templates of `sql/enforce/key/` get.
pub(crate) fn key(manifest: &Manifest, snapshot: &Snapshot, key: &Key) -> Result<Value> {
    let on = relation(snapshot, &key.table)?;
    let column = on.column(&key.column);
    Ok(context! {
        key => context! {
            name => key.name.as_str(),
            table => table(&key.table),
            schema => key.table.schema.as_str(),
            relname => key.table.name.as_str(),
            human => key.table.human(),
            id => ident(&key.id),
            column => ident(&key.column),
            id_type => sql(plain_type(on, &key.id)?),
            key_type => sql(plain_type(on, &key.column)?),
            equals => sql(equals(column)),
            key_is_uuid => column.is_some_and(|column| column.base_type == "uuid"),
            account => account(manifest, snapshot, on, &key.account)?,
            strip => key.on_insert == OnInsert::Strip,
            prefix => key.generate.prefix.as_str(),
            bytes => key.generate.bytes,
            is_unique => on.indexes.iter().any(|index| index.is_unique && index.columns == [key.column.as_str()]),
            row_lock => sql(row_lock(on, key.column.as_str())),
            is_accounts => key.table == manifest.accounts.table,
            is_partitioned => on.kind == "p",
            owners => owners(manifest, on),
        },
        ..base(manifest, snapshot)?
    })
}

/// Returns what the templates of `sql/enforce/write/` get.
pub(crate) fn write(manifest: &Manifest, snapshot: &Snapshot, write: &Write) -> Result<Value> {
    let on = relation(snapshot, &write.table)?;
    Ok(context! {
        write => context! {
            name => write.name.as_str(),
            table => table(&write.table),
            human => write.table.human(),
            account => account(manifest, snapshot, on, &write.account)?,
            roles => idents(&write.roles),
            owners => owners(manifest, on),
        },
        ..base(manifest, snapshot)?
    })
}
