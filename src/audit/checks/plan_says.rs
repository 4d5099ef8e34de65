//! What the plan finds in the schema and in the role graph, under the audit's names.

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;

pub(super) const RULES: &[Declared] = &[
    (
        "KW108",
        Severity::Warning,
        "a trigger of the application runs after a guard",
        "What it does to the row, the guard doesn't see; only the assertion behind it does.",
        "Rename it, so that it sorts before ~keyward_….",
    ),
    (
        "KW109",
        Severity::Warning,
        "a trigger of the application runs before keyward's first",
        "A key that it fills in is taken for one that a person wrote.",
        "Rename it, so that it sorts after !keyward_….",
    ),
    (
        "KW111",
        Severity::Error,
        "a protected table has inheritance children",
        "Triggers are not inherited: a row written to a child directly passes by the guard.",
        "Turn the children into partitions, or detach them.",
    ),
    (
        "KW112",
        Severity::Error,
        "a protected table has become a partition",
        "Its siblings are not guarded, and a row that moves between them loses its guard.",
        "Name the partitioned table in the manifest.",
    ),
    (
        "KW113",
        Severity::Error,
        "a rule rewrites statements on a key table",
        "It may write, copy or suppress keys.",
        "Drop the rule.",
    ),
    (
        "KW128",
        Severity::Error,
        "a table in the schema keyward has the name of one of keyward's",
        "The schema keyward is keyward's own.",
        "Move it to another schema.",
    ),
    (
        "KW129",
        Severity::Error,
        "a table of keyward's was dropped",
        "It held data: settings, or sealed keys.",
        "Restore it from a backup.",
    ),
    (
        "KW130",
        Severity::Error,
        "a table of keyward's was altered",
        "It holds data, so apply doesn't replace it.",
        "Restore its definition.",
    ),
    (
        "KW143",
        Severity::Warning,
        "a policy of the application restricts nobody",
        "keyward's pass-through policy lets everybody see every row, and permissive policies add up.",
        "Apply once with rls = false, then with rls = true again.",
    ),
    (
        "KW144",
        Severity::Error,
        "a restrictive policy is asleep",
        "Row-level security is off; turning it on wakes the policy.",
        "Drop the policy, or make it part of the application.",
    ),
    (
        "KW145",
        Severity::Error,
        "a restrictive policy hides rows from keyward",
        "Their keys stay published in silence.",
        "Let the policy apply to the application's roles only.",
    ),
    (
        "KW151",
        Severity::Error,
        "the key column can't be sealed",
        "Its type or a domain rejects NULL, or isn't one that holds keys.",
        "Change the column's type.",
    ),
    (
        "KW152",
        Severity::Error,
        "the key column is generated",
        "PostgreSQL computes it after every BEFORE trigger: a key that can't be withheld.",
        "Drop the expression.",
    ),
    (
        "KW153",
        Severity::Error,
        "a constraint demands a key",
        "A sealed key leaves NULL in its row, which the constraint rejects.",
        "Drop the constraint.",
    ),
    (
        "KW154",
        Severity::Error,
        "an index lets one row only be without a key",
        "UNIQUE NULLS NOT DISTINCT: the second sealed key violates it.",
        "Replace it by a unique index with NULLS DISTINCT.",
    ),
    (
        "KW155",
        Severity::Error,
        "the key is part of what identifies or places a row",
        "A primary or partition key can't be NULL, or moves the row.",
        "Choose other columns.",
    ),
    (
        "KW156",
        Severity::Error,
        "another table refers to the key",
        "The referring table holds a copy of each key, and sealing breaks the reference.",
        "Drop the foreign key, and refer to the row's id.",
    ),
    (
        "KW158",
        Severity::Warning,
        "a generated key doesn't fit its column",
        "generate_<key> fails.",
        "Lower generate.bytes, or widen the column.",
    ),
    (
        "KW159",
        Severity::Error,
        "rows of a key table are not told apart",
        "A sealed key finds its row again by the id column.",
        "Make the id unique.",
    ),
    (
        "KW162",
        Severity::Error,
        "account ids don't compare with the columns that refer to them",
        "The guards look an account's setting up by its id, as it is spelt: under another type, citext or a collation that isn't deterministic they fail, or miss rows.",
        "Name the column that refers to the account, or alter its type.",
    ),
    ("KW199", Severity::Warning, "the plan has a finding", "keyward plan says more.", "See keyward plan."),
    ("KW201", Severity::Error, "an API role is a superuser", "Nothing holds a superuser.", "Take SUPERUSER away."),
    (
        "KW202",
        Severity::Warning,
        "an API role has BYPASSRLS",
        "Row-level security doesn't hold it; the triggers, and the vault's missing grants, do.",
        "Take BYPASSRLS away.",
    ),
    (
        "KW203",
        Severity::Error,
        "an API role has CREATEROLE",
        "Up to PostgreSQL 15 it may grant itself any role that is not a superuser.",
        "Take CREATEROLE away.",
    ),
    (
        "KW204",
        Severity::Warning,
        "a login of the API reaches a role with CREATEROLE",
        "Up to PostgreSQL 15 that role may grant itself any role that is not a superuser.",
        "Take CREATEROLE, or the membership, away.",
    ),
    (
        "KW205",
        Severity::Error,
        "an API role owns a protected table",
        "The owner of a table may disable its triggers and drop its policies.",
        "Give the table to another role.",
    ),
    (
        "KW206",
        Severity::Error,
        "an API role has pg_write_all_data",
        "It writes every table without a grant, keyward's own among them.",
        "Revoke the membership.",
    ),
    (
        "KW207",
        Severity::Error,
        "an API role can become a privileged one",
        "One SET ROLE turns the API into the UI, or into keyward's owner.",
        "Revoke the membership; give the UI a login of its own.",
    ),
    (
        "KW208",
        Severity::Error,
        "an API role may put triggers on a protected table, by way of a group",
        "A trigger runs as whoever writes next, the UI among them.",
        "Revoke TRIGGER from the group.",
    ),
    (
        "KW218",
        Severity::Warning,
        "keyward's owner may log in",
        "Whoever connects as it reads every sealed key.",
        "Take LOGIN away.",
    ),
    (
        "KW232",
        Severity::Error,
        "a privilege that a wall takes was granted by somebody else than the owner",
        "Only who granted a privilege can take it back: anybody else's REVOKE does nothing, and says nothing.",
        "Let its grantor revoke it.",
    ),
    (
        "KW233",
        Severity::Error,
        "a privilege that a wall takes was passed on",
        "Taking it from who passed it on would take it from the others too, which keyward doesn't do unasked.",
        "Grant it to the others as the owner, then let who passed it on revoke it.",
    ),
    (
        "KW234",
        Severity::Error,
        "API roles share a privilege on a key behind a wall with others",
        "Taken from the group or from PUBLIC, others would lose the key with it.",
        "Grant it to the others themselves.",
    ),
    (
        "KW235",
        Severity::Error,
        "an API role with a wall before it has pg_read_all_data",
        "It reads every column without a grant, the key among them.",
        "Revoke the membership.",
    ),
];

/// The plan's kinds of findings, and the rules they go by. What is missing here goes by KW199, but for what the audit leaves to the plan.
const KINDS: &[(&str, &str)] = &[
    ("sorts_after_guard", "KW108"),
    ("sorts_before_guard", "KW109"),
    ("inheritance_children", "KW111"),
    ("is_a_partition", "KW112"),
    ("rule", "KW113"),
    ("foreign_table", "KW128"),
    ("lost_table", "KW129"),
    ("altered_table", "KW130"),
    ("ineffective_policy", "KW143"),
    ("dormant_policy", "KW144"),
    ("restrictive_policy", "KW145"),
    ("domain_not_null", "KW151"),
    ("key_type", "KW151"),
    ("generated_column", "KW152"),
    ("check_demands_key", "KW153"),
    ("nulls_not_distinct", "KW154"),
    ("key_in_primary_key", "KW155"),
    ("key_in_partition_key", "KW155"),
    ("key_in_foreign_key", "KW156"),
    ("generated_key_too_long", "KW158"),
    ("id_not_unique", "KW159"),
    ("account_type", "KW162"),
    ("superuser", "KW201"),
    ("bypasses_rls", "KW202"),
    ("creates_roles", "KW203"),
    ("reaches_createrole", "KW204"),
    ("owns_table", "KW205"),
    ("writes_all_data", "KW206"),
    ("can_become", "KW207"),
    ("holds_trigger", "KW208"),
    ("owner_can_login", "KW218"),
    ("foreign_grant", "KW232"),
    ("dependent_grant", "KW233"),
    ("shared_grant", "KW234"),
    ("reads_all_data", "KW235"),
];

/// Left to the plan: what only matters to whoever applies, what costs time and opens nothing, and what `functions` sees in full.
const LEFT: [&str; 6] = [
    "standby",
    "missing_right",
    "account_not_indexed",
    "id_not_indexed",
    "id_not_unique_across_partitions",
    "app_triggers_run_as_owner",
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for said in &ground.plan.findings {
        let kind = said.id.split(':').next().unwrap_or_default();
        if LEFT.contains(&kind) || only_owner_changed(ground, &said.object, kind) {
            continue;
        }
        let rule = KINDS.iter().find(|(name, _)| *name == kind).map_or("KW199", |(_, rule)| *rule);
        let mut finding = Finding::new(rule, crate::ident::plain(&said.object), "").remedy(said.remedy.as_str());
        finding.title.clone_from(&said.title);
        finding.detail.clone_from(&said.detail);
        found.push(if ["KW151", "KW155", "KW199"].contains(&rule) { finding.keyed(kind) } else { finding });
    }
    found
}

/// A table whose owner changed, and nothing else, is told by `own_tables`.
fn only_owner_changed(ground: &Ground<'_>, identity: &str, kind: &str) -> bool {
    let but_owner =
        |text: &str| text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line.to_owned()).collect::<Vec<_>>();
    let found = ground.snapshot.objects.get(identity).map(|found| found.definition.as_str());
    let recorded = ground.snapshot.recorded(identity).map(|recorded| recorded.definition.as_str());
    match (found, recorded) {
        (Some(found), Some(recorded)) => kind == "altered_table" && found != recorded && but_owner(found) == but_owner(recorded),
        _ => false,
    }
}
