//! Sealing keys: the rollout against big statements that do the same work.

use std::time::{Duration, Instant};

use crate::site::{Shape, Site};
use crate::table::{Goal, Table, count, median, ms, rate};
use crate::{Args, Result, note};

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let accounts = args.accounts.unwrap_or(200_000);
    let locations = args.locations.unwrap_or(accounts * 2);
    note(&format!("sealing: {accounts} accounts, {locations} keys"));
    let mut site = Site::build(Shape { accounts, locations, keys: true }).await?;
    table.server(&site.version());
    // what each took, in seconds: the big statements, one worker, two workers
    let mut took: [Vec<f64>; 3] = Default::default();
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        let copy = site.copy().await?;
        let mut db = site.connect(&copy).await?;
        let began = Instant::now();
        db.execute(include_str!("sql/seal_all.sql")).await?;
        took[0].push(began.elapsed().as_secs_f64());
        db.close().await;
        site.prove(&copy).await?;
        site.remove(copy).await?;

        for workers in [1, 2] {
            let copy = site.copy().await?;
            let (tally, all) = site.roll_out(&copy, workers).await?;
            took[workers].push(all.as_secs_f64());
            longest = longest.max(tally.longest_batch);
            site.prove(&copy).await?;
            site.remove(copy).await?;
        }
        note(&format!("round {round}: {:.1} s, {:.1} s, {:.1} s", took[0][round - 1], took[1][round - 1], took[2][round - 1]));
    }
    let against = |which: usize| {
        let ratios: Vec<f64> = took[0].iter().zip(&took[which]).map(|(base, own)| base / own).collect();
        median(&ratios)
    };
    let speed = |which: usize| format!("{} keys/s", rate(locations, median(&took[which])));
    table.section(&format!("Sealing, {} accounts with {} keys", count(accounts), count(locations)));
    table.row("one big transaction through the same guard", &speed(0), "1", None);
    table.ratio("keyward, 1 worker", &speed(1), against(1), Goal::AtLeast(0.9));
    table.ratio("keyward, 2 workers", &speed(2), against(2), Goal::AtLeast(1.4));
    table.limit("keyward's longest batch", &ms(longest), longest.as_secs_f64() * 1e3, Goal::Below(100.0));
    Ok(())
}
