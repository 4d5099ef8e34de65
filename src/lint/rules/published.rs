//! Publications.

use super::prelude::*;
use crate::lint::ground::Protected;

pub(super) const RULE: Rule = Rule {
    id: "KWL044",
    file: "published",
    severity: Error,
    title: "a publication sends keys elsewhere",
    why: "Subscribers get every key that is written, and keep it after it was sealed here. From the vault they would get the sealed ones too.",
    remedy: "Name the tables, and of a key table the columns without the key (PostgreSQL 15 and later).",
    bad: &[
        "CREATE PUBLICATION p FOR TABLE app.locations;",
        "CREATE PUBLICATION p FOR ALL TABLES;",
        "ALTER PUBLICATION p ADD TABLES IN SCHEMA app;",
        "ALTER PUBLICATION p ADD TABLE app.partners (id, token);",
        "CREATE PUBLICATION p FOR TABLE keyward.account_setting;",
    ],
    good: &[
        "CREATE PUBLICATION p FOR TABLE app.locations (id, account_id, name), app.orders;",
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA billing;",
        "ALTER PUBLICATION p DROP TABLE app.locations;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Publish { publication, all_tables, tables, schemas } = act else { continue };
        let object = format!("publication {publication}");
        if *all_tables {
            hits.add(None, object.clone(), "It publishes every table.");
        }
        for schema in schemas {
            let has_key = ground.manifest.keys.iter().any(|key| key.table.schema.as_str() == schema);
            if has_key || schema == SCHEMA {
                hits.add(None, object.clone(), format!("It publishes every table of the schema {schema}."));
            }
        }
        for (table, columns) in tables {
            if ground.is_own(table) {
                hits.add(table.at, object.clone(), format!("It publishes {}.", table.human()));
            }
            let keys = ground.table(table).into_iter().flat_map(Protected::keys);
            for key in keys.filter(|key| columns.as_ref().is_none_or(|columns| columns.iter().any(|column| column == key.column.as_str()))) {
                let detail = format!("It publishes {} of {}.", crate::ident::human(&key.column), table.human());
                hits.add(table.at, object.clone(), detail);
            }
        }
    }
}
