//! `keyward demo`.

use std::path::PathBuf;
use std::time::Instant;

use crate::demo::{self, Scene};
use crate::error::{Error, Result};
use crate::report::text;
use crate::sandbox::{Options, Sandbox};

use super::Exit;
use super::context::Context;
use super::progress::took;

const EXAMPLES: &str = "\
Everything happens on a server of its own, which is gone afterwards.

Examples:
  keyward demo
  keyward demo --accounts 1000 --bin-dir /usr/lib/postgresql/17/bin";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Take the server's programs from this directory and nowhere else
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Make this many accounts, five times as many locations with keys, and ten times as many users
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    accounts: u32,
}

/// Plays the demo.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let started = Instant::now();
    let options = Options::new().bin_dir(args.bin_dir.clone()).search_path(std::env::var_os("PATH"));
    let blocking = |_| Error::bug("the sandbox's thread gave up");
    let sandbox = tokio::task::spawn_blocking(|| Sandbox::start(options)).await.map_err(blocking)??;
    let bar = context.is_terminal().then(|| indicatif::ProgressBar::new(0));
    let mut chapter = 0;
    demo::play(&sandbox, args.accounts, &mut |scene| match scene {
        Scene::Chapter(title) => {
            chapter += 1;
            context.data(&format!(
                "{}{}",
                if chapter == 1 { "" } else { "\n" },
                context.paint().bold(&format!("{chapter}. {title}"))
            ));
        }
        Scene::Line(line) => {
            if let Some(bar) = &bar {
                bar.finish_and_clear();
            }
            context.data(&format!("   {line}"));
        }
        Scene::Plan(plan) => context.data(&indent(&text::summary(plan))),
        Scene::Rollout(done, total, _) => {
            if let Some(bar) = &bar {
                bar.set_length(total);
                bar.set_position(done);
            }
        }
        Scene::Outcomes(outcomes) => context.data(&indent(&table(outcomes))),
    })
    .await?;
    tokio::task::spawn_blocking(move || sandbox.stop()).await.map_err(blocking)??;
    context.data(&format!("\nThe server is gone again. The whole story took {}.", took(started)));
    Ok(Exit::Done)
}

fn table(outcomes: &[demo::Outcome]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(["act", "role", "before", "after"]);
    for outcome in outcomes {
        table.add_row([&outcome.act, &outcome.role, &outcome.before, &outcome.after]);
    }
    table.to_string()
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
