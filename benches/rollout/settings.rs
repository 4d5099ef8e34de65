//! Settings alone: the rollout against a flag in the accounts table, set by one UPDATE or by a loop of small ones.

use std::time::{Duration, Instant};

use keyward::db::{Db, Param};

use crate::site::{Shape, Site};
use crate::table::{Goal, Table, median, ms, rate};
use crate::{Args, Result, note};

/// How many rows a batch of the loop updates.
const LOOP: u64 = 1_000;

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let accounts = args.accounts.unwrap_or(2_000_000);
    note(&format!("settings: {accounts} accounts"));
    let mut site = Site::build(Shape { accounts, locations: 0, keys: false }).await?;
    table.server(&site.version());
    // what each took, in seconds: one UPDATE, the loop, one worker, two workers
    let mut took: [Vec<f64>; 4] = Default::default();
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        let copy = site.copy().await?;
        let mut db = site.connect(&copy).await?;
        took[0].push(timed(&mut db, 0, accounts).await?);
        db.close().await;
        site.remove(copy).await?;

        let copy = site.copy().await?;
        let mut db = site.connect(&copy).await?;
        took[1].push(timed(&mut db, LOOP, accounts).await?);
        db.close().await;
        site.remove(copy).await?;

        for workers in [1, 2] {
            let copy = site.copy().await?;
            let (tally, all) = site.roll_out(&copy, workers).await?;
            if tally.accounts != accounts {
                return Err(format!("{} accounts were enabled instead of {accounts}", tally.accounts).into());
            }
            took[workers + 1].push(all.as_secs_f64());
            longest = longest.max(tally.longest_batch);
            site.remove(copy).await?;
        }
        note(&format!(
            "round {round}: {:.1} s, {:.1} s, {:.1} s, {:.1} s",
            took[0][round - 1],
            took[1][round - 1],
            took[2][round - 1],
            took[3][round - 1]
        ));
    }
    let against = |which: usize, base: usize| {
        let ratios: Vec<f64> = took[base].iter().zip(&took[which]).map(|(base, own)| base / own).collect();
        median(&ratios)
    };
    let speed = |which: usize| rate(accounts, median(&took[which]));
    table.section(&format!("Settings alone, {} accounts", crate::table::count(accounts)));
    table.row("one `UPDATE accounts SET flag = true`", &format!("{} accounts/s", speed(0)), "1", None);
    table.row("a loop of UPDATEs of 1,000 rows", &format!("{} accounts/s", speed(1)), &format!("{:.2}", against(1, 0)), None);
    table.ratio("keyward, 1 worker", &format!("{} accounts/s", speed(2)), against(2, 0), Goal::AtLeast(3.0));
    table.ratio("keyward, 2 workers", &format!("{} accounts/s", speed(3)), against(3, 0), Goal::AtLeast(3.0));
    table.row("keyward, 1 worker, against the loop", "", &format!("{:.2}", against(2, 1)), None);
    table.limit("keyward's longest batch", &ms(longest), longest.as_secs_f64() * 1e3, Goal::Below(100.0));
    Ok(())
}

/// Sets the flag of every account, in batches of so many ids (0: in one statement), and returns the seconds that it took.
async fn timed(db: &mut Db, batch: u64, accounts: u64) -> Result<f64> {
    let began = Instant::now();
    if batch == 0 {
        db.execute("UPDATE app.accounts SET flag = true").await?;
    } else {
        let mut reached = 0;
        while reached < accounts {
            let range = [Param::Int(reached.cast_signed()), Param::Int((reached + batch).cast_signed())];
            db.run("UPDATE app.accounts SET flag = true WHERE id > $1 AND id <= $2", &range).await?;
            reached += batch;
        }
    }
    Ok(began.elapsed().as_secs_f64())
}
