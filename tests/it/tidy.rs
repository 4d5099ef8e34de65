//! The house keeps its shape: imports point one way, each crate has one door, files stay short.
//!
//! Clippy holds the doors too (see `clippy.toml`), by resolved name and so better, but only for names that are listed there. This scans text.
//! Each rule is first shown to find a planted violation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rooms of `src`, upper floors first: a room uses its own floor and those below.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["report"],
    &[
        "rollout",
        "verify",
        "audit",
        "apply",
        "lint",
        "sandbox",
        "account",
        "policy",
        "demo",
        "settle",
        "status",
        "evidence",
        "signature",
        "init",
        "rehearsal",
    ],
    &["plan"],
    &["catalog", "manifest", "parse", "schema", "script", "template"],
    &["db", "ident", "error"],
];

/// What only one room may name, and the room.
const DOORS: &[(&str, &str)] = &[
    ("raw_sql", "db"),
    ("AssertSqlSafe", "db"),
    ("pg_query", "parse"),
    ("refinery_core", "schema"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("clap_mangen", "cli"),
    ("indicatif", "cli"),
    ("miette", "cli"),
    ("ed25519_dalek", "signature"),
    ("toml_edit", "init"),
    ("squawk_linter", "lint"),
    ("squawk_syntax", "lint"),
];

const LONGEST_FILE: usize = 800;

#[test]
fn imports_point_one_way() {
    let planted = [
        ("src/db/mod.rs", "fn f() { crate::plan::diff(); }"),
        ("src/apply.rs", "use crate::{error::{Error, Kind}, rollout};"),
        ("src/rollout/mod.rs", "use crate::apply;"),
        ("src/cellar.rs", "use crate::error;"),
        ("src/cli/mod.rs", "//! Calls [`crate::plan`].\nuse crate::{error, plan}; // and crate::nowhere"),
    ];
    let planted = planted.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(
        wrong_imports(&planted),
        [
            "db uses plan, which is on a floor above",
            "cellar is on no floor: name it in tests/it/tidy.rs",
            "apply and rollout use each other",
        ]
    );

    assert_eq!(wrong_imports(&sources()), Vec::<String>::new());
}

#[test]
fn each_crate_has_one_door() {
    let planted = [
        ("src/plan.rs", "use sqlx::{query, raw_sql};\n"),
        ("src/db/mod.rs", "// a comment about pg_query\nuse sqlx::{raw_sql, AssertSqlSafe};\n"),
        ("src/report/text.rs", "use clap::ValueEnum;\nlet clapper = \"\";\n"),
    ];
    let planted = planted.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(
        wrong_doors(&planted),
        ["src/plan.rs names raw_sql, which is db's", "src/report/text.rs names clap, which is cli's"]
    );

    assert_eq!(wrong_doors(&sources()), Vec::<String>::new());
}

#[test]
fn no_source_file_is_long() {
    let long = |text: &str| text.lines().count() > LONGEST_FILE;
    assert!(long(&"\n".repeat(LONGEST_FILE + 1)) && !long(&"\n".repeat(LONGEST_FILE)));

    let found: Vec<_> = sources().into_iter().filter(|(_, text)| long(text)).map(|(path, _)| path).collect();
    assert_eq!(found, Vec::<String>::new(), "more than {LONGEST_FILE} lines: split by what changes together");
}

/// A line break in a name would end the comment. The names of `[[keys]]` and `[[writes]]` have none.
#[test]
fn no_comment_of_a_template_holds_a_name() {
    let is_open = |line: &str| {
        let comment = line.split_once("-- ").map_or("", |(_, comment)| comment);
        comment.contains("{{") && !comment.contains(".name }}")
    };
    let mut open = Vec::new();
    for (path, text) in tracked().into_iter().filter(|(path, _)| path.starts_with("sql/") && has_extension(path, "sql")) {
        // What a field of the header prints is rendered by itself.
        let body =
            text.lines().skip_while(|line| line.starts_with("--   ") || line.split_once(": ").is_some_and(|(key, _)| field(key)));
        open.extend(body.filter(|line| is_open(line)).map(|line| format!("{path}: {line}")));
    }
    assert!(open.is_empty(), "{open:#?}");
    assert!(
        is_open("x; -- of {{ key.table }}") && !is_open("{{ x }} -- y") && !is_open("-- {{ \"revoke_\" ~ key.name }}"),
        "control"
    );
    assert!(field("-- undo") && !field("-- The keys of"), "control");
}

/// Tells whether a comment's beginning is the name of a header's field.
fn field(key: &str) -> bool {
    key.strip_prefix("-- ").is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase()))
}

#[test]
fn every_sql_file_says_what_it_is_for() {
    let silent = |text: &str| !["--", "/*"].iter().any(|comment| text.starts_with(comment));
    assert!(silent("SELECT 1; -- too late") && !silent("-- Lists the guards.\nSELECT 1;"));

    let found: Vec<_> =
        tracked().into_iter().filter(|(path, text)| has_extension(path, "sql") && silent(text)).map(|(path, _)| path).collect();
    assert_eq!(found, Vec::<String>::new(), "a .sql file opens with a comment");
}

#[test]
fn nothing_names_a_place_on_somebodys_machine() {
    // Put together here, so that this file isn't found itself.
    let at = |dir: &str| format!("/{dir}/me/keyward");
    assert!(["work", "root", "home", "Users"].iter().all(|dir| names_a_machine(&format!("see \"{}\"", at(dir)))));
    assert!(!names_a_machine("a/work/b https://example.org/home/ /home/linuxbrew/.linuxbrew/bin"));

    let found: Vec<_> = tracked().into_iter().filter(|(_, text)| names_a_machine(text)).map(|(path, _)| path).collect();
    assert_eq!(found, Vec::<String>::new());
}

/// Returns what is wrong with the uses between rooms: upward ones, rooms without a floor, and rooms of one floor that reach each other.
fn wrong_imports(sources: &[(String, String)]) -> Vec<String> {
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
    let mut wrong = Vec::new();
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources {
        let Some(room) = room(path) else { continue };
        let Some(here) = floor(room) else {
            wrong.push(format!("{room} is on no floor: name it in tests/it/tidy.rs"));
            continue;
        };
        for used in rooms_used(&code(text)) {
            if floor(&used).is_some_and(|there| there < here) {
                wrong.push(format!("{room} uses {used}, which is on a floor above"));
            } else if used != room {
                uses.entry(room).or_default().insert(used);
            }
        }
    }
    for room in uses.keys() {
        let reached = reach(room, &uses);
        for other in reached.iter().filter(|other| other.as_str() > *room && reach(other, &uses).contains(*room)) {
            wrong.push(format!("{room} and {other} use each other"));
        }
    }
    wrong
}

/// Returns every room that `room` uses, directly or through others.
fn reach(room: &str, uses: &BTreeMap<&str, BTreeSet<String>>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![room.to_owned()];
    while let Some(room) = next.pop() {
        for used in uses.get(room.as_str()).into_iter().flatten() {
            if reached.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    reached
}

/// Returns the names that follow `crate::`, braces opened.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, found) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + found.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            rooms.insert(word(rest));
            continue;
        };
        let mut depth = 0_usize;
        let mut starts = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                c if starts && !c.is_whitespace() => {
                    rooms.insert(word(&group[at..]));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    // A macro (`crate::name!`) or an item at the root (`crate::Error`) is no room.
    rooms.retain(|room| room.starts_with(|c: char| c.is_ascii_lowercase()));
    rooms
}

/// Returns what is named outside the room whose door it is.
fn wrong_doors(sources: &[(String, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in sources {
        let code = code(text);
        let words: BTreeSet<_> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for (name, owner) in DOORS {
            if words.contains(name) && room(path) != Some(owner) {
                wrong.push(format!("{path} names {name}, which is {owner}'s"));
            }
        }
    }
    wrong
}

/// Tells whether a text contains an absolute path below a directory where people keep their own files.
fn names_a_machine(text: &str) -> bool {
    ["work", "root", "home", "Users"].iter().any(|dir| {
        let dir = format!("/{dir}/");
        text.match_indices(&dir).any(|(at, _)| {
            let inside_a_path = text[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.~".contains(c));
            !inside_a_path && !text[at..].starts_with("/home/linuxbrew/")
        })
    })
}

/// Returns the room that a source file belongs to, `None` for `lib.rs` and `main.rs`.
fn room(path: &str) -> Option<&str> {
    let name = path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then_some(name)
}

/// Returns the identifier at the start of a text.
fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns a source text without its line comments and docs. A `//` in a string cuts the line too: the scanner may miss, never invent.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Tells whether a path ends with a dot and the extension.
fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// Returns the Rust files of `src`, by path, with their text.
fn sources() -> Vec<(String, String)> {
    let sources: Vec<_> =
        tracked().into_iter().filter(|(path, _)| path.starts_with("src/") && has_extension(path, "rs")).collect();
    assert!(sources.iter().any(|(path, _)| path == "src/lib.rs"), "the scan sees the sources");
    sources
}

/// Returns the text files of the project with their paths from its root, sorted: those that git tracks or would add, or, where
/// there is no git, all but what is built.
fn tracked() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git =
        Command::new("git").current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output();
    let mut paths: Vec<PathBuf> = match git {
        Ok(output) if output.status.success() => {
            String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(PathBuf::from).collect()
        }
        _ => walk(root).iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect(),
    };
    paths.sort();
    let text = |path: PathBuf| Some((path.to_str()?.to_owned(), fs::read_to_string(root.join(&path)).ok()?));
    paths.into_iter().filter_map(text).collect()
}

/// Returns the files below a directory, leaving out git's own and what is built.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            files.push(path);
        } else if ![".git", "target", "node_modules"].iter().any(|name| path.ends_with(name)) {
            files.extend(walk(&path));
        }
    }
    files
}
