//! What the database has: a snapshot of the catalogue, read without writing anything.
//!
//! The [`Snapshot`] is a plain serde value, so that whatever is decided from it (the plan, the findings) is a pure function
//! of manifest and snapshot, tested without a server, and so that a plan can carry the snapshot's fingerprint.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table, plain};
use crate::manifest::{AccountPath, Hide, Manifest, Name};

/// The oldest major version of PostgreSQL that keyward works with.
pub const OLDEST: u32 = 14;

/// What the database has of all that the manifest is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The server and the connected role.
    pub server: Server,
    /// Every role, by name.
    pub roles: BTreeMap<String, Role>,
    /// The tables that the manifest names, and that exist.
    pub tables: BTreeMap<Table, Relation>,
    /// What the catalogue says of each thing that keyward installs, by identity.
    pub objects: BTreeMap<String, Found>,
    /// What keyward recorded; `None` where its tables don't exist.
    pub installed: Option<Installed>,
    /// CHECK constraints on key tables that reject a row without its key, as `(table, constraint)`.
    pub demanding_checks: BTreeSet<(Table, String)>,
}

/// The server and the connected role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are what the role may do")]
pub struct Server {
    /// `server_version_num`, such as 150018.
    pub version_num: u32,
    /// The database's name.
    pub database: String,
    /// The login.
    pub login: String,
    /// The role that statements run as.
    pub runner: Ident,
    /// Whether the runner is a superuser.
    pub is_superuser: bool,
    /// Whether the runner has CREATEROLE.
    pub may_create_roles: bool,
    /// Whether the runner may create a schema in this database.
    pub may_create_schemas: bool,
    /// Whether the server is a standby, which can't be written.
    pub is_standby: bool,
    /// Whether the schema keyward exists.
    pub has_schema: bool,
    /// Whether keyward's base tables exist.
    pub has_tables: bool,
    /// Whether the runner may read them.
    pub may_read_tables: bool,
    /// The owner of the schema keyward.
    pub schema_owner: Option<String>,
}

impl Relation {
    /// Returns the table's name.
    #[must_use]
    pub fn table(&self) -> Table {
        Table { schema: self.schema.clone(), name: self.name.clone() }
    }

    /// Returns the column of that name.
    #[must_use]
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name.as_str())
    }

    /// Tells whether a role holds a privilege directly, on the whole table or on the column.
    #[must_use]
    pub fn grants(&self, grantee: &str, privilege: &str, column: Option<&str>) -> bool {
        self.privileges.iter().any(|held| {
            held.part.is_none()
                && held.grantee == grantee
                && held.privilege == privilege
                && (held.column.is_none() || held.column.as_deref() == column)
        })
    }

    /// Tells whether a role holds a privilege directly on the whole of one partition.
    #[must_use]
    pub fn grants_on_part(&self, part: &Table, grantee: &str, privilege: &str) -> bool {
        self.privileges
            .iter()
            .filter(|held| held.part.as_ref() == Some(part) && held.column.is_none())
            .any(|held| held.grantee == grantee && held.privilege == privilege)
    }
}

impl Server {
    /// Returns the major version, such as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// A role and the roles it is a member of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the role's attributes")]
pub struct Role {
    /// The name.
    pub name: String,
    /// SUPERUSER.
    pub is_superuser: bool,
    /// LOGIN.
    pub can_login: bool,
    /// CREATEROLE.
    pub may_create_roles: bool,
    /// BYPASSRLS.
    pub bypasses_rls: bool,
    /// Whether its comment says that keyward made it.
    pub is_made_by_keyward: bool,
    /// The direct memberships.
    pub member_of: Vec<Membership>,
}

impl Role {
    /// The comment on a role that keyward made.
    pub const MADE_BY_KEYWARD: &str = "Owns the schema keyward. keyward made it, and drops it when it is uninstalled.";
}

/// A direct membership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// The role that one is a member of.
    pub role: String,
    /// Whether its privileges are inherited.
    pub inherits: bool,
    /// Whether SET ROLE to it is allowed.
    pub can_set: bool,
    /// ADMIN OPTION.
    pub is_admin: bool,
}

/// A table that the manifest names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the catalogue's")]
pub struct Relation {
    /// The schema.
    pub schema: Ident,
    /// The name.
    pub name: Ident,
    /// `pg_class.relkind`: `r` a table, `p` a partitioned one; others can't be protected.
    pub kind: String,
    /// The owner.
    pub owner: Ident,
    /// Whether the runner has the owner's rights.
    pub runner_owns: bool,
    /// Whether the runner may grant USAGE on the schema.
    pub runner_grants_schema: bool,
    /// The roles that have USAGE on the schema; `public` for all.
    pub schema_users: Vec<String>,
    /// Row-level security is on.
    pub has_rls: bool,
    /// Row-level security applies to the owner too.
    pub forces_rls: bool,
    /// The table is itself a partition.
    pub is_partition: bool,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The constraints on the table, and foreign keys of others that refer to it.
    pub constraints: Vec<Constraint>,
    /// The indexes.
    pub indexes: Vec<Index>,
    /// The triggers, keyward's among them.
    pub triggers: Vec<Trigger>,
    /// The rewrite rules that are not disabled.
    pub rules: Vec<String>,
    /// The policies, keyward's among them.
    pub policies: Vec<Policy>,
    /// The privileges on the table and its columns.
    pub privileges: Vec<Privilege>,
    /// All partitions below it.
    pub partitions: Vec<Table>,
    /// Inheritance children that are not partitions.
    pub children: Vec<Table>,
    /// The columns of the partition key.
    pub partition_key: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type as `format_type` prints it, modifiers included.
    pub r#type: String,
    /// The type without modifiers, and below any domain.
    pub base_type: String,
    /// The longest value in characters, for `varchar(n)` and `char(n)`.
    pub max_length: Option<i64>,
    /// The name of its collation, if that one isn't deterministic: it takes some values for equal that are spelt in different ways.
    pub loose_collation: Option<String>,
    /// NOT NULL.
    pub not_null: bool,
    /// The column's domain rejects NULL.
    pub domain_not_null: bool,
    /// GENERATED ALWAYS AS … STORED (or VIRTUAL).
    pub is_generated: bool,
}

/// Returns one name for all types whose values compare with each other without a cast that could fail. `base_type` is below any domain.
pub(crate) fn type_family(base_type: &str) -> &str {
    match base_type {
        "smallint" | "integer" | "bigint" | "numeric" => "number",
        "character varying" => "text",
        other => other,
    }
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The name.
    pub name: String,
    /// `pg_constraint.contype`: `p` primary key, `f` foreign key, `c` check, `u` unique, `x` exclusion.
    pub kind: String,
    /// The columns of this table that take part.
    pub columns: Vec<String>,
    /// The table that the constraint is on; another one for a foreign key that refers here.
    pub on_table: String,
    /// The definition as `pg_get_constraintdef` prints it.
    pub definition: String,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The name.
    pub name: String,
    /// The key columns; an expression is an empty string.
    pub columns: Vec<String>,
    /// Unique, valid and not partial.
    pub is_unique: bool,
    /// The index has a predicate.
    pub is_partial: bool,
    /// UNIQUE NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the catalogue's")]
pub struct Trigger {
    /// The name.
    pub name: String,
    /// BEFORE … FOR EACH ROW.
    pub is_before_row: bool,
    /// Fires on INSERT.
    pub on_insert: bool,
    /// Fires on UPDATE.
    pub on_update: bool,
    /// Disabled.
    pub is_disabled: bool,
    /// The function, qualified.
    pub function: String,
    /// The function is SECURITY DEFINER.
    pub runs_as_definer: bool,
}

/// A row-level-security policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The name.
    pub name: String,
    /// Permissive (else restrictive).
    pub is_permissive: bool,
    /// The roles it applies to; `public` for all.
    pub roles: Vec<String>,
}

/// A privilege on a table, or on one of its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Privilege {
    /// Who has it; `public` for all.
    pub grantee: String,
    /// Who granted it.
    pub grantor: String,
    /// `SELECT`, `INSERT` and so on.
    pub privilege: String,
    /// The column; `None` for the whole table.
    pub column: Option<String>,
    /// The partition that it is granted on; `None` for the table itself.
    pub part: Option<Table>,
    /// WITH GRANT OPTION.
    pub is_grantable: bool,
    /// Whether the table's (or partition's) owner granted it: only who granted a privilege can take it back.
    pub by_owner: bool,
}

/// What the catalogue says of a thing that keyward installs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// A text that changes whenever anything about the object does.
    pub definition: String,
    /// The roles other than the owner that hold privileges on it.
    pub grantees: Vec<Ident>,
}

/// What keyward recorded when it installed things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// The objects, in the order they were installed.
    pub objects: Vec<Recorded>,
    /// The manifest that was applied last.
    pub manifest: Option<Manifest>,
    /// Its checksum.
    pub manifest_sha256: Option<String>,
    /// `keyward.policy.mode`.
    pub mode: Option<String>,
    /// The versions of the base tables' migrations that ran.
    pub migrations: Vec<i64>,
}

/// A row of `keyward.object`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The identity.
    pub identity: String,
    /// The place in the order of installation.
    pub position: i64,
    /// The checksum of the SQL that made it.
    pub sha256: String,
    /// What the catalogue said right afterwards.
    pub definition: String,
    /// The SQL that removes it.
    pub undo: String,
}

/// One row of `sql/catalog/objects.sql`.
#[derive(Debug, Deserialize)]
struct ObjectRow {
    kind: String,
    name: Option<Ident>,
    schema: Option<Ident>,
    relation: Option<Ident>,
    definition: String,
    grantees: Vec<Ident>,
}

/// Returns the identity under which an object is recorded.
///
/// `schema` and `relation` are given for triggers and policies, which sit on a table of the application; everything else is
/// in the schema keyward. Without a name it is the schema itself.
#[must_use]
pub fn identity(kind: &str, name: Option<&Ident>, on: Option<&Table>) -> String {
    match (name, on) {
        (Some(name), Some(table)) => format!("{kind} {name} on {table}"),
        (Some(name), None) => format!("{kind} keyward.{name}"),
        (None, _) => format!("{kind} schema keyward"),
    }
}

impl Snapshot {
    /// Reads what the database has of all that the manifest is about, and of what an earlier manifest left.
    ///
    /// # Errors
    /// As the connection; [`crate::error::Kind::Refused`] on a server that is too old.
    pub async fn read(db: &mut Db, manifest: &Manifest) -> Result<Self> {
        let server: Server = db.row(include_str!("../../sql/catalog/server.sql"), &[]).await?;
        if server.major() < OLDEST {
            return Err(Error::refused(format!("the server is PostgreSQL {}; keyward needs {OLDEST} or newer", server.major())));
        }
        if server.has_tables && !server.may_read_tables {
            let owner = server.schema_owner.clone().unwrap_or_default();
            return Err(Error::refused(format!(
                "{} may not read keyward's tables in the database {}",
                server.runner.as_str(),
                server.database
            ))
            .with_hint(format!("GRANT {owner} TO {}; or run keyward as a superuser", server.runner)));
        }
        let expected = manifest.roles.owner.as_str();
        // As regrole prints it: quoted where it must be.
        let stranger = |owner: &&String| owner.trim_matches('"').replace("\"\"", "\"") != expected;
        if let Some(stranger) = server.schema_owner.as_ref().filter(stranger).filter(|_| !server.has_tables) {
            return Err(Error::refused(format!(
                "the database {} has a schema keyward that isn't keyward's: it belongs to {stranger}",
                server.database
            ))
            .with_hint("rename it (ALTER SCHEMA keyward RENAME TO …); if it is empty, DROP SCHEMA keyward"));
        }
        let roles: Vec<Role> =
            db.rows(include_str!("../../sql/catalog/roles.sql"), &[Param::Text(Role::MADE_BY_KEYWARD.to_owned())]).await?;
        let installed: Option<Installed> =
            if server.has_tables { Some(db.row(include_str!("../../sql/catalog/installed.sql"), &[]).await?) } else { None };
        let mut names = tables_of(manifest);
        if let Some(former) = installed.as_ref().and_then(|installed| installed.manifest.as_ref()) {
            names.extend(tables_of(former));
        }
        let names = names.iter().map(ToString::to_string).collect();
        let relations: Vec<Relation> = db.rows(include_str!("../../sql/catalog/tables.sql"), &[Param::Texts(names)]).await?;
        let tables: BTreeMap<_, _> = relations
            .into_iter()
            .map(|relation| (Table { schema: relation.schema.clone(), name: relation.name.clone() }, relation))
            .collect();
        let objects = objects(db, ["table", "access", "function", "trigger", "policy"].map(str::to_owned).to_vec()).await?;
        let demanding_checks = demanding_checks(db, manifest, &tables).await?;
        let roles = roles.into_iter().map(|role| (role.name.clone(), role)).collect();
        Ok(Self { server, roles, tables, objects, installed, demanding_checks })
    }

    /// Returns the checksum of the whole snapshot, in hexadecimal: it changes when anything that a plan relied on does.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Serialising plain data with string keys can't fail; tables serialise as text.
        let text = serde_json::to_string(self).unwrap_or_default();
        hex(&Sha256::digest(text.as_bytes()))
    }

    /// Returns a checksum of each part of the snapshot, by the part's name, so that it can be told which of them has changed.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        let mut note = |name: String, value: serde_json::Value| {
            facts.insert(plain(&name), short(&value));
        };
        if let serde_json::Value::Object(server) = json!(self.server) {
            for (name, value) in server {
                note(format!("the server's {name}"), value);
            }
        }
        for (name, role) in &self.roles {
            note(format!("the role {}", name.escape_debug()), json!(role));
        }
        for (name, relation) in &self.tables {
            note(format!("the table {name}"), json!(relation));
        }
        let recorded = self.installed.iter().flat_map(|installed| &installed.objects).map(|object| &object.identity);
        for identity in self.objects.keys().chain(recorded) {
            note(format!("the {identity}"), json!([self.objects.get(identity), self.recorded(identity)]));
        }
        if let Some(installed) = &self.installed {
            note("the applied manifest".to_owned(), json!(installed.manifest_sha256));
            note("the policy's mode".to_owned(), json!(installed.mode));
            note("the base tables' migrations".to_owned(), json!(installed.migrations));
        }
        note("the checks that demand a key".to_owned(), json!(self.demanding_checks));
        facts
    }

    /// Returns what was recorded of an object.
    #[must_use]
    pub fn recorded(&self, identity: &str) -> Option<&Recorded> {
        self.installed.as_ref()?.objects.iter().find(|recorded| recorded.identity == identity)
    }
}

/// A manifest that was applied.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Applied {
    /// The manifest.
    pub document: Manifest,
    /// Its checksum.
    pub sha256: String,
    /// When it was applied.
    pub applied_at: jiff::Timestamp,
    /// Who applied it.
    pub applied_by: String,
}

/// Reads the manifest that was applied last; `None` where there is none, or no keyward at all.
///
/// # Errors
/// As the connection.
pub async fn applied_manifest(db: &mut Db) -> Result<Option<Applied>> {
    #[derive(Deserialize)]
    struct There {
        there: bool,
    }
    // Not by to_regclass, which fails where the schema may not be used.
    let query = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                                 WHERE n.nspname = 'keyward' AND c.relname = 'manifest') AS there";
    let there: There = db.row(query, &[]).await?;
    if !there.there {
        return Ok(None);
    }
    Ok(db.rows(include_str!("../../sql/catalog/manifest.sql"), &[]).await?.pop())
}

/// Reads what the catalogue says of what keyward installs, of the kinds given: `table`, `access`, `function`, `trigger`, `policy`.
///
/// # Errors
/// As the connection.
pub async fn objects(db: &mut Db, kinds: Vec<String>) -> Result<BTreeMap<String, Found>, Failure> {
    let rows: Vec<ObjectRow> = db.rows(include_str!("../../sql/catalog/objects.sql"), &[Param::Texts(kinds)]).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let on = row.schema.zip(row.relation).map(|(schema, name)| Table { schema, name });
            let identity = identity(&row.kind, row.name.as_ref(), on.as_ref());
            (identity, Found { definition: row.definition, grantees: row.grantees })
        })
        .collect())
}

/// Returns the API roles that may read a key's column all the same, for each key that stays in it (`hide = "revoke"`): none of them should.
///
/// # Errors
/// As the connection.
pub async fn readers(db: &mut Db, manifest: &Manifest) -> Result<BTreeMap<Name, Vec<String>>, Failure> {
    #[derive(Deserialize)]
    struct Reader {
        name: String,
    }
    let api: Vec<_> = manifest.roles.api.iter().map(|role| role.as_str().to_owned()).collect();
    let mut all = BTreeMap::new();
    for key in manifest.keys.iter().filter(|key| key.hide == Hide::Revoke) {
        let params = [Param::Texts(api.clone()), key.table.to_string().into(), key.column.as_str().into()];
        let readers: Vec<Reader> = db.rows(include_str!("../../sql/catalog/readers.sql"), &params).await?;
        all.insert(key.name.clone(), readers.into_iter().map(|reader| reader.name).collect());
    }
    Ok(all)
}

/// Returns the tables that a manifest names.
#[must_use]
pub fn tables_of(manifest: &Manifest) -> BTreeSet<Table> {
    let mut tables = BTreeSet::from([manifest.accounts.table.clone()]);
    let paths = manifest.keys.iter().map(|key| (&key.table, &key.account));
    let paths = paths.chain(manifest.writes.iter().map(|write| (&write.table, &write.account)));
    for (table, account) in paths {
        tables.insert(table.clone());
        if let AccountPath::Via { via, .. } = account {
            tables.insert(via.clone());
        }
    }
    tables
}

/// Finds the CHECK constraints that a row without its key would violate.
///
/// One on the key column alone is evaluated for NULL; one on several columns is tried on the rows that are there, each
/// without its key.
async fn demanding_checks(
    db: &mut Db,
    manifest: &Manifest,
    tables: &BTreeMap<Table, Relation>,
) -> Result<BTreeSet<(Table, String)>> {
    #[derive(Deserialize)]
    struct Verdict {
        demands: bool,
    }
    let mut demanding = BTreeSet::new();
    for key in &manifest.keys {
        let Some(relation) = tables.get(&key.table) else { continue };
        let checks = relation.constraints.iter().filter(|constraint| constraint.kind == "c");
        for check in checks.filter(|check| check.columns.iter().any(|column| column == key.column.as_str())) {
            let columns: Vec<_> = relation
                .columns
                .iter()
                .map(|column| {
                    let name = Ident::new(column.name.as_str())?;
                    Ok(if column.name == key.column.as_str() {
                        format!("NULL::{} AS {name}", column.r#type)
                    } else {
                        format!("b.{name}")
                    })
                })
                .collect::<Result<_>>()?;
            let alone = check.columns.len() == 1;
            let source = if alone {
                format!(
                    "(SELECT {}) AS one",
                    columns.iter().find(|column| column.starts_with("NULL::")).map_or("1", |column| column)
                )
            } else {
                format!("(SELECT {} FROM {} AS b) AS each", columns.join(", "), key.table)
            };
            // `CHECK (…)`, possibly followed by NO INHERIT or NOT VALID.
            let expression = db
                .row::<Expression>(
                    "SELECT pg_catalog.pg_get_expr(k.conbin, k.conrelid) AS expression FROM pg_catalog.pg_constraint AS k
                      WHERE k.conrelid = pg_catalog.to_regclass($1) AND k.conname = $2",
                    &[key.table.to_string().into(), check.name.as_str().into()],
                )
                .await?
                .expression;
            let verdict: Verdict =
                db.row(&format!("SELECT EXISTS (SELECT FROM {source} WHERE NOT ({expression})) AS demands"), &[]).await?;
            if verdict.demands {
                demanding.insert((key.table.clone(), check.name.clone()));
            }
        }
    }
    Ok(demanding)
}

#[derive(Deserialize)]
struct Expression {
    expression: String,
}

/// Returns the beginning of a value's checksum: enough to notice a change by accident.
pub(crate) fn short(value: &serde_json::Value) -> String {
    hex(&Sha256::digest(value.to_string().as_bytes())[..8])
}

/// Returns the lower-case hexadecimal form of some bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
