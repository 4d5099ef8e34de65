//! Verifications, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::Paint;
use super::text::{plural, printable};
use crate::verify::{Control, Outcome, Probe, Report, Verdict};

/// Returns a verification for reading: what got through first, then what was skipped and why, then the matrix of control, vector and role.
#[must_use]
pub fn text(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for failure in report.failures() {
        text.push_str(&self::failure(failure, paint));
    }
    text.push_str(&skipped(report, paint));
    text.push_str(&matrix(report, paint));
    for entry in report.unproved() {
        let _ = writeln!(text, "{} {}: each of its probes was skipped", paint.red("nothing proved of"), printable(entry));
    }
    for (list, what) in [
        (&report.not_applicable, "have no meaning here"),
        (&report.left_out, "left out, since they take a strong lock for a moment"),
        (&report.sequences, "sequences moved meanwhile, by this or by others; a rollback doesn't take them back"),
    ] {
        if !list.is_empty() {
            let _ = writeln!(text, "{}", paint.dim(&format!("{what}: {}", printable(&list.join(", ")))));
        }
    }
    let _ = writeln!(text, "{}", summary(report, paint));
    text
}

/// Returns the probes as a table.
#[must_use]
pub fn list(probes: &[Probe]) -> String {
    let mut table = table(["id", "control", "who", "hide", "right", "lock", "vector"]);
    for probe in probes {
        let controls: Vec<_> = probe.controls.iter().map(|control| control.as_str()).collect();
        table.add_row([
            probe.id.to_owned(),
            controls.join(", "),
            probe.who(),
            probe.hide().to_owned(),
            probe.right(),
            probe.lock.unwrap_or_default().to_lowercase(),
            probe.vector.to_owned(),
        ]);
    }
    trimmed(&table)
}

fn failure(verdict: &Verdict, paint: Paint) -> String {
    let what = match verdict.outcome {
        Outcome::Bypassed => "bypassed:",
        Outcome::Silent => "silent:",
        _ => "unexpected:",
    };
    let title = format!("{}, as {} on {}", verdict.vector, printable(&verdict.role), printable(&verdict.object));
    format!(
        "{} {}\n  control:  {}\n  outcome:  {}\n  close it: {}\n  again:    keyward verify --only {} --role {}\n\n",
        paint.red(what),
        paint.bold(&title),
        verdict.control.title(),
        printable(&verdict.message),
        printable(&verdict.remedy),
        verdict.id,
        printable(&verdict.role),
    )
}

/// Returns the skipped probes, those with the same reason together.
fn skipped(report: &Report, paint: Paint) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for verdict in report.probes.iter().filter(|verdict| verdict.outcome == Outcome::Skipped) {
        let who = format!("{} as {}", verdict.id, verdict.role);
        match reasons.iter_mut().find(|(why, _)| *why == verdict.message) {
            Some((_, all)) => all.push(who),
            None => reasons.push((&verdict.message, vec![who])),
        }
    }
    let mut text = String::new();
    for (why, all) in reasons {
        let shown = if all.len() > 4 { format!("{}, … ({} in all)", all[..3].join(", "), all.len()) } else { all.join(", ") };
        let _ = writeln!(text, "{} {}\n  why: {}\n", paint.yellow("skipped:"), printable(&shown), printable(why));
    }
    text
}

/// Returns the matrix: a row for each vector, a column for each role.
fn matrix(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    let places: BTreeSet<(Control, &str)> =
        report.probes.iter().map(|verdict| (verdict.control, verdict.entry.as_str())).collect();
    for (control, entry) in places {
        let here: Vec<&Verdict> =
            report.probes.iter().filter(|verdict| verdict.control == control && verdict.entry == entry).collect();
        let mut roles: Vec<&str> = Vec::new();
        let mut vectors: Vec<&str> = Vec::new();
        let mut cells: BTreeMap<(&str, &str), &Verdict> = BTreeMap::new();
        for verdict in here {
            if !roles.contains(&verdict.role.as_str()) {
                roles.push(&verdict.role);
            }
            if !vectors.contains(&verdict.id.as_str()) {
                vectors.push(&verdict.id);
            }
            cells.insert((&verdict.id, &verdict.role), verdict);
        }
        let mut header = vec![String::new(), format!("{entry}: {}", control.title())];
        header.extend(roles.iter().map(|role| printable(role)));
        let mut table = table(header);
        for id in vectors {
            let vector = roles.iter().find_map(|role| cells.get(&(id, *role))).map_or("", |verdict| verdict.vector.as_str());
            let mut row = vec![id.to_owned(), vector.to_owned()];
            row.extend(
                roles.iter().map(|role| cells.get(&(id, *role)).map_or("", |verdict| verdict.outcome.as_str()).to_owned()),
            );
            table.add_row(row);
        }
        let table = trimmed(&table);
        let (head, rows) = table.split_once('\n').unwrap_or((&table, ""));
        let _ = writeln!(text, "{}\n{}", paint.bold(head), colored(rows, paint));
    }
    text
}

/// Colours the outcomes that somebody must look at; the widths stay.
fn colored(rows: &str, paint: Paint) -> String {
    [Outcome::Bypassed, Outcome::Silent]
        .iter()
        .fold(rows.to_owned(), |rows, outcome| rows.replace(&format!(" {outcome}"), &format!(" {}", paint.red(outcome.as_str()))))
}

fn summary(report: &Report, paint: Paint) -> String {
    let failed = report.failures().count();
    let skipped = report.skipped();
    let held = report.probes.len() - failed - skipped;
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    let how = format!("tried as {} by {}", printable(&report.runner), report.acted_by);
    let verdict = if failed > 0 {
        paint.red(&format!("{} got through or failed in silence", plural(failed, "attack")))
    } else if held == 0 {
        paint.yellow("Nothing was proved")
    } else {
        paint.green("No attack got through")
    };
    format!("{verdict}: {} held{skipped}; {how}.", plural(held, "attack"))
}

fn table<H: Into<String>>(header: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.into_iter().map(Into::into).collect::<Vec<String>>());
    table
}

fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
