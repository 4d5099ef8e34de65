//! The table of results, and where it is written.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::Result;

/// What a figure must reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// In milliseconds.
    Below(f64),
}

impl Goal {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
            Self::Below(goal) => value < goal,
        }
    }

    /// Returns the goal, and whether a value reaches it.
    pub(crate) fn show(self, value: f64) -> String {
        let goal = match self {
            Self::AtLeast(goal) => format!("at least {goal}"),
            Self::AtMost(goal) => format!("at most {goal}"),
            Self::Below(goal) => format!("below {goal} ms"),
        };
        format!("{goal}: {}", if self.is_reached(value) { "reached" } else { "**missed**" })
    }
}

/// The results, as Markdown: a part for each thing that can be measured by itself.
#[derive(Debug, Default)]
pub(crate) struct Table {
    parts: Vec<Part>,
}

/// What was measured at once.
#[derive(Debug)]
struct Part {
    /// Its name in the document's marks.
    name: String,
    rounds: usize,
    server: String,
    rows: String,
}

impl Part {
    /// Returns the machine, and the tables.
    fn text(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let memory = memory().map(|gib| format!(", {gib} GiB of memory")).unwrap_or_default();
        let system = match std::env::consts::OS {
            "linux" => "Linux",
            "macos" => "macOS",
            other => other,
        };
        let Self { rounds, server, rows, .. } = self;
        format!("{rows}\nPostgreSQL {server} on {system}, {cores} cores{memory}; medians of {rounds} rounds.\n\n")
    }
}

/// Between these lines of the document the results of a part stand.
fn marks(part: &str) -> (String, String) {
    (format!("<!-- measured: {part} -->\n"), format!("<!-- end of {part} -->\n"))
}

impl Table {
    /// Begins a part of the document.
    pub(crate) fn part(&mut self, name: &str, rounds: usize) {
        self.parts.push(Part { name: name.to_owned(), rounds, server: String::new(), rows: String::new() });
    }

    /// Sets the server's version.
    pub(crate) fn server(&mut self, version: &str) {
        if let Some(part) = self.parts.last_mut() {
            version.clone_into(&mut part.server);
        }
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        if let Some(part) = self.parts.last_mut() {
            let _ = part.rows.write_fmt(line);
        }
    }

    /// Begins a table.
    pub(crate) fn section(&mut self, title: &str) {
        self.grid(title, &["", "measured", "ratio", "goal"]);
    }

    /// Begins a table with columns of its own.
    pub(crate) fn grid(&mut self, title: &str, columns: &[&str]) {
        self.add(format_args!("\n### {title}\n\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len())));
    }

    /// Adds a line to a table with columns of its own.
    pub(crate) fn cells(&mut self, cells: &[String]) {
        self.add(format_args!("| {} |\n", cells.join(" | ")));
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, what: &str, measured: &str, ratio: &str, goal: Option<&str>) {
        self.add(format_args!("| {what} | {measured} | {ratio} | {} |\n", goal.unwrap_or_default()));
    }

    /// Adds a line whose ratio must reach something.
    pub(crate) fn ratio(&mut self, what: &str, measured: &str, ratio: f64, goal: Goal) {
        self.row(what, measured, &format!("{ratio:.2}"), Some(&goal.show(ratio)));
    }

    /// Adds a line whose figure must reach something.
    pub(crate) fn limit(&mut self, what: &str, measured: &str, value: f64, goal: Goal) {
        self.row(what, measured, "", Some(&goal.show(value)));
    }

    /// Returns all of it.
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(Part::text).collect()
    }

    /// Puts the results into a document, in place of the former ones of the same parts.
    pub(crate) fn write(&self, document: &Path) -> Result<()> {
        let mut text = std::fs::read_to_string(document)?;
        for part in &self.parts {
            let (begin, end) = marks(&part.name);
            let (head, rest) = text.split_once(&begin).ok_or_else(|| format!("the document has no place for {}", part.name))?;
            let (_, tail) = rest.split_once(&end).ok_or_else(|| format!("the document has no end of {}", part.name))?;
            text = format!("{head}{begin}{}{end}{tail}", part.text());
        }
        Ok(std::fs::write(document, text)?)
    }
}

/// Returns the machine's memory in GiB, where the kernel tells as Linux does.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()?;
    Some((kib + 512 * 1024) / (1024 * 1024))
}

/// Returns the middle one of some values; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Returns the value below which this share of some sorted values lie.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place among a few thousand"
)]
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Returns a number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    keyward::report::text::count(number)
}

/// Returns how many a second that is.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a rate for people")]
pub(crate) fn rate(number: u64, seconds: f64) -> String {
    count((number as f64 / seconds / 100.0).round() as u64 * 100)
}

/// Returns a duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
