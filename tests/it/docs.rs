//! The documents tell the truth: what they list is what there is, and what they show is what the program prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The fields of the comments that .sql files open with.
const FIELDS: &[&str] = &[
    "purpose",
    "parameters",
    "role",
    "lock",
    "hazard",
    "undo", // what is installed
    "severity",
    "title",
    "why",
    "remedy", // checks of the audit
    "id",
    "control",
    "vector",
    "who",
    "expects",
    "hide",
    "lends",
    "wall",
    "tell",
    "with",
    "where",
    "needs",
    "note", // probes
];

/// The fields of the comment that a .sql file opens with; `purpose` for a comment without fields.
fn header(text: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut current = "purpose".to_owned();
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("-- ") else { break };
        match comment.split_once(": ") {
            Some((key, value)) if FIELDS.contains(&key) => {
                key.clone_into(&mut current);
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
            parent.clone_into(&mut folder);
            let _ = writeln!(text, "\n### {folder}/\n");
            text.push_str(match folder.as_str() {
                "probe" => {
                    "| file | attack | control | who | hide | right | behind a wall, lent |\n|---|---|---|---|---|---|---|\n"
                }
                folder if folder.starts_with("enforce") => "| file | what it is for | lock | undo |\n|---|---|---|---|\n",
                "audit" => "| file | what it finds |\n|---|---|\n",
                _ => "| file | what it is for |\n|---|---|\n",
            });
        }
        let header = header(&std::fs::read_to_string(&path).unwrap());
        let field = |name: &str| header.get(name).map(|value| plain(value)).unwrap_or_default();
        let _ = if header.contains_key("vector") {
            let right = field("expects");
            let wall = match (field("lends"), field("wall")) {
                (lent, _) if lent.is_empty() => String::new(),
                (lent, wall) if wall.is_empty() => format!("refused, {lent}"),
                (lent, wall) => format!("{wall}, {lent}"),
            };
            let (vector, control, who) = (field("vector"), field("control"), field("who"));
            writeln!(text, "| {file} | {vector} | {control} | {who} | {} | {right} | {wall} |", field("hide"))
        } else if folder == "probe" {
            writeln!(text, "| {file} | {} | | | | | |", field("purpose"))
        } else if folder.starts_with("enforce") {
            let undo = if header.contains_key("undo") { format!("`{}`", field("undo")) } else { String::new() };
            writeln!(text, "| {file} | {} | {} | {undo} |", field("purpose"), field("lock"))
        } else {
            // A check of the audit has a title instead.
            writeln!(text, "| {file} | {}{} |", field("purpose"), field("title"))
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

/// What docs/audit.md lists: every rule, as `keyward audit --explain` tells it.
fn rules() -> String {
    let mut text = String::new();
    let mut hundred = None;
    let heads = [
        ('1', "Guards that don't guard, and tables of keyward's that were meddled with"),
        ('2', "Roles and privileges"),
        ('3', "Copies of keys, and whatever reads them"),
        ('4', "Who uses the key column today"),
        ('5', "The server"),
        ('9', "The audit itself"),
    ];
    for rule in keyward::audit::rules() {
        let this = rule.id.chars().nth(2).unwrap();
        if hundred != Some(this) {
            hundred = Some(this);
            let head = heads.iter().find(|(of, _)| *of == this).unwrap().1;
            let _ =
                writeln!(text, "\n## {head}\n\n| id | severity | finding | why, and what to do | check |\n|---|---|---|---|---|");
        }
        let file = format!("[{}](../{})", rule.file.rsplit('/').next().unwrap(), rule.file);
        let words = format!("{} {}", rule.why, rule.remedy).replace('|', "\\|");
        let _ = writeln!(text, "| {} | {} | {} | {words} | {file} |", rule.id, rule.severity.as_str(), rule.title);
        assert!(root().join(&rule.file).exists(), "{}", rule.file);
    }
    text
}

#[test]
fn the_audit_document_lists_every_finding() {
    let path = root().join("docs/audit.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("\n## ").unwrap();
    let expected = format!("{}\n{}", head.trim_end(), rules());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert_eq!(text, expected, "run UPDATE_EXPECT=1 cargo test --test it docs");
}

/// What docs/lint.md lists: every rule, as `keyward lint --explain` tells it, and its examples.
fn lint_rules() -> String {
    let heads = [
        ("00", "Privileges and roles"),
        ("01", "Privileges and roles"),
        ("02", "Guards, policies and the tables they sit on"),
        ("03", "What the manifest names"),
        ("04", "Copies of keys"),
        ("05", "Rights that are lent"),
        ("06", "keyward's own schema"),
        ("07", "What was tried (`--trace`)"),
        ("90", "The file itself"),
    ];
    let mut text = String::new();
    let mut last = "";
    for rule in keyward::lint::rules() {
        let head = heads.iter().find(|(of, _)| rule.id[3..].starts_with(of)).unwrap().1;
        if head != last {
            last = head;
            let _ = writeln!(text, "\n## {head}");
        }
        let file = format!("src/lint/rules/{}.rs", rule.file);
        assert!(root().join(&file).exists(), "{file}");
        let _ = writeln!(
            text,
            "\n### [{}](../{file}): {}\n\n{}. {} {}",
            rule.id,
            rule.title,
            rule.severity.as_str(),
            rule.why,
            rule.remedy
        );
        for (name, all) in [("Found in", rule.bad), ("Not in", rule.good)] {
            if !all.is_empty() {
                let examples: Vec<_> = all.iter().map(|example| example.trim_end()).collect();
                let _ = writeln!(text, "\n{name}:\n\n```sql\n{}\n```", examples.join("\n"));
            }
        }
    }
    text
}

#[test]
fn the_lint_document_lists_every_rule_with_its_examples() {
    let path = root().join("docs/lint.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("\n## Privileges").unwrap();
    let expected = format!("{}\n{}", head.trim_end(), lint_rules());
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

/// A command of a console block, and what the document says it prints.
struct Shown {
    line: usize,
    command: String,
    output: String,
}

/// The commands of a document's console blocks, in order.
fn shown(text: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            all.push(Shown { line: number + 1, command: command.to_owned(), output: String::new() });
        } else if let (true, Some(last)) = (inside, all.last_mut()) {
            last.output.push_str(line);
            last.output.push('\n');
        }
    }
    all
}

/// What differs from run to run, made the same: times, rates, dates, server versions, checksums, temporary directories.
fn settled(text: &str) -> String {
    let patterns = [
        (r"(\d+ min )?\d+(\.\d+)? (ms|s)\b", "N s"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:[0-9.]+Z?)?( UTC)?", "DATE"),
        (r"PostgreSQL \d+(\.\d+)*( \([^)]*\))?", "PostgreSQL N"),
        (r"manifest   [0-9a-f]{12}", "manifest   SHA"),
        (r"/tmp/kw-[0-9a-f]+", "DIR"),
        (r#""(accounts_per_second|seconds|longest_batch_ms)":[0-9.e-]+"#, "\"$1\":N"),
        (r"[0-9,]+ accounts a second", "N accounts a second"),
        (r" +\n", "\n"),
    ];
    patterns
        .iter()
        .fold(text.to_owned(), |text, (pattern, with)| regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned())
}

#[tokio::test]
async fn every_console_block_shows_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyward.toml"), include_str!("../../sql/demo/manifest.toml")).unwrap();
    std::fs::write(folder.path().join("opt-outs.csv"), "account,reason\n7,asked in May\n12,moves in June\n").unwrap();
    let script = format!(
        "{}\\connect demo\nSET ROLE app_owner;\n{}\n{};\nRESET ROLE;\nANALYZE app.accounts;",
        include_str!("../../sql/demo/roles.sql"),
        include_str!("../../sql/demo/schema.sql"),
        include_str!("../../sql/demo/data.sql").replace("$1::bigint", "1000::bigint"),
    );
    let world = crate::fixture::World::with(&script, include_str!("../../sql/demo/manifest.toml"), "demo").await;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_keyward"));
    let mut path = vec![program.parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let mut wrong = String::new();
    for document in ["README.md", "docs/init.md", "docs/rollout.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        let commands = shown(&text);
        assert!(!commands.is_empty(), "{document} shows something");
        let mut mended = text.clone();
        for Shown { line, command, output } in commands {
            // `make demo` is the demo once everything is built.
            let run = if command == "make demo" { "keyward demo" } else { &command };
            let mut shell = std::process::Command::new("sh");
            shell
                .args(["-c", &format!("{run} 2>&1")])
                .current_dir(folder.path())
                .env("PATH", std::env::join_paths(&path).unwrap());
            shell
                .env("DATABASE_URL", world.sandbox.url_as("app_owner", "demo"))
                .env("NO_COLOR", "1")
                .stdin(std::process::Stdio::null());
            let printed = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
            let printed = String::from_utf8(printed.stdout).unwrap();
            if settled(&printed).trim() != settled(&output).trim() {
                let _ = write!(wrong, "{document}:{line}: $ {command}\n--- shown\n{output}--- printed\n{printed}\n");
                let printed = printed.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
                let block = |output: &str| {
                    format!(
                        "\n$ {command}\n{}",
                        if output.is_empty() { String::new() } else { format!("{}\n", output.trim_end()) }
                    )
                };
                mended = mended.replacen(&block(&output), &block(&printed), 1);
            }
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(root().join(document), mended).unwrap();
        }
    }
    assert!(wrong.is_empty() || std::env::var_os("UPDATE_EXPECT").is_some(), "{wrong}");
}

#[test]
fn console_blocks_are_found_and_numbers_that_vary_don_t_matter() {
    let commands = shown("text\n```console\n$ a\nx 12 ms\n$ b\n```\n$ c\n");
    assert_eq!(commands.iter().map(|shown| shown.command.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(settled(&commands[0].output), settled("x 3.5 s\n"));
    assert_ne!(settled("12 keys"), settled("13 keys"));
}

#[test]
fn every_test_that_architecture_names_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let exists = |file: &str, test: &str| {
        let source = [format!("tests/it/{file}.rs"), format!("tests/it/{file}/mod.rs")]
            .map(|path| std::fs::read_to_string(root().join(path)));
        let source = source.into_iter().find_map(Result::ok).unwrap_or_default();
        let found = source.split_once(&format!("fn {test}("));
        found.is_some_and(|(before, _)| before.trim_end_matches("async ").trim_end().ends_with("test]"))
    };
    let name = regex::Regex::new(r"`([a-z_]+)::([a-z0-9_]+)` \|\n").unwrap();
    let named: Vec<_> = name.captures_iter(&text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    assert!(named.len() >= 25, "the table is read: {named:?}");
    for (file, test) in named {
        assert!(exists(&file, &test), "{file}::{test}");
    }
    assert!(!exists("docs", "every_test_that_nobody_wrote") && !exists("docs", "root"), "control");
}
