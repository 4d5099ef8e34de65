//! Who uses the key column today: the statements that `pg_stat_statements` has kept, by role.

use sha2::{Digest, Sha256};

use super::{Finding, Ground};
use crate::audit::evidence::Statement;
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::catalog::hex;
use crate::ident::human;
use crate::manifest::Hide;
use crate::parse::{Use, redact, use_of};
use crate::plan::affected;

pub(super) const RULES: &[Declared] = &[
    (
        "KW401",
        Severity::Note,
        "a statement looks rows up by their key",
        "It finds no sealed key: whoever presents one is turned away, once its account is enabled. An API role's is refused behind a wall.",
        "Change the code to keyward.authenticate_<key>($1) before the rollout.",
    ),
    (
        "KW402",
        Severity::Note,
        "a statement uses the key column",
        "It gets NULL for a sealed key, and a key that it writes is sealed or withheld. An API role's is refused behind a wall.",
        "Look whether the code needs the key; the UI reads keyward.vault_<key> and calls keyward.reveal_<key>.",
    ),
];

/// So many statements are listed for each key.
const MOST: usize = 100;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let behind_walls = affected(ground.manifest, ground.snapshot);
    for key in &ground.manifest.keys {
        // a wall is before the API alone
        let concerns = |kept: &Statement| key.hide == Hide::Vault || behind_walls.contains(&kept.role);
        let column = format!("{}.{}", key.table.human(), human(&key.column));
        let used = |text: &str| use_of(text, key.table.schema.as_str(), key.table.name.as_str(), key.column.as_str());
        let mut by_use: Vec<_> = ground
            .evidence
            .statements
            .iter()
            .filter(|kept| concerns(kept))
            .filter_map(|kept| used(&kept.text).map(|how| (how, kept)))
            .collect();
        by_use.sort_by_key(|(how, kept)| (*how, std::cmp::Reverse(kept.calls)));
        for (how, kept) in by_use.into_iter().take(MOST) {
            // Most constants are parameters already; a utility statement keeps its own.
            let text = redact(&kept.text);
            let mut shown: String = text.chars().take(240).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            let rule = if how == Use::LooksUp { "KW401" } else { "KW402" };
            let finding = Finding::new(rule, format!("{column} by {}", kept.role), format!("{shown} ({} calls).", kept.calls));
            let finding = finding.keyed(&hex(&Sha256::digest(text.as_bytes()))[..12]);
            found.push(finding.remedy(if how == Use::LooksUp {
                format!("Change it to keyward.authenticate_{}($1) before the rollout.", key.name)
            } else {
                String::new()
            }));
        }
    }
    found
}
