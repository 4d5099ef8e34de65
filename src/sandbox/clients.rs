//! Finding a client program of PostgreSQL's that is not older than a server: `pg_dump` refuses a newer one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::binaries::{ServerVersion, USUAL, ask_pg_config, is_executable, versioned};
use crate::error::{Error, Result};

/// Returns a program of at least this major version: the oldest of those in `bin_dir`, in the directories of `search_path`, where `pg_config`
/// says, and in the usual places.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if there is none; it says which there are.
pub fn client(name: &str, least: u32, bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Result<PathBuf> {
    let path = search_path.map(|path| std::env::split_paths(path).filter(|dir| dir.is_absolute()).collect::<Vec<_>>());
    let path = path.unwrap_or_default();
    let told = path.iter().find_map(|dir| ask_pg_config(&dir.join("pg_config")));
    let usual = USUAL.iter().flat_map(|(parent, prefix, rest)| {
        let parent = Path::new("/").join(parent);
        prefix.map_or_else(
            || vec![parent.clone()],
            |prefix| versioned(&parent, prefix).into_iter().map(|dir| dir.join(rest)).collect(),
        )
    });
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for dir in bin_dir.map(Path::to_owned).into_iter().chain(path.iter().cloned()).chain(told).chain(usual) {
        let program = dir.join(name);
        if found.iter().any(|(_, known)| *known == program) {
            continue;
        }
        found.extend(version(&program).map(|version| (version.major(), program)));
    }
    let best = found.iter().filter(|(major, _)| *major >= least).min_by_key(|(major, _)| *major);
    best.map(|(_, program)| program.clone()).ok_or_else(|| {
        let there: Vec<_> = found.iter().map(|(major, program)| format!("{} is of version {major}", program.display())).collect();
        let there = if there.is_empty() { String::new() } else { format!(": {}", there.join(", ")) };
        Error::usage(format!("there is no {name} of version {least} or newer here{there}")).with_hint(format!(
            "install PostgreSQL's client programs (Debian, Ubuntu: apt install postgresql-client-{least}), or name their directory with --bin-dir"
        ))
    })
}

fn version(program: &Path) -> Option<ServerVersion> {
    if !is_executable(program) {
        return None;
    }
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    ServerVersion::parse(&String::from_utf8_lossy(&output.stdout)).filter(|_| output.status.success())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn of_the_programs_the_oldest_that_is_new_enough_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let program = |dir: &str, version: &str| {
            let dir = folder.path().join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("pg_x"), format!("#!/bin/sh\necho 'pg_x (PostgreSQL) {version}'\n")).unwrap();
            std::fs::set_permissions(dir.join("pg_x"), std::fs::Permissions::from_mode(0o755)).unwrap();
            dir
        };
        let dirs = [program("a", "14.23"), program("b", "18.4 (Debian 18.4-1)"), program("c", "17beta1")];
        let path = std::env::join_paths(&dirs).unwrap();
        let find = |least| client("pg_x", least, None, Some(&path));
        assert_eq!(find(15).unwrap(), dirs[2].join("pg_x"));
        assert_eq!(find(14).unwrap(), dirs[0].join("pg_x"));
        assert_eq!(client("pg_x", 18, Some(&dirs[1]), None).unwrap(), dirs[1].join("pg_x"));
        let error = find(19).unwrap_err();
        assert!(error.to_string().contains("is of version 14") && error.hint().is_some(), "{error}");
    }
}
