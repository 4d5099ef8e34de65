//! `keyward rollout run`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::error::{Error, Result};
use crate::report::text::{count, plural};
use crate::rollout::{self, Options, Percent, Ran, Share};

use super::super::Exit;
use super::super::args::duration;
use super::super::context::{Context, Format};
use super::work::{Moved, Work, say_tally, watched};

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Bring this share of the accounts to enabled, with two decimals at most
    #[arg(long, value_name = "P", default_value = "100", value_parser = percent)]
    percent: Percent,
    /// Bring only these accounts to enabled: a file with an id on each line (- for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "percent")]
    accounts_from: Option<PathBuf>,
    /// Change at most so many accounts, then stop
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Work although the manifest's cutover has not come yet
    #[arg(long)]
    before_cutover: bool,
    /// Wait for the manifest's cutover, by the server's clock, then begin
    #[arg(long, conflicts_with_all = ["before_cutover", "dry_run"])]
    at_cutover: bool,
    /// Come back for so long for accounts whose rows are in use
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    patience: Duration,
    #[command(flatten)]
    work: Work,
}

fn percent(text: &str) -> Result<Percent, String> {
    text.parse().map_err(|error: Error| format!("{error}: {}", error.hint().unwrap_or_default()))
}

/// Does what was asked.
pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let base = Options {
        percent: args.percent,
        before_cutover: args.before_cutover,
        patience: args.patience,
        limit: args.limit,
        list: args.accounts_from.as_deref().map(read_list).transpose()?,
        ..Options::run()
    };
    let options = args.work.options(&manifest, base);
    let mut db = context.connect().await?;
    // Whatever else refuses, refuses now and not at midnight.
    let early = Options { before_cutover: args.before_cutover || args.at_cutover, ..options.clone() };
    let share = rollout::share(&mut db, &manifest, &early).await?;
    say_share(context, &options, &share);
    let accounts = share.eligible.min(options.limit.unwrap_or(u64::MAX));
    if args.dry_run {
        db.close().await;
        say_dry_run(context, &options, &share, accounts)?;
        return Ok(Exit::Done);
    }
    let label = &manifest.setting.label;
    if accounts > 0 && !context.confirm(&format!("Turn {label} on for {} accounts?", count(accounts)))? {
        return Err(super::not_confirmed());
    }
    if args.at_cutover {
        let settings = db.settings().clone();
        db.close().await;
        db = watched(context, async |stop, tell| rollout::wait_for_cutover(&settings, &manifest, stop, tell).await).await?;
    }
    let ran = watched(context, async |stop, tell| rollout::run(&mut db, &manifest, &options, stop, tell).await).await?;
    db.close().await;
    say_ran(context, &ran)
}

/// Reads a list of accounts: an id on each line, empty lines apart.
fn read_list(path: &Path) -> Result<Vec<String>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|read| bytes = read)
    };
    read.map_err(|error| {
        Error::usage(format!("can't read the list of accounts {shown}"))
            .with_source(error)
            .with_hint("check the path of --accounts-from")
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).matches('\n').count() + 1;
        Error::usage(format!("{shown}, line {line}: not UTF-8")).with_hint("save the list of accounts as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let ids: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if ids.is_empty() {
        return Err(Error::usage(format!("{shown} names no account")).with_hint("write an id on each line"));
    }
    Ok(ids)
}

fn say_share(context: &Context, options: &Options, share: &Share) {
    let members = match &options.list {
        Some(_) => format!("{} of {} accounts are on the list", count(share.members), count(share.accounts)),
        None => {
            format!(
                "{} of {} accounts are in the share of {} percent",
                count(share.members),
                count(share.accounts),
                options.percent
            )
        }
    };
    context.note(&format!("{members}; {} of them have no setting of their own.", count(share.eligible)));
}

fn say_dry_run(context: &Context, options: &Options, share: &Share, accounts: u64) -> Result<()> {
    if context.format() == Format::Json {
        let document = json!({
            "schema": "keyward/rollout-dry-run/v1",
            "percent": options.list.is_none().then(|| options.percent.to_string()),
            "listed": options.list.is_some(),
            "limit": options.limit,
            "accounts": share.accounts,
            "members": share.members,
            "eligible": share.eligible,
            "would_enable": accounts,
        });
        context.data(&super::pretty(&document)?);
    } else {
        let accounts = usize::try_from(accounts).unwrap_or(usize::MAX);
        context.data(&format!("would turn the setting on for {} and seal their keys", plural(accounts, "account")));
    }
    Ok(())
}

fn say_ran(context: &Context, ran: &Ran) -> Result<Exit> {
    if ran.new_accounts {
        context.note("From now on new accounts are enabled at birth.");
    }
    let exit = if let Some(tally) = &ran.tally {
        say_tally(context, "run", Moved::Sealed, tally, ran.stragglers, &json!({}))?
    } else {
        if context.format() == Format::Json {
            say_tally(context, "run", Moved::Sealed, &rollout::Tally::default(), 0, &json!({ "wave": null }))?;
        }
        context.note("Nothing to do: every account of the share has its setting.");
        Exit::Done
    };
    if !ran.older.is_empty() {
        let lines: Vec<_> = ran.older.iter().map(|one| format!("\n  {one}")).collect();
        context.note(&format!(
            "note: older transactions are still running; keys that they publish are sealed by keyward rollout finish:{}",
            lines.concat()
        ));
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn list(bytes: &[u8]) -> Result<Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read_list(file.path())
    }

    #[test]
    fn a_list_of_accounts_has_an_id_on_each_line() {
        assert_eq!(list(b"\xef\xbb\xbf7\r\n\nacc,1\n  \n\xc3\xa4").unwrap(), ["7", "acc,1", "\u{e4}"]);
        assert!(list(b"7\n\xff\n").unwrap_err().to_string().ends_with("line 2: not UTF-8"));
        assert!(list(b"\n \n").unwrap_err().to_string().ends_with("names no account"));
        assert!(read_list(Path::new("nowhere/at/all")).unwrap_err().hint().is_some());
    }
}
