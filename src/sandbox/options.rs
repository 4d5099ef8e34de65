//! What a caller may choose.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// Settings that a sandbox needs for itself.
const RESERVED: [&str; 8] = [
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "listen_addresses",
    "logging_collector",
    "port",
    "unix_socket_directories",
];

/// Where a sandbox's server listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listen {
    /// On a Unix socket in a directory that only the present user (and root) can enter; there, any role may connect without a password.
    #[default]
    UnixSocket,
    /// On a free port of 127.0.0.1 as well. Every user of the machine can reach it, so each role needs its password (SCRAM); the
    /// superuser's is random.
    Loopback,
}

/// What to start, and where. The default finds a server in the usual places and listens on a Unix socket.
///
/// The library never reads the environment: pass PATH with [`Options::search_path`] to have it searched.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) bin_dir: Option<PathBuf>,
    pub(super) search_path: Option<OsString>,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) temp_dir: PathBuf,
    pub(super) library_path: Option<OsString>,
    pub(super) listen: Listen,
    pub(super) settings: Vec<(String, String)>,
    pub(super) start_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bin_dir: None,
            search_path: None,
            cache_dir: None,
            // Not the environment's TMPDIR, and short, because the path of a socket must be.
            temp_dir: PathBuf::from("/tmp"),
            library_path: None,
            listen: Listen::default(),
            settings: Vec::new(),
            start_timeout: Duration::from_mins(1),
        }
    }
}

impl Options {
    /// Returns the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the server's programs from this directory and nowhere else.
    #[must_use]
    pub fn bin_dir(mut self, dir: impl Into<Option<PathBuf>>) -> Self {
        self.bin_dir = dir.into();
        self
    }

    /// Searches these directories first, written as in PATH; relative ones are passed over.
    #[must_use]
    pub fn search_path(mut self, path: impl Into<Option<OsString>>) -> Self {
        self.search_path = path.into();
        self
    }

    /// Keeps initialised data directories (about 40 MB for each server version) here; by default in `keyward-sandbox-<uid>` below the
    /// temporary directory.
    #[must_use]
    pub fn cache_dir(mut self, dir: impl Into<Option<PathBuf>>) -> Self {
        self.cache_dir = dir.into();
        self
    }

    /// Makes the sandbox's directory below this one; by default below `/tmp`.
    ///
    /// Its path may be about 70 bytes long, because the path of a socket is limited, and must be open to the user whom the
    /// server runs as.
    #[must_use]
    pub fn temp_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.temp_dir = dir.into();
        self
    }

    /// Sets `LD_LIBRARY_PATH` (on macOS `DYLD_LIBRARY_PATH`) for the server's programs. They get nothing else of the environment.
    #[must_use]
    pub fn library_path(mut self, path: impl Into<Option<OsString>>) -> Self {
        self.library_path = path.into();
        self
    }

    /// Sets where the server listens.
    #[must_use]
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen = listen;
        self
    }

    /// Adds a line to `postgresql.conf`, such as `("wal_level", "logical")`; of several for one setting the last holds.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Sets how long initialising and starting may take together; by default 60 seconds.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Checks the settings' names.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in &self.settings {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
                return Err(Error::usage(format!("{name:?} is not the name of a server setting")));
            }
            if value.contains('\0') {
                return Err(Error::usage(format!("the value of the setting {name} contains a NUL character")));
            }
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Error::usage(format!("the sandbox sets {name} itself"))
                    .with_hint("choose where it listens with the option listen, and where its files are with temp_dir"));
            }
        }
        Ok(())
    }

    /// Returns what the server's programs get of an environment.
    pub(super) fn environment(&self) -> Vec<(&'static str, &OsStr)> {
        let name = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        self.library_path.iter().map(|path| (name, path.as_os_str())).collect()
    }
}

/// Returns a line of postgresql.conf.
pub(super) fn line(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('\'', "''").replace('\n', "\\n").replace('\r', "\\r");
    format!("{name} = '{value}'\n")
}

/// Returns a path as the value of a setting.
pub(super) fn path_value(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::usage(format!("the path {} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_the_sandbox_needs_for_itself_is_refused() {
        assert!(Options::new().setting("work_mem", "1MB").check().is_ok());
        for name in ["port", "Listen_Addresses", "hba_file"] {
            let error = Options::new().setting(name, "1").check().unwrap_err();
            assert_eq!(error.to_string(), format!("the sandbox sets {name} itself"));
        }
    }

    #[test]
    fn neither_a_name_nor_a_value_can_become_another_line() {
        for name in ["", "a b", "a\nport", "a = 1 #"] {
            assert!(Options::new().setting(name, "1").check().is_err(), "{name:?}");
        }
        assert_eq!(line("application_name", "it's\n\\x"), "application_name = 'it''s\\n\\\\x'\n");
    }
}
