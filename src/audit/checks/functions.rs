//! Functions that copy keys, or run with rights that open the vault: judged by the words of their bodies.

use super::{Finding, Ground};
use crate::audit::evidence::Function;
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::manifest::{Hide, Key};
use crate::parse::{Lexeme, lexemes};

pub(super) const RULES: &[Declared] = &[
    (
        "KW161",
        Severity::Warning,
        "a trigger of the application runs as keyward's owner while keys are sealed",
        "Sealing is an UPDATE by keyward's owner, and the trigger's function runs with the rights of who writes: without rights that it needs, \
         opt-in and the rollout stop with 42501.",
        "Grant keyward's owner what the function needs, or make it SECURITY DEFINER.",
    ),
    (
        "KW221",
        Severity::Error,
        "a function runs with rights that open keyward's tables",
        "SECURITY DEFINER, and an owner whom the vault doesn't stop: whoever may call it gets what it reads there, or changes what it writes.",
        "Drop it, or take the reference to keyward's tables out.",
    ),
    (
        "KW238",
        Severity::Error,
        "a function leads an API role past the wall of a key",
        "SECURITY DEFINER, with an owner who may read the column: whoever may call it gets what it reads there.",
        "Leave the column out; or revoke EXECUTE from API roles and PUBLIC.",
    ),
    (
        "KW303",
        Severity::Note,
        "a function names the key column",
        "It gets NULL for a sealed key; what it stores or sends of published ones are copies.",
        "Look what it does with the key.",
    ),
    (
        "KW305",
        Severity::Warning,
        "a trigger copies rows of the key table",
        "It records the key along with the row, also while the key is being sealed: a history or queue of keys that sealing doesn't reach.",
        "Leave the key column out of what it copies: to_jsonb(OLD) - 'the_column'.",
    ),
    (
        "KW306",
        Severity::Note,
        "a trigger of the key table calls a function that can't be read",
        "It is not written in SQL or PL/pgSQL: whether it copies keys isn't in its text.",
        "Look into its source.",
    ),
];

/// What a function does with what it is given, by the words of its body.
struct Body {
    statements: Vec<Vec<Lexeme>>,
}

/// Words by which a value leaves a function, or is stored.
const OUTPUT: [&str; 9] = ["insert", "update", "merge", "perform", "execute", "notify", "pg_notify", "copy", "dblink_exec"];

impl Body {
    fn read(source: &str) -> Option<Self> {
        let all = lexemes(source)?;
        let statements = all.split(|lexeme| *lexeme == Lexeme::Symbol(";".to_owned())).map(<[_]>::to_vec).collect();
        Some(Self { statements })
    }

    fn has(statement: &[Lexeme], words: &[&str]) -> bool {
        statement.iter().any(|lexeme| matches!(lexeme, Lexeme::Word(word) if words.contains(&word.as_str())))
    }

    fn writes(&self) -> bool {
        self.statements.iter().any(|statement| Self::has(statement, &OUTPUT))
    }

    /// Tells whether the body names something, dynamic SQL included.
    fn names(&self, name: &str) -> bool {
        self.statements.iter().flatten().any(|lexeme| match lexeme {
            Lexeme::Word(word) => word == name,
            Lexeme::Text(text) => words(text).any(|word| word.eq_ignore_ascii_case(name)),
            Lexeme::Symbol(_) => false,
        })
    }

    /// Tells whether the body takes every column of something: `*`, but for `count(*)`; a whole row by its alias; or text that is run.
    fn takes_all(&self) -> bool {
        let symbol = |lexeme: Option<&Lexeme>, text: &str| matches!(lexeme, Some(Lexeme::Symbol(symbol)) if symbol == text);
        self.statements.iter().any(|statement| {
            let star = statement.iter().enumerate().any(|(at, lexeme)| {
                let before = at.checked_sub(1).and_then(|before| statement.get(before));
                let last = matches!(before, Some(Lexeme::Word(word)) if word == "select" || word == "returning");
                symbol(Some(lexeme), "*") && (last || symbol(before, ".") || symbol(before, ","))
            });
            star || Self::has(statement, &["to_json", "to_jsonb", "row_to_json", "json_agg", "jsonb_agg", "execute"])
        })
    }

    /// Tells whether the body takes OLD or NEW as a whole: not to return it, to compare it, or to assign to it.
    fn takes_row(&self) -> bool {
        let is_row = |lexeme: &Lexeme| matches!(lexeme, Lexeme::Word(word) if word == "old" || word == "new");
        let symbol = |lexeme: Option<&Lexeme>, text: &str| matches!(lexeme, Some(Lexeme::Symbol(symbol)) if symbol == text);
        self.statements.iter().filter(|statement| !Self::has(statement, &["distinct"])).any(|statement| {
            statement.iter().enumerate().filter(|(_, lexeme)| is_row(lexeme)).any(|(at, _)| {
                let before = at.checked_sub(1).and_then(|before| statement.get(before));
                let returned = matches!(before, Some(Lexeme::Word(word)) if word == "return");
                let next = statement.get(at + 1);
                let field = symbol(next, ".") && !symbol(statement.get(at + 2), "*");
                let assigned = symbol(next, ":=") || (symbol(next, "=") && before.is_none());
                // `OLD TABLE AS …`, `new` as a column of another table
                let qualified = symbol(before, ".");
                !(returned || field || assigned || qualified)
            })
        })
    }

    /// Tells whether a statement that stores or sends something takes the key of OLD or NEW.
    fn takes_key(&self, column: &str) -> bool {
        self.statements.iter().any(|statement| {
            let takes = |three: &[Lexeme]| {
                matches!(three, [Lexeme::Word(row), Lexeme::Symbol(dot), Lexeme::Word(field)]
                    if (row == "old" || row == "new") && dot == "." && field == column)
            };
            let raises = Self::has(statement, &["raise"]) && !Self::has(statement, &["then"]);
            (Self::has(statement, &OUTPUT) || raises) && statement.windows(3).any(takes)
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for function in &ground.evidence.functions {
        let readable = ["sql", "plpgsql"].contains(&function.language.as_str());
        let body = Body::read(&function.source).filter(|_| readable);
        found.extend(mighty(ground, function, body.as_ref()));
        if function.fires.is_empty() {
            let past: Vec<_> = ground.manifest.keys.iter().filter_map(|key| past_wall(function, body.as_ref(), key)).collect();
            // what it does is told already
            if past.is_empty() {
                found.extend(mentions(ground, function, body.as_ref()));
            }
            found.extend(past);
            continue;
        }
        for key in &ground.manifest.keys {
            found.extend(fires(ground, function, body.as_ref(), key));
        }
    }
    found
}

/// A SECURITY DEFINER function whose owner the vault doesn't stop.
fn mighty(ground: &Ground<'_>, function: &Function, body: Option<&Body>) -> Option<Finding> {
    if !function.is_definer || !function.is_mighty {
        return None;
    }
    let tables = ground.manifest.keys.iter().map(|key| format!("vault_{}", key.name));
    let tables = tables.chain(["account_setting", "setting_change", "policy"].map(str::to_owned));
    let functions =
        ground.manifest.keys.iter().flat_map(|key| ["reveal", "publish", "unseal"].map(|what| format!("{what}_{}", key.name)));
    let own: Vec<String> = tables.chain(functions).collect();
    let mentions = |name: &str| body.map_or_else(|| words(&function.source).any(|word| word == name), |body| body.names(name));
    let named = own.into_iter().find(|name| mentions(name)).filter(|_| mentions("keyward"))?;
    let signature = &function.name;
    Some(
        Finding::new("KW221", signature.as_str(), format!("It runs as {}, and names keyward.{named}.", function.owner))
            .remedy(format!("DROP FUNCTION {signature};")),
    )
}

/// A SECURITY DEFINER function that API roles may call, and that reads the key, or whole rows, of a table with a wall.
fn past_wall(function: &Function, body: Option<&Body>, key: &Key) -> Option<Finding> {
    let name = key.name.as_str();
    let open = function.reads.iter().any(|other| other == name) && !function.callers.is_empty();
    let reads = open.then(|| {
        let (table, column) = (key.table.name.as_str(), key.column.as_str());
        function.depends_on.iter().any(|other| other == name)
            || body.map_or_else(
                || words(&function.source).any(|word| word.eq_ignore_ascii_case(table)),
                |body| body.names(table) && (body.names(column) || body.takes_all()),
            )
    })?;
    let detail = format!(
        "It reads {} with the rights of {}; {} may call it.",
        key.table.human(),
        function.owner,
        function.callers.join(", ")
    );
    reads.then(|| {
        Finding::new("KW238", function.name.as_str(), detail)
            .keyed(name)
            .remedy(format!("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC; -- and from API roles", function.name))
    })
}

fn mentions(ground: &Ground<'_>, function: &Function, body: Option<&Body>) -> Vec<Finding> {
    let names = |key: &&Key| {
        let both = |all: &dyn Fn(&str) -> bool| all(key.column.as_str()) && all(key.table.name.as_str());
        function.depends_on.iter().any(|name| name == key.name.as_str())
            || body.map_or_else(
                || both(&|name| words(&function.source).any(|word| word.eq_ignore_ascii_case(name))),
                |body| both(&|name| body.names(name)),
            )
    };
    let keys = ground.manifest.keys.iter().filter(names);
    let rights = if function.is_definer { format!(" It runs with the rights of {}.", function.owner) } else { String::new() };
    keys.map(|key| {
        let column = format!("{}.{}", key.table.human(), crate::ident::human(&key.column));
        Finding::new("KW303", function.name.as_str(), format!("It names {column}.{rights}")).keyed(key.name.as_str())
    })
    .collect()
}

fn fires(ground: &Ground<'_>, function: &Function, body: Option<&Body>, key: &Key) -> Vec<Finding> {
    let triggers: Vec<_> = function.fires.iter().filter(|fires| fires.key == key.name.as_str()).collect();
    let Some(first) = triggers.first() else { return Vec::new() };
    let object = format!("trigger {} on {}", first.trigger, key.table.human());
    let calls = format!("It calls {}.", function.name);
    let Some(body) = body else {
        let harmless = function.name.starts_with("suppress_redundant_updates_trigger(")
            || (function.name.starts_with("tsvector_update_trigger") && !first.arguments.contains(key.column.as_str()));
        return if harmless { Vec::new() } else { vec![Finding::new("KW306", object, calls)] };
    };
    let mut found = Vec::new();
    let transition = triggers.iter().any(|fires| fires.has_transition);
    if body.writes() && (body.takes_row() || transition) || body.takes_key(key.column.as_str()) {
        found.push(Finding::new("KW305", object.as_str(), calls.as_str()).remedy(format!(
            "Leave the column out in {}: to_jsonb(OLD) - {}.",
            function.name,
            crate::ident::literal(key.column.as_str())
        )));
    }
    let reads = body.statements.iter().any(|statement| Body::has(statement, &["select", "delete"]));
    // behind a wall nothing is sealed
    let sealed = key.hide == Hide::Vault;
    if sealed && triggers.iter().any(|fires| fires.on_update) && !function.is_definer && (body.writes() || reads) {
        found.push(
            Finding::new("KW161", object, calls).remedy(format!(
                "Grant {} what {} needs, or make it SECURITY DEFINER.",
                ground.manifest.roles.owner, function.name
            )),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_copies_the_row_is_told_from_one_that_does_not() {
        let copies = |source: &str| {
            let body = Body::read(source).unwrap();
            body.writes() && body.takes_row() || body.takes_key("api_key")
        };
        for body in [
            "BEGIN INSERT INTO app.history VALUES (to_jsonb(OLD)); RETURN NEW; END",
            "BEGIN INSERT INTO app.history SELECT OLD.*; RETURN NEW; END",
            "BEGIN payload := row_to_json(NEW); PERFORM pg_notify('x', payload::text); RETURN NULL; END",
            "BEGIN EXECUTE 'INSERT INTO h SELECT ($1).*' USING OLD; RETURN NEW; END",
            "BEGIN INSERT INTO app.history (k) VALUES (old.\"api_key\"); RETURN NEW; END",
            "BEGIN IF TG_OP = 'DELETE' THEN INSERT INTO h VALUES (hstore(OLD)); END IF; RETURN OLD; END",
        ] {
            assert!(copies(body), "{body}");
        }
        for body in [
            "BEGIN NEW.updated_at := now(); RETURN NEW; END",
            "BEGIN IF NEW IS DISTINCT FROM OLD THEN NEW.updated_at := now(); END IF; RETURN NEW; END",
            "BEGIN INSERT INTO app.history (id, name) VALUES (OLD.id, OLD.name); RETURN NEW; END",
            "BEGIN NEW.api_key := 'x'; RETURN NEW; END",
            "BEGIN -- to_jsonb(OLD)\n UPDATE app.counts SET n = n + 1 WHERE id = NEW.account_id; RETURN NEW; END",
        ] {
            assert!(!copies(body), "{body}");
        }
    }
}
