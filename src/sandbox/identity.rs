//! Whom the server runs as: Postgres refuses root, so root drops to another user.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User, geteuid};

use crate::error::{Error, Result};

/// Users that root drops to, in this order.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The user that the server's programs run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The present user.
    Oneself,
    /// Another user, because the present one is root.
    Dropped {
        /// The user's name.
        name: String,
        /// The user's id.
        uid: u32,
        /// The id of the user's group.
        gid: u32,
    },
}

impl Identity {
    /// Chooses: oneself, or for root the first of `postgres` and `nobody` that exists.
    pub(super) fn choose() -> Result<Self> {
        if geteuid().is_root() { Self::first_of(&CANDIDATES) } else { Ok(Self::Oneself) }
    }

    fn first_of(names: &[&str]) -> Result<Self> {
        for name in names {
            let user = User::from_name(name)
                .map_err(|error| Error::refused(format!("can't look up the user {name}")).with_source(error))?;
            if let Some(user) = user.filter(|user| !user.uid.is_root()) {
                return Ok(Self::Dropped { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() });
            }
        }
        Err(Error::refused(format!(
            "PostgreSQL refuses to run as root, and there is no user to run it as: neither {}",
            names.join(" nor ")
        ))
        .with_hint("run as another user than root, or create one: useradd --system postgres"))
    }

    /// Returns a command that runs `program` as this user, from the root directory and with an empty environment: whatever
    /// the caller's says (PGDATA, PGOPTIONS, a locale, secrets), it must not reach the server.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        if let Self::Dropped { uid, gid, .. } = self {
            // The standard library also empties the supplementary groups where root sets another uid.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes `path` this user's.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Oneself => Ok(()),
            Self::Dropped { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Makes `path` the present user's again.
    pub(super) fn take(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Oneself => Ok(()),
            Self::Dropped { .. } => chown(path, Some(present_uid()), None),
        }
    }

    /// Returns how a message names this user.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Oneself => "the present user".to_owned(),
            Self::Dropped { name, .. } => format!("the user {name}, whom root runs it as"),
        }
    }
}

/// Returns the id of the user that this process acts as.
pub(super) fn present_uid() -> u32 {
    Uid::effective().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_drops_to_the_first_user_that_exists_and_isnt_root() {
        let Ok(Some(nobody)) = User::from_name("nobody") else { return };
        let chosen = Identity::first_of(&["no-such-user-here", "root", "nobody"]).unwrap();
        assert_eq!(chosen, Identity::Dropped { name: "nobody".to_owned(), uid: nobody.uid.as_raw(), gid: nobody.gid.as_raw() });
    }

    #[test]
    fn without_any_user_to_drop_to_the_error_says_so() {
        let error = Identity::first_of(&["no-such-user-here", "nor-this-one"]).unwrap_err();
        assert!(error.to_string().contains("neither no-such-user-here nor nor-this-one"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("useradd")));
    }
}
