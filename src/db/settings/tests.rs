//! No test here reads the environment or needs a server; the refusals come from a listener that speaks just enough protocol.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use super::*;

/// No message, hint, cause, description or debug output may contain it.
const CANARY: &str = "c4nary-s3cret";

fn resolve(url: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings> {
    let env = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned());
        found.or_else(|| (name == "USER").then(|| "os_user".to_owned()))
    };
    Settings::resolve_with(url, &env, &[])
}

fn described(url: Option<&str>, variables: &[(&str, &str)]) -> String {
    resolve(url, variables).unwrap().describe()
}

/// Everything that a command could print about an error.
fn shown(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{}", error.hint().unwrap_or_default());
    let mut source = StdError::source(error);
    while let Some(cause) = source {
        let _ = write!(text, "\n{cause}\n{cause:?}");
        source = cause.source();
    }
    text
}

fn usage(url: Option<&str>, variables: &[(&str, &str)]) -> String {
    let error = resolve(url, variables).expect_err("these settings are wrong");
    assert_eq!(error.kind(), Kind::Usage);
    error.to_string()
}

fn file(directory: &TempDir, name: &str, content: &str) -> String {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

fn home(directory: &TempDir) -> (&'static str, &str) {
    ("HOME", directory.path().to_str().unwrap())
}

#[test]
fn without_anything_it_is_the_local_server_as_the_system_user() {
    assert_eq!(described(None, &[]), "os_user@localhost:5432/os_user");
    assert_eq!(resolve(None, &[]).unwrap().connect_timeout(), None);
}

#[test]
fn the_default_host_is_the_socket_directory_that_holds_a_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    fs::write(directory.path().join(".s.PGSQL.5432"), "").unwrap();
    let env = |name: &str| (name == "USER").then(|| "u".to_owned());
    let settings = Settings::resolve_with(None, &env, &["/nonexistent", path]).unwrap();
    assert_eq!(settings.describe(), format!("u@{path}:5432/u"));
    assert_eq!(settings.options().get_socket().unwrap(), directory.path());
    let elsewhere = |name: &str| if name == "PGPORT" { Some("5433".to_owned()) } else { env(name) };
    assert_eq!(Settings::resolve_with(None, &elsewhere, &[path]).unwrap().describe(), "u@localhost:5433/u");
}

#[test]
fn a_user_must_come_from_somewhere() {
    let error = Settings::resolve_with(None, &|_| None, &[]).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("no user"));
    let error = Settings::resolve_with(Some("postgres://app@h"), &|_| None, &[]);
    assert_eq!(error.unwrap().describe(), "app@h:5432/app");
}

#[test]
fn each_variable_reaches_the_driver() {
    let settings = resolve(
        None,
        &[
            ("PGHOST", "db.example"),
            ("PGPORT", "6000"),
            ("PGUSER", "app"),
            ("PGDATABASE", "shop"),
            ("PGPASSWORD", CANARY),
            ("PGOPTIONS", r"-c geqo=off -c search_path=a\ b"),
            ("PGAPPNAME", "nightly"),
            ("PGCONNECT_TIMEOUT", "7"),
            ("PGSSLMODE", "require"),
        ],
    )
    .unwrap();
    let options = settings.options();
    assert_eq!(settings.describe(), "app@db.example:6000/shop");
    assert_eq!((options.get_host(), options.get_port()), ("db.example", 6000));
    assert_eq!((options.get_username(), options.get_database()), ("app", Some("shop")));
    assert_eq!(options.get_options(), Some(r"-c geqo=off -c search_path=a\ b"));
    assert_eq!(options.get_application_name(), Some("nightly"));
    assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
    assert_eq!(options.to_url_lossy().password(), Some("c4nary%2Ds3cret"));
    assert_eq!(settings.connect_timeout(), Some(Duration::from_secs(7)));
}

#[test]
fn the_flag_wins_over_database_url_and_that_over_the_variables() {
    let variables = [("DATABASE_URL", "postgres://second/b"), ("PGHOST", "third"), ("PGDATABASE", "c"), ("PGPORT", "3")];
    assert_eq!(described(Some("postgres://first/a"), &variables), "os_user@first:3/a");
    assert_eq!(described(None, &variables), "os_user@second:3/b");
    assert_eq!(described(None, &variables[1..]), "os_user@third:3/c");
}

#[test]
fn an_empty_flag_is_an_error_and_an_empty_variable_is_unset() {
    assert!(usage(Some(""), &[]).contains("--database-url is empty"));
    assert_eq!(described(None, &[("DATABASE_URL", ""), ("PGHOST", ""), ("PGPORT", "")]), "os_user@localhost:5432/os_user");
}

#[test]
fn keywords_are_as_good_as_a_url() {
    assert_eq!(described(Some("host=db user=app dbname='my shop' port=1"), &[]), "app@db:1/my shop");
}

#[test]
fn an_address_takes_the_place_of_the_host() {
    assert_eq!(described(None, &[("PGHOST", "db"), ("PGHOSTADDR", "::1")]), "os_user@[::1]:5432/os_user");
    assert!(usage(None, &[("PGHOSTADDR", "db")]).starts_with("PGHOSTADDR is \"db\""));
    let both = [("PGHOST", "db"), ("PGHOSTADDR", "10.0.0.1"), ("PGSSLMODE", "verify-full")];
    assert!(usage(None, &both).starts_with("PGHOSTADDR"));
}

#[test]
fn a_socket_directory_is_used_without_tls() {
    let settings = resolve(Some("postgres:///app?host=/tmp/sock&sslmode=require"), &[]).unwrap();
    assert_eq!(settings.describe(), "os_user@/tmp/sock:5432/app");
    assert!(matches!(settings.options().get_ssl_mode(), PgSslMode::Disable));
}

#[test]
fn a_bad_value_is_an_error_that_names_its_place() {
    for (variables, start) in [
        ([("PGPORT", "54x2")], "PGPORT is \"54x2\": a port is a number from 1 to 65535"),
        ([("PGPORT", "0")], "PGPORT is \"0\": a port"),
        ([("PGPORT", "65536")], "PGPORT is \"65536\": a port"),
        ([("PGSSLMODE", "requier")], "PGSSLMODE is \"requier\": it must be disable"),
        ([("PGSSLMODE", "REQUIRE")], "PGSSLMODE is \"REQUIRE\""),
        ([("PGCONNECT_TIMEOUT", "5s")], "PGCONNECT_TIMEOUT is \"5s\""),
        ([("PGHOST", "a,b")], "PGHOST is \"a,b\": only one host is supported"),
        ([("PGHOST", "@abstract")], "PGHOST is \"@abstract\": abstract"),
        ([("PGSSLROOTCERT", "/nonexistent/ca.pem")], "PGSSLROOTCERT is \"/nonexistent/ca.pem\": the file can't be read"),
        ([("PGCHANNELBINDING", "require")], "PGCHANNELBINDING asks for something"),
        ([("PGREQUIREPEER", "postgres")], "PGREQUIREPEER asks for something"),
        ([("DATABASE_URL", "mysql://h/db")], "DATABASE_URL: the scheme is \"mysql\""),
    ] {
        let message = usage(None, &variables);
        assert!(message.starts_with(start), "{message}");
    }
    for (url, start) in [
        ("app", "--database-url isn't a connection string"),
        ("postgres://a:1,b:2/db", "--database-url names several hosts: only one"),
        ("postgres:///db?port=54x2", "--database-url: port is \"54x2\": a port"),
        ("host=h port=x", "--database-url: port is \"x\""),
        ("postgres://h:x/db", "--database-url: what follows the host's colon isn't a port"),
        ("postgres://[::1/db", "--database-url: the host's opening ["),
        ("postgres://h/db?schema=public", "--database-url: there is no connection parameter \"schema\""),
        ("postgres://h/db?user", "--database-url: a parameter after the ? has no value"),
        ("postgres://h/%zz", "--database-url: the database name has a %"),
        ("postgres://h/%ff", "--database-url: the database name isn't UTF-8"),
        ("postgres://h?sslmode=requier", "--database-url: sslmode is \"requier\""),
    ] {
        let message = usage(Some(url), &[]);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn what_asks_for_nothing_special_passes() {
    let url = "postgres://h/db?channel_binding=prefer&target_session_attrs=read-write&keepalives=1&gssencmode=disable";
    assert_eq!(described(Some(url), &[("PGCLIENTENCODING", "UTF8")]), "os_user@h:5432/db");
}

#[test]
fn no_error_ever_shows_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let services =
        file(&directory, "services", &format!("[prod]\npassword={CANARY}\nport=54x2\n[odd]\npassword={CANARY}\nx=y\n"));
    let broken = file(&directory, "broken", &format!("[prod]\npassword={CANARY}\n{CANARY}\nport=1\n[odd]\n{CANARY}=1\n"));
    let urls = [
        format!("postgres://app:{CANARY}@h:x/db"),
        format!("postgres://app:{CANARY}@h/db?port=x"),
        format!("postgres://app:{CANARY}@h/db?nonsense=1"),
        format!("postgres://app:{CANARY}@h/db?sslmode=x"),
        format!("postgres://app:{CANARY}%zz@h/db"),
        format!("postgres://app:{CANARY}%00@h/db"),
        format!("postgres://app:{CANARY}%ff@h/db"),
        format!("postgres://app:{CANARY}/x@h/db"),
        format!("postgres://app:x/{CANARY}@h/db"),
        format!("postgres://app:1/{CANARY}@h/db"),
        format!("postgres://app:1?{CANARY}@h/db"),
        format!("postgres://app:1?{CANARY}=1@h/db"),
        format!("postgres://app:x@y/{CANARY}@h/db"),
        format!("postgres://app:{CANARY}"),
        format!("postgres://app:{CANARY}@[::1/db"),
        format!("postgres://app:{CANARY}@a,b/db"),
        format!("mysql://app:{CANARY}@h/db"),
        format!("postgres//app:{CANARY}@h/db"),
        format!("postgres//app:{CANARY}@h/db?sslmode=require"),
        format!("host=h password={CANARY} port=x"),
        format!("host=h password='{CANARY} port=1"),
        format!("host=h password=two {CANARY} port=1"),
        format!("host=h password=two {CANARY}=1"),
        format!("host=h password={CANARY} host=a,b"),
        format!("host=h sslpassword={CANARY}"),
        format!("host=h password={CANARY} service=none servicefile={services}"),
        format!("host=h password={CANARY}\0"),
        CANARY.to_owned(),
    ];
    for url in &urls {
        for (flag, variables) in [(Some(url.as_str()), vec![]), (None, vec![("DATABASE_URL", url.as_str())])] {
            let error = resolve(flag, &variables).expect_err(url);
            assert_eq!(error.kind(), Kind::Usage);
            assert!(!shown(&error).contains(CANARY), "{}", shown(&error));
        }
    }
    for (service, path) in [("prod", &services), ("odd", &services), ("none", &services), ("prod", &broken), ("odd", &broken)] {
        let error = resolve(None, &[("PGSERVICE", service), ("PGSERVICEFILE", path), ("PGPASSWORD", CANARY)]).unwrap_err();
        assert!(!shown(&error).contains(CANARY), "{}", shown(&error));
    }
}

#[test]
fn a_resolved_password_is_used_and_never_shown() {
    for url in [
        format!("postgres://app:{CANARY}@h/db"),
        // An @ that should have been percent-encoded stays in the password instead of reaching the host.
        format!("postgres://app:x@{CANARY}@h/db"),
        format!("postgres://h/db?user=app&password={CANARY}"),
        format!("host=h dbname=db user=app password='{CANARY}'"),
    ] {
        let settings = resolve(Some(&url), &[]).unwrap();
        assert!(settings.options().to_url_lossy().password().unwrap().contains("c4nary%2Ds3cret"));
        assert_eq!(settings.describe(), "app@h:5432/db");
        assert!(!format!("{settings:?} {settings:#?}").contains(CANARY));
        assert!(format!("{settings:?}").contains("app@h:5432/db"));
    }
}

#[test]
fn a_service_fills_what_the_connection_string_leaves_open_and_wins_over_variables() {
    let directory = tempfile::tempdir().unwrap();
    let content =
        "# ours\n\n[test]\nhost=wrong\n\n[prod]\nhost=db.prod\nport = 6000\ndbname=shop\nuser=app\npassword=it's \"a\\b;c#d\n";
    let path = file(&directory, "services", content);
    let variables = [("PGSERVICEFILE", path.as_str()), ("PGHOST", "ignored"), ("PGUSER", "ignored"), ("PGAPPNAME", "kept")];
    let settings = resolve(Some("postgres:///other?service=prod"), &variables).unwrap();
    assert_eq!(settings.describe(), "app@db.prod:6000/other");
    assert_eq!(settings.options().get_application_name(), Some("kept"));
    assert_eq!(settings.password.as_deref(), Some("it's \"a\\b;c#d"));
    let with_variable = [variables[0], ("PGSERVICE", "prod")];
    assert_eq!(described(None, &with_variable), "app@db.prod:6000/shop");
    assert_eq!(described(Some("service=prod port=1"), &variables), "app@db.prod:1/shop");
}

#[test]
fn services_are_looked_for_at_home_and_then_in_the_systems_directory() {
    let (own, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    file(&own, ".pg_service.conf", "[mine]\nhost=own\n[both]\nhost=own\n");
    file(&system, "pg_service.conf", "[theirs]\nhost=system\n[both]\nhost=system\n");
    let variables = [home(&own), ("PGSYSCONFDIR", system.path().to_str().unwrap())];
    let host = |service: &str| described(Some(&format!("service={service}")), &variables);
    assert_eq!(host("mine"), "os_user@own:5432/os_user");
    assert_eq!(host("theirs"), "os_user@system:5432/os_user");
    assert_eq!(host("both"), "os_user@own:5432/os_user");
    let message = usage(Some("service=nobodys"), &variables);
    assert!(message.starts_with("service \"nobodys\" not found in ") && message.contains(" or "), "{message}");
}

#[test]
fn a_faulty_service_is_an_error_that_names_file_and_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(
        &directory,
        "services",
        "[port]\nport=54x2\n[name]\nhots=h\n[nested]\nservice=port\n[ldap]\nldap://host/dn\n[broken]\nhost=h\nnonsense\nport=1\n[glued]\nuser=app password=canary\n",
    );
    for (service, expected) in [
        ("port", format!("service \"port\" of {path}: port is \"54x2\": a port is a number from 1 to 65535")),
        ("name", format!("{path}, line 4: there is no connection parameter of that name")),
        ("nested", format!("{path}, line 6: a service can't name another one")),
        ("ldap", format!("{path}, line 8: looking a service up by LDAP isn't supported")),
        ("broken", format!("{path}, line 11: it is neither [service] nor name=value")),
        ("glued", format!("service \"glued\" of {path}: user has \"password=\" in it")),
    ] {
        assert_eq!(usage(None, &[("PGSERVICE", service), ("PGSERVICEFILE", &path)]), expected);
    }
    let message = usage(None, &[("PGSERVICE", "prod"), ("PGSERVICEFILE", "/nonexistent/services")]);
    assert_eq!(message, "PGSERVICEFILE is \"/nonexistent/services\": there is no such service file");
    assert!(usage(None, &[("PGSERVICE", "prod")]).starts_with("service \"prod\" not found anywhere"));
}

#[test]
fn the_first_matching_line_of_the_password_file_counts() {
    let directory = tempfile::tempdir().unwrap();
    file(
        &directory,
        ".pgpass",
        "#h:5432:db:app:comment\n\nh:5432:db:other:no\nh:5432:d\\:b:app:es\\:ca\\\\ped\nh:*:db:app:yes\r\n*:*:*:*:last\n",
    );
    let password = |url: &str| resolve(Some(url), &[home(&directory)]).unwrap().password;
    assert_eq!(password("postgres://app@h/db").as_deref(), Some("yes"));
    assert_eq!(password("postgres://app@h/d:b").as_deref(), Some("es:ca\\ped"));
    assert_eq!(password("postgres://app@elsewhere/db").as_deref(), Some("last"));
    assert_eq!(password("postgres://app:given@h/db").as_deref(), Some("given"));
    assert_eq!(password("host=h hostaddr=10.0.0.1 user=app dbname=db").as_deref(), Some("yes"));
}

#[test]
fn a_named_password_file_replaces_the_one_at_home() {
    let directory = tempfile::tempdir().unwrap();
    file(&directory, ".pgpass", "*:*:*:*:home\n");
    let named = file(&directory, "named", "h:*:*:*:named\n");
    let password = |url: &str| resolve(Some(url), &[home(&directory), ("PGPASSFILE", &named)]).unwrap().password;
    assert_eq!(password("postgres://h").as_deref(), Some("named"));
    assert_eq!(password("postgres://other"), None);
}

#[test]
fn the_default_socket_directory_is_localhost_to_the_password_file() {
    let (directory, sockets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    file(&directory, ".pgpass", "localhost:*:*:*:local\n");
    let path = sockets.path().to_str().unwrap();
    let env = |name: &str| match name {
        "HOME" => Some(directory.path().to_str().unwrap().to_owned()),
        "PGHOST" => Some(path.to_owned()),
        "USER" => Some("u".to_owned()),
        _ => None,
    };
    assert_eq!(Settings::resolve_with(None, &env, &[path]).unwrap().password.as_deref(), Some("local"));
    assert_eq!(Settings::resolve_with(None, &env, &[]).unwrap().password, None);
}

#[cfg(unix)]
#[test]
fn a_password_file_that_others_may_read_is_ignored_and_the_hint_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, ".pgpass", "*:*:*:*:open\n");
    assert_eq!(resolve(None, &[home(&directory)]).unwrap().password.as_deref(), Some("open"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let settings = resolve(None, &[home(&directory)]).unwrap();
    assert_eq!(settings.password, None);
    assert!(settings.password_fact.contains("chmod 0600"), "{}", settings.password_fact);
}

#[test]
fn a_certificate_authority_at_hand_makes_require_check_the_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let ca = file(&directory, "ca.pem", "");
    let mode = |url: &str, variables: &[(&str, &str)]| resolve(Some(url), variables).unwrap().options().get_ssl_mode();
    assert!(matches!(mode("host=h sslmode=require", &[]), PgSslMode::Require));
    assert!(matches!(mode("host=h sslmode=require", &[("PGSSLROOTCERT", &ca)]), PgSslMode::VerifyCa));
    assert!(matches!(mode("host=h sslmode=prefer", &[("PGSSLROOTCERT", &ca)]), PgSslMode::Prefer));
    assert!(matches!(mode("host=h sslrootcert=system", &[]), PgSslMode::VerifyFull));
    assert!(usage(Some("host=h sslrootcert=system sslmode=require"), &[]).contains("need sslmode=verify-full"));
    fs::create_dir(directory.path().join(".postgresql")).unwrap();
    assert!(matches!(mode("host=h sslmode=require", &[home(&directory)]), PgSslMode::Require));
    fs::write(directory.path().join(".postgresql/root.crt"), "").unwrap();
    assert!(matches!(mode("host=h sslmode=require", &[home(&directory)]), PgSslMode::VerifyCa));
}

#[test]
fn a_client_certificate_needs_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let pem = file(&directory, "client.pem", "");
    assert!(usage(None, &[("PGSSLCERT", &pem)]).contains("needs its key"));
    assert!(usage(None, &[("PGSSLKEY", &pem)]).contains("needs its certificate"));
    resolve(None, &[("PGSSLCERT", &pem), ("PGSSLKEY", &pem)]).unwrap();
}

#[test]
fn a_timeout_of_zero_or_less_is_no_limit() {
    for seconds in ["0", "-1"] {
        assert_eq!(resolve(None, &[("PGCONNECT_TIMEOUT", seconds)]).unwrap().connect_timeout(), None);
    }
}

#[test]
fn the_users_application_name_stays() {
    let name = |variables: &[(&str, &str)]| {
        let settings = resolve(None, variables).unwrap().with_application_name("keyward apply");
        settings.options().get_application_name().unwrap().to_owned()
    };
    assert_eq!(name(&[]), "keyward apply");
    assert_eq!(name(&[("PGAPPNAME", "mine")]), "mine");
    assert_eq!(resolve(None, &[]).unwrap().options().get_application_name(), Some("keyward"));
}

/// Connects to a listener that answers the first message with `answer` and hangs up.
async fn refused_with(answer: Vec<u8>, parameters: &str) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(&answer);
        // Unread data at the close would reset the connection, and the answer might never arrive.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let url = format!("host=127.0.0.1 port={port} user=app dbname=shop {parameters}");
    let settings = resolve(Some(&url), &[("PGPASSWORD", CANARY)]).unwrap();
    let error = settings.options().connect().await.expect_err("nobody lets us in");
    server.join().unwrap();
    let error = connect_error(&settings, error);
    assert_eq!(error.kind(), Kind::Connect);
    assert_eq!(error.to_string(), format!("can't connect to app@127.0.0.1:{port}/shop"));
    assert!(!shown(&error).contains(CANARY), "{}", shown(&error));
    error
}

/// Makes the message in which a server refuses.
fn error_response(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn each_refusal_of_the_server_gets_its_cause_and_a_hint_that_fits() {
    for (code, hint) in [
        ("28P01", "the password came from PGPASSWORD"),
        ("28000", "pg_hba.conf"),
        ("3D000", "no database \"shop\""),
        ("42501", "GRANT CONNECT"),
        ("53300", "max_connections"),
        ("57P03", "try again"),
    ] {
        // A server that repeats the password, to see it masked.
        let error = refused_with(error_response(code, &format!("no entry ({CANARY})")), "sslmode=disable").await;
        assert!(error.hint().unwrap().contains(hint), "{}", shown(&error));
        assert_eq!(StdError::source(&error).unwrap().to_string(), format!("no entry (********) (SQLSTATE {code})"));
    }
}

#[tokio::test]
async fn an_unforeseen_refusal_has_its_cause_and_no_hint() {
    let error = refused_with(error_response("XX000", "odd"), "sslmode=disable").await;
    assert_eq!(error.hint(), None);
    assert_eq!(StdError::source(&error).unwrap().to_string(), "odd (SQLSTATE XX000)");
}

#[tokio::test]
async fn a_server_without_tls_points_at_the_mode() {
    let error = refused_with(b"N".to_vec(), "sslmode=require").await;
    assert!(error.hint().unwrap().contains("PGSSLMODE"), "{}", shown(&error));
    let error = refused_with(b"N".to_vec(), "sslmode=verify-full").await;
    assert!(error.hint().unwrap().contains("PGSSLROOTCERT"), "{}", shown(&error));
}

#[tokio::test]
async fn a_failed_handshake_points_at_the_mode() {
    let error = refused_with(b"SHTTP/1.1 400".to_vec(), "sslmode=verify-full").await;
    assert!(error.hint().unwrap().contains("PGSSLROOTCERT"), "{}", shown(&error));
}

#[tokio::test]
async fn a_listener_that_hangs_up_or_speaks_something_else_is_doubted() {
    assert!(refused_with(Vec::new(), "sslmode=disable").await.hint().unwrap().contains("is it a PostgreSQL server"));
    assert!(refused_with(b"HTTP/1.1".to_vec(), "sslmode=prefer").await.hint().unwrap().contains("is it a PostgreSQL server"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_asks_whether_the_server_runs() {
    // The near end of a connection keeps its port from everybody else, and doesn't listen.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = connection.local_addr().unwrap().port();
    let settings = resolve(Some(&format!("postgres://app:{CANARY}@127.0.0.1:{port}/db")), &[]).unwrap();
    let error = connect_error(&settings, settings.options().connect().await.unwrap_err());
    assert!(error.hint().unwrap().contains(&format!("TCP port {port}")), "{}", shown(&error));
    assert!(!shown(&error).contains(CANARY));
}

#[tokio::test]
async fn a_missing_socket_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let settings = resolve(Some(&format!("host={path}")), &[]).unwrap();
    let error = connect_error(&settings, settings.options().connect().await.unwrap_err());
    assert!(error.hint().unwrap().contains(&format!("{path}/.s.PGSQL.5432")), "{}", shown(&error));
}

#[test]
fn a_timeout_says_what_to_check() {
    let settings = resolve(Some("postgres://h"), &[]).unwrap();
    for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(ErrorKind::TimedOut.into())] {
        assert!(connect_error(&settings, error).hint().unwrap().contains("firewall"));
    }
}
