//! Findings that a site has accepted, each with a reason.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::error::{Error, Result};

use super::finding::Finding;

/// Accepted findings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// One for each accepted finding.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
}

/// An accepted finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The finding's `cache_key`.
    pub cache_key: String,
    /// Why it is accepted; not empty.
    pub reason: String,
}

impl Baseline {
    /// Reads a baseline from TOML, or from JSON where the text begins with a brace; `file` names it in messages.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if it is neither, has unknown fields, an empty reason, or accepts a finding twice.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let hint = "write [[accepted]] tables with a cache_key and a reason, or the same as JSON: {\"accepted\": [{…}]}";
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::usage(format!("{file} is not a baseline")).with_source(error).with_hint(hint)
        };
        let baseline: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| wrong(error.into()))?
        } else {
            toml::from_str(text).map_err(|error| wrong(error.into()))?
        };
        for (at, one) in baseline.accepted.iter().enumerate() {
            if one.reason.trim().is_empty() {
                return Err(Error::usage(format!("{file}: {} is accepted without a reason", one.cache_key))
                    .with_hint("say why, for whoever reads it after you"));
            }
            if baseline.accepted[..at].iter().any(|other| other.cache_key == one.cache_key) {
                return Err(Error::usage(format!("{file}: {} is accepted twice", one.cache_key)).with_hint("keep one of the two"));
            }
        }
        Ok(baseline)
    }

    /// Tells whether a finding is accepted.
    #[must_use]
    pub fn accepts(&self, finding: &Finding) -> bool {
        self.accepted.iter().any(|one| one.cache_key == finding.cache_key)
    }

    /// Returns a finding for each accepted one that didn't occur.
    pub(super) fn gone(&self, found: &[Finding]) -> Vec<Finding> {
        let missing = self.accepted.iter().filter(|one| found.iter().all(|finding| finding.cache_key != one.cache_key));
        missing
            .map(|one| {
                Finding::new(
                    "KW902",
                    one.cache_key.as_str(),
                    format!("It was accepted because: {}.", one.reason.trim_end_matches('.')),
                )
            })
            .collect()
    }

    /// Returns a baseline in TOML that would accept the findings, once a reason is written to each.
    #[must_use]
    pub fn draft(findings: &[Finding]) -> String {
        let mut text = "# Findings of keyward audit that are accepted here. Each needs a reason.\n".to_owned();
        for finding in findings {
            let key = toml::Value::from(finding.cache_key.as_str());
            // Writing to a String can't fail.
            let _ = write!(text, "\n# {}\n[[accepted]]\ncache_key = {key}\nreason = \"\"\n", finding.title.replace('\n', " "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_toml_or_json_and_gives_reasons() {
        let toml = "[[accepted]]\ncache_key = 'KW301:app.v'\nreason = 'shown to the UI only'\n";
        let json = r#" {"accepted": [{"cache_key": "KW301:app.v", "reason": "shown to the UI only"}]}"#;
        assert_eq!(Baseline::parse(toml, "b").unwrap(), Baseline::parse(json, "b").unwrap());
        assert_eq!(Baseline::parse("", "b").unwrap().accepted, []);
        for (bad, said) in [
            (toml.replace("shown to the UI only", " "), "without a reason"),
            (toml.repeat(2), "twice"),
            (toml.replace("reason", "because"), "not a baseline"),
            ("{".to_owned(), "not a baseline"),
        ] {
            let error = Baseline::parse(&bad, "b").unwrap_err();
            assert!(error.to_string().contains(said) && error.hint().is_some(), "{bad}: {error}");
        }
    }

    #[test]
    fn a_draft_accepts_its_findings_once_it_has_reasons() {
        let finding = Finding::new("KW301", "app.\"odd \\ view\"", "");
        let draft = Baseline::draft(std::slice::from_ref(&finding));
        assert!(Baseline::parse(&draft, "b").is_err(), "no reason yet");
        let baseline = Baseline::parse(&draft.replace("reason = \"\"", "reason = 'known'"), "b").unwrap();
        assert!(baseline.accepts(&finding));
        assert_eq!(baseline.gone(std::slice::from_ref(&finding)), []);
        assert_eq!(baseline.gone(&[])[0].id, "KW902");
    }
}
