//! The documents tell the truth: what they list is what there is, and what they show is what the program prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The fields of the comment that a .sql file opens with; `purpose` for a comment without fields.
fn header(text: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut current = "purpose".to_owned();
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("-- ") else { break };
        match comment.split_once(": ") {
            Some((key, value)) if ["purpose", "role", "lock", "hazard", "undo"].contains(&key) => {
                current = key.to_owned();
                fields.insert(current.clone(), value.trim().to_owned());
            }
            _ => {
                let field = fields.entry(current.clone()).or_default();
                if !field.is_empty() {
                    field.push(' ');
                }
                field.push_str(comment.trim());
            }
        }
    }
    fields
}

fn sql_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sql_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
}

/// Template expressions, as a reader would write the place: `{{ key.table }}` becomes `<key.table>`.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").unwrap();
        let inside = inside.trim().replace(" | idents", "").replace('"', "").replace(" ~ ", "");
        let inside = inside.replace("key.name", "<key>").replace("write.name", "<write>");
        let _ = if inside.contains('<') { write!(plain, "{before}{inside}") } else { write!(plain, "{before}<{inside}>") };
        rest = after;
    }
    (plain + rest).replace('|', "\\|")
}

/// The tables of sql/README.md, from the files themselves.
fn listing() -> String {
    let mut files = Vec::new();
    sql_files(&root().join("sql"), &mut files);
    files.sort();
    let mut text = String::new();
    let mut folder = String::new();
    for path in files {
        let name = path.strip_prefix(root().join("sql")).unwrap().to_str().unwrap().replace('\\', "/");
        let (parent, file) = name.rsplit_once('/').unwrap();
        if parent != folder {
            folder = parent.to_owned();
            let _ = writeln!(text, "\n### {folder}/\n");
            text.push_str(if folder.starts_with("enforce") {
                "| file | what it is for | lock | undo |\n|---|---|---|---|\n"
            } else {
                "| file | what it is for |\n|---|---|\n"
            });
        }
        let header = header(&std::fs::read_to_string(&path).unwrap());
        let field = |name: &str| header.get(name).map(|value| plain(value)).unwrap_or_default();
        let _ = if folder.starts_with("enforce") {
            let undo = if header.contains_key("undo") { format!("`{}`", field("undo")) } else { String::new() };
            writeln!(text, "| {file} | {} | {} | {undo} |", field("purpose"), field("lock"))
        } else {
            writeln!(text, "| {file} | {} |", field("purpose"))
        };
    }
    text
}

#[test]
fn the_sql_readme_lists_every_file_with_its_purpose_lock_and_undo() {
    let path = root().join("sql/README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("\n### ").unwrap();
    let expected = format!("{head}\n{}", listing().trim_start());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert_eq!(text, expected, "run UPDATE_EXPECT=1 cargo test --test it docs");
}

#[test]
fn a_header_is_read_with_its_continuation() {
    let fields = header("-- purpose: one\n--   and two\n-- lock: none\n\nSELECT 1;");
    assert_eq!(fields["purpose"], "one and two");
    assert_eq!(fields["lock"], "none");
}
