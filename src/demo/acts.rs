//! The acts that the demo tries before and after, read from `sql/demo/acts.sql`.

use crate::db::{Db, Failure};
use crate::error::{Error, Result};
use crate::parse;

/// One act of the application.
#[derive(Debug, Clone)]
pub(super) struct Act {
    /// What is done.
    pub(super) act: String,
    /// The role that does it.
    pub(super) role: String,
    /// The statements; the last one answers with one text, `v`.
    statements: Vec<String>,
}

/// Returns the acts, in order.
pub(super) fn all() -> Result<Vec<Act>> {
    include_str!("../../sql/demo/acts.sql")
        .split("-- act: ")
        .skip(1)
        .map(|block| {
            let misshapen = || Error::bug("sql/demo/acts.sql has an act without its role");
            let (act, rest) = block.split_once('\n').ok_or_else(misshapen)?;
            let (role, script) = rest.strip_prefix("-- role: ").and_then(|rest| rest.split_once('\n')).ok_or_else(misshapen)?;
            Ok(Act { act: act.to_owned(), role: role.to_owned(), statements: parse::split(script)? })
        })
        .collect()
}

impl Act {
    /// Tries the act in a transaction that is rolled back, and says in a few words what came of it.
    pub(super) async fn attempt(&self, db: &mut Db) -> Result<String> {
        #[derive(serde::Deserialize)]
        struct Answer {
            v: String,
        }
        db.execute("BEGIN").await?;
        let outcome = async {
            let (last, before) =
                self.statements.split_last().ok_or_else(|| Failure::Shape("an act without statements".to_owned()))?;
            for statement in before {
                db.execute(statement).await?;
            }
            db.row::<Answer>(last, &[]).await
        }
        .await;
        db.execute("ROLLBACK").await?;
        match outcome {
            Ok(answer) => Ok(answer.v),
            Err(failure) => match failure.code() {
                Some("42501") => Ok("permission denied".to_owned()),
                Some(code) if code.starts_with("KW") => Ok(format!("stopped ({code})")),
                _ => Err(failure.into()),
            },
        }
    }
}
