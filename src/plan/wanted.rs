//! What the manifest wants installed: every object and every condition, in the order of installation.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::Value;

use super::context as values;
use super::enforce;
use super::wall;
use sha2::{Digest, Sha256};

use crate::catalog::{Relation, Snapshot, hex, identity, tables_of};
use crate::error::Result;
use crate::ident::{Ident, Table};
use crate::manifest::{AccountPath, Deny, Hide, Key, Manifest, Write};
use crate::parse;
use crate::template::{Rendered, Templates, ident, idents, sql, table};

/// Privileges that keyward takes from the roles it holds at a distance.
const DANGEROUS: [&str; 3] = ["REFERENCES", "TRIGGER", "TRUNCATE"];

/// Something that should be in the database.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The identity under which it is recorded.
    pub(super) identity: String,
    /// The file of `sql/` that it comes from.
    pub(super) template: &'static str,
    /// The SQL that makes it, from whatever state it is in now.
    pub(super) rendered: Rendered,
    /// The checksum of the SQL that makes it from nothing.
    pub(super) sha256: String,
    /// How to tell whether it is there.
    pub(super) kind: Kind,
    /// Steps of one group are carried out in one transaction, when they follow each other.
    pub(super) group: Option<String>,
}

/// How to tell whether something wanted is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The catalogue's definition equals what was recorded when this very SQL made it.
    Object,
    /// Like an object, but it holds data: it is made once and never replaced.
    Table,
    /// The snapshot itself tells whether the condition is met.
    Condition {
        /// Whether it is.
        met: bool,
    },
    /// A trigger; the statement that re-enables it is known.
    Trigger {
        /// The `ALTER TABLE … ENABLE ALWAYS TRIGGER …` statement.
        enable: String,
    },
}

/// Collects what is wanted.
struct Collector<'a> {
    manifest: &'a Manifest,
    snapshot: &'a Snapshot,
    templates: &'a Templates,
    wanted: Vec<Wanted>,
}

/// Returns everything that the manifest wants, in the order of installation.
pub(super) fn wanted(manifest: &Manifest, snapshot: &Snapshot) -> Result<Vec<Wanted>> {
    let templates = enforce::templates()?;
    let mut all = Collector { manifest, snapshot, templates: &templates, wanted: Vec::new() };
    let base = values::base(manifest, snapshot)?;
    let keys = manifest.keys.iter().map(|key| Ok((key, values::key(manifest, snapshot, key)?))).collect::<Result<Vec<_>>>()?;
    let writes =
        manifest.writes.iter().map(|write| Ok((write, values::write(manifest, snapshot, write)?))).collect::<Result<Vec<_>>>()?;

    // first: a column of the vault may be of a domain in the application's schema
    all.access_of_owner(&base)?;
    // before anything changes about a key: where it comes out of a vault, API roles must have lost the column by then
    all.walls(&base)?;
    all.own_table("account_setting", "enforce/setting/account_setting.sql", &base)?;
    for name in ["setting_change", "wave_account", "parked_account"] {
        all.own_table(name, &format!("enforce/setting/{name}.sql"), &base)?;
    }
    for (key, context) in keys.iter().filter(|(key, _)| key.hide == Hide::Vault) {
        all.own_table(&format!("vault_{}", key.name), "enforce/key/vault.sql", context)?;
    }
    for name in ["acts_as_ui", "is_enabled", "settled", "observe", "record"] {
        all.function(name, &format!("enforce/setting/{name}.sql"), &base)?;
    }
    for (key, context) in &keys {
        all.key_functions(key, context)?;
    }
    for name in ["carry_out", "opt_out", "opt_in", "follow_accounts"] {
        all.function(name, &format!("enforce/setting/{name}.sql"), &base)?;
    }
    for (write, context) in &writes {
        if matches!(write.account, AccountPath::Via { .. }) && write.rls {
            all.function(&format!("enabled_of_{}", write.name), "enforce/write/enabled_of.sql", context)?;
        }
        for name in ["binds", "deny"] {
            all.function(&format!("{name}_{}", write.name), &format!("enforce/write/{name}.sql"), context)?;
        }
        if write.hops() {
            all.function(&format!("deny_hop_{}", write.name), "enforce/write/deny_hop.sql", context)?;
        }
    }
    all.access("account_setting", "enforce/setting/account_setting_access.sql", &base)?;
    all.access("setting_change", "enforce/setting/setting_change_access.sql", &base)?;
    for (key, context) in keys.iter().filter(|(key, _)| key.hide == Hide::Vault) {
        all.access(&format!("vault_{}", key.name), "enforce/key/vault_access.sql", context)?;
    }
    let schema_access = identity("access", None, None);
    all.push(&schema_access, "enforce/setting/schema_access.sql", &base, Kind::Object, None)?;

    // From here on the application's own tables are touched; the steps on one table share one short transaction.
    all.policies_of_owner(&base)?;
    all.revocations(&base)?;
    for (key, context) in &keys {
        all.nullable(key, context)?;
    }
    all.account_triggers(&base)?;
    for (key, context) in &keys {
        all.key_triggers(key, context)?;
    }
    for (write, context) in &writes {
        all.write_triggers(write, context)?;
        if write.rls {
            all.write_policies(write, context)?;
        }
    }
    Ok(all.wanted)
}

impl Collector<'_> {
    fn push(&mut self, identity: &str, template: &str, context: &Value, kind: Kind, group: Option<String>) -> Result<()> {
        let template = enforce::name_of(template)?;
        let fresh = self.templates.render(template, context)?;
        let sha256 = hex(&Sha256::digest(fresh.sql.as_bytes()));
        // Who holds privileges now changes what a repair must revoke, not what is wanted.
        let rendered = match self.snapshot.objects.get(identity).map(|found| found.grantees.as_slice()) {
            None | Some([]) => fresh,
            Some(grantees) => self.templates.render(template, &context! { grantees => idents(grantees), ..context.clone() })?,
        };
        self.wanted.push(Wanted { identity: identity.to_owned(), template, rendered, sha256, kind, group });
        Ok(())
    }

    fn own_table(&mut self, name: &str, template: &str, context: &Value) -> Result<()> {
        let identity = identity("table", Some(&Ident::new(name)?), None);
        self.push(&identity, template, context, Kind::Table, None)
    }

    fn function(&mut self, name: &str, template: &str, context: &Value) -> Result<()> {
        let identity = identity("function", Some(&Ident::new(name)?), None);
        self.push(&identity, template, context, Kind::Object, None)
    }

    fn access(&mut self, name: &str, template: &str, context: &Value) -> Result<()> {
        let identity = identity("access", Some(&Ident::new(name)?), None);
        self.push(&identity, template, context, Kind::Object, None)
    }

    /// `enable` is the last statement of every trigger's file, so that a trigger that is merely disabled is just enabled.
    fn trigger(&mut self, name: &str, on: &Table, template: &str, context: &Value) -> Result<()> {
        let name = Ident::new(name)?;
        let identity = identity("trigger", Some(&name), Some(on));
        let enable = format!("ALTER TABLE {on} ENABLE ALWAYS TRIGGER {name};");
        self.push(&identity, template, context, Kind::Trigger { enable }, Some(format!("triggers on {}", on.human())))
    }

    fn policy(&mut self, name: &str, on: &Table, template: &str, context: &Value) -> Result<()> {
        let identity = identity("policy", Some(&Ident::new(name)?), Some(on));
        self.push(&identity, template, context, Kind::Object, Some(format!("row-level security of {}", on.human())))
    }

    /// The tables that keyward's owner reads, each with the columns it reads and the columns it writes.
    fn tables_of_owner(&self) -> Vec<(Table, Vec<Ident>, Vec<Ident>)> {
        let mut tables: Vec<(Table, Vec<Ident>, Vec<Ident>)> = Vec::new();
        let mut note = |table: &Table, read: &[&Ident], written: &[&Ident]| {
            let at = tables.iter().position(|(name, ..)| name == table).unwrap_or_else(|| {
                tables.push((table.clone(), Vec::new(), Vec::new()));
                tables.len() - 1
            });
            for (column, list) in read.iter().map(|c| (c, 1)).chain(written.iter().map(|c| (c, 2))) {
                let list = if list == 1 { &mut tables[at].1 } else { &mut tables[at].2 };
                if !list.contains(column) {
                    list.push((*column).clone());
                }
            }
        };
        let accounts = &self.manifest.accounts;
        note(&accounts.table, &[&accounts.id], &[]);
        for key in &self.manifest.keys {
            // A key that stays in its column is written by nobody but the UI.
            let written: &[&Ident] = if key.hide == Hide::Vault { &[&key.column] } else { &[] };
            note(&key.table, &[&key.id, &key.column, key.account.column()], written);
        }
        for write in self.manifest.writes.iter().filter(|write| write.hops()) {
            note(&write.table, &[write.account.column()], &[]);
        }
        let paths = self.manifest.keys.iter().map(|key| &key.account);
        for path in paths.chain(self.manifest.writes.iter().map(|write| &write.account)) {
            if let AccountPath::Via { via, id, account, .. } = path {
                note(via, &[id, account], &[]);
            }
        }
        tables
    }

    fn walls(&mut self, base: &Value) -> Result<()> {
        for rewrite in wall::rewrites(self.manifest, self.snapshot)? {
            let target = context! { target => rewrite.context()?, ..base.clone() };
            let kind = Kind::Condition { met: rewrite.is_met() };
            self.push(&rewrite.identity, "enforce/wall/column_grants.sql", &target, kind, None)?;
        }
        Ok(())
    }

    fn access_of_owner(&mut self, base: &Value) -> Result<()> {
        let owner = self.manifest.roles.owner.clone();
        for (name, read, written) in self.tables_of_owner() {
            let on = values::relation(self.snapshot, &name)?;
            let holds =
                |privilege, columns: &[Ident]| columns.iter().all(|c| on.grants(owner.as_str(), privilege, Some(c.as_str())));
            let uses = on.schema_users.iter().any(|user| user == owner.as_str() || user == "public");
            let met = uses && holds("SELECT", &read) && holds("UPDATE", &written);
            let target = context! {
                target => context! {
                    table => table(&name), schema => ident(&name.schema), columns => idents(&read), written => idents(&written),
                },
                ..base.clone()
            };
            self.push(
                &format!("access of owner to {name}"),
                "enforce/setting/owner_access.sql",
                &target,
                Kind::Condition { met },
                None,
            )?;
        }
        Ok(())
    }

    fn policies_of_owner(&mut self, base: &Value) -> Result<()> {
        for (name, ..) in self.tables_of_owner() {
            let on = values::relation(self.snapshot, &name)?;
            let turned_on = self.manifest.writes.iter().any(|write| write.rls && write.table == name);
            if on.has_rls || turned_on {
                let target = context! { target => context! { table => table(&name) }, ..base.clone() };
                self.policy("~keyward_owner", &name, "enforce/setting/owner_policy.sql", &target)?;
            }
        }
        Ok(())
    }

    fn revocations(&mut self, base: &Value) -> Result<()> {
        let manifest = self.manifest;
        let everybody = || std::iter::once("public".to_owned());
        let named = |roles: &[Ident]| roles.iter().map(|role| role.as_str().to_owned()).collect::<Vec<_>>();
        // A trigger on any table that the UI writes would run as the UI, which reveals keys.
        let restricted: Vec<String> =
            named(&manifest.roles.api).into_iter().chain(manifest.writes.iter().flat_map(|write| named(&write.roles))).collect();
        let mut wanted: BTreeMap<(Table, String), BTreeSet<&str>> = BTreeMap::new();
        // Not the snapshot's tables: those of an earlier manifest are among them.
        for name in tables_of(manifest) {
            for role in restricted.iter().cloned().chain(everybody()) {
                wanted.entry((name.clone(), role)).or_default().insert("TRIGGER");
            }
        }
        let keys = manifest.keys.iter().map(|key| (&key.table, named(&manifest.roles.api)));
        let writes = manifest.writes.iter().map(|write| (&write.table, named(&write.roles)));
        for (name, roles) in keys.chain(writes) {
            for role in roles.into_iter().chain(everybody()) {
                wanted.entry((name.clone(), role)).or_default().extend(DANGEROUS);
            }
        }
        for ((name, role), privileges) in wanted {
            let on = values::relation(self.snapshot, &name)?;
            for part in parts(on) {
                let holds = |privilege: &str| {
                    if part == name { on.grants(&role, privilege, None) } else { on.grants_on_part(&part, &role, privilege) }
                };
                let held: Vec<_> = privileges.iter().copied().filter(|privilege| holds(privilege)).collect();
                let met = held.is_empty();
                let grantee = if role == "public" { sql("PUBLIC") } else { ident(&Ident::new(role.as_str())?) };
                let shown: Vec<_> = if met { privileges.iter().copied().collect() } else { held };
                let identity = format!("revocation from {role} on {part}");
                // A repair doesn't forget what was taken before.
                let recorded = self.snapshot.recorded(&identity).map(|recorded| parse::grants(&recorded.undo)).transpose()?;
                let former: BTreeSet<_> = recorded.into_iter().flatten().map(|granted| granted.privilege).collect();
                let former: BTreeSet<_> = former.into_iter().chain(shown.iter().map(|&privilege| privilege.to_owned())).collect();
                let target = context! {
                    target => context! {
                        former => former.into_iter().map(sql).collect::<Value>(),
                        table => table(&part),
                        grantee => grantee,
                        privileges => shown.iter().map(|privilege| sql(*privilege)).collect::<Value>(),
                    },
                    ..base.clone()
                };
                self.push(&identity, "enforce/setting/revoke_dangerous.sql", &target, Kind::Condition { met }, None)?;
            }
        }
        Ok(())
    }

    fn key_functions(&mut self, key: &Key, context: &Value) -> Result<()> {
        let mut names = vec!["stated", "withhold", "assert", "forget"];
        if self.moves(key)? {
            names.extend(["has", "moved"]);
        }
        if key.hide == Hide::Vault {
            names.extend(["seals", "follow", "seal", "analyze", "publish", "publish_rows", "unseal"]);
            if matches!(key.account, AccountPath::Via { .. }) {
                names.push("hop");
            }
        }
        names.extend(["generate", "reveal", "revoke", "authenticate"]);
        for name in names {
            self.function(&format!("{name}_{}", key.name), &format!("enforce/{}/{name}.sql", folder(key, name)), context)?;
        }
        Ok(())
    }

    /// Tells whether rows take a key along to another partition: one that is sealed isn't there.
    fn moves(&self, key: &Key) -> Result<bool> {
        Ok(key.hide == Hide::Revoke && values::relation(self.snapshot, &key.table)?.kind == "p")
    }

    fn nullable(&mut self, key: &Key, context: &Value) -> Result<()> {
        let on = values::relation(self.snapshot, &key.table)?;
        let met = on.column(&key.column).is_none_or(|column| !column.not_null);
        let identity = format!("nullable {} in {}", key.column, key.table);
        self.push(&identity, "enforce/key/nullable.sql", context, Kind::Condition { met }, None)
    }

    fn account_triggers(&mut self, base: &Value) -> Result<()> {
        let on = self.manifest.accounts.table.clone();
        for name in ["insert", "rename", "renamed", "delete"] {
            self.trigger(&format!("~keyward_accounts_{name}"), &on, &format!("enforce/setting/accounts_{name}.sql"), base)?;
        }
        Ok(())
    }

    fn key_triggers(&mut self, key: &Key, context: &Value) -> Result<()> {
        let on = &key.table;
        self.trigger(&format!("!keyward_{}_stated", key.name), on, "enforce/key/trigger_stated.sql", context)?;
        for name in ["withhold_insert", "withhold_update", "assert_insert", "assert_update", "forget_update"] {
            let template = format!("enforce/{}/trigger_{name}.sql", folder(key, &format!("trigger_{name}")));
            self.trigger(&format!("~keyward_{}_{name}", key.name), on, &template, context)?;
        }
        if key.hide == Hide::Revoke {
            let names = if self.moves(key)? { ["moved_insert", "arrived_insert"].as_slice() } else { &[] };
            for name in names {
                self.trigger(&format!("~keyward_{}_{name}", key.name), on, &format!("enforce/wall/trigger_{name}.sql"), context)?;
            }
            return Ok(());
        }
        for name in ["revoke_update", "follow_delete"] {
            self.trigger(&format!("~keyward_{}_{name}", key.name), on, &format!("enforce/key/trigger_{name}.sql"), context)?;
        }
        let name = format!("~keyward_{}_follow_truncate", key.name);
        for part in parts(values::relation(self.snapshot, on)?) {
            let context = context! { part => table(&part), ..context.clone() };
            self.trigger(&name, &part, "enforce/key/trigger_follow_truncate.sql", &context)?;
        }
        if let AccountPath::Via { via, .. } = &key.account {
            for name in ["hop_update", "hop_delete"] {
                self.trigger(&format!("~keyward_{}_{name}", key.name), via, &format!("enforce/key/trigger_{name}.sql"), context)?;
            }
        }
        Ok(())
    }

    fn write_triggers(&mut self, write: &Write, context: &Value) -> Result<()> {
        let mut names: Vec<&str> = Vec::new();
        for deny in &write.deny {
            names.extend(match deny {
                Deny::Insert => ["insert", "assert_insert"].as_slice(),
                Deny::Update => ["update", "assert_update"].as_slice(),
                Deny::Delete => ["delete"].as_slice(),
            });
        }
        for name in names {
            self.trigger(
                &format!("~keyward_{}_{name}", write.name),
                &write.table,
                &format!("enforce/write/trigger_{name}.sql"),
                context,
            )?;
        }
        if let (true, AccountPath::Via { via, .. }) = (write.hops(), &write.account) {
            self.trigger(&format!("~keyward_{}_hop", write.name), via, "enforce/write/trigger_hop.sql", context)?;
        }
        if write.deny.contains(&Deny::Delete) {
            let name = format!("~keyward_{}_truncate", write.name);
            for part in parts(values::relation(self.snapshot, &write.table)?) {
                let context = context! { part => table(&part), ..context.clone() };
                self.trigger(&name, &part, "enforce/write/trigger_truncate.sql", &context)?;
            }
        }
        Ok(())
    }

    fn write_policies(&mut self, write: &Write, context: &Value) -> Result<()> {
        let on = values::relation(self.snapshot, &write.table)?;
        let name = |suffix: &str| format!("~keyward_{}_{suffix}", write.name);
        let pass = name("pass");
        let pass_identity = identity("policy", Some(&Ident::new(pass.as_str())?), Some(&write.table));
        // Once there, the pass-through belongs to the table until row-level security is turned off again.
        if !on.has_rls || self.snapshot.recorded(&pass_identity).is_some() {
            self.policy(&pass, &write.table, "enforce/write/policy_pass.sql", context)?;
        }
        if write.deny.contains(&Deny::Insert) {
            self.policy(&name("insert"), &write.table, "enforce/write/policy_insert.sql", context)?;
        }
        if write.deny.contains(&Deny::Update) {
            self.policy(&name("update"), &write.table, "enforce/write/policy_update.sql", context)?;
        }
        let group = Some(format!("row-level security of {}", write.table.human()));
        let kind = Kind::Condition { met: on.has_rls };
        self.push(&format!("row-level security on {}", write.table), "enforce/write/enable_rls.sql", context, kind, group)
    }
}

/// Returns the folder of `sql/enforce/` that holds a key's template: a key that stays in its column shares some with those that are sealed.
fn folder(key: &Key, name: &str) -> &'static str {
    let shared = ["stated", "forget", "trigger_withhold_insert", "trigger_assert_insert", "trigger_forget_update"];
    if key.hide == Hide::Vault || shared.contains(&name) { "key" } else { "wall" }
}

/// Returns the table and all its partitions: a statement trigger is not inherited.
fn parts(relation: &Relation) -> Vec<Table> {
    std::iter::once(relation.table()).chain(relation.partitions.iter().cloned()).collect()
}
