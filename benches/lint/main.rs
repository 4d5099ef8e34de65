//! How quick the lint is, beside the linter that it asks about locks: `cargo bench --bench lint -- [--files N] [--lines N] [--rounds N] [--write FILE]`.
//!
//! Both read the same files from the disk on all processors; the contestants take turns, and the best round of each counts. Results go to stdout
//! as Markdown, and with `--write` into a document.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program of its own that reads its arguments and prints"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyward::lint::{EXAMPLE, Options, lint};
use keyward::manifest::Manifest;

/// Statements as migrations have them; some of each file.
const STATEMENTS: [&str; 10] = [
    "CREATE TABLE app.t{} (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    account_id bigint NOT NULL REFERENCES app.accounts,\n    name text NOT NULL\n);",
    "ALTER TABLE app.t{} ADD COLUMN note text;",
    "CREATE INDEX CONCURRENTLY t{}_name ON app.t{} (lower(name));",
    "INSERT INTO app.t{} (account_id, name)\nVALUES (1, 'a'), (2, 'b'), (3, 'it''s');",
    "UPDATE app.locations SET name = btrim(name) WHERE id = {};",
    "GRANT SELECT, INSERT ON app.t{} TO api_v1, app_ui;",
    "CREATE OR REPLACE FUNCTION app.f{}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    NEW.name := btrim(NEW.name);\n    RETURN NEW;\nEND $$;",
    "CREATE TRIGGER f{} BEFORE INSERT ON app.t{} FOR EACH ROW EXECUTE FUNCTION app.f{}();",
    "ALTER TABLE app.t{} ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;",
    "DO $$\nBEGIN\n    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'r{}') THEN CREATE ROLE r{}; END IF;\nEND $$;",
];

struct Args {
    files: usize,
    lines: usize,
    rounds: usize,
    write: Option<String>,
}

/// What the results stand between in the document.
const MARKS: (&str, &str) = ("<!-- lint -->\n", "<!-- end of lint -->\n");

fn read_args() -> Result<Args, Box<dyn Error>> {
    let mut args = Args { files: 10_000, lines: 20, rounds: 3, write: None };
    let mut given = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = given.next() {
        let value = given.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--files" => args.files = value.parse()?,
            "--lines" => args.lines = value.parse()?,
            "--rounds" => args.rounds = value.parse()?,
            "--write" => args.write = Some(value),
            _ => return Err(format!("there is no {arg}").into()),
        }
    }
    Ok(args)
}

fn write_files(folder: &Path, args: &Args) -> std::io::Result<()> {
    for file in 0..args.files {
        let mut text = String::from("-- A migration.\n");
        for at in file.. {
            if text.lines().count() >= args.lines {
                break;
            }
            text.push_str(&STATEMENTS[at % STATEMENTS.len()].replace("{}", &file.to_string()));
            text.push('\n');
        }
        std::fs::write(folder.join(format!("V{file}__x.sql")), text)?;
    }
    Ok(())
}

/// What Squawk's own program does with each file, on as many threads as keyward takes.
fn squawk(files: &[String]) -> usize {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(text) = std::fs::read_to_string(path) else { continue };
                    let parsed = squawk_syntax::SourceFile::parse(&text);
                    let violations = squawk_linter::Linter::with_default_rules().lint(&parsed, &text).len();
                    found.fetch_add(violations + parsed.errors().len(), Ordering::Relaxed);
                }
            });
        }
    });
    found.into_inner()
}

fn timed<T>(work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<(Duration, T), Box<dyn Error>> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed(), done))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = read_args()?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), &args)?;
    let files = keyward::lint::files(&[folder.path().to_string_lossy().into_owned()])?;
    let manifest = Manifest::parse(EXAMPLE, "example.toml")?;
    let bare = Options { hazards: false, ..Options::default() };
    let mut best = [Duration::MAX; 3];
    let mut statements = 0;
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        let (time, report) = timed(|| Ok(lint(&manifest, &files, &Options::default())?))?;
        best[0] = best[0].min(time);
        statements = report.statements;
        best[1] = best[1].min(timed(|| Ok(lint(&manifest, &files, &bare)?))?.0);
        best[2] = best[2].min(timed(|| Ok(squawk(&files)))?.0);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut table = format!(
        "{} files of {} lines, {statements} statements, {cores} processors:\n\n| | seconds | beside Squawk |\n|---|---|---|\n",
        args.files, args.lines
    );
    for (name, time) in ["keyward lint", "keyward lint --no-hazards", "Squawk's library, its default rules"].iter().zip(best) {
        writeln!(table, "| {name} | {:.2} | {:.2} |", time.as_secs_f64(), time.as_secs_f64() / best[2].as_secs_f64())?;
    }
    print!("{table}");
    if let Some(document) = &args.write {
        let text = std::fs::read_to_string(document)?;
        let (head, rest) = text.split_once(MARKS.0).ok_or("the document has no place for the results")?;
        let (_, tail) = rest.split_once(MARKS.1).ok_or("the document has no end of the results")?;
        std::fs::write(document, format!("{head}{}\n{table}\n{}{tail}", MARKS.0, MARKS.1))?;
    }
    Ok(())
}
