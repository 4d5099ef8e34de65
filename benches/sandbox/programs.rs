//! The server's own programs: `initdb`, `pg_ctl start`.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// A server in a directory of its own.
pub(crate) struct Server {
    folder: TempDir,
    bin_dir: std::path::PathBuf,
}

/// Returns the user and the group that root runs a server as; nobody, where root isn't running this.
pub(crate) fn server_user() -> Result<Option<(u32, u32)>> {
    if !nix::unistd::getuid().is_root() {
        return Ok(None);
    }
    let user =
        nix::unistd::User::from_name("postgres")?.ok_or("root runs no server, and there is no user postgres to run it as")?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

impl Server {
    pub(crate) fn start(bin_dir: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plain-").tempdir()?;
        if let Some((uid, gid)) = server_user()? {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))?;
        }
        let server = Self { folder, bin_dir: bin_dir.to_owned() };
        let data = server.folder.path().join("data");
        server.run(
            "initdb",
            &["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", &data.to_string_lossy()],
        )?;
        let options =
            format!("-c listen_addresses='' -c unix_socket_directories={} -c fsync=off", server.folder.path().display());
        server.run(
            "pg_ctl",
            &[
                "start",
                "--wait",
                "--silent",
                "-D",
                &data.to_string_lossy(),
                "-l",
                &data.join("log").to_string_lossy(),
                "-o",
                &options,
            ],
        )?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql:///postgres?host={}&user=postgres", self.folder.path().display())
    }

    pub(crate) fn stop(&self) -> Result<()> {
        let data = self.folder.path().join("data");
        self.run("pg_ctl", &["stop", "--wait", "--silent", "--mode=immediate", "-D", &data.to_string_lossy()])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.bin_dir.join(program));
        if let Some((uid, gid)) = server_user()? {
            command.uid(uid).gid(gid);
        }
        // no pipe that the server would hold open
        let ran =
            command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if ran.success() { Ok(()) } else { Err(format!("{program}: {ran}").into()) }
    }
}
