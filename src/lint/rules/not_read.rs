//! What parses and still isn't looked into.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL901",
    file: "not_read",
    severity: Note,
    title: "a statement or body can't be looked into",
    why: "It is nested too deeply, or in another language than SQL and PL/pgSQL. If it names something of the manifest, that is a warning.",
    remedy: "Look at it yourself, and accept it with its reason: -- keyward:allow KWL901 ….",
    bad: &["DO LANGUAGE plpython3u $$ plpy.execute('DROP TABLE x') $$;"],
    good: &["CREATE FUNCTION app.f() RETURNS int LANGUAGE plpython3u AS $$ return 1 $$;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    if !statement.is_opaque {
        return;
    }
    for act in &statement.read.acts {
        let (body, object, runs) = match act {
            Act::Do { body, .. } => (Some(body), String::new(), true),
            Act::CreateFunction(function) => (function.body.as_ref(), format!("function {}", function.name.human()), false),
            _ => continue,
        };
        let named = body.and_then(|body| ground.named(std::iter::once(body.text.as_str())));
        if let Some(named) = named {
            hits.add(None, object, format!("It names {named}.")).severity(Warning);
        } else if runs {
            hits.add(None, object, "");
        }
    }
}
