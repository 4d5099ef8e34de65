//! What enforcement costs: pgbench on protected tables against the same tables without protection, and against what people build instead:
//! `make bench BENCHES=enforcement`, or `cargo bench --bench enforcement -- [--slice SECONDS] [--rounds N] [--write FILE] [reads] [locations] [users]`.
//!
//! Contestants take turns in short slices, in one order and then in the other, and what counts is the ratio within a round.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program of its own that reads its arguments and prints"
)]

mod act;
#[path = "../common/mod.rs"]
mod common;
mod ground;
mod pgbench;

use std::process::ExitCode;

use act::{ACTS, Act};
use common::{Common, Result, note, server::Server, table};
use pgbench::Slice;
use table::{Table, count, median};

const PARTS: [&str; 3] = ["reads", "locations", "users"];

fn main() -> ExitCode {
    common::main(run)
}

fn run() -> Result<()> {
    let mut seconds = 3;
    let args = Common::read(6, &PARTS, |arg, value| {
        let known = arg == "--slice";
        if known {
            seconds = value()?.parse::<u64>()?.max(1);
        }
        Ok(known)
    })?;
    let server = tokio::runtime::Runtime::new()?.block_on(ground::build())?;
    let mut table = Table::default();
    for part in PARTS.into_iter().filter(|part| args.wants(part)) {
        table.part(part, args.rounds);
        table.server(&server.version());
        let acts = ACTS.iter().filter(|act| act.part == part);
        let title = match part {
            "reads" => "Reading locations",
            "locations" => "Writing locations",
            _ => "Writing users",
        };
        table.grid(
            title,
            &[
                "",
                "as",
                "commits",
                "unprotected",
                "keyward",
                "goal",
                "a trigger that does nothing",
                "column privileges",
                "masking view",
            ],
        );
        for act in acts {
            table.cells(&measure(&server, act, args.rounds, seconds)?);
        }
    }
    common::conclude(&table, args.write.as_ref())
}

/// Lets an act's contestants take turns, and returns the line of the table.
fn measure(server: &Server, act: &Act, rounds: usize, seconds: u64) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("act.sql");
    let mut slices: Vec<Vec<Slice>> = vec![Vec::new(); act.contestants.len()];
    for round in 0..rounds {
        let mut turns: Vec<usize> = (0..act.contestants.len()).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn in turns {
            let contestant = act.contestants[turn];
            std::fs::write(&script, act.script(contestant))?;
            slices[turn].push(pgbench::run(server, (contestant, act.role), &script, seconds, act.durable)?);
        }
    }
    let base = &slices[0];
    let p99 = |slices: &[Slice]| median(&slices.iter().map(|slice| slice.p99).collect::<Vec<_>>());
    let commits = match (act.part, act.durable) {
        ("reads", _) => "",
        (_, true) => "on disk",
        (_, false) => "in memory",
    };
    let mut line = vec![act.what.to_owned(), act.acts_as().to_owned(), commits.to_owned()];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
    let rate = median(&base.iter().map(|slice| slice.rate).collect::<Vec<_>>()) as u64;
    line.push(format!("{}/s, p99 {:.2} ms", count(rate), p99(base)));
    let mut against = Vec::new();
    for (slices, contestant) in slices.iter().zip(act.contestants).skip(1) {
        let mut ratios: Vec<f64> = slices.iter().zip(base).map(|(own, base)| own.rate / base.rate).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios.first().copied().unwrap_or_default(), ratios.last().copied().unwrap_or_default());
        let ratio = median(&ratios);
        against.push((*contestant, ratio, format!("{ratio:.2} ({least:.2} to {most:.2}), p99 {:.2} ms", p99(slices))));
    }
    note(&format!(
        "{}: {}",
        line.join(", "),
        against.iter().map(|(name, _, shown)| format!("{name} {shown}")).collect::<Vec<_>>().join("; ")
    ));
    let shown =
        |name: &str| against.iter().find(|(found, ..)| *found == name).map(|(_, _, shown)| shown.clone()).unwrap_or_default();
    line.push(shown(act.challenger()));
    line.push(act.goal.map(|goal| goal.show(against[0].1)).unwrap_or_default());
    line.extend([shown(ground::TRIGGER), shown(ground::COLUMNS), shown(ground::VIEW)]);
    Ok(line)
}
