//! Carrying out a plan: step by step, each in a short transaction with its ledger row, so that a run that is killed at any
//! point is simply run again.

mod lock;

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};

pub use lock::{Blocker, one_runner, release};

use crate::catalog::{self, Snapshot};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::plan::{Action, How, Plan, RunAs, Step};
use crate::schema;

/// How to carry out a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one attempt waits for a lock before it lets the queue behind it go.
    pub lock_timeout: Duration,
    /// How long to try again, per step, and to wait for another runner.
    pub patience: Duration,
    /// The findings that were accepted by name; the ledger keeps them.
    pub accepted_risks: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { lock_timeout: Duration::from_millis(500), patience: Duration::from_mins(1), accepted_risks: Vec::new() }
    }
}

/// What happens while a plan is carried out.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another keyward holds the database; it is waited for.
    Waiting(&'a Blocker),
    /// A step begins: its place from 1, how many there are, the step.
    Step(usize, usize, &'a Step),
    /// The step's lock is taken: these are in the way.
    Blocked(&'a Step, &'a [Blocker]),
    /// The step will be tried again after this pause, since the attempt failed for this reason.
    Retry(&'a Step, Duration, &'a str),
    /// Keys were published: the key's name, how many so far.
    Published(&'a str, u64),
    /// Something that the user should know.
    Note(String),
}

/// Makes the plan for a database.
///
/// # Errors
/// As [`Snapshot::read`] and [`Plan::make`].
pub async fn plan(db: &mut Db, manifest: &Manifest) -> Result<Plan> {
    Plan::make(manifest, &Snapshot::read(db, manifest).await?)
}

/// Carries out a plan, and checks afterwards that nothing is left to do.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if findings forbid it, the database has changed since the plan was made, a lock can't be had or a
/// right is missing. What was done by then stays; the next run goes on from there.
pub async fn apply(
    db: &mut Db,
    manifest: &Manifest,
    plan: &Plan,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    refuse(plan, &options.accepted_risks)?;
    one_runner(db, options.patience, &mut |blocker| progress(Progress::Waiting(blocker))).await?;
    let done = async {
        let now = self::plan(db, manifest).await?;
        if now.fingerprint != plan.fingerprint || now.manifest != plan.manifest {
            return Err(Error::refused("the database or the manifest has changed since the plan was made")
                .with_hint("run keyward plan again, review it, and apply the new one"));
        }
        // A plan may come from a file: what was never shown by this keyward is not run.
        if now != *plan {
            return Err(Error::refused("the plan is not what this keyward would do: another version made it, or somebody edited it")
                .with_hint("run keyward plan again, review it, and apply the new one"));
        }
        carry_out(db, &plan.steps, &manifest.roles.owner, &plan.manifest, options, progress).await?;
        let left = self::plan(db, manifest).await?;
        if left.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = left.steps.iter().map(|step| step.id.as_str()).collect();
        Err(Error::refused(format!("{} steps had no effect: {}", ids.len(), ids.join(", ")))
            .with_hint("a privilege is revoked by its grantor only: run keyward as the owner of the table, or as a superuser"))
    }
    .await;
    // The lock ends with the session as well; a connection that is gone has no lock.
    let _ = release(db).await;
    done
}

/// Carries out the steps of [`crate::plan::removal`].
///
/// # Errors
/// As [`apply`].
pub async fn uninstall(
    db: &mut Db,
    steps: &[Step],
    owner: &Ident,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    one_runner(db, options.patience, &mut |blocker| progress(Progress::Waiting(blocker))).await?;
    let done = carry_out(db, steps, owner, "uninstall", options, progress).await;
    let _ = release(db).await;
    done
}

fn refuse(plan: &Plan, accepted: &[String]) -> Result<()> {
    let refusals = plan.refusals(accepted);
    if refusals.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> =
        refusals.iter().map(|finding| format!("  {}: {}\n    {}", finding.id, finding.title, finding.remedy)).collect();
    let hint = if refusals.iter().all(|finding| finding.can_be_accepted) {
        "close each as its remedy says; or, against advice, accept it by name: --accept-risk '<id>'"
    } else {
        "close each as its remedy says"
    };
    Err(Error::refused(format!("enforcement would not hold here:\n{}", lines.join("\n"))).with_hint(hint))
}

async fn carry_out(
    db: &mut Db,
    steps: &[Step],
    owner: &Ident,
    manifest: &str,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let mut work = Work { owner, manifest, options, unrecorded: Vec::new() };
    let mut at = 0;
    while at < steps.len() {
        let mut end = at + 1;
        while end < steps.len()
            && steps[at].how == How::Run
            && steps[end].how == How::Run
            && steps[at].group.is_some()
            && steps[at].group == steps[end].group
        {
            end += 1;
        }
        for (offset, step) in steps[at..end].iter().enumerate() {
            progress(Progress::Step(at + offset + 1, steps.len(), step));
        }
        work.group(db, &steps[at..end], progress).await?;
        at = end;
    }
    Ok(())
}

/// What the steps of one run share.
struct Work<'a> {
    owner: &'a Ident,
    manifest: &'a str,
    options: &'a Options,
    /// Steps that were done before there was a ledger to write them into.
    unrecorded: Vec<Step>,
}

impl Work<'_> {
    /// Carries out the steps of one group, again and again while they fail for want of a lock.
    async fn group(&mut self, db: &mut Db, steps: &[Step], progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let first = &steps[0];
        if let How::Publish { name } = &first.how {
            return self.publish(db, name, progress).await;
        }
        let locks: Vec<_> = steps.iter().filter_map(|step| step.lock.as_ref()).collect();
        for lock in &locks {
            let blockers = lock::blockers(db, lock).await?;
            if !blockers.is_empty() {
                progress(Progress::Blocked(first, &blockers));
                break;
            }
        }
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times()
            .build();
        let started = Instant::now();
        loop {
            let failure = match self.attempt(db, steps).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if failure.is_transient() && started.elapsed() < self.options.patience {
                let pause = pauses.next().unwrap_or(Duration::from_secs(5));
                progress(Progress::Retry(first, pause, &failure.to_string()));
                tokio::time::sleep(pause).await;
                continue;
            }
            if first.how == How::Try && matches!(failure.code(), Some("23502" | "2BP01" | "42501")) {
                progress(Progress::Note(format!("left out: {} ({failure})", first.id)));
                return Ok(());
            }
            return Err(self.explain(db, first, &locks, failure).await);
        }
    }

    async fn explain(&self, db: &mut Db, step: &Step, locks: &[&crate::plan::Lock], failure: Failure) -> Error {
        let mut blocking = Vec::new();
        if failure.code() == Some("55P03") {
            for lock in locks {
                // The message without the names is better than none at all.
                for blocker in lock::blockers(db, lock).await.unwrap_or_default() {
                    if !blocking.iter().any(|known: &Blocker| known.pid == blocker.pid) {
                        blocking.push(blocker);
                    }
                }
            }
        }
        let what = format!("the step {} failed", step.id);
        if blocking.is_empty() {
            let error = Error::from(failure);
            let hint = error.hint().unwrap_or("what was done before stays; run the same command again to go on").to_owned();
            return Error::new(error.kind(), what).with_hint(hint).with_source(error.to_string());
        }
        let names: Vec<_> = blocking.iter().map(ToString::to_string).collect();
        Error::refused(format!("{what}: its lock can't be had"))
            .with_source(format!("in the way: {}", names.join("; ")))
            .with_hint("wait for these sessions or end them, then run the same command again: it goes on from here")
    }

    /// Carries out the steps of one group in one transaction, with their ledger rows.
    async fn attempt(&mut self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        if steps[0].how == How::Migrate {
            return self.migrate(db, &steps[0]).await;
        }
        db.execute("BEGIN").await?;
        let done = self.inside(db, steps).await;
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match (done, db.execute(end).await) {
            (Ok(()), ended) => ended.map(|_| ()),
            (Err(failure), _) => Err(failure),
        }
    }

    async fn inside(&mut self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        db.execute(&format!("SET LOCAL lock_timeout = {}", self.options.lock_timeout.as_millis())).await?;
        for step in steps {
            self.act_as(db, step.role).await?;
            if !step.sql.is_empty() {
                db.execute(&step.sql).await?;
            }
        }
        self.record(db, steps).await
    }

    /// Sets the role for the following statements, until the end of the transaction.
    async fn act_as(&self, db: &mut Db, role: RunAs) -> Result<(), Failure> {
        match role {
            RunAs::Owner => db.execute(&format!("SET LOCAL ROLE {}", self.owner)).await?,
            RunAs::Runner => db.execute("RESET ROLE").await?,
        };
        Ok(())
    }

    async fn migrate(&mut self, db: &mut Db, step: &Step) -> Result<(), Failure> {
        db.execute(&format!("SET ROLE {}; SET lock_timeout = {}", self.owner, self.options.lock_timeout.as_millis())).await?;
        let migrated = schema::migrate(db).await;
        // The connection may be gone; the migration's own failure is the one to tell.
        let reset = db.execute("RESET ROLE; RESET lock_timeout").await;
        migrated.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Failure::Shape(format!("{error}: {source}"))
        })?;
        reset?;
        db.execute("BEGIN").await?;
        self.record(db, std::slice::from_ref(step)).await?;
        db.execute("COMMIT").await?;
        Ok(())
    }

    /// Writes the ledger rows of the steps, and what the catalogue now says of the objects they made.
    async fn record(&mut self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct There {
            there: bool,
        }
        let there: There = db.row("SELECT pg_catalog.to_regclass('keyward.object') IS NOT NULL AS there", &[]).await?;
        if !there.there {
            self.unrecorded.extend(steps.iter().cloned());
            return Ok(());
        }
        let objects = catalog::objects(db).await.map_err(|error| Failure::Shape(error.to_string()))?;
        self.act_as(db, RunAs::Owner).await?;
        let mut all = std::mem::take(&mut self.unrecorded);
        all.extend(steps.iter().cloned());
        for step in &all {
            let risks = Param::Texts(self.options.accepted_risks.clone());
            db.run(
                "INSERT INTO keyward.ledger (version, manifest, step, sql, undo, accepted_risks) VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    env!("CARGO_PKG_VERSION").into(),
                    self.manifest.into(),
                    step.id.as_str().into(),
                    step.sql.as_str().into(),
                    step.undo.as_str().into(),
                    risks,
                ],
            )
            .await?;
            if step.action == Action::Drop {
                db.run("DELETE FROM keyward.object WHERE identity = $1", &[step.id.as_str().into()]).await?;
            }
            let Some(sha256) = &step.sha256 else { continue };
            if let Some(former) = &step.replaces {
                db.run("DELETE FROM keyward.object WHERE identity = $1", &[former.as_str().into()]).await?;
            }
            let definition = objects.get(&step.id).map(|found| found.definition.clone()).unwrap_or_default();
            db.run(
                "INSERT INTO keyward.object AS o (identity, position, sha256, definition, undo)
                 VALUES ($1, (SELECT COALESCE(max(p.position), 0) + 1 FROM keyward.object AS p), $2, $3, $4)
                 ON CONFLICT (identity) DO UPDATE SET sha256 = excluded.sha256, definition = excluded.definition, undo = excluded.undo",
                &[step.id.as_str().into(), sha256.as_str().into(), definition.into(), step.undo.as_str().into()],
            )
            .await?;
        }
        Ok(())
    }

    /// Publishes the sealed keys of a vault in batches, until none is left.
    async fn publish(&self, db: &mut Db, name: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Published {
            published: i64,
        }
        let function = Ident::new(format!("publish_rows_{name}"))?;
        let mut total = 0;
        loop {
            db.execute("BEGIN").await?;
            let batch = async {
                self.act_as(db, RunAs::Owner).await?;
                db.row::<Published>(&format!("SELECT keyward.{function}(1000) AS published"), &[]).await
            }
            .await;
            match batch {
                Ok(batch) => {
                    db.execute("COMMIT").await?;
                    if batch.published == 0 {
                        break;
                    }
                    total += batch.published.unsigned_abs();
                    progress(Progress::Published(name, total));
                }
                Err(failure) => {
                    // The failure is the one to tell.
                    let _ = db.execute("ROLLBACK").await;
                    return Err(failure.into());
                }
            }
        }
        let left = self.orphans(db, name).await?;
        if left > 0 {
            // What comes next drops the vault, and a key is never lost.
            return Err(Error::refused(format!("{left} sealed keys of {name} have no row in their table, and so can't be published"))
                .with_hint(format!("attach the partition that their rows are in, or delete them from keyward.vault_{name}; then run the same command again")));
        }
        Ok(())
    }

    async fn orphans(&self, db: &mut Db, name: &str) -> Result<i64> {
        #[derive(serde::Deserialize)]
        struct Left {
            left: i64,
        }
        let vault = Ident::new(format!("vault_{name}"))?;
        db.execute("BEGIN").await?;
        self.act_as(db, RunAs::Owner).await?;
        let left: Left = db.row(&format!("SELECT count(*) AS left FROM keyward.{vault}"), &[]).await?;
        db.execute("COMMIT").await?;
        Ok(left.left)
    }
}
