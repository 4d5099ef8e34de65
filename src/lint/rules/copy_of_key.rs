//! Statements that copy keys to another place.

use super::prelude::*;
use crate::lint::ground::Protected;

pub(super) const RULE: Rule = Rule {
    id: "KWL041",
    file: "copy_of_key",
    severity: Error,
    title: "keys are copied to another place",
    why: "Sealing changes the rows of the key table. A table, a materialized view or a file that holds copies keeps them, for whoever reads it.",
    remedy: "Leave the key column out; name the columns instead of *.",
    bad: &[
        "CREATE TABLE app.backup AS SELECT * FROM app.locations;",
        "CREATE MATERIALIZED VIEW app.m AS SELECT id, api_key FROM app.locations;",
        "INSERT INTO app.history (row) SELECT to_jsonb(l) FROM app.locations AS l;",
        "SELECT l.id, l.api_key INTO app.backup FROM app.locations AS l;",
        "COPY app.locations TO '/tmp/locations.csv' (FORMAT csv);",
        "UPDATE app.devices AS d SET secret = l.api_key FROM app.locations AS l WHERE l.id = d.location_id;",
        "DO $$ BEGIN INSERT INTO app.h SELECT token FROM app.partners; END $$;",
    ],
    good: &[
        "CREATE TABLE app.backup AS SELECT id, name FROM app.locations;",
        "COPY app.locations (id, name) TO STDOUT;",
        "INSERT INTO app.locations (account_id, name) SELECT account_id, name FROM app.locations;",
        "INSERT INTO app.devices (api_key) SELECT d.api_key FROM app.old_devices AS d JOIN app.locations AS l ON l.id = d.id;",
        "UPDATE app.locations SET name = 'x' WHERE api_key IS NOT NULL;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let into = match act {
            Act::CreateAs { into, .. } => into,
            Act::Write { table, .. } if ground.table(table).is_none_or(|table| table.keys().next().is_none()) => table,
            Act::Copy { table: Some(table), columns, is_from: false } => {
                for key in ground.table(table).into_iter().flat_map(Protected::keys) {
                    if columns.is_empty() || columns.iter().any(|column| column == key.column.as_str()) {
                        let takes = if columns.is_empty() { Takes::Rows } else { Takes::Column };
                        hits.add(table.at, table.human(), super::taken(key, takes));
                    }
                }
                continue;
            }
            Act::Copy { table: None, is_from: false, .. } => {
                for (key, takes) in ground.takes(statement) {
                    hits.add(None, key.table.human(), super::taken(key, takes));
                }
                continue;
            }
            _ => continue,
        };
        for (key, takes) in ground.takes(statement) {
            hits.add(into.at, into.human(), super::taken(key, takes));
        }
    }
}
