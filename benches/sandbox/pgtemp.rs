//! The crate pgtemp, in a program of its own: it asks for all of tokio, and this package doesn't.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::programs::server_user;
use crate::{Result, note};

/// A process that starts servers.
pub(crate) struct Starter {
    child: Child,
    asks: Option<ChildStdin>,
    // where the program lies
    _folder: TempDir,
    answers: BufReader<ChildStdout>,
}

impl Starter {
    /// Builds the program and runs it: as root, who may run no server, as the user that may.
    pub(crate) fn new() -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = package.join("benches/sandbox/pgtemp/Cargo.toml");
        let target = package.join("target/bench-pgtemp");
        note("building pgtemp");
        let built = Command::new("cargo")
            .args(["build", "--release", "--quiet", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()?;
        if !built.success() {
            return Err("pgtemp can't be built".into());
        }
        // where that user may run it
        let folder = tempfile::Builder::new().prefix("pgtemp-").tempdir()?;
        let program = folder.path().join("starter");
        std::fs::copy(target.join("release/keyward-bench-pgtemp"), &program)?;
        let mut command = Command::new(&program);
        if let Some((uid, gid)) = server_user()? {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))?;
            command.uid(uid).gid(gid);
        }
        let mut child = command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (asks, answers) = (child.stdin.take(), child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, asks, _folder: folder, answers: BufReader::new(answers) })
    }

    /// Starts a server, in place of the last one, and returns its URL.
    pub(crate) fn start(&mut self, bin_dir: &Path) -> Result<String> {
        writeln!(self.asks.as_mut().ok_or("no stdin")?, "{}", bin_dir.display())?;
        let mut url = String::new();
        self.answers.read_line(&mut url)?;
        if url.is_empty() { Err("pgtemp started no server".into()) } else { Ok(url.trim().to_owned()) }
    }
}

impl Drop for Starter {
    /// At the end of its input it ends its server and itself.
    fn drop(&mut self) {
        drop(self.asks.take());
        let _ = self.child.wait();
    }
}
