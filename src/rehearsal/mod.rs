//! A rehearsal: the schema of a database, as `pg_dump --schema-only` or its migrations have it, on a server of one's own, so that a plan or a trial
//! of a migration needs no live database.

mod dump;

use std::collections::BTreeSet;

use crate::db::settings::Settings;
use crate::db::{Db, Failure};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::parse;
use crate::sandbox::Sandbox;
use crate::script::{Lines, Run, Source, forward, is_harmless, is_shown_only, not_followed};

pub use dump::{Dumped, dump};

/// The database that the schema is loaded into.
pub const DATABASE: &str = "rehearsal";

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

/// Loads a schema into a sandbox: dumps or migrations, in that order. What undoes a migration isn't run, nor is data taken in.
///
/// # Errors
/// [`crate::error::Kind::Usage`] with the line of a statement that fails, or of a command of psql that can't be followed; as the connection.
pub async fn load(sandbox: &Sandbox, manifest: &Manifest, sources: &[Source]) -> Result<Rehearsal> {
    sources.iter().try_for_each(Source::require_utf8)?;
    let connect = async |database: &str| -> Result<Db> {
        Db::connect(&Settings::resolve(Some(&sandbox.socket_url_as("postgres", database)), &|_| None)?).await
    };
    // It makes the roles, whoever the script acts as meanwhile.
    let mut admin = connect("postgres").await?;
    admin.execute(&format!("CREATE DATABASE {}", Ident::new(DATABASE)?)).await?;

    let mut roles = BTreeSet::new();
    let mut db = connect(DATABASE).await?;
    for source in sources {
        // A server's defaults, not keyward's own, and nothing that an earlier file has set.
        db.execute("RESET SESSION AUTHORIZATION; RESET ALL").await?;
        for run in forward(source) {
            match run {
                Run::Statement { text, at } => statement(&mut db, &text, at, source, &mut admin, &mut roles).await?,
                Run::Command { text, .. } if is_shown_only(text) || text.starts_with("\\connect ") => {}
                Run::Command { text, at } => return Err(not_followed(source, text, at)),
            }
        }
    }
    db.close().await;
    let writes = manifest.writes.iter().flat_map(|write| &write.roles);
    let expected = [&manifest.roles.ui, &manifest.roles.api, &manifest.roles.auth].into_iter().flatten().chain(writes);
    let mut only_in_manifest = BTreeSet::new();
    for name in expected.map(|role| role.as_str().to_owned()) {
        if make_role(&mut admin, &name).await? && !roles.contains(&name) {
            only_in_manifest.insert(name);
        }
    }
    admin.close().await;
    let (roles, only_in_manifest) = (roles.into_iter().collect(), only_in_manifest.into_iter().collect());
    Ok(Rehearsal { db: connect(DATABASE).await?, roles, only_in_manifest })
}

/// Makes a role that may log in, and act in the database: a script may do so. `false` if it is there.
async fn make_role(db: &mut Db, name: &str) -> Result<bool> {
    let role = Ident::new(name)?;
    match db.execute(&format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}", Ident::new(DATABASE)?)).await {
        Err(failure) if failure.code() == Some("42710") => Ok(false),
        done => Ok(done.map(|_| true)?),
    }
}

/// Runs a statement; a role that it misses is made.
async fn statement(
    db: &mut Db,
    text: &str,
    at: usize,
    source: &Source,
    admin: &mut Db,
    roles: &mut BTreeSet<String>,
) -> Result<()> {
    if parse::is_about_databases(text) || parse::copies(text) || parse::only_locks(text) {
        return Ok(());
    }
    loop {
        let Err(failure) = db.execute(text).await else { return Ok(()) };
        if let Failure::Server(refusal) = &failure
            && ["22023", "42704"].contains(&refusal.code.as_str())
            && let Some(name) = refusal.message.strip_prefix("role \"").and_then(|rest| rest.strip_suffix("\" does not exist"))
            && make_role(admin, name).await?
        {
            roles.insert(name.to_owned());
            continue;
        }
        if is_harmless(text, &failure) {
            return Ok(());
        }
        let (line, _) = Lines::new(&source.text).place(at);
        return Err(Error::usage(format!("line {line} of {} failed", source.path)).with_source(failure).with_hint(
            "the schema must load on an empty server of this version, as pg_dump --schema-only writes it; name another server with --bin-dir DIR",
        ));
    }
}
