//! What the attack tests share: the raw words of the server, and the two questions asked after every attack.

use keyward::db::settings::Settings;
use sqlx::postgres::PgDatabaseError;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::fixture::{Actor, World};

/// A connection of the application itself, not through keyward's door, which hides the details of errors.
pub(crate) struct Raw(pub(crate) PgConnection);

impl Raw {
    pub(crate) async fn connect(world: &World, role: &str) -> Self {
        let settings = Settings::resolve(Some(&world.sandbox.url_as(role, &world.database)), &|_| None).unwrap();
        Self(PgConnection::connect_with(settings.options()).await.unwrap())
    }

    /// Runs statements; `Err` holds everything that the server said: code, message, detail, hint, context.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), (String, String)> {
        match self.0.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) => {
                let pg = error.downcast_ref::<PgDatabaseError>();
                let code = pg.code().to_owned();
                let all = [Some(pg.message()), pg.detail(), pg.hint(), pg.r#where(), pg.table(), pg.column(), pg.constraint()];
                Err((code, all.into_iter().flatten().collect::<Vec<_>>().join("\n")))
            }
            Err(other) => panic!("{other}\n{sql}"),
        }
    }

    /// COPY … TO STDOUT.
    pub(crate) async fn copy_out(&mut self, statement: &str) -> String {
        use futures_util::TryStreamExt as _;
        let stream = self.0.copy_out_raw(statement).await.unwrap();
        let chunks: Vec<_> = stream.try_collect().await.unwrap();
        chunks.iter().map(|chunk| String::from_utf8_lossy(chunk)).collect()
    }

    /// COPY table FROM STDIN.
    pub(crate) async fn copy_in(&mut self, statement: &str, lines: &str) -> Result<u64, String> {
        let mut copy = match self.0.copy_in_raw(statement).await {
            Ok(copy) => copy,
            Err(error) => return Err(error.as_database_error().unwrap().code().unwrap().into_owned()),
        };
        let sent = copy.send(lines.as_bytes()).await.map(|_| ());
        match (sent, copy.finish().await) {
            (Ok(()), Ok(rows)) => Ok(rows),
            (_, Err(error)) | (Err(error), _) => Err(error.as_database_error().unwrap().code().unwrap().into_owned()),
        }
    }
}

/// How many rows of enabled accounts have a published key: never one.
pub(crate) async fn published_in_enabled(dba: &mut Actor) -> i64 {
    dba.get(
        "SELECT count(*) AS v FROM app.locations AS l JOIN keyward.account_setting AS s ON s.account = l.account_id
          WHERE s.enabled AND l.api_key IS NOT NULL",
    )
    .await
}

/// The id of the row that a key belongs to, as the gateway learns it.
pub(crate) async fn owner_of(gateway: &mut Actor, key: &str) -> Option<i64> {
    gateway.get(&format!("SELECT (SELECT id FROM keyward.authenticate_location_api_key('{key}')) AS v")).await
}
