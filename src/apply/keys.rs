//! The steps that move keys: out of a vault when it leaves, into it while an account is enabled. Batch by batch, each a transaction.

use std::time::{Duration, Instant};

use super::{Progress, Work};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::plan::{RunAs, Step};

impl Work<'_> {
    /// Publishes the sealed keys of a vault, until none is left. Transactions that were under way may seal one meanwhile: only a key that is
    /// still there after nothing more could be published, twice, has no row.
    pub(super) async fn publish(&self, db: &mut Db, name: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let mut total = 0;
        let mut stays = None;
        loop {
            let published = self.publish_once(db, name, &mut total, progress).await?;
            let left = self.left(db, name).await?;
            if left == 0 {
                return Ok(());
            }
            if published == 0 && stays == Some(left) {
                // What comes next drops the vault, and a key is never lost.
                return Err(Error::refused(format!("{left} sealed keys of {name} have no row in their table, and so can't be published"))
                    .with_hint(format!("attach the partition that their rows are in, or delete them from keyward.vault_{name}; then run the same command again")));
            }
            stays = Some(left);
        }
    }

    /// Publishes the sealed keys of a vault in batches, until nothing more can be published. Returns how many were.
    async fn publish_once(
        &self,
        db: &mut Db,
        name: &str,
        total: &mut u64,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<u64> {
        #[derive(serde::Deserialize)]
        struct Published {
            published: i64,
        }
        let function = Ident::new(format!("publish_rows_{name}"))?;
        let before = *total;
        // Rows in use are left out of a batch; at last they are waited for, one by one.
        let mut most = 1000;
        loop {
            db.execute("BEGIN").await?;
            let batch = async {
                db.execute(&self.role(RunAs::Owner)).await?;
                db.row::<Published>(&format!("SELECT keyward.{function}({most}) AS published"), &[]).await
            }
            .await;
            match batch {
                Ok(batch) => {
                    db.execute("COMMIT").await?;
                    match (batch.published, most) {
                        (0, 1) => return Ok(*total - before),
                        (0, _) => most = 1,
                        _ => {}
                    }
                    *total += batch.published.unsigned_abs();
                    if batch.published > 0 {
                        progress(Progress::Published(name, *total));
                    }
                }
                Err(failure) => {
                    // The failure is the one to tell.
                    let _ = db.execute("ROLLBACK").await;
                    return Err(failure.into());
                }
            }
        }
    }

    /// Seals published keys in batches, until none is left in an enabled account.
    pub(super) async fn seal(
        &self,
        db: &mut Db,
        step: &Step,
        name: &str,
        check: &str,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Row {
            id: String,
        }
        #[derive(serde::Deserialize)]
        struct Kept {
            rows: u64,
        }
        #[derive(serde::Deserialize)]
        struct Analyzed {
            done: bool,
        }
        let started = Instant::now();
        let mut total = 0;
        loop {
            db.execute("BEGIN").await?;
            let batch = async {
                db.execute(&format!("SET LOCAL lock_timeout = {}", self.options.lock_timeout.as_millis())).await?;
                db.execute(&self.role(RunAs::Owner)).await?;
                let rows: Vec<Row> = db.rows(&step.sql, &[]).await?;
                let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
                let count = ids.len() as u64;
                // An opt-out in between would make the guard take the NULL for the application's wish.
                let kept: Kept = db.row(check, &[Param::Texts(ids)]).await?;
                Ok::<_, Failure>((count, kept.rows == count))
            }
            .await;
            let again = match batch {
                Ok((0, _)) => {
                    db.execute("COMMIT").await?;
                    break;
                }
                Ok((count, true)) => {
                    db.execute("COMMIT").await?;
                    total += count;
                    progress(Progress::Sealed(name, total));
                    continue;
                }
                Ok((_, false)) => {
                    let error = Error::refused(format!("keys of {name} would be lost instead of sealed; the batch was undone"));
                    error.with_hint("keyward's guards are off, or somebody changes settings: run the same command again to go on")
                }
                Err(failure) if failure.is_transient() => failure.into(),
                Err(failure) => {
                    // The failure is the one to tell.
                    let _ = db.execute("ROLLBACK").await;
                    return Err(failure.into());
                }
            };
            db.execute("ROLLBACK").await?;
            if started.elapsed() > self.options.patience {
                return Err(again);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // The statistics still show keys to whoever may read the column, which the next steps give back.
        let function = Ident::new(format!("analyze_{name}"))?;
        loop {
            let analyzed: Analyzed = db.row(&format!("SELECT keyward.{function}() AS done"), &[]).await?;
            if analyzed.done {
                return Ok(());
            }
            if started.elapsed() > self.options.patience {
                return Err(Error::refused(format!(
                    "the statistics of the table of {name} can't be taken anew: a VACUUM or ANALYZE is at work"
                ))
                .with_hint("run the same command again when it has ended"));
            }
        }
    }

    /// Returns how many keys are in a vault.
    async fn left(&self, db: &mut Db, name: &str) -> Result<i64> {
        #[derive(serde::Deserialize)]
        struct Left {
            left: i64,
        }
        let vault = Ident::new(format!("vault_{name}"))?;
        db.execute("BEGIN").await?;
        db.execute(&self.role(RunAs::Owner)).await?;
        let left: Left = db.row(&format!("SELECT count(*) AS left FROM keyward.{vault}"), &[]).await?;
        db.execute("COMMIT").await?;
        Ok(left.left)
    }
}
