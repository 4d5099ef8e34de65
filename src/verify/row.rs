//! Rows made for a verification: of the table's own columns and types, honouring what it demands, and copying no more of the rows that are
//! there than that takes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::catalog::hex;
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table, literal};

/// What a new row of a table takes, and one row of it as a model.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) table: Table,
    pub(super) owner: Ident,
    pub(super) columns: Vec<Column>,
    unique_sets: Vec<Vec<Ident>>,
    /// The values of a row that is there, keys excepted, as text.
    model: Option<BTreeMap<String, Option<String>>>,
    /// A value of the column that each foreign key refers to, for a table without a row.
    referred: BTreeMap<Ident, String>,
}

/// A column of a pattern.
#[derive(Debug, Clone, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are the catalogue's")]
pub(super) struct Column {
    pub(super) name: Ident,
    pub(super) r#type: String,
    pub(super) base: String,
    category: String,
    pub(super) max_length: Option<usize>,
    pub(super) is_required: bool,
    pub(super) has_default: bool,
    is_generated: bool,
    /// GENERATED ALWAYS AS IDENTITY: no UPDATE sets it.
    pub(super) is_identity_always: bool,
    is_particular: bool,
    label: Option<String>,
    refers_to: Option<(String, Ident)>,
}

/// How rows are made; the next one is tried where the table refuses one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent choices")]
pub(super) struct Recipe {
    /// Copies every column of the model, not only those that can't be made up.
    pub(super) full: bool,
    /// Takes ids right after the last one, not far away from any.
    pub(super) near: bool,
    /// Takes accounts that are there.
    pub(super) real_accounts: bool,
    /// Makes the rows as the connected role, not as the table's owner.
    pub(super) as_runner: bool,
}

/// A row that can be inserted: a value for some of the columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft(Vec<(Ident, String, Option<String>)>);

/// Values that nobody else has: the same for the same seed and turn.
#[derive(Debug)]
pub(super) struct Chance {
    seed: String,
    turn: Cell<u64>,
}

impl Chance {
    pub(super) fn new(seed: String) -> Self {
        Self { seed, turn: Cell::new(0) }
    }

    /// Returns as many random bytes as asked for, in hexadecimal.
    pub(super) fn hex(&self, bytes: usize) -> String {
        let mut text = String::new();
        while text.len() < 2 * bytes {
            self.turn.set(self.turn.get() + 1);
            text.push_str(&hex(&Sha256::digest(format!("{} {}", self.seed, self.turn.get()).as_bytes())));
        }
        text.truncate(2 * bytes);
        text
    }

    /// Returns a random number below a bound.
    fn below(&self, bound: u64) -> u64 {
        u64::from_str_radix(&self.hex(7), 16).unwrap_or_default() % bound.max(1)
    }

    /// Returns a random value of a type; `None` for a type that is not known how to be made up.
    pub(super) fn value(&self, base: &str, max_length: Option<usize>) -> Option<String> {
        let cut = |text: String| match max_length {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        Some(match base {
            "uuid" => {
                let h = self.hex(16);
                format!("{}-{}-4{}-8{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
            }
            // far from any that a sequence hands out, yet a number of JavaScript's
            "bigint" | "numeric" => (900_000_000_000_000 + self.below(90_000_000_000_000)).to_string(),
            "integer" => (1_000_000_000 + self.below(70_000_000)).to_string(),
            "smallint" => (20_000 + self.below(12_000)).to_string(),
            text if is_text(text) => cut(format!("kwprobe{}", self.hex(6))),
            "timestamp with time zone" | "timestamp without time zone" | "date" => {
                format!("{}-{:02}-{:02}", 2100 + self.below(800), 1 + self.below(12), 1 + self.below(28))
            }
            "bytea" => format!("\\x{}", self.hex(8)),
            _ => return None,
        })
    }
}

/// Tells whether a base type is one of the texts.
pub(super) fn is_text(base: &str) -> bool {
    ["text", "character varying", "character", "bpchar", "name"].contains(&base) || base.ends_with("citext")
}

impl Pattern {
    /// Reads what a new row of a table takes. `keys` are the columns that hold keys: they are never read.
    ///
    /// # Errors
    /// As the connection.
    pub(super) async fn read(db: &mut Db, table: &Table, keys: &[&Ident]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Answer {
            columns: Vec<Column>,
            unique_sets: Vec<Vec<Ident>>,
            owner: Ident,
        }
        let mut answers: Vec<Answer> =
            db.rows(include_str!("../../sql/verify/columns.sql"), &[Param::Text(table.to_string())]).await?;
        let answer = answers.pop().ok_or_else(|| Error::refused(format!("the table {} is not there", table.human())))?;
        let wanted: Vec<_> = answer.columns.iter().map(|column| &column.name).filter(|name| !keys.contains(name)).collect();
        let list: Vec<_> = wanted.iter().map(|name| format!("m.{name}::text AS {name}")).collect();
        let one = if list.is_empty() { "1 AS one".to_owned() } else { list.join(", ") };
        let query = format!("SELECT {one} FROM {table} AS m LIMIT 1");
        // who may not read it has no model
        let model = tolerate(db.rows(&query, &[]).await)?.and_then(|mut rows: Vec<_>| rows.pop());
        let mut referred = BTreeMap::new();
        if model.is_none() {
            for column in answer.columns.iter().filter(|column| column.is_required) {
                let Some((other, target)) = &column.refers_to else { continue };
                let query = format!("SELECT r.{target}::text AS v FROM {other} AS r LIMIT 1");
                let found: Option<Vec<Value>> = tolerate(db.rows(&query, &[]).await)?;
                if let Some(found) = found.and_then(|mut rows| rows.pop()) {
                    referred.insert(column.name.clone(), found.v);
                }
            }
        }
        Ok(Self {
            table: table.clone(),
            owner: answer.owner,
            columns: answer.columns,
            unique_sets: answer.unique_sets,
            model,
            referred,
        })
    }

    pub(super) fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Makes a row with certain values in it; those of `distinct` no other row has.
    pub(super) fn draft(
        &self,
        recipe: Recipe,
        chance: &Chance,
        given: &[(&Ident, Option<String>)],
        distinct: &[&Ident],
    ) -> Draft {
        let given: BTreeMap<&Ident, &Option<String>> = given.iter().map(|(name, value)| (*name, value)).collect();
        let fresh = self.made_unique(&given, distinct);
        let mut cells = Vec::new();
        for column in self.columns.iter().filter(|column| !column.is_generated) {
            let value = if let Some(value) = given.get(&column.name) {
                (*value).clone()
            } else if fresh.contains(&column.name) && (recipe.full || (column.is_required && !column.has_default)) {
                self.unique(column, chance)
            } else if recipe.full && !column.is_id_like() {
                self.copied(column)
            } else if column.is_required && !column.has_default {
                if column.is_particular { self.copied(column) } else { self.plain(column) }
            } else {
                continue;
            };
            cells.push((column.name.clone(), column.r#type.clone(), value));
        }
        Draft(cells)
    }

    /// Returns the columns that make a row unique, one of each set that has none of the given ones.
    fn made_unique(&self, given: &BTreeMap<&Ident, &Option<String>>, distinct: &[&Ident]) -> BTreeSet<Ident> {
        let mut chosen = BTreeSet::new();
        for set in &self.unique_sets {
            if set.iter().any(|name| distinct.contains(&name) || chosen.contains(name)) {
                continue;
            }
            let candidates = set.iter().filter_map(|name| self.column(name)).filter(|column| column.refers_to.is_none());
            let mut candidates: Vec<_> = candidates.filter(|column| !given.contains_key(&column.name)).collect();
            candidates.sort_by_key(|column| !is_text(&column.base));
            if let Some(column) = candidates.first() {
                chosen.insert(column.name.clone());
            }
        }
        chosen
    }

    fn unique(&self, column: &Column, chance: &Chance) -> Option<String> {
        let made = chance.value(&column.base, column.max_length);
        match (is_text(&column.base) && column.is_particular, self.modelled(column)) {
            // in front of a value that is there: an address stays one
            (true, Some(model)) => {
                let text = format!("kw{}{model}", chance.hex(5));
                Some(column.max_length.map_or_else(|| text.clone(), |most| text.chars().take(most).collect()))
            }
            _ => made.or_else(|| self.copied(column)),
        }
    }

    fn modelled(&self, column: &Column) -> Option<String> {
        self.model.as_ref()?.get(column.name.as_str())?.clone()
    }

    fn copied(&self, column: &Column) -> Option<String> {
        if self.model.is_some() {
            return self.modelled(column);
        }
        if !column.is_required {
            return None;
        }
        self.referred.get(&column.name).cloned().or_else(|| column.label.clone()).or_else(|| self.plain(column))
    }

    /// Returns any value of the column's type.
    fn plain(&self, column: &Column) -> Option<String> {
        let text = match column.category.as_str() {
            "S" => {
                let text = "keyward verify";
                column.max_length.map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect())
            }
            "N" | "T" => "0".to_owned(),
            "B" => "false".to_owned(),
            "D" => "2100-01-01".to_owned(),
            "A" => "{}".to_owned(),
            _ => match column.base.as_str() {
                "uuid" => "00000000-0000-4000-8000-000000000000".to_owned(),
                "json" | "jsonb" => "{}".to_owned(),
                "bytea" => "\\x".to_owned(),
                _ => return self.modelled(column).or_else(|| column.label.clone()),
            },
        };
        Some(text)
    }
}

impl Column {
    /// Tells whether the column numbers the rows by itself.
    fn is_id_like(&self) -> bool {
        self.has_default && ["bigint", "integer", "smallint", "uuid"].contains(&self.base.as_str())
    }
}

impl Draft {
    /// Returns the same row with other values in some columns.
    pub(super) fn with(&self, given: &[(&Ident, Option<String>)]) -> Self {
        let mut cells = self.0.clone();
        for (name, _, value) in &mut cells {
            if let Some((_, other)) = given.iter().find(|(given, _)| *given == name) {
                value.clone_from(other);
            }
        }
        Self(cells)
    }

    /// Returns the same row without a column.
    pub(super) fn without(&self, name: &Ident) -> Self {
        Self(self.0.iter().filter(|(column, ..)| column != name).cloned().collect())
    }

    /// Returns the columns, as a list in SQL.
    pub(super) fn columns(&self) -> String {
        self.0.iter().map(|(name, ..)| name.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the values, as a list of constants in SQL.
    pub(super) fn values(&self) -> String {
        self.0.iter().map(|(_, r#type, value)| constant(value.as_deref(), r#type)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the row as a line of COPY.
    pub(super) fn line(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r");
        let cells: Vec<_> = self.0.iter().map(|(.., value)| value.as_deref().map_or("\\N".to_owned(), escaped)).collect();
        cells.join("\t") + "\n"
    }

    /// Returns the statement that inserts the row.
    pub(super) fn insert(&self, table: &Table) -> String {
        format!("INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE VALUES ({})", self.columns(), self.values())
    }
}

/// Returns a constant of a type in SQL.
pub(super) fn constant(value: Option<&str>, r#type: &str) -> String {
    format!("{}::{}", value.map_or_else(|| "NULL".to_owned(), literal), r#type)
}

/// One text.
#[derive(Debug, Deserialize)]
pub(super) struct Value {
    pub(super) v: String,
}

/// Takes a refusal for no answer.
fn tolerate<T>(answer: Result<T, Failure>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure::Server(_)) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_made_up_is_of_its_type_and_never_the_same_twice() {
        let chance = Chance::new("seed".to_owned());
        for base in ["uuid", "bigint", "integer", "smallint", "text", "bytea", "date"] {
            let (one, two) = (chance.value(base, None).unwrap(), chance.value(base, None).unwrap());
            assert_ne!(one, two, "{base}");
        }
        assert_eq!(chance.value("uuid", None).unwrap().len(), 36);
        assert!(chance.value("integer", None).unwrap().parse::<i32>().is_ok());
        assert!(chance.value("smallint", None).unwrap().parse::<i16>().is_ok());
        assert_eq!(chance.value("character varying", Some(9)).unwrap().len(), 9);
        assert_eq!(chance.value("polygon", None), None);
    }

    #[test]
    fn a_draft_is_written_as_constants_and_as_a_line_of_copy() {
        let name = |text: &str| Ident::new(text).unwrap();
        let draft =
            Draft(vec![(name("a\"b"), "text".to_owned(), Some("it's\ta\\b".to_owned())), (name("n"), "bigint".to_owned(), None)]);
        assert_eq!(draft.columns(), r#""a""b", "n""#);
        assert_eq!(draft.values(), "E'it''s\ta\\\\b'::text, NULL::bigint");
        assert_eq!(draft.line(), "it's\\ta\\\\b\t\\N\n");
        let n = name("n");
        assert_eq!(draft.with(&[(&n, Some("1".to_owned()))]).line(), "it's\\ta\\\\b\t1\n");
        assert_eq!(draft.without(&n).columns(), r#""a""b""#);
    }
}
