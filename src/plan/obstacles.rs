//! What in the schema can't be enforced on, or only in part, and which rights the runner lacks.

use super::account_types::account_types;
use super::finding::{Finding, Severity};
use crate::catalog::{Column, Relation, Snapshot};
use crate::error::{Error, Result};
use crate::ident::{DOLLAR_TAG, Ident, Table, human};
use crate::manifest::{AccountPath, Hide, Key, Manifest, Write};

/// Checks that everything the manifest names exists.
///
/// # Errors
/// [`crate::error::Kind::Usage`], naming every table, column and role that is missing.
pub(super) fn validate(manifest: &Manifest, snapshot: &Snapshot) -> Result<()> {
    let mut missing = Vec::new();
    let roles = &manifest.roles;
    let lists = [("roles.ui", &roles.ui), ("roles.api", &roles.api), ("roles.auth", &roles.auth)];
    let writes = manifest.writes.iter().map(|write| (format!("roles of [[writes]] {}", write.name), &write.roles));
    for (place, names) in lists.into_iter().map(|(place, names)| (place.to_owned(), names)).chain(writes) {
        for name in names.iter().filter(|name| !snapshot.roles.contains_key(name.as_str())) {
            missing.push(format!("{place}: the role {} doesn't exist", human(name)));
        }
    }
    let mut look = |place: &str, table: &Table, columns: &[(&str, &Ident)]| match snapshot.tables.get(table) {
        None => missing.push(format!(
            "{place}: the table {} doesn't exist in the database {}",
            table.human(),
            snapshot.server.database
        )),
        Some(relation) if !matches!(relation.kind.as_str(), "r" | "p") => {
            missing.push(format!("{place}: {} is not a table", table.human()));
        }
        Some(relation) => {
            for (field, column) in columns.iter().filter(|(_, column)| relation.column(column).is_none()) {
                missing.push(format!("{place}: {} has no column {} ({field})", table.human(), human(column)));
            }
            // The manifest has no such name itself.
            let types = columns.iter().filter_map(|(_, column)| Some(("type", relation.column(column)?.r#type.clone())));
            let parts = relation.partitions.iter().chain(&relation.children).map(|part| ("partition", part.to_string()));
            for (what, name) in types.chain(parts).filter(|(_, name)| name.contains(DOLLAR_TAG)) {
                missing.push(format!(
                    "{place}: the name of the {what} {name} of {} contains {DOLLAR_TAG}, which ends the functions that keyward installs: rename it",
                    table.human()
                ));
            }
        }
    };
    look("[accounts]", &manifest.accounts.table, &[("id", &manifest.accounts.id)]);
    for key in &manifest.keys {
        let place = format!("[[keys]] {}", key.name);
        look(&place, &key.table, &[("id", &key.id), ("column", &key.column), ("account", key.account.column())]);
        if let AccountPath::Via { via, id, account, .. } = &key.account {
            look(&place, via, &[("id", id), ("account", account)]);
        }
    }
    for write in &manifest.writes {
        let place = format!("[[writes]] {}", write.name);
        look(&place, &write.table, &[("account", write.account.column())]);
        if let AccountPath::Via { via, id, account, .. } = &write.account {
            look(&place, via, &[("id", id), ("account", account)]);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        let hint = format!(
            "is {} the database that this manifest is for? Names are spelled as in the catalogue; a table needs its schema",
            snapshot.server.database
        );
        Err(Error::usage(format!("the manifest doesn't fit the database:\n  {}", missing.join("\n  "))).with_hint(hint))
    }
}

/// Returns what stands in the way in the schema.
pub(super) fn findings(manifest: &Manifest, snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    if snapshot.server.is_standby {
        found.push(
            Finding::new(Severity::Refusal, "standby", snapshot.server.database.as_str(), "the server is a standby")
                .because("A standby can't be written.")
                .remedy("Connect to the primary.")
                .hard(),
        );
    }
    let owner = &manifest.roles.owner;
    if snapshot.roles.get(owner.as_str()).is_some_and(|role| role.can_login) {
        found.push(
            Finding::new(Severity::Warning, "owner_can_login", human(owner), format!("{} may log in", human(owner)))
                .because("It owns the vault: whoever connects as it reads every sealed key.")
                .remedy(format!("ALTER ROLE {owner} NOLOGIN;")),
        );
    }
    for key in &manifest.keys {
        if let Some(relation) = snapshot.tables.get(&key.table) {
            key_column(key, relation, snapshot, &mut found);
            key_row(key, manifest, relation, snapshot, &mut found);
            trigger_order(&key.table, relation, &format!("~keyward_{}", key.name), &mut found);
            early_triggers(key, relation, &mut found);
        }
    }
    for write in &manifest.writes {
        if let Some(relation) = snapshot.tables.get(&write.table) {
            trigger_order(&write.table, relation, &format!("~keyward_{}", write.name), &mut found);
            dormant_policies(write, relation, &mut found);
            drowned_policies(write, relation, &mut found);
        }
    }
    for relation in snapshot.tables.values() {
        whole_table(manifest, relation, snapshot, &mut found);
    }
    account_types(manifest, snapshot, &mut found);
    rights(manifest, snapshot, &mut found);
    found
}

fn column_name(key: &Key) -> String {
    format!("{}.{}", key.table.human(), human(&key.column))
}

fn key_column(key: &Key, relation: &Relation, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let Some(column) = relation.column(&key.column) else { return };
    let name = column_name(key);
    let (table, quoted) = (&key.table, &key.column);
    let mut refuse = |kind: &str, title: String, why: &str, remedy: String| {
        found.push(Finding::new(Severity::Refusal, kind, name.as_str(), title).because(why).remedy(remedy).hard());
    };
    if column.is_generated {
        refuse(
            "generated_column",
            format!("the key column {name} is generated"),
            "PostgreSQL computes it after every BEFORE trigger: a key that can't be withheld.",
            format!("ALTER TABLE {table} ALTER COLUMN {quoted} DROP EXPRESSION;"),
        );
    }
    if column.domain_not_null {
        refuse(
            "domain_not_null",
            format!("the type of the key column {name} rejects NULL"),
            "A sealed key leaves NULL in its row.",
            format!("ALTER DOMAIN {} DROP NOT NULL;", column.r#type),
        );
    }
    if !matches!(column.base_type.as_str(), "text" | "character varying" | "character" | "uuid" | "citext")
        && !column.base_type.ends_with(".citext")
    {
        refuse(
            "key_type",
            format!("the key column {name} is of type {}", column.r#type),
            "Keys are text, varchar, char, citext or uuid.",
            format!("ALTER TABLE {table} ALTER COLUMN {quoted} TYPE text;"),
        );
    }
    generated_length(key, column, &name, found);
    for constraint in &relation.constraints {
        let takes_part = constraint.columns.iter().any(|column| column == key.column.as_str());
        let mut refuse = |kind: &str, title: String, why: &str, remedy: String| {
            let object = format!("{name} {}", constraint.name);
            found.push(Finding::new(Severity::Refusal, kind, object, title).because(why).remedy(remedy).hard());
        };
        match constraint.kind.as_str() {
            "p" if takes_part => refuse(
                "key_in_primary_key",
                format!("the key column {name} is part of the primary key"),
                "A primary key rejects NULL, which a sealed key leaves behind.",
                "Give the table a primary key without the key column.".to_owned(),
            ),
            "f" if takes_part => refuse(
                "key_in_foreign_key",
                format!("the key column {name} is part of the foreign key {} of {}", constraint.name, constraint.on_table),
                "Sealing would break the reference, and the referring table holds a copy of the key.",
                format!("ALTER TABLE {} DROP CONSTRAINT {};", constraint.on_table, quote(&constraint.name)),
            ),
            "c" if snapshot.demanding_checks.contains(&(key.table.clone(), constraint.name.clone())) => refuse(
                "check_demands_key",
                format!("the constraint {} of {} rejects rows without a key", constraint.name, key.table.human()),
                "A sealed key leaves NULL in its row.",
                format!("ALTER TABLE {table} DROP CONSTRAINT {};", quote(&constraint.name)),
            ),
            _ => {}
        }
    }
    for index in relation.indexes.iter().filter(|index| index.columns.iter().any(|column| column == key.column.as_str())) {
        if index.nulls_not_distinct {
            refuse_index(&name, &index.name, table, found);
        }
    }
    if relation.partition_key.iter().any(|column| column == key.column.as_str()) {
        let finding = Finding::new(
            Severity::Refusal,
            "key_in_partition_key",
            name.as_str(),
            format!("{name} is part of the partition key"),
        );
        found.push(
            finding
                .because("Sealing would move every row to the partition for NULL.")
                .remedy("Partition by another column.")
                .hard(),
        );
    }
}

fn refuse_index(name: &str, index: &str, table: &Table, found: &mut Vec<Finding>) {
    found.push(
        Finding::new(
            Severity::Refusal,
            "nulls_not_distinct",
            format!("{name} {index}"),
            format!("the index {index} lets one row only be without a key"),
        )
        .because("UNIQUE NULLS NOT DISTINCT: the second sealed key would violate it.")
        .remedy(format!("Replace {} on {table} by a unique index with NULLS DISTINCT.", quote(index)))
        .hard(),
    );
}

fn generated_length(key: &Key, column: &Column, name: &str, found: &mut Vec<Finding>) {
    let length = key.generate.prefix.len() + 2 * usize::from(key.generate.bytes);
    if column.max_length.is_some_and(|most| i64::try_from(length).is_ok_and(|length| length > most)) {
        found.push(
            Finding::new(
                Severity::Refusal,
                "generated_key_too_long",
                name,
                format!("a generated key of {length} characters doesn't fit {name}"),
            )
            .because(format!("The column is {}; generate makes the prefix and two hexadecimal digits a byte.", column.r#type))
            .remedy("Lower generate.bytes in the manifest, or widen the column.")
            .hard(),
        );
    }
}

fn key_row(key: &Key, manifest: &Manifest, relation: &Relation, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let table = key.table.human();
    let unique = relation.indexes.iter().any(|index| index.is_unique && index.columns == [key.id.as_str()]);
    let indexed = relation
        .indexes
        .iter()
        .any(|index| !index.is_partial && index.columns.first().is_some_and(|column| column == key.id.as_str()));
    if !unique && relation.partition_key.is_empty() {
        found.push(
            Finding::new(
                Severity::Refusal,
                "id_not_unique",
                table.as_str(),
                format!("{} of {table} is not unique", human(&key.id)),
            )
            .because("The key of a row is found by this column.")
            .remedy(format!("ALTER TABLE {} ADD UNIQUE ({});", key.table, key.id))
            .hard(),
        );
    } else if !unique {
        found.push(
            Finding::new(
                Severity::Warning,
                "id_not_unique_across_partitions",
                table.as_str(),
                format!("nothing makes {} of {table} unique across partitions", human(&key.id)),
            )
            .because("A sealed key finds its row again by this column; two rows with one id could not both be sealed.")
            .remedy("Make sure that the ids come from one sequence, or are uuids."),
        );
        if !indexed {
            found.push(
                Finding::new(
                    Severity::Warning,
                    "id_not_indexed",
                    table.as_str(),
                    format!("no index of {table} begins with {}", human(&key.id)),
                )
                .because("Each deleted row, and each key that is revealed, is looked up by it.")
                .remedy(create_index(relation, &key.id)),
            );
        }
    }
    if key.hide == Hide::Revoke {
        // What follows is about sealing.
        return;
    }
    let (owner, column) = match &key.account {
        AccountPath::Column(column) => (relation, column),
        AccountPath::Via { via, account, column, .. } => {
            index_finding(relation, column, found);
            match snapshot.tables.get(via) {
                Some(other) => (other, account),
                None => return,
            }
        }
    };
    index_finding(owner, column, found);
    let functions: Vec<_> = relation
        .triggers
        .iter()
        .filter(|trigger| trigger.on_update && !trigger.runs_as_definer && !trigger.is_disabled && !is_ours(&trigger.name))
        .map(|trigger| format!("{} ({})", trigger.name, trigger.function))
        .collect();
    if !functions.is_empty() {
        let owner = human(&manifest.roles.owner);
        found.push(
            Finding::new(
                Severity::Warning,
                "app_triggers_run_as_owner",
                table.as_str(),
                format!("triggers of the application run as {owner} when keys of {table} are sealed"),
            )
            .because(format!(
                "Sealing is an UPDATE by {owner}, and these trigger functions run with the rights of who writes: {}. Without the \
                 rights that they need, the rollout and opt_in stop with 42501. One that keeps the old row in a history keeps the key \
                 with it, out of keyward's sight.",
                functions.join(", ")
            ))
            .remedy(format!(
                "If one of them writes other tables, grant {owner} what it needs, or make the function SECURITY DEFINER; leave the key \
                 column out of histories."
            )),
        );
    }
}

fn index_finding(relation: &Relation, column: &Ident, found: &mut Vec<Finding>) {
    let indexed = relation
        .indexes
        .iter()
        .any(|index| !index.is_partial && index.columns.first().is_some_and(|first| first == column.as_str()));
    if !indexed {
        let table = relation.table();
        found.push(
            Finding::new(
                Severity::Warning,
                "account_not_indexed",
                format!("{}.{}", table.human(), human(column)),
                format!("no index of {} begins with {}", table.human(), human(column)),
            )
            .because("Each batch of a rollout, and each opt-in and opt-out, reads the whole table.")
            .remedy(create_index(relation, column)),
        );
    }
}

/// CONCURRENTLY isn't for partitioned tables: an index on each partition first makes the one on the whole cheap.
fn create_index(relation: &Relation, column: &Ident) -> String {
    let table = relation.table();
    if relation.kind == "p" {
        return format!(
            "CREATE INDEX CONCURRENTLY on each partition, then CREATE INDEX ON {table} ({column}); which adopts them and locks only \
             briefly."
        );
    }
    format!("CREATE INDEX CONCURRENTLY ON {table} ({column});")
}

fn is_ours(trigger: &str) -> bool {
    trigger.starts_with("~keyward_") || trigger.starts_with("!keyward_")
}

/// Triggers fire in the byte order of their names.
fn trigger_order(table: &Table, relation: &Relation, guard: &str, found: &mut Vec<Finding>) {
    for trigger in
        relation.triggers.iter().filter(|trigger| trigger.is_before_row && !is_ours(&trigger.name) && !trigger.is_disabled)
    {
        if trigger.name.as_str() > guard {
            found.push(
                Finding::new(Severity::Warning, "sorts_after_guard", format!("{} {}", table.human(), trigger.name), format!("the trigger {} of {} runs after keyward's guard", trigger.name, table.human()))
                    .because("What it does to the row, the guard doesn't see. The assertion behind it turns that into an error instead of a hole.")
                    .remedy(format!("ALTER TRIGGER {} ON {table} RENAME TO {};", quote(&trigger.name), quote(trigger.name.trim_start_matches('~')))),
            );
        }
    }
}

fn early_triggers(key: &Key, relation: &Relation, found: &mut Vec<Finding>) {
    let first = format!("!keyward_{}", key.name);
    for trigger in
        relation.triggers.iter().filter(|trigger| trigger.is_before_row && trigger.on_update && !is_ours(&trigger.name))
    {
        if trigger.name < first {
            found.push(
                Finding::new(
                    Severity::Warning,
                    "sorts_before_guard",
                    format!("{} {}", key.table.human(), trigger.name),
                    format!("the trigger {:?} of {} runs before keyward's first", trigger.name, key.table.human()),
                )
                .because("A key that it fills in while a UI role updates the row is taken for one that a person wrote.")
                .remedy(format!(
                    "ALTER TRIGGER {} ON {} RENAME TO a_later_name;",
                    quote(&trigger.name),
                    key.table
                )),
            );
        }
    }
}

fn dormant_policies(write: &Write, relation: &Relation, found: &mut Vec<Finding>) {
    let others = relation.policies.iter().filter(|policy| !policy.name.starts_with("~keyward_") && !policy.is_permissive);
    for policy in others {
        if write.rls && !relation.has_rls {
            found.push(
                Finding::new(Severity::Refusal, "dormant_policy", format!("{} {}", write.table.human(), policy.name), format!("the restrictive policy {} of {} would wake up", policy.name, write.table.human()))
                    .because("Row-level security is off for the table; rls = true turns it on, and with it a policy that has not applied so far.")
                    .remedy(format!("DROP POLICY {} ON {};", quote(&policy.name), write.table)),
            );
        }
    }
}

/// `~keyward_…_pass` lets everybody pass what isn't denied, so a permissive policy that the application adds later is without effect.
fn drowned_policies(write: &Write, relation: &Relation, found: &mut Vec<Finding>) {
    let pass = format!("~keyward_{}_pass", write.name.as_str());
    if !relation.has_rls || !relation.policies.iter().any(|policy| policy.name == pass) {
        return;
    }
    for policy in relation.policies.iter().filter(|policy| policy.is_permissive && !policy.name.starts_with("~keyward_")) {
        let table = write.table.human();
        found.push(
            Finding::new(
                Severity::Warning,
                "ineffective_policy",
                format!("{table} {}", policy.name),
                format!("the policy {} of {table} restricts nobody", policy.name),
            )
            .because(format!(
                "The table had no row-level security when keyward came, so {} lets everybody see and write every row that keyward \
                 doesn't deny, and permissive policies add up.",
                quote(&pass)
            ))
            .remedy(format!(
                "Apply once with rls = false for {}, then with rls = true again: the application's policies decide from then on.",
                write.name.as_str()
            )),
        );
    }
}

fn whole_table(manifest: &Manifest, relation: &Relation, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let name = relation.table();
    let table = name.human();
    let is_key = manifest.keys.iter().any(|key| key.table == name);
    let is_written = manifest.writes.iter().any(|write| write.table == name);
    if is_key {
        for rule in &relation.rules {
            found.push(
                Finding::new(
                    Severity::Refusal,
                    "rule",
                    format!("{table} {rule}"),
                    format!("the rule {rule} rewrites statements on {table}"),
                )
                .because("A key that a rule writes can't be told from one that the statement of a UI role writes.")
                .remedy(format!("DROP RULE {} ON {name}; a trigger does the same.", quote(rule))),
            );
        }
    }
    if (is_key || is_written) && !relation.children.is_empty() {
        let children: Vec<_> = relation.children.iter().map(Table::human).collect();
        found.push(
            Finding::new(
                Severity::Refusal,
                "inheritance_children",
                table.as_str(),
                format!("{table} has inheritance children: {}", children.join(", ")),
            )
            .because("Triggers are not inherited: a row written to a child directly passes by the guard.")
            .remedy("Turn the children into partitions, or detach them (ALTER TABLE … NO INHERIT …)."),
        );
    }
    if (is_key || is_written) && relation.is_partition {
        found.push(
            Finding::new(Severity::Refusal, "is_a_partition", table.as_str(), format!("{table} is a partition"))
                .because("Its siblings would not be guarded, and a row that moves between them would lose its guard.")
                .remedy("Name the partitioned table in the manifest."),
        );
    }
    let read = is_key
        || manifest.accounts.table == name
        || manifest.keys.iter().any(|key| reads_via(&key.account, &name))
        || manifest.writes.iter().any(|write| reads_via(&write.account, &name) || (write.hops() && write.table == name));
    let bypasses =
        snapshot.roles.get(manifest.roles.owner.as_str()).is_some_and(|owner| owner.bypasses_rls || owner.is_superuser);
    if read && relation.has_rls && !bypasses {
        for policy in relation.policies.iter().filter(|policy| !policy.is_permissive && !policy.name.starts_with("~keyward_")) {
            if policy.roles.iter().any(|role| role == "public" || role == manifest.roles.owner.as_str()) {
                let others: Vec<_> = [&manifest.roles.ui, &manifest.roles.api, &manifest.roles.auth]
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string)
                    .collect();
                found.push(
                    Finding::new(
                        Severity::Refusal,
                        "restrictive_policy",
                        format!("{table} {}", policy.name),
                        format!(
                            "the restrictive policy {} of {table} applies to {} too",
                            policy.name,
                            human(&manifest.roles.owner)
                        ),
                    )
                    .because("It would hide rows from keyward, and their keys would stay published in silence.")
                    .remedy(format!(
                        "ALTER POLICY {} ON {name} TO {};",
                        quote(&policy.name),
                        others.join(", ")
                    )),
                );
            }
        }
    }
}

fn reads_via(path: &AccountPath, table: &Table) -> bool {
    matches!(path, AccountPath::Via { via, .. } if via == table)
}

/// The rights that the runner lacks.
fn rights(manifest: &Manifest, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let server = &snapshot.server;
    if server.is_superuser {
        return;
    }
    let runner = &server.runner;
    let owner = &manifest.roles.owner;
    let mut lack = |object: String, title: String, remedy: String| {
        let why = "Without it, apply would fail half-way.";
        found.push(Finding::new(Severity::Refusal, "missing_right", object, title).because(why).remedy(remedy).hard());
    };
    for relation in snapshot.tables.values().filter(|relation| !relation.runner_owns) {
        let table = relation.table();
        lack(
            table.human(),
            format!("{} doesn't own {}", human(runner), table.human()),
            format!("Run keyward as {}, or as a member of it: GRANT {} TO {runner};", human(&relation.owner), relation.owner),
        );
    }
    let schemas = snapshot.tables.values().filter(|relation| {
        !relation.runner_grants_schema && !relation.schema_users.iter().any(|user| user == "public" || user == owner.as_str())
    });
    for relation in schemas {
        let schema = &relation.schema;
        lack(
            human(schema),
            format!("{} may not grant USAGE on the schema {}", human(runner), human(schema)),
            format!("GRANT USAGE ON SCHEMA {schema} TO {runner} WITH GRANT OPTION;"),
        );
    }
    if !server.has_schema && !server.may_create_schemas {
        let database = quote(&server.database);
        lack(
            server.database.clone(),
            format!("{} may not create a schema in {}", human(runner), server.database),
            format!("GRANT CREATE ON DATABASE {database} TO {runner};"),
        );
    }
    match snapshot.roles.get(owner.as_str()) {
        None if !server.may_create_roles => lack(
            human(owner),
            format!("the role {} doesn't exist, and {} may not create it", human(owner), human(runner)),
            format!("CREATE ROLE {owner} NOLOGIN; GRANT {owner} TO {runner};"),
        ),
        Some(_) if !is_member(snapshot, runner, owner) && !may_join(snapshot, runner, owner) => lack(
            human(owner),
            format!("{} is not a member of {}, and may not make itself one", human(runner), human(owner)),
            format!("GRANT {owner} TO {runner};"),
        ),
        _ => {}
    }
}

/// Tells whether the runner is a member of the owner, with inheritance and SET ROLE.
pub(super) fn is_member(snapshot: &Snapshot, runner: &Ident, owner: &Ident) -> bool {
    let direct = snapshot.roles.get(runner.as_str()).map(|role| role.member_of.as_slice()).unwrap_or_default();
    let to_owner = || direct.iter().filter(|membership| membership.role == owner.as_str());
    runner == owner || (to_owner().any(|membership| membership.inherits) && to_owner().any(|membership| membership.can_set))
}

fn may_join(snapshot: &Snapshot, runner: &Ident, owner: &Ident) -> bool {
    let Some(role) = snapshot.roles.get(runner.as_str()) else { return false };
    let is_admin = role.member_of.iter().any(|membership| membership.role == owner.as_str() && membership.is_admin);
    is_admin || (role.may_create_roles && snapshot.server.major() < 16)
}

fn quote(name: &str) -> String {
    Ident::new(name).map(|ident| ident.to_string()).unwrap_or_default()
}
