//! What a rollout stands on: an applied manifest, the policy, the clock, and how its transactions begin and end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Options;
use super::statements::{self, Statements};
use crate::catalog::Snapshot;
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Kind, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::plan::{Plan, Severity};

/// How long the server waits for the next statement of a transaction that isn't a batch's: its process does nothing else meanwhile.
const IDLE_MILLIS: u32 = 15_000;

/// The policy, and the server's clock against the cutover.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Now {
    pub(super) past_cutover: bool,
    pub(super) mode: String,
    pub(super) default_enabled: bool,
    pub(super) new_accounts_enabled: bool,
}

/// What the parts of a rollout share.
#[derive(Debug)]
pub(super) struct Ground {
    owner: Ident,
    /// The external identity of whoever runs it.
    pub(super) actor: String,
    pub(super) statements: Statements,
    pub(super) now: Now,
}

impl Ground {
    /// Looks at the database, and refuses to work where enforcement would not hold.
    pub(super) async fn survey(db: &mut Db, manifest: &Manifest, before_cutover: bool) -> Result<Self> {
        let snapshot = Snapshot::read(db, manifest).await?;
        if snapshot.server.is_standby {
            return Err(Error::refused("this server is a standby, which can't be written").with_hint("connect to the primary"));
        }
        check_applied(manifest, &snapshot)?;
        let ground = Self::of(db, manifest, &snapshot).await?;
        if ground.now.mode != "enforce" {
            return Err(Error::refused(format!(
                "keyward's policy is {}: its guards let everything pass, so nothing can be sealed",
                ground.now.mode
            ))
            .with_hint("turn it on with keyward policy enforce"));
        }
        if !ground.now.past_cutover && !before_cutover {
            return Err(Error::refused(format!(
                "the cutover has not come yet: {}, by the server's clock",
                manifest.setting.cutover
            ))
            .with_hint("wait for it, or bring accounts to it in advance with --before-cutover"));
        }
        Ok(ground)
    }

    /// Renders the statements and reads the policy, without a judgement.
    pub(super) async fn of(db: &mut Db, manifest: &Manifest, snapshot: &Snapshot) -> Result<Self> {
        #[derive(Deserialize)]
        struct Acting {
            actor: String,
        }
        let owner = manifest.roles.owner.clone();
        // before the role is set: who is acting outside
        let acting: Acting = db
            .row("SELECT COALESCE(NULLIF(pg_catalog.current_setting('role'), 'none'), SESSION_USER::text) AS actor", &[])
            .await?;
        let cutover = Param::Text(manifest.setting.cutover.to_string());
        let mut rows: Vec<Now> = read(db, &owner, statements::NOW, &[cutover]).await?;
        let now = rows.pop().ok_or_else(|| {
            Error::refused("keyward.policy has lost its row").with_hint("as the owner: INSERT INTO keyward.policy DEFAULT VALUES")
        })?;
        Ok(Self { owner, actor: acting.actor, statements: Statements::render(manifest, snapshot)?, now })
    }

    /// Runs one query as the owner in a transaction that reads only.
    pub(super) async fn read<T: DeserializeOwned>(&self, db: &mut Db, query: &str, params: &[Param]) -> Result<Vec<T>, Failure> {
        read(db, &self.owner, query, params).await
    }

    /// Begins a transaction as the owner. One whose commit may be lost with the server doesn't wait for the disk. One whose client has gone without a
    /// word ends by itself: it holds a row that other processes wait for, or pass over.
    pub(super) async fn begin(&self, db: &mut Db, lock_timeout: Duration, may_be_lost: bool) -> Result<(), Failure> {
        let wait = if may_be_lost { "SET LOCAL synchronous_commit = off;" } else { "" };
        let millis = lock_timeout.as_millis().max(1);
        db.execute(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {millis}; {wait} \
             SET LOCAL idle_in_transaction_session_timeout = {IDLE_MILLIS}; SET LOCAL ROLE {}",
            self.owner
        ))
        .await?;
        Ok(())
    }

    /// Begins the transaction of a batch: it may be lost with the server, and one whose client has gone without a word ends by itself, since it
    /// holds rows of the application.
    pub(super) async fn begin_batch(&self, db: &mut Db, options: &Options) -> Result<(), Failure> {
        let (locks, idle) = (options.lock_timeout.as_millis().max(1), options.lease.as_millis().max(1));
        // as the connected role, whose right it is
        let replica = if options.skip_app_triggers { "SET LOCAL session_replication_role = replica;" } else { "" };
        db.execute(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {locks}; SET LOCAL synchronous_commit = off; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}; {replica} SET LOCAL ROLE {}",
            self.owner
        ))
        .await?;
        Ok(())
    }

    /// Refuses where the application's triggers are to be skipped, and the connected role may not do that.
    pub(super) async fn may_skip_triggers(&self, db: &mut Db, options: &Options) -> Result<()> {
        if !options.skip_app_triggers {
            return Ok(());
        }
        let tried = db.execute("BEGIN; SET LOCAL session_replication_role = replica").await;
        db.execute("ROLLBACK").await?;
        match tried {
            Ok(_) => Ok(()),
            Err(failure) if failure.code() == Some("42501") => {
                Err(Error::refused("the connected role may not skip the application's triggers").with_hint(
                    "connect as a superuser, or from PostgreSQL 15 on: GRANT SET ON PARAMETER session_replication_role TO the role; or run without --skip-app-triggers",
                ))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Runs one statement as the owner in a transaction of its own, and returns the number of rows it touched.
    pub(super) async fn write(&self, db: &mut Db, statement: &str, params: &[Param]) -> Result<u64, Failure> {
        self.begin(db, Duration::from_secs(10), false).await?;
        let done = db.run(statement, params).await;
        end(db, done).await
    }
}

/// Ends a transaction: commits what was done, or rolls back and returns the failure.
pub(super) async fn end<T>(db: &mut Db, done: Result<T, Failure>) -> Result<T, Failure> {
    let ended = db.execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    // A rollback that fails too means that the connection is gone; the failure before it is the one to tell.
    let done = done?;
    ended?;
    Ok(done)
}

/// Holds the policy as it is until the end of the transaction, and tells whether the guards are on: with the guards off, the
/// statement that seals a key would clear it.
pub(super) async fn guards_are_on(db: &mut Db) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Held {
        on: bool,
    }
    let held: Vec<Held> = db.rows("SELECT p.mode = 'enforce' AS on FROM keyward.policy AS p FOR SHARE", &[]).await?;
    Ok(held.iter().all(|held| held.on) && !held.is_empty())
}

/// The refusal when somebody turned the guards off during a run.
pub(super) fn turned_off() -> Error {
    Error::refused("keyward's policy no longer enforces: nothing can be sealed")
        .with_hint("turn it on with keyward policy enforce, and run the same command again: it goes on from here")
}

/// Refuses where what the manifest wants isn't there.
fn check_applied(manifest: &Manifest, snapshot: &Snapshot) -> Result<()> {
    let Some(installed) = &snapshot.installed else {
        return Err(Error::refused("keyward is not applied to this database").with_hint("run keyward plan, then keyward apply"));
    };
    if installed.manifest_sha256.as_deref() != Some(manifest.sha256().as_str()) {
        return Err(Error::refused("the manifest is not the one that was applied to this database")
            .with_hint("run keyward plan to see the difference, then keyward apply; or give the manifest that was applied"));
    }
    let plan = Plan::make(manifest, snapshot)?;
    let lost: Vec<_> =
        plan.findings.iter().filter(|found| found.severity == Severity::Refusal && !found.can_be_accepted).collect();
    if let Some(first) = lost.first() {
        return Err(Error::refused(format!("enforcement would not hold here: {}", first.title))
            .with_hint(format!("{}; keyward plan shows all of it", first.remedy.trim_end_matches('.'))));
    }
    if !plan.is_empty() {
        let ids: Vec<_> = plan.steps.iter().take(3).map(|step| step.id.as_str()).collect();
        let more = if plan.steps.len() > ids.len() { ", …" } else { "" };
        return Err(Error::refused(format!("the database has drifted from the manifest: {}{more}", ids.join(", ")))
            .with_hint("run keyward plan to see the repair, then keyward apply"));
    }
    Ok(())
}

async fn read<T: DeserializeOwned>(db: &mut Db, owner: &Ident, query: &str, params: &[Param]) -> Result<Vec<T>, Failure> {
    db.execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL ROLE {owner}")).await?;
    let rows = db.rows(query, params).await;
    end(db, rows).await
}

/// Tells whether the connection is gone, or was cut by the server.
pub(super) fn is_lost(failure: &Failure) -> bool {
    // by an operator, a crash or a start of the server; by a limit for sessions that are idle, where this process was stopped amid a batch
    let cut = ["57P01", "57P02", "57P03", "57P05", "25P03", "25P04"];
    matches!(failure, Failure::Lost(_)) || failure.code().is_some_and(|code| cut.contains(&code))
}

/// Says of a failure after a wave was begun, where the connection is gone, that the wave goes on.
pub(super) fn goes_on(error: Error) -> Error {
    if error.kind() == Kind::Connect { lost().with_source(error) } else { error }
}

fn lost() -> Error {
    Error::resumable("the connection to the server was lost")
        .with_hint("run the same command again: what was committed stays, and it goes on from there")
}

/// Turns the failure of something that was under way into an error that says what it was.
///
/// A message is repeated only where it can't be the application's own: what a trigger of the application raises may quote a row.
pub(super) fn explain(failure: Failure, what: &str) -> Error {
    if is_lost(&failure) {
        return lost().with_source(failure);
    }
    let again = "mend it, then run the same command again: it goes on from here";
    let Failure::Server(refusal) = &failure else { return Error::from(failure) };
    let code = refusal.code.as_str();
    let known = is_safe(code);
    let kind = match Error::from(Failure::Server(refusal.clone())).kind() {
        Kind::Bug if !code.starts_with("42") => Kind::Refused,
        kind => kind,
    };
    let source = if known {
        failure.to_string()
    } else {
        format!("SQLSTATE {code}, perhaps from a trigger or a constraint of the application; the server's log has the message")
    };
    let again = if code == "42501" {
        "sealing runs as keyward's owner role, and so do triggers of the application: grant that role what they need (keyward plan names \
         them), or make them SECURITY DEFINER; then run the same command again: it goes on from here"
    } else {
        again
    };
    let hint = refusal.hint.clone().filter(|_| code.starts_with("KW")).map_or_else(
        || again.to_owned(),
        |hint| format!("{} Then run the same command again: it goes on from here", hint.trim_end()),
    );
    Error::new(kind, what).with_source(source).with_hint(hint)
}

/// Tells whether the server's message for an SQLSTATE can't quote a row: it is the server's own, or keyward's.
pub(super) fn is_safe(code: &str) -> bool {
    code.starts_with("KW") || ["53", "57"].contains(&&code[..2]) || ["55P03", "40P01", "40001", "25006"].contains(&code)
}

/// Tells whether the user asked to stop.
pub(super) fn asked(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}

/// The error of a rollout that stopped at the user's request.
pub(super) fn stopped() -> Error {
    Error::resumable("stopped as asked, between two batches").with_hint("run the same command again: it goes on from here")
}

/// Waits, unless the user asks to stop.
///
/// # Errors
/// [`stopped`].
pub(super) async fn pause(length: Duration, stop: &AtomicBool) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(length) => Ok(()),
        error = asks_to_stop(stop) => Err(error),
    }
}

/// Returns once the user asks to stop.
pub(super) async fn asks_to_stop(stop: &AtomicBool) -> Error {
    while !asked(stop) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stopped()
}
