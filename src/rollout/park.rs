//! Accounts that can't be changed: a trigger or a constraint of the application refuses. They are set down with the reason, and the wave goes on.

use serde::{Deserialize, Serialize};

use super::course::Course;
use super::ground::{self, Ground, end};
use crate::db::{Db, Failure, Param, Refusal};
use crate::error::{Error, Result};

/// The accounts that are parked, and still there without a choice of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parked {
    /// How many.
    pub(super) accounts: u64,
    /// The first few, each with the SQLSTATE.
    pub(super) first: Vec<String>,
}

/// Tells whether a failure is about the account at hand, or may be gone a moment later; otherwise the connection is lost or the server in trouble, and
/// the next account would fare no better.
pub(super) fn is_one_accounts(failure: &Failure) -> bool {
    let Failure::Server(refusal) = failure else { return false };
    // out of resources, stopped by an operator, system error, internal error, read-only or otherwise invalid transaction
    !["53", "57", "58", "XX", "25", "F0"].contains(&refusal.code.get(..2).unwrap_or_default())
}

/// Says what refused, without a word that may quote a row.
pub(super) fn problem(refusal: &Refusal) -> String {
    if ground::is_safe(&refusal.code) {
        return refusal.message.clone();
    }
    match &refusal.place {
        Some(place) => format!("refused by {place}"),
        None => "refused by a trigger or a constraint of the application; the server's log has the message".to_owned(),
    }
}

/// Parks an account, and returns how many the wave has parked.
pub(super) async fn park(db: &mut Db, course: &Course<'_>, account: &str, refusal: &Refusal) -> Result<u64, Failure> {
    #[derive(Deserialize)]
    struct Count {
        parked: u64,
    }
    let ground = course.ground;
    ground.begin(db, std::time::Duration::from_secs(10), true).await?;
    let done = async {
        let params = [account.into(), Param::Int(course.wave), refusal.code.as_str().into(), problem(refusal).into()];
        db.run(&ground.statements.park, &params).await?;
        let count: Count = db
            .row(
                "SELECT pg_catalog.count(*) AS parked FROM keyward.parked_account AS k WHERE k.wave = $1",
                &[Param::Int(course.wave)],
            )
            .await?;
        Ok(count.parked)
    }
    .await;
    end(db, done).await
}

/// Tells whether any account is parked, by whatever wave.
pub(super) async fn any(db: &mut Db, ground: &Ground) -> Result<bool> {
    #[derive(Deserialize)]
    struct Any {
        any: bool,
    }
    let rows: Vec<Any> = ground.read(db, "SELECT EXISTS (SELECT FROM keyward.parked_account) AS any", &[]).await?;
    Ok(rows.iter().any(|row| row.any))
}

/// Returns which accounts are parked.
pub(super) async fn still_parked(db: &mut Db, ground: &Ground) -> Result<Parked> {
    let mut rows: Vec<Parked> = ground.read(db, &ground.statements.still_parked, &[]).await?;
    Ok(rows.pop().unwrap_or_default())
}

/// The refusal to finish while accounts are parked.
pub(super) fn refuse(parked: &Parked) -> Error {
    let more = if parked.accounts > parked.first.len() as u64 { ", …" } else { "" };
    let accounts = if parked.accounts == 1 { "1 account is".to_owned() } else { format!("{} accounts are", parked.accounts) };
    Error::refused(format!("{accounts} parked, and could not be enabled: {}{more}", parked.first.join(", ")))
        .with_hint(
            "keyward rollout status says what refused; mend it and run keyward rollout run, or let the accounts opt out (keyward account opt-out), \
             or leave them off for now with --leave-parked",
        )
}
