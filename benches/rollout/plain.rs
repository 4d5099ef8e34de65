//! What one would write instead of the rollout: a loop over ids, each batch a transaction of a fixed size, by one session or by several that have a
//! share of the ids each.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use keyward::db::{Db, Param};

use crate::Result;
use crate::site::{Copy, Site};

/// What a batch does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    /// It sets a flag of the accounts.
    Flag,
    /// It turns the accounts' settings on, and clears their keys, which the guard seals.
    Seal,
}

/// Goes through all accounts, so many ids a batch, and returns how long that took.
pub(crate) async fn in_loops(site: &Site, copy: &Copy, workers: u64, accounts: u64, batch: u64, what: Plain) -> Result<Duration> {
    let mut sessions = Vec::new();
    for _ in 0..workers {
        let mut db = site.connect(copy).await?;
        if let Plain::Seal = what {
            db.execute("SET ROLE keyward_owner").await?;
        }
        sessions.push(db);
    }
    let began = Instant::now();
    let shares = sessions.iter_mut().zip(0..).map(|(db, worker)| {
        let share = accounts.div_ceil(workers);
        go_through(db, worker * share, (worker * share + share).min(accounts), batch, what)
    });
    try_join_all(shares).await?;
    let took = began.elapsed();
    for db in sessions {
        db.close().await;
    }
    Ok(took)
}

/// Goes through the accounts whose ids are above the first number, up to the last.
async fn go_through(db: &mut Db, from: u64, to: u64, batch: u64, what: Plain) -> Result<()> {
    let mut reached = from;
    while reached < to {
        let until = (reached + batch).min(to);
        let range = [Param::Int(reached.cast_signed()), Param::Int(until.cast_signed())];
        match what {
            Plain::Flag => {
                db.run("UPDATE app.accounts SET flag = true WHERE id > $1 AND id <= $2", &range).await?;
            }
            Plain::Seal => {
                db.execute("BEGIN").await?;
                db.run(include_str!("sql/loop_settings.sql"), &range).await?;
                db.run(include_str!("sql/loop_keys.sql"), &range).await?;
                db.execute("COMMIT").await?;
            }
        }
        reached = until;
    }
    Ok(())
}
