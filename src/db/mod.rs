//! The one door to the server: a connection that runs SQL from `sql/` and answers with serde types.
//!
//! Nothing else in the crate calls sqlx. Statements come as text (rendered templates, files of `sql/`), values always as
//! parameters. What the server answers to a failing statement is kept as a [`Failure`], without the parts that may quote a
//! row's values.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the door to sqlx")]

mod attempt;
pub mod settings;

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgArguments, PgDatabaseError, PgErrorPosition};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use crate::error::{Error, Kind};
pub use attempt::{Reply, Statement};
use settings::Settings;

/// A parameter of a statement. Each arrives as the type that the statement casts it to; cast text to the column's type.
#[derive(Debug, Clone)]
pub enum Param {
    /// `text`.
    Text(String),
    /// `text`, or NULL.
    OptionalText(Option<String>),
    /// `text[]`.
    Texts(Vec<String>),
    /// `text[]` with NULLs.
    OptionalTexts(Vec<Option<String>>),
    /// `bigint`.
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `double precision`.
    Float(f64),
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// Why a statement failed.
#[derive(Debug)]
pub enum Failure {
    /// The server refused the statement.
    Server(Box<Refusal>),
    /// The connection is gone: cut, closed, or the server stopped.
    Lost(String),
    /// The answer was not of the expected shape.
    Shape(String),
}

/// What the server said of a refused statement.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The SQLSTATE, such as `55P03`.
    pub code: String,
    /// The primary message.
    pub message: String,
    /// The detail, only where keyward itself raised the error (class `KW`): the server's own details quote row values.
    pub detail: Option<String>,
    /// The hint.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<usize>,
    /// What refused: the constraint, or the innermost function. Names only, never a value.
    pub place: Option<String>,
}

impl Failure {
    /// Returns the SQLSTATE, if the server refused the statement.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Server(refusal) => Some(&refusal.code),
            Self::Lost(_) | Self::Shape(_) => None,
        }
    }

    /// Tells whether the same statement may succeed a moment later: a lock that couldn't be had (55P03), a deadlock
    /// (40P01), a serialization failure (40001).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.code(), Some("55P03" | "40P01" | "40001"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(refusal) => {
                write!(f, "{} ({})", refusal.message, refusal.code)?;
                refusal.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
            }
            Self::Lost(why) => write!(f, "the connection to the server is lost: {why}"),
            Self::Shape(why) => write!(f, "the server's answer is not what keyward expects: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Lost(_) => Kind::Connect,
            Failure::Shape(_) => Kind::Bug,
            Failure::Server(refusal) => match refusal.code.as_str() {
                code if code.starts_with("KW") => Kind::Refused,
                "42501" | "55P03" | "40P01" | "40001" | "57014" | "53100" | "25006" => Kind::Refused,
                code if code.starts_with("57P") || code.starts_with("08") => Kind::Connect,
                _ => Kind::Bug,
            },
        };
        let message = match &failure {
            Failure::Server(refusal) if refusal.code.starts_with("KW") => refusal.message.clone(),
            other => other.to_string(),
        };
        let refusal = match &failure {
            Failure::Server(refusal) => Some(refusal),
            Failure::Lost(_) | Failure::Shape(_) => None,
        };
        let hint = refusal.and_then(|refusal| match (&refusal.hint, refusal.code.as_str()) {
            (Some(hint), _) => Some(hint.clone()),
            (None, "42501") => Some("run keyward as the owner of the tables, or as a superuser".to_owned()),
            (None, "25006") => Some("the server is read-only (a standby?): connect to the primary".to_owned()),
            (None, _) => None,
        });
        let own = refusal.filter(|refusal| refusal.code.starts_with("KW"));
        let detail = own.and_then(|refusal| refusal.detail.clone());
        let mut error = Self::new(kind, message);
        if let Some(hint) = hint {
            error = error.with_hint(hint);
        }
        match detail {
            Some(detail) => error.with_source(detail),
            None => error,
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                let pg = error.downcast_ref::<PgDatabaseError>();
                let code = pg.code().to_owned();
                let own = code.starts_with("KW");
                Self::Server(Box::new(Refusal {
                    message: pg.message().to_owned(),
                    detail: pg.detail().filter(|_| own).map(str::to_owned),
                    hint: pg.hint().map(str::to_owned),
                    place: place(pg),
                    position: match pg.position() {
                        Some(PgErrorPosition::Original(position)) => Some(position),
                        _ => None,
                    },
                    code,
                }))
            }
            error @ (sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => Self::Lost(error.to_string()),
            other => Self::Shape(other.to_string()),
        }
    }
}

/// Returns what refused a statement: the constraint or the column, else the innermost function of the application's.
///
/// Other parts of the context quote statements, and so may quote values.
fn place(error: &PgDatabaseError) -> Option<String> {
    let table = error.table().map(|table| error.schema().map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}")));
    let on = |what: String| table.as_ref().map_or_else(|| what.clone(), |table| format!("{what} of {table}"));
    if let Some(constraint) = error.constraint() {
        return Some(on(format!("the constraint {constraint}")));
    }
    if let Some(column) = error.column() {
        return Some(on(format!("the column {column}")));
    }
    let line = error.r#where()?.lines().find_map(|line| line.strip_prefix("PL/pgSQL function "))?;
    let name = line.split(" line ").next()?.trim_end_matches(" during statement block entry");
    Some(format!("the function {name}"))
}

/// What keyward's sessions rely on, whatever was set for the role, the database or the server.
const SESSION: &str = include_str!("../../sql/session/settings.sql");

/// A connection to one server, as one role.
#[derive(Debug)]
pub struct Db {
    conn: PgConnection,
    settings: Settings,
}

impl Db {
    /// Connects. The session's `search_path` is `pg_catalog` alone, so that the catalogue prints every other name qualified,
    /// and limits and defaults that were set for the role or the database don't apply (`sql/session/settings.sql`).
    ///
    /// # Errors
    /// [`Kind::Connect`] if the server can't be reached or refuses the login.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let options = settings.options().clone().disable_statement_logging();
        let attempt = PgConnection::connect_with(&options);
        let limit = settings.connect_timeout().unwrap_or(Duration::from_secs(30));
        let conn = match tokio::time::timeout(limit, attempt).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(settings::connect_error(settings, error)),
            Err(_) => {
                let late = std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()));
                return Err(settings::connect_error(settings, sqlx::Error::Io(late)));
            }
        };
        let mut db = Self { conn, settings: settings.clone() };
        db.execute(SESSION).await?;
        // PostgreSQL 17 has one more limit; older servers don't know it.
        db.rows::<serde::de::IgnoredAny>(
            "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
            &[],
        )
        .await?;
        Ok(db)
    }

    /// Returns where this connection leads, for a second one like it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs a script of one or more statements without parameters, and returns the number of rows they touched. More than
    /// one statement is one transaction, unless the script has its own.
    ///
    /// # Errors
    /// The first statement's failure.
    pub async fn execute(&mut self, script: &str) -> Result<u64, Failure> {
        use sqlx::Executor as _;
        let done = self.conn.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
        Ok(done.rows_affected())
    }

    /// Runs a COPY … FROM STDIN with its data.
    ///
    /// # Errors
    /// The statement's failure.
    pub async fn copy_in(&mut self, statement: &str, data: &str) -> Result<u64, Failure> {
        let mut copy = self.conn.copy_in_raw(statement).await?;
        // Where the server refuses the data, sending or ending says so.
        copy.send(data.as_bytes()).await?;
        Ok(copy.finish().await?)
    }

    /// Runs one query and returns its rows, each read as `T` from the row's JSON form (`{"column": value, …}`).
    ///
    /// # Errors
    /// The statement's failure; [`Failure::Shape`] if a row is not a `T`.
    pub async fn rows<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<Vec<T>, Failure> {
        self.fetch(query, params, false).await
    }

    /// As [`Db::rows`], for a query that this session runs again and again: the server keeps it parsed, so it costs one round trip instead of two.
    /// It may keep the plan as well, whatever the parameters are later: so only for look-ups that have but one good plan.
    ///
    /// # Errors
    /// As [`Db::rows`].
    pub async fn rows_again<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<Vec<T>, Failure> {
        self.fetch(query, params, true).await
    }

    async fn fetch<T: DeserializeOwned>(&mut self, query: &str, params: &[Param], again: bool) -> Result<Vec<T>, Failure> {
        let wrapped =
            format!("WITH answer AS (\n{}\n) SELECT to_jsonb(answer)::text FROM answer", query.trim().trim_end_matches(';'));
        let rows = sqlx::query_with(AssertSqlSafe(wrapped), bind(params)?).persistent(again).fetch_all(&mut self.conn).await?;
        rows.iter()
            .map(|row| {
                let text: String = row.try_get(0)?;
                serde_json::from_str(&text).map_err(|error| Failure::Shape(error.to_string()))
            })
            .collect()
    }

    /// Runs one query that answers with exactly one row.
    ///
    /// # Errors
    /// As [`Db::rows`]; [`Failure::Shape`] if there is not exactly one row.
    pub async fn row<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<T, Failure> {
        let mut rows = self.rows(query, params).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Failure::Shape("no row where one was expected".to_owned())),
            _ => Err(Failure::Shape("more than one row where one was expected".to_owned())),
        }
    }

    /// Runs one query that itself answers with one JSON document, as text: one whose WITH writes rows can't be wrapped.
    ///
    /// # Errors
    /// As [`Db::row`].
    pub async fn document<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<T, Failure> {
        let query = sqlx::query_with(AssertSqlSafe(query), bind(params)?).persistent(false);
        let text: String = query.fetch_one(&mut self.conn).await?.try_get(0)?;
        serde_json::from_str(&text).map_err(|error| Failure::Shape(error.to_string()))
    }

    /// Runs one statement with parameters and returns the number of rows it touched.
    ///
    /// # Errors
    /// The statement's failure.
    pub async fn run(&mut self, statement: &str, params: &[Param]) -> Result<u64, Failure> {
        self.touch(statement, params, false).await
    }

    /// As [`Db::run`], for a statement that this session runs again and again; see [`Db::rows_again`].
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn run_again(&mut self, statement: &str, params: &[Param]) -> Result<u64, Failure> {
        self.touch(statement, params, true).await
    }

    async fn touch(&mut self, statement: &str, params: &[Param], again: bool) -> Result<u64, Failure> {
        let done = sqlx::query_with(AssertSqlSafe(statement), bind(params)?).persistent(again).execute(&mut self.conn).await?;
        Ok(done.rows_affected())
    }

    /// Closes the connection in good order.
    pub async fn close(self) {
        // The server notices a closed socket as well; there is nothing left to lose.
        let _ = self.conn.close().await;
    }
}

fn bind(params: &[Param]) -> Result<PgArguments, Failure> {
    let mut arguments = PgArguments::default();
    for param in params {
        match param {
            Param::Text(value) => arguments.add(value),
            Param::OptionalText(value) => arguments.add(value),
            Param::Texts(value) => arguments.add(value),
            Param::OptionalTexts(value) => arguments.add(value),
            Param::Int(value) => arguments.add(value),
            Param::Bool(value) => arguments.add(value),
            Param::Float(value) => arguments.add(value),
        }
        .map_err(|error| Failure::Shape(error.to_string()))?;
    }
    Ok(arguments)
}
