//! What is wrong with a manifest is said with its place; what is right is read whole.

use super::*;
use crate::error::Kind;
use crate::manifest::{Limit, Limits, OnFail, Rollout, Throttle};

const BASE: &str = r#"version = 1
[setting]
cutover = 2024-06-17T00:00:00Z
[roles]
ui = ["app_ui"]
api = ["api_v1", "api_v2"]
[accounts]
table = "app.accounts"
id = "id"
[[keys]]
name = "location_api_key"
table = "app.locations"
id = "id"
column = "api_key"
account = "account_id"
generate = { prefix = "loc_", bytes = 32 }
[[writes]]
name = "legacy_users"
table = "app.users"
account = "account_id"
roles = ["api_v1"]
deny = ["insert", "delete"]
rls = true
"#;

fn edited(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replacen(from, to, 1)
}

fn fault(text: &str) -> (String, String) {
    let error = Manifest::parse(text, "keyward.toml").expect_err(text);
    assert_eq!(error.kind(), Kind::Usage);
    (error.to_string(), error.hint().unwrap_or_default().to_owned())
}

/// Each case: what of the base is replaced, by what, the message after `keyward.toml:`, and what the hint contains.
#[test]
fn every_fault_is_named_with_its_place_and_its_remedy() {
    Manifest::parse(BASE, "keyward.toml").unwrap();
    let long = "x".repeat(64);
    // A line for each case reads as a table; wrapped, it doesn't.
    #[rustfmt::skip]
    let cases = [
        // Syntax.
        ("id = \"id\"", "id = id", "9:6: not TOML: ", "strings are quoted"),
        ("[setting]", "[setting", "2:9: not TOML: unclosed table, expected `]`", "line of its own"),
        ("rls = true", "rls = true\nrls = false", "24:1: not TOML: duplicate key", "a key appears once"),
        // What keyward init leaves open.
        ("id = \"id\"", "id = { decide = [\"id\", \"Uid\"] }", "9:6: decide this: `id` of [accounts]; it may be \"id\" or \"Uid\"", "such as: id = \"id\""),
        ("ui = [\"app_ui\"]", "ui = { decide = [] }", "5:6: decide this: `ui` of [roles]", "ui = [\"app_ui\"]"),
        ("account = \"account_id\"", "account = { decide = [\"a\\nb\", { column = \"x\" }] }", "15:11: decide this: `account` of [[keys]]; it may be \"a\\nb\" or { column = \"x\" }", "account = \"a"),
        // Keys.
        ("id = \"id\"", "id = \"id\"\nidd = \"id\"", "10:1: unknown key `idd` in [accounts]; expected one of table, id", "did you mean `id`?"),
        ("column =", "colunm =", "14:1: unknown key `colunm` in [[keys]]; expected one of name, table, id, column, account, hide, on_insert, generate", "did you mean `column`?"),
        ("[setting]", "[Settings]", "2:2: unknown key `Settings` in the manifest; expected one of version, setting, roles, accounts, keys, writes, rollout", "did you mean `setting`?"),
        ("rls = true", "password = true", "23:1: unknown key `password` in [[writes]]; expected one of name, table, account, roles, deny, rls", "remove it"),
        ("prefix =", "prefx =", "16:14: unknown key `prefx` in generate; expected one of prefix, bytes", "did you mean `prefix`?"),
        ("id = \"id\"\n", "", "7:1: [accounts] lacks the key `id`", "add a line such as: id = \"id\""),
        ("column = \"api_key\"\n", "", "10:1: [[keys]] lacks the key `column`", "add a line such as: column = \"api_key\""),
        ("version = 1\n", "", "1:1: the manifest lacks the key `version`", "add a line such as: version = 1"),
        ("cutover = 2024-06-17T00:00:00Z\n", "", "2:1: [setting] lacks the key `cutover`", "cutover = 2024-06-17T00:00:00Z"),
        ("[accounts]\ntable = \"app.accounts\"\nid = \"id\"\n", "", "1:1: the manifest lacks the table [accounts]", "add [accounts], and below it"),
        ("account = \"account_id\"", "account = { column = \"a\", via = \"app.b\", id = \"id\" }", "15:11: account lacks the key `account`", "account = \"account_id\""),
        // Types.
        ("version = 1", "version = \"1\"", "1:11: `version` of the manifest is a string; expected an integer", "version = 1"),
        ("id = \"id\"", "id = 7", "9:6: `id` of [accounts] is an integer; expected a string", "id = \"id\""),
        ("ui = [\"app_ui\"]", "ui = \"app_ui\"", "5:6: `ui` of [roles] is a string; expected a list", "ui = [\"app_ui\"]"),
        ("\"api_v2\"", "2", "6:18: `api` of [roles] is an integer; expected a string", "api = ["),
        ("rls = true", "rls = \"yes\"", "23:7: `rls` of [[writes]] is a string; expected true or false", "rls = true"),
        ("[accounts]", "[[accounts]]", "7:1: `accounts` of the manifest is an array; expected one table", "[accounts]"),
        ("[[writes]]", "[writes]", "17:1: `writes` of the manifest is a table; expected a list of tables", "[[writes]]"),
        ("generate = { prefix = \"loc_\", bytes = 32 }", "generate = 32", "16:12: `generate` of [[keys]] is an integer; expected a table of prefix and bytes", "generate = {"),
        ("account = \"account_id\"", "account = [\"a\"]", "15:11: `account` of [[keys]] is an array; expected a string, or a table of column, via, id and account", "account = \"account_id\""),
        ("generate", "hide = \"mask\"\ngenerate", "16:8: `hide` of [[keys]]: found \"mask\"; expected \"vault\" or \"revoke\"", "hide = \"vault\""),
        ("\"delete\"", "\"truncate\"", "22:19: `deny` of [[writes]]: found \"truncate\"; expected \"insert\" or \"update\" or \"delete\"", "deny = ["),
        // Instants.
        ("00:00:00Z", "00:00:00", "3:11: `cutover` of [setting] is 2024-06-17T00:00:00, without an offset; expected an instant", "add Z for UTC, or an offset such as +02:00: cutover = 2024-06-17T00:00:00Z"),
        ("2024-06-17T00:00:00Z", "2024-06-17", "3:11: `cutover` of [setting] is 2024-06-17, without an offset; expected an instant", "cutover = 2024-06-17T00:00:00Z"),
        ("2024-06-17T00:00:00Z", "00:00:00", "3:11: `cutover` of [setting] is 00:00:00, without an offset; expected an instant", "cutover = 2024-06-17T00:00:00Z"),
        ("2024-06-17T00:00:00Z", "\"2024-06-17 00:00\"", "3:11: `cutover` of [setting] is 2024-06-17 00:00, without an offset; expected an instant", "cutover = 2024-06-17T00:00:00Z"),
        ("2024-06-17T00:00:00Z", "true", "3:11: `cutover` of [setting] is a boolean; expected an instant", "cutover = 2024-06-17T00:00:00Z"),
        // Values.
        ("version = 1", "version = 2", "1:11: the manifest's version is 2; expected 1", "write `version = 1`"),
        ("\"app.users\"", "\"users\"", "19:9: `table` of [[writes]]: \"users\" is not a schema-qualified table name", "write schema.table"),
        ("\"app.users\"", "\"app.us ers\"", "19:9: `table` of [[writes]]: \"app.us ers\" is not a table name: quote names", "table = \"app.users\""),
        ("\"api_key\"", "\"\"", "14:10: `column` of [[keys]]: an identifier can't be empty", "column = \"api_key\""),
        ("\"app_ui\"", &format!("\"{long}\""),
            &format!("5:7: `ui` of [roles]: the identifier \"{long}\" is 64 bytes long; PostgreSQL stores at most 63"),
            "ui = [\"app_ui\"]"),
        ("\"legacy_users\"", "\"Legacy\"", "18:8: `name` of [[writes]]: the name \"Legacy\" is not a lower-case letter followed by", "function names"),
        ("\"legacy_users\"", "\"a23456789b123456789c123456789d12345\"", "18:8: `name` of [[writes]]: the name \"a23456789b123456789c123456789d12345\" is 35 bytes long; at most 34 are possible", "shorten it"),
        ("bytes = 32", "bytes = 15", "16:39: `bytes` of generate is 15; expected 16 to 512", "bytes = 32"),
        ("bytes = 32", "bytes = 513", "16:39: `bytes` of generate is 513; expected 16 to 512", "bytes = 32"),
        ("bytes = 32", "bytes = 99999999999999999999", "16:39: `bytes` of generate is 99999999999999999999; expected a smaller number", "bytes = 32"),
        ("\"loc_\"", "\"loc'\"", "16:23: `prefix` of generate contains '\\''; expected printable ASCII", "prefix = \"loc_\""),
        ("\"loc_\"", "\"schlüssel_\"", "16:23: `prefix` of generate contains 'ü'; expected printable ASCII", "prefix = \"loc_\""),
        ("\"loc_\"", "\"loc \"", "16:23: `prefix` of generate contains ' '; expected printable ASCII", "prefix = \"loc_\""),
        ("cutover", "label = \" \"\ncutover", "3:9: `label` of [setting] is blank or has control characters", "label = \"Enhanced"),
        // Rules between the parts.
        ("\"legacy_users\"", "\"location_api_key\"", "18:8: the name \"location_api_key\" is used twice, first in line 11", "a name of its own"),
        ("[[writes]]", "[[keys]]\nname = \"b\"\ntable = '\"app\".Locations'\nid = \"id\"\ncolumn = \"api_key\"\naccount = \"account_id\"\n[[writes]]", "21:10: the column api_key of app.locations is named twice in [[keys]], first in line 14", "remove one"),
        ("[[writes]]", "[[writes]]\nname = \"b\"\ntable = 'app.users'\naccount = \"account_id\"\nroles = [\"api_v2\"]\n[[writes]]", "24:9: the table app.users is named twice in [[writes]], first in line 19", "into one [[writes]]"),
        ("\"api_v2\"", "\"app_ui\"", "6:18: the role app_ui is in `api` of [roles] and also in `ui` of [roles]; expected it in one of them", "a role each"),
        ("roles = [\"api_v1\"]", "roles = [\"app_ui\"]", "21:10: the role app_ui is in `roles` of [[writes]] and also in `ui` of [roles]; expected it in one of them", "a role each"),
        ("\"app_ui\"", "\"keyward_owner\"", "5:7: the role keyward_owner is keyward's `owner` and also in `ui` of [roles]", "another role as `owner`"),
        ("roles = [\"api_v1\"]", "roles = [\"keyward_owner\"]", "21:10: the role keyward_owner is keyward's `owner` and also in `roles` of [[writes]]", "another role as `owner`"),
        ("\"api_v2\"]", "\"api_v2\"]\nowner = \"Boss\"\nauth = [\"Boss\"]", "8:9: the role \"Boss\" is keyward's `owner` and also in `auth` of [roles]", "another role as `owner`"),
        ("\"api_v2\"", "\"api_v1\"", "6:18: the role api_v1 is named twice in `api` of [roles], first in line 6", "name it once"),
        ("ui = [\"app_ui\"]", "ui = []", "5:6: `ui` of [roles] names no role; expected at least one, since there are [[keys]]", "ui = [\"app_ui\"]"),
        ("api = [\"api_v1\", \"api_v2\"]\n", "", "4:1: `api` of [roles] names no role; expected at least one, since there are [[keys]]", "api = [\"api_v1\"]"),
        ("roles = [\"api_v1\"]", "roles = []", "21:9: `roles` of [[writes]] names no role; expected at least one", "roles = [\"api_v1\"]"),
        ("deny = [\"insert\", \"delete\"]", "deny = []", "22:8: `deny` of [[writes]] denies nothing", "leave `deny` out"),
        ("\"delete\"", "\"insert\"", "22:19: \"insert\" is named twice in `deny` of [[writes]]", "name it once"),
        ("column = \"api_key\"", "column = \"id\"", "14:10: `column` of [[keys]] is id, which is also its `id`", "the key itself"),
        ("column = \"api_key\"", "column = \"account_id\"", "14:10: `column` of [[keys]] is account_id, which is also its `account`", "the key itself"),
    ];
    let mut wrong = Vec::new();
    for (from, to, message, hint) in cases {
        let text = edited(from, to);
        let (found, remedy) = fault(&text);
        let one = found.lines().count() == 1 && found.starts_with(&format!("keyward.toml:{message}"));
        if !one || !remedy.contains(hint) {
            wrong.push(format!("replaced {from:?} by {to:?}\nwanted {message} ({hint})\n found {found} ({remedy})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

const ROLLOUT: &str = r#"[rollout.limits]
lag_bytes = 1_000_000
lag_seconds = 0.5
lock_waiters = false
active_sessions = 0x10
ignore = ["delayed"]
[[rollout.throttle]]
name = "queue"
sql = "SELECT count(*) FROM app.jobs;"
limit = 0
[[rollout.gate]]
name = "logins"
sql = "TABLE app.failures"
ok_when = "<10"
on_fail = "revert"
[[rollout.gate]]
name = "alive"
sql = "VALUES (true)"
ok_when = "true"
"#;

#[test]
fn the_rollout_is_read_whole_and_what_is_left_out_has_its_default() {
    let manifest = Manifest::parse(&format!("{BASE}{ROLLOUT}"), "").unwrap();
    let limits = Limits {
        lag_bytes: Limit::At(1_000_000.0),
        lag_seconds: Limit::At(0.5),
        lock_waiters: Limit::Off,
        active_sessions: Limit::At(16.0),
        ignore: vec!["delayed".to_owned()],
        ..Limits::default()
    };
    assert_eq!(manifest.rollout.limits, limits);
    let queue = Throttle { name: "queue".to_owned(), sql: "SELECT count(*) FROM app.jobs".to_owned(), limit: 0.0 };
    assert_eq!(manifest.rollout.throttles, [queue]);
    let gates: Vec<_> = manifest.rollout.gates.iter().map(|gate| (gate.ok_when.to_string(), gate.on_fail)).collect();
    assert_eq!(gates, [("< 10".to_owned(), OnFail::Revert), ("true".to_owned(), OnFail::Pause)]);
    assert_eq!(Manifest::parse(BASE, "").unwrap().rollout, Rollout::default());
    assert_eq!(Manifest::parse(&format!("{BASE}[rollout]\n"), "").unwrap().rollout, Rollout::default());
}

/// Each case: what of the section is replaced, by what, the message after `keyward.toml:`, and what the hint contains.
#[test]
fn every_fault_of_the_rollout_is_named_with_its_place_and_its_remedy() {
    #[rustfmt::skip]
    let cases = [
        ("[rollout.limits]", "[rollout.limit]", "24:10: unknown key `limit` in [rollout]; expected one of limits, throttle, gate", "did you mean `limits`?"),
        ("lag_bytes =", "lag_byte =", "25:1: unknown key `lag_byte` in [rollout.limits]; expected one of lag_bytes, lag_seconds, lock_waiters, active_sessions, wal_bytes_per_second, oldest_transaction_seconds, checkpoints_per_minute, ignore", "did you mean `lag_bytes`?"),
        ("[rollout.limits]", "[[rollout.limits]]", "24:1: `limits` of [rollout] is an array; expected one table", "[rollout.limits]"),
        ("[[rollout.throttle]]", "[rollout.throttle]", "30:1: `throttle` of [rollout] is a table; expected a list of tables", "[[rollout.throttle]]"),
        ("lag_seconds = 0.5", "lag_seconds = 0", "26:15: `lag_seconds` of [rollout.limits]: found 0; expected a positive number, or false for no limit", "lag_seconds = 10, or lag_seconds = false"),
        ("lag_seconds = 0.5", "lag_seconds = -1.5", "26:15: `lag_seconds` of [rollout.limits]: found -1.5; expected a positive number, or false for no limit", "lag_seconds = 10"),
        ("lag_seconds = 0.5", "lag_seconds = inf", "26:15: `lag_seconds` of [rollout.limits] is no finite number; expected one", "lag_seconds = 10"),
        ("lag_seconds = 0.5", "lag_seconds = true", "26:15: `lag_seconds` of [rollout.limits] is a boolean; expected a positive number, or false for no limit", "lag_seconds = 10"),
        ("lag_seconds = 0.5", "lag_seconds = \"10 s\"", "26:15: `lag_seconds` of [rollout.limits] is a string; expected a positive number, or false for no limit", "lag_seconds = 10"),
        ("[\"delayed\"]", "[\"\"]", "29:11: `ignore` of [rollout.limits]: a name can't be blank", "ignore = ["),
        ("name = \"queue\"\n", "", "30:1: [[rollout.throttle]] lacks the key `name`", "name = \"job queue\""),
        ("limit = 0\n", "", "30:1: [[rollout.throttle]] lacks the key `limit`", "limit = 1000"),
        ("limit = 0\n", "limit = false\n", "33:9: `limit` of [[rollout.throttle]] is a boolean; expected a number", "limit = 1000"),
        ("\"queue\"", "\" \"", "31:8: `name` of [[rollout.throttle]]: a name can't be blank", "name = \"job queue\""),
        ("FROM app.jobs;", "FROM app.jobs; SELECT 2", "32:7: `sql` of [[rollout.throttle]]: it holds 2 statements; expected one", "names carry their schema"),
        ("FROM app.jobs;", "FROM", "32:7: `sql` of [[rollout.throttle]]: it is no SQL: ", "write one SELECT"),
        ("SELECT count(*) FROM app.jobs;", "DELETE FROM app.jobs", "32:7: `sql` of [[rollout.throttle]]: it is no query; expected one that only reads", "write one SELECT"),
        ("\"<10\"", "\"few\"", "37:11: `ok_when` of [[rollout.gate]]: \"few\" is no condition; expected one of = <> < <= > >= and a number, or \"true\"", "ok_when = \"< 10\""),
        ("ok_when = \"<10\"\n", "", "34:1: [[rollout.gate]] lacks the key `ok_when`", "ok_when = \"< 10\""),
        ("\"revert\"", "\"stop\"", "38:11: `on_fail` of [[rollout.gate]]: found \"stop\"; expected \"pause\" or \"revert\"", "on_fail = \"pause\""),
        ("\"alive\"", "\"logins\"", "40:8: the name \"logins\" is used twice in [[rollout.gate]], first in line 35", "a name of its own"),
    ];
    for (from, to, message, hint) in cases {
        assert!(ROLLOUT.contains(from), "{from}");
        let (found, remedy) = fault(&format!("{BASE}{}", ROLLOUT.replacen(from, to, 1)));
        assert!(found.lines().count() == 1 && found.starts_with(&format!("keyward.toml:{message}")), "{from} by {to}: {found}");
        assert!(remedy.contains(hint), "{from} by {to}: {remedy}");
    }
    let (found, _) = fault(&BASE.replace("version = 1", "version = 1\nrollout = 7"));
    assert_eq!(found, "keyward.toml:2:11: `rollout` of the manifest is an integer; expected one table");
}

#[test]
fn a_manifest_that_protects_nothing_is_refused() {
    let text = &BASE[..BASE.find("[[keys]]").unwrap()];
    for text in [text.to_owned(), format!("keys = []\n{text}")] {
        let (found, hint) = fault(&text);
        assert_eq!(found, "keyward.toml:1:1: the manifest has neither [[keys]] nor [[writes]]; expected something to protect");
        assert!(hint.contains("[[keys]]") && hint.contains("[[writes]]"), "{hint}");
    }
}

#[test]
fn all_independent_faults_are_reported_at_once_in_the_order_of_the_text() {
    let text =
        edited("\"app.users\"", "\"users\"").replace("bytes = 32", "bytes = 3").replace("id = \"id\"\n[[keys]]", "[[keys]]");
    let text = text.replace("ui = [\"app_ui\"]", "ui = [\"app_ui\", \"api_v1\"]").replace("rls = true", "rsl = true");
    let (found, hint) = fault(&text);
    let expected = r#"keyward.toml:6:8: the role api_v1 is in `api` of [roles] and also in `ui` of [roles]; expected it in one of them
keyward.toml:7:1: [accounts] lacks the key `id`
keyward.toml:15:39: `bytes` of generate is 3; expected 16 to 512
keyward.toml:18:9: `table` of [[writes]]: "users" is not a schema-qualified table name
keyward.toml:20:10: the role api_v1 is in `roles` of [[writes]] and also in `ui` of [roles]; expected it in one of them
keyward.toml:22:1: unknown key `rsl` in [[writes]]; expected one of name, table, account, roles, deny, rls"#;
    assert_eq!(found, expected);
    let lines: Vec<_> = hint.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 6", "line 7", "line 15", "line 18", "line 20", "line 22"]);
}

#[test]
fn an_unknown_version_is_reported_alone() {
    let (found, _) = fault("version = 2\n[novelty]\nx = 1\n");
    assert_eq!(found, "keyward.toml:1:11: the manifest's version is 2; expected 1");
}

#[test]
fn columns_are_counted_in_characters_and_a_byte_order_mark_is_no_column() {
    let (found, _) = fault(&edited("\"api_v1\", \"api_v2\"", "\"äöü😀\", 5"));
    assert!(found.starts_with("keyward.toml:6:16: "), "{found}");
    let text = edited("version = 1", "\u{feff}version = 3").replace('\n', "\r\n");
    assert!(fault(&text).0.starts_with("keyward.toml:1:11: "), "{}", fault(&text).0);
}

#[test]
fn what_is_left_out_has_its_default() {
    let manifest = Manifest::parse(&BASE.replace("deny = [\"insert\", \"delete\"]\nrls = true\n", ""), "keyward.toml").unwrap();
    assert_eq!(manifest.setting.label, "Enhanced Account Security");
    assert_eq!(manifest.roles.owner.as_str(), "keyward_owner");
    assert_eq!((manifest.keys[0].hide, manifest.keys[0].on_insert), (Hide::Vault, OnInsert::Strip));
    assert_eq!(manifest.writes[0].deny, [Deny::Insert, Deny::Update, Deny::Delete]);
    assert!(!manifest.writes[0].rls);
    let manifest = Manifest::parse(&edited("generate = { prefix = \"loc_\", bytes = 32 }", "generate = {}"), "").unwrap();
    assert_eq!(manifest.keys[0].generate, Generate { prefix: String::new(), bytes: 32 });
}

#[test]
fn a_manifest_of_writes_needs_no_roles() {
    let (head, rest) = BASE.split_once("[roles]").unwrap();
    let accounts = &rest[rest.find("[accounts]").unwrap()..rest.find("[[keys]]").unwrap()];
    let text = format!("{head}{accounts}{}", &rest[rest.find("[[writes]]").unwrap()..]);
    assert_eq!(Manifest::parse(&text, "keyward.toml").unwrap().roles, Roles::default());
}

#[test]
fn an_instant_is_read_with_any_offset_as_a_date_or_as_a_string() {
    for instant in ["2024-06-17T02:00:00+02:00", "\"2024-06-16T19:00:00-05:00\"", "2024-06-17 00:00Z", "\"2024-06-17T00:00:00Z\""]
    {
        let manifest = Manifest::parse(&edited("2024-06-17T00:00:00Z", instant), "keyward.toml").unwrap();
        assert_eq!(manifest.setting.cutover, "2024-06-17T00:00:00Z".parse::<Timestamp>().unwrap(), "{instant}");
    }
}

#[test]
fn a_key_may_lie_in_the_accounts_table_or_a_hop_away_from_it() {
    let text = edited("\"app.locations\"", "\"app.accounts\"").replacen("account = \"account_id\"", "account = \"id\"", 1);
    assert_eq!(Manifest::parse(&text, "").unwrap().keys[0].account, AccountPath::Column(Ident::new("id").unwrap()));

    let hop = r#"account = { column = "loc", via = "app.Locations", id = "ID", account = "Account Id" }"#;
    let ident = |name: &str| Ident::new(name).unwrap();
    assert_eq!(
        Manifest::parse(&edited("account = \"account_id\"", hop), "").unwrap().keys[0].account,
        AccountPath::Via {
            column: ident("loc"),
            via: "app.locations".parse().unwrap(),
            id: ident("ID"),
            account: ident("Account Id")
        }
    );
}

#[test]
fn a_file_that_cannot_be_read_or_is_not_utf_8_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyward.toml");
    let error = Manifest::load(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("can't read the manifest {}", path.display()));
    assert!(std::error::Error::source(&error).is_some());

    std::fs::write(&path, b"version = 1\n# caf\xe9\n").unwrap();
    let error = Manifest::load(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2:6: the text is not UTF-8 from here on", path.display()));

    std::fs::write(&path, BASE).unwrap();
    assert_eq!(Manifest::load(&path).unwrap(), Manifest::parse(BASE, "").unwrap());
}

#[test]
fn the_example_is_a_manifest() {
    let manifest = Manifest::parse(include_str!("../../../keyward.example.toml"), "keyward.example.toml").unwrap();
    assert_eq!((manifest.keys.len(), manifest.writes.len()), (2, 1));
}

#[test]
fn a_name_with_a_line_break_is_refused_where_it_stands() {
    for (from, to) in
        [("\"app.locations\"", r#""app.\"lo\ncations\"""#), ("\"api_key\"", r#""api\tkey""#), ("\"app_ui\"", r#""app\u0085ui""#)]
    {
        let error = Manifest::parse(&edited(from, to), "keyward.toml").unwrap_err();
        let said = format!("{error} {:?} {:?}", std::error::Error::source(&error), error.hint());
        assert!(said.contains("line break or another control character"), "{said}");
    }
}
