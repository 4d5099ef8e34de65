//! `keyward policy`: whether the guards enforce, observe or do nothing.

use crate::error::{Error, Result};
use crate::policy::{self, DAYS_KEPT, Mode, Policy, Stake};
use crate::report::json;
use crate::report::text::{count, plural};

use super::Exit;
use super::context::{Context, Format};

const EXAMPLES: &str = "\
It holds for the whole database and for every session at once. Changing it moves no key; it asks on
a terminal and takes --yes elsewhere.

Examples:
  keyward policy             shows the mode, since when, and by whom
  keyward policy observe     before the rollout: stops nothing, counts what it would
  keyward policy enforce     the guards hold, for the accounts that have the setting on
  keyward policy off --yes   the emergency brake";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Change the mode to this; without it, show the policy
    #[arg(value_name = "MODE")]
    mode: Option<Choice>,
}

/// A mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// Let everything pass, and count what enforcement would have stopped
    Observe,
    /// Hold the guards, for the accounts that have the setting on
    Enforce,
    /// Let everything pass
    Off,
}

impl Choice {
    fn mode(self) -> Mode {
        match self {
            Self::Observe => Mode::Observe,
            Self::Enforce => Mode::Enforce,
            Self::Off => Mode::Off,
        }
    }
}

/// Shows or changes the policy.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let mut db = context.connect().await?;
    let mut shown = policy::show(&mut db).await?;
    if let Some(to) = args.mode.map(Choice::mode) {
        let (from, to) = (shown.mode, to);
        if from == to {
            context.note(&format!("The mode is {} already: nothing was changed.", to.name()));
        } else {
            context.note(&meaning(to, policy::stake(&mut db).await?));
            if !context.confirm(&format!("Change the policy's mode from {} to {}?", from.name(), to.name()))? {
                return Err(Error::refused("not confirmed: nothing was changed"));
            }
            let changed = policy::change(&mut db, to).await?;
            if changed.forgotten > 0 {
                context.note(&format!("Observations older than {DAYS_KEPT} days were forgotten."));
            }
            shown = policy::show(&mut db).await?;
        }
    }
    db.close().await;
    context.data(&match context.format() {
        Format::Json => json::document(&shown)?,
        Format::Text => text(&shown),
    });
    Ok(Exit::Done)
}

fn keys(number: u64) -> String {
    plural(usize::try_from(number).unwrap_or(usize::MAX), "key")
}

fn accounts(number: u64) -> String {
    plural(usize::try_from(number).unwrap_or(usize::MAX), "account")
}

/// Says what a mode means here and now.
fn meaning(to: Mode, stake: Stake) -> String {
    let Stake { enabled_accounts, sealed, published_enabled } = stake;
    // What stops to hold; before the rollout, nothing does.
    let no_longer = if enabled_accounts == 0 {
        String::new()
    } else {
        format!(
            "\n{} with the setting on will be protected no longer: legacy writes pass, and keys written from now on stay published.\n\
             What is sealed stays sealed: {}.",
            accounts(enabled_accounts),
            keys(sealed)
        )
    };
    match to {
        Mode::Observe => format!(
            "Nothing is stopped while keyward observes; what enforcement would have stopped is counted, for every account that hasn't\n\
             opted out, and keyward rollout preview lists it.{no_longer}"
        ),
        Mode::Off => format!("Nothing is stopped and nothing is counted while the mode is off.{no_longer}"),
        Mode::Enforce => {
            let open = if published_enabled == 0 {
                "No published key stands in an enabled account.".to_owned()
            } else {
                format!(
                    "{} published in enabled accounts: keyward rollout finish seals them, or keyward account opt-in for a single account.",
                    keys(published_enabled)
                )
            };
            format!("The guards hold from now on, for {} with the setting on.\n{open}", accounts(enabled_accounts))
        }
    }
}

fn text(policy: &Policy) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    let by = policy.changed_by.as_ref().map_or_else(String::new, |role| format!(", by {role}"));
    let observed = &policy.observed;
    let seen = match (observed.first_day, observed.last_day) {
        (Some(first), Some(last)) => {
            format!("{} writes in {}, {first} to {last}", count(observed.writes), accounts(observed.accounts))
        }
        _ => "nothing".to_owned(),
    };
    format!(
        "mode       {}, since {}{by}\ndefault    accounts without a setting of their own are {}, new accounts {}\nobserved   {seen}",
        policy.mode.name(),
        policy.since.strftime("%Y-%m-%d %H:%M UTC"),
        on(policy.default_enabled),
        on(policy.new_accounts_enabled || policy.default_enabled)
    )
}
