//! Locks and rewrites, found by Squawk's linter as a library; its rules keep their names, as `squawk/…`.
//!
//! It gets the statements that define something, as they were read (no data, no commands of psql, placeholders filled in), and knows what a file created
//! before. pgsafe finds much the same, and can't be linked beside Postgres 18's grammar: it brings the one of 17, whose C symbols are the same.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use crate::parse::act::Act;

use super::Options;
use super::statement::Statement;

/// What takes strong locks, rewrites or scans a table, or fails half-way. Squawk's rules of style aren't keyward's business.
const RULES: [Rule; 17] = [
    Rule::AddingFieldWithDefault,
    Rule::AddingForeignKeyConstraint,
    Rule::AddingNotNullableField,
    Rule::AddingRequiredField,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::BanConcurrentIndexCreationInTransaction,
    Rule::BanTruncateCascade,
    Rule::ChangingColumnType,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::PreferRepack,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
    Rule::TransactionNesting,
];

/// Words that begin statements which may be hazards, or tell what others mean.
const DEFINES: [&str; 13] =
    ["alter", "create", "drop", "reindex", "vacuum", "cluster", "truncate", "begin", "start", "commit", "end", "rollback", "set"];

/// Words without which there is no hazard.
const RISKY: [&str; 7] = ["alter", "index", "reindex", "vacuum", "cluster", "truncate", "begin"];

/// So much text is looked at together, in bytes: its tree takes many times that.
const MOST: usize = 4 << 20;

/// How deep parentheses may be nested: Squawk's parser calls itself for each.
const DEEPEST: usize = 200;

/// A hazard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hazard {
    pub(crate) id: String,
    /// Where, in bytes of the script.
    pub(crate) at: usize,
    pub(crate) title: String,
    pub(crate) object: String,
    pub(crate) detail: String,
    pub(crate) remedy: String,
}

/// A statement in the text that is looked at.
struct Part {
    /// Where it starts there, and in the script.
    start: usize,
    at: usize,
    object: String,
}

/// Collects the statements of a script that may be hazards.
#[derive(Default)]
pub(crate) struct Hazards {
    text: String,
    parts: Vec<Part>,
    is_risky: bool,
    found: Vec<Hazard>,
    has_failed: bool,
    /// The tool runs the script in a transaction.
    pub(crate) in_transaction: bool,
}

impl Hazards {
    /// Takes a comment that speaks to Squawk.
    pub(crate) fn comment(&mut self, text: &str) {
        if text.contains("squawk-ignore") {
            self.text.push_str(text);
            self.text.push('\n');
        }
    }

    /// Takes a statement.
    pub(crate) fn statement(&mut self, statement: &Statement, options: &Options) {
        let mut words = statement.text.split_whitespace().map(str::to_ascii_lowercase);
        let first = words.next().unwrap_or_default();
        let makes_function = statement.read.acts.iter().any(|act| matches!(act, Act::CreateFunction(_)));
        if !DEFINES.contains(&first.as_str()) || makes_function || depth(&statement.text) > DEEPEST {
            return;
        }
        self.is_risky |=
            RISKY.contains(&first.as_str()) || first == "start" || words.take(4).any(|word| RISKY.contains(&word.as_str()));
        let object = statement.read.acts.iter().find_map(|act| match act {
            Act::AlterTable { table, .. } | Act::CreateIndex { table, .. } | Act::CreateTable { table, .. } => {
                Some(table.human())
            }
            Act::Drop { objects, .. } => objects.first().map(|(object, _)| object.human()),
            _ => None,
        });
        self.parts.push(Part { start: self.text.len(), at: statement.at, object: object.unwrap_or_default() });
        self.text.push_str(&statement.text);
        self.text.push_str(";\n");
        if self.text.len() > MOST {
            self.look(options);
        }
    }

    /// Returns what was found, and whether Squawk looked at all of it: a failure of its own ends its work, and nothing else.
    pub(crate) fn finish(mut self, options: &Options) -> (Vec<Hazard>, bool) {
        self.look(options);
        (self.found, !self.has_failed)
    }

    fn look(&mut self, options: &Options) {
        let text = std::mem::take(&mut self.text);
        let parts = std::mem::take(&mut self.parts);
        if !std::mem::take(&mut self.is_risky) {
            return;
        }
        // A panic there must not take the other findings along.
        let violations = catch_unwind(AssertUnwindSafe(|| {
            let mut linter = Linter::from(RULES);
            if let Ok(version) = options.pg_version.to_string().parse() {
                linter.settings.pg_version = version;
            }
            linter.settings.assume_in_transaction = self.in_transaction;
            linter.lint(&SourceFile::parse(&text), &text)
        }));
        self.has_failed |= violations.is_err();
        for violation in violations.unwrap_or_default() {
            let start = usize::from(violation.text_range.start());
            let Some(part) = parts.partition_point(|part| part.start <= start).checked_sub(1).and_then(|at| parts.get(at)) else {
                continue;
            };
            let name = violation.code.to_string();
            self.found.push(Hazard {
                id: format!("squawk/{name}"),
                at: part.at + (start - part.start),
                title: name.replace('-', " "),
                object: part.object.clone(),
                detail: violation.message.trim().to_owned(),
                remedy: violation.help.unwrap_or_default().trim().to_owned(),
            });
        }
    }
}

/// How deep parentheses are nested, those in strings included.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
