//! Functions that return keys.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL042",
    file: "function_takes_key",
    severity: Error,
    title: "a function takes keys out of their table",
    why: "SECURITY DEFINER reads behind the wall with its owner's rights, for whoever may call it. Of sealed keys a function gets NULL, so one that looks them up \
          stops working.",
    remedy: "Leave the key column out; to look a key up, call keyward.authenticate_….",
    bad: &[
        "CREATE FUNCTION app.token_of(i bigint) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT token FROM app.partners WHERE id = i $$;",
        "CREATE FUNCTION app.location_of(k text) RETURNS bigint LANGUAGE sql AS 'SELECT id FROM app.locations WHERE api_key = k';",
        "CREATE FUNCTION app.all() RETURNS SETOF app.partners LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN RETURN QUERY SELECT * FROM app.partners; END $$;",
    ],
    good: &[
        "CREATE FUNCTION app.name_of(i bigint) RETURNS text LANGUAGE sql AS $$ SELECT name FROM app.partners WHERE id = i $$;",
        "CREATE FUNCTION app.token_of(i bigint) RETURNS text LANGUAGE sql AS $$ SELECT token FROM app.partners WHERE id = i $$;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::CreateFunction(function) = act else { continue };
        // A body of statements is part of the statement itself.
        let mut taken = ground.takes(statement);
        statement.inner.iter().for_each(|inner| {
            inner.visit(&mut |part| {
                let writes = part.read.acts.iter().any(|act| matches!(act, Act::Write { .. } | Act::CreateAs { .. }));
                if !writes {
                    taken.extend(ground.takes(part));
                }
            });
        });
        for (at, (key, takes)) in taken.iter().enumerate() {
            if taken[..at].iter().any(|(known, _)| known.name == key.name) {
                continue;
            }
            match (key.hide, function.is_definer) {
                (Hide::Revoke, false) => {}
                (Hide::Revoke, true) => {
                    hits.add(function.name.at, format!("function {}", function.name.human()), super::taken(key, *takes));
                }
                (Hide::Vault, _) => {
                    hits.add(function.name.at, format!("function {}", function.name.human()), super::taken(key, *takes)).severity(Note);
                }
            }
        }
    }
}
