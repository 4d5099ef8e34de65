//! Generated columns, indexes on expressions, statistics.

use super::prelude::*;
use crate::parse::Lexeme;

pub(super) const RULE: Rule = Rule {
    id: "KWL045",
    file: "derived_from_key",
    severity: Warning,
    title: "something is computed from the key",
    why: "A generated column shows what the key is made of to whoever may read the row; statistics and indexes on expressions keep values of published keys.",
    remedy: "Leave the key out of the expression.",
    bad: &[
        "ALTER TABLE app.locations ADD COLUMN key_hash text GENERATED ALWAYS AS (md5(api_key)) STORED;",
        "CREATE INDEX ON app.locations (lower(api_key));",
        "CREATE STATISTICS app.s ON account_id, api_key FROM app.locations;",
    ],
    good: &[
        "ALTER TABLE app.locations ADD COLUMN slug text GENERATED ALWAYS AS (lower(name)) STORED;",
        "CREATE INDEX ON app.locations (lower(name));",
        "CREATE UNIQUE INDEX ON app.locations (api_key);",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let tables: Vec<&Name> = match act {
            Act::AlterTable { table, changes, .. } if changes.iter().any(|change| matches!(change, Change::AddColumn(column) if column.is_generated)) => vec![table],
            Act::CreateIndex { table, has_expression: true } => vec![table],
            Act::CreateStatistics { tables } => tables.iter().collect(),
            _ => continue,
        };
        for table in tables.into_iter().filter_map(|table| ground.table(table)) {
            for key in table.keys() {
                let names = |lexeme: &Lexeme| matches!(lexeme, Lexeme::Word(word) if word == key.column.as_str());
                let is_itself = matches!(act, Act::AlterTable { changes, .. } if changes.iter().any(|change| matches!(change, Change::AddColumn(column) if column.name == key.column.as_str())));
                if !is_itself && statement.lexemes().iter().any(names) {
                    let column = format!("{}.{}", table.human(), crate::ident::human(&key.column));
                    hits.add(statement.find(key.column.as_str()), column, "");
                }
            }
        }
    }
}
