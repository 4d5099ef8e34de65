//! What the commands on accounts share: the manifest that was applied, and statements rendered for it.

use minijinja::context;
use minijinja::value::Value;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::{AccountPath, Hide, Manifest};
use crate::template::{Templates, ident, sql, table};

const SOURCES: &[(&str, &str)] = &[
    ("enforce/_macros.sql", include_str!("../../sql/enforce/_macros.sql")),
    ("account/_keys.sql", include_str!("../../sql/account/_keys.sql")),
    ("account/counts.sql", include_str!("../../sql/account/counts.sql")),
    ("account/enabled.sql", include_str!("../../sql/account/enabled.sql")),
    ("account/export.sql", include_str!("../../sql/account/export.sql")),
    ("account/hold.sql", include_str!("../../sql/account/hold.sql")),
    ("account/hold_rows.sql", include_str!("../../sql/account/hold_rows.sql")),
    ("account/locks.sql", include_str!("../../sql/account/locks.sql")),
    ("account/opt_out.sql", include_str!("../../sql/account/opt_out.sql")),
    ("account/problems.sql", include_str!("../../sql/account/problems.sql")),
    ("account/publish.sql", include_str!("../../sql/account/publish.sql")),
    ("account/seal.sql", include_str!("../../sql/account/seal.sql")),
    ("account/show.sql", include_str!("../../sql/account/show.sql")),
    ("account/stage.sql", include_str!("../../sql/account/stage.sql")),
];

/// The database as it was applied.
#[derive(Debug)]
pub(super) struct Site {
    /// The type of an account's id, as SQL.
    pub(super) id_type: String,
    /// The external identity: the role that was set, or else the login.
    pub(super) actor: String,
    owner: Ident,
    templates: Templates,
    context: Value,
}

#[derive(Deserialize)]
struct Row {
    id_type: String,
    owner: Ident,
    actor: String,
    may_act: bool,
}

#[derive(Deserialize)]
struct Applied {
    document: Manifest,
}

impl Site {
    /// Reads it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] if keyward isn't applied here, or for another accounts table than the manifest names, or if
    /// the connected role is no member of keyward's owner.
    pub(super) async fn read(db: &mut Db, manifest: &Manifest) -> Result<Self> {
        let rows: Vec<Row> = db.rows(include_str!("../../sql/account/site.sql"), &[]).await?;
        let missing = || Error::refused("keyward is not applied to this database").with_hint("run keyward apply first");
        let row = rows.into_iter().next().ok_or_else(missing)?;
        if !row.may_act {
            return Err(Error::refused(format!("{} is no member of {}, which owns the settings", row.actor, row.owner.as_str()))
                .with_hint(format!("GRANT {} TO {};", row.owner, Ident::new(row.actor)?)));
        }
        let mut transaction = Transaction::begin(db, "READ COMMITTED", &row.owner).await?;
        let query = "SELECT m.document FROM keyward.manifest AS m ORDER BY m.id DESC LIMIT 1";
        let applied: Vec<Applied> = transaction.rows(query, &[]).await?;
        transaction.commit().await?;
        let applied = applied.into_iter().next().ok_or_else(missing)?.document;
        if applied.accounts != manifest.accounts {
            let names = |manifest: &Manifest| format!("{} ({})", manifest.accounts.table.human(), manifest.accounts.id.as_str());
            return Err(Error::refused(format!(
                "the manifest is not the one that was applied here: its accounts are {}, those of the database {}",
                names(manifest),
                names(&applied)
            ))
            .with_hint("give the right manifest or database; keyward plan shows the difference"));
        }
        let context = context(&applied, &row.id_type, &row.owner);
        Ok(Self { id_type: row.id_type, actor: row.actor, owner: row.owner, templates: Templates::new(SOURCES)?, context })
    }

    /// Renders a statement of `sql/account/`.
    pub(super) fn sql(&self, name: &str) -> Result<String> {
        Ok(self.templates.render(&format!("account/{name}.sql"), &self.context)?.sql)
    }

    /// Opens a READ COMMITTED transaction as keyward's owner.
    pub(super) async fn begin<'a>(&self, db: &'a mut Db) -> Result<Transaction<'a>, Failure> {
        Transaction::begin(db, "READ COMMITTED", &self.owner).await
    }

    /// Opens a read-only transaction as keyward's owner, with one picture of the database from its beginning to its end.
    pub(super) async fn begin_reading<'a>(&self, db: &'a mut Db) -> Result<Transaction<'a>, Failure> {
        Transaction::begin(db, "REPEATABLE READ, READ ONLY", &self.owner).await
    }

    /// Checks that a text is an id of the accounts' type.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] that names the text and the type.
    pub(super) async fn check_id(&self, db: &mut Db, id: &str) -> Result<()> {
        match db.run(&format!("SELECT ($1::text)::{}", self.id_type), &[id.into()]).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23")) => {
                Err(Error::usage(format!("{} is not a {}", shown(id), self.id_type))
                    .with_hint(format!("give the account's id as it is in the accounts table: a {}", self.id_type)))
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Returns an account's id as messages quote it: on one line, and not endless.
pub(super) fn shown(id: &str) -> String {
    let mut text: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    if id.chars().nth(80).is_some() {
        text.push('…');
    }
    format!("'{text}'")
}

fn context(manifest: &Manifest, id_type: &str, owner: &Ident) -> Value {
    // A key that stays in its column doesn't move with the setting.
    let keys: Vec<Value> = manifest
        .keys
        .iter()
        .filter(|key| key.hide == Hide::Vault)
        .map(|key| {
            let name = key.name.as_str();
            match &key.account {
                AccountPath::Column(account) => context! {
                    name, table => table(&key.table), id => ident(&key.id), column => ident(&key.column),
                    account => ident(account), via => false,
                },
                AccountPath::Via { column, via, id, account } => context! {
                    name, table => table(&key.table), id => ident(&key.id), column => ident(&key.column),
                    account => ident(column), via => table(via), via_id => ident(id), via_account => ident(account),
                },
            }
        })
        .collect();
    context! {
        owner => ident(owner),
        id_type => sql(id_type),
        accounts => context! { table => table(&manifest.accounts.table), id => ident(&manifest.accounts.id) },
        keys,
    }
}

/// An open transaction, to be ended by [`Transaction::end`].
#[derive(Debug)]
pub(super) struct Transaction<'a>(&'a mut Db);

impl<'a> Transaction<'a> {
    async fn begin(db: &'a mut Db, mode: &str, owner: &Ident) -> Result<Self, Failure> {
        db.execute(&format!("BEGIN ISOLATION LEVEL {mode}; SET LOCAL lock_timeout = '5s'; SET LOCAL ROLE {owner}")).await?;
        Ok(Self(db))
    }

    /// Runs a query in the transaction.
    pub(super) async fn rows<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<Vec<T>, Failure> {
        self.0.rows(query, params).await
    }

    /// Runs a query that answers with one row.
    pub(super) async fn row<T: DeserializeOwned>(&mut self, query: &str, params: &[Param]) -> Result<T, Failure> {
        self.0.row(query, params).await
    }

    /// Runs a statement, and returns the number of rows it touched.
    pub(super) async fn run(&mut self, statement: &str, params: &[Param]) -> Result<u64, Failure> {
        self.0.run(statement, params).await
    }

    /// Commits.
    pub(super) async fn commit(self) -> Result<(), Failure> {
        self.0.execute("COMMIT").await.map(|_| ())
    }

    /// Undoes everything.
    pub(super) async fn rollback(self) {
        // A connection that is gone has rolled back already.
        let _ = self.0.execute("ROLLBACK").await;
    }

    /// Commits if all went well, and undoes everything otherwise.
    pub(super) async fn end<T>(self, done: Result<T>) -> Result<T> {
        match done {
            Ok(done) => {
                self.commit().await?;
                Ok(done)
            }
            Err(error) => {
                self.rollback().await;
                Err(error)
            }
        }
    }
}
