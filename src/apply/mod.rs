//! Carrying out a plan: step by step, each in a short transaction with its ledger row, so that a run that is killed at any
//! point is simply run again.

mod keys;
mod lock;

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};

pub use lock::{Blocker, one_runner, release, release_shared, shared_runner};

use crate::catalog::{self, Snapshot};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::plan::{Action, Approval, How, Plan, RunAs, Step};
use crate::schema;

/// How to carry out a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one attempt waits for a lock before it lets the queue behind it go.
    pub lock_timeout: Duration,
    /// How long to try again, per step, and to wait for another runner.
    pub patience: Duration,
    /// The findings that were accepted by name, besides those that the plan accepts; the ledger keeps them.
    pub accepted_risks: Vec<String>,
    /// Which hazards may be taken, besides those that the plan allows.
    pub hazards: Hazards,
    /// The keys whose signatures of the plan were asked for and found, by name; the ledger keeps them.
    pub signed_by: Vec<String>,
}

/// Which hazards may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hazards {
    /// All of them: whoever calls has shown them and been told to go on.
    Any,
    /// Those that are allowed by name.
    Named(Vec<String>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_millis(500),
            patience: Duration::from_mins(1),
            accepted_risks: Vec::new(),
            hazards: Hazards::Any,
            signed_by: Vec::new(),
        }
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
    /// Keys were sealed: the key's name, how many so far.
    Sealed(&'a str, u64),
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
    refuse(plan, options)?;
    // The ledger tells what the plan accepted as well.
    let accepted_risks = plan.approved.and(&Approval { risks: options.accepted_risks.clone(), ..Approval::default() }).risks;
    let options = &Options { accepted_risks, ..options.clone() };
    one_runner(db, options.patience, &mut |blocker| progress(Progress::Waiting(blocker))).await?;
    let done = async {
        let now = self::plan(db, manifest).await?;
        // A plan may come from a file: what was never shown by this keyward is not run.
        plan.check_unchanged(&now)?;
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

/// Refuses a plan whose findings or hazards were not accepted by name.
///
/// # Errors
/// [`crate::error::Kind::Refused`], naming each.
pub fn refuse(plan: &Plan, options: &Options) -> Result<()> {
    let refusals = plan.refusals(&options.accepted_risks);
    if refusals.is_empty() {
        return refuse_hazards(plan, options);
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

fn refuse_hazards(plan: &Plan, options: &Options) -> Result<()> {
    let Hazards::Named(allowed) = &options.hazards else { return Ok(()) };
    let hazards = plan.hazards_not_allowed(allowed);
    if hazards.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = hazards.iter().map(|(hazard, _)| format!("  {}: {}", hazard.id, hazard.text)).collect();
    let names: Vec<_> = hazards.iter().map(|(hazard, _)| hazard.id.as_str()).collect();
    Err(Error::refused(format!("the plan has hazards that nobody has allowed:\n{}", lines.join("\n")))
        .with_hint(format!("review the steps that have them, then allow each by name: --allow {}", names.join(","))))
}

async fn carry_out(
    db: &mut Db,
    steps: &[Step],
    owner: &Ident,
    manifest: &str,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let mut work = Work { owner, manifest, options, unrecorded: Vec::new(), left_out: Vec::new() };
    let mut at = 0;
    while at < steps.len() {
        let mut end = at + 1;
        while end < steps.len()
            && steps[at].how == How::Run
            && matches!(steps[end].how, How::Run | How::Try)
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
    /// What the last attempt left out, and why.
    left_out: Vec<String>,
}

impl Work<'_> {
    /// Carries out the steps of one group, again and again while they fail for want of a lock.
    async fn group(&mut self, db: &mut Db, steps: &[Step], progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let first = &steps[0];
        if let How::Publish { name } = &first.how {
            return self.publish(db, name, progress).await;
        }
        if let How::Seal { name, check } = &first.how {
            return self.seal(db, first, name, check, progress).await;
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
            self.left_out.clear();
            let failure = match self.attempt(db, steps).await {
                Ok(()) => {
                    self.left_out.drain(..).for_each(|note| progress(Progress::Note(note)));
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if failure.is_transient() && started.elapsed() < self.options.patience {
                let pause = pauses.next().unwrap_or(Duration::from_secs(5));
                progress(Progress::Retry(first, pause, &failure.to_string()));
                tokio::time::sleep(pause).await;
                continue;
            }
            if let [step] = steps
                && step.action == Action::Drop
                && matches!(failure.code(), Some("42P01" | "42704"))
                && !step.sql.is_empty()
            {
                // A table, a partition or a role is gone, and its privileges with it: there is nothing to take back.
                progress(Progress::Note(format!("nothing to take back: {} ({failure})", step.id)));
                let mut forgotten = step.clone();
                forgotten.sql.clear();
                return self.attempt(db, &[forgotten]).await.map_err(Error::from);
            }
            if first.how == How::Try && may_be_left_out(&failure) {
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

    /// The ledger first, then every statement at once, then one look at the catalogue: a strong lock is held from the second on.
    async fn inside(&mut self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        db.execute(&format!("SET LOCAL lock_timeout = {}", self.options.lock_timeout.as_millis())).await?;
        let before = self.has_ledger(db).await?;
        if before {
            self.enter(db, steps).await?;
        }
        // Where it is alone, its transaction is what is left out.
        let in_a_group = |step: &&Step| step.how == How::Try && steps.len() > 1;
        let mut script = String::new();
        for step in steps.iter().filter(|step| !step.sql.is_empty() && !in_a_group(step)) {
            script.push_str(&self.role(step.role));
            script.push_str(&step.sql);
            script.push('\n');
        }
        if !script.is_empty() {
            db.execute(&script).await?;
        }
        for step in steps.iter().filter(in_a_group) {
            match db.execute(&format!("SAVEPOINT tried;\n{}{}", self.role(step.role), step.sql)).await {
                Ok(_) => {}
                Err(failure) if may_be_left_out(&failure) => {
                    db.execute("ROLLBACK TO SAVEPOINT tried").await?;
                    self.left_out.push(format!("left out: {} ({failure})", step.id));
                }
                Err(failure) => return Err(failure),
            }
        }
        if !before {
            self.unrecorded.extend(steps.iter().cloned());
        } else if self.has_ledger(db).await? {
            self.record(db, steps).await?;
        }
        Ok(())
    }

    /// Returns the statement that sets the role for the following ones, until the end of the transaction.
    fn role(&self, role: RunAs) -> String {
        match role {
            RunAs::Owner => format!("SET LOCAL ROLE {};\n", self.owner),
            RunAs::Runner => "RESET ROLE;\n".to_owned(),
        }
    }

    async fn migrate(&mut self, db: &mut Db, step: &Step) -> Result<(), Failure> {
        db.execute(&format!("SET ROLE {}; SET lock_timeout = {}", self.owner, self.options.lock_timeout.as_millis())).await?;
        let migrated = schema::migrate(db).await;
        // The connection may be gone; the migration's own failure is the one to tell.
        let reset = db.execute("RESET ROLE; RESET lock_timeout").await;
        migrated.map_err(|error| {
            // A lock that can't be had (guards read keyward.policy) is tried for again, as with any other step.
            let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            match causes.find_map(|cause| cause.downcast_ref()) {
                Some(Failure::Server(refusal)) => return Failure::Server(refusal.clone()),
                Some(Failure::Lost(why)) => return Failure::Lost(why.clone()),
                Some(Failure::Shape(_)) | None => {}
            }
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Failure::Shape(format!("{error}: {source}"))
        })?;
        reset?;
        // There is a ledger now: what came before it is entered too.
        let mut all = std::mem::take(&mut self.unrecorded);
        all.push(step.clone());
        db.execute("BEGIN").await?;
        self.enter(db, &all).await?;
        self.record(db, &all).await?;
        db.execute("COMMIT").await?;
        Ok(())
    }

    /// Writes the ledger rows of the steps.
    async fn enter(&self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        let texts = |field: fn(&Step) -> &str| Param::Texts(steps.iter().map(|step| field(step).to_owned()).collect());
        db.execute(&self.role(RunAs::Owner)).await?;
        let mut params = vec![
            env!("CARGO_PKG_VERSION").into(),
            self.manifest.into(),
            Param::Texts(self.options.accepted_risks.clone()),
            texts(|step| &step.id),
            texts(|step| &step.sql),
            texts(|step| &step.undo),
        ];
        if self.options.signed_by.is_empty() {
            db.run(include_str!("../../sql/apply/ledger.sql"), &params).await?;
        } else {
            params.push(Param::Texts(self.options.signed_by.clone()));
            db.run(include_str!("../../sql/apply/signed_ledger.sql"), &params).await?;
        }
        Ok(())
    }

    /// Tells whether there is a ledger that steps can be entered in.
    async fn has_ledger(&self, db: &mut Db) -> Result<bool, Failure> {
        #[derive(serde::Deserialize)]
        struct Found {
            there: bool,
            has_signers: bool,
        }
        let found: Found = db.row(include_str!("../../sql/apply/has_ledger.sql"), &[]).await?;
        Ok(found.there && (found.has_signers || self.options.signed_by.is_empty()))
    }

    /// Records what the catalogue now says of the objects that the steps made, and forgets those that they dropped.
    async fn record(&self, db: &mut Db, steps: &[Step]) -> Result<(), Failure> {
        db.execute(&self.role(RunAs::Owner)).await?;
        let gone = steps.iter().filter(|step| step.action == Action::Drop).map(|step| step.id.clone());
        let gone: Vec<_> = gone.chain(steps.iter().filter_map(|step| step.replaces.clone())).collect();
        if !gone.is_empty() {
            db.run("DELETE FROM keyward.object WHERE identity = ANY ($1)", &[Param::Texts(gone)]).await?;
        }
        let made: Vec<_> = steps.iter().filter(|step| step.sha256.is_some()).collect();
        if made.is_empty() {
            return Ok(());
        }
        let kinds = made.iter().map(|step| step.id.split(' ').next().unwrap_or_default().to_owned()).collect();
        let objects = catalog::objects(db, kinds).await?;
        let definition = |step: &&&Step| objects.get(&step.id).map(|found| found.definition.clone()).unwrap_or_default();
        let params = [
            Param::Texts(made.iter().map(|step| step.id.clone()).collect()),
            Param::Texts(made.iter().filter_map(|step| step.sha256.clone()).collect()),
            Param::Texts(made.iter().map(|step| definition(&step)).collect()),
            Param::Texts(made.iter().map(|step| step.undo.clone()).collect()),
        ];
        db.run(include_str!("../../sql/apply/record.sql"), &params).await?;
        Ok(())
    }
}

/// Tells whether what a step of [`How::Try`] met with is no reason to stop: rows, or another database's objects, are in the way.
fn may_be_left_out(failure: &Failure) -> bool {
    matches!(failure.code(), Some("23502" | "2BP01" | "42501"))
}
