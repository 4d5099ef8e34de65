//! The rules: what each check looks for, why, and what to do. A check in SQL says it in its file's header, one in Rust beside its code.

use std::sync::LazyLock;

use super::checks;
use super::finding::Severity;
use super::sql;

/// What a check looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The stable name, such as `KW104`.
    pub id: String,
    /// How much a finding weighs.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// What to do in general; a finding says it for its object.
    pub remedy: String,
    /// Where the check is.
    pub file: String,
    /// What the check needs to make sense: `keys`, `walls`, `installed`, `v15`; empty for nothing.
    pub needs: String,
}

/// A rule as a check in Rust declares it: id, severity, title, why, remedy.
pub(super) type Declared = (&'static str, Severity, &'static str, &'static str, &'static str);

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let declared = checks::DECLARED.iter().flat_map(|(file, rules)| {
        rules.iter().map(move |(id, severity, title, why, remedy)| Rule {
            id: (*id).to_owned(),
            severity: *severity,
            title: (*title).to_owned(),
            why: (*why).to_owned(),
            remedy: (*remedy).to_owned(),
            file: format!("src/audit/checks/{file}.rs"),
            needs: String::new(),
        })
    });
    let mut rules: Vec<_> = declared.chain(sql::CHECKS.iter().map(|(file, source)| read(file, source))).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
});

/// Returns every rule, by id.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// Returns the rule of that id; upper or lower case.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// Reads the header of a check in SQL.
fn read(file: &str, source: &str) -> Rule {
    let mut rule = Rule {
        id: String::new(),
        severity: Severity::Error,
        title: String::new(),
        why: String::new(),
        remedy: String::new(),
        file: format!("sql/{file}"),
        needs: String::new(),
    };
    let mut last = "";
    for comment in source.lines().map_while(|line| line.strip_prefix("-- ")) {
        let (field, text) = match comment.split_once(": ") {
            Some((field @ ("id" | "severity" | "title" | "why" | "remedy" | "needs"), text)) => (field, text),
            _ => (last, comment.trim_start()),
        };
        let place = match field {
            "id" => &mut rule.id,
            "title" => &mut rule.title,
            "why" => &mut rule.why,
            "remedy" => &mut rule.remedy,
            "needs" => &mut rule.needs,
            _ => {
                rule.severity = Severity::parse(text).unwrap_or(Severity::Error);
                continue;
            }
        };
        if !place.is_empty() {
            place.push(' ');
        }
        place.push_str(text);
        last = field;
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_all_there_is_to_say_once() {
        for (at, rule) in rules().iter().enumerate() {
            let number = rule.id.strip_prefix("KW").and_then(|number| number.parse::<u16>().ok());
            assert!(number.is_some_and(|number| (100..1000).contains(&number)), "{rule:?}");
            assert!(!rule.title.is_empty() && rule.why.ends_with('.') && rule.remedy.ends_with('.'), "{rule:?}");
            assert!(rules()[at + 1..].iter().all(|other| other.id != rule.id), "{} is there twice", rule.id);
            if let Some(stem) = rule.file.strip_prefix("sql/audit/") {
                assert!(stem.starts_with(&format!("0{}_", &rule.id[2..])), "{} is {}", rule.file, rule.id);
            }
        }
        assert!(rules().len() >= 60, "{}", rules().len());
    }

    #[test]
    fn a_header_goes_on_over_lines() {
        let rule = read(
            "audit/x.sql",
            "-- id: KW999\n-- severity: note\n-- title: a: b\n-- why: one\n--   two: three\n-- remedy: four\n\nSELECT 1",
        );
        assert_eq!((rule.title.as_str(), rule.why.as_str(), rule.severity), ("a: b", "one two: three", Severity::Note));
        assert_eq!(rule.remedy, "four");
    }
}
