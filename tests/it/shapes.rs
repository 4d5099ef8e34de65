//! The contract on other people's schemas: types, names, paths to the account, partitions, row-level security.

use crate::fixture::{Actor, World, connect};

/// Roles and database that every shape starts from; `{…}` are the roles' quoted names.
const ROLES: &str = "
CREATE ROLE app_owner LOGIN CREATEROLE; CREATE ROLE {ui} LOGIN; CREATE ROLE {api} LOGIN; CREATE ROLE {auth} LOGIN;
CREATE DATABASE shop OWNER app_owner;
\\connect shop
";

/// A schema, and where in it the first act takes place.
struct Shape {
    ddl: &'static str,
    /// The quoted tables and columns: accounts, their id; the key table, its id, key and account columns.
    accounts: (&'static str, &'static str),
    keys: (&'static str, &'static str, &'static str),
    /// The `account = …` of the manifest, in TOML.
    path: &'static str,
    /// Two accounts, and a row of each, as SQL literals; a third row's id that is free, and how it is inserted in an account.
    account_ids: (&'static str, &'static str),
    row_ids: (&'static str, &'static str),
    insert: &'static str,
    /// Two keys that the rows have.
    key_values: (&'static str, &'static str),
    /// ui, api, auth: raw names.
    roles: (&'static str, &'static str, &'static str),
    /// Further lines of the manifest.
    more: &'static str,
    superuser: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            ddl: "",
            accounts: ("app.accounts", "id"),
            keys: ("app.locations", "id", "api_key"),
            path: "'account_id'",
            account_ids: ("1", "2"),
            row_ids: ("11", "12"),
            insert: "INSERT INTO app.locations (id, account_id, api_key) VALUES (13, {account}, {key})",
            key_values: ("key-1", "key-2"),
            roles: ("app_ui", "api_v2", "api_gateway"),
            more: "",
            superuser: false,
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The manifest spells columns as the catalogue does.
fn bare(column: &str) -> String {
    column
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map_or_else(|| column.to_owned(), |inner| inner.replace("\"\"", "\""))
}

fn toml(text: &str) -> String {
    format!("'''{text}'''")
}

impl Shape {
    async fn world(&self) -> World {
        let (ui, api, auth) = self.roles;
        let script = format!(
            "{}SET ROLE app_owner;\n{}",
            ROLES.replace("{ui}", &quoted(ui)).replace("{api}", &quoted(api)).replace("{auth}", &quoted(auth)),
            self.ddl
        );
        let manifest = format!(
            "version = 1\n[setting]\ncutover = 2024-06-17T00:00:00Z\n[roles]\nui = [{}]\napi = [{}]\nauth = [{}]\n[accounts]\ntable = {}\nid = {}\n
             [[keys]]\nname = 'k'\ntable = {}\nid = {}\ncolumn = {}\naccount = {}\ngenerate = {{ prefix = 'k', bytes = 16 }}\n{}",
            toml(ui), toml(api), toml(auth), toml(self.accounts.0), toml(&bare(self.accounts.1)), toml(self.keys.0), toml(&bare(self.keys.1)),
            toml(&bare(self.keys.2)), self.path, self.more
        );
        let world = World::with(&script, &manifest, "shop").await;
        world
            .apply_as(if self.superuser { "postgres" } else { "app_owner" })
            .await
            .unwrap_or_else(|error| panic!("{error}: {:?}\n{}", std::error::Error::source(&error), self.ddl));
        world
    }

    /// The whole contract on this shape.
    async fn holds(&self) -> World {
        let world = self.world().await;
        let plan = keyward::apply::plan(
            &mut world.connect(if self.superuser { "postgres" } else { "app_owner" }).await,
            &world.manifest,
        )
        .await
        .unwrap();
        assert!(plan.is_empty(), "{:#?}", plan.steps);
        crate::audit::is_clean(&world).await;
        let mut dba = world.act("postgres").await;
        let mut ui = Actor(connect(&world.sandbox, self.roles.0, "shop").await);
        let mut api = Actor(connect(&world.sandbox, self.roles.1, "shop").await);
        let mut gateway = Actor(connect(&world.sandbox, self.roles.2, "shop").await);
        let (table, id, key) = self.keys;
        let ((one, two), (row, other), (key_one, key_two)) = (self.account_ids, self.row_ids, self.key_values);
        let key_of = |row: &str| format!("SELECT (SELECT {key}::text FROM {table} WHERE {id} = {row}) AS v");
        let authenticates = |key: &str, row: &str| {
            format!("SELECT EXISTS (SELECT FROM keyward.authenticate_k('{key}') AS a WHERE a.id = {row}) AS v")
        };

        assert_eq!(ui.get::<i64>(&format!("SELECT keyward.opt_in({one}) AS v")).await, 1, "{}", self.ddl);
        assert_eq!(api.get::<Option<String>>(&key_of(row)).await, None);
        assert_eq!(api.get::<Option<String>>(&key_of(other)).await.as_deref().map(str::trim_end), Some(key_two));
        assert_eq!(ui.get::<String>(&format!("SELECT keyward.reveal_k({row})::text AS v")).await.trim_end(), key_one);
        assert_eq!(ui.get::<String>(&format!("SELECT keyward.reveal_k({other})::text AS v")).await.trim_end(), key_two);
        assert_eq!(ui.get::<i64>("SELECT count(*) AS v FROM keyward.vault_k").await, 1);
        for (key, row) in [(key_one, row), (key_two, other)] {
            assert!(gateway.get::<bool>(&authenticates(key, row)).await, "{key}");
        }
        if self.ddl.contains("citext") {
            assert!(
                gateway.get::<bool>(&authenticates(&key_one.to_uppercase(), row)).await,
                "as the application itself compares"
            );
        }
        // a new row of the enabled account has no key, one of the other has
        let spare = "00000000-0000-4000-8000-0000000000ff";
        for (account, kept) in [(one, false), (two, true)] {
            api.ok(&format!("BEGIN; {}", self.insert.replace("{account}", account).replace("{key}", &format!("'{spare}'"))))
                .await;
            assert_eq!(
                api.get::<bool>(&format!("SELECT EXISTS (SELECT FROM {table} WHERE {key}::text LIKE '{spare}%') AS v")).await,
                kept,
                "{account}"
            );
            api.ok("ROLLBACK").await;
        }
        // written by hand, generated, revoked
        ui.ok(&format!("UPDATE {table} SET {key} = '{spare}' WHERE {id} = {row}")).await;
        assert!(gateway.get::<bool>(&authenticates(spare, row)).await);
        assert!(!gateway.get::<bool>(&authenticates(key_one, row)).await);
        for row in [row, other] {
            let made: String = ui.get(&format!("SELECT keyward.generate_k({row})::text AS v")).await;
            assert!(gateway.get::<bool>(&authenticates(&made, row)).await);
            ui.ok(&format!("SELECT keyward.revoke_k({row})")).await;
            assert!(!gateway.get::<bool>(&authenticates(&made, row)).await);
        }
        ui.ok(&format!("UPDATE {table} SET {key} = '{key_one}' WHERE {id} = {row}; UPDATE {table} SET {key} = '{key_two}' WHERE {id} = {other}")).await;
        api.ok(&format!("UPDATE {table} SET {key} = NULL WHERE {id} = {row}")).await;
        // and back
        assert_eq!(ui.get::<i64>(&format!("SELECT keyward.opt_out({one}, 'test', true) AS v")).await, 1);
        assert_eq!(api.get::<Option<String>>(&key_of(row)).await.as_deref().map(str::trim_end), Some(key_one));
        assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM keyward.vault_k").await, 0);
        ui.ok(&format!("SELECT keyward.opt_in({one})")).await;
        world
    }
}

const GRANTS: &str =
    "GRANT USAGE ON SCHEMA app TO app_ui, api_v2, api_gateway; GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v2;";

macro_rules! shape {
    ($test:ident, $ddl:expr $(, $field:ident: $value:expr)*) => {
        #[tokio::test]
        async fn $test() {
            let ddl: &'static str = Box::leak(format!("CREATE SCHEMA app; {} {GRANTS}", $ddl).into_boxed_str());
            Shape { ddl, $($field: $value,)* ..Shape::default() }.holds().await;
        }
    };
}

shape!(integer_ids_hold, "CREATE TABLE app.accounts (id integer PRIMARY KEY);
    CREATE TABLE app.locations (id integer PRIMARY KEY, account_id integer REFERENCES app.accounts ON DELETE CASCADE, api_key varchar(40) UNIQUE NOT NULL);
    CREATE INDEX ON app.locations (account_id);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');");

shape!(mixed_integer_widths_hold, "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (id smallint PRIMARY KEY, account_id integer, api_key text);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');",
    row_ids: ("11::smallint", "12::smallint"));

shape!(uuid_ids_and_keys_hold, "CREATE TABLE app.accounts (id uuid PRIMARY KEY);
    CREATE TABLE app.locations (id uuid PRIMARY KEY, account_id uuid REFERENCES app.accounts, api_key uuid UNIQUE);
    INSERT INTO app.accounts SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid FROM generate_series(1, 2) AS n;
    INSERT INTO app.locations SELECT ('00000000-0000-4000-8000-00000000001' || n)::uuid, ('00000000-0000-4000-8000-00000000000' || n)::uuid,
        ('00000000-0000-4000-8000-00000000002' || n)::uuid FROM generate_series(1, 2) AS n;",
    account_ids: ("'00000000-0000-4000-8000-000000000001'", "'00000000-0000-4000-8000-000000000002'"),
    row_ids: ("'00000000-0000-4000-8000-000000000011'", "'00000000-0000-4000-8000-000000000012'"),
    key_values: ("00000000-0000-4000-8000-000000000021", "00000000-0000-4000-8000-000000000022"),
    insert: "INSERT INTO app.locations VALUES ('00000000-0000-4000-8000-000000000013', {account}, {key})");

shape!(text_ids_with_a_collation_hold, "CREATE TABLE app.accounts (id text COLLATE \"C\" PRIMARY KEY);
    CREATE TABLE app.locations (id text COLLATE \"C\" PRIMARY KEY, account_id varchar(20) COLLATE \"C\" REFERENCES app.accounts, api_key text COLLATE \"C\" UNIQUE);
    INSERT INTO app.accounts VALUES ('one'), ('t''wo'); INSERT INTO app.locations VALUES ('l 1', 'one', 'key-1'), ('', 't''wo', 'key-2');",
    account_ids: ("'one'", "'t''wo'"), row_ids: ("'l 1'", "''"), insert: "INSERT INTO app.locations VALUES ('l 3', {account}, {key})");

shape!(fixed_width_ids_and_keys_hold, "CREATE TABLE app.accounts (id varchar(26) PRIMARY KEY);
    CREATE TABLE app.locations (id char(26) PRIMARY KEY, account_id varchar(26), api_key char(40) UNIQUE);
    INSERT INTO app.accounts VALUES ('one'), ('two'); INSERT INTO app.locations VALUES ('row-1', 'one', 'key-1'), ('row-2', 'two', 'key-2');",
    account_ids: ("'one'", "'two'"), row_ids: ("'row-1'", "'row-2'"), insert: "INSERT INTO app.locations VALUES ('row-3', {account}, {key})");

shape!(
    a_domain_and_a_default_hold,
    "CREATE DOMAIN app.key AS text DEFAULT 'never' CHECK (VALUE ~ '^[a-z0-9-]+$');
    CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (id bigint PRIMARY KEY, account_id bigint, api_key app.key UNIQUE DEFAULT gen_random_uuid());
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');"
);

shape!(the_accounts_table_itself_holds, "CREATE TABLE app.accounts (id bigint PRIMARY KEY, api_key text UNIQUE);
    INSERT INTO app.accounts VALUES (1, 'key-1'), (2, 'key-2');",
    keys: ("app.accounts", "id", "api_key"), path: "'id'", row_ids: ("1", "2"),
    insert: "UPDATE app.accounts SET api_key = {key} WHERE id = {account}");

shape!(a_key_that_hangs_on_another_table_holds, "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.sites (id text PRIMARY KEY, account bigint REFERENCES app.accounts ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE app.locations (id bigint PRIMARY KEY, site text REFERENCES app.sites ON DELETE CASCADE ON UPDATE CASCADE, api_key text UNIQUE);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.sites VALUES ('s1', 1), ('s2', 2);
    INSERT INTO app.locations VALUES (11, 's1', 'key-1'), (12, 's2', 'key-2');",
    path: "{ column = 'site', via = 'app.sites', id = 'id', account = 'account' }",
    insert: "INSERT INTO app.locations VALUES (13, 's' || {account}, {key})");

shape!(names_that_collide_with_keywards_own_hold, "CREATE TABLE app.accounts (account bigint PRIMARY KEY, enabled text, reason text, key text);
    CREATE TABLE app.locations (key bigint PRIMARY KEY, account_ bigint, key_ text UNIQUE, account bigint, id text, enabled boolean, reason text, change int, v int, b int);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations (key, account_, key_) VALUES (11, 1, 'key-1'), (12, 2, 'key-2');",
    accounts: ("app.accounts", "account"), keys: ("app.locations", "key", "key_"), path: "'account_'",
    insert: "INSERT INTO app.locations (key, account_, key_) VALUES (13, {account}, {key})");

shape!(more_names_that_collide_hold, "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (account bigint PRIMARY KEY, enabled bigint, account_ text UNIQUE, stated_ text);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');",
    keys: ("app.locations", "account", "account_"), path: "'enabled'",
    insert: "INSERT INTO app.locations VALUES (13, {account}, {key})");

shape!(
    partitions_by_account_hold,
    "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (id bigint, account_id bigint, api_key text) PARTITION BY LIST (account_id);
    CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES IN (1);
    CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (2);
    CREATE INDEX ON app.locations (id); CREATE INDEX ON app.locations (account_id);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');"
);

shape!(
    a_citext_key_holds,
    "CREATE EXTENSION citext SCHEMA public; CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (id bigint PRIMARY KEY, account_id bigint, api_key public.citext UNIQUE);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');"
);

shape!(a_superuser_applies_all_the_same, "CREATE TABLE app.accounts (id bigint PRIMARY KEY);
    CREATE TABLE app.locations (id bigint PRIMARY KEY, account_id bigint, api_key text UNIQUE);
    INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');", superuser: true);

#[tokio::test]
async fn a_key_authenticates_as_no_account_that_its_row_does_not_name() {
    let world = crate::verify::shape(
        "CREATE DOMAIN app.code AS varchar(3); CREATE TABLE app.accounts (id app.code PRIMARY KEY);
         CREATE TABLE app.locations (id bigint PRIMARY KEY, account text, api_key text UNIQUE);
         INSERT INTO app.accounts VALUES ('abc'), ('abd'); INSERT INTO app.locations VALUES (1, 'abc', 'key-1'), (2, 'abcd', 'key-2');",
        "table = 'app.accounts'\nid = 'id'",
        "[[keys]]\nname = 'k'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'api_key'\naccount = 'account'\n",
    )
    .await;
    let mut gate = world.act("gate").await;
    assert_eq!(gate.get::<String>("SELECT account AS v FROM keyward.authenticate_k('key-1')").await, "abc");
    assert_eq!(
        gate.err("SELECT account AS v FROM keyward.authenticate_k('key-2')").await,
        "22001",
        "cut to abc, it would be another's"
    );
}

#[tokio::test]
async fn odd_names_of_everything_hold() {
    for (schema, table, role) in [
        ("My App", "order", "We\"ird"),
        ("schéma", "Übersicht's", "user"),
        ("select", "user", "UPPER case"),
        ("a.b", "c\"d", "-- x"),
    ] {
        let on = format!("{}.{}", quoted(schema), quoted(table));
        let accounts = format!("{}.{}", quoted(schema), quoted("group"));
        let api = format!("{role} api");
        let ddl = format!(
            "CREATE SCHEMA {s}; CREATE TABLE {accounts} (\"Account ID\" bigint PRIMARY KEY);
             CREATE TABLE {on} (\"table\" bigint PRIMARY KEY, \"from where\" bigint, \"API \"\"key\"\"\" text UNIQUE);
             INSERT INTO {accounts} VALUES (1), (2); INSERT INTO {on} VALUES (11, 1, 'key-1'), (12, 2, 'key-2');
             GRANT USAGE ON SCHEMA {s} TO {ui}, {api}; GRANT ALL ON ALL TABLES IN SCHEMA {s} TO {ui}, {api};",
            s = quoted(schema),
            ui = quoted(role),
            api = quoted(&api)
        );
        let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        Shape {
            insert: leak(format!("INSERT INTO {on} VALUES (13, {{account}}, {{key}})")),
            ddl: leak(ddl),
            accounts: (leak(accounts), "\"Account ID\""),
            keys: (leak(on), "\"table\"", "\"API \"\"key\"\"\""),
            path: "'from where'",
            roles: (role, leak(api), "AUTH"),
            ..Shape::default()
        }
        .holds()
        .await;
    }
}

#[tokio::test]
async fn rows_move_between_partitions_with_their_keys_and_new_partitions_are_guarded() {
    let shape = Shape {
        ddl: "CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint PRIMARY KEY);
              CREATE TABLE app.locations (id bigint, account_id bigint, api_key text) PARTITION BY LIST (account_id);
              CREATE TABLE app.locations_1 PARTITION OF app.locations FOR VALUES IN (1);
              CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (2);
              CREATE INDEX ON app.locations (id); CREATE INDEX ON app.locations (account_id);
              INSERT INTO app.accounts VALUES (1), (2), (3); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');
              GRANT USAGE ON SCHEMA app TO app_ui, api_v2, api_gateway; GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v2;",
        ..Shape::default()
    };
    let world = shape.holds().await;
    let mut owner = world.act("app_owner").await;
    let mut dba = world.act("postgres").await;
    let mut api = world.act("api_v2").await;
    let mut gateway = world.act("api_gateway").await;
    owner
        .ok("CREATE TABLE app.locations_3 PARTITION OF app.locations FOR VALUES IN (3); GRANT ALL ON app.locations_3 TO api_v2")
        .await;
    world.opt_in("3").await;
    // out, in, and into the new one; each key goes with its row
    api.ok("UPDATE app.locations SET account_id = 2 WHERE id = 11; UPDATE app.locations SET account_id = 1 WHERE id = 12; UPDATE app.locations SET account_id = 3 WHERE id = 12").await;
    for (key, row) in [("key-1", 11), ("key-2", 12)] {
        assert_eq!(gateway.get::<i64>(&format!("SELECT id AS v FROM keyward.authenticate_k('{key}')")).await, row);
    }
    assert_eq!(dba.get::<i64>("SELECT count(*) AS v FROM app.locations WHERE api_key IS NOT NULL").await, 0);
    // the partitions themselves, the replica role included
    for (part, account) in [("locations_1", 1), ("locations_3", 3)] {
        api.ok(&format!("INSERT INTO app.{part} VALUES (100, {account}, 'direct')")).await;
        dba.ok(&format!("SET session_replication_role = replica; INSERT INTO app.{part} VALUES (101, {account}, 'direct'); RESET session_replication_role")).await;
    }
    api.ok("INSERT INTO app.locations_2 VALUES (100, 2, 'control')").await;
    assert_eq!(dba.get::<String>("SELECT string_agg(api_key, ',') AS v FROM app.locations").await, "control");
    // a privilege on a partition is one on its rows
    assert!(!world.plan().await.is_empty(), "the new partition's own triggers and privileges");
    world.apply().await;
    for part in ["locations", "locations_1", "locations_3"] {
        assert_eq!(api.err(&format!("TRUNCATE app.{part}")).await, "42501");
        assert_eq!(
            api.err(&format!("CREATE FUNCTION pg_temp.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER spy BEFORE UPDATE ON app.{part} FOR EACH ROW EXECUTE FUNCTION pg_temp.spy()")).await,
            "42501",
            "{part}"
        );
    }
}

#[tokio::test]
async fn keys_of_one_table_do_not_mix() {
    let world = Shape {
        ddl: "CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint PRIMARY KEY, secret text);
              CREATE TABLE app.locations (id bigint PRIMARY KEY, account_id bigint, api_key text UNIQUE, hook text);
              CREATE TABLE app.users (id bigint PRIMARY KEY, account_id bigint); CREATE TABLE app.notes (id bigint PRIMARY KEY, location bigint);
              INSERT INTO app.accounts VALUES (1, 'secret-1'), (2, 'secret-2');
              INSERT INTO app.locations VALUES (1, 1, 'key-1', 'hook-1'), (2, 2, 'key-2', 'hook-2'); INSERT INTO app.notes VALUES (1, 1), (2, 2);
              GRANT USAGE ON SCHEMA app TO app_ui, api_v2; GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v2;",
        more: "[[keys]]\nname = 'hook'\ntable = 'app.locations'\nid = 'id'\ncolumn = 'hook'\naccount = 'account_id'\non_insert = 'reject'\n
               [[keys]]\nname = 'secret'\ntable = 'app.accounts'\nid = 'id'\ncolumn = 'secret'\naccount = 'id'\n
               [[writes]]\nname = 'users'\ntable = 'app.users'\naccount = 'account_id'\nroles = ['api_v2']\n
               [[writes]]\nname = 'notes'\ntable = 'app.notes'\naccount = { column = 'location', via = 'app.locations', id = 'id', account = 'account_id' }\nroles = ['api_v2']\nrls = true\n",
        ..Shape::default()
    }
    .world()
    .await;
    crate::audit::is_clean(&world).await;
    let mut ui = world.act("app_ui").await;
    let mut api = world.act("api_v2").await;
    let mut gateway = world.act("api_gateway").await;
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_in(1) AS v").await, 3);
    // one is revoked, the others stay
    ui.ok("SELECT keyward.revoke_k(1)").await;
    for (name, key) in [("hook", "hook-1"), ("secret", "secret-1")] {
        assert_eq!(gateway.get::<i64>(&format!("SELECT id AS v FROM keyward.authenticate_{name}('{key}')")).await, 1);
    }
    // two are written by hand in one statement
    ui.ok("UPDATE app.locations SET api_key = 'new-key', hook = 'new-hook' WHERE id = 1").await;
    for (name, key) in [("k", "new-key"), ("hook", "new-hook")] {
        assert_eq!(gateway.get::<i64>(&format!("SELECT id AS v FROM keyward.authenticate_{name}('{key}')")).await, 1, "{name}");
    }
    // on_insert = reject
    assert_eq!(api.err("INSERT INTO app.locations VALUES (3, 1, NULL, 'mine')").await, "KW001");
    assert_eq!(api.err("UPDATE app.locations SET hook = 'mine' WHERE id = 1").await, "KW001");
    api.ok("INSERT INTO app.locations VALUES (3, 1, 'stripped', NULL); INSERT INTO app.locations VALUES (4, 2, 'kept', 'kept')")
        .await;
    api.ok("UPDATE app.locations SET account_id = 1 WHERE id = 4; UPDATE app.locations SET api_key = NULL, hook = NULL WHERE account_id = 1; UPDATE app.accounts SET secret = NULL WHERE id = 1").await;
    assert_eq!(gateway.get::<i64>("SELECT id AS v FROM keyward.authenticate_hook('kept')").await, 4);
    // both write rules, the one that looks through another table included
    for act in [
        "INSERT INTO app.users VALUES (9, {a})",
        "INSERT INTO app.notes VALUES (9, {a})",
        "UPDATE app.notes SET location = location WHERE id = {a}",
        "DELETE FROM app.notes WHERE id = {a}",
        // the note's account hops with the row that it hangs on
        "UPDATE app.locations SET account_id = 7 WHERE id = {a}",
        "UPDATE app.locations SET id = 70 + id WHERE id = {a}",
    ] {
        assert_eq!(api.err(&act.replace("{a}", "1")).await, "KW002", "{act}");
        api.ok(&format!("BEGIN; {}; ROLLBACK", act.replace("{a}", "2"))).await;
    }
    assert_eq!(ui.get::<i64>("SELECT keyward.opt_out(1, 'test', true) AS v").await, 5);
}

#[tokio::test]
async fn where_tenants_are_told_apart_by_row_level_security_each_sees_its_own() {
    for force in ["", "ALTER TABLE app.accounts FORCE ROW LEVEL SECURITY; ALTER TABLE app.locations FORCE ROW LEVEL SECURITY;"] {
        let ddl = format!(
            "CREATE SCHEMA app; CREATE TABLE app.accounts (id bigint PRIMARY KEY);
             CREATE TABLE app.locations (id bigint PRIMARY KEY, account_id bigint, api_key text UNIQUE);
             INSERT INTO app.accounts VALUES (1), (2); INSERT INTO app.locations VALUES (11, 1, 'key-1'), (12, 2, 'key-2');
             ALTER TABLE app.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE app.locations ENABLE ROW LEVEL SECURITY; {force}
             CREATE POLICY tenant ON app.accounts USING (id = current_setting('app.tenant', true)::bigint);
             CREATE POLICY tenant ON app.locations USING (account_id = current_setting('app.tenant', true)::bigint);
             GRANT USAGE ON SCHEMA app TO app_ui, api_v2; GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v2;"
        );
        let world = Shape { ddl: Box::leak(ddl.into_boxed_str()), ..Shape::default() }.world().await;
        crate::audit::is_clean(&world).await;
        let mut ui = world.act("app_ui").await;
        let mut gateway = world.act("api_gateway").await;
        for account in [1, 2] {
            ui.ok(&format!("SET app.tenant = '{account}'; SELECT keyward.opt_in({account})")).await;
        }
        for (mine, other) in [(1, 2), (2, 1)] {
            ui.ok(&format!("SET app.tenant = '{mine}'")).await;
            assert_eq!(
                ui.get::<String>("SELECT string_agg(api_key, ',') AS v FROM keyward.vault_k").await,
                format!("key-{mine}")
            );
            assert_eq!(ui.get::<i64>("SELECT count(*) AS v FROM keyward.account_setting").await, 1);
            assert_eq!(ui.get::<String>(&format!("SELECT keyward.reveal_k(1{mine}) AS v")).await, format!("key-{mine}"));
            for act in [
                format!("SELECT keyward.reveal_k(1{other})"),
                format!("SELECT keyward.generate_k(1{other})"),
                format!("SELECT keyward.revoke_k(1{other})"),
                format!("SELECT keyward.opt_out({other}, 'test', true)"),
                format!("SELECT keyward.opt_in({other})"),
            ] {
                assert_eq!(ui.err(&act).await, "KW004", "{act}");
            }
            assert_eq!(
                ui.err(&format!("INSERT INTO keyward.setting_change (account, enabled, reason) VALUES ({other}, false, 'x')"))
                    .await,
                "42501"
            );
            assert_eq!(
                gateway.get::<i64>(&format!("SELECT account AS v FROM keyward.authenticate_k('key-{other}')")).await,
                other
            );
        }
        ui.ok("SELECT keyward.generate_k(12); SELECT keyward.revoke_k(12); SELECT keyward.opt_out(2, 'test', true); SET app.tenant = '0'").await;
        assert_eq!(ui.get::<i64>("SELECT count(*) AS v FROM keyward.vault_k").await, 0);
        assert_eq!(gateway.get::<i64>("SELECT id AS v FROM keyward.authenticate_k('key-1')").await, 11);
    }
}
