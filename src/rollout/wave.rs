//! The record of a run: its row in keyward.wave.

use serde::Deserialize;

use super::ground::Ground;
use super::{Options, Percent, statements};
use crate::db::{Db, Failure, Param};
use crate::error::Result;

/// A wave that has not come to its end.
#[derive(Debug, Deserialize)]
pub(super) struct Unfinished {
    pub(super) id: i64,
    pub(super) reached: Option<String>,
}

/// Returns the newest unfinished wave of a kind and percentage.
pub(super) async fn unfinished(db: &mut Db, ground: &Ground, kind: &str, percent: Percent) -> Result<Option<Unfinished>> {
    let params = [kind.into(), percent.to_string().into()];
    Ok(ground.read(db, statements::UNFINISHED, &params).await?.pop())
}

/// Marks waves whose process has ended without a word. The caller is the one runner, so nobody else is at work.
pub(super) async fn bury(db: &mut Db, ground: &Ground) -> Result<()> {
    let sql = "UPDATE keyward.wave AS w SET state = 'stopped', ended_at = pg_catalog.clock_timestamp() WHERE w.state = 'running'";
    ground.write(db, sql, &[]).await?;
    Ok(())
}

/// Begins a wave, or lets an unfinished one go on, and returns its number.
pub(super) async fn begin(
    db: &mut Db,
    ground: &Ground,
    kind: &str,
    percent: Percent,
    options: &Options,
    unfinished: Option<&Unfinished>,
) -> Result<i64> {
    #[derive(Deserialize)]
    struct Begun {
        id: i64,
    }
    if let Some(wave) = unfinished {
        let sql = "UPDATE keyward.wave AS w SET state = 'running', ended_at = NULL WHERE w.id = $1";
        ground.write(db, sql, &[Param::Int(wave.id)]).await?;
        return Ok(wave.id);
    }
    let parameters = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "before_cutover": options.before_cutover,
        "batch_target_ms": u64::try_from(options.target.as_millis()).unwrap_or(u64::MAX),
        "batch_most": options.most,
    });
    ground.begin(db, std::time::Duration::from_secs(10), false).await?;
    let begun: Result<Begun, Failure> = db
        .row(
            "INSERT INTO keyward.wave (kind, percent, started_by, parameters) VALUES ($1, $2::text::numeric, $3, $4::text::jsonb) RETURNING id",
            &[kind.into(), percent.to_string().into(), ground.actor.as_str().into(), parameters.to_string().into()],
        )
        .await;
    Ok(super::ground::end(db, begun).await?.id)
}

/// Writes down how a wave came to its end, for now (`stopped`) or for good (`done`).
pub(super) async fn end(
    db: &mut Db,
    ground: &Ground,
    wave: i64,
    state: &str,
    stragglers: u64,
    more: &serde_json::Value,
) -> Result<()> {
    let params = [Param::Int(wave), state.into(), Param::Int(stragglers.cast_signed()), more.to_string().into()];
    ground.write(db, statements::END, &params).await?;
    Ok(())
}
