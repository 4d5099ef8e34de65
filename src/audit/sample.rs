//! Values elsewhere that equal keys, or contain them: looked for on the server, so that no key ever leaves it.

use minijinja::context;
use minijinja::value::Value;
use serde::Deserialize;

use crate::catalog::Snapshot;
use crate::db::Db;
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::Manifest;
use crate::template::{Templates, ident, table};

use super::evidence::attempt;
use super::finding::Finding;

/// A table with columns that may hold text.
#[derive(Debug, Deserialize)]
struct Candidate {
    schema: Ident,
    name: Ident,
    columns: Vec<Ident>,
}

/// How many of the sampled keys a column holds.
#[derive(Debug, Deserialize)]
struct Count {
    at: usize,
    keys: i64,
}

#[derive(Debug, Deserialize)]
struct Sampled {
    keys: i64,
}

/// Looks for `keys` keys of each kind in the text-like columns of other tables.
///
/// # Errors
/// As the connection; what may not be read, or takes too long, is a finding.
pub(super) async fn sample(db: &mut Db, manifest: &Manifest, snapshot: &Snapshot, keys: u32) -> Result<Vec<Finding>> {
    let templates = Templates::new(&[
        ("audit/_macros.sql", include_str!("../../sql/audit/_macros.sql")),
        ("audit/sample/candidates.sql", include_str!("../../sql/audit/sample/candidates.sql")),
        ("audit/sample/keys.sql", include_str!("../../sql/audit/sample/keys.sql")),
        ("audit/sample/search.sql", include_str!("../../sql/audit/sample/search.sql")),
    ])?;
    let mut found = Vec::new();
    if manifest.keys.is_empty() {
        return Ok(found);
    }
    db.execute("SET LOCAL statement_timeout = '5s'; SET LOCAL max_parallel_workers_per_gather = 0").await?;
    let candidates: Vec<Candidate> =
        db.rows(&templates.render("audit/sample/candidates.sql", &super::sql::values(manifest, snapshot))?.sql, &[]).await?;
    for key in &manifest.keys {
        let vault = Table { schema: Ident::new("keyward")?, name: Ident::new(format!("vault_{}", key.name))? };
        let sealed = snapshot.objects.contains_key(&format!("table {}", quoted(&vault)));
        let source = |with_vault: bool| {
            context! {
                table => table(&key.table), column => ident(&key.column), vault => table(&vault), with_vault => with_vault, most => keys,
            }
        };
        // The vault first; whoever may not read it is told, and looks for published keys only.
        let mut values = source(sealed);
        let count = templates.render("audit/sample/keys.sql", &values)?.sql;
        let mut sampled = attempt::<Sampled>(db, &count).await?;
        if let (true, Err(failure)) = (sealed, &sampled) {
            found.push(super::evidence::blind(&format!("keys in keyward.vault_{}", key.name), failure));
            values = source(false);
            sampled = attempt::<Sampled>(db, &templates.render("audit/sample/keys.sql", &values)?.sql).await?;
        }
        let total = match sampled {
            Ok(rows) => rows.first().map_or(0, |row| row.keys),
            Err(failure) => {
                found.push(super::evidence::blind(&format!("keys of {}", key.table.human()), &failure));
                continue;
            }
        };
        if total == 0 {
            continue;
        }
        for candidate in &candidates {
            let on = Table { schema: candidate.schema.clone(), name: candidate.name.clone() };
            let own: Vec<&Ident> = manifest.keys.iter().filter(|key| key.table == on).map(|key| &key.column).collect();
            let columns: Vec<&Ident> = candidate.columns.iter().filter(|column| !own.contains(column)).collect();
            if columns.is_empty() {
                continue;
            }
            let names: Vec<Value> = columns.iter().map(|column| ident(column)).collect();
            let query = templates
                .render("audit/sample/search.sql", &context! { target => table(&on), columns => names, ..values.clone() })?;
            match attempt::<Count>(db, &query.sql).await? {
                Ok(counts) => found.extend(counts.into_iter().filter_map(|count| {
                    let column = columns.get(count.at)?;
                    let object = format!("{}.{}", on.human(), crate::ident::human(column));
                    let detail = format!(
                        "{} of {total} keys of {} that were looked for are in its first rows.",
                        count.keys,
                        key.table.human()
                    );
                    Some(Finding::new("KW316", object, detail))
                })),
                Err(failure) => found.push(super::evidence::blind(&format!("values in {}", on.human()), &failure)),
            }
        }
    }
    Ok(found)
}

/// Returns the spelling of identities: the schema plain, the name quoted.
fn quoted(own: &Table) -> String {
    format!("{}.{}", own.schema.as_str(), own.name)
}
