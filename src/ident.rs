//! Identifiers that can't reach a statement unquoted.
//!
//! An [`Ident`] displays itself quoted, always; there is no way to print it bare into SQL. [`Table`] is a schema-qualified
//! name, and [`literal`] quotes a string constant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest identifier that PostgreSQL stores (`NAMEDATALEN - 1`), in bytes.
pub const MAX_BYTES: usize = 63;

/// What the dollar quotes around every function of keyward's begin with. A name that contains it can't be written inside of one.
pub const DOLLAR_TAG: &str = "$keyward";

/// An SQL identifier: a role, column, schema, table or function name exactly as the catalogue stores it.
///
/// `Display` renders it double-quoted, with inner quotes doubled, so that it is one identifier wherever it lands.
///
/// ```
/// use keyward::ident::Ident;
/// assert_eq!(Ident::new("We\"ird").unwrap().to_string(), "\"We\"\"ird\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

impl Ident {
    /// Makes an identifier from its catalogue spelling.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the name is empty, longer than 63 bytes, or contains a NUL.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() {
            return Err(Error::usage("an identifier can't be empty"));
        }
        if name.contains('\0') {
            return Err(Error::usage("an identifier can't contain a NUL character"));
        }
        if name.len() > MAX_BYTES {
            return Err(Error::usage(format!(
                "the identifier {name:?} is {} bytes long; PostgreSQL stores at most {MAX_BYTES}",
                name.len()
            )));
        }
        Ok(Self(name))
    }

    /// Returns the catalogue spelling, for comparing with the catalogue and for messages; never for building SQL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl TryFrom<String> for Ident {
    type Error = Error;
    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.0
    }
}

/// A schema-qualified table name.
///
/// Parsed as SQL reads it: `app.Locations` folds to lower case, `"App"."Loc""ations"` is taken as spelled. Serialised as
/// the quoted text, which parses back to itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Table {
    /// The schema.
    pub schema: Ident,
    /// The table's own name.
    pub name: Ident,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl Table {
    /// Returns the name for people: quoted only where SQL needs it (`app.locations`, `"We""ird".t`).
    #[must_use]
    pub fn human(&self) -> String {
        format!("{}.{}", human(&self.schema), human(&self.name))
    }
}

impl FromStr for Table {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = split(text)?;
        match (parts.pop(), parts.pop(), parts.is_empty()) {
            (Some(name), Some(schema), true) => Ok(Self { schema, name }),
            _ => Err(Error::usage(format!("{text:?} is not a schema-qualified table name")).with_hint(
                "write schema.table, for example app.locations; quote odd names as SQL does: \"My App\".\"Locations\"",
            )),
        }
    }
}

impl TryFrom<String> for Table {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Table> for String {
    fn from(table: Table) -> Self {
        table.to_string()
    }
}

/// Returns the identifier as a person would type it: quoted only where SQL needs it.
#[must_use]
pub fn human(ident: &Ident) -> String {
    let name = ident.as_str();
    let plain =
        name.chars().enumerate().all(|(i, c)| c.is_ascii_lowercase() || c == '_' || (i > 0 && (c.is_ascii_digit() || c == '$')));
    if plain { name.to_owned() } else { ident.to_string() }
}

/// Returns an identity or a relation without the double quotes that aren't needed for reading it.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    // A doubled quote stands for one: such a name stays as it is.
    if text.contains("\"\"") {
        return text.to_owned();
    }
    // Every second part is inside quotes.
    for (at, part) in text.split('"').enumerate() {
        let simple = part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        parts.push(if at % 2 == 0 || simple { part.to_owned() } else { format!("\"{part}\"") });
    }
    parts.concat()
}

/// Returns a string constant: single quotes doubled, and an `E''` string where there is a backslash, so that it reads the
/// same whatever `standard_conforming_strings` says. It ends no function of keyward's that it stands in.
///
/// ```
/// assert_eq!(keyward::ident::literal("it's"), "'it''s'");
/// ```
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if !text.contains('\\') && !text.contains(DOLLAR_TAG) {
        return format!("'{quoted}'");
    }
    // the same characters, the dollar written as an escape
    format!("E'{}'", quoted.replace('\\', "\\\\").replace(DOLLAR_TAG, &DOLLAR_TAG.replacen('$', "\\x24", 1)))
}

/// Splits a possibly quoted, dotted name into its parts, folding unquoted ones to lower case.
fn split(text: &str) -> Result<Vec<Ident>> {
    let bad = |why: &str| Error::usage(format!("{text:?} is not a table name: {why}"));
    let mut parts = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let mut part = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next() {
                    Some('"') if rest.next_if_eq(&'"').is_some() => part.push('"'),
                    Some('"') => break,
                    Some(c) => part.push(c),
                    None => return Err(bad("a double quote is not closed")),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| *c != '.' && *c != '"') {
                if !(c.is_alphanumeric() || c == '_' || c == '$') {
                    return Err(bad("quote names with other characters than letters, digits, _ and $"));
                }
                // PostgreSQL folds ASCII only in multi-byte encodings such as UTF-8.
                part.push(c.to_ascii_lowercase());
            }
        }
        parts.push(Ident::new(part).map_err(|error| bad(&error.to_string()))?);
        match rest.next() {
            None => return Ok(parts),
            Some('.') => {}
            Some(_) => return Err(bad("a part is neither wholly quoted nor wholly plain")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_table_name_survives_being_written_and_read(schema in "[^\0]{1,15}", name in "[^\0]{1,15}") {
            let table = Table { schema: Ident::new(schema).unwrap(), name: Ident::new(name).unwrap() };
            prop_assert_eq!(table.to_string().parse::<Table>().unwrap(), table.clone());
            prop_assert_eq!(table.human().parse::<Table>().unwrap(), table);
        }
    }

    #[test]
    fn unquoted_names_fold_as_sql_folds_them() {
        assert_eq!("App.Locations".parse::<Table>().unwrap().to_string(), r#""app"."locations""#);
        assert_eq!(r#""App"."Loc""s""#.parse::<Table>().unwrap().to_string(), r#""App"."Loc""s""#);
    }

    #[test]
    fn a_name_that_is_not_schema_and_table_is_refused() {
        for bad in ["", "locations", "a.b.c", "a.", ".b", "\"a.b", "a.b; drop table x", "a.\"b\"c"] {
            assert!(bad.parse::<Table>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_shown_without_quotes_where_it_needs_none() {
        assert_eq!(plain(r#"trigger "~keyward_x" on "app"."users""#), r#"trigger "~keyward_x" on app.users"#);
        assert_eq!(plain(r#"table "My App"."a""#), r#"table "My App".a"#);
        assert_eq!(plain(r#"table "a""b"."c""#), r#"table "a""b"."c""#);
        assert_eq!(plain("schema keyward"), "schema keyward");
    }
}
