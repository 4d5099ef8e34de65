//! Growth: the time per account, and the memory of the program, as accounts become more.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::site::{MANIFEST, Shape, Site};
use crate::table::{Goal, Table, count, median};
use crate::{Args, Result, note};

pub(crate) async fn measure(args: &Args, table: &mut Table) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let manifest = folder.path().join("keyward.toml");
    std::fs::write(&manifest, MANIFEST)?;
    let mut sizes = Vec::new();
    for &accounts in &args.sizes {
        note(&format!("growth: {accounts} accounts with a key each"));
        let mut site = Site::build(Shape { accounts, locations: accounts, keys: true }).await?;
        table.server(&site.version());
        let (mut took, mut peak) = (Vec::new(), Vec::new());
        for round in 1..=args.rounds {
            let copy = site.copy().await?;
            let ran = run(&manifest, &site.url(&copy))?;
            note(&format!("round {round}: {:.1} s, {:?} KiB", ran.0.as_secs_f64(), ran.1));
            took.push(ran.0.as_secs_f64());
            peak.extend(ran.1);
            site.prove(&copy).await?;
            site.remove(copy).await?;
        }
        sizes.push((accounts, median(&took), (!peak.is_empty()).then(|| median(&peak))));
    }
    table.section("Growth: the program `keyward rollout run`, a key for each account");
    let last = sizes.len().saturating_sub(1);
    let each = |at: usize| sizes[at].1 / precise(sizes[at].0);
    for (at, (accounts, seconds, peak)) in sizes.iter().enumerate() {
        let memory = peak.map(|peak| format!(", {:.0} MiB", peak / 1024.0)).unwrap_or_default();
        let shown = format!("{seconds:.1} s, {:.1} µs for each{memory}", each(at) * 1e6);
        table.row(&format!("{} accounts", count(*accounts)), &shown, "", None);
    }
    if last > 0 {
        // the smallest takes hardly longer than the program's first look
        let base = last - 1;
        let what = |what: &str| format!("{what}, {} against {} accounts", count(sizes[last].0), count(sizes[base].0));
        table.ratio(&what("time for each"), "", each(last) / each(base), Goal::AtMost(1.2));
        if let (Some(most), Some(least)) = (sizes[last].2, sizes[0].2) {
            let what = format!("memory, {} against {} accounts", count(sizes[last].0), count(sizes[0].0));
            table.ratio(&what, "", most / least, Goal::AtMost(1.2));
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of accounts")]
fn precise(number: u64) -> f64 {
    number as f64
}

/// Runs the program, and returns how long it took and the most memory it had, in KiB: on Linux, where the kernel tells.
fn run(manifest: &Path, url: &str) -> Result<(Duration, Option<f64>)> {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyward"))
        .args(["rollout", "run", "--yes", "--quiet", "--database-url", url, "--manifest"])
        .arg(manifest)
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        if let Some(ended) = child.try_wait()? {
            return if ended.success() {
                Ok((began.elapsed(), peak))
            } else {
                Err(format!("keyward rollout run: {ended}").into())
            };
        }
        // It only grows, so the last one read is the most, but for what came in the last moment.
        peak = std::fs::read_to_string(&status).ok().and_then(|text| high_water(&text)).or(peak);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the peak of the resident memory, in KiB, from the text of `/proc/<pid>/status`.
fn high_water(status: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
