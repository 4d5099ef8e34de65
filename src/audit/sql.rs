//! The checks in SQL: files of `sql/audit/`, rendered with the manifest's names. Each row that one answers with is a finding.

use std::collections::BTreeSet;

use minijinja::context;
use minijinja::value::Value;
use serde::Deserialize;

use crate::catalog::{Snapshot, tables_of};
use crate::error::Result;
use crate::ident::Ident;
use crate::manifest::{Hide, Manifest};
use crate::plan::{affected, reach};
use crate::template::Templates;

use super::finding::Finding;
use super::rule::Rule;

/// Makes the tables of templates from their names below `sql/`.
macro_rules! sources {
    ($table:ident: $($name:literal),+ $(,)?) => {
        pub(super) const $table: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../sql/", $name)))),+];
    };
}

sources![CHECKS:
    "audit/0107_guard_of_a_partition_is_switched.sql",
    "audit/0114_trigger_on_a_table_of_keyward.sql",
    "audit/0127_stranger_in_the_schema.sql",
    "audit/0211_reaches_files_or_programs.sql",
    "audit/0212_may_replicate.sql",
    "audit/0214_may_set_replication_role.sql",
    "audit/0215_default_privileges_in_keyward.sql",
    "audit/0216_default_privileges_on_new_tables.sql",
    "audit/0217_everybody_reads_the_key.sql",
    "audit/0220_owns_the_schema.sql",
    "audit/0222_view_reads_the_vault.sql",
    "audit/0226_user_mapping_back_here.sql",
    "audit/0236_default_privileges_before_a_wall.sql",
    "audit/0237_view_past_a_wall.sql",
    "audit/0239_generated_column_past_a_wall.sql",
    "audit/0301_view.sql",
    "audit/0302_materialized_view.sql",
    "audit/0304_rule.sql",
    "audit/0307_publication.sql",
    "audit/0308_publication_of_the_vault.sql",
    "audit/0309_generated_column.sql",
    "audit/0310_expression_index.sql",
    "audit/0311_extended_statistics.sql",
    "audit/0312_foreign_table.sql",
    "audit/0313_replica_identity.sql",
    "audit/0314_column_of_the_same_name.sql",
    "audit/0315_logical_slot.sql",
    "audit/0318_policy_reads_the_key.sql",
    "audit/0503_statements_are_logged.sql",
    "audit/0504_replication_role_by_default.sql",
];

sources![OTHERS:
    "audit/_macros.sql",
    "audit/evidence/functions.sql",
    "audit/evidence/server.sql",
    "audit/evidence/statements.sql",
];

/// The tables of `migrations/`, which `keyward.object` doesn't list.
pub(super) const BASE_TABLES: [&str; 11] = [
    "policy",
    "wave",
    "event",
    "manifest",
    "ledger",
    "object",
    "schema_history",
    "rollout_control",
    "worker",
    "chunk",
    "observation",
];

/// A row of a check.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    object: String,
    detail: Option<String>,
    remedy: Option<String>,
}

impl Row {
    /// Returns the row as a finding of the rule.
    pub(super) fn finding(self, rule: &Rule) -> Finding {
        Finding::new(&rule.id, self.object, self.detail.unwrap_or_default()).remedy(self.remedy.unwrap_or_default())
    }
}

/// Returns the templates, ready to render.
pub(super) fn templates() -> Result<Templates> {
    Templates::new(&[OTHERS, CHECKS].concat())
}

/// Returns what the templates are rendered with.
pub(super) fn values(manifest: &Manifest, snapshot: &Snapshot) -> Value {
    let keys: Vec<Value> = manifest
        .keys
        .iter()
        .map(|key| context! { name => key.name.as_str(), quoted => key.table.to_string(), column => key.column.as_str(), walled => key.hide == Hide::Revoke })
        .collect();
    let recorded = snapshot.installed.iter().flat_map(|installed| &installed.objects).map(|recorded| recorded.identity.as_str());
    let names = |kind: &str| -> Vec<String> {
        let own = |identity: &str| identity.strip_prefix(kind)?.strip_suffix('"').map(|name| name.replace("\"\"", "\""));
        recorded.clone().filter_map(own).collect()
    };
    let mut tables = names("table keyward.\"");
    tables.extend(BASE_TABLES.map(str::to_owned));
    context! {
        owner => manifest.roles.owner.as_str(),
        owner_quoted => manifest.roles.owner.to_string(),
        restricted => acting(manifest, snapshot).into_iter().collect::<Vec<_>>(),
        walled_off => affected(manifest, snapshot).into_iter().collect::<Vec<_>>(),
        keys => keys,
        tables => tables_of(manifest).iter().map(ToString::to_string).collect::<Vec<_>>(),
        known_functions => names("function keyward.\""),
        known_tables => tables,
    }
}

/// Returns the roles that keyward holds at a distance: the API's, and the legacy ones.
pub(super) fn restricted(manifest: &Manifest) -> BTreeSet<String> {
    let roles = manifest.roles.api.iter().chain(manifest.writes.iter().flat_map(|write| &write.roles));
    roles.map(|role| role.as_str().to_owned()).collect()
}

/// Returns these roles, and the logins that act as one of them; not one that owns the tables anyway, or has a part of its own in the manifest.
pub(super) fn acting(manifest: &Manifest, snapshot: &Snapshot) -> BTreeSet<String> {
    let mut acting = restricted(manifest);
    let roles = &manifest.roles;
    let named: Vec<&str> = [&roles.ui, &roles.auth].into_iter().flatten().chain([&roles.owner]).map(Ident::as_str).collect();
    for login in snapshot.roles.values().filter(|role| role.can_login && !role.is_superuser) {
        let reached = reach(snapshot, &login.name, |membership| membership.can_set || membership.inherits);
        let owns = |owner: &str| owner == login.name || reached.contains_key(owner);
        let exempt = named.contains(&login.name.as_str())
            || login.name == snapshot.server.login
            || snapshot.tables.values().any(|table| owns(table.owner.as_str()));
        if !exempt && restricted(manifest).iter().any(|role| reached.contains_key(role)) {
            acting.insert(login.name.clone());
        }
    }
    acting
}

/// Tells whether a check makes sense here.
pub(super) fn applies(rule: &Rule, manifest: &Manifest, snapshot: &Snapshot) -> bool {
    match rule.needs.as_str() {
        "keys" => !manifest.keys.is_empty(),
        "walls" => manifest.keys.iter().any(|key| key.hide == Hide::Revoke),
        "installed" => snapshot.installed.is_some(),
        "v15" => snapshot.server.major() >= 15,
        _ => true,
    }
}
