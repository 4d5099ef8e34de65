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

/// A schema with other things of the names that what WHEN clauses call goes by, for whoever puts it before `pg_catalog`.
pub(crate) const SHADOWS: &str = "
CREATE SCHEMA evil;
CREATE FUNCTION evil.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION evil.to_regrole(text) RETURNS regrole LANGUAGE sql AS 'SELECT NULL::regrole';
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'none'::text $$;
CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'on'::text $$;
CREATE FUNCTION evil.pg_trigger_depth() RETURNS integer LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION evil.yes(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION evil.yes(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.yes);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.yes);
CREATE DOMAIN evil.bool AS integer;
CREATE DOMAIN evil.name AS integer;
CREATE DOMAIN evil.text AS integer;
CREATE DOMAIN evil.oid AS integer;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
";

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
