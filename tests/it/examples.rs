//! The examples call commands that exist, with options that these commands know.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The arguments of each call of keyward: `args: […]` of a container, `ExecStart=…/keyward …` of a unit.
fn calls(text: &str) -> Vec<Vec<String>> {
    let of_container = text.lines().filter_map(|line| line.trim().strip_prefix("args: "));
    let of_container = of_container.map(|list| serde_json::from_str::<Vec<String>>(list).unwrap());
    let of_unit = text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).map(|command| {
        let (program, args) = command.split_once(' ').unwrap();
        assert!(program.ends_with("/keyward"), "{program}");
        args.split_whitespace().map(str::to_owned).collect()
    });
    of_container.chain(of_unit).collect()
}

/// Runs keyward without a server to connect to, and returns the exit code: 3 where nothing but the server is missing.
fn code_of(args: &[String]) -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("keyward.toml");
    fs::write(&manifest, include_str!("../../keyward.example.toml")).unwrap();
    let args = args.iter().map(|arg| if arg == "/etc/keyward/keyward.toml" { manifest.to_str().unwrap() } else { arg });
    let url = format!("postgresql:///none?host={}&user=nobody", folder.path().display());
    let mut keyward = Command::new(env!("CARGO_BIN_EXE_keyward"));
    keyward.env_clear().env("DATABASE_URL", url).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    keyward.status().unwrap().code().unwrap()
}

#[test]
fn every_example_calls_keyward_as_it_can_be_called() {
    let wrong = calls("  args: [\"rollout\", \"run\", \"--at-noon\"]\nExecStart=/bin/keyward rollout walk");
    assert_eq!(wrong.iter().map(|args| code_of(args)).collect::<Vec<_>>(), [2, 2], "control");

    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut all);
    let mut seen = 0;
    for path in all {
        for args in calls(&fs::read_to_string(&path).unwrap()) {
            assert_eq!(code_of(&args), 3, "{}: keyward {}", path.display(), args.join(" "));
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen}");
}
