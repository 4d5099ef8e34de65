//! Stub.
use super::ground::Ground;
use crate::db::{Db, Param};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    pub paused: bool,
    pub paused_by: Option<String>,
    pub reason: Option<String>,
}
impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused by {}: {}", self.paused_by.as_deref().unwrap_or_default(), self.reason.as_deref().unwrap_or_default())
    }
}
pub(super) async fn state(db: &mut Db, ground: &Ground) -> Result<Control> {
    let mut rows: Vec<Control> =
        ground.read(db, "SELECT k.paused, k.paused_by, k.reason FROM keyward.rollout_control AS k", &[]).await?;
    Ok(rows.pop().unwrap())
}
pub(super) async fn hold_rollout(db: &mut Db, ground: &Ground, reason: Option<&str>) -> Result<()> {
    ground
        .write(
            db,
            "UPDATE keyward.rollout_control SET paused = true, paused_at = now(), paused_by = $1, reason = $2",
            &[ground.actor.as_str().into(), Param::OptionalText(reason.map(str::to_owned))],
        )
        .await?;
    Ok(())
}
pub async fn resume(_: &mut Db, _: &crate::manifest::Manifest) -> Result<bool> {
    Ok(false)
}
pub async fn pause(_: &mut Db, _: &crate::manifest::Manifest, _: Option<&str>) -> Result<bool> {
    Ok(false)
}
