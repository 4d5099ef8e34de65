//! LIKE a key table.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL028",
    file: "like_key_table",
    severity: Error,
    title: "a table is made in the image of a key table",
    why: "It has the key column, with its default where that is included, and no guard.",
    remedy: "List the columns that are needed, without the key; or name the new table in the manifest.",
    bad: &[
        "CREATE TABLE app.locations_copy (LIKE app.locations INCLUDING ALL);",
        "SET search_path TO app, public; CREATE TABLE archive.partners (LIKE partners, at timestamptz);",
    ],
    good: &["CREATE TABLE app.staging (LIKE app.orders INCLUDING DEFAULTS);", "CREATE TEMP TABLE staging (LIKE app.users);"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::CreateTable { table, like, .. } = act else { continue };
        for of in like.iter().filter_map(|of| ground.table(of)) {
            if let Some(key) = of.keys().next() {
                let detail = format!("It has the column {} of {}.", crate::ident::human(&key.column), of.human());
                hits.add(table.at, table.human(), detail);
            }
        }
    }
}
