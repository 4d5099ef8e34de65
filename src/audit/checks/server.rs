//! Minor versions of the server that lack a fix which matters here.

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;

pub(super) const RULES: &[Declared] = &[(
    "KW501",
    Severity::Warning,
    "the server lacks a security fix",
    "Row-level security, roles or statistics do not hold what they promise in this minor version.",
    "Update the server to its newest minor version; the data directory stays as it is.",
)];

/// What was wrong, and the first minor version of each major one that has the fix.
type Fix = (&'static str, &'static str, &'static [(u32, u32)]);

/// The fixes that matter here.
const FIXES: &[Fix] = &[
    (
        "CVE-2023-2455",
        "a policy that depends on the role may be applied for another role, after inlining a function",
        &[(14, 8), (15, 3)],
    ),
    (
        "CVE-2024-10976",
        "a policy that depends on the role may be applied for another role, where a query is planned once and run as several roles",
        &[(14, 14), (15, 9), (16, 5), (17, 1)],
    ),
    (
        "CVE-2024-10978",
        "SET ROLE and SET SESSION AUTHORIZATION may be reset to the wrong role",
        &[(14, 14), (15, 9), (16, 5), (17, 1)],
    ),
    ("CVE-2025-8713", "statistics show values of rows that a policy or a view hides", &[(14, 19), (15, 14), (16, 10), (17, 6)]),
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    missing(ground.snapshot.server.version_num)
}

fn missing(version_num: u32) -> Vec<Finding> {
    let (major, minor) = (version_num / 10_000, version_num % 10_000);
    let lacks = |fixes: &[(u32, u32)]| fixes.iter().find(|(of, fixed)| *of == major && minor < *fixed).map(|(_, fixed)| *fixed);
    FIXES
        .iter()
        .filter_map(|(cve, what, fixes)| {
            let fixed = lacks(fixes)?;
            let detail = format!("PostgreSQL {major}.{minor} is older than {major}.{fixed}: {what}.");
            Some(Finding::new("KW501", *cve, detail).remedy(format!("Update to PostgreSQL {major}.{fixed} or newer.")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_measured_against_the_fixes_of_its_major_version() {
        let cves = |version| missing(version).into_iter().map(|finding| finding.object).collect::<Vec<_>>();
        assert_eq!(cves(150_002), ["CVE-2023-2455", "CVE-2024-10976", "CVE-2024-10978", "CVE-2025-8713"]);
        assert_eq!(cves(150_003), ["CVE-2024-10976", "CVE-2024-10978", "CVE-2025-8713"]);
        assert_eq!(cves(170_000), ["CVE-2024-10976", "CVE-2024-10978", "CVE-2025-8713"]);
        assert_eq!(cves(160_009), ["CVE-2025-8713"]);
        for good in [140_019, 150_014, 160_010, 170_006, 180_000] {
            assert_eq!(cves(good), Vec::<String>::new(), "{good}");
        }
    }
}
