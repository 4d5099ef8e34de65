//! The watchdog: a shell that outlives its parent just long enough to clean up.
//!
//! It reads from a pipe whose other end only this process holds. However this process ends, `kill -9` included, the pipe
//! ends with it; the watchdog then kills the server and removes the directory. It runs in a process group of its own, so a
//! terminal's Ctrl-C doesn't take it first, and holds neither stdout nor stderr, so nobody waits for it.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::identity::Identity;

const SCRIPT: &str = include_str!("watchdog.sh");

/// Where `rm` and `sleep` are; the last one is for `NixOS`.
const TOOLS: &str = "/usr/bin:/bin:/run/current-system/sw/bin";

/// Tells the watchdog who it is before it becomes the program: there is no moment at which a process runs in the
/// directory and the watchdog doesn't know it.
const ANNOUNCE: &str = r#"log=$1; shift; echo $$; exec "$@" >>"$log" 2>&1"#;

/// The watchdog of one directory. Dropped without [`Watchdog::dismiss`], it kills what runs there and removes the directory.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts watching over `dir`, as the present user: it must be able to remove what that user made.
    pub(super) fn start(dir: &Path) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg("keyward-sandbox-watchdog")
            .arg(dir)
            .env_clear()
            .env("PATH", TOOLS)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Runs a program under the watchdog's eye: as `identity`, in a process group of its own, its output appended to `log`.
    ///
    /// Only one at a time; call [`Watchdog::ended`] when it has been waited for.
    pub(super) fn spawn(
        &self,
        identity: &Identity,
        environment: &[(&'static str, &OsStr)],
        log: &Path,
        program: &Path,
        args: &[&OsStr],
    ) -> io::Result<Child> {
        let pipe = self.pipe.as_ref().ok_or_else(|| io::Error::other("the watchdog has been dismissed"))?;
        let mut command = identity.command("/bin/sh");
        command.args(["-c", ANNOUNCE, "keyward-sandbox"]).arg(log).arg(program).args(args);
        command.envs(environment.iter().copied()).process_group(0).stdin(Stdio::null()).stderr(Stdio::null());
        command.stdout(Stdio::from(pipe.as_fd().try_clone_to_owned()?)).spawn()
    }

    /// Says that the program has ended and its id belongs to nobody.
    pub(super) fn ended(&mut self) {
        self.say("0\n");
    }

    /// Sends the watchdog away: nothing runs and the directory is gone.
    pub(super) fn dismiss(mut self) {
        self.say("done\n");
    }

    fn say(&mut self, line: &str) {
        if let Some(pipe) = &mut self.pipe {
            // A watchdog that somebody killed can't be told, and there is nothing left to tell it.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
