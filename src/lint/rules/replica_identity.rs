//! REPLICA IDENTITY.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL046",
    file: "replica_identity",
    severity: Warning,
    title: "the replica identity writes keys into the replication stream",
    why: "With FULL the old row goes into the stream with every UPDATE and DELETE, also with the one that seals the key.",
    remedy: "Leave it at DEFAULT, or name an index that doesn't hold the key.",
    bad: &["ALTER TABLE app.locations REPLICA IDENTITY FULL;"],
    good: &["ALTER TABLE app.locations REPLICA IDENTITY DEFAULT;", "ALTER TABLE app.orders REPLICA IDENTITY FULL;", "ALTER TABLE app.locations REPLICA IDENTITY USING INDEX locations_pkey;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        let Some(protected) = ground.table(table).filter(|table| table.keys().next().is_some()) else { continue };
        for change in changes {
            if let Change::ReplicaIdentity(identity) = change
                && (identity == "FULL" || protected.keys().any(|key| identity.contains(key.column.as_str())))
            {
                hits.add(table.at, protected.human(), format!("It becomes {identity}."));
            }
        }
    }
}
