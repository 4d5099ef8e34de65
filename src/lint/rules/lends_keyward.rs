//! Views and functions that reach into keyward's tables.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL051",
    file: "lends_keyward",
    severity: Error,
    title: "a view or function lends its owner's rights on keyward's tables",
    why: "Whoever may read the view, or call the SECURITY DEFINER function, gets what its owner sees there: sealed keys, or settings.",
    remedy: "Make the view security_invoker, and the function SECURITY INVOKER; or leave keyward's tables out.",
    bad: &[
        "CREATE VIEW app.keys AS SELECT * FROM keyward.vault_location_api_key;",
        "CREATE MATERIALIZED VIEW app.settings AS SELECT account, enabled FROM keyward.account_setting;",
        "CREATE FUNCTION app.k() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT api_key FROM keyward.vault_location_api_key $$;",
    ],
    good: &[
        "CREATE VIEW app.keys WITH (security_invoker) AS SELECT * FROM keyward.vault_location_api_key;",
        "CREATE FUNCTION app.on(a bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT keyward.is_enabled(a) $$;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let (object, at, inner) = match act {
            Act::CreateView { view, is_invoker: false, .. } => (view.human(), view.at, false),
            Act::CreateAs { into, .. } => (into.human(), into.at, false),
            Act::CreateFunction(function) if function.is_definer => (format!("function {}", function.name.human()), function.name.at, true),
            _ => continue,
        };
        let mut read: Option<String> = None;
        let mut look = |part: &Statement| {
            // What is created is no table that is read.
            let own = part.read.mentions.iter().find(|mention| ground.is_own(&mention.name) && mention.name.human() != object);
            if read.is_none() {
                read = own.map(|mention| mention.name.human());
            }
        };
        if inner {
            statement.visit(&mut look);
        } else {
            look(statement);
        }
        if let Some(table) = read {
            hits.add(at, object, format!("It reads {table}."));
        }
    }
}
