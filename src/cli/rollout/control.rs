//! `keyward rollout pause` and `keyward rollout resume`.

use crate::error::Result;
use crate::rollout;

use super::super::Exit;
use super::super::context::Context;

/// The arguments of `pause`.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// Say why, for whoever looks at status
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Holds the rollout. It needs no manifest: whoever wants to stop it must be able to.
pub(super) async fn pause(context: &Context, args: &PauseArgs) -> Result<Exit> {
    let mut db = context.connect().await?;
    let changed = rollout::pause(&mut db, args.reason.as_deref()).await?;
    db.close().await;
    context.note(if changed {
        "Paused: every worker ends the batch in hand and waits. keyward rollout resume lets them go on."
    } else {
        "It was paused already."
    });
    Ok(Exit::Done)
}

/// Lets it go on.
pub(super) async fn resume(context: &Context) -> Result<Exit> {
    let mut db = context.connect().await?;
    let changed = rollout::resume(&mut db).await?;
    db.close().await;
    context.note(if changed {
        "Resumed: workers that waited go on. One that has ended is started by running its command again."
    } else {
        "It was not paused."
    });
    Ok(Exit::Done)
}
