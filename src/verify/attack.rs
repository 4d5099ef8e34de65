//! One attack: the control that must succeed, then the attack that must not, each from the same savepoint.

use std::fmt::Write as _;

use super::outcome::Outcome;
use super::probe::{Actor, Probe, Script, Tell};
use super::session::{Cast, Session, Trouble, said, transient};
use super::site::Site;
use super::stand::Side;
use crate::db::{Reply, Statement};

/// What an act came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// `None` if it failed in a way that tells nothing.
    pub(super) outcome: Option<Outcome>,
    pub(super) code: Option<String>,
    /// What the server said, without a row's values.
    pub(super) said: String,
}

/// One run of a probe's sections.
pub(super) struct Turn<'a> {
    pub(super) probe: &'a Probe,
    pub(super) script: &'a Script,
    pub(super) cast: &'a Cast,
    pub(super) side: &'a Side,
    pub(super) site: &'a Site<'a>,
}

impl Turn<'_> {
    /// Carries out the set-up and the act (or the counter-act) and looks at what came of it; all of it is rolled back.
    ///
    /// # Errors
    /// Why the set-up or the look failed.
    pub(super) async fn play(&self, session: &mut Session<'_>, is_control: bool) -> Result<Seen, Trouble> {
        let seen = self.act(session, is_control).await;
        let back = "ROLLBACK TO SAVEPOINT keyward_probe; RELEASE SAVEPOINT keyward_probe";
        if self.probe.prepares() {
            // a prepared statement is the session's, not the transaction's; where there is none, there is nothing to take away
            session.db.execute("ROLLBACK TO SAVEPOINT keyward_probe").await?;
            let _ = session.db.execute("DEALLOCATE keyward_probe").await;
        }
        session.db.execute(back).await?;
        seen
    }

    async fn act(&self, session: &mut Session<'_>, is_control: bool) -> Result<Seen, Trouble> {
        let (actor, statements) = match (&self.script.counter, self.probe.with) {
            (Some(statements), Some(with)) if is_control => (with, statements),
            _ => (Actor::Attacker, &self.script.act),
        };
        let mut before = String::from("SAVEPOINT keyward_probe");
        if self.probe.lock.is_some() {
            // nobody waits behind us for long
            before.push_str("; SET LOCAL lock_timeout = 100");
        }
        for (actor, statements) in &self.script.set_up {
            let _ = write!(before, "; {}; {}", session.switch(*actor, self.cast)?, statements.join(";\n"));
        }
        let attacker = &self.cast.attacker;
        let behind_wall = self.site.is_behind_wall(self.probe, attacker);
        let lent = Some(self.site.lend(self.probe, attacker, self.side.part())).filter(|_| behind_wall && is_control);
        for grant in lent.into_iter().chain(self.site.lend_neighbours(attacker, self.side.part())) {
            let _ = write!(before, "; {}; {grant}", session.switch(Actor::Hand, self.cast)?);
        }
        let _ = write!(before, "; {}; {}", session.switch(actor, self.cast)?, session.variables_for(&self.side.account));
        session.db.execute(&before).await?;
        let statements: Vec<_> = statements.iter().map(|sql| statement(sql, self.side)).collect();
        let reply = session.db.attempt(&statements, &self.side.needle).await?;
        let mut look = None;
        if let (Some((looker, query)), None) = (&self.script.look, &reply.refusal) {
            let told = session.db.last_text(&format!("{}; {query}", session.switch(*looker, self.cast)?)).await?;
            look = Some(told.and_then(|told| Outcome::named(&told)).unwrap_or(Outcome::Silent));
        }
        let seen = judge(&self.probe.tell, &reply, look)?;
        // behind a wall the server refuses it to this role, whichever account it is
        let refused = behind_wall && seen.outcome == Some(Outcome::Stopped) && seen.code.as_deref() == Some("42501");
        Ok(if refused { Seen { outcome: Some(Outcome::Refused), ..seen } } else { seen })
    }
}

/// Returns a statement in the way that it is sent.
fn statement(sql: &str, side: &Side) -> Statement {
    let sql = sql.trim().trim_end_matches(';').to_owned();
    if sql.starts_with("COPY ") && sql.ends_with(" FROM STDIN") {
        Statement::CopyIn(sql, side.new_row.line())
    } else if let Some(query) = sql.strip_prefix("COPY (").and_then(|rest| rest.strip_suffix(") TO STDOUT")) {
        Statement::CopyOut(query.to_owned())
    } else {
        Statement::Plain(sql)
    }
}

/// Tells what a reply means.
fn judge(tell: &Tell, reply: &Reply, look: Option<Outcome>) -> Result<Seen, Trouble> {
    let Some(refusal) = &reply.refusal else {
        let outcome = match tell {
            Tell::Look => look.unwrap_or(Outcome::Silent),
            Tell::Shows if reply.shows => Outcome::Bypassed,
            Tell::Rows if reply.rows > 0 => Outcome::Bypassed,
            Tell::Success => Outcome::Bypassed,
            Tell::Shows | Tell::Rows | Tell::Code(_) => Outcome::Hidden,
        };
        return Ok(Seen { outcome: Some(outcome), code: None, said: String::new() });
    };
    let code = refusal.code.as_str();
    if transient(code) {
        return Err(Trouble::Refused { code: code.to_owned(), why: said(refusal) });
    }
    let outcome = match tell {
        Tell::Shows if reply.shows => Some(Outcome::Bypassed),
        Tell::Code(expected) if *expected == code => Some(Outcome::Bypassed),
        _ if code.starts_with("KW") || code == "42501" => Some(Outcome::Stopped),
        _ if code == "0A000" => Some(Outcome::Refused),
        // the error of a query that would have shown the key, without it
        Tell::Shows | Tell::Code(_) if code.starts_with("23") || code.starts_with("22") => Some(Outcome::Hidden),
        _ => None,
    };
    Ok(Seen { outcome, code: Some(code.to_owned()), said: said(refusal) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Refusal;

    fn reply(code: &str, shows: bool) -> Reply {
        let refusal = Refusal {
            code: code.to_owned(),
            message: "the key is loc_secret".to_owned(),
            detail: None,
            hint: None,
            position: None,
            place: Some("the constraint c of t".to_owned()),
        };
        Reply { shows, refusal: Some(Box::new(refusal)), ..Reply::default() }
    }

    #[test]
    fn an_error_is_an_answer_only_where_it_tells_something() {
        let of = |tell: &Tell, code: &str, shows| judge(tell, &reply(code, shows), None).unwrap().outcome;
        assert_eq!(of(&Tell::Look, "KW002", false), Some(Outcome::Stopped));
        assert_eq!(of(&Tell::Look, "42501", false), Some(Outcome::Stopped));
        assert_eq!(of(&Tell::Look, "23503", false), None);
        assert_eq!(of(&Tell::Shows, "23502", true), Some(Outcome::Bypassed));
        assert_eq!(of(&Tell::Shows, "23502", false), Some(Outcome::Hidden));
        assert_eq!(of(&Tell::Shows, "42P01", false), None);
        assert_eq!(of(&Tell::Code("23505"), "23505", false), Some(Outcome::Bypassed));
        assert!(judge(&Tell::Look, &reply("55P03", false), None).unwrap_err().is_transient());
    }

    #[test]
    fn a_write_without_error_and_without_effect_is_silent() {
        let quiet = Reply::default();
        assert_eq!(judge(&Tell::Look, &quiet, None).unwrap().outcome, Some(Outcome::Silent));
        assert_eq!(judge(&Tell::Success, &quiet, None).unwrap().outcome, Some(Outcome::Bypassed));
        assert_eq!(judge(&Tell::Rows, &quiet, None).unwrap().outcome, Some(Outcome::Hidden));
    }

    #[test]
    fn what_may_quote_a_row_is_not_repeated() {
        for code in ["23505", "42501", "P0001"] {
            let seen = judge(&Tell::Look, &reply(code, false), None).unwrap();
            assert!(!seen.said.contains("secret") && seen.said.contains(code), "{}", seen.said);
        }
    }
}
