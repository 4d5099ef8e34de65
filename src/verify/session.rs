//! The session: who acts, and transactions that are always rolled back.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::probe::Actor;
use crate::db::{Db, Failure};
use crate::error::{Error, Result};
use crate::ident::{Ident, literal};

/// How long one transaction of a verification lasts before another one takes its place: the guards hold locks until its end.
const LENGTH: Duration = Duration::from_millis(250);

/// Why something could not be done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused it; in words that quote no row.
    Refused {
        /// The SQLSTATE.
        code: String,
        /// The words.
        why: String,
    },
    /// The run can't go on.
    Fatal(Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Server(refusal) => Self::Refused { why: said(&refusal), code: refusal.code },
            other => Self::Fatal(other.into()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl Trouble {
    /// Tells whether the same may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if transient(code))
    }
}

/// Tells whether an error may be gone a moment later: a lock, a time limit, a deadlock, a serialization failure.
pub(super) fn transient(code: &str) -> bool {
    ["55P03", "57014", "40P01", "40001"].contains(&code)
}

/// Returns what the server said, as far as it can't quote a row: keyward's own messages, the server's own refusals, and else the SQLSTATE and
/// the names of what refused.
pub(super) fn said(refusal: &crate::db::Refusal) -> String {
    let own =
        ["permission denied", "new row violates row-level security policy", "must be ", "cannot ", "COPY FROM not supported"];
    let code = refusal.code.as_str();
    let safe = code.starts_with("KW")
        || transient(code)
        || (["42501", "0A000"].contains(&code) && own.iter().any(|start| refusal.message.starts_with(start)));
    let mut text = if safe { format!("{} ({code})", refusal.message) } else { format!("SQLSTATE {code}") };
    if let Some(place) = refusal.place.as_ref().filter(|_| !safe) {
        let _ = write!(text, ", {place}");
    }
    text
}

/// The connection of a verification.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) db: &'a mut Db,
    pub(super) runner: Ident,
    pub(super) owner: Ident,
    pub(super) ui: Option<Ident>,
    pub(super) auth: Option<Ident>,
    pub(super) is_superuser: bool,
    /// The roles that the runner may act as.
    pub(super) becomes: BTreeSet<String>,
    /// Session variables that are set before each act; `{account}` stands for the account.
    pub(super) variables: Vec<(String, String)>,
    pub(super) lock_timeout: Duration,
    pub(super) statement_timeout: Duration,
    begun: Option<Instant>,
}

/// The parts that are played in one site.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    /// The role that attacks.
    pub(super) attacker: Ident,
    /// Whoever makes what a probe needs: the table's owner, or the runner.
    pub(super) hand: Ident,
}

impl<'a> Session<'a> {
    pub(super) fn new(db: &'a mut Db, runner: Ident, owner: Ident, is_superuser: bool) -> Self {
        Self {
            db,
            runner,
            owner,
            ui: None,
            auth: None,
            is_superuser,
            becomes: BTreeSet::new(),
            variables: Vec::new(),
            lock_timeout: Duration::from_millis(500),
            statement_timeout: Duration::from_secs(5),
            begun: None,
        }
    }

    /// Begins a transaction.
    pub(super) async fn begin(&mut self) -> Result<(), Trouble> {
        self.rollback().await?;
        let (locks, statements) = (self.lock_timeout.as_millis().max(1), self.statement_timeout.as_millis().max(1));
        self.db
            .execute(&format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {locks}; SET LOCAL statement_timeout = {statements}; \
                 SET LOCAL idle_in_transaction_session_timeout = '10s'"
            ))
            .await?;
        self.begun = Some(Instant::now());
        Ok(())
    }

    /// Ends the transaction, if one is open.
    pub(super) async fn rollback(&mut self) -> Result<(), Trouble> {
        if self.begun.take().is_some() {
            self.db.execute("ROLLBACK").await?;
        }
        Ok(())
    }

    /// Tells whether a transaction is open that has not lasted too long.
    pub(super) fn is_open(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() < LENGTH)
    }

    /// Runs statements as one of the cast, who is set for the rest of the savepoint.
    pub(super) async fn run(&mut self, actor: Actor, cast: &Cast, statements: &[String]) -> Result<(), Trouble> {
        let script = format!("{}; {}", self.switch(actor, cast)?, statements.join(";\n"));
        self.db.execute(&script).await?;
        Ok(())
    }

    /// Returns the statements that set the session variables for an account.
    pub(super) fn variables_for(&self, account: &str) -> String {
        let calls = self.variables.iter().map(|(name, value)| {
            format!("SELECT pg_catalog.set_config({}, {}, true);", literal(name), literal(&value.replace("{account}", account)))
        });
        calls.collect()
    }

    /// Returns the statements that set who acts. The application's own `search_path` is set for its roles, since its triggers may rely on it.
    pub(super) fn switch(&self, actor: Actor, cast: &Cast) -> Result<String, Error> {
        let back = if self.is_superuser { "RESET SESSION AUTHORIZATION; RESET ROLE" } else { "RESET ROLE" };
        let missing = || Error::bug("a probe is acted by a role that the manifest doesn't name");
        let (path, role, wholly) = match actor {
            Actor::Runner => ("pg_catalog", None, false),
            Actor::Owner => ("pg_catalog", Some(&self.owner), false),
            Actor::Hand => ("DEFAULT", Some(&cast.hand).filter(|hand| **hand != self.runner), false),
            Actor::Attacker => ("DEFAULT", Some(&cast.attacker), true),
            Actor::Ui => ("DEFAULT", Some(self.ui.as_ref().ok_or_else(missing)?), true),
            Actor::Auth => ("DEFAULT", Some(self.auth.as_ref().ok_or_else(missing)?), true),
        };
        let set = match role {
            None => String::new(),
            Some(role) if wholly && self.is_superuser => format!("; SET LOCAL SESSION AUTHORIZATION {role}"),
            Some(role) => format!("; SET LOCAL ROLE {role}"),
        };
        Ok(format!("{back}; SET LOCAL search_path TO {path}{set}"))
    }

    /// Tells why the runner can't act as a role, and how to let it.
    pub(super) fn why_not(&self, role: &Ident, major: u32) -> Option<String> {
        if self.is_superuser || self.becomes.contains(role.as_str()) {
            return None;
        }
        let options = if major >= 16 { " WITH INHERIT FALSE, SET TRUE" } else { "" };
        Some(format!(
            "{} can't act as {}: GRANT {role} TO {}{options}, and take it back afterwards; or run keyward verify as a superuser",
            self.runner.as_str(),
            role.as_str(),
            self.runner
        ))
    }
}
