//! What must be allowed by name before a plan is carried out: hazards, and the refusals that can be overruled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finding, Hazard, Plan, Severity};

/// What is allowed by name. Made with the plan, it is kept in its file, and is part of what a signature signs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hazards.
    pub hazards: Vec<String>,
    /// The findings whose risk is accepted.
    pub risks: Vec<String>,
}

impl Approval {
    /// Adds what another one allows.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let joined = |a: &[String], b: &[String]| {
            let mut all: Vec<_> = a.iter().chain(b).cloned().collect();
            all.sort();
            all.dedup();
            all
        };
        Self { hazards: joined(&self.hazards, &other.hazards), risks: joined(&self.risks, &other.risks) }
    }
}

impl Plan {
    /// Returns the hazards of the steps, each once, with the number of steps that have it.
    #[must_use]
    pub fn hazards(&self) -> Vec<(&Hazard, usize)> {
        let mut all: BTreeMap<&str, (&Hazard, usize)> = BTreeMap::new();
        for hazard in self.steps.iter().flat_map(|step| &step.hazards) {
            all.entry(&hazard.id).or_insert((hazard, 0)).1 += 1;
        }
        all.into_values().collect()
    }

    /// Returns the hazards that neither the plan itself nor `more` allows by name.
    #[must_use]
    pub fn hazards_not_allowed(&self, more: &[String]) -> Vec<(&Hazard, usize)> {
        let mut all = self.hazards();
        all.retain(|(hazard, _)| !self.approved.hazards.contains(&hazard.id) && !more.contains(&hazard.id));
        all
    }

    /// Returns the findings that forbid to apply, given the risks that the plan itself and `more` accept by name.
    #[must_use]
    pub fn refusals(&self, more: &[String]) -> Vec<&Finding> {
        let accepted = |finding: &Finding| {
            finding.can_be_accepted && (self.approved.risks.contains(&finding.id) || more.contains(&finding.id))
        };
        self.findings.iter().filter(|finding| finding.severity == Severity::Refusal && !accepted(finding)).collect()
    }
}
