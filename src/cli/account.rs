//! `keyward account`: the exceptions, one by one or from a file.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::account::{self, Account, Counts, Imported, Source};
use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::manifest::Manifest;
use crate::report::text;

use super::Exit;
use super::context::{Context, Format};

/// How long an opt-in waits for older transactions.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to do with accounts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the setting of accounts, and how many keys they have
    Show {
        /// The accounts' ids
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Turn the setting off for an account, against advice, and publish its keys
    OptOut {
        /// The account's id
        id: String,
        /// Why; kept with the setting
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who asked for it
        #[arg(long, value_name = "TEXT")]
        requested_by: Option<String>,
        /// Do it without asking: the risk is known
        #[arg(long)]
        acknowledge_risk: bool,
    },
    /// Turn the setting on for an account, and seal its keys
    OptIn {
        /// The account's id
        id: String,
        /// Why; kept with the setting
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Who asked for it
        #[arg(long, value_name = "TEXT")]
        requested_by: Option<String>,
    },
    /// Opt out the accounts of a CSV file with the columns account, reason and, if wished, `requested_by`
    Import {
        /// The file, or - for standard input
        file: PathBuf,
        /// Check the file and count, but change nothing
        #[arg(long)]
        dry_run: bool,
        /// Turn off accounts that are enabled by now without asking: the risk is known
        #[arg(long)]
        acknowledge_risk: bool,
    },
    /// Write the accounts with a setting of their own as CSV
    Export {
        /// Only those of one source
        #[arg(long, value_name = "SOURCE", value_parser = source)]
        source: Option<Source>,
    },
}

/// Runs the command.
pub(crate) async fn run(context: &Context, command: &Command) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    match command {
        Command::Show { ids } => {
            let accounts = account::show(&mut db, &manifest, ids).await?;
            print(context, json!({ "schema": "keyward/account/v1", "accounts": accounts }), || {
                accounts.iter().map(text).collect()
            });
        }
        Command::OptOut { id, reason, requested_by, acknowledge_risk } => {
            opt_out(context, &mut db, &manifest, (id, reason, requested_by.as_deref()), *acknowledge_risk).await?;
        }
        Command::OptIn { id, reason, requested_by } => {
            opt_in(context, &mut db, &manifest, (id, reason.as_deref(), requested_by.as_deref())).await?;
        }
        Command::Import { file, dry_run, acknowledge_risk } => {
            import(context, &mut db, &manifest, file, *dry_run, *acknowledge_risk).await?;
        }
        Command::Export { source } => {
            let count = account::export(&mut db, &manifest, *source, &mut |part| context.data(part)).await?;
            context.note(&format!("{count} accounts"));
        }
    }
    db.close().await;
    Ok(Exit::Done)
}

async fn opt_out(
    context: &Context,
    db: &mut Db,
    manifest: &Manifest,
    (id, reason, requested_by): (&str, &str, Option<&str>),
    acknowledged: bool,
) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Error::usage("opting out needs a reason").with_hint("say why with --reason: it is kept with the setting"));
    }
    let accounts = account::show(db, manifest, &[id.to_owned()]).await?;
    let sealed: i64 = accounts.iter().flat_map(|account| account.keys.values()).map(|keys| keys.sealed).sum();
    let label = &manifest.setting.label;
    let comes_back = format!("{sealed} sealed keys of account {id} become readable through the API again");
    acknowledge(context, acknowledged, &advice(label, &comes_back), &format!("Turn {label} off for account {id} all the same?"))?;
    let keys = account::opt_out(db, manifest, id, reason, requested_by).await?;
    print(context, json!({ "schema": "keyward/opt-out/v1", "account": id, "published": keys }), || {
        format!("account {id} has opted out; {} published", keys_of(keys))
    });
    Ok(())
}

async fn opt_in(
    context: &Context,
    db: &mut Db,
    manifest: &Manifest,
    (id, reason, requested_by): (&str, Option<&str>, Option<&str>),
) -> Result<()> {
    let mut waiting = |left: &[crate::settle::Running]| {
        for one in left {
            context.note(&format!("waiting for an older transaction: {one}"));
        }
    };
    let done = account::opt_in(db, manifest, id, reason, requested_by, PATIENCE, &mut waiting).await?;
    let sealed = done.keys + done.stragglers;
    print(
        context,
        json!({ "schema": "keyward/opt-in/v1", "account": id, "sealed": sealed, "settled": done.unsettled.is_empty() }),
        || format!("account {id} has opted in; {} sealed", keys_of(sealed)),
    );
    if done.unsettled.is_empty() {
        return Ok(());
    }
    let left: Vec<_> = done.unsettled.iter().map(ToString::to_string).collect();
    Err(Error::new(
        Kind::Resumable,
        format!(
            "older transactions have not ended within {} s; a key that they publish in account {id} stays published",
            PATIENCE.as_secs()
        ),
    )
    .with_source(left.join("; "))
    .with_hint("once they have ended, run the same command again: it seals what they left"))
}

async fn import(
    context: &Context,
    db: &mut Db,
    manifest: &Manifest,
    file: &Path,
    dry_run: bool,
    acknowledged: bool,
) -> Result<()> {
    let stdin = file == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { file.display().to_string() };
    let input: Box<dyn Read + Send> = if stdin {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(|error| Error::usage(format!("can't read {name}")).with_source(error))?)
    };
    let staged = account::stage(db, manifest, input, &name).await?;
    let counts = staged.counts();
    if dry_run {
        staged.discard(db).await?;
        print(
            context,
            json!({ "schema": "keyward/import/v1", "dry_run": true, "accounts": counts.accounts, "already": counts.already,
            "enabled": counts.enabled, "opted_in": counts.opted_in, "keys": counts.keys }),
            || would(&name, counts),
        );
        return Ok(());
    }
    if counts.enabled > 0 {
        let label = &manifest.setting.label;
        let comes_back =
            format!("{} sealed keys of {} enabled accounts become readable through the API again", counts.keys, counts.enabled);
        let mut question = format!("Turn {label} off for {} accounts that are enabled now", counts.enabled);
        if counts.opted_in > 0 {
            let _ = write!(question, ", {} of them by their own explicit opt-in,", counts.opted_in);
        }
        question.push_str(" all the same?");
        acknowledge(context, acknowledged, &advice(label, &comes_back), &question)?;
    }
    let done = staged.carry_out(db).await?;
    print(
        context,
        json!({ "schema": "keyward/import/v1", "dry_run": false, "accounts": counts.accounts, "changed": done.changed,
        "overridden": done.overridden, "published": done.keys }),
        || did(&name, counts, done),
    );
    Ok(())
}

/// Has the risk acknowledged: by the option, or on the terminal.
fn acknowledge(context: &Context, acknowledged: bool, advice: &str, question: &str) -> Result<()> {
    if acknowledged {
        context.note(advice);
        return Ok(());
    }
    if !context.is_terminal() {
        return Err(Error::refused("turning the setting off was not acknowledged")
            .with_source(advice.to_owned())
            .with_hint("if the account insists, give --acknowledge-risk"));
    }
    context.note(advice);
    if context.confirm(question)? {
        return Ok(());
    }
    Err(Error::refused("not acknowledged: nothing was changed"))
}

/// Returns a number of keys for reading.
fn keys_of(number: i64) -> String {
    text::plural(usize::try_from(number).unwrap_or_default(), "key")
}

fn advice(label: &str, comes_back: &str) -> String {
    format!(
        "Turning {label} off is strongly advised against. Without it:\n  \
         - {comes_back}: one leaked API credential then gives them all away\n  \
         - new rows keep keys that nobody asked for\n  \
         - legacy roles write again what the setting keeps from them"
    )
}

fn would(name: &str, counts: Counts) -> String {
    let Counts { accounts, already, enabled, opted_in, keys } = counts;
    format!(
        "{name} is valid: {accounts} accounts, {already} of them opted out already; {} would be opted out, {enabled} of which are enabled \
         now ({opted_in} by explicit opt-in), and {keys} keys published. Nothing was changed",
        accounts - already
    )
}

fn did(name: &str, counts: Counts, done: Imported) -> String {
    if counts.accounts == 0 {
        return format!("nothing to change: {name} has no rows below its header");
    }
    if done.changed == 0 && done.keys == 0 {
        return format!("nothing to change: all {} accounts of {name} had opted out already", counts.accounts);
    }
    format!(
        "{} of {} accounts opted out, {} of which had another setting; {} keys published",
        done.changed, counts.accounts, done.overridden, done.keys
    )
}

fn text(account: &Account) -> String {
    let mut text = format!("account {}: {}", account.account, if account.enabled { "enabled" } else { "off" });
    match &account.source {
        None => text.push_str(" (no setting of its own)"),
        Some(source) => {
            let _ = write!(text, " ({source}");
            if let Some(wave) = account.wave {
                let _ = write!(text, ", wave {wave}");
            }
            text.push(')');
        }
    }
    let fields = [
        ("changed at", &account.changed_at),
        ("changed by", &account.changed_by),
        ("requested by", &account.requested_by),
        ("reason", &account.reason),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(text, "\n  {name}: {value}");
        }
    }
    for (name, keys) in &account.keys {
        let _ = write!(text, "\n  {name}: {} sealed, {} published", keys.sealed, keys.published);
    }
    text + "\n"
}

#[expect(clippy::needless_pass_by_value, reason = "a document that is made for this")]
fn print(context: &Context, document: serde_json::Value, text: impl FnOnce() -> String) {
    match context.format() {
        Format::Json => context.data(&document.to_string()),
        Format::Text => context.data(&text()),
    }
}

fn source(name: &str) -> Result<Source, String> {
    let all = [Source::Rollout, Source::Default, Source::OptOut, Source::OptIn];
    all.into_iter().find(|source| source.name() == name).ok_or_else(|| "one of rollout, default, opt_out, opt_in".to_owned())
}
