//! Sealing keys: the rollout against plain statements that do the same work, big or in loops.

use std::time::{Duration, Instant};

use crate::plain::{Plain, in_loops};
use crate::site::{Shape, Site};
use crate::table::{Goal, Table, count, rate};
use crate::took::{Took, conclude, tell};
use crate::{Args, Result, note};

/// How many rows a batch of the loop seals.
const BATCH: u64 = 1_000;

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let accounts = args.accounts.unwrap_or(200_000);
    let locations = args.locations.unwrap_or(accounts * 2);
    note(&format!("sealing: {accounts} accounts, {locations} keys"));
    let mut site = Site::build(Shape { accounts, locations, keys: true }).await?;
    table.server(&site.version());
    let (mut one, mut loops, mut keyward) =
        (Took::default(), [(); 2].map(|()| Took::default()), [(); 3].map(|()| Took::default()));
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        let copy = site.copy().await?;
        let mut db = site.connect(&copy).await?;
        let began = Instant::now();
        db.execute(include_str!("sql/seal_all.sql")).await?;
        one.add(began.elapsed());
        db.close().await;
        site.prove(&copy).await?;
        site.remove(copy).await?;

        for (took, workers) in loops.iter_mut().zip([1, 4]) {
            let copy = site.copy().await?;
            // so many accounts as have so many keys
            let batch = (BATCH * accounts / locations.max(1)).max(1);
            took.add(in_loops(&site, &copy, workers, accounts, batch, Plain::Seal).await?);
            site.prove(&copy).await?;
            site.remove(copy).await?;
        }
        for (took, workers) in keyward.iter_mut().zip([1, 2, 4]) {
            let copy = site.copy().await?;
            let (tally, all) = site.roll_out(&copy, workers).await?;
            took.add(all);
            longest = longest.max(tally.longest_batch);
            site.prove(&copy).await?;
            site.remove(copy).await?;
        }
        tell(round, &[std::slice::from_ref(&one), &loops, &keyward]);
    }
    let speed = |took: &Took| format!("{} keys/s", rate(locations, took.median()));
    table.section(&format!("Sealing, {} accounts with {} keys", count(accounts), count(locations)));
    table.row("one big transaction through the same guard", &speed(&one), "1", None);
    for (took, workers) in loops.iter().zip(["1 worker", "4 workers"]) {
        let what = format!("a loop of transactions of 1,000 keys through the same guard, {workers}");
        table.row(&what, &speed(took), &format!("{:.2}", took.against(&one)), None);
    }
    for (took, (workers, goal)) in keyward.iter().zip([("1 worker", 0.9), ("2 workers", 1.4), ("4 workers", 1.4)]) {
        table.ratio(&format!("keyward, {workers}"), &speed(took), took.against(&one), Goal::AtLeast(goal));
    }
    conclude(table, &keyward, &loops, longest);
    Ok(())
}
