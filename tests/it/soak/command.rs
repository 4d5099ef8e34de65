//! The commands that are killed, run as processes, as a DBA would.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{APPLY, Cli, assert_holds_no_secret};
use crate::fixture::Dice;

/// The most that one may take.
const LIMIT: Duration = Duration::from_mins(3);

/// A command that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Command {
    Apply,
    Import,
    Run,
    Revert,
    Uninstall,
}

impl Command {
    pub(super) const ALL: [Self; 5] = [Self::Apply, Self::Import, Self::Run, Self::Revert, Self::Uninstall];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Import => "account import",
            Self::Run => "rollout run",
            Self::Revert => "rollout revert",
            Self::Uninstall => "uninstall",
        }
    }

    /// Whether several processes share it.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Run | Self::Revert)
    }

    /// Whether what was done before a kill stays done, so that the next time is shorter.
    pub(super) fn goes_on(self) -> bool {
        self != Self::Import
    }

    /// Its arguments; how a wave is worked on is drawn.
    fn args(self, dice: &mut Dice) -> Vec<&'static str> {
        let mut args = match self {
            Self::Apply => return APPLY.to_vec(),
            Self::Import => return vec!["account", "import", "import.csv", "--acknowledge-risk"],
            Self::Uninstall => return vec!["uninstall", "--yes"],
            Self::Run => vec!["rollout", "run", "--yes", "--output", "json"],
            Self::Revert => vec!["rollout", "revert", "--all", "--yes", "--output", "json"],
        };
        args.extend(["--workers", ["1", "2", "3"][usize::try_from(dice.below(3)).unwrap()]]);
        // small batches, as for a database that must notice nothing, and greater ones: on a busy machine even these are short
        args.extend(["--target-batch", ["50ms", "100ms", "200ms"][usize::try_from(dice.below(3)).unwrap()]]);
        args
    }

    /// Starts it, on a database that is found at a URL.
    pub(super) fn start(self, cli: &Cli, url: Option<&str>, number: u64, dice: &mut Dice) -> Process {
        let says = cli.path(&format!("said-{number}.txt"));
        let file = File::create(&says).unwrap();
        let mut command = cli.command(&self.args(dice));
        if let Some(url) = url {
            command.env("DATABASE_URL", url);
        }
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Process { child, says, began: Instant::now() }
    }
}

/// A process of keyward's.
pub(super) struct Process {
    child: Child,
    says: PathBuf,
    began: Instant,
}

impl Process {
    /// Kills it, and tells whether it was still at work.
    pub(super) fn kill(&mut self) -> bool {
        let alive = self.child.try_wait().unwrap().is_none();
        self.child.kill().unwrap();
        alive
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, and returns how it ended, what it said and how long it took.
    pub(super) async fn end(mut self) -> (ExitStatus, String, Duration) {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let said = || fs::read_to_string(&self.says).unwrap();
            assert!(self.began.elapsed() < LIMIT, "it doesn't end, and says:\n{}", said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let took = self.began.elapsed();
        let said = fs::read_to_string(&self.says).unwrap();
        fs::remove_file(&self.says).unwrap();
        assert_holds_no_secret(&said);
        (status, said, took)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, but for a test that fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells whether an end is one that keyward itself may come to when its server goes: can't connect, refused, stopped but resumable; or
/// by a kill; or done, a moment before.
pub(super) fn is_fair(status: ExitStatus) -> bool {
    status.signal() == Some(9) || matches!(status.code(), Some(0 | 3 | 4 | 5))
}
