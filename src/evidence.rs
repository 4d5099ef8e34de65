//! Who uses what a plan takes away: statements of API roles that fail once the key of a table is behind a wall (`hide = "revoke"`).
//!
//! They come from `pg_stat_statements`, where it is installed and may be read. A statement is shown without a constant.

use std::collections::BTreeSet;

use minijinja::context;
use serde::{Deserialize, Serialize};

use crate::catalog::Snapshot;
use crate::db::{Db, Param};
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::{Hide, Manifest};
use crate::parse::{self, Break};
use crate::plan;
use crate::template::{Templates, ident};

/// What `pg_stat_statements` knows of statements that a wall breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Why there is none to be had; `None` where it was read.
    pub unavailable: Option<String>,
    /// Whether statements are hidden from the connected role.
    pub is_partial: bool,
    /// The statements, the most called first.
    pub statements: Vec<Breaking>,
}

/// A statement that a wall breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breaking {
    /// The role that ran it.
    pub role: String,
    /// The table, for people.
    pub table: String,
    /// What of it fails.
    pub breaks: BTreeSet<Break>,
    /// How often it ran since the server's statistics were reset.
    pub calls: u64,
    /// The statement, without a constant, on one line.
    pub statement: String,
}

#[derive(Deserialize)]
struct Row {
    role: String,
    statement: String,
    calls: u64,
}

/// Reads which statements of API roles fail behind the walls of a manifest. Writes nothing.
///
/// # Errors
/// As [`Snapshot::read`] and the connection.
pub async fn read(db: &mut Db, manifest: &Manifest) -> Result<Evidence> {
    #[derive(Deserialize)]
    struct Extension {
        schema: Ident,
    }
    let unavailable = |why: &str| Ok(Evidence { unavailable: Some(why.to_owned()), is_partial: false, statements: Vec::new() });
    let roles: Vec<_> = plan::affected(manifest, &Snapshot::read(db, manifest).await?).into_iter().collect();
    let query =
        "SELECT n.nspname AS schema FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
                  WHERE e.extname = 'pg_stat_statements'";
    let Some(extension) = db.rows::<Extension>(query, &[]).await?.pop() else {
        return unavailable("the extension pg_stat_statements is not installed in this database");
    };
    let walled: Vec<_> = manifest.keys.iter().filter(|key| key.hide == Hide::Revoke).collect();
    let templates = Templates::new(&[("catalog/statements.sql", include_str!("../sql/catalog/statements.sql"))])?;
    let query = templates.render("catalog/statements.sql", &context! { schema => ident(&extension.schema) })?;
    let words = walled.iter().map(|key| key.table.name.as_str().to_owned()).collect();
    db.execute("BEGIN READ ONLY").await?;
    let rows = db.rows::<Row>(&query.sql, &[Param::Texts(roles), Param::Texts(words)]).await;
    // Nothing was written; if this fails, the connection is gone and so is the transaction.
    let _ = db.execute("ROLLBACK").await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(failure) if failure.code() == Some("55000") => {
            return unavailable("pg_stat_statements is not in shared_preload_libraries");
        }
        Err(failure) if failure.code() == Some("42501") => return unavailable("this role may not read pg_stat_statements"),
        Err(failure) => return Err(failure.into()),
    };
    let tables: BTreeSet<&Table> = walled.iter().map(|key| &key.table).collect();
    let mut statements = Vec::new();
    for table in tables {
        let keys: Vec<_> = walled.iter().filter(|key| key.table == *table).map(|key| &key.column).collect();
        statements.extend(rows.iter().filter_map(|row| {
            let breaks = parse::breaks(&row.statement, table, &keys);
            (!breaks.is_empty()).then(|| Breaking {
                role: row.role.clone(),
                table: table.human(),
                breaks,
                calls: row.calls,
                statement: parse::redact(&row.statement),
            })
        }));
    }
    statements.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.role.cmp(&b.role)));
    let is_partial = rows.iter().any(|row| row.statement == "<insufficient privilege>");
    Ok(Evidence { unavailable: None, is_partial, statements })
}
