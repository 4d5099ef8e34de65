//! `keyward rollout preview`.

use std::fmt::Write as _;

use crate::error::Result;
use crate::report::text::{count, plural, printable};
use crate::rollout::{self, Hit, Preview};

use super::super::Exit;
use super::super::args::Output;
use super::super::context::Context;

/// How many accounts a person is shown, unless told.
const SCREEN: usize = 50;

const EXAMPLES: &str = "\
A transaction that does the same many times counts once; the counts are at least what happened.
Accounts that have opted out by now are left out.

Examples:
  keyward policy observe                              begins to observe: nothing is stopped
  keyward rollout preview --days 7                    who would have been hit in the last week
  keyward rollout preview --output csv > opt-outs.csv
  keyward account import opt-outs.csv                 once a person has edited it";

/// The arguments of `preview`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Look back so many days, today (UTC) included [default: all there are]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Show only the N busiest accounts [default: 50 as text, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Does what was asked.
pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let limit = args.limit.or((context.output() == Output::Text).then_some(SCREEN));
    let preview = rollout::preview(&mut db, &manifest, args.days, limit).await?;
    db.close().await;
    match context.output() {
        Output::Json => context.data(&super::pretty(&preview)?),
        Output::Csv => {
            context.note(&heading(&preview));
            let left_out = preview.accounts.iter().filter(|hit| hit.can_opt_out().is_none()).count();
            if left_out > 0 {
                context.note(&format!("{left_out} not in the list: not known, not there any more, or enabled by now."));
            }
            context.data(&preview.csv()?);
        }
        _ => context.data(&text(&preview)),
    }
    Ok(Exit::Done)
}

/// Says what the list is worth: whether anything is observed, since when, and how much there is.
fn heading(preview: &Preview) -> String {
    let observing = match preview.observing_since {
        Some(since) => format!("Observing since {}.", since.strftime("%Y-%m-%d %H:%M UTC")),
        None if preview.first_day.is_some() => {
            format!("The policy's mode is {}: nothing is being observed now. keyward policy observe begins again.", preview.mode)
        }
        None => format!("The policy's mode is {}: nothing is being observed. keyward policy observe begins.", preview.mode),
    };
    let span = match (preview.days, preview.first_day) {
        (Some(1), _) => " today".to_owned(),
        (Some(days), _) => format!(" in the last {days} days"),
        (None, Some(day)) => format!(" since {day}"),
        (None, None) => " so far".to_owned(),
    };
    if preview.accounts_hit == 0 {
        return format!("{observing}\nNothing was seen{span} that enforcement would have stopped.");
    }
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    format!(
        "{observing}\nSeen{span}: {} in {} that enforcement would have stopped.",
        plural(number(preview.writes), "write"),
        plural(number(preview.accounts_hit), "account")
    )
}

fn text(preview: &Preview) -> String {
    let mut text = heading(preview);
    if preview.accounts.is_empty() {
        return text;
    }
    text.push_str("\n\n");
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["account", "writes", "by", "control", "act", "first", "last"]);
    for hit in &preview.accounts {
        for (place, fact) in hit.facts.iter().enumerate() {
            let (account, writes) = if place == 0 { (name(hit), count(hit.writes)) } else { Default::default() };
            let of = if hit.facts.len() > 1 { format!("{} ({})", fact.act, count(fact.writes)) } else { fact.act.clone() };
            table.add_row([
                account,
                writes,
                printable(&fact.role),
                fact.control.clone(),
                of,
                fact.first_day.to_string(),
                fact.last_day.to_string(),
            ]);
        }
    }
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let more = preview.accounts_hit.saturating_sub(preview.accounts.len() as u64);
    if more > 0 {
        // to a String, which takes everything
        let _ = writeln!(text, "and {} more: see --limit, --output csv", count(more));
    }
    text
}

fn name(hit: &Hit) -> String {
    match &hit.account {
        None => "(not known)".to_owned(),
        Some(account) if !hit.is_there => format!("{} (gone)", printable(account)),
        Some(account) if hit.enabled => format!("{} (enabled)", printable(account)),
        Some(account) => printable(account),
    }
}
