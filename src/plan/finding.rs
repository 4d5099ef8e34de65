//! What stands in the way of enforcement, or weakens it: findings, with the remedy of each.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is refused.
    Warning,
    /// Enforcement would be advisory, or apply would fail: refused, unless the risk is accepted by name.
    Refusal,
}

/// Something that stands in the way of enforcement, or weakens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name, such as `superuser:api_v1`; `--accept-risk` takes it.
    pub id: String,
    /// How much it weighs.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The object it is about, qualified.
    pub object: String,
    /// Why it matters.
    pub detail: String,
    /// What to do about it, as SQL where there is one.
    pub remedy: String,
    /// The same for the same finding in the next run.
    pub cache_key: String,
    /// Whether the risk can be accepted; what can't work can't be accepted either.
    pub can_be_accepted: bool,
}

impl Finding {
    /// Makes a finding; its id is `kind:object`.
    pub(super) fn new(severity: Severity, kind: &str, object: impl Into<String>, title: impl Into<String>) -> Self {
        let object = object.into();
        let id = format!("{kind}:{object}");
        Self {
            cache_key: id.clone(),
            id,
            severity,
            title: title.into(),
            object,
            detail: String::new(),
            remedy: String::new(),
            can_be_accepted: true,
        }
    }

    pub(super) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Marks what can't work whatever one accepts.
    pub(super) fn hard(mut self) -> Self {
        self.can_be_accepted = false;
        self
    }
}
