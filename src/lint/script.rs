//! One script: its pieces are read, rules look at its statements, suppressions are applied.

use crate::manifest::Manifest;
use crate::parse::Unread;
use crate::parse::act::Act;
use crate::script::{Direction, Lines, Marker, Piece, Pieces, Source, markers};

use super::Options;
use super::allow::{Allow, Allows};
use super::finding::Finding;
use super::ground::Ground;
use super::hazards::{Hazard, Hazards};
use super::measured::{MEASURED, Waiting, unused};
use super::own::own_plan;
use super::rule::{Hit, Hits, Rule, rule, rules};
use super::statement::{Inside, Statement, Unreadable};
use super::world::{Renames, World};

/// What came of a script.
#[derive(Debug)]
pub(crate) struct Linted {
    /// The script's path.
    pub(crate) path: String,
    pub(crate) findings: Vec<Finding>,
    pub(crate) allowed: usize,
    pub(crate) statements: usize,
    /// Suppressions of what is only found by trying.
    pub(crate) waiting: Vec<Waiting>,
    /// What is renamed once it has run.
    pub(crate) renames: Renames,
}

/// A finding before it has a line.
struct Raw {
    rule: &'static Rule,
    at: usize,
    hit: Hit,
    note: &'static str,
}

struct Reader<'a> {
    source: &'a Source,
    manifest: &'a Manifest,
    /// The manifest in today's names, once something was renamed.
    current: Option<Manifest>,
    world: World,
    /// The world that is left when all that goes forward has run.
    renames: Renames,
    direction: Direction,
    raw: Vec<Raw>,
    allows: Allows,
    statements: usize,
    /// Statements that undo the migration were left out.
    has_left_out: bool,
    /// Up to here the script is a plan as keyward wrote it.
    own_until: usize,
    options: &'a Options,
    hazards: Hazards,
    without_transaction: bool,
}

/// Lints a script; `world` is what earlier ones have left.
pub(crate) fn lint(source: &Source, manifest: &Manifest, world: &World, options: &Options) -> Linted {
    let mut reader = Reader {
        source,
        manifest,
        current: world.renames.applied_to(manifest),
        world: world.clone(),
        renames: world.renames.clone(),
        direction: source.direction,
        raw: Vec::new(),
        allows: Allows::default(),
        statements: 0,
        has_left_out: false,
        own_until: 0,
        options,
        hazards: Hazards::default(),
        without_transaction: false,
    };
    if let Some(at) = source.not_utf8 {
        reader.about_file("KWL903", at, "From here on it isn't UTF-8.");
    }
    for piece in Pieces::new(&source.text) {
        match piece {
            Piece::Comment { text, at, begins_line } => reader.comment(text, at, begins_line),
            Piece::Meta { text, at } => reader.meta(text, at),
            Piece::Data { .. } => {}
            Piece::Statement { at, .. } if at < reader.own_until => reader.statements += 1,
            Piece::Statement { .. } if reader.leaves_out() => reader.has_left_out = true,
            Piece::Statement { text, at } => reader.statement(text, at),
        }
    }
    reader.finish()
}

impl Reader<'_> {
    /// Tells whether what comes now isn't looked at.
    fn leaves_out(&self) -> bool {
        self.direction == Direction::Down && !self.options.down
    }

    fn comment(&mut self, text: &str, at: usize, begins_line: bool) {
        if !self.leaves_out() {
            self.allows.comment(text, at, &self.source.text);
        }
        self.hazards.comment(text);
        if !begins_line {
            return;
        }
        if let Some(end) = own_plan(text, self.source.text.get(at..).unwrap_or_default(), self.manifest) {
            self.own_until = at + end;
        }
        for marker in markers(text) {
            match marker {
                Marker::Goes(direction) => {
                    self.direction = direction;
                    self.hazards.in_transaction |= !self.without_transaction;
                }
                Marker::NoTransaction => {
                    self.without_transaction = true;
                    self.hazards.in_transaction = false;
                }
            }
        }
    }

    /// A command of psql.
    fn meta(&mut self, text: &str, at: usize) {
        let command = text.split_whitespace().next().unwrap_or_default();
        match command {
            "\\c" | "\\connect" => self.world.reconnect(),
            "\\gexec" => self.about_file("KWL904", at, "psql runs what the query returns."),
            "\\i" | "\\ir" | "\\include" | "\\include_relative" => {
                self.about_file("KWL907", at, "");
            }
            "\\copy" => {
                let words: Vec<&str> = text.split_whitespace().skip(1).collect();
                let direction =
                    words.iter().rposition(|word| word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("to"));
                if let Some(direction) = direction {
                    let what = words.get(..direction).unwrap_or_default().join(" ");
                    let how = if words[direction].eq_ignore_ascii_case("from") { "FROM STDIN" } else { "TO STDOUT" };
                    self.statement(&format!("COPY {what} {how}"), at);
                }
            }
            _ => {}
        }
    }

    fn about_file(&mut self, id: &str, at: usize, detail: &str) {
        let Some(rule) = rule(id) else { return };
        let hit = Hit { at: None, object: String::new(), detail: detail.to_owned(), remedy: None, severity: None };
        self.raw.push(Raw { rule, at, hit, note: self.note(Inside::Script) });
    }

    fn note(&self, inside: Inside) -> &'static str {
        match (self.direction, inside) {
            (Direction::Down, Inside::Function) => "It is done when the function is called that undoing the migration makes.",
            (Direction::Down, _) => "It is done when the migration is undone.",
            (Direction::Up, Inside::Function) => "It is done when the function is called.",
            (Direction::Up, _) => "",
        }
    }

    fn statement(&mut self, text: &str, at: usize) {
        self.statements += 1;
        self.allows.statement(at, at + text.len());
        let statement = match Statement::read(text, at) {
            Ok(statement) => statement,
            Err(Unreadable::Wrong(error)) => return self.unread(&error, text, at),
            Err(Unreadable::FilledIn(place)) => {
                return self.not_looked_into("KWL904", at + place, text, "What is filled in here isn't known.");
            }
        };
        if self.options.hazards && self.direction == Direction::Up {
            self.hazards.statement(&statement, self.options);
        }
        self.part(&statement);
    }

    /// Looks at a statement, and then at what is inside it.
    fn part(&mut self, statement: &Statement) {
        let note = self.note(statement.inside);
        let manifest = self.current.as_ref().unwrap_or(self.manifest);
        let ground = Ground { manifest, world: &self.world };
        for rule in rules() {
            let mut hits = Hits::default();
            (rule.check)(&ground, statement, &mut hits);
            for mended in hits.mended {
                self.raw.retain(|raw| raw.rule.id != rule.id || raw.hit.object != mended);
            }
            self.raw.extend(hits.found.into_iter().map(|hit| Raw { rule, at: statement.place(hit.at), hit, note }));
        }
        self.world.take(statement, manifest);
        if statement.read.acts.iter().any(|act| matches!(act, Act::Rename { .. } | Act::Move { .. })) {
            self.current = self.world.renames.applied_to(self.manifest);
            if self.direction == Direction::Up {
                self.renames = self.world.renames.clone();
            }
        }
        for inner in &statement.inner {
            self.part(inner);
        }
    }

    fn unread(&mut self, error: &Unread, text: &str, at: usize) {
        if !error.is_too_deep {
            return self.about_file(
                "KWL900",
                at + error.at,
                &format!("Postgres's grammar says: {}.", error.message.trim_end_matches('.')),
            );
        }
        self.not_looked_into("KWL901", at, text, "");
    }

    /// Tells that a statement can't be judged; it is a warning if it names something of the manifest.
    fn not_looked_into(&mut self, id: &str, at: usize, text: &str, detail: &str) {
        let manifest = self.current.as_ref().unwrap_or(self.manifest);
        let named = Ground { manifest, world: &self.world }.named(std::iter::once(text));
        self.about_file(id, at, detail);
        if let (Some(named), Some(raw)) = (named, self.raw.last_mut()) {
            raw.hit.detail =
                [detail, &format!("It names {named}.")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
            raw.hit.severity = Some(super::Severity::Warning);
        }
    }

    fn finish(mut self) -> Linted {
        let (hazards, complete) = std::mem::take(&mut self.hazards).finish(self.options);
        if !complete {
            self.about_file("KWL901", 0, "Squawk's linter failed, so locks and rewrites weren't looked for.");
        }
        let lines = Lines::new(&self.source.text);
        let mut findings = Vec::new();
        let mut allowed = 0;
        self.raw.sort_by_key(|raw| raw.at);
        for raw in std::mem::take(&mut self.raw) {
            if self.allows.accepts(raw.rule.id, raw.at) {
                allowed += 1;
            } else {
                findings.push(self.finding(raw, &lines));
            }
        }
        for hazard in hazards {
            if self.allows.accepts(&hazard.id, hazard.at) {
                allowed += 1;
            } else {
                findings.push(self.hazard(hazard, &lines));
            }
        }
        let mut waiting = Vec::new();
        for allow in std::mem::take(&mut self.allows.all) {
            waiting.extend(Waiting::of(&allow, &self.source.path, &lines));
            for (id, detail) in complaints(&allow, self.options, self.has_left_out) {
                let Some(rule) = rule(id) else { continue };
                let hit = Hit { at: None, object: String::new(), detail, remedy: None, severity: None };
                findings.push(self.finding(Raw { rule, at: allow.at, hit, note: "" }, &lines));
            }
        }
        findings.sort_by_key(|finding| (finding.line, finding.column));
        number(&mut findings);
        Linted { path: self.source.path.clone(), findings, allowed, statements: self.statements, waiting, renames: self.renames }
    }

    fn hazard(&self, hazard: Hazard, lines: &Lines<'_>) -> Finding {
        let (line, column) = lines.place(hazard.at);
        Finding {
            cache_key: format!("{}:{}:{}", hazard.id, self.source.path, hazard.object),
            id: hazard.id,
            severity: super::Severity::Warning,
            title: hazard.title,
            object: hazard.object,
            detail: hazard.detail,
            remedy: hazard.remedy,
            file: self.source.path.clone(),
            line,
            column,
        }
    }

    fn finding(&self, raw: Raw, lines: &Lines<'_>) -> Finding {
        let (line, column) = lines.place(raw.at);
        let parts = [raw.hit.detail.as_str(), raw.note, raw.rule.why];
        Finding {
            id: raw.rule.id.to_owned(),
            severity: raw.hit.severity.unwrap_or(raw.rule.severity),
            title: raw.rule.title.to_owned(),
            detail: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
            remedy: raw.hit.remedy.unwrap_or_else(|| raw.rule.remedy.to_owned()),
            cache_key: format!("{}:{}:{}", raw.rule.id, self.source.path, raw.hit.object),
            object: raw.hit.object,
            file: self.source.path.clone(),
            line,
            column,
        }
    }
}

/// What is wrong with a suppression. `has_left_out`: part of the file wasn't looked at.
fn complaints(allow: &Allow, options: &Options, has_left_out: bool) -> Vec<(&'static str, String)> {
    if allow.reason.is_empty() || allow.rules.is_empty() {
        let detail = if allow.rules.is_empty() { "It names no rule." } else { "It gives no reason." };
        return vec![("KWL905", detail.to_owned())];
    }
    let known = |id: &str| id.starts_with("squawk/") || rule(id).is_some();
    // Where locks aren't looked for, nothing is known about them; what is measured isn't known yet.
    let is_open = |id: &str| {
        MEASURED.contains(&id) || (!options.hazards && id.starts_with("squawk/")) || (allow.is_for_file && has_left_out)
    };
    let said = |id: &String| ("KWL906", if known(id) { unused(id) } else { format!("There is no rule {id}.") });
    allow.rules.iter().filter(|id| !allow.used.contains(id)).filter(|id| !known(id) || !is_open(id)).map(said).collect()
}

/// Tells findings of one rule about one object apart.
fn number(findings: &mut [Finding]) {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for finding in findings {
        let times = seen.entry(finding.cache_key.clone()).or_default();
        *times += 1;
        if *times > 1 {
            finding.cache_key = format!("{}#{times}", finding.cache_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of keyward's own that find something in a script.
    fn found(script: &str) -> Vec<String> {
        let manifest = Manifest::parse(super::super::EXAMPLE, "example.toml").unwrap();
        let source = Source::new("a.sql", script.as_bytes().to_vec());
        lint(&source, &manifest, &World::default(), &Options::default())
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .filter(|id| id.starts_with("KWL"))
            .collect()
    }

    #[test]
    fn every_rule_finds_what_its_examples_say_and_nothing_else() {
        let mut wrong = Vec::new();
        for rule in rules() {
            for bad in rule.bad {
                let ids = found(bad);
                if ids.is_empty() || ids.iter().any(|id| id != rule.id) {
                    wrong.push(format!("{} finds {ids:?} in: {bad}", rule.id));
                }
            }
            for good in rule.good {
                let ids = found(good);
                if !ids.is_empty() {
                    wrong.push(format!("{} isn't to be found, but {ids:?}, in: {good}", rule.id));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_rule_says_all_there_is_to_say_once() {
        for (at, rule) in rules().iter().enumerate() {
            assert!(rule.id.starts_with("KWL") && rule.id.len() == 6, "{rule:?}");
            assert!(at == 0 || rules()[at - 1].id < rule.id, "{} is in order", rule.id);
            assert!(rule.why.ends_with('.') && rule.remedy.ends_with('.') && !rule.title.ends_with('.'), "{rule:?}");
            assert!(!rule.bad.is_empty() || ["KWL070", "KWL071", "KWL903"].contains(&rule.id), "{}", rule.id);
        }
    }
}
