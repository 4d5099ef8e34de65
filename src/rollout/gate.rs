//! Gates: what the manifest asks at the end of a wave, before it counts as done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ask::{Answer, ask};
use crate::db::Db;
use crate::error::Result;
use crate::manifest::{Condition, Gate, OnFail};

/// What a gate said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// Its name in the manifest.
    pub name: String,
    /// Whether its answer is a good one.
    pub ok: bool,
    /// The answer: a number, `true` or `false`; `None` if there was no such answer.
    pub value: Option<String>,
    /// Which answers are good, as the manifest says.
    pub ok_when: Condition,
    /// When it was asked, by the server's clock.
    pub at: jiff::Timestamp,
    /// What follows if it isn't good.
    pub on_fail: OnFail,
    /// Why there was no answer: words and a SQLSTATE, no data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl fmt::Display for GateResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.value.as_deref().or(self.problem.as_deref()).unwrap_or("no answer");
        let verdict = if self.ok { "passes" } else { "fails" };
        write!(f, "{:?} {verdict}: {said}; ok when {}", self.name, self.ok_when)
    }
}

/// Asks every gate, in the manifest's order. One whose query fails is one that fails.
///
/// # Errors
/// If the connection is gone.
pub(super) async fn check(db: &mut Db, gates: &[Gate]) -> Result<Vec<GateResult>> {
    #[derive(Deserialize)]
    struct Now {
        at: jiff::Timestamp,
    }
    let mut results = Vec::new();
    for gate in gates {
        let now: Now = db.row("SELECT pg_catalog.clock_timestamp() AS at", &[]).await?;
        results.push(judge(gate, &ask(db, &gate.sql).await?, now.at));
    }
    Ok(results)
}

fn judge(gate: &Gate, answer: &Result<Answer, String>, at: jiff::Timestamp) -> GateResult {
    let (value, problem) = match answer {
        Ok(Answer::Number(number)) => (Some(number.to_string()), None),
        Ok(Answer::Truth(truth)) => (Some(truth.to_string()), None),
        Err(problem) => (None, Some(problem.clone())),
    };
    let ok = match answer {
        Ok(Answer::Number(number)) => gate.ok_when.holds(*number),
        // A truth is good only where one is asked for.
        Ok(Answer::Truth(truth)) => *truth && gate.ok_when == Condition::True,
        Err(_) => false,
    };
    GateResult { name: gate.name.clone(), ok, value, ok_when: gate.ok_when, at, on_fail: gate.on_fail, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_the_kind_that_is_asked_for_can_be_good() {
        let number = |n| Ok(Answer::Number(n));
        for (ok_when, answer, ok, text) in [
            ("< 10", number(9.0), true, "\"g\" passes: 9; ok when < 10"),
            ("< 10", number(10.0), false, "\"g\" fails: 10; ok when < 10"),
            ("true", Ok(Answer::Truth(true)), true, "\"g\" passes: true; ok when true"),
            ("true", Ok(Answer::Truth(false)), false, "\"g\" fails: false; ok when true"),
            ("true", number(1.0), false, "\"g\" fails: 1; ok when true"),
            ("= 1", Ok(Answer::Truth(true)), false, "\"g\" fails: true; ok when = 1"),
            ("<> 0", Err("it fails (SQLSTATE 22012)".to_owned()), false, "\"g\" fails: it fails (SQLSTATE 22012); ok when <> 0"),
        ] {
            let gate =
                Gate { name: "g".to_owned(), sql: String::new(), ok_when: ok_when.parse().unwrap(), on_fail: OnFail::Pause };
            let result = judge(&gate, &answer, jiff::Timestamp::UNIX_EPOCH);
            assert_eq!((result.ok, result.to_string().as_str()), (ok, text));
            let stored = serde_json::to_string(&result).unwrap();
            assert_eq!(serde_json::from_str::<GateResult>(&stored).unwrap(), result);
        }
    }
}
