//! What a database tells about itself: plain data, from which the proposal is made without a server.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::ident::{Ident, Table};

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The database's name.
    pub database: String,
    /// The tables of the application.
    pub tables: Vec<TableFacts>,
    /// What the values of columns look like, where they were looked at.
    pub samples: BTreeMap<(Table, Ident), Sample>,
    /// The roles that may do something with the tables in question.
    pub roles: Vec<RoleFacts>,
    /// Who is connected.
    pub sessions: Vec<Sessions>,
}

impl Facts {
    /// Returns the table of that name.
    #[must_use]
    pub fn table(&self, name: &Table) -> Option<&TableFacts> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TableFacts {
    /// The name.
    pub name: Table,
    /// The owner.
    pub owner: Ident,
    /// How many rows it has, as the server estimates; `None` where it doesn't know.
    pub rows: Option<u64>,
    /// How many pages it has, as the server estimates.
    pub pages: Option<u64>,
    /// How many partitions it has.
    pub partitions: u64,
    /// It has inheritance children that are no partitions.
    pub has_children: bool,
    /// The columns, in order.
    pub columns: Vec<ColumnFacts>,
    /// The unique indexes on columns, the primary key first.
    pub uniques: Vec<Unique>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The columns of the partition key.
    pub partition_key: Vec<String>,
}

impl TableFacts {
    /// Returns the column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|column| column.name.as_str() == name)
    }

    /// Tells whether a column alone is unique.
    #[must_use]
    pub fn is_unique(&self, column: &str) -> bool {
        self.uniques.iter().any(|unique| unique.columns == [column])
    }

    /// Tells whether a column is part of the primary key.
    #[must_use]
    pub fn in_primary_key(&self, column: &str) -> bool {
        self.uniques.iter().any(|unique| unique.is_primary && unique.columns.iter().any(|part| part == column))
    }

    /// Tells whether a column is part of a foreign key.
    #[must_use]
    pub fn in_foreign_key(&self, column: &str) -> bool {
        self.foreign_keys.iter().any(|key| key.columns.iter().any(|part| part.as_str() == column))
    }

    /// Returns the columns that tell a row from any other, the likeliest first: unique and never NULL; where the primary key
    /// has several columns (a partitioned table's), those of its columns that aren't in the partition key.
    #[must_use]
    pub fn identifiers(&self) -> Vec<&ColumnFacts> {
        let only = |unique: &'_ Unique| matches!(unique.columns.as_slice(), [_]);
        let mut names: Vec<&String> =
            self.uniques.iter().filter(|unique| only(unique)).flat_map(|unique| &unique.columns).collect();
        if names.is_empty() {
            let primary = self.uniques.iter().filter(|unique| unique.is_primary).flat_map(|unique| &unique.columns);
            names.extend(primary.filter(|name| !self.partition_key.contains(name)));
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names.into_iter().filter_map(|name| self.column(name)).filter(|column| column.not_null).collect()
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ColumnFacts {
    /// The name.
    pub name: Ident,
    /// The type, modifiers included.
    pub r#type: String,
    /// The type without modifiers, and below any domain.
    pub base_type: String,
    /// The longest value, for `varchar(n)` and `char(n)`.
    pub max_length: Option<i64>,
    /// NOT NULL.
    pub not_null: bool,
    /// GENERATED ALWAYS AS … .
    pub is_generated: bool,
    /// The expression of its default, or of its domain's.
    pub default: Option<String>,
    /// Whether the connected role may read it.
    pub readable: bool,
    /// BEFORE INSERT triggers that set it.
    pub filled_by: Vec<String>,
}

/// A unique index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Unique {
    /// It is the primary key.
    pub is_primary: bool,
    /// Its columns; an expression is an empty string.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ForeignKey {
    /// The referring columns.
    pub columns: Vec<Ident>,
    /// The table referred to.
    pub table: Table,
    /// Its columns, in the same order.
    pub to: Vec<Ident>,
}

/// What some values of a column look like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sample {
    /// How many were looked at.
    pub taken: u64,
    /// How many different ones.
    pub different: u64,
    /// The length of the shortest, in characters.
    pub shortest: u64,
    /// The length of the longest.
    pub longest: u64,
    /// How many consist of letters and digits, without a space.
    pub token_like: u64,
    /// How random their characters are, in bits a character.
    pub bits: f64,
    /// What all of at least twenty different ones begin with.
    pub prefix: Option<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RoleFacts {
    /// The name.
    pub name: Ident,
    /// LOGIN.
    pub can_login: bool,
    /// CREATEROLE.
    pub may_create_roles: bool,
    /// The roles that it is a direct member of.
    pub member_of: Vec<Ident>,
    /// The tables in question whose owner it is, or acts as.
    pub owns: BTreeSet<Table>,
    /// What it may do with the tables in question: SELECT, INSERT, UPDATE, DELETE.
    pub rights: BTreeMap<Table, Vec<String>>,
}

impl RoleFacts {
    /// Tells whether it may do something with a table.
    #[must_use]
    pub fn may(&self, privilege: &str, table: &Table) -> bool {
        self.rights.get(table).is_some_and(|rights| rights.iter().any(|right| right == privilege))
    }

    /// Tells whether it may write a table.
    #[must_use]
    pub fn writes(&self, table: &Table) -> bool {
        ["INSERT", "UPDATE", "DELETE"].iter().any(|privilege| self.may(privilege, table))
    }
}

/// The sessions of a role.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sessions {
    /// The role.
    pub role: Ident,
    /// How many there are.
    pub sessions: u64,
    /// What the applications call themselves.
    pub applications: Vec<String>,
}
