//! Connection strings: `postgres://` URLs and `keyword=value` pairs, read as libpq reads them.
//!
//! No error here repeats text of the string that could be a piece of a password: one stray character in a password moves every
//! boundary after it, so what looks like a port or a parameter's name may be the password's tail.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// One connection parameter: its value, and how a message names the place it came from (`PGPORT`, `--database-url: port`).
#[derive(Clone)]
pub(super) struct Param {
    pub(super) value: String,
    pub(super) label: String,
}

impl Param {
    /// Makes a parameter, unless a password has become a part of a value that messages may show.
    pub(super) fn new(name: &str, value: String, label: String) -> Result<Self> {
        let is_shown = !matches!(name, "password" | "sslpassword" | "options");
        // Spaces may surround the sign.
        if is_shown && value.split_whitespace().collect::<String>().contains("password=") {
            return Err(Error::usage(format!("{label} has \"password=\" in it")).with_hint(
                "look for a quote, backslash, space or percent sign before the password that makes it a part of this value",
            ));
        }
        Ok(Self { value, label })
    }
}

/// Parameters by libpq keyword.
pub(super) type Params = BTreeMap<&'static str, Param>;

/// What keyward does with a parameter that libpq knows.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// It takes effect.
    Honoured,
    /// Leaving it out changes nothing that matters here.
    Ignored,
    /// The driver can't do it; only these values, which ask for nothing, pass.
    Only(&'static [&'static str]),
}

/// A connection parameter of libpq.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
    pub(super) treatment: Use,
}

const fn keyword(name: &'static str, variable: &'static str, treatment: Use) -> Keyword {
    Keyword { name, variable: Some(variable), treatment }
}

const fn without_variable(name: &'static str, treatment: Use) -> Keyword {
    Keyword { name, variable: None, treatment }
}

/// Every parameter that a connection string or a service may name.
///
/// A parameter that the driver doesn't implement is refused where ignoring it would weaken the connection without a word.
pub(super) const KEYWORDS: &[Keyword] = &[
    keyword("service", "PGSERVICE", Use::Honoured),
    keyword("servicefile", "PGSERVICEFILE", Use::Honoured),
    keyword("host", "PGHOST", Use::Honoured),
    keyword("hostaddr", "PGHOSTADDR", Use::Honoured),
    keyword("port", "PGPORT", Use::Honoured),
    keyword("dbname", "PGDATABASE", Use::Honoured),
    keyword("user", "PGUSER", Use::Honoured),
    keyword("password", "PGPASSWORD", Use::Honoured),
    keyword("passfile", "PGPASSFILE", Use::Honoured),
    keyword("options", "PGOPTIONS", Use::Honoured),
    keyword("application_name", "PGAPPNAME", Use::Honoured),
    without_variable("fallback_application_name", Use::Honoured),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT", Use::Honoured),
    keyword("sslmode", "PGSSLMODE", Use::Honoured),
    keyword("sslrootcert", "PGSSLROOTCERT", Use::Honoured),
    keyword("sslcert", "PGSSLCERT", Use::Honoured),
    keyword("sslkey", "PGSSLKEY", Use::Honoured),
    keyword("client_encoding", "PGCLIENTENCODING", Use::Ignored),
    keyword("sslcompression", "PGSSLCOMPRESSION", Use::Ignored),
    keyword("sslsni", "PGSSLSNI", Use::Ignored),
    keyword("gsslib", "PGGSSLIB", Use::Ignored),
    keyword("gssdelegation", "PGGSSDELEGATION", Use::Ignored),
    keyword("krbsrvname", "PGKRBSRVNAME", Use::Ignored),
    keyword("load_balance_hosts", "PGLOADBALANCEHOSTS", Use::Ignored),
    keyword("max_protocol_version", "PGMAXPROTOCOLVERSION", Use::Ignored),
    without_variable("keepalives", Use::Ignored),
    without_variable("keepalives_idle", Use::Ignored),
    without_variable("keepalives_interval", Use::Ignored),
    without_variable("keepalives_count", Use::Ignored),
    without_variable("tcp_user_timeout", Use::Ignored),
    keyword("channel_binding", "PGCHANNELBINDING", Use::Only(&["disable", "prefer"])),
    keyword("gssencmode", "PGGSSENCMODE", Use::Only(&["disable", "prefer"])),
    keyword("min_protocol_version", "PGMINPROTOCOLVERSION", Use::Only(&["3.0"])),
    keyword("require_auth", "PGREQUIREAUTH", Use::Only(&[])),
    keyword("requirepeer", "PGREQUIREPEER", Use::Only(&[])),
    keyword("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Use::Only(&["TLSv1", "TLSv1.1", "TLSv1.2"])),
    keyword("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Use::Only(&["TLSv1.3"])),
    keyword("sslcertmode", "PGSSLCERTMODE", Use::Only(&["allow"])),
    keyword("sslcrl", "PGSSLCRL", Use::Only(&[])),
    keyword("sslcrldir", "PGSSLCRLDIR", Use::Only(&[])),
    keyword("sslnegotiation", "PGSSLNEGOTIATION", Use::Only(&["postgres"])),
    without_variable("sslpassword", Use::Only(&[])),
    keyword("target_session_attrs", "PGTARGETSESSIONATTRS", Use::Only(&["any", "read-write", "primary", "prefer-standby"])),
    without_variable("replication", Use::Only(&["false", "off", "no", "0"])),
];

/// Returns libpq's own spelling of a parameter's name, or nothing if libpq knows none of that name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KEYWORDS.iter().find(|keyword| keyword.name == name).map(|keyword| keyword.name)
}

/// Reads a connection string; `place` names it in messages (`--database-url`).
pub(super) fn parse(text: &str, place: &str) -> Result<Params> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.contains('\0') {
        return Err(Error::usage(format!("{place} contains a NUL character")));
    }
    if let Some((scheme, rest)) = text.split_once("://")
        && !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        return match scheme {
            "postgres" | "postgresql" => parse_url(rest, place),
            _ => Err(Error::usage(format!("{place}: the scheme is {scheme:?}: it must be postgres or postgresql"))),
        };
    }
    if text.contains('=') {
        return parse_keywords(text, place);
    }
    Err(Error::usage(format!("{place} isn't a connection string"))
        .with_hint("give a URL, postgres://user@host:5432/database, or keywords, \"host=… user=… dbname=…\""))
}

/// Collects parameters of one string, and remembers whether a password came before.
struct Reader<'a> {
    place: &'a str,
    params: Params,
    after_password: bool,
}

impl Reader<'_> {
    fn set(&mut self, name: &'static str, value: String) -> Result<()> {
        let param = Param::new(name, value, format!("{}: {name}", self.place))?;
        self.params.insert(name, param);
        Ok(())
    }

    fn set_named(&mut self, name: &str, value: String) -> Result<()> {
        let Some(name) = known(name) else {
            // An unquoted space or ampersand in a password would make its tail look like a name.
            let plausible = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
            let shown = if plausible && !self.after_password { format!(" {name:?}") } else { String::new() };
            return Err(Error::usage(format!("{}: there is no connection parameter{shown} of that name", self.place)).with_hint(
                "connection parameters are those of libpq: host, port, dbname, user, password, sslmode, service and so on",
            ));
        };
        self.after_password |= name.contains("password");
        self.set(name, value)
    }
}

fn parse_url(rest: &str, place: &str) -> Result<Params> {
    let mut reader = Reader { place, params: Params::new(), after_password: false };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // libpq lets a raw @ pass here, and then takes half of a password with a slash in it for the database's name.
    if tail.contains('@') {
        return Err(Error::usage(format!("{place}: there is an @ after the host's end"))
            .with_hint("in a user name, password or parameter write @ as %40, / as %2F and ? as %3F"));
    }
    // The last @: a password's own @ must not end up in the host, where messages show it.
    let (userinfo, host_and_port) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').map_or((userinfo, None), |(user, password)| (user, Some(password)));
        if !user.is_empty() {
            reader.set("user", decode(user, place, "user name")?)?;
        }
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            reader.set("password", decode(password, place, "password")?)?;
        }
    }
    if host_and_port.contains(',') {
        return Err(Error::usage(format!("{place} names several hosts: only one is supported"))
            .with_hint("name the primary server alone"));
    }
    let (host, port) = if let Some(inner) = host_and_port.strip_prefix('[') {
        let (host, after) =
            inner.split_once(']').ok_or_else(|| Error::usage(format!("{place}: the host's opening [ is never closed by ]")))?;
        if !after.is_empty() && !after.starts_with(':') {
            return Err(Error::usage(format!("{place}: only a port may follow the host's ]")));
        }
        (host, after.strip_prefix(':'))
    } else {
        host_and_port.split_once(':').map_or((host_and_port, None), |(host, port)| (host, Some(port)))
    };
    if !host.is_empty() {
        reader.set("host", decode(host, place, "host")?)?;
    }
    if let Some(port) = port.filter(|port| !port.is_empty()) {
        // Not shown: in `postgres://user:password` without a host, this is the password.
        if !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(Error::usage(format!("{place}: what follows the host's colon isn't a port: a number from 1 to 65535"))
                .with_hint("a URL is postgres://user:password@host:port/database; an IPv6 address goes in [brackets]"));
        }
        reader.set("port", port.to_owned())?;
    }
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let database = path.strip_prefix('/').unwrap_or(path);
    if !database.is_empty() {
        reader.set("dbname", decode(database, place, "database name")?)?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Error::usage(format!("{place}: a parameter after the ? has no value")))?;
        let (name, value) = (decode(name, place, "parameter name")?, decode(value, place, "parameter value")?);
        // As JDBC spells it; libpq accepts it too.
        if name == "ssl" && value == "true" {
            reader.set("sslmode", "require".to_owned())?;
        } else {
            reader.set_named(&name, value)?;
        }
    }
    Ok(reader.params)
}

/// Undoes percent-encoding; `what` names the part in messages, which never show it.
fn decode(text: &str, place: &str, what: &str) -> Result<String> {
    let bad = |why: &str| {
        Error::usage(format!("{place}: the {what} {why}"))
            .with_hint("write a % that means itself as %25, and other bytes as UTF-8")
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(bad("has a % without two hexadecimal digits"));
        };
        bytes.push(high * 16 + low);
    }
    if bytes.contains(&0) {
        return Err(bad("contains %00"));
    }
    String::from_utf8(bytes).map_err(|_| bad("isn't UTF-8 after percent-decoding"))
}

fn parse_keywords(text: &str, place: &str) -> Result<Params> {
    let mut reader = Reader { place, params: Params::new(), after_password: false };
    let mut chars = text.chars().enumerate().peekable();
    loop {
        while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        let Some(&(start, _)) = chars.peek() else { return Ok(reader.params) };
        let mut name = String::new();
        while let Some((_, c)) = chars.next_if(|(_, c)| *c != '=' && !c.is_ascii_whitespace()) {
            name.push(c);
        }
        while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        if chars.next_if(|(_, c)| *c == '=').is_none() {
            return Err(Error::usage(format!("{place}: the word at character {} has no = after it", start + 1))
                .with_hint("quote a value that contains spaces: password='two words'"));
        }
        while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
        let quote = chars.next_if(|(_, c)| *c == '\'').map(|(at, _)| at);
        let mut value = String::new();
        let mut closed = false;
        while let Some((_, c)) = chars.next_if(|(_, c)| quote.is_some() || !c.is_ascii_whitespace()) {
            match c {
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                '\'' if quote.is_some() => {
                    closed = true;
                    break;
                }
                _ => value.push(c),
            }
        }
        if let Some(at) = quote.filter(|_| !closed) {
            return Err(Error::usage(format!("{place}: the quote at character {} is never closed", at + 1)));
        }
        reader.set_named(&name, value)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(&'static str, String)> {
        parse(text, "here").unwrap().into_iter().map(|(name, param)| (name, param.value)).collect()
    }

    fn pairs(expected: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    #[test]
    fn a_url_is_read_part_by_part_and_percent_decoded() {
        assert_eq!(
            values("postgresql://us%40er:p%2Fw@db.example:6000/my%20db?sslmode=require&application_name=a%26b"),
            pairs(&[
                ("application_name", "a&b"),
                ("dbname", "my db"),
                ("host", "db.example"),
                ("password", "p/w"),
                ("port", "6000"),
                ("sslmode", "require"),
                ("user", "us@er"),
            ])
        );
    }

    #[test]
    fn every_part_of_a_url_may_be_left_out() {
        assert_eq!(values("postgres://"), []);
        assert_eq!(values("postgres:///app"), pairs(&[("dbname", "app")]));
        assert_eq!(values("postgres://:@:/?"), []);
        assert_eq!(values("postgres://?service=prod"), pairs(&[("service", "prod")]));
    }

    #[test]
    fn a_socket_directory_and_an_ipv6_address_are_hosts() {
        assert_eq!(values("postgres://%2Ftmp%2Fsock:1/a"), pairs(&[("dbname", "a"), ("host", "/tmp/sock"), ("port", "1")]));
        assert_eq!(values("postgres://[::1]:1"), pairs(&[("host", "::1"), ("port", "1")]));
        assert_eq!(values("postgres:///a?host=/tmp/sock"), pairs(&[("dbname", "a"), ("host", "/tmp/sock")]));
    }

    #[test]
    fn the_parameters_of_a_url_win_over_its_parts_and_plus_is_no_space() {
        assert_eq!(values("postgres://one?host=t+wo"), pairs(&[("host", "t+wo")]));
    }

    #[test]
    fn jdbcs_ssl_true_means_require() {
        assert_eq!(values("postgres://h?ssl=true"), pairs(&[("host", "h"), ("sslmode", "require")]));
    }

    #[test]
    fn keywords_take_quotes_escapes_and_spaces_around_the_sign() {
        assert_eq!(
            values(r"host = h password='it\'s \\ two'  user=a\ b dbname=''"),
            pairs(&[("dbname", ""), ("host", "h"), ("password", r"it's \ two"), ("user", "a b")])
        );
    }

    #[test]
    fn a_url_inside_a_keywords_value_is_no_url() {
        assert_eq!(values("password=a://b"), pairs(&[("password", "a://b")]));
    }

    #[test]
    fn an_unknown_parameter_is_named_unless_it_could_be_a_passwords_tail() {
        let message = |text| parse(text, "here").err().unwrap().to_string();
        assert!(message("postgres://h/db?schema=public").contains("\"schema\""));
        assert!(message("hots=h password=x").contains("\"hots\""));
        assert!(!message("password=two canary=x").contains("canary"));
        assert!(!message("postgres://h?password=two&canary=x").contains("canary"));
    }

    #[test]
    fn a_password_that_became_a_part_of_a_name_is_refused_and_not_shown() {
        for text in [
            r"host=h user=\ password=canary",
            "host='h password=canary' user=u",
            "host='h password = canary'",
            "postgres://u@h/app%3Fpassword=canary",
        ] {
            let message = parse(text, "here").err().unwrap().to_string();
            assert!(message.contains("has \"password=\" in it") && !message.contains("canary"), "{message}");
        }
        assert_eq!(values("user=u password='password=x'"), pairs(&[("password", "password=x"), ("user", "u")]), "control");
    }
}
