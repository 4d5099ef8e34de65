//! `keyward verify`.

use std::time::Instant;

use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::report::{self, entry, github, json, junit, sarif};
use crate::verify::{self, Options};

use super::Exit;
use super::args::Output;
use super::context::Context;
use super::progress::took;

const EXAMPLES: &str = "\
Each attack is tried with rows made for the occasion, in a transaction that is rolled back: first
where it must succeed (its control), then where it must not. No key of yours is read. A probe
whose control fails, or whose role the connected one can't act as, is skipped, and says why.

Exit code 1 if an attack got through or failed in silence, if more probes were skipped than
--max-skipped allows, or if all of an entry of the manifest were.

Examples:
  keyward verify
  keyward verify --role api_v1 --only write_delete,write_truncate
  keyward verify --set 'app.tenant={account}' --max-skipped 0 --output json
  keyward verify --list";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Try only these probes
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Act only as these roles
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_parser = role)]
    role: Vec<Ident>,
    /// Set a session variable before each act, for row-level security that asks for the tenant; {account} stands for its id
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    set: Vec<(String, String)>,
    /// Leave out the probes that take a strong lock for a moment
    #[arg(long)]
    gentle: bool,
    /// End with exit code 1 if more than this many probes are skipped
    #[arg(long, value_name = "N")]
    max_skipped: Option<usize>,
    /// List the probes, without connecting to anything
    #[arg(long)]
    list: bool,
}

fn role(text: &str) -> Result<Ident, String> {
    Ident::new(text).map_err(|error| error.to_string())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if name.contains('.') => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("write a name with a dot and a value, such as app.tenant={account}".to_owned()),
    }
}

/// Tries the attacks.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    if args.list {
        if context.output() != Output::Text {
            return Err(Error::usage("the list of probes comes as text only"));
        }
        context.data(&report::verify::list(&verify::probes()?));
        return Ok(Exit::Done);
    }
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let started = Instant::now();
    let options = Options::new().only(args.only.clone()).roles(args.role.clone()).variables(args.set.clone()).gentle(args.gentle);
    let bar = context.is_terminal().then(indicatif::ProgressBar::new_spinner);
    let report = verify::verify(&mut db, &manifest, &options, &mut |verdict| {
        if let Some(bar) = &bar {
            bar.set_message(format!("{} as {}", verdict.id, verdict.role));
            bar.tick();
        }
    })
    .await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let report = report?;
    db.close().await;
    let sheet = || entry::verification(&report, &context.manifest_path());
    context.data(&match context.output() {
        Output::Json => json::document(&report)?,
        Output::Sarif => sarif::sheet(&sheet())?,
        Output::Junit => junit::sheet(&sheet()),
        Output::Github => github::sheet(&sheet()),
        // The others were refused before.
        _ => report::verify::text(&report, context.paint()),
    });
    context.note(&format!("{} tried in {}, and rolled back", report::text::plural(report.probes.len(), "attack"), took(started)));
    let too_many = args.max_skipped.filter(|most| report.skipped() > *most);
    if let Some(most) = too_many {
        context.note(&format!("{} skipped, and --max-skipped is {most}", report::text::plural(report.skipped(), "probe")));
    }
    // nothing but skipped probes proves nothing
    let proved = !report.probes.is_empty() && report.unproved().is_empty();
    Ok(if report.failures().next().is_some() || too_many.is_some() || !proved { Exit::Findings } else { Exit::Done })
}
