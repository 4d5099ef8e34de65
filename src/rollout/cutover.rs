//! The cutover, waited for by the server's clock.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;

use super::ground::pause;
use super::{Progress, Tell, statements};
use crate::db::settings::Settings;
use crate::db::{Db, Param};
use crate::error::Result;
use crate::manifest::Manifest;

/// The longest time between two looks at the server's clock: clocks drift, and are set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Waits until the manifest's cutover has come by the server's clock, and returns a connection made after that.
///
/// It looks at least every thirty seconds, with a connection of its own each time: one that idles for days is cut, and a server may be restarted
/// meanwhile. A server that can't be reached while it waits is tried again.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if asked to stop; as [`Db::connect`] at the first look.
pub async fn wait_for_cutover(settings: &Settings, manifest: &Manifest, stop: &AtomicBool, tell: &mut Tell<'_>) -> Result<Db> {
    let mut told: Option<Duration> = None;
    loop {
        let wait = match look(settings, manifest).await {
            Ok((db, None)) => return Ok(db),
            Ok((db, Some(left))) => {
                db.close().await;
                // Often enough to see that it waits, and more often the nearer it comes.
                if told.is_none_or(|told| left <= told / 2) {
                    told = Some(left);
                    tell(Progress::UntilCutover(left));
                }
                left.min(LOOK_AGAIN)
            }
            Err(error) if told.is_none() => return Err(error),
            Err(error) => {
                tell(Progress::Note(format!("{error}: looking again")));
                LOOK_AGAIN
            }
        };
        pause(wait.max(Duration::from_millis(10)), stop).await?;
    }
}

/// Connects, and returns how long the cutover is away, if it hasn't come.
async fn look(settings: &Settings, manifest: &Manifest) -> Result<(Db, Option<Duration>)> {
    #[derive(Deserialize)]
    struct Left {
        seconds: f64,
    }
    let mut db = Db::connect(settings).await?;
    let cutover = Param::Text(manifest.setting.cutover.to_string());
    let left: Left = db.row(statements::UNTIL_CUTOVER, &[cutover]).await?;
    let left = (left.seconds > 0.0).then(|| Duration::try_from_secs_f64(left.seconds).unwrap_or(Duration::MAX));
    Ok((db, left))
}
