//! The setting of single accounts, and the list of exceptions: show, opt out, opt in, import, export.
//!
//! Everything works on the database as it was applied; the manifest given must be for the same accounts table. The settings are
//! changed as the connected role, which must be a member of keyward's owner, and carry its name.

mod export;
mod import;
mod rows;
mod site;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::db::{Db, Param};
use crate::error::{Error, Kind, Result};
use crate::manifest::Manifest;
use crate::settle::{self, Running};

pub use export::{Source, export};
pub use import::{Counts, Imported, Staged, read, stage};

use site::{Site, Transaction, shown};

/// The setting of an account, and how many keys it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account's id, as text.
    pub account: String,
    /// The effective setting.
    pub enabled: bool,
    /// What turned it on or off: rollout, default, `opt_out`, `opt_in`; `None` for an account without a setting of its own.
    pub source: Option<String>,
    /// When, in UTC (RFC 3339).
    pub changed_at: Option<String>,
    /// The role that did it.
    pub changed_by: Option<String>,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The rollout wave that did it.
    pub wave: Option<i64>,
    /// How many keys it has, by key name.
    pub keys: BTreeMap<String, Keys>,
}

/// How many keys an account has of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keys {
    /// In the vault.
    pub sealed: i64,
    /// In the application's column.
    pub published: i64,
}

/// What an opt-in did.
#[derive(Debug, Clone, PartialEq)]
pub struct OptedIn {
    /// The keys that it sealed.
    pub keys: i64,
    /// The keys that older transactions published meanwhile, sealed after these had ended.
    pub stragglers: i64,
    /// The older transactions that had not ended when patience ran out: keys that they publish stay published.
    pub unsettled: Vec<Running>,
}

#[derive(Deserialize)]
struct Moved {
    keys: i64,
}

/// Returns the setting and the number of keys of each account, in the order given.
///
/// # Errors
/// [`Kind::Usage`] naming the first id that is malformed, or that no account has.
pub async fn show(db: &mut Db, manifest: &Manifest, ids: &[String]) -> Result<Vec<Account>> {
    let site = Site::read(db, manifest).await?;
    for id in ids {
        site.check_id(db, id).await?;
    }
    let query = site.sql("show")?;
    let mut transaction = site.begin_reading(db).await?;
    let read = async {
        let mut accounts = Vec::new();
        for id in ids {
            let found: Vec<Account> = transaction.rows(&query, &[Param::Texts(vec![id.clone()])]).await?;
            accounts.push(found.into_iter().next().ok_or_else(|| unknown(id))?);
        }
        Ok(accounts)
    }
    .await;
    transaction.end(read).await
}

/// Turns the setting off for an account and publishes its keys; returns how many. The caller has had the risk acknowledged.
///
/// # Errors
/// [`Kind::Usage`] for a malformed or unknown account, [`Kind::Refused`] where a guard refuses.
pub async fn opt_out(db: &mut Db, manifest: &Manifest, id: &str, reason: &str, requested_by: Option<&str>) -> Result<i64> {
    let site = Site::read(db, manifest).await?;
    site.check_id(db, id).await?;
    let query = format!("SELECT keyward.opt_out($1::text::{}, $2, true, $3) AS keys", site.id_type);
    change(db, &query, id, &[id.into(), reason.into(), Param::OptionalText(requested_by.map(str::to_owned))]).await
}

/// Turns the setting on for an account, seals its keys, waits up to `patience` until every transaction that may not have seen
/// the change has ended, and seals what these published. `on_wait` is called with whom it waits for, whenever that changes.
///
/// # Errors
/// As [`opt_out`].
pub async fn opt_in(
    db: &mut Db,
    manifest: &Manifest,
    id: &str,
    reason: Option<&str>,
    requested_by: Option<&str>,
    patience: Duration,
    on_wait: &mut dyn FnMut(&[Running]),
) -> Result<OptedIn> {
    let site = Site::read(db, manifest).await?;
    site.check_id(db, id).await?;
    let optional = |text: Option<&str>| Param::OptionalText(text.map(str::to_owned));
    let query = format!("SELECT keyward.opt_in($1::text::{}, $2, $3) AS keys", site.id_type);
    let keys = change(db, &query, id, &[id.into(), optional(reason), optional(requested_by)]).await?;

    let older = settle::older_transactions(db).await?;
    let mut unsettled = older.clone();
    let mut waiting = |left: &[Running]| {
        unsettled = left.to_vec();
        on_wait(left);
    };
    if settle::wait_out(db, &older, patience, &mut waiting).await? {
        unsettled.clear();
    }
    let mut transaction = site.begin(db).await?;
    let sealed = seal_again(&site, &mut transaction, id).await;
    Ok(OptedIn { keys, stragglers: transaction.end(sealed).await?, unsettled })
}

/// Seals what is published in an account, if its setting is still on.
async fn seal_again(site: &Site, transaction: &mut Transaction<'_>, id: &str) -> Result<i64> {
    #[derive(Deserialize)]
    struct Setting {
        enabled: bool,
    }
    transaction.run(&site.sql("hold")?, &[id.into()]).await?;
    let setting: Vec<Setting> = transaction.rows(&site.sql("enabled")?, &[id.into()]).await?;
    // Somebody has opted it out meanwhile: to seal now would take its keys away.
    if !setting.first().is_some_and(|setting| setting.enabled) {
        return Ok(0);
    }
    Ok(transaction.row::<Moved>(&site.sql("seal")?, &[id.into()]).await?.keys)
}

/// Calls a function that changes an account's setting, as the connected role, so that the setting carries its name.
async fn change(db: &mut Db, query: &str, id: &str, params: &[Param]) -> Result<i64> {
    // The functions refuse a transaction with a snapshot of its own, which may be the role's default.
    db.execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    match db.row::<Moved>(query, params).await {
        Ok(moved) => {
            db.execute("COMMIT").await?;
            Ok(moved.keys)
        }
        Err(failure) => {
            // The failure is the one to tell.
            let _ = db.execute("ROLLBACK").await;
            Err(if failure.code() == Some("KW004") { unknown(id) } else { failure.into() })
        }
    }
}

fn unknown(id: &str) -> Error {
    Error::new(Kind::Usage, format!("there is no account {}, or this role may not see it", shown(id)))
        .with_hint("check the id, and the row-level security that applies to your role")
}
