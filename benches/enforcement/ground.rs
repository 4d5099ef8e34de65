//! The contestants: databases of one server with the same data, each protected in another way.

use keyward::apply::{self, Options};
use keyward::db::Failure;
use keyward::manifest::Manifest;
use serde::Deserialize;

use crate::Result;
use crate::common::server::Server;

/// The tables as they are, without any protection.
pub(crate) const PLAIN: &str = "plain";
/// With keyward.
pub(crate) const KEYWARD: &str = "keyward";
/// With the column taken from API roles.
pub(crate) const COLUMNS: &str = "columns";
/// With a view in the table's place.
pub(crate) const VIEW: &str = "view";

/// With a trigger that does nothing.
pub(crate) const TRIGGER: &str = "trigger";

/// Starts a server with all contestants.
pub(crate) async fn build() -> Result<Server> {
    let server = Server::start()?;
    server.run("postgres", "postgres", include_str!("sql/roles.sql")).await?;
    server.run("app_owner", PLAIN, include_str!("sql/schema.sql")).await?;
    for name in [KEYWARD, COLUMNS, VIEW, TRIGGER] {
        server.run("postgres", "postgres", &format!("CREATE DATABASE {name} TEMPLATE {PLAIN} OWNER app_owner")).await?;
    }
    let manifest = Manifest::parse(include_str!("keyward.toml"), "keyward.toml")?;
    let mut db = server.connect("app_owner", KEYWARD).await?;
    let plan = apply::plan(&mut db, &manifest).await?;
    apply::apply(&mut db, &manifest, &plan, &Options::default(), &mut |_| {}).await?;
    db.close().await;
    server.run("app_owner", KEYWARD, include_str!("sql/half.sql")).await?;
    server.run("app_owner", PLAIN, include_str!("sql/plain.sql")).await?;
    server.run("app_owner", COLUMNS, include_str!("sql/columns.sql")).await?;
    server.run("app_owner", VIEW, include_str!("sql/view.sql")).await?;
    server.run("app_owner", TRIGGER, include_str!("sql/trigger.sql")).await?;
    for name in [PLAIN, KEYWARD, COLUMNS, VIEW, TRIGGER] {
        // each row where it was in the first place, and nothing left to clean up
        server.run("postgres", name, "VACUUM FULL; VACUUM (ANALYZE); CHECKPOINT").await?;
    }
    prove(&server).await?;
    Ok(server)
}

/// Checks that each contestant does what it is there for.
async fn prove(server: &Server) -> Result<()> {
    #[derive(Deserialize)]
    struct Seen {
        keys: u64,
    }
    for (name, wanted) in
        [(PLAIN, Some(100_000)), (KEYWARD, Some(50_000)), (COLUMNS, None), (VIEW, Some(50_000)), (TRIGGER, Some(100_000))]
    {
        let mut db = server.connect("api_v2", name).await?;
        let seen = db.row("SELECT pg_catalog.count(l.api_key) AS keys FROM app.locations AS l", &[]).await;
        let seen = match seen {
            Ok(Seen { keys }) => Some(keys),
            Err(failure) if failure.code() == Some("42501") => None,
            Err(failure) => return Err(failure.into()),
        };
        if seen != wanted {
            return Err(format!("{name}: the API sees {seen:?} keys instead of {wanted:?}").into());
        }
        db.close().await;
    }
    let mut db = server.connect("api_v1", KEYWARD).await?;
    let written = db.execute("UPDATE app.users SET name = 'x' WHERE account_id = 2").await;
    if written.as_ref().err().and_then(Failure::code) != Some("KW002") {
        return Err(format!("the legacy API wrote users of an enabled account: {written:?}").into());
    }
    db.close().await;
    Ok(())
}
