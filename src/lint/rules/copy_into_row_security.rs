//! COPY FROM into a table under row-level security.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL047",
    file: "copy_into_row_security",
    severity: Warning,
    title: "COPY FROM fills a table under row-level security",
    why: "It fails with 0A000 for every role that is subject to the policies: all but the table's owner, superusers and BYPASSRLS.",
    remedy: "Insert the rows with INSERT, or run the migration as the owner of the table.",
    bad: &["COPY app.users (id, account_id, email) FROM stdin;\n1\t1\ta@example.com\n\\.\n", "\\copy app.users from users.csv csv\n"],
    good: &["COPY app.orders FROM '/tmp/orders.csv';", "COPY app.users (id, email) TO STDOUT;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Copy { table: Some(table), is_from: true, .. } = act else { continue };
        if let Some(protected) = ground.table(table).filter(|table| table.writes().any(|write| write.rls)) {
            hits.add(table.at, protected.human(), "");
        }
    }
}
