//! What doesn't parse.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL900",
    file: "not_sql",
    severity: Error,
    title: "a statement isn't SQL",
    why: "It can't be judged, and can't run; the rest of the file was read all the same. The grammar is that of PostgreSQL 18.",
    remedy: "Correct it. What a tool fills in is understood as ${name} (Flyway) and :name (psql).",
    bad: &["SELECT FROM WHERE;", "SELECT 1; CREATE TABEL x (); SELECT 2;", "SELECT 'open;"],
    good: &["SELECT 1;", "CREATE TABLE ${schema}.x (id bigint); SELECT :'name';"],
    check: crate::lint::rule::nothing,
};
