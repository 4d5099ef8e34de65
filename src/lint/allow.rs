//! Suppression: comments that accept findings, each with a reason.
//!
//! `-- keyward:allow KWL022 reason` before a statement, inside it, or behind it on its last line; `-- keyward:allow-file KWL022 reason` for the whole file.

/// A comment that accepts findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allow {
    /// The rules.
    pub(crate) rules: Vec<String>,
    pub(crate) reason: String,
    /// Where the comment starts.
    pub(crate) at: usize,
    pub(crate) is_for_file: bool,
    /// What it covers, in bytes; `None` until the statement is known.
    pub(crate) covers: Option<(usize, usize)>,
    /// The rules for which it has accepted something.
    pub(crate) used: Vec<String>,
}

/// Reads a comment; `None` if it is about something else.
pub(crate) fn read(comment: &str, at: usize) -> Option<Allow> {
    let text = comment.strip_prefix("--").or_else(|| comment.strip_prefix("/*")).unwrap_or(comment);
    let text = text.trim_end_matches("*/").trim();
    let rest = text.strip_prefix("keyward:allow")?;
    let (is_for_file, rest) = rest.strip_prefix("-file").map_or((false, rest), |rest| (true, rest));
    if !rest.is_empty() && !rest.starts_with(|c: char| c.is_whitespace() || c == ':') {
        return None;
    }
    let mut rest = rest.trim_start_matches(':').trim_start();
    let mut rules = Vec::new();
    loop {
        let end = rest.find(|c: char| c.is_whitespace() || c == ',' || c == ':').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !is_rule(word) {
            break;
        }
        rules.push(if word.starts_with("squawk/") { word.to_owned() } else { word.to_uppercase() });
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    let reason = rest.trim_start_matches([':', '-', '\u{2013}', '\u{2014}']).trim().to_owned();
    Some(Allow { rules, reason, at, is_for_file, covers: None, used: Vec::new() })
}

fn is_rule(word: &str) -> bool {
    let upper = word.to_uppercase();
    word.starts_with("squawk/")
        || upper.strip_prefix("KWL").is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
}

/// The suppressions of a file, as they are met.
#[derive(Debug, Default)]
pub(crate) struct Allows {
    pub(crate) all: Vec<Allow>,
    /// Where the last statement began and ended.
    last: Option<(usize, usize)>,
}

impl Allows {
    /// Takes a comment in.
    pub(crate) fn comment(&mut self, text: &str, at: usize, script: &str) {
        let Some(mut allow) = read(text, at) else { return };
        if let Some((start, end)) = self.last
            && script.get(end..at).is_some_and(|between| !between.contains('\n'))
        {
            allow.covers = Some((start, end));
        }
        self.all.push(allow);
    }

    /// Takes a statement in: the comments before it that wait for one are about it.
    pub(crate) fn statement(&mut self, start: usize, end: usize) {
        self.last = Some((start, end));
        for allow in self.all.iter_mut().rev().take_while(|allow| allow.covers.is_none()) {
            allow.covers = Some((start, end));
        }
    }

    /// Tells whether a finding is accepted, and remembers by what.
    pub(crate) fn accepts(&mut self, rule: &str, at: usize) -> bool {
        let mut accepted = false;
        for allow in &mut self.all {
            let covers = allow.is_for_file || allow.covers.is_some_and(|(start, end)| (start..=end).contains(&at));
            if covers && !allow.reason.is_empty() && allow.rules.iter().any(|known| known == rule) {
                accepted = true;
                if !allow.used.iter().any(|used| used == rule) {
                    allow.used.push(rule.to_owned());
                }
            }
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_rules_and_gives_a_reason() {
        let read = |comment| read(comment, 0).map(|allow| (allow.rules.join(" "), allow.reason, allow.is_for_file));
        let of = |rules: &str, reason: &str, file| Some((rules.to_owned(), reason.to_owned(), file));
        assert_eq!(read("-- keyward:allow KWL003 the vault is empty"), of("KWL003", "the vault is empty", false));
        assert_eq!(read("--keyward:allow kwl003, squawk/x-y: why not"), of("KWL003 squawk/x-y", "why not", false));
        assert_eq!(read("/* keyward:allow-file KWL003 KWL004 - old */"), of("KWL003 KWL004", "old", true));
        assert_eq!(read("-- keyward:allow KWL003"), of("KWL003", "", false));
        assert_eq!(read("-- keyward:allow because"), of("", "because", false));
        for other in ["-- keyward: allow KWL003 x", "-- keyward:allowed", "-- see keyward:allow KWL003 x"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_comment_is_about_its_statement() {
        let script = "-- a\nA;\nB; -- b\n-- c\nC";
        let mut allows = Allows::default();
        let comment = |allows: &mut Allows, at: usize| allows.comment("-- keyward:allow KWL003 x", at, script);
        comment(&mut allows, 0);
        allows.statement(5, 6);
        allows.statement(8, 9);
        comment(&mut allows, 11);
        comment(&mut allows, 16);
        allows.statement(21, 22);
        assert!(allows.accepts("KWL003", 5) && allows.all[0].used == ["KWL003"] && allows.all[1].used.is_empty());
        assert!(allows.accepts("KWL003", 8) && allows.accepts("KWL003", 21));
        assert!(!allows.accepts("KWL004", 5) && !allows.accepts("KWL003", 7));
    }
}
