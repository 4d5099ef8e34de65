//! What of a statement fails once a role may read and write every column of a table but its key.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ident::{Ident, Table};

/// What a role can't do any more on a table whose key it may not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Break {
    /// `SELECT *` or `t.*`.
    #[serde(rename = "SELECT *")]
    Star,
    /// `RETURNING *`.
    #[serde(rename = "RETURNING *")]
    Returning,
    /// A reference to the whole row, as in `row_to_json(t)`.
    #[serde(rename = "whole row")]
    WholeRow,
    /// INSERT without a list of columns.
    #[serde(rename = "INSERT without a list of columns")]
    Insert,
    /// COPY without a list of columns.
    #[serde(rename = "COPY without a list of columns")]
    Copy,
    /// It names the key column, to read or to write it.
    #[serde(rename = "names the key")]
    Key,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Star => "SELECT *",
            Self::Returning => "RETURNING *",
            Self::WholeRow => "whole row",
            Self::Insert => "INSERT without a list of columns",
            Self::Copy => "COPY without a list of columns",
            Self::Key => "names the key",
        })
    }
}

/// Returns what of a statement fails where a role may no longer read and write these columns of a table; nothing where it doesn't use the table,
/// or can't be parsed.
///
/// It goes by names: a star of another table in the same statement counts too.
#[must_use]
pub fn breaks(statement: &str, table: &Table, keys: &[&Ident]) -> BTreeSet<Break> {
    let Ok(parsed) = super::parse(statement) else { return BTreeSet::new() };
    // Plain data with string keys can be written as JSON, which is walked without a case for each of a hundred kinds of node.
    let tree = serde_json::to_value(&parsed.protobuf).unwrap_or_default();
    let mut look = Look { table, keys, names: BTreeSet::new(), found: BTreeSet::new() };
    look.tables(&tree);
    if !look.names.is_empty() {
        look.uses(&tree, Break::Star);
    }
    look.found
}

struct Look<'a> {
    table: &'a Table,
    keys: &'a [&'a Ident],
    /// What the statement calls the table.
    names: BTreeSet<String>,
    found: BTreeSet<Break>,
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is_empty(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_array).is_none_or(Vec::is_empty)
}

impl Look<'_> {
    fn is_table(&self, value: &Value) -> bool {
        let schema = text(value, "schemaname");
        text(value, "relname") == self.table.name.as_str() && (schema.is_empty() || schema == self.table.schema.as_str())
    }

    fn tables(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if self.is_table(value) {
                    let alias = value.get("alias").map(|alias| text(alias, "aliasname")).filter(|alias| !alias.is_empty());
                    self.names.insert(alias.unwrap_or_else(|| self.table.name.as_str()).to_owned());
                }
                fields.values().for_each(|field| self.tables(field));
            }
            Value::Array(all) => all.iter().for_each(|one| self.tables(one)),
            _ => {}
        }
    }

    /// `star` is what a star means at this place.
    fn uses(&mut self, value: &Value, star: Break) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match name.as_str() {
                        "ColumnRef" => self.column(field, star),
                        "InsertStmt" if self.is_its(field) && is_empty(field, "cols") && !field["select_stmt"].is_null() => {
                            self.found.insert(Break::Insert);
                        }
                        "CopyStmt" if self.is_its(field) && is_empty(field, "attlist") => {
                            self.found.insert(Break::Copy);
                        }
                        _ => {}
                    }
                    let written = match name.as_str() {
                        "InsertStmt" => "cols",
                        "UpdateStmt" | "on_conflict_clause" | "MergeWhenClause" => "target_list",
                        _ => "",
                    };
                    if self.names_key(field.get(written)) {
                        self.found.insert(Break::Key);
                    }
                    // Up to 17 a list; from 18 on a clause of its own.
                    let star = if name.starts_with("returning") { Break::Returning } else { star };
                    self.uses(field, if name == "SelectStmt" { Break::Star } else { star });
                }
            }
            Value::Array(all) => all.iter().for_each(|one| self.uses(one, star)),
            _ => {}
        }
    }

    /// Tells whether a list of targets names a key; what an output column is called stands in no such list.
    fn names_key(&self, targets: Option<&Value>) -> bool {
        let targets = targets.and_then(Value::as_array).into_iter().flatten();
        let mut names = targets.map(|target| text(&target["node"]["ResTarget"], "name"));
        names.any(|name| self.keys.iter().any(|key| key.as_str() == name))
    }

    fn is_its(&self, statement: &Value) -> bool {
        statement.get("relation").is_some_and(|relation| self.is_table(relation))
    }

    fn column(&mut self, column: &Value, star: Break) {
        let parts: Vec<_> = column["fields"].as_array().into_iter().flatten().map(|field| &field["node"]).collect();
        let name = |part: &Value| part.get("String").map(|string| text(string, "sval").to_owned());
        let Some((last, before)) = parts.split_last() else { return };
        let is_ours = before.last().is_none_or(|part| name(part).is_some_and(|name| self.names.contains(&name)));
        if !is_ours {
            return;
        }
        match name(last) {
            None => {
                self.found.insert(star);
            }
            Some(last) if self.keys.iter().any(|key| key.as_str() == last) => {
                self.found.insert(Break::Key);
            }
            Some(last) if before.is_empty() && self.names.contains(&last) => {
                self.found.insert(Break::WholeRow);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_is_found_and_nothing_else() {
        let table: Table = "app.locations".parse().unwrap();
        let key = Ident::new("api_key").unwrap();
        for (statement, expected) in [
            ("SELECT * FROM app.locations WHERE id = $1", vec![Break::Star]),
            ("SELECT l.* FROM locations AS l", vec![Break::Star]),
            ("SELECT a.*, l.id FROM app.locations l JOIN app.accounts a ON a.id = l.account_id", vec![]),
            ("SELECT * FROM other.locations", vec![]),
            ("SELECT count(*) FROM app.locations", vec![]),
            ("SELECT id, name AS api_key FROM app.locations", vec![]),
            (
                "MERGE INTO app.locations USING app.t ON t.id = locations.id WHEN MATCHED THEN UPDATE SET api_key = t.x",
                vec![Break::Key],
            ),
            ("SELECT row_to_json(l) FROM app.locations AS l", vec![Break::WholeRow]),
            ("SELECT id FROM app.locations WHERE api_key = $1", vec![Break::Key]),
            ("SELECT a.api_key FROM app.accounts AS a, app.locations AS l WHERE l.id = a.id", vec![]),
            ("UPDATE app.locations SET name = $1 WHERE id = $2 RETURNING *", vec![Break::Returning]),
            ("UPDATE app.locations SET name = $1 RETURNING id", vec![]),
            ("UPDATE app.locations SET api_key = $1 WHERE id = $2", vec![Break::Key]),
            ("INSERT INTO app.locations VALUES ($1, $2)", vec![Break::Insert]),
            ("INSERT INTO app.locations DEFAULT VALUES", vec![]),
            ("INSERT INTO app.locations (id, api_key) VALUES ($1, $2)", vec![Break::Key]),
            (
                "INSERT INTO app.locations (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET api_key = excluded.name",
                vec![Break::Key],
            ),
            (
                "WITH x AS (INSERT INTO app.locations (id) SELECT * FROM app.t RETURNING *) SELECT id FROM x",
                vec![Break::Star, Break::Returning],
            ),
            ("COPY app.locations TO STDOUT", vec![Break::Copy]),
            ("COPY app.locations (id) TO STDOUT", vec![]),
            ("SELECT 1 FROM", vec![]),
        ] {
            assert_eq!(breaks(statement, &table, &[&key]).into_iter().collect::<Vec<_>>(), expected, "{statement}");
        }
    }
}
