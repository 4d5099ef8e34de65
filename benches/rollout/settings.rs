//! Settings alone: the rollout against a flag in the accounts table, set by one UPDATE or by loops of small ones.

use std::time::{Duration, Instant};

use crate::plain::{Plain, in_loops};
use crate::site::{Shape, Site};
use crate::table::{Goal, Table, count, rate};
use crate::took::{Took, conclude, tell};
use crate::{Args, Result, note};

/// How many rows a batch of the loop updates.
const BATCH: u64 = 1_000;

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let accounts = args.accounts.unwrap_or(2_000_000);
    note(&format!("settings: {accounts} accounts"));
    let mut site = Site::build(Shape { accounts, locations: 0, keys: false }).await?;
    table.server(&site.version());
    let (mut one, mut loops, mut keyward) =
        (Took::default(), [(); 2].map(|()| Took::default()), [(); 3].map(|()| Took::default()));
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        let copy = site.copy().await?;
        let mut db = site.connect(&copy).await?;
        let began = Instant::now();
        db.execute("UPDATE app.accounts SET flag = true").await?;
        one.add(began.elapsed());
        db.close().await;
        site.remove(copy).await?;

        for (took, workers) in loops.iter_mut().zip([1, 4]) {
            let copy = site.copy().await?;
            took.add(in_loops(&site, &copy, workers, accounts, BATCH, Plain::Flag).await?);
            site.remove(copy).await?;
        }
        for (took, workers) in keyward.iter_mut().zip([1, 2, 4]) {
            let copy = site.copy().await?;
            let (tally, all) = site.roll_out(&copy, workers).await?;
            if tally.accounts != accounts {
                return Err(format!("{} accounts were enabled instead of {accounts}", tally.accounts).into());
            }
            took.add(all);
            longest = longest.max(tally.longest_batch);
            site.remove(copy).await?;
        }
        tell(round, &[std::slice::from_ref(&one), &loops, &keyward]);
    }
    let speed = |took: &Took| format!("{} accounts/s", rate(accounts, took.median()));
    table.section(&format!("Settings alone, {} accounts", count(accounts)));
    table.row("one `UPDATE accounts SET flag = true`", &speed(&one), "1", None);
    for (took, workers) in loops.iter().zip(["1 worker", "4 workers"]) {
        let what = format!("a loop of UPDATEs of 1,000 rows, {workers}");
        table.row(&what, &speed(took), &format!("{:.2}", took.against(&one)), None);
    }
    for (took, workers) in keyward.iter().zip(["1 worker", "2 workers", "4 workers"]) {
        table.ratio(&format!("keyward, {workers}"), &speed(took), took.against(&one), Goal::AtLeast(3.0));
    }
    conclude(table, &keyward, &loops, longest);
    Ok(())
}
