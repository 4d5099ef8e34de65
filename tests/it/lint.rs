//! What `keyward lint` finds in migrations, and what it doesn't; where it says it is; and that nothing makes it crash.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keyward::lint::{EXAMPLE, Finding, Options, Report, Source, lint_sources, rules};
use keyward::manifest::Manifest;
use proptest::prelude::*;

use crate::fixture::{World, fuzz_corpus};

fn manifest() -> Manifest {
    Manifest::parse(EXAMPLE, "example.toml").unwrap()
}

/// Lints scripts, given by name and text, in that order.
fn lint(scripts: &[(&str, &str)]) -> Report {
    let sources: Vec<_> = scripts.iter().map(|(name, text)| Source::new(*name, text.as_bytes().to_vec())).collect();
    lint_sources(&manifest(), &sources, &Options::default())
}

fn places(report: &Report) -> Vec<(&str, usize, usize)> {
    report.findings.iter().map(|finding| (finding.id.as_str(), finding.line, finding.column)).collect()
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.id.as_str()).collect()
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/corpus");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert!(all.len() >= 20);
    all
}

/// A folder with the example manifest, to run the program in.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("keyward.toml"), EXAMPLE).unwrap();
    folder
}

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_keyward"));
    program.arg("lint").args(args).current_dir(folder).env_clear();
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has refused its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn ordinary_migrations_are_no_finding() {
    let mut all = Vec::new();
    for path in corpus() {
        let source = Source::new(path.to_string_lossy(), fs::read(&path).unwrap());
        all.extend(lint_sources(&manifest(), &[source], &Options::default()).findings);
    }
    let own: Vec<&Finding> = all.iter().filter(|finding| finding.id.starts_with("KWL")).collect();
    assert!(own.is_empty(), "{own:#?}");
    assert!(all.iter().any(|finding| finding.id.starts_with("squawk/")), "control: locks are found in them");
}

#[test]
fn every_rule_finds_in_its_bad_examples_what_it_says() {
    for rule in rules() {
        for bad in rule.bad {
            assert!(ids(&lint(&[("a.sql", bad)])).contains(&rule.id), "{} in {bad}", rule.id);
        }
        for good in rule.good {
            let found = lint(&[("a.sql", good)]);
            assert!(found.findings.iter().all(|finding| !finding.id.starts_with("KWL")), "{found:#?}");
        }
    }
}

#[tokio::test]
async fn a_plan_as_keyward_wrote_it_is_no_finding() {
    let world = World::bare().await;
    let script = world.plan().await.sql().unwrap();
    let lint =
        |script: String| lint_sources(&world.manifest, &[Source::new("plan.sql", script.into_bytes())], &Options::default());
    let report = lint(format!("-- +goose Up\n{script}"));
    assert!(report.findings.is_empty() && report.statements > 100, "{:#?}", report.findings);
    // control: once it is changed, it is judged as any other script
    let changed = lint(script.replacen("FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY", 1));
    assert!(ids(&changed).contains(&"KWL020"), "{:?}", ids(&changed));
    let after = lint(format!("{script}\nDROP TABLE app.locations;"));
    assert_eq!(ids(&after), ["KWL035"]);
}

#[test]
fn lines_and_columns_are_those_of_an_editor() {
    let script = "\u{feff}-- é\r\n  SELECT '🦀'; DROP TABLE app.locations;\r\n\r\n/* x */ GRANT\r\n\tALL ON \"app\".\"locations\" TO api_v1;\r\n";
    let windows = lint(&[("a.sql", script)]);
    assert_eq!(places(&windows), [("KWL035", 2, 26), ("KWL001", 5, 9)]);
    let sixteen: Vec<u8> = [0xff, 0xfe].into_iter().chain(script[3..].encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let report = lint_sources(&manifest(), &[Source::new("a.sql", sixteen)], &Options::default());
    assert_eq!(places(&report), places(&windows));
    let inside = lint(&[("a.sql", "DO $$\nBEGIN\n  IF true THEN\n    DROP TABLE app.users;\n  END IF;\nEND $$;")]);
    assert_eq!(places(&inside), [("KWL035", 4, 16)]);
}

#[test]
fn a_syntax_error_is_one_finding_and_the_rest_is_read() {
    let report = lint(&[(
        "a.sql",
        "SELECT 1;\nCREATE TABLE é (a int,, b int);\nDROP TABLE app.users;\nSELECT 'open;\nDROP TABLE app.locations;",
    )]);
    assert_eq!(places(&report), [("KWL900", 2, 23), ("KWL035", 3, 12), ("KWL900", 4, 8), ("KWL035", 5, 12)]);
    let too_deep = format!("SELECT 1{};\nDROP TABLE app.users;", " + 1".repeat(100_000));
    assert_eq!(ids(&lint(&[("a.sql", &too_deep)])), ["KWL901", "KWL035"]);
}

#[test]
fn names_are_resolved_as_postgres_does() {
    let found = |script: &str| !lint(&[("a.sql", script)]).findings.is_empty();
    for hole in [
        "DROP TABLE APP.Locations",
        "DROP TABLE \"app\".\"locations\"",
        "DROP TABLE locations",
        "SET search_path = other, app; DROP TABLE locations",
        "SET search_path = other; RESET search_path; DROP TABLE locations",
        "SET search_path = other;\n\\connect shop\nDROP TABLE locations",
        "SELECT set_config('search_path', 'app', false); DROP TABLE locations",
        "DROP TABLE ${schema}.locations",
    ] {
        assert!(found(hole), "{hole}");
    }
    for harmless in [
        "DROP TABLE \"APP\".locations",
        "DROP TABLE app.\"Locations\"",
        "DROP TABLE other.locations",
        "SET search_path = other; DROP TABLE locations",
        "SELECT pg_catalog.set_config('search_path', '', false); DROP TABLE locations",
        "CREATE TEMP TABLE locations (id int); DROP TABLE locations",
    ] {
        assert!(!found(harmless), "{harmless}");
    }
}

#[test]
fn a_rename_is_followed_into_later_files() {
    let first = ("V1__a.sql", "ALTER TABLE app.locations RENAME TO places; ALTER TABLE places RENAME COLUMN api_key TO secret;");
    let second = ("V2__b.sql", "ALTER TABLE app.places ALTER COLUMN secret SET NOT NULL; DROP TABLE app.locations;");
    let report = lint(&[first, second]);
    let second_file: Vec<_> = report.findings.iter().filter(|finding| finding.file == "V2__b.sql").collect();
    assert_eq!(second_file[0].object, "app.places.secret");
    assert!(second_file.iter().all(|finding| finding.id != "KWL035"), "{second_file:#?}");
    // control: alone, the old name is meant
    assert!(ids(&lint(&[second])).contains(&"KWL035") && !ids(&lint(&[second])).contains(&"KWL032"));
    // what undoes a migration hasn't happened
    let undone = ("V1__a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nALTER TABLE app.locations RENAME TO places;");
    assert!(ids(&lint(&[undone, second])).contains(&"KWL035"));
}

#[test]
fn what_undoes_a_migration_is_told_and_can_be_left_out() {
    let script = "-- migrate:up\nGRANT TRUNCATE ON app.users TO api_v1;\n-- migrate:down\nDROP TABLE app.users;\n";
    let both = lint(&[("1.sql", script)]);
    assert_eq!(ids(&both), ["KWL001", "KWL035"]);
    let said = |finding: &Finding| finding.detail.contains("when the migration is undone");
    assert!(!said(&both.findings[0]) && said(&both.findings[1]), "{:#?}", both.findings);
    let options = Options { down: false, ..Options::default() };
    let sources =
        [Source::new("1.sql", script.as_bytes().to_vec()), Source::new("2.down.sql", b"DROP TABLE app.users;".to_vec())];
    assert_eq!(ids(&lint_sources(&manifest(), &sources, &options)), ["KWL001"]);
    assert_eq!(lint(&[("2.down.sql", "DROP TABLE app.users;")]).findings.iter().filter(|finding| said(finding)).count(), 1);
}

#[test]
fn a_suppression_needs_a_reason_and_something_to_suppress() {
    let report = lint(&[(
        "a.sql",
        "-- keyward:allow KWL035 moved to another service\nDROP TABLE app.users;\nDROP TABLE app.locations; -- keyward:allow KWL035\n\
         SELECT 1; -- keyward:allow KWL001 nothing here\n-- keyward:allow squawk/require-concurrent-index-creation empty table\nCREATE INDEX ON app.orders (id);",
    )]);
    assert_eq!(places(&report), [("KWL035", 3, 12), ("KWL905", 3, 27), ("KWL906", 4, 11)]);
    assert_eq!(report.allowed, 2);
}

#[test]
fn every_format_carries_the_place() {
    let folder = folder();
    fs::create_dir(folder.path().join("db")).unwrap();
    fs::write(folder.path().join("db/V10__b.sql"), "SELECT 1;\n  DROP TABLE app.users;\n").unwrap();
    fs::write(folder.path().join("db/V2__a.sql"), "DROP ROLE api_v1;\n").unwrap();
    let of = |format: &str| {
        let output = run(folder.path(), &["db", "--output", format], "");
        assert_eq!(output.status.code(), Some(1), "{format}: {output:?}");
        stdout(&output)
    };
    let json: serde_json::Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!((&json["schema"], &json["files"], &json["statements"]), (&"keyward/lint/v1".into(), &2.into(), &3.into()));
    let finding = &json["findings"][1];
    assert_eq!(
        (&finding["id"], &finding["file"], &finding["line"], &finding["column"]),
        (&"KWL035".into(), &"db/V10__b.sql".into(), &2.into(), &14.into())
    );
    for field in ["severity", "title", "object", "detail", "remedy", "cache_key"] {
        assert!(finding[field].is_string(), "{field}");
    }
    let sarif: serde_json::Value = serde_json::from_str(&of("sarif")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("sarif-2.1.0.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&sarif));
    let place = &sarif["runs"][0]["results"][1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "db/V10__b.sql");
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&2.into(), &14.into()));
    assert!(of("github").lines().nth(1).unwrap().contains("file=db/V10__b.sql,line=2,col=14::"), "{}", of("github"));
    assert!(of("text").contains("db/V10__b.sql:2:14 error KWL035"), "{}", of("text"));
    let junit = of("junit");
    let document = roxmltree::Document::parse(&junit).unwrap();
    assert_eq!(document.root_element().attribute("failures"), Some("2"));
}

#[test]
fn the_exit_code_says_whether_there_is_more_than_notes() {
    let folder = folder();
    let code = |args: &[&str], stdin: &str| run(folder.path(), args, stdin).status.code();
    assert_eq!(code(&["-"], "SELECT 1;"), Some(0));
    assert_eq!(code(&["-"], "DROP TABLE app.users;"), Some(1));
    assert_eq!(code(&["-"], "\\i other.sql\n"), Some(0), "a note");
    assert_eq!(code(&["-"], "CREATE INDEX ON app.orders (id);"), Some(1));
    assert_eq!(code(&["-", "--no-hazards"], "CREATE INDEX ON app.orders (id);"), Some(0));
    assert_eq!(code(&["-", "--min-severity", "error"], "CREATE INDEX ON app.orders (id);"), Some(0));
    assert_eq!(code(&["nowhere.sql"], ""), Some(2));
    assert_eq!(code(&[], ""), Some(2));
    assert_eq!(code(&["--explain", "kwl023"], ""), Some(0));
    assert_eq!(code(&["--explain", "KWL1"], ""), Some(2));
    assert_eq!(code(&["-", "--manifest", "nowhere.toml"], "SELECT 1;"), Some(2));
}

#[test]
fn a_file_of_a_hundred_thousand_statements_is_read_to_its_end() {
    let mut script = "INSERT INTO app.orders (id, note) VALUES (1, 'a; b');\n".repeat(100_000);
    script.push_str("COPY app.orders FROM stdin;\n");
    script.push_str(&"1\t'it''s \\\\ \"open;\n".repeat(100_000));
    script.push_str("\\.\nDROP TABLE app.locations;\n");
    let report = lint(&[("dump.sql", &script)]);
    assert_eq!(places(&report), [("KWL035", 200_003, 12)]);
    assert_eq!(report.statements, 100_002);
}

#[tokio::test]
async fn what_is_measured_is_told_and_overrules_what_was_guessed() {
    let sandbox = crate::fixture::start();
    let schema = "\\restrict x\nSET search_path = '';\nCREATE SCHEMA app;\nCREATE TABLE app.orders (id bigint, code varchar(10), n int);\n\
                  ALTER TABLE app.orders OWNER TO nobody_yet;\nINSERT INTO app.orders VALUES (1, 'a', 1);";
    let script = "-- migrate:up\nALTER TABLE app.orders ALTER COLUMN code TYPE varchar(20);\nALTER TABLE app.orders ALTER COLUMN n TYPE bigint;\n\
                  CREATE INDEX CONCURRENTLY i ON app.orders (id);\nCREATE INDEX j ON app.orders (n);\nGRANT SELECT ON app.orders TO api_v1;\n\
                  ALTER TABLE app.orders ADD COLUMN id int;\n-- migrate:down\nDROP TABLE app.orders;\n";
    let source = Source::new("1.sql", script.as_bytes().to_vec());
    let schema = Source::new("schema.sql", schema.as_bytes().to_vec());
    let mut rehearsal = keyward::rehearsal::load(&sandbox, &manifest(), &[schema]).await.unwrap();
    let steps = keyward::lint::trace(&mut rehearsal.db, std::slice::from_ref(&source)).await.unwrap();
    rehearsal.db.close().await;
    let held = |at: usize| {
        steps[at]
            .locks
            .as_ref()
            .map(|locks| locks.iter().map(|held| format!("{} {}", held.mode, held.table)).collect::<Vec<_>>().join(", "))
    };
    assert_eq!(steps.iter().map(|step| step.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    assert!(held(0).unwrap().contains("ACCESS EXCLUSIVE app.orders") && steps[0].rewrites.is_empty(), "{steps:#?}");
    assert_eq!(steps[1].rewrites, ["app.orders"]);
    assert_eq!((held(2), held(3).as_deref()), (None, Some("SHARE app.orders")));
    assert!(steps[4].failure.is_none() && steps[5].failure.as_ref().unwrap().contains("42701"), "{steps:#?}");

    let mut report = lint_sources(&manifest(), &[source], &Options::default());
    let of = |report: &Report, id: &str| {
        report.findings.iter().filter(|finding| finding.id == id).map(|finding| finding.line).collect::<Vec<_>>()
    };
    assert_eq!(of(&report, "squawk/changing-column-type"), [2, 3], "guessed");
    report.measured(steps);
    assert_eq!(of(&report, "squawk/changing-column-type"), [0_usize; 0]);
    assert_eq!((of(&report, "KWL070"), of(&report, "KWL071")), (vec![3], vec![7]));
}

#[tokio::test]
async fn what_is_measured_is_accepted_by_a_comment_and_a_comment_in_vain_is_told() {
    let sandbox = crate::fixture::start();
    let schema =
        Source::new("schema.sql", b"CREATE SCHEMA app; CREATE TABLE app.orders (id bigint, n int, m int, o int);".to_vec());
    let scripts = [
        (
            "1.sql",
            "-- migrate:up\n-- keyward:allow squawk/changing-column-type KWL070 nobody uses it yet\nALTER TABLE app.orders ALTER COLUMN n TYPE bigint;\n\
                   ALTER TABLE app.orders ALTER COLUMN m TYPE bigint; -- keyward:allow squawk/changing-column-type it is small\n\
                   ALTER TABLE app.orders ALTER COLUMN o TYPE bigint;\n\
                   SELECT 1; -- keyward:allow KWL070 there is nothing to accept\n-- keyward:allow KWL071 it fails where the table is missing\nDROP TABLE app.gone;\n\
                   -- migrate:down\nSELECT 2; -- keyward:allow KWL070 it isn't run\n",
        ),
        ("2.sql", "-- keyward:allow-file KWL071 on purpose\nDROP TABLE app.gone;\nDROP TABLE app.lost;\n"),
        (
            "3.sql",
            "-- keyward:allow-file KWL070 KWL071 the first is of use\nSELECT 1;\n-- keyward:allow KWL070\nALTER TABLE app.orders ALTER COLUMN n TYPE text;\n",
        ),
    ];
    let sources: Vec<_> = scripts.iter().map(|(name, text)| Source::new(*name, text.as_bytes().to_vec())).collect();
    let mut rehearsal = keyward::rehearsal::load(&sandbox, &manifest(), &[schema]).await.unwrap();
    let steps = keyward::lint::trace(&mut rehearsal.db, &sources).await.unwrap();
    rehearsal.db.close().await;
    let mut report = lint_sources(&manifest(), &sources, &Options { hazards: true, ..Options::default() });
    let before = report.allowed;
    report.measured(steps);
    let found: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| !finding.id.starts_with("squawk/"))
        .map(|finding| format!("{} {} {}", finding.file, finding.line, finding.id))
        .collect();
    let expected = ["1.sql 5 KWL070", "1.sql 6 KWL906", "3.sql 1 KWL906", "3.sql 3 KWL905"];
    assert_eq!(found, expected, "{:#?}", report.findings);
    assert!(
        report.findings.iter().any(|finding| finding.object.is_empty() && finding.detail.contains("accepts KWL071")),
        "{:#?}",
        report.findings
    );
    assert_eq!(report.allowed - before, 6, "three rewrites, three failures");
}

#[test]
fn a_suppression_in_what_is_left_out_is_not_in_vain() {
    let script = "-- keyward:allow-file KWL035 the table is moved\nSELECT 1;\n-- migrate:down\n-- keyward:allow KWL001 so it was\nGRANT ALL ON app.users TO api_v1;\nDROP TABLE app.users;\n";
    let source = || [Source::new("1.sql", script.as_bytes().to_vec())];
    let all = lint_sources(&manifest(), &source(), &Options::default());
    assert!(all.findings.is_empty() && all.allowed == 2, "{all:#?}");
    let forward = lint_sources(&manifest(), &source(), &Options { down: false, ..Options::default() });
    assert!(forward.findings.is_empty() && forward.allowed == 0, "{forward:#?}");
    // control: a rule that there is none of is told
    let report = lint(&[("1.sql", "-- keyward:allow-file KWL999 why\nSELECT 1;")]);
    assert_eq!(ids(&report), ["KWL906"]);
}

#[test]
fn what_psql_sends_together_or_with_data_behind_it_is_read() {
    for hole in [
        "SELECT 1\\; DROP TABLE app.users;",
        "SELECT 1 \\g \\\\ DROP TABLE app.users;",
        "COPY app.orders FROM stdin; DROP TABLE app.users;\n1\n\\.\n",
        "\\copy app.orders from stdin\n1\n\\.\nDROP TABLE app.users;",
    ] {
        assert_eq!(ids(&lint(&[("a.sql", hole)])), ["KWL035"], "{hole}");
    }
    // what stands for more than a name can't be judged, and that is no syntax error
    assert_eq!(places(&lint(&[("a.sql", "\\set q 'SELECT 1'\n:q;\nEXPLAIN :q;\n")])), [("KWL904", 2, 1), ("KWL904", 3, 9)]);
    let names = lint(&[("a.sql", "CREATE TABLE app.users :options;")]);
    assert!(names.findings[0].severity > keyward::lint::Severity::Note, "{names:#?}");
}

/// Every file of the corpus that random SQL has left behind: whatever made the lint crash, or go a way of its own.
#[test]
fn what_random_sql_has_found_is_read_without_a_crash() {
    for file in fuzz_corpus("lint", 100) {
        read_whole(&file);
    }
}

/// Not run by itself: PostgreSQL's tests are too large to be kept here. `make lint-postgres SQL=…/src/test/regress/sql`.
#[test]
#[ignore = "needs the folder of SQL files that KEYWARD_POSTGRES_SQL names"]
fn the_regression_tests_of_postgres_are_read_without_a_crash() {
    let folder = std::env::var("KEYWARD_POSTGRES_SQL").expect("KEYWARD_POSTGRES_SQL names a folder");
    let files = keyward::lint::files(&[folder]).unwrap();
    let mut by_rule = std::collections::BTreeMap::<String, usize>::new();
    let mut statements = 0;
    for file in &files {
        let report = read_whole(Path::new(file));
        statements += report.statements;
        for finding in report.findings {
            if finding.id == "KWL900" {
                println!("{}:{}:{}: {}", finding.file, finding.line, finding.column, finding.detail);
            }
            *by_rule.entry(finding.id).or_default() += 1;
        }
    }
    println!("{} files, {statements} statements: {by_rule:#?}", files.len());
    assert!(statements > 0);
}

/// Lints a file: no crash, and every finding is at a place in it.
fn read_whole(file: &Path) -> Report {
    let bytes = fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let report = lint_sources(&manifest(), &[Source::new(file.to_string_lossy(), bytes)], &Options::default());
    for finding in &report.findings {
        // UTF-16 has other lines.
        let line = text.split('\n').nth(finding.line - 1).map(|line| line.chars().count());
        let is_there = line.is_some_and(|length| finding.column <= length + 1);
        assert!(is_there || text.starts_with('\u{fffd}'), "{}: {finding:?}", file.display());
    }
    report
}

/// Pieces of SQL to be mixed: the corpus, the examples of the rules, and what is awkward by itself.
fn pieces() -> Vec<String> {
    let mut all: Vec<String> = corpus()
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.split_inclusive([';', '\n']).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    all.extend(rules().iter().flat_map(|rule| rule.bad.iter().chain(rule.good)).map(|text| (*text).to_owned()));
    all.extend(
        [
            "'",
            "\"",
            "$$",
            "$a$",
            "/*",
            "*/",
            "--",
            "\\",
            ";",
            "(",
            ")",
            "\0",
            "é",
            "${x}",
            ":'x'",
            "E'\\",
            "BEGIN ATOMIC",
            "\\.\n",
            "EXECUTE format('%",
            "U&\"\\",
            "-- keyward:allow",
        ]
        .map(str::to_owned),
    );
    all
}

#[test]
fn whatever_is_in_a_file_it_is_no_crash_and_every_place_is_in_it() {
    let pieces = pieces();
    let picks = proptest::collection::vec((any::<prop::sample::Index>(), 0..100_usize, 0..100_usize), 1..12);
    proptest!(ProptestConfig { cases: 400, ..ProptestConfig::default() }, |(picks in picks)| {
        let mut script = String::new();
        for (pick, from, length) in &picks {
            // A piece, cut anywhere.
            let piece: Vec<char> = pick.get(&pieces).chars().collect();
            let from = from * piece.len() / 150;
            script.extend(piece.iter().skip(from).take(if *length > 60 { piece.len() } else { length * piece.len() / 60 }));
        }
        let report = lint(&[("V1__x.sql", &script)]);
        for finding in &report.findings {
            let line = script.split('\n').nth(finding.line - 1);
            prop_assert!(line.is_some_and(|line| finding.column <= line.chars().count() + 1), "{finding:?} in {script:?}");
        }
    });
}
