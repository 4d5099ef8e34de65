//! Functions that copy keys, or run with rights that open the vault: judged by the words of their bodies.

use super::{Finding, Ground};
use crate::audit::evidence::Function;
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::manifest::{Hide, Key};
use crate::parse::words::{Words, words};

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

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for function in &ground.evidence.functions {
        let readable = ["sql", "plpgsql"].contains(&function.language.as_str());
        let body = Words::read(&function.source).filter(|_| readable);
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
fn mighty(ground: &Ground<'_>, function: &Function, body: Option<&Words>) -> Option<Finding> {
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
fn past_wall(function: &Function, body: Option<&Words>, key: &Key) -> Option<Finding> {
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

fn mentions(ground: &Ground<'_>, function: &Function, body: Option<&Words>) -> Vec<Finding> {
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

fn fires(ground: &Ground<'_>, function: &Function, body: Option<&Words>, key: &Key) -> Vec<Finding> {
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
    let reads = body.statements().iter().any(|statement| Words::has(statement, &["select", "delete"]));
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
