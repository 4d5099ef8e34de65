//! Trigger functions that fill keys in.

use super::prelude::*;
use crate::parse::Lexeme;

pub(super) const RULE: Rule = Rule {
    id: "KWL033",
    file: "key_by_trigger",
    severity: Warning,
    title: "a trigger makes a key",
    why: "A key that a trigger writes is automatic: the guard strips it where the setting is on, if the trigger comes before it. Everywhere else rows get keys that \
          nobody asked for.",
    remedy: "Leave the key to keyward.generate_….",
    bad: &[
        "CREATE FUNCTION app.make_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.api_key := md5(random()::text); RETURN NEW; END $$;",
        "CREATE OR REPLACE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.token IS NULL THEN new.token = 'x'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER touch BEFORE INSERT ON app.partners FOR EACH ROW EXECUTE FUNCTION app.touch();",
    ],
    good: &[
        "CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;",
        "CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.token := 'x'; RETURN NEW; END $$;
         CREATE TRIGGER fill BEFORE INSERT ON app.sessions FOR EACH ROW EXECUTE FUNCTION app.fill();",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::CreateFunction(function) if function.is_trigger => {
                let Some(all) = function.body.as_ref().and_then(|body| crate::parse::lexemes(&body.text)) else { continue };
                for key in ground.manifest.keys.iter().filter(|key| assigns(&all, key.column.as_str())) {
                    let detail = format!("It fills in {}, as {} has it.", crate::ident::human(&key.column), key.table.human());
                    hits.add(function.name.at, format!("function {}", function.name.human()), detail);
                }
            }
            // Then it is that table's column.
            Act::CreateTrigger(trigger) if ground.table(&trigger.table).is_none_or(|table| table.keys().next().is_none()) => {
                hits.mend(format!("function {}", trigger.function.human()));
            }
            _ => {}
        }
    }
}

/// Whether NEW.column is assigned to, at the beginning of a statement.
fn assigns(all: &[Lexeme], column: &str) -> bool {
    let symbol = |at: usize, texts: &[&str]| matches!(all.get(at), Some(Lexeme::Symbol(symbol)) if texts.contains(&symbol.as_str()));
    let word = |at: usize, text: &str| matches!(all.get(at), Some(Lexeme::Word(word)) if word == text);
    (0..all.len()).any(|at| {
        let starts = at == 0
            || symbol(at - 1, &[";"])
            || ["begin", "then", "else", "loop"].iter().any(|opener| word(at - 1, opener));
        starts && word(at, "new") && symbol(at + 1, &["."]) && word(at + 2, column) && symbol(at + 3, &[":=", "="])
    })
}
