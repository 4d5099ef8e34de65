//! The server's process: initialised, configured, started, stopped.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::binaries::{Binaries, ServerVersion};
use super::identity::Identity;
use super::options::{Listen, Options, line, path_value};
use super::watchdog::Watchdog;
use crate::error::{Error, Kind, Result};

/// The cluster's superuser.
pub(super) const SUPERUSER: &str = "postgres";

/// How data directories are initialised. `pg_hba.conf` is written by [`Server::configure`]; until then no server runs.
pub(super) const INITDB_OPTIONS: [&str; 6] = ["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync"];

/// Nobody needs the data after a crash of the machine, so nothing waits for the disk. `synchronous_commit` stays on: a commit
/// takes the same path and survives a killed server as it would elsewhere.
const SETTINGS: [(&str, &str); 10] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("max_connections", "100"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
];

/// How often a file or a process is looked at while waiting.
const POLL: Duration = Duration::from_millis(2);

/// How many of the log's last lines an error shows.
const TAIL: usize = 20;

/// How to stop a server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shutdown {
    /// Disconnects everybody, writes a checkpoint.
    Fast,
    /// Ends at once; the next start recovers from the write-ahead log.
    Immediate,
    /// As if the machine's owner had killed it.
    Kill,
}

/// Why a server did not start.
pub(super) enum Failure {
    /// Somebody else listens on its port.
    PortTaken(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// A server in its directory, running or not.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) binaries: Binaries,
    pub(super) version: ServerVersion,
    pub(super) identity: Identity,
    pub(super) library_path: Vec<(&'static str, OsString)>,
    /// The sandbox's directory: socket, log and configuration, and the data directory within.
    pub(super) dir: PathBuf,
    pub(super) port: u16,
    pub(super) child: Option<Child>,
}

impl Server {
    pub(super) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    fn config_file(&self) -> PathBuf {
        self.dir.join("postgresql.conf")
    }

    fn environment(&self) -> Vec<(&'static str, &OsStr)> {
        self.library_path.iter().map(|(name, value)| (*name, value.as_os_str())).collect()
    }

    /// Initialises the data directory; the sandbox's directory must be the server's user's.
    pub(super) fn initdb(&mut self, watchdog: &mut Watchdog, deadline: Instant) -> Result<()> {
        let data = self.data_dir();
        let log = self.dir.join("initdb.log");
        let mut args: Vec<&OsStr> = vec![OsStr::new("-D"), data.as_os_str(), OsStr::new("--auth=trust")];
        args.extend(INITDB_OPTIONS.iter().map(OsStr::new));
        let program = self.binaries.program("initdb");
        let mut child = watchdog
            .spawn(&self.identity, &self.environment(), &log, &program, &args)
            .map_err(|error| Error::new(Kind::Connect, "can't start initdb").with_source(error))?;
        let status = wait_until(&mut child, deadline);
        if status.is_none() {
            kill_and_reap(&mut child);
        }
        watchdog.ended();
        let outcome = match status {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("failed ({status})"),
            None => "took too long".to_owned(),
        };
        let message = format!("{} {outcome}; it says:\n{}", program.display(), tail(&log, 0));
        Err(Error::new(Kind::Connect, message))
    }

    /// Writes the configuration; the sandbox's directory must be the present user's.
    ///
    /// The files lie beside the data directory, not in it: root must not write where the server's user could have put a
    /// symlink.
    pub(super) fn configure(&self, options: &Options) -> Result<()> {
        let hba = self.dir.join("pg_hba.conf");
        let mut rules = "local all all trust\nlocal replication all trust\n".to_owned();
        let mut addresses = "";
        if options.listen == Listen::Loopback {
            rules.push_str("host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n");
            addresses = "127.0.0.1";
        }
        // What initdb found out about this machine comes first.
        let mut config = "include 'data/postgresql.conf'\n".to_owned();
        for (name, value) in SETTINGS {
            config.push_str(&line(name, value));
        }
        for (name, value) in &options.settings {
            config.push_str(&line(name, value));
        }
        config.push_str(&line("hba_file", path_value(&hba)?));
        config.push_str(&line("unix_socket_directories", path_value(&self.dir)?));
        config.push_str(&line("listen_addresses", addresses));
        for (path, text) in [(hba, rules), (self.config_file(), config)] {
            File::create_new(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .and_then(|()| self.identity.give(&path))
                .map_err(|error| Error::usage(format!("can't write {}", path.display())).with_source(error))?;
        }
        Ok(())
    }

    /// Sets the superuser's password, before the server is first started: at no moment does it listen without one.
    pub(super) fn set_password(&self, password: &str) -> Result<()> {
        let failed = |what: String| Error::new(Kind::Connect, format!("can't set the superuser's password: {what}"));
        let mut child = self
            .identity
            .command(self.binaries.program("postgres"))
            .arg("--single")
            .arg("-D")
            .arg(self.data_dir())
            // In single-user mode errors would show the statement.
            .args(["-c", "log_min_error_statement=panic", "-c", "log_statement=none", "-c", "fsync=off", "postgres"])
            .envs(self.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            let statement = format!("ALTER ROLE {SUPERUSER} PASSWORD {}\n", crate::ident::literal(password));
            stdin.write_all(statement.as_bytes()).map_err(|error| failed(error.to_string()))?;
        }
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        // Single-user mode ends well even after an error.
        if output.status.success() && !said.contains("ERROR:") {
            return Ok(());
        }
        Err(failed(format!("{}; it says:\n{}", output.status, said.trim().replace(password, "…"))))
    }

    /// Starts the server and waits until it takes connections.
    pub(super) fn launch(&mut self, watchdog: &mut Watchdog, deadline: Instant) -> Result<(), Failure> {
        let (data, log, port) = (self.data_dir(), self.log_file(), self.port.to_string());
        let mut config = OsString::from("config_file=");
        config.push(self.config_file());
        let port = format!("port={port}");
        let args = [OsStr::new("-D"), data.as_os_str(), "-c".as_ref(), &config, "-c".as_ref(), port.as_ref()];
        loop {
            let before = fs::metadata(&log).map_or(0, |metadata| metadata.len());
            let child = watchdog
                .spawn(&self.identity, &self.environment(), &log, &self.binaries.program("postgres"), &args)
                .map_err(|error| Error::new(Kind::Connect, "can't start the server").with_source(error))?;
            let child = self.child.insert(child);
            let outcome = match wait_ready(child, &data.join("postmaster.pid"), deadline) {
                Ok(None) => return Ok(()),
                Ok(Some(status)) => format!("it ended ({status})"),
                Err(error) => {
                    kill_and_reap(child);
                    if error.kind() == io::ErrorKind::TimedOut { "it took too long".to_owned() } else { error.to_string() }
                }
            };
            self.child = None;
            watchdog.ended();
            let said = tail(&log, before);
            // After a kill, the last of the old server's processes may take a moment to notice.
            if said.contains("pre-existing shared memory block") && Instant::now() < deadline {
                sleep(POLL * 10);
                continue;
            }
            let message = format!(
                "the PostgreSQL {} server of {} did not start: {outcome}; its log ends:\n{said}",
                self.version.number(),
                self.binaries.dir.display()
            );
            let error = Error::new(Kind::Connect, message);
            let taken = said.contains("could not bind IPv4 address");
            return Err(if taken { Failure::PortTaken(error) } else { Failure::Other(error) });
        }
    }

    /// Stops the server, if it runs, and waits for its end.
    pub(super) fn shut_down(&mut self, how: Shutdown, watchdog: Option<&mut Watchdog>) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let (signal, patience) = match how {
            Shutdown::Fast => (Signal::SIGINT, Duration::from_mins(1)),
            Shutdown::Immediate => (Signal::SIGQUIT, Duration::from_secs(10)),
            Shutdown::Kill => (Signal::SIGKILL, Duration::from_secs(10)),
        };
        let sent = send(&child, signal);
        if wait_until(&mut child, Instant::now() + patience).is_none() {
            kill_and_reap(&mut child);
        }
        if let Some(watchdog) = watchdog {
            watchdog.ended();
        }
        sent.map_err(|error| Error::new(Kind::Connect, "can't signal the sandbox's server").with_source(error))
    }

    /// Returns the server's process id while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

/// Sends a signal to a child that hasn't been waited for, so that its id can't be anybody else's. It may have ended already.
fn send(child: &Child, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn kill_and_reap(child: &mut Child) {
    // Both fail only if it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => sleep(POLL),
            _ => return None,
        }
    }
}

/// Waits until the server's lock file says that it is ready, or the server ends.
fn wait_ready(child: &mut Child, lock_file: &Path, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let pid = child.id().to_string();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        // Its first line is the server's process id (another one's after a kill), its eighth the state.
        let lines = fs::read_to_string(lock_file).unwrap_or_default();
        let mut lines = lines.lines().map(str::trim);
        if lines.next() == Some(pid.as_str()) && lines.nth(6) == Some("ready") {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(POLL);
    }
}

/// Returns the last lines of a log, of what was written after the first `from` bytes, indented.
fn tail(log: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(16 * 1024))))?;
        file.read_to_end(&mut text)?;
        Ok(text)
    };
    let text = match read() {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => return format!("  (its log can't be read: {error})"),
    };
    let lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.is_empty() {
        return "  (it said nothing)".to_owned();
    }
    let shown: Vec<String> = lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| format!("  {line}")).collect();
    shown.join("\n")
}
