//! A rehearsal: the schema of a database, as `pg_dump --schema-only` writes it, on a server of one's own, so that a plan needs no live database.

use std::collections::BTreeSet;

use crate::db::Db;
use crate::db::settings::Settings;
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::parse;
use crate::sandbox::Sandbox;

/// The database that the schema is loaded into.
pub const DATABASE: &str = "rehearsal";

/// The commands of psql that a dump of a schema contains, and that mean nothing here.
const COMMANDS: [&str; 4] = ["\\restrict", "\\unrestrict", "\\connect", "\\encoding"];

/// A schema that was loaded.
#[derive(Debug)]
pub struct Rehearsal {
    /// A connection to it, as the superuser.
    pub db: Db,
    /// The roles that the schema names: a dump doesn't hold them, so they were made, without attributes and memberships.
    pub roles: Vec<String>,
    /// Those that only the manifest names.
    pub only_in_manifest: Vec<String>,
}

/// Loads a schema into a sandbox. `file` names it in messages.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if the text is no script, or one of its statements fails; as the connection.
pub async fn load(sandbox: &Sandbox, manifest: &Manifest, text: &str, file: &str) -> Result<Rehearsal> {
    let sql: String = text.lines().filter(|line| !is_command(line)).map(|line| [line, "\n"].concat()).collect();
    let statements = parse::split(&sql).map_err(|error| {
        Error::usage(format!("{file} is not a script of SQL statements")).with_source(error).with_hint(
            "write it with: pg_dump --schema-only; data (COPY … FROM stdin) and other commands of psql's can't be loaded",
        )
    })?;
    let connect = async |database: &str| -> Result<Db> {
        Db::connect(&Settings::resolve(Some(&sandbox.socket_url_as("postgres", database)), &|_| None)?).await
    };
    let mut db = connect("postgres").await?;
    db.execute(&format!("CREATE DATABASE {}", Ident::new(DATABASE)?)).await?;
    let named: BTreeSet<_> = statements.iter().flat_map(|statement| parse::roles_of(statement)).collect();
    let known = ["postgres", "public"];
    let roles: Vec<_> = named.into_iter().filter(|name| !known.contains(&name.as_str()) && !name.starts_with("pg_")).collect();
    let writes = manifest.writes.iter().flat_map(|write| &write.roles);
    let expected = [&manifest.roles.ui, &manifest.roles.api, &manifest.roles.auth].into_iter().flatten().chain(writes);
    let only: BTreeSet<_> = expected.map(|role| role.as_str().to_owned()).filter(|name| !roles.contains(name)).collect();
    for name in roles.iter().chain(&only) {
        let role = Ident::new(name.as_str())?;
        // A script may act as one of them.
        db.execute(&format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}", Ident::new(DATABASE)?)).await?;
    }
    db.close().await;

    let mut db = connect(DATABASE).await?;
    // A server's defaults, not keyward's own.
    db.execute("RESET ALL").await?;
    for (at, statement) in statements.iter().enumerate() {
        if parse::is_about_databases(statement) {
            continue;
        }
        if let Err(failure) = db.execute(statement).await {
            // A newer pg_dump sets what an older server doesn't know; that the schema public exists is no news.
            let is_harmless =
                parse::sets_a_parameter(statement) && failure.code() == Some("42704") || failure.code() == Some("42P06");
            if !is_harmless {
                let hint = "the schema must load on an empty server of this version; name another with --bin-dir DIR";
                return Err(Error::usage(format!("statement {} of {file} failed", at + 1)).with_source(failure).with_hint(hint));
            }
        }
    }
    db.close().await;
    Ok(Rehearsal { db: connect(DATABASE).await?, roles, only_in_manifest: only.into_iter().collect() })
}

fn is_command(line: &str) -> bool {
    COMMANDS.iter().any(|command| line.strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_dump_are_passed_over_and_nothing_else() {
        for line in ["\\restrict abc", "\\unrestrict abc", "\\connect shop"] {
            assert!(is_command(line), "{line}");
        }
        for line in ["\\copy x", " \\connect x", "\\connectx", "SELECT 1"] {
            assert!(!is_command(line), "{line}");
        }
    }
}
