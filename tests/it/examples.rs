//! The examples call commands that exist, with options that these commands know.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::fixture::World;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The arguments of each call of keyward: `args: […]` of a container, `ExecStart=…/keyward …` of a unit, `keyward …` in a pipeline's script.
fn calls(text: &str) -> Vec<Vec<String>> {
    let of_container = text.lines().filter_map(|line| line.trim().strip_prefix("args: "));
    let of_container = of_container.map(|list| serde_json::from_str::<Vec<String>>(list).unwrap());
    let words = |args: &str| args.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let of_unit = text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).map(|command| {
        let (program, args) = command.split_once(' ').unwrap();
        assert!(program.ends_with("/keyward"), "{program}");
        words(args)
    });
    let of_script = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("- ");
        let command = line.strip_prefix("run: ").unwrap_or(line).strip_prefix("keyward ")?;
        // What follows is the shell's.
        Some(words(&command.split(" > ").next().unwrap().replace("\"$PERCENT\"", "5")))
    });
    of_container.chain(of_unit).chain(of_script).collect()
}

/// What a pipeline has at hand: a manifest, a schema, a signed plan and its keys.
async fn site() -> TempDir {
    let world = World::bare().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("keyward.toml", crate::fixture::MANIFEST);
    write("plan.json", &serde_json::to_string(&world.plan().await).unwrap());
    let (_, schema) = include_str!("sql/app.sql").split_once("\\connect shop\n").unwrap();
    write("schema.sql", schema);
    fs::create_dir(folder.path().join("migrations")).unwrap();
    write("migrations/1_notes.sql", "CREATE TABLE app.notes (id bigint PRIMARY KEY);");
    let openssl =
        |args: &[&str]| assert!(Command::new("openssl").args(args).current_dir(folder.path()).status().unwrap().success());
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "approver.key"]);
    openssl(&["pkey", "-in", "approver.key", "-pubout", "-out", "approver.pub"]);
    fs::set_permissions(folder.path().join("approver.key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(code_of(folder.path(), &["plan", "sign", "plan.json", "--key", "approver.key"].map(str::to_owned)), 0);
    folder
}

/// Runs keyward without a server to connect to, and returns the exit code: 3 where nothing but the server is missing.
fn code_of(folder: &Path, args: &[String]) -> i32 {
    let manifest = folder.join("keyward.toml");
    let args = args.iter().map(|arg| if arg == "/etc/keyward/keyward.toml" { manifest.to_str().unwrap() } else { arg });
    let url = format!("postgresql:///none?host={}&user=nobody", folder.display());
    let mut keyward = Command::new(env!("CARGO_BIN_EXE_keyward"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    keyward.env_clear().env("PATH", path).env("DATABASE_URL", url).args(args).current_dir(folder);
    keyward.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    keyward.status().unwrap().code().unwrap()
}

#[tokio::test]
async fn every_example_calls_keyward_as_it_can_be_called() {
    let site = site().await;
    let wrong = calls(
        "  args: [\"rollout\", \"run\", \"--at-noon\"]\nExecStart=/bin/keyward rollout walk\n  - keyward plan --sideways\n- run: keyward plant > x",
    );
    assert_eq!(wrong.iter().map(|args| code_of(site.path(), args)).collect::<Vec<_>>(), [2, 2, 2, 2], "control");

    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &mut all);
    let knows_lint = code_of(site.path(), &["lint", "--help"].map(str::to_owned)) == 0;
    let (mut seen, mut pipelines) = (0, 0);
    for path in all {
        for args in calls(&fs::read_to_string(&path).unwrap()) {
            let lints = args[0] == "lint";
            if lints && !knows_lint {
                continue;
            }
            let needs_no_server =
                lints || args.starts_with(&["plan".to_owned(), "sign".to_owned()]) || args.contains(&"--schema-file".to_owned());
            let expected = if needs_no_server { 0 } else { 3 };
            assert_eq!(code_of(site.path(), &args), expected, "{}: keyward {}", path.display(), args.join(" "));
            seen += 1;
            pipelines += usize::from(path.extension().is_some_and(|extension| extension == "yml"));
        }
    }
    assert!(seen >= 20 && pipelines >= 16, "{seen}, {pipelines}");
}
