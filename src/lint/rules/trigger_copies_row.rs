//! History and outbox triggers.

use super::prelude::*;
use crate::parse::words::Words;

pub(super) const RULE: Rule = Rule {
    id: "KWL043",
    file: "trigger_copies_row",
    severity: Error,
    title: "a trigger copies rows of a key table",
    why: "It records the key along with the row, also while the key is being sealed: a history or queue of keys that sealing doesn't reach.",
    remedy: "Leave the key column out of what it copies: to_jsonb(OLD) - 'the_column'.",
    bad: &[
        "CREATE FUNCTION app.log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history VALUES (to_jsonb(OLD)); RETURN NEW; END $$;
         CREATE TRIGGER log AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.log();",
        "CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('x', NEW.token); RETURN NEW; END $$;
         CREATE TRIGGER tell AFTER INSERT ON app.partners FOR EACH ROW EXECUTE FUNCTION app.tell();",
    ],
    good: &[
        "CREATE FUNCTION app.log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history (id) VALUES (OLD.id); RETURN NEW; END $$;
         CREATE TRIGGER log AFTER UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.log();",
        "CREATE FUNCTION app.log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history VALUES (to_jsonb(OLD)); RETURN NEW; END $$;
         CREATE TRIGGER log AFTER UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.log();",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::CreateTrigger(trigger) = act else { continue };
        let Some(table) = ground.table(&trigger.table) else { continue };
        let Some(made) = ground.world.function(&trigger.function).filter(|made| made.language == "plpgsql") else { continue };
        let Some(words) = Words::read(&made.body) else { continue };
        for key in table.keys() {
            let row = words.writes() && (words.takes_row() || trigger.has_transition) && !words.leaves_out(key.column.as_str());
            if row || words.takes_key(key.column.as_str()) {
                let detail = format!("It calls {}.", trigger.function.human());
                hits.add(trigger.table.at, format!("trigger {} on {}", trigger.name, table.human()), detail);
            }
        }
    }
}
