//! What came of a probe.

use std::fmt;

use serde::Serialize;

use super::probe::Control;

/// What came of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An error of keyward's (KW…), or the server's own permission error.
    Stopped,
    /// The row is stored without the new key, and no key is lost.
    Stripped,
    /// NULL, or no row.
    Hidden,
    /// The server does no such thing for this role, whichever account it is: it lacks the privilege on a key column behind a wall, or it is COPY
    /// FROM under row-level security.
    Refused,
    /// A write that reports no error, and did nothing. A failure: nobody notices.
    Silent,
    /// The attack succeeded.
    Bypassed,
    /// Not tried, or without a control that succeeds: it proves nothing.
    Skipped,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] =
        [Self::Stopped, Self::Stripped, Self::Hidden, Self::Refused, Self::Silent, Self::Bypassed, Self::Skipped];

    /// Returns the outcome as it is written in documents and in the headers of probes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Stripped => "stripped",
            Self::Hidden => "hidden",
            Self::Refused => "refused",
            Self::Silent => "silent",
            Self::Bypassed => "bypassed",
            Self::Skipped => "skipped",
        }
    }

    /// Returns the outcome of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of one probe, tried by one role on one entry of the manifest. No field ever holds a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The probe.
    pub id: String,
    /// What it attacks.
    pub control: Control,
    /// The `[[keys]]` or `[[writes]]` entry of the manifest, by name.
    pub entry: String,
    /// The role that acted.
    pub role: String,
    /// How it attacks, in a few words.
    pub vector: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether that is one of the expected outcomes; false for a probe that was skipped.
    pub ok: bool,
    /// The SQLSTATE of the error that ended it.
    pub sqlstate: Option<String>,
    /// What the server said, as far as it can't quote a row; or why the probe was skipped.
    pub message: String,
    /// The table that was attacked, for people.
    pub object: String,
    /// How to close what is open; empty for a probe that didn't fail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Verdict {
    /// Tells whether the attack got through, or failed in another way than it should.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.ok && self.outcome != Outcome::Skipped
    }
}
