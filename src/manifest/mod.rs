//! The manifest, `keyward.toml`: which tables, columns and roles of an application keyward protects, and how.
//!
//! [`Manifest::parse`] reads it strictly and names the place of every fault. The types also read and write JSON, in the shape of the
//! TOML: that is how the applied manifest is kept in the database. Reading JSON checks the shape only, not the rules between
//! the parts (a role in two lists, a table named twice), which the stored copy has passed already.

mod parse;
mod rollout;
mod schema;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::ident::{Ident, Table};

pub use rollout::{Comparison, Condition, Gate, Limit, Limits, OnFail, Rollout, Throttle};
pub use schema::json_schema;

/// The only manifest version that this keyward reads.
pub const VERSION: u32 = 1;

/// The longest [`Name`], in bytes: `~keyward_`, the name, an underscore and a suffix of 19 bytes fill one identifier of Postgres.
pub const MAX_NAME_BYTES: usize = 34;

/// What keyward is to enforce in one database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the manifest's format: 1.
    #[schemars(schema_with = "schema::version")]
    pub version: u32,
    /// The setting that accounts have on or off.
    pub setting: Setting,
    /// The database roles and their parts in the play.
    #[serde(default)]
    pub roles: Roles,
    /// The table of accounts.
    pub accounts: Accounts,
    /// The key columns to protect.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// The tables that legacy roles may no longer write for enabled accounts.
    #[serde(default)]
    pub writes: Vec<Write>,
    /// How the rollout behaves on a busy server. It enforces nothing, so it is neither stored nor part of [`Manifest::sha256`].
    #[serde(default, skip_serializing)]
    pub rollout: Rollout,
}

/// The setting that each account has on or off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What people call the setting; it appears in error messages. "Enhanced Account Security" unless told.
    #[serde(default = "default_label")]
    #[schemars(schema_with = "schema::label")]
    pub label: String,
    /// From when on the setting is the default for every account that hasn't opted out: an instant with its offset, such as
    /// 2024-06-17T00:00:00Z.
    #[schemars(schema_with = "schema::instant")]
    pub cutover: jiff::Timestamp,
}

/// The database roles. They exist already; keyward creates the owner only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// The NOLOGIN role that owns everything in the schema keyward. `keyward_owner` unless told.
    #[serde(default = "default_owner")]
    #[schemars(schema_with = "schema::role")]
    pub owner: Ident,
    /// The roles of the web application: they may generate, reveal and revoke keys, and change the setting.
    #[serde(default)]
    #[schemars(schema_with = "schema::roles")]
    pub ui: Vec<Ident>,
    /// The roles of the API servers: they never get a key of an enabled account.
    #[serde(default)]
    #[schemars(schema_with = "schema::roles")]
    pub api: Vec<Ident>,
    /// The roles that may ask which row a presented key belongs to.
    #[serde(default)]
    #[schemars(schema_with = "schema::roles")]
    pub auth: Vec<Ident>,
}

/// The table of accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// The table, schema-qualified.
    #[schemars(schema_with = "schema::table")]
    pub table: Table,
    /// The column that identifies an account.
    #[schemars(schema_with = "schema::column")]
    pub id: Ident,
}

/// A key column to protect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What the vault and the functions of this key are named after: `vault_<name>`, `generate_<name>` and so on.
    #[schemars(schema_with = "schema::name")]
    pub name: Name,
    /// The table that holds the keys, schema-qualified. It may be the accounts table itself.
    #[schemars(schema_with = "schema::table")]
    pub table: Table,
    /// The column that identifies a row of the table.
    #[schemars(schema_with = "schema::column")]
    pub id: Ident,
    /// The column that holds the key.
    #[schemars(schema_with = "schema::column")]
    pub column: Ident,
    /// Which account a row belongs to.
    pub account: AccountPath,
    /// How the key is kept from API roles: `vault` unless told.
    #[serde(default)]
    pub hide: Hide,
    /// What happens to a row that an API or UI role inserts with a key for an enabled account: `strip` unless told.
    #[serde(default)]
    pub on_insert: OnInsert,
    /// How a new key is made.
    #[serde(default)]
    pub generate: Generate,
}

/// How a row leads to its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum AccountPath {
    /// A column of the row itself holds the account's id.
    Column(#[schemars(schema_with = "schema::column")] Ident),
    /// The row points to a row of another table, and that one holds the account's id.
    Via {
        /// The column of the protected row that points to the other table.
        #[schemars(schema_with = "schema::column")]
        column: Ident,
        /// The other table, schema-qualified.
        #[schemars(schema_with = "schema::table")]
        via: Table,
        /// The column of the other table that the first one points to.
        #[schemars(schema_with = "schema::column")]
        id: Ident,
        /// The column of the other table that holds the account's id.
        #[schemars(schema_with = "schema::column")]
        account: Ident,
    },
}

impl Write {
    /// Tells whether an UPDATE of another table can move rows of this one between accounts, and is denied.
    #[must_use]
    pub fn hops(&self) -> bool {
        matches!(self.account, AccountPath::Via { .. }) && self.deny.contains(&Deny::Update)
    }
}

impl AccountPath {
    /// Returns the column of the protected row itself that the path starts from.
    #[must_use]
    pub fn column(&self) -> &Ident {
        match self {
            Self::Column(column) | Self::Via { column, .. } => column,
        }
    }
}

/// How a key is kept from API roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hide {
    /// The keys of enabled accounts move into a vault that keyward owns; the column is NULL for their rows.
    #[default]
    Vault,
    /// API roles lose the right to the column, for all accounts alike.
    Revoke,
}

/// What happens to a row that is inserted with a key for an enabled account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnInsert {
    /// The row is created without the key.
    #[default]
    Strip,
    /// The statement fails with KW001.
    Reject,
}

/// How a new key is made: a prefix, then random bytes as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Generate {
    /// What every key begins with: printable ASCII without quotes, backslash and white space. Empty unless told.
    #[schemars(schema_with = "schema::prefix")]
    pub prefix: String,
    /// How many random bytes a key holds, 16 to 512; 32 unless told.
    #[schemars(schema_with = "schema::bytes")]
    pub bytes: u16,
}

/// A table that legacy roles may no longer write for enabled accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// What the guards of this table are named after.
    #[schemars(schema_with = "schema::name")]
    pub name: Name,
    /// The table, schema-qualified.
    #[schemars(schema_with = "schema::table")]
    pub table: Table,
    /// Which account a row belongs to.
    pub account: AccountPath,
    /// The roles that may no longer write.
    #[schemars(schema_with = "schema::some_roles")]
    pub roles: Vec<Ident>,
    /// What they may no longer do: all of insert, update and delete unless told.
    #[serde(default = "default_deny")]
    #[schemars(schema_with = "schema::deny")]
    pub deny: Vec<Deny>,
    /// Whether to add a row-level-security wall behind the guard; false unless told.
    #[serde(default)]
    pub rls: bool,
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Deny {
    /// INSERT, and COPY into the table.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

/// What the objects of a `[[keys]]` or `[[writes]]` entry are named after: `[a-z][a-z0-9_]*`, at most 34 bytes.
///
/// It is part of the names of functions, triggers and tables (`authenticate_<name>`, `~keyward_<name>_guard`), so it is kept
/// short enough for all of them, and plain enough never to need quotes.
///
/// ```
/// use keyward::manifest::Name;
/// assert_eq!(Name::new("location_api_key").unwrap().to_string(), "location_api_key");
/// assert!(Name::new("Location").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Makes a name.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if it isn't a lower-case ASCII letter followed by such letters, digits and underscores, or
    /// is longer than 34 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(Error::usage(format!(
                "the name {name:?} is not a lower-case letter followed by lower-case letters, digits and underscores"
            ))
            .with_hint("the name becomes part of function names: write one such as \"location_api_key\""));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(Error::usage(format!(
                "the name {name:?} is {} bytes long; at most {MAX_NAME_BYTES} are possible",
                name.len()
            ))
            .with_hint("shorten it: PostgreSQL cuts identifiers at 63 bytes, and the name is only a part of them"));
        }
        Ok(Self(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// Gives an enumeration of the manifest its spelling there, for reading, messages and templates alike.
macro_rules! spelled {
    ($type:ty: $($variant:ident = $text:literal),+) => {
        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the spelling of the manifest.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

use spelled;

spelled!(Hide: Vault = "vault", Revoke = "revoke");
spelled!(OnInsert: Strip = "strip", Reject = "reject");
spelled!(Deny: Insert = "insert", Update = "update", Delete = "delete");

impl Default for Roles {
    fn default() -> Self {
        Self { owner: default_owner(), ui: Vec::new(), api: Vec::new(), auth: Vec::new() }
    }
}

impl Default for Generate {
    fn default() -> Self {
        Self { prefix: String::new(), bytes: 32 }
    }
}

fn default_label() -> String {
    "Enhanced Account Security".to_owned()
}

fn default_owner() -> Ident {
    Ident::new("keyward_owner").expect("the default owner is an identifier")
}

fn default_deny() -> Vec<Deny> {
    Deny::ALL.to_vec()
}

impl Manifest {
    /// Returns the SHA-256 of the manifest's canonical JSON (sorted keys, no white space, defaults written out), as 64 lower-case
    /// hexadecimal digits. Comments and layout of the file don't change it, nor does what [`Rollout`] says.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a manifest holds nothing that JSON can't")]
    pub fn sha256(&self) -> String {
        let mut json = serde_json::to_value(self).expect("a manifest is JSON");
        // Sorted already, unless a dependency turns on serde_json's preserve_order.
        json.sort_all_objects();
        hex(&Sha256::digest(json.to_string()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    })
}

impl Manifest {
    /// Returns a checksum of each part of the manifest, by the part's name, so that it can be told which of them has changed.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<String, String> {
        let named = |kind: &str, name: &Name| format!("[[{kind}]] {name}");
        let mut parts = vec![
            ("[setting]".to_owned(), json!(self.setting)),
            ("[roles]".to_owned(), json!(self.roles)),
            ("[accounts]".to_owned(), json!(self.accounts)),
        ];
        parts.extend(self.keys.iter().map(|key| (named("keys", &key.name), json!(key))));
        parts.extend(self.writes.iter().map(|write| (named("writes", &write.name), json!(write))));
        let keys: Vec<_> = self.keys.iter().map(|key| &key.name).collect();
        let writes: Vec<_> = self.writes.iter().map(|write| &write.name).collect();
        parts.push(("the order of its entries".to_owned(), json!([keys, writes])));
        let digest = |value: &serde_json::Value| hex(&Sha256::digest(value.to_string())[..8]);
        parts.iter().map(|(name, value)| (name.clone(), digest(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn ident() -> impl Strategy<Value = Ident> {
        let spelling = prop_oneof!["\\PC{1,15}", "[A-Za-z\"'\\\\.~ ]{1,63}", Just("Ünïcode \"quoted\" 'Name'".to_owned())];
        spelling.prop_map(|name| Ident::new(name).unwrap())
    }

    fn table() -> impl Strategy<Value = Table> {
        (ident(), ident()).prop_map(|(schema, name)| Table { schema, name })
    }

    fn name() -> impl Strategy<Value = Name> {
        "[a-z][a-z0-9_]{0,33}".prop_map(|name| Name::new(name).unwrap())
    }

    fn account() -> impl Strategy<Value = AccountPath> {
        prop_oneof![
            ident().prop_map(AccountPath::Column),
            (ident(), table(), ident(), ident()).prop_map(|(column, via, id, account)| AccountPath::Via {
                column,
                via,
                id,
                account
            }),
        ]
    }

    fn key() -> impl Strategy<Value = Key> {
        let choices =
            (proptest::sample::select(Hide::ALL), proptest::sample::select(OnInsert::ALL), "[!#-&(-\\[]{0,9}", 16..=512_u16);
        (name(), table(), ident(), ident(), account(), choices).prop_map(|(name, table, id, column, account, choices)| {
            let (hide, on_insert, prefix, bytes) = choices;
            Key { name, table, id, column, account, hide, on_insert, generate: Generate { prefix, bytes } }
        })
    }

    fn write() -> impl Strategy<Value = Write> {
        let deny = proptest::sample::subsequence(Deny::ALL, 1..=3);
        (name(), table(), account(), vec(ident(), 1..3), deny, any::<bool>())
            .prop_map(|(name, table, account, roles, deny, rls)| Write { name, table, account, roles, deny, rls })
    }

    fn manifest() -> impl Strategy<Value = Manifest> {
        // The years 1 to 9998, to the nanosecond.
        let cutover = (-62_135_596_800_i64..253_370_764_800, 0..1_000_000_000_i32)
            .prop_map(|(second, nanosecond)| jiff::Timestamp::new(second, nanosecond).unwrap());
        let setting = ("\\PC{1,20}", cutover).prop_map(|(label, cutover)| Setting { label, cutover });
        let roles = (ident(), vec(ident(), 0..3), vec(ident(), 0..3), vec(ident(), 0..3))
            .prop_map(|(owner, ui, api, auth)| Roles { owner, ui, api, auth });
        let accounts = (table(), ident()).prop_map(|(table, id)| Accounts { table, id });
        (setting, roles, accounts, vec(key(), 0..3), vec(write(), 0..3)).prop_map(|(setting, roles, accounts, keys, writes)| {
            Manifest { version: VERSION, setting, roles, accounts, keys, writes, rollout: Rollout::default() }
        })
    }

    proptest! {
        #[test]
        fn any_manifest_survives_being_stored_as_json(manifest in manifest()) {
            let stored = serde_json::to_string(&manifest).unwrap();
            let read: Manifest = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(read.sha256(), manifest.sha256());
            prop_assert_eq!(read, manifest);
        }

        #[test]
        fn every_object_named_after_a_name_fits_an_identifier(name in name()) {
            for derived in [format!("authenticate_{name}"), format!("~keyward_{name}_{}", "x".repeat(19))] {
                prop_assert!(Ident::new(derived).is_ok());
            }
        }
    }

    #[test]
    fn the_fingerprint_changes_with_the_meaning_and_not_with_the_layout() {
        let text = include_str!("../../keyward.example.toml");
        let sha256 = |text: &str| Manifest::parse(text, "keyward.toml").unwrap().sha256();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let bare = lines.join("\n\n");
        assert_eq!(sha256(&bare), sha256(text));
        assert_eq!(sha256(&text.replace("label = \"Enhanced Account Security\"\n", "")), sha256(text));
        assert_ne!(sha256(&text.replace("app_ui", "app_ui_2")), sha256(text));
        assert_eq!(sha256(text).len(), 64);
    }

    #[test]
    fn a_stored_manifest_with_an_unknown_key_is_not_read() {
        let manifest = Manifest::parse(include_str!("../../keyward.example.toml"), "keyward.toml").unwrap();
        let stored = serde_json::to_value(manifest).unwrap();
        assert!(serde_json::from_value::<Manifest>(stored.clone()).is_ok());
        for place in ["/setting", "/roles", "/accounts", "/keys/0", "/keys/1/account", "/keys/0/generate", "/writes/0"] {
            let mut stored = stored.clone();
            stored.pointer_mut(place).unwrap()["novelty"] = true.into();
            assert!(serde_json::from_value::<Manifest>(stored).is_err(), "{place}");
        }
    }

    #[test]
    fn a_name_that_would_need_quotes_or_not_fit_is_refused() {
        for good in ["a", "location_api_key", &"a".repeat(34)] {
            assert_eq!(Name::new(good).unwrap().to_string(), good);
        }
        for bad in ["", "_a", "1a", "A", "a-b", "a b", "ä", "a\"", &"a".repeat(35)] {
            assert!(Name::new(bad).unwrap_err().hint().is_some(), "{bad}");
        }
    }
}
