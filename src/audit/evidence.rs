//! What the checks in Rust need beyond the snapshot: the functions that may deal with keys, and the statements of today.

use minijinja::context;
use minijinja::value::Value;
use serde::Deserialize;

use crate::db::{Db, Failure};
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::Manifest;
use crate::template::{Templates, table};

use super::finding::Finding;

/// What the checks in Rust need beyond the snapshot.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) functions: Vec<Function>,
    /// What `pg_stat_statements` knows; empty where it isn't installed.
    pub(super) statements: Vec<Statement>,
    /// When, and by whom, the manifest in force was applied.
    pub(super) applied: Option<String>,
}

/// A function that may deal with keys.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    /// With its schema and parameters, quoted where SQL needs it.
    pub(super) name: String,
    pub(super) language: String,
    pub(super) source: String,
    pub(super) is_definer: bool,
    pub(super) owner: String,
    /// The owner is keyward's, a superuser or has BYPASSRLS: the vault is open to it.
    pub(super) is_mighty: bool,
    pub(super) fires: Vec<Fires>,
    /// The keys that its body in standard SQL reads.
    pub(super) depends_on: Vec<String>,
    /// The keys behind a wall that it may read with its owner's rights.
    pub(super) reads: Vec<String>,
    /// The API roles that may call it, if it runs with its owner's rights.
    pub(super) callers: Vec<String>,
}

/// A trigger of a key table that calls a function.
#[derive(Debug, Deserialize)]
pub(super) struct Fires {
    pub(super) key: String,
    pub(super) trigger: String,
    pub(super) on_update: bool,
    pub(super) has_transition: bool,
    pub(super) arguments: String,
}

/// A statement that `pg_stat_statements` has kept.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    pub(super) role: String,
    pub(super) text: String,
    pub(super) calls: i64,
}

#[derive(Debug, Deserialize)]
struct Place {
    schema: Option<Ident>,
    may_use: bool,
    sees_others: bool,
}

/// Runs a query; where it is refused, the transaction goes on without it, and the refusal is the answer.
pub(super) async fn attempt<T: serde::de::DeserializeOwned>(db: &mut Db, query: &str) -> Result<Result<Vec<T>, Failure>> {
    db.execute("SAVEPOINT audit").await?;
    match db.rows(query, &[]).await {
        Ok(rows) => {
            db.execute("RELEASE audit").await?;
            Ok(Ok(rows))
        }
        Err(failure) if failure.code().is_some() => {
            db.execute("ROLLBACK TO audit").await?;
            Ok(Err(failure))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Gathers the evidence; what can't be seen becomes a finding.
pub(super) async fn gather(
    db: &mut Db,
    manifest: &Manifest,
    templates: &Templates,
    values: &Value,
    unseen: &mut Vec<Finding>,
) -> Result<Evidence> {
    let mut evidence = Evidence::default();
    if manifest.keys.is_empty() {
        return Ok(evidence);
    }
    let query = templates.render("audit/evidence/functions.sql", values)?;
    match attempt(db, &query.sql).await? {
        Ok(functions) => evidence.functions = functions,
        Err(failure) => unseen.push(blind("functions", &failure)),
    }
    let place: Place = db.row(&templates.render("audit/evidence/server.sql", values)?.sql, &[]).await?;
    if let Some(schema) = place.schema {
        let statements = table(&Table { schema, name: Ident::new("pg_stat_statements")? });
        let query =
            templates.render("audit/evidence/statements.sql", &context! { statements => statements, ..values.clone() })?;
        match attempt(db, &query.sql).await? {
            Ok(statements) => evidence.statements = statements,
            Err(failure) => unseen.push(blind("pg_stat_statements", &failure)),
        }
        if !place.sees_others && place.may_use {
            unseen.push(
                Finding::new(
                    "KW901",
                    "statements of other roles",
                    "pg_stat_statements hides them from who isn't in pg_read_all_stats.",
                )
                .remedy("GRANT pg_read_all_stats TO the role that audits;"),
            );
        }
    }
    Ok(evidence)
}

/// Makes the finding that something could not be seen.
pub(super) fn blind(what: &str, failure: &Failure) -> Finding {
    // The server's message alone: it names what is refused, and no values.
    Finding::new("KW901", what, format!("The server answers: {failure}."))
}
