//! The application at work meanwhile: single-row writes at a fixed rate, and how long each takes from when it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keyward::db::settings::Settings;
use keyward::db::{Db, Param};
use keyward::rollout::Options;

use crate::site::{Copy, Shape, Site};
use crate::table::{Goal, Table, count, median, percentile};
use crate::{Args, Result, note};

/// How many writes a second, over how many connections.
const RATE: u32 = 200;
const CONNECTIONS: u32 = 2;

/// How long the application is watched while nothing else runs, and at most otherwise.
const WATCH: Duration = Duration::from_secs(15);

/// The pace of the paced rollout, in rows a second.
const PACE: f64 = 5_000.0;

/// What the application met with: milliseconds from when a write was due until it was committed.
#[derive(Debug, Default)]
struct Met {
    p50: Vec<f64>,
    p99: Vec<f64>,
    max: Vec<f64>,
}

impl Met {
    fn add(&mut self, all: &[f64]) -> String {
        self.p50.push(percentile(all, 0.5));
        self.p99.push(percentile(all, 0.99));
        self.max.push(percentile(all, 1.0));
        let last = self.p50.len() - 1;
        format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms ({} writes)", self.p50[last], self.p99[last], self.max[last], all.len())
    }

    fn against(&self, idle: &Self) -> f64 {
        median(&self.p99.iter().zip(&idle.p99).map(|(own, idle)| own / idle).collect::<Vec<_>>())
    }

    fn show(&self) -> String {
        format!("p50 {:.1}, p99 {:.1}, max {:.0} ms", median(&self.p50), median(&self.p99), median(&self.max))
    }
}

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let accounts = args.accounts.unwrap_or(300_000);
    let locations = args.locations.unwrap_or(accounts * 2);
    note(&format!("load: {accounts} accounts, {locations} keys, {RATE} writes a second"));
    let mut site = Site::build(Shape { accounts, locations, keys: true }).await?;
    table.server(&site.version());
    let mut met: [Met; 5] = Default::default();
    let mut longest = Duration::ZERO;
    for round in 1..=args.rounds {
        let copy = site.copy().await?;
        let load = Load::start(&site, &copy, accounts, locations);
        thread::sleep(WATCH);
        note(&format!("round {round}: idle: {}", met[0].add(&load.end()?)));

        let load = Load::start(&site, &copy, accounts, locations);
        compute(&site, &copy).await?;
        note(&format!("round {round}: beside a session that computes: {}", met[4].add(&load.end()?)));

        let load = Load::start(&site, &copy, accounts, locations);
        let options = Options { pace: Some(PACE), ..Options::run() };
        let tally_longest = run_for(&site, &copy, &options).await?;
        longest = longest.max(tally_longest);
        note(&format!("round {round}: with a pace: {}", met[2].add(&load.end()?)));
        site.remove(copy).await?;

        let copy = site.copy().await?;
        let load = Load::start(&site, &copy, accounts, locations);
        let (tally, took) = site.roll_out(&copy, 1).await?;
        longest = longest.max(tally.longest_batch);
        note(&format!("round {round}: at full speed: {}, {:.1} s", met[1].add(&load.end()?), took.as_secs_f64()));
        site.prove(&copy).await?;
        site.remove(copy).await?;

        let copy = site.copy().await?;
        let load = Load::start(&site, &copy, accounts, locations);
        let mut db = site.connect(&copy).await?;
        db.execute(include_str!("sql/seal_all.sql")).await?;
        db.close().await;
        note(&format!("round {round}: one big transaction: {}", met[3].add(&load.end()?)));
        site.remove(copy).await?;
    }
    let [idle, full, paced, big, computing] = &met;
    table.section(&format!(
        "The application's writes meanwhile: {RATE} a second, {} accounts with {} keys",
        count(accounts),
        count(locations)
    ));
    table.row("nothing else", &idle.show(), "1", None);
    let beside = format!("{:.2}", computing.against(idle));
    table.row("a session that only computes, and writes nothing", &computing.show(), &beside, None);
    table.ratio("keyward at full speed, 1 worker", &full.show(), full.against(idle), Goal::AtMost(2.0));
    table.ratio(&format!("keyward with `--pace {PACE}`"), &paced.show(), paced.against(idle), Goal::AtMost(1.5));
    table.row("one big transaction", &big.show(), &format!("{:.0}", big.against(idle)), None);
    table.limit("keyward's longest batch", &crate::table::ms(longest), longest.as_secs_f64() * 1e3, Goal::Below(100.0));
    Ok(())
}

/// Keeps one processor busy for as long as the application is watched, without a lock and without a byte of WAL: what the application notices of
/// that, it would notice of any statement that takes its time.
async fn compute(site: &Site, copy: &Copy) -> Result<()> {
    let mut db = site.connect(copy).await?;
    db.execute(&format!("SET statement_timeout = {}", WATCH.as_millis())).await?;
    let ended =
        db.execute("SELECT pg_catalog.sum(s.n) FROM (SELECT pg_catalog.generate_series(1, 1000000000000) AS n) AS s").await;
    db.close().await;
    match ended {
        Err(failure) if failure.code() == Some("57014") => Ok(()),
        Err(failure) => Err(Box::new(keyward::error::Error::from(failure))),
        Ok(_) => Err("a trillion numbers were added up too soon".into()),
    }
}

/// Rolls out for as long as the application is watched, then stops, and returns the longest batch.
async fn run_for(site: &Site, copy: &Copy, options: &Options) -> Result<Duration> {
    let stop = AtomicBool::new(false);
    let longest = AtomicU64::new(0);
    let mut db = site.connect(copy).await?;
    let mut tell = |now: keyward::rollout::Progress<'_>| {
        if let keyward::rollout::Progress::Batch(tally) = now {
            longest.store(u64::try_from(tally.longest_batch.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    };
    let run = keyward::rollout::run(&mut db, &site.manifest, options, &stop, &mut tell);
    let timer = async {
        tokio::time::sleep(WATCH).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (ran, ()) = tokio::join!(run, timer);
    match ran {
        Err(error) if error.kind() != keyward::error::Kind::Resumable => return Err(error.into()),
        // stopped as asked, or done before
        _ => {}
    }
    Ok(Duration::from_micros(longest.load(Ordering::Relaxed)))
}

/// The application, on threads of its own, so that it is not held up by the measuring process.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<std::result::Result<Vec<f64>, String>>>,
}

impl Load {
    fn start(site: &Site, copy: &Copy, accounts: u64, locations: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..CONNECTIONS)
            .map(|number| {
                let (url, stop) = (site.url(copy), Arc::clone(&stop));
                thread::spawn(move || drive(&url, number, (accounts, locations), &stop).map_err(|error| error.to_string()))
            })
            .collect();
        Self { stop, threads }
    }

    /// Ends it, and returns what each write took in milliseconds, sorted.
    fn end(self) -> Result<Vec<f64>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().map_err(|_| "a thread of the load panicked")??);
        }
        all.sort_by(f64::total_cmp);
        if all.is_empty() { Err("the load wrote nothing".into()) } else { Ok(all) }
    }
}

/// Writes a row of a random account or location each time one is due. A write that is late makes the next ones late: they count from when they
/// were due, so that a stall isn't measured once but as often as the application would meet it.
fn drive(url: &str, number: u32, (accounts, locations): (u64, u64), stop: &AtomicBool) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let settings = Settings::resolve(Some(url), &|_| None)?;
    let mut db = runtime.block_on(Db::connect(&settings))?;
    let mut random = Random(u64::from(number) + 1);
    let mut took = Vec::new();
    let interval = Duration::from_secs(1) * CONNECTIONS / RATE;
    let mut due = Instant::now() + interval / CONNECTIONS * number;
    // What was due before the end is written, late as it may be: a stall at the end counts like any other.
    while !stop.load(Ordering::Relaxed) || due < Instant::now() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let (statement, most) = if random.below(2) == 0 {
            ("UPDATE app.accounts SET updated_at = pg_catalog.now() WHERE id = $1", accounts)
        } else {
            ("UPDATE app.locations SET updated_at = pg_catalog.now() WHERE id = $1", locations)
        };
        runtime.block_on(db.run(statement, &[Param::Int((random.below(most) + 1).cast_signed())]))?;
        took.push(due.elapsed().as_secs_f64() * 1e3);
        due += interval;
    }
    runtime.block_on(db.close());
    Ok(took)
}

/// Numbers that look random and are the same in every run: a linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}
