//! Which server, as whom: connection settings as libpq finds them, and what to say when connecting fails.
//!
//! Each parameter comes from the first of these that names it: the connection string (`--database-url`, else `DATABASE_URL`),
//! the service (`service=`, else `PGSERVICE`), the `PG*` variables, libpq's default. sqlx reads some of this by itself, but no
//! service files, takes the process's environment unasked, and turns values that it can't parse into defaults. So everything is
//! worked out and checked here, and set on sqlx's options explicitly.
//!
//! Where the driver can't do what libpq would, a setting whose loss would weaken the connection is an error. Two differences
//! remain: `sslmode=allow` never uses TLS, and `sslrootcert` adds to the system's certificate authorities instead of replacing them.

mod conninfo;
mod files;

use std::collections::btree_map::Entry;
use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use self::conninfo::{KEYWORDS, Param, Params, Use};
use self::files::Lookup;
use crate::error::{Error, Kind, Result};

/// Where servers put their socket by default: Debian, Homebrew, Postgres's own default.
const SOCKET_DIRECTORIES: &[&str] = &["/var/run/postgresql", "/private/tmp", "/tmp"];

/// What a session is called unless someone names it.
const APPLICATION_NAME: &str = "keyward";

/// Where to connect, as whom, and how; made by [`Settings::resolve`].
///
/// `Debug` and [`Settings::describe`] never show the password. The options do hold it: don't print them.
#[derive(Clone)]
pub struct Settings {
    options: PgConnectOptions,
    user: String,
    host: String,
    port: u16,
    database: String,
    password: Option<String>,
    /// Where the password came from, or why there is none: a clause for hints.
    password_fact: String,
    named: bool,
    connect_timeout: Option<Duration>,
    libpq: Vec<(&'static str, Option<String>)>,
}

impl Settings {
    /// Works out the settings from a connection string and the environment.
    ///
    /// `url` is the value of `--database-url`: a `postgres://` or `postgresql://` URL, or libpq's `keyword=value` pairs. Without
    /// it, `DATABASE_URL` counts; an empty `DATABASE_URL` counts as unset. `env` looks up an environment variable.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming the place of the value, for anything that can't be parsed, isn't supported, or doesn't exist.
    pub fn resolve(url: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        Self::resolve_with(url, env, SOCKET_DIRECTORIES)
    }

    fn resolve_with(url: Option<&str>, env: &dyn Fn(&str) -> Option<String>, socket_directories: &[&str]) -> Result<Self> {
        let params = gather(url, env)?;
        let get = |name: &str| params.get(name).filter(|param| !param.value.is_empty());
        let value = |name: &str| get(name).map(|param| param.value.as_str());

        for name in ["host", "hostaddr", "port"] {
            if let Some(param) = get(name).filter(|param| param.value.contains(',')) {
                return Err(bad(param, "only one host is supported").with_hint("name the primary server alone"));
            }
        }
        let port = get("port").map_or(Ok(5432), |param| {
            let port = param.value.trim().parse::<u16>().ok().filter(|port| *port > 0);
            port.ok_or_else(|| bad(param, "a port is a number from 1 to 65535"))
        })?;
        let connect_timeout = get("connect_timeout").map_or(Ok(None), |param| {
            let seconds = param.value.trim().parse::<i32>();
            // As for libpq, zero and less mean no limit.
            let limit =
                seconds.map(|seconds| u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs));
            limit.map_err(|_| bad(param, "a timeout is a whole number of seconds"))
        })?;
        let host = host(&params, port, socket_directories)?;
        let socket = host.starts_with('/');

        let user = value("user")
            .map(str::to_owned)
            .or_else(|| ["USER", "LOGNAME"].into_iter().find_map(env).filter(|name| !name.is_empty()))
            .ok_or_else(|| {
                Error::usage("no user to connect as: neither the connection string nor PGUSER, USER or LOGNAME names one")
                    .with_hint("set PGUSER, or write postgres://user@host/database")
            })?;
        let database = value("dbname").unwrap_or(&user).to_owned();

        // A host name identifies the server in a password file even if an address says where it is.
        let named_host = value("host").unwrap_or(&host);
        let (password, password_fact) = password(&params, env, named_host, port, &database, &user, socket_directories);

        let mut options = base_options(get("options"))?
            .host(&host)
            .port(port)
            .username(&user)
            // Always: what sqlx found by itself must not stay. It sends an empty password where there is none anyway.
            .password(password.as_deref().unwrap_or_default())
            .database(&database);
        if socket {
            options = options.socket(&host);
        }
        options = tls(options, &params, env, socket)?;
        let name = value("application_name");
        options = options.application_name(name.or(value("fallback_application_name")).unwrap_or(APPLICATION_NAME));

        let named = name.is_some();
        let libpq = KEYWORDS.iter().filter_map(|keyword| {
            let given = value(keyword.name).map(str::to_owned);
            let value = match keyword.name {
                // What they led to is said by the others.
                "service" | "servicefile" | "passfile" => None,
                "host" => given.or_else(|| value("hostaddr").is_none().then(|| host.clone())),
                "port" => Some(port.to_string()),
                "user" => Some(user.clone()),
                "dbname" => Some(database.clone()),
                "password" => password.clone(),
                "application_name" => Some(given.unwrap_or_else(|| APPLICATION_NAME.to_owned())),
                _ => given,
            };
            Some((keyword.variable?, value))
        });
        let libpq = libpq.collect();
        Ok(Self { options, user, host, port, database, password, password_fact, named, connect_timeout, libpq })
    }

    /// Returns the options to connect with. They hold the password.
    #[must_use]
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Returns how long connecting may take, if `connect_timeout` or `PGCONNECT_TIMEOUT` says so.
    #[must_use]
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// Returns the environment with which a program of libpq's, such as `pg_dump`, connects to the same place: the value of each of its variables,
    /// or that it must not be set. It holds the password.
    #[must_use]
    pub fn libpq_environment(&self) -> &[(&'static str, Option<String>)] {
        &self.libpq
    }

    /// Returns user, host (or socket directory), port and database for messages: `app_owner@db.example:5432/app`.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { user, host, port, database, .. } = self;
        // An IPv6 address has colons of its own.
        if host.contains(':') { format!("{user}@[{host}]:{port}/{database}") } else { format!("{user}@{host}:{port}/{database}") }
    }

    /// Names the session for `pg_stat_activity`, unless the user did, by `PGAPPNAME` or `application_name`.
    #[must_use]
    pub fn with_application_name(mut self, name: &str) -> Self {
        if !self.named {
            self.options = self.options.application_name(name);
        }
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("target", &self.describe())
            .field("password", if self.password.is_some() { &"set" } else { &"none" })
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// Makes the error for a value that can't be used.
fn bad(param: &Param, why: &str) -> Error {
    Error::usage(format!("{} is {:?}: {why}", param.label, param.value))
}

/// Collects every parameter from connection string, service and environment, and refuses those that can't be had.
fn gather(url: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Result<Params> {
    let mut params = match url {
        Some(text) if text.trim().is_empty() => {
            return Err(Error::usage("--database-url is empty").with_hint("leave it out to connect as DATABASE_URL or PG* say"));
        }
        Some(text) => conninfo::parse(text, "--database-url")?,
        None => match env("DATABASE_URL").filter(|text| !text.trim().is_empty()) {
            Some(text) => conninfo::parse(&text, "DATABASE_URL")?,
            None => Params::new(),
        },
    };
    files::apply_service(&mut params, env)?;
    for keyword in KEYWORDS {
        if let Entry::Vacant(place) = params.entry(keyword.name)
            && let Some((variable, value)) = keyword.variable.and_then(|variable| Some((variable, env(variable)?)))
        {
            place.insert(Param::new(keyword.name, value, variable.to_owned())?);
        }
    }
    for keyword in KEYWORDS {
        let Some(param) = params.get(keyword.name).filter(|param| !param.value.is_empty()) else { continue };
        match keyword.treatment {
            Use::Only(accepted) if !accepted.contains(&param.value.as_str()) => {
                // The value isn't shown: sslpassword is a secret.
                let error = Error::usage(format!("{} asks for something that keyward's driver doesn't support", param.label));
                return Err(match (keyword.name, accepted) {
                    ("channel_binding", _) => {
                        error.with_hint("leave it out, and have the server's certificate checked by sslmode=verify-full instead")
                    }
                    (_, []) => error.with_hint("leave it out, if the connection is safe without it"),
                    (_, accepted) => error.with_hint(format!("leave it out, or use one of: {}", accepted.join(", "))),
                });
            }
            _ => {}
        }
    }
    Ok(params)
}

/// Returns the host name, address or socket directory to connect to.
fn host(params: &Params, port: u16, socket_directories: &[&str]) -> Result<String> {
    let get = |name: &str| params.get(name).filter(|param| !param.value.is_empty());
    if let Some(param) = get("hostaddr") {
        if param.value.parse::<IpAddr>().is_err() {
            return Err(bad(param, "it must be an IPv4 or IPv6 address").with_hint("a host's name goes in host or PGHOST"));
        }
        // The driver knows one host only: it would check the certificate against the address.
        if get("host").is_some() && get("sslmode").is_some_and(|mode| mode.value == "verify-full") {
            return Err(Error::usage(format!("{} can't be combined with a host and sslmode=verify-full", param.label))
                .with_hint("leave the address out: the name is what the certificate is checked against"));
        }
        return Ok(param.value.clone());
    }
    if let Some(param) = get("host") {
        if param.value.starts_with('@') {
            return Err(bad(param, "abstract sockets aren't supported").with_hint("name a socket directory or a TCP host"));
        }
        return Ok(param.value.clone());
    }
    let socket = format!(".s.PGSQL.{port}");
    let directory = socket_directories.iter().find(|directory| Path::new(directory).join(&socket).exists());
    Ok(directory.map_or("localhost", |directory| *directory).to_owned())
}

/// Returns the password, if there is one, and a clause about where it came from.
fn password(
    params: &Params,
    env: &dyn Fn(&str) -> Option<String>,
    host: &str,
    port: u16,
    database: &str,
    user: &str,
    socket_directories: &[&str],
) -> (Option<String>, String) {
    if let Some(param) = params.get("password").filter(|param| !param.value.is_empty()) {
        return (Some(param.value.clone()), format!("the password came from {}", param.label.trim_end_matches(": password")));
    }
    let path = match params.get("passfile").filter(|param| !param.value.is_empty()) {
        Some(param) => PathBuf::from(&param.value),
        None => match env("HOME") {
            Some(home) => Path::new(&home).join(".pgpass"),
            None => return (None, "no password was given".to_owned()),
        },
    };
    let host = if socket_directories.contains(&host) { "localhost" } else { host };
    let shown = path.display();
    match files::password(&path, host, port, database, user) {
        Lookup::Found(password) => (Some(password), format!("the password came from {shown}")),
        Lookup::Nothing => (None, format!("no password was given, and {shown} has none for {host}:{port}:{database}:{user}")),
        Lookup::Skipped(why) => (None, format!("no password was given, and {why}")),
    }
}

/// Returns sqlx's options with the wanted command-line options for the session, and nothing else settled.
fn base_options(wanted: Option<&Param>) -> Result<PgConnectOptions> {
    let value = wanted.map(|param| param.value.as_str());
    let options = PgConnectOptions::new_without_pgpass();
    match options.get_options().filter(|found| !found.is_empty()) {
        found if found == value => Ok(options),
        // sqlx adds to the process's PGOPTIONS, and has no way to replace them; a session must not run with options nobody gave it.
        Some(_) => Err(Error::usage("PGOPTIONS of this process would be mixed with other session options")
            .with_hint("unset PGOPTIONS, or give all options in one place")),
        // Only sqlx's URL parser takes the options as one text, in libpq's syntax.
        None => {
            let mut url = "postgres://user:password@localhost/?options=".to_owned();
            for byte in value.unwrap_or_default().bytes() {
                let _ = write!(url, "%{byte:02X}");
            }
            PgConnectOptions::from_str(&url).map_err(|error| {
                Error::usage(format!("{} can't be used", wanted.map_or("options", |param| &param.label))).with_source(error)
            })
        }
    }
}

/// Sets whether and how TLS is used, as libpq decides it.
fn tls(
    mut options: PgConnectOptions,
    params: &Params,
    env: &dyn Fn(&str) -> Option<String>,
    socket: bool,
) -> Result<PgConnectOptions> {
    let get = |name: &str| params.get(name).filter(|param| !param.value.is_empty());
    let personal = |name: &str| {
        let path = Path::new(&env("HOME")?).join(".postgresql").join(name);
        path.exists().then_some(path)
    };
    let system = get("sslrootcert").filter(|param| param.value == "system");
    let mode = match get("sslmode") {
        None if system.is_some() => PgSslMode::VerifyFull,
        None => PgSslMode::Prefer,
        Some(param) => match param.value.as_str() {
            "disable" => PgSslMode::Disable,
            "allow" => PgSslMode::Allow,
            "prefer" => PgSslMode::Prefer,
            "require" => PgSslMode::Require,
            "verify-ca" => PgSslMode::VerifyCa,
            "verify-full" => PgSslMode::VerifyFull,
            _ => return Err(bad(param, "it must be disable, allow, prefer, require, verify-ca or verify-full")),
        },
    };
    if let Some(param) = system
        && !matches!(mode, PgSslMode::VerifyFull)
    {
        return Err(bad(param, "the system's certificate authorities need sslmode=verify-full"));
    }
    // PostgreSQL speaks no TLS on a Unix-domain socket, and libpq ignores the mode there; sqlx would fail.
    if socket || matches!(mode, PgSslMode::Disable | PgSslMode::Allow) {
        return Ok(options.ssl_mode(if socket { PgSslMode::Disable } else { mode }));
    }

    let root = match get("sslrootcert") {
        Some(_) if system.is_some() => None,
        Some(param) => Some(readable(param)?),
        None => personal("root.crt"),
    };
    // With an authority at hand libpq checks the certificate, and so does keyward; sqlx would accept any.
    let mode = if root.is_some() && matches!(mode, PgSslMode::Require) { PgSslMode::VerifyCa } else { mode };
    options = match &root {
        Some(path) => options.ssl_root_cert(path),
        // Overrides what sqlx read from the process's environment: no further authority.
        None => options.ssl_root_cert_from_pem(Vec::new()),
    };

    let given = |name: &str| get(name).map(readable).transpose();
    let (certificate, key) = (given("sslcert")?, given("sslkey")?);
    options = match (certificate.or_else(|| personal("postgresql.crt")), key.or_else(|| personal("postgresql.key"))) {
        (Some(certificate), Some(key)) => options.ssl_client_cert(certificate).ssl_client_key(key),
        _ => match (get("sslcert"), get("sslkey")) {
            (Some(param), _) => return Err(bad(param, "a client certificate needs its key, in sslkey or PGSSLKEY")),
            (_, Some(param)) => return Err(bad(param, "a client key needs its certificate, in sslcert or PGSSLCERT")),
            (None, None) => options,
        },
    };
    Ok(options.ssl_mode(mode))
}

/// Returns the path of a file that can be opened.
fn readable(param: &Param) -> Result<PathBuf> {
    match File::open(&param.value) {
        Ok(_) => Ok(PathBuf::from(&param.value)),
        Err(error) => Err(bad(param, "the file can't be read").with_source(error)),
    }
}

/// Turns a failure to connect into an error that says where, why, and what to do about it.
///
/// The kind is [`Kind::Connect`]; the cause is text, without any password.
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "it takes the place of the error, as map_err wants it")]
pub fn connect_error(settings: &Settings, error: sqlx::Error) -> Error {
    let failure = Error::new(Kind::Connect, format!("can't connect to {}", settings.describe()))
        .with_source(without_password(cause(&error), settings));
    match hint(settings, &error) {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// Returns the reason in one line, without the phrases that sqlx puts before it.
fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => format!("{} (SQLSTATE {code})", error.message()),
            None => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => {
            let mut text = format!("TLS: {error}");
            let mut inner: Option<&(dyn StdError + 'static)> = error.source();
            while let Some(error) = inner {
                let more = error.to_string();
                if !text.contains(&more) {
                    let _ = write!(text, ": {more}");
                }
                inner = error.source();
            }
            text
        }
        other => other.to_string(),
    }
}

/// Masks the password in text that a server or a library wrote.
///
/// Not one of fewer than four bytes, which any sentence contains by accident: the mask itself would give it away.
fn without_password(text: String, settings: &Settings) -> String {
    match settings.password.as_deref() {
        Some(password) if password.len() >= 4 && !settings.describe().contains(password) => text.replace(password, "********"),
        _ => text,
    }
}

/// Returns what the user can do about it.
fn hint(settings: &Settings, error: &sqlx::Error) -> Option<String> {
    let Settings { user, host, port, database, .. } = settings;
    let socket = host.starts_with('/');
    let hint = match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01") if settings.password.is_some() => format!("{}: is it {user:?}'s?", settings.password_fact),
            Some("28P01") => format!("{}: give it in PGPASSWORD or in a password file", settings.password_fact),
            Some("28000") => format!(
                "is there a role {user:?} that may log in, and a line in the server's pg_hba.conf that lets it into {database:?} from \
                 here? If the line demands TLS, set PGSSLMODE=require"
            ),
            Some("3D000") => {
                format!("the server has no database {database:?}: create it, or name another in PGDATABASE or the URL")
            }
            Some("42501") => format!("GRANT CONNECT ON DATABASE to {user:?}, or connect as another role"),
            Some("53300") => {
                "the server has no connection to spare: close some, or raise max_connections or the role's limit".to_owned()
            }
            Some("57P03") => "the server is starting up, shutting down or recovering: try again in a moment".to_owned(),
            _ => return None,
        },
        sqlx::Error::Tls(_) => tls_failed(settings),
        sqlx::Error::PoolTimedOut => timed_out(settings),
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::TimedOut => timed_out(settings),
            // How rustls reports a failed handshake, a certificate that it doesn't trust for one.
            ErrorKind::InvalidData => tls_failed(settings),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused if socket => {
                format!("is the server running, and is its socket {host}/.s.PGSQL.{port}? Set PGHOST and PGPORT")
            }
            ErrorKind::PermissionDenied if socket => format!("this user may not open the socket {host}/.s.PGSQL.{port}"),
            ErrorKind::ConnectionRefused => {
                format!("is the server running on {host:?}, and does it listen on TCP port {port}? Set PGHOST and PGPORT")
            }
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                format!("something on {host:?}, port {port}, hung up: is it a PostgreSQL server, and what does its log say?")
            }
            // A name that doesn't resolve has no kind of its own.
            _ if !socket && host.parse::<IpAddr>().is_err() => {
                format!("is the host's name {host:?} right, and is there a way to it from here?")
            }
            _ => format!("is there a way to {host:?} from here?"),
        },
        sqlx::Error::Protocol(_) => {
            format!(
                "is it a PostgreSQL server that answers on port {port}? It must take password (SCRAM or MD5), certificate or trust log-ins"
            )
        }
        _ => return None,
    };
    Some(hint)
}

fn tls_failed(settings: &Settings) -> String {
    match settings.options.get_ssl_mode() {
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => {
            "the server's certificate must be signed by an authority in PGSSLROOTCERT or of the system, and for PGSSLMODE=verify-full be \
             made out to the host's name; a server without TLS needs another PGSSLMODE"
        }
        _ => "PGSSLMODE decides whether TLS is used: require insists on it, prefer takes what the server offers, disable does without",
    }
    .to_owned()
}

fn timed_out(settings: &Settings) -> String {
    format!(
        "nothing answered in time: are {:?} and port {} right, and does a firewall let them through? PGCONNECT_TIMEOUT sets the limit",
        settings.host, settings.port
    )
}

#[cfg(test)]
mod tests;
