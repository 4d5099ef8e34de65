//! Advance opt-outs from a CSV file: staged and validated first, then carried out in one transaction.
//!
//! It works beside a running rollout, without the lock of the writing commands. A batch that is just enabling one of the accounts is
//! waited for (the unique index of `account_setting` does that), overridden, and the keys that it sealed are published.
//! The rows of accounts that are enabled already are locked first, and then the accounts in the way of `opt_out`, so that nobody is writing a
//! key in them meanwhile: that is the order of who writes a key, who has the row and then asks for the account. So rows are taken as they become
//! free, however much is written; the other order would meet, again and again, with rows whose writers wait for the import. Neither is waited
//! for in a queue, nor for long while others are held: after some seconds, and where an account was enabled between the two, everything is
//! undone and done again.

use std::io::Read;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::db::{Db, Failure, Param};
use crate::error::{Error, Kind, Result};
use crate::manifest::Manifest;

use super::rows::{Row, Rows};
use super::site::{Site, Transaction, shown};

/// How many rows are held in memory, and sent at once.
const CHUNK: usize = 5_000;

/// How many bytes of text are held in memory, and sent at once.
const CHUNK_BYTES: usize = 4 << 20;

/// How many bad rows are listed.
const LISTED: usize = 50;

/// How long to wait for others: for who is writing keys in an enabled account, and for who is changing a setting.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to ask for what others have while holding what they may be waiting for: at first, and at most. It doubles from attempt to attempt, for
/// applications whose transactions take longer.
const AT_ONCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(20);

/// What an import is going to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// The accounts in the file.
    pub accounts: u64,
    /// Those that have opted out already: nothing changes for them.
    pub already: u64,
    /// Those that are enabled now: they are turned off against advice.
    pub enabled: u64,
    /// Those among the enabled ones that opted in explicitly.
    pub opted_in: u64,
    /// The sealed keys that will be published.
    pub keys: u64,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// The accounts that it opted out.
    pub changed: u64,
    /// Those among them that had a setting of their own before.
    pub overridden: u64,
    /// The keys that it published.
    pub keys: u64,
}

/// An import whose rows are valid and wait in the session's temporary tables.
#[derive(Debug)]
pub struct Staged {
    site: Site,
    counts: Counts,
}

#[derive(Deserialize)]
struct Problem {
    line: u64,
    given: String,
    kind: String,
    first: u64,
    total: u64,
}

#[derive(Deserialize)]
struct Lock {
    class: i64,
    number: i64,
    overrides: u64,
}

/// The bad rows of a file: how many, and the first of them with their lines.
#[derive(Default)]
struct Bad {
    count: u64,
    listed: Vec<(u64, String)>,
}

impl Bad {
    fn add(&mut self, problem: (u64, String)) {
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(problem);
        }
    }

    /// Refuses the file if there are any.
    fn refuse(self, name: &str) -> Result<()> {
        if self.count > 0 { Err(refusal(name, self.listed, self.count)) } else { Ok(()) }
    }
}

/// Reads an import's file as [`stage`] does, without a database, and returns how many rows there are.
///
/// # Errors
/// [`Kind::Usage`] with the line of each bad row, the first fifty of them, or if the file can't be read.
pub fn read(input: impl Read, name: &str) -> Result<u64> {
    let mut rows = Rows::new(input)?;
    let (mut good, mut bad) = (0, Bad::default());
    while let Some(next) = rows.next()? {
        match next {
            Ok(_) => good += 1,
            Err(problem) => bad.add(problem),
        }
    }
    bad.refuse(name)?;
    Ok(good)
}

/// Reads an import's file, sends its rows to the session's temporary tables, and validates them. No setting is changed. At most
/// 5,000 rows are in memory at a time. `name` is the file's, for messages.
///
/// # Errors
/// [`Kind::Usage`] with the line of each bad row, the first fifty of them, or if the file can't be read.
pub async fn stage(db: &mut Db, manifest: &Manifest, input: impl Read + Send, name: &str) -> Result<Staged> {
    let site = Site::read(db, manifest).await?;
    let mut rows = Rows::new(input)?;
    db.execute(&site.sql("stage")?).await.map_err(|failure| match failure.code() {
        Some("42501") => Error::refused("this role may not make temporary tables")
            .with_source(failure)
            .with_hint("GRANT TEMPORARY ON DATABASE … TO the role that runs keyward"),
        _ => failure.into(),
    })?;
    let mut bad = Bad::default();
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while let Some(next) = rows.next()? {
        match next {
            Ok(row) => {
                bytes += row.account.len() + row.reason.len() + row.requested_by.as_ref().map_or(0, String::len);
                chunk.push(row);
            }
            Err(problem) => bad.add(problem),
        }
        if chunk.len() >= CHUNK || bytes >= CHUNK_BYTES {
            send(db, &mut chunk).await?;
            bytes = 0;
        }
    }
    send(db, &mut chunk).await?;
    db.execute("ANALYZE pg_temp.keyward_import").await?;

    let mut transaction = site.begin(db).await?;
    let validated = async {
        let problems = problems(&site, &mut transaction).await?;
        bad.count += problems.first().map_or(0, |problem| problem.total);
        bad.listed.extend(problems.iter().map(|problem| explain(&site, problem)));
        bad.refuse(name)?;
        Ok(transaction.row(&site.sql("counts")?, &[]).await?)
    }
    .await;
    let counts = transaction.end(validated).await;
    if counts.is_err() {
        // What failed is the thing to tell.
        let _ = unstage(db).await;
    }
    Ok(Staged { counts: counts?, site })
}

impl Staged {
    /// Returns what it is going to do, as things were when it was staged.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Opts out every account of the file that hasn't yet, and publishes their keys, in one transaction.
    ///
    /// # Errors
    /// [`Kind::Refused`] if a guard refuses, or others hold the accounts for more than half a minute; [`Kind::Usage`] if an account was
    /// deleted since. Nothing was changed then.
    pub async fn carry_out(self, db: &mut Db) -> Result<Imported> {
        let started = Instant::now();
        let mut at_once = AT_ONCE[0];
        let done = loop {
            let mut transaction = self.site.begin(db).await?;
            match self.attempt(&mut transaction, at_once).await {
                Ok(Some(imported)) => break transaction.commit().await.map(|()| imported).map_err(Error::from),
                Ok(None) if started.elapsed() < PATIENCE => transaction.rollback().await,
                Ok(None) => {
                    transaction.rollback().await;
                    break Err(busy());
                }
                Err(Trouble::Server(failure)) if failure.is_transient() => {
                    transaction.rollback().await;
                    if started.elapsed() >= PATIENCE {
                        break Err(busy().with_source(failure));
                    }
                }
                Err(trouble) => {
                    transaction.rollback().await;
                    break Err(trouble.into());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            at_once = (at_once * 2).min(AT_ONCE[1]);
        };
        // The tables end with the session as well.
        let _ = unstage(db).await;
        done
    }

    /// Tries it; `None` if others have what it needs, or somebody enabled one of the accounts after the locks were taken.
    async fn attempt(&self, transaction: &mut Transaction<'_>, at_once: Duration) -> Result<Option<Imported>, Trouble> {
        #[derive(Deserialize)]
        struct Changed {
            changed: u64,
            overridden: u64,
        }
        #[derive(Deserialize)]
        struct Published {
            keys: u64,
        }
        let site = &self.site;
        let hold_rows = site.sql("hold_rows")?;
        let mut left = in_use(transaction, &hold_rows).await?;
        // from when the rows are held: looking for many takes a while
        let until = Instant::now() + at_once;
        while left > 0 {
            if Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
            left = in_use(transaction, &hold_rows).await?;
        }
        let locks: Vec<Lock> = transaction.rows(&site.sql("locks")?, &[]).await?;
        for lock in &locks {
            if !take(transaction, lock, until).await? {
                return Ok(None);
            }
        }
        // Those whose keys were sealed before the locks were taken.
        if in_use(transaction, &hold_rows).await? > 0 {
            return Ok(None);
        }
        let problems = problems(site, transaction).await?;
        if let Some(total) = problems.first().map(|problem| problem.total) {
            let bad = problems.iter().map(|problem| explain(site, problem)).collect();
            return Err(Trouble::Own(refusal("the file", bad, total)));
        }
        transaction.run(&site.sql("opt_out")?, &[site.actor.as_str().into()]).await?;
        let query =
            "SELECT count(*) AS changed, count(*) FILTER (WHERE c.overridden) AS overridden FROM pg_temp.keyward_changed AS c";
        let changed: Changed = transaction.row(query, &[]).await?;
        if changed.overridden != locks.iter().map(|lock| lock.overrides).sum::<u64>() {
            return Ok(None);
        }
        let published: Published = transaction.row(&site.sql("publish")?, &[]).await?;
        Ok(Some(Imported { changed: changed.changed, overridden: changed.overridden, keys: published.keys }))
    }

    /// Forgets the staged rows.
    ///
    /// # Errors
    /// As the connection.
    pub async fn discard(self, db: &mut Db) -> Result<()> {
        unstage(db).await
    }
}

/// Why an attempt failed: what the server said, which may pass, or what keyward says.
enum Trouble {
    Server(Failure),
    Own(Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Server(failure)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Server(failure) => failure.into(),
            Trouble::Own(error) => error,
        }
    }
}

/// Locks the rows that are free, and returns how many are not.
async fn in_use(transaction: &mut Transaction<'_>, hold_rows: &str) -> Result<i64, Failure> {
    #[derive(Deserialize)]
    struct Rows {
        in_use: i64,
    }
    Ok(transaction.row::<Rows>(hold_rows, &[]).await?.in_use)
}

/// Takes a lock for the transaction. Polled, as in `carry_out.sql`: who waits in the queue makes others wait.
async fn take(transaction: &mut Transaction<'_>, lock: &Lock, until: Instant) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Got {
        got: bool,
    }
    loop {
        let query = "SELECT pg_catalog.pg_try_advisory_xact_lock($1::integer, $2::integer) AS got";
        let got: Got = transaction.row(query, &[Param::Int(lock.class), Param::Int(lock.number)]).await?;
        if got.got || Instant::now() >= until {
            return Ok(got.got);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn send(db: &mut Db, chunk: &mut Vec<Row>) -> Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    let (mut lines, mut accounts, mut reasons, mut requesters) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in chunk.drain(..) {
        lines.push(row.line.to_string());
        accounts.push(row.account);
        reasons.push(row.reason);
        requesters.push(row.requested_by);
    }
    let params = [Param::Texts(lines), Param::Texts(accounts), Param::Texts(reasons), Param::OptionalTexts(requesters)];
    db.run(include_str!("../../sql/account/add.sql"), &params).await?;
    Ok(())
}

async fn unstage(db: &mut Db) -> Result<()> {
    db.execute(include_str!("../../sql/account/unstage.sql")).await?;
    Ok(())
}

async fn problems(site: &Site, transaction: &mut Transaction<'_>) -> Result<Vec<Problem>> {
    let most = i64::try_from(LISTED).unwrap_or(i64::MAX);
    Ok(transaction.rows(&site.sql("problems")?, &[Param::Int(most)]).await?)
}

fn explain(site: &Site, problem: &Problem) -> (u64, String) {
    let given = shown(&problem.given);
    let why = match problem.kind.as_str() {
        "malformed" => format!("{given} is not a {}", site.id_type),
        "duplicate" => format!("account {given} is on line {} already", problem.first),
        _ => format!("there is no account {given}"),
    };
    (problem.line, why)
}

fn refusal(name: &str, mut bad: Vec<(u64, String)>, count: u64) -> Error {
    bad.sort();
    bad.truncate(LISTED);
    let mut lines: Vec<_> = bad.iter().map(|(line, why)| format!("  line {line}: {why}")).collect();
    let more = count.saturating_sub(bad.len() as u64);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    Error::usage(format!("{rows} of {name} can't be imported, so nothing was changed:\n{}", lines.join("\n")))
        .with_hint("correct the file, and import it again")
}

fn busy() -> Error {
    Error::new(
        Kind::Refused,
        "the accounts can't be opted out now: others have been writing keys or settings of them for half a minute",
    )
    .with_hint("nothing was changed; try again, and look for long transactions in pg_stat_activity")
}
