//! One error type for the whole library: what happened, why, and what to do about it.
//!
//! The kind decides the process's exit code (see [`crate::error::Kind::exit_code`]); the message says what failed and where, the
//! source why, the hint the remedy. No message is ever built from a row's values, so none can contain a key.

use std::error::Error as StdError;
use std::fmt;

/// The result of nearly every function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is, and so which exit code the command line ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line, the manifest or another file is wrong. Exit code 2.
    Usage,
    /// The server can't be reached, or doesn't let us in. Exit code 3.
    Connect,
    /// Refused: a guard, a hazard, the role graph, a missing right, a lock that couldn't be had, a changed plan. Exit code 4.
    Refused,
    /// Stopped half-way in good order: the same command goes on from here. Exit code 5.
    Resumable,
    /// The server answered a statement of keyward's own with an error nobody expected. Exit code 70.
    Bug,
    /// Interrupted by the user. Exit code 130.
    Interrupted,
}

impl Kind {
    /// Returns the documented exit code of this kind of failure.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Connect => 3,
            Self::Refused => 4,
            Self::Resumable => 5,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

/// A failure: what, why, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of the given kind; `message` is a sentence without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Makes a [`Kind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Makes a [`Kind::Refused`] error.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Makes a [`Kind::Resumable`] error.
    pub fn resumable(message: impl Into<String>) -> Self {
        Self::new(Kind::Resumable, message)
    }

    /// Makes a [`Kind::Bug`] error.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message)
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what the user can do about it, if anything is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
