//! An ephemeral Postgres, for tests and try-outs: real, private, quick to start, and gone afterwards.
//!
//! [`Sandbox::start`] finds the server's programs on this machine, copies an initialised data directory, and starts a server on
//! a Unix socket in a directory that nobody else can enter. Dropping the [`Sandbox`] ends the server and removes the directory; so
//! does the death of this process, by whatever signal. Root may start one as well: the server then runs as `postgres` or
//! `nobody`. Nothing is shared between sandboxes, so each may have roles of the same names. Unix only.
//!
//! ```
//! use keyward::sandbox::{Options, Sandbox};
//! use sqlx::Connection as _;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(Options::new().search_path(std::env::var_os("PATH")))?;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let mut connection = sqlx::PgConnection::connect(&sandbox.url()).await?;
//! let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&mut connection).await?;
//! assert_eq!(one, 1);
//! # connection.close().await?;
//! # Ok::<_, sqlx::Error>(())
//! # })?;
//! sandbox.stop()?; // or let it go out of scope
//! # Ok(())
//! # }
//! ```
//!
//! Everything here blocks (a start takes about a tenth of a second, the first one of a server version half a second): in
//! asynchronous code, call it through `tokio::task::spawn_blocking`.
//!
//! # One server for many tests
//!
//! Rust never drops a `static`, but the end of the process cleans up all the same:
//!
//! ```no_run
//! use keyward::sandbox::{Options, Sandbox};
//! use std::sync::LazyLock;
//!
//! static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
//!     Sandbox::start(Options::new().search_path(std::env::var_os("PATH"))).expect("a server on this machine")
//! });
//! ```
//!
//! # Why not pgtemp
//!
//! The crate pgtemp (0.7.1) runs `initdb` anew for each server, looks in PATH or one named directory only, and leaves server and
//! directory behind when its process is killed. As root it needs `sudo` and a user `postgres`; it listens on TCP, trusts every
//! local user there, switches off `synchronous_commit` and autovacuum, and panics where this module returns an error.
//!
//! # Layout
//!
//! `binaries` finds the server, `clients` its client programs, `identity` says whom it runs as, `cache` keeps initialised data directories, `server` runs the process,
//! `watchdog` cleans up after a killed parent, `url` writes connection URLs.

mod binaries;
mod cache;
mod clients;
mod identity;
mod options;
mod server;
mod url;
mod watchdog;

use std::fmt::{self, Write as _};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use binaries::ServerVersion;
pub use clients::client;
pub use options::{Listen, Options};

use crate::error::{Error, Result};
use binaries::Binaries;
use cache::Cache;
use identity::Identity;
use server::{Failure, INITDB_OPTIONS, SUPERUSER, Server, Shutdown};
use watchdog::Watchdog;

/// The port that names the socket where there is no TCP.
const SOCKET_PORT: u16 = 5432;

/// The longest path of a socket, in bytes: macOS has 104 with the final NUL, Linux 108.
const MAX_SOCKET_PATH: usize = 103;

/// How many free ports to try: between finding one and listening on it, somebody else may take it.
const PORT_TRIES: usize = 10;

/// A running server of one's own. Dropping it ends the server at once and removes all of it.
///
/// Ending takes some 20 milliseconds, and blocks.
pub struct Sandbox {
    server: Server,
    options: Options,
    password: Option<String>,
    /// Present until everything is cleaned up.
    watchdog: Option<Watchdog>,
}

impl Sandbox {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if there is no server to be found (the message lists where it was looked for), or an option
    /// can't be used; [`crate::error::Kind::Refused`] if the cache can't be trusted, or root has no user to drop to;
    /// [`crate::error::Kind::Connect`] if `initdb` failed (with what it said) or the server didn't start (with the end of its log).
    pub fn start(options: Options) -> Result<Self> {
        let deadline = Instant::now() + options.start_timeout;
        options.check()?;
        let identity = Identity::choose()?;
        let binaries = Binaries::find(options.bin_dir.as_deref(), options.search_path.as_deref())?;
        let version = binaries.version(&identity, &options.environment())?;
        let cache = Cache::open(options.cache_dir.as_deref(), &options.temp_dir)?;
        let key = Cache::key(&binaries, &version, &INITDB_OPTIONS)?;

        let (dir, watchdog) = make_dir(&options.temp_dir, &identity)?;
        let library_path = options.environment().into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let server = Server { binaries, version, identity, library_path, dir, port: SOCKET_PORT, child: None };
        // From here on, leaving early drops the sandbox and so cleans up.
        let mut sandbox = Self { server, options, password: None, watchdog: Some(watchdog) };
        sandbox.prepare(&cache, &key, deadline)?;
        sandbox.launch(deadline)?;
        Ok(sandbox)
    }

    /// Returns the URL of the database `postgres` for the superuser `postgres`. On loopback it contains the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(SUPERUSER, "postgres")
    }

    /// Returns the URL of a database for a role.
    ///
    /// On loopback only the superuser's contains a password; for another role see [`Sandbox::url_with_password`].
    #[must_use]
    pub fn url_as(&self, role: &str, database: &str) -> String {
        match self.options.listen {
            Listen::UnixSocket => self.socket_url_as(role, database),
            Listen::Loopback => {
                url::loopback(self.port(), role, self.password.as_deref().filter(|_| role == SUPERUSER), database)
            }
        }
    }

    /// Returns the URL of a database for a role and the password that it was created with. The Unix socket needs none, and so
    /// the URL contains none there.
    #[must_use]
    pub fn url_with_password(&self, role: &str, password: &str, database: &str) -> String {
        match self.options.listen {
            Listen::UnixSocket => self.socket_url_as(role, database),
            Listen::Loopback => url::loopback(self.port(), role, Some(password), database),
        }
    }

    /// Returns the URL of a database for a role through the Unix socket, where no role needs a password, on loopback too.
    #[must_use]
    pub fn socket_url_as(&self, role: &str, database: &str) -> String {
        url::unix(self.socket_dir(), self.port(), role, database)
    }

    /// Returns the directory of the Unix socket: what libpq calls the host.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.server.dir
    }

    /// Returns the port: of 127.0.0.1 on loopback, and the number in the socket's name.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Returns where the server listens.
    #[must_use]
    pub fn listen(&self) -> Listen {
        self.options.listen
    }

    /// Returns the superuser's password; there is one on loopback only.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the server's version.
    #[must_use]
    pub fn version(&self) -> &ServerVersion {
        &self.server.version
    }

    /// Returns the directory that the server's programs were found in.
    #[must_use]
    pub fn bin_dir(&self) -> &Path {
        &self.server.binaries.dir
    }

    /// Returns the data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.server.data_dir()
    }

    /// Returns the server's log, which lies in the sandbox's directory.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.server.log_file()
    }

    /// Returns the process id of the server while it hasn't been killed by [`Sandbox::kill_server`].
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Stops the server in good order (a fast shutdown), or leaves it as it was killed, and starts it again with the same data,
    /// socket and port.
    ///
    /// # Errors
    /// [`crate::error::Kind::Connect`] if it doesn't start again.
    pub fn restart(&mut self) -> Result<()> {
        self.server.shut_down(Shutdown::Fast, self.watchdog.as_mut())?;
        let deadline = Instant::now() + self.options.start_timeout;
        match self.server.launch(watchdog(&mut self.watchdog)?, deadline) {
            Ok(()) => Ok(()),
            Err(Failure::PortTaken(error) | Failure::Other(error)) => Err(error),
        }
    }

    /// Kills the server with SIGKILL, as a crash would; [`Sandbox::restart`] starts it again and it recovers every commit.
    ///
    /// # Errors
    /// [`crate::error::Kind::Connect`] if the signal can't be sent.
    pub fn kill_server(&mut self) -> Result<()> {
        self.server.shut_down(Shutdown::Kill, self.watchdog.as_mut())
    }

    /// Ends the server and removes its directory, as dropping does, but says what went wrong.
    ///
    /// # Errors
    /// [`crate::error::Kind::Connect`] if the server can't be signalled, [`crate::error::Kind::Usage`] if the directory can't be removed.
    pub fn stop(mut self) -> Result<()> {
        self.clean_up()
    }

    /// Fills the directory: data, configuration, password.
    fn prepare(&mut self, cache: &Cache, key: &str, deadline: Instant) -> Result<()> {
        // The directory is ours while we write in it, and the server's user's while its programs run: root must not be
        // led astray by what that user does meanwhile.
        let Self { server, options, watchdog: guard, .. } = self;
        if !cache.restore(key, &server.data_dir(), &server.identity)? {
            hand(&server.dir, |dir| server.identity.give(dir))?;
            server.initdb(watchdog(guard)?, deadline)?;
            hand(&server.dir, |dir| server.identity.take(dir))?;
            cache.keep(key, &server.data_dir())?;
        }
        server.configure(options)?;
        hand(&server.dir, |dir| server.identity.give(dir))?;
        if options.listen == Listen::Loopback {
            let password = random_hex::<24>()?;
            server.set_password(&password)?;
            self.password = Some(password);
        }
        Ok(())
    }

    fn launch(&mut self, deadline: Instant) -> Result<()> {
        let mut tries = 0;
        loop {
            if self.options.listen == Listen::Loopback {
                self.server.port = free_port()?;
            }
            tries += 1;
            match self.server.launch(watchdog(&mut self.watchdog)?, deadline) {
                Ok(()) => return Ok(()),
                Err(Failure::PortTaken(_)) if tries < PORT_TRIES => {}
                Err(Failure::PortTaken(error) | Failure::Other(error)) => return Err(error),
            }
        }
    }

    fn clean_up(&mut self) -> Result<()> {
        let Some(mut watchdog) = self.watchdog.take() else { return Ok(()) };
        let stopped = self.server.shut_down(Shutdown::Immediate, Some(&mut watchdog));
        // If this fails, the watchdog isn't sent away and tries as well.
        remove(&self.server.dir).map_err(|error| {
            Error::usage(format!("can't remove the sandbox's directory {}", self.server.dir.display())).with_source(error)
        })?;
        watchdog.dismiss();
        stopped
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // There is nobody to tell; who wants to know calls `stop`.
        let _ = self.clean_up();
    }
}

impl fmt::Debug for Sandbox {
    /// Leaves out the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("version", &self.server.version.as_str())
            .field("dir", &self.server.dir)
            .field("listen", &self.options.listen)
            .field("port", &self.server.port)
            .field("pid", &self.server.pid())
            .finish_non_exhaustive()
    }
}

fn watchdog(present: &mut Option<Watchdog>) -> Result<&mut Watchdog> {
    present.as_mut().ok_or_else(|| Error::bug("a sandbox that was stopped can't be used"))
}

/// Makes a new directory with a short, unguessable name for a server of `identity`'s, and sets a watchdog over it.
fn make_dir(below: &Path, identity: &Identity) -> Result<(PathBuf, Watchdog)> {
    let unusable = |why: String| Error::usage(format!("can't make a sandbox below {}: {why}", below.display()));
    let below = below.canonicalize().map_err(|error| unusable(error.to_string()))?;
    let length = below.as_os_str().len() + "/kw-0123456789/.s.PGSQL.65535".len();
    if length > MAX_SOCKET_PATH {
        return Err(unusable(format!("the path of its socket would be {length} bytes long, and may be {MAX_SOCKET_PATH}"))
            .with_hint("choose a shorter directory, such as /tmp"));
    }
    if let Identity::Dropped { name, uid, gid } = identity {
        // Root reaches everything; the user that the server runs as may not.
        for dir in below.ancestors() {
            let found = fs::metadata(dir).map_err(|error| unusable(error.to_string()))?;
            let bit = if found.uid() == *uid {
                0o100
            } else if found.gid() == *gid {
                0o010
            } else {
                0o001
            };
            if found.mode() & bit == 0 {
                return Err(unusable(format!("the user {name}, whom root runs the server as, may not enter {}", dir.display()))
                    .with_hint("choose a directory that every user can reach, such as /tmp"));
            }
        }
    }
    let dir = below.join(format!("kw-{}", random_hex::<5>()?));
    // First the watchdog, then what it watches over: there is no moment to be killed at that leaves something behind.
    let watchdog = Watchdog::start(&dir).map_err(|error| unusable(format!("/bin/sh can't be run: {error}")))?;
    if let Err(error) = DirBuilder::new().mode(0o700).create(&dir) {
        watchdog.dismiss();
        return Err(unusable(error.to_string()));
    }
    Ok((dir, watchdog))
}

fn hand(dir: &Path, change: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    change(dir).map_err(|error| Error::usage(format!("can't change the owner of {}", dir.display())).with_source(error))
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Error::usage("no port of 127.0.0.1 is free").with_source(error))
}

/// Returns as many bytes from the system's generator in hexadecimal digits.
fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Error::bug("can't read /dev/urandom").with_source(error))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Removes a directory; a process of the server that is just ending may still be writing there.
fn remove(dir: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if tries < 50 => sleep(Duration::from_millis(20)),
            done => return done,
        }
        tries += 1;
    }
}
