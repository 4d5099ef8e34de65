//! The accounts that have a setting of their own, as CSV.

use serde::Deserialize;

use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::Manifest;

use super::site::{Site, Transaction};

/// How many rows are held in memory.
const PAGE: i64 = 5_000;

/// The header of an export.
pub(super) const HEADER: [&str; 8] =
    ["account", "enabled", "source", "changed_at", "changed_by", "requested_by", "reason", "wave"];

/// What turned an account's setting on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A wave of the rollout.
    Rollout,
    /// The account was made after the rollout had begun.
    Default,
    /// An explicit opt-out.
    OptOut,
    /// An explicit opt-in.
    OptIn,
}

impl Source {
    /// Returns its name in the database and in CSV files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rollout => "rollout",
            Self::Default => "default",
            Self::OptOut => "opt_out",
            Self::OptIn => "opt_in",
        }
    }
}

#[derive(Deserialize)]
struct Row {
    account: String,
    enabled: bool,
    source: String,
    changed_at: String,
    changed_by: String,
    requested_by: Option<String>,
    reason: Option<String>,
    wave: Option<i64>,
}

/// Writes the accounts that have a setting of their own, those of one source or all, as CSV with a header: a page at a time to `sink`.
/// All pages show one moment. Returns the number of accounts. The rows of [`Source::OptOut`] can be imported again.
///
/// # Errors
/// As the connection.
pub async fn export(db: &mut Db, manifest: &Manifest, source: Option<Source>, sink: &mut dyn FnMut(&str)) -> Result<u64> {
    let site = Site::read(db, manifest).await?;
    let query = site.sql("export")?;
    let mut transaction = site.begin_reading(db).await?;
    let written = pages(&mut transaction, &query, source, sink).await;
    transaction.end(written).await
}

async fn pages(
    transaction: &mut Transaction<'_>,
    query: &str,
    source: Option<Source>,
    sink: &mut dyn FnMut(&str),
) -> Result<u64> {
    sink(&csv(&[HEADER.map(str::to_owned)])?);
    let source = Param::OptionalText(source.map(|source| source.name().to_owned()));
    let mut last = None;
    let mut count = 0;
    loop {
        let page: Vec<Row> =
            transaction.rows(query, &[Param::OptionalText(last.clone()), source.clone(), Param::Int(PAGE)]).await?;
        let Some(row) = page.last() else { return Ok(count) };
        last = Some(row.account.clone());
        count += page.len() as u64;
        let records: Vec<_> = page
            .into_iter()
            .map(|row| {
                [
                    row.account,
                    row.enabled.to_string(),
                    row.source,
                    row.changed_at,
                    row.changed_by,
                    row.requested_by.unwrap_or_default(),
                    row.reason.unwrap_or_default(),
                    row.wave.map(|wave| wave.to_string()).unwrap_or_default(),
                ]
            })
            .collect();
        sink(&csv(&records)?);
    }
}

fn csv(records: &[[String; HEADER.len()]]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(|error| Error::bug("a row can't be written as CSV").with_source(error))?;
    }
    let bytes =
        writer.into_inner().map_err(|error| Error::bug("a row can't be written as CSV").with_source(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Error::bug("a row is not UTF-8").with_source(error))
}
