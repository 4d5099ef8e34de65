//! SECURITY DEFINER with an open `search_path`.

use super::prelude::*;
use crate::lint::ground::is_safe_path;

pub(super) const RULE: Rule = Rule {
    id: "KWL050",
    file: "definer_search_path",
    severity: Error,
    title: "a SECURITY DEFINER function touches a protected table with an open search_path",
    why: "Whoever calls it decides what its unqualified names mean, by a temporary table or a path of their own: pg_temp comes first unless it is named last.",
    remedy: "Add SET search_path = pg_catalog, pg_temp, and write names with their schema.",
    bad: &[
        "CREATE FUNCTION app.rename(i bigint, n text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ UPDATE app.locations SET name = n WHERE id = i $$;",
        "CREATE FUNCTION app.count() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = app AS $$ BEGIN RETURN (SELECT count(id) FROM users); END $$;",
        "CREATE FUNCTION app.count() RETURNS bigint SECURITY DEFINER BEGIN ATOMIC SELECT count(id) FROM app.users; END;",
    ],
    good: &[
        "CREATE FUNCTION app.rename(i bigint, n text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ UPDATE app.locations SET name = n WHERE id = i $$;",
        "CREATE FUNCTION app.rename(i bigint, n text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ UPDATE app.locations SET name = n WHERE id = i $$;
         ALTER FUNCTION app.rename(bigint, text) SET search_path = pg_catalog, pg_temp;",
        "CREATE FUNCTION app.rename(i bigint, n text) RETURNS void LANGUAGE sql AS $$ UPDATE app.locations SET name = n WHERE id = i $$;",
        "CREATE FUNCTION app.x() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ UPDATE app.orders SET n = 1 $$;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::CreateFunction(function) if function.is_definer && !function.search_path.as_deref().is_some_and(is_safe_path) => {
                let touched = super::touched(ground, statement).or_else(|| {
                    // What stands in an expression of PL/pgSQL is no statement: its words must do.
                    let body = function.body.as_ref().filter(|_| function.language == "plpgsql")?;
                    ground.named(std::iter::once(body.text.as_str()))
                });
                if let Some(touched) = touched {
                    let name = function.name.human();
                    let remedy = format!("Add SET search_path = pg_catalog, pg_temp to {name}, and write names with their schema.");
                    hits.add(function.name.at, format!("function {name}"), format!("It touches {touched}.")).remedy(remedy);
                }
            }
            Act::AlterFunction { function, is_definer, search_path } => {
                if *is_definer == Some(false) || search_path.as_deref().is_some_and(is_safe_path) {
                    hits.mend(format!("function {}", function.human()));
                } else if *is_definer == Some(true)
                    && let Some(made) = ground.world.function(function).filter(|made| !made.is_safe && !made.is_definer)
                    && let Some(touched) = ground.named(std::iter::once(made.body.as_str()))
                {
                    hits.add(function.at, format!("function {}", function.human()), format!("It touches {touched}."));
                }
            }
            _ => {}
        }
    }
}
