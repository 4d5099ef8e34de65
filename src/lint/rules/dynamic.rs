//! SQL that is put together at run time.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL904",
    file: "dynamic",
    severity: Note,
    title: "dynamic SQL can't be looked into",
    why: "What it does is known only when it runs, as with a variable of psql's that stands for more than a name. Constant strings, and format() of constants, are read. If a constant part names something of the manifest, that is a \
          warning.",
    remedy: "Write the statement out; or look at it yourself, and accept it with its reason: -- keyward:allow KWL904 ….",
    bad: &[
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT relname FROM pg_class LOOP EXECUTE format('ANALYZE %I', r.relname); END LOOP; END $$;",
        "DO $$ BEGIN EXECUTE 'GRANT SELECT ON app.partners TO ' || current_user; END $$;",
        "SELECT 'DROP TABLE x' \\gexec\n",
        "EXPLAIN :query;",
    ],
    good: &["DO $$ BEGIN EXECUTE 'CREATE INDEX ' || 'ON app.orders (id)'; EXECUTE format('ANALYZE %I', 'orders'); END $$;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for (at, dynamic) in &statement.dynamic {
        let named = ground.named(dynamic.parts.iter().map(String::as_str));
        let at = at.checked_sub(statement.at);
        match named {
            Some(named) => {
                hits.add(at, String::new(), format!("It names {named}.")).severity(Warning);
            }
            None => {
                hits.add(at, String::new(), "");
            }
        }
    }
}
