//! What names say: identifiers cut into words, and the words that mean accounts, keys, users and kinds of roles.

/// Cuts an identifier into lower-case words: at anything that is no letter or digit, where a small letter is followed by a capital one,
/// and between letters and digits.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let starts = before == ' '
            || (before.is_lowercase() && c.is_uppercase())
            || (before.is_numeric() != c.is_numeric() && before != 'v' && before != 'V');
        match words.last_mut() {
            Some(word) if !starts => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
        before = c;
    }
    words
}

/// Returns an English noun's singular, as far as endings tell.
pub(super) fn singular(word: &str) -> String {
    let cut = |end: &str, with: &str| {
        word.strip_suffix(end).filter(|stem| stem.chars().count() > 1).map(|stem| format!("{stem}{with}"))
    };
    if word.ends_with("ss") || word.ends_with("us") || word == "people" {
        return if word == "people" { "person".to_owned() } else { word.to_owned() };
    }
    cut("ies", "y")
        .or_else(|| ["sses", "xes", "ches", "shes"].iter().find_map(|end| cut(end, &end[..end.len() - 2])))
        .or_else(|| cut("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// Returns the singular words of a table's name: only the last is a plural.
pub(super) fn of_table(name: &str) -> Vec<String> {
    let mut words = words(name);
    if let Some(last) = words.last_mut() {
        *last = singular(last);
    }
    words
}

/// Words for whoever a key belongs to in the end.
const ACCOUNT: &[&str] = &[
    "account",
    "agency",
    "business",
    "client",
    "company",
    "customer",
    "merchant",
    "org",
    "organisation",
    "organization",
    "team",
    "tenant",
    "workspace",
];

/// Tells how much a table's name sounds like accounts: 2 by its last word, 1 by another.
pub(super) fn like_accounts(name: &str) -> u8 {
    let words = of_table(name);
    match words.split_last() {
        Some((last, _)) if ACCOUNT.contains(&last.as_str()) => 2,
        Some((_, rest)) if rest.iter().any(|word| ACCOUNT.contains(&word.as_str())) => 1,
        _ => 0,
    }
}

/// Words for people who log in.
const USER: &[&str] = &["user", "member", "login", "person", "staff", "employee", "operator", "teammate"];

/// Tells whether a table's name sounds like users.
pub(super) fn like_users(name: &str) -> bool {
    of_table(name).last().is_some_and(|last| USER.contains(&last.as_str()))
}

/// What a column's name says of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyName {
    /// It is a key: `api_key`, `webhook_secret`.
    Key,
    /// It may be one: `token`, `key`.
    Maybe,
    /// It would be one, but for this word.
    Other(&'static str),
    /// It says nothing of the kind.
    No,
}

/// Words that make a key of what follows.
const BEFORE_KEY: &[&str] = &[
    "access",
    "api",
    "auth",
    "bearer",
    "client",
    "device",
    "hook",
    "ingest",
    "install",
    "installation",
    "integration",
    "licence",
    "license",
    "personal",
    "private",
    "secret",
    "service",
    "signing",
    "webhook",
    "write",
];

/// Words that make something else of a key, each with what it is then.
const NO_KEY: &[(&str, &str)] = &[
    ("password", "a password, which authenticates a person"),
    ("passwd", "a password, which authenticates a person"),
    ("pwd", "a password, which authenticates a person"),
    ("hash", "a hash, which can't be used as a key"),
    ("hashed", "a hash, which can't be used as a key"),
    ("digest", "a hash, which can't be used as a key"),
    ("salt", "a salt"),
    ("fingerprint", "a fingerprint"),
    ("last", "a part of a key"),
    ("hint", "a part of a key"),
    ("prefix", "a part of a key"),
    ("public", "public"),
    ("publishable", "public"),
    ("session", "a session's, gone when it ends"),
    ("csrf", "a session's, gone when it ends"),
    ("remember", "a session's, gone when it ends"),
    ("refresh", "a session's, gone when it ends"),
    ("reset", "for one use"),
    ("confirmation", "for one use"),
    ("confirm", "for one use"),
    ("verification", "for one use"),
    ("invite", "for one use"),
    ("invitation", "for one use"),
    ("unsubscribe", "for one use"),
    ("otp", "a second factor's"),
    ("totp", "a second factor's"),
    ("mfa", "a second factor's"),
    ("cache", "a look-up key"),
    ("sort", "a look-up key"),
    ("idempotency", "a look-up key"),
    ("dedup", "a look-up key"),
    ("lookup", "a look-up key"),
    ("partition", "a look-up key"),
    ("primary", "a look-up key"),
    ("foreign", "a look-up key"),
    ("translation", "a look-up key"),
    ("object", "the name of a file"),
    ("storage", "the name of a file"),
    ("file", "the name of a file"),
    ("path", "the name of a file"),
    ("s", "the name of a file"),
    ("id", "an id"),
    ("name", "a name"),
    ("type", "a kind"),
    ("kind", "a kind"),
    ("url", "an address"),
    ("at", "a time"),
    ("count", "a number"),
];

/// Tells what a column's name says of keys.
pub(super) fn key_name(column: &str) -> KeyName {
    let all = words(column);
    let has = |word: &str| all.iter().any(|found| found == word);
    let pair = all
        .windows(2)
        .any(|pair| BEFORE_KEY.contains(&pair[0].as_str()) && matches!(pair[1].as_str(), "key" | "keys" | "token" | "secret"));
    let one = ["apikey", "apitoken", "apisecret", "accesskey", "accesstoken", "authtoken", "clientsecret", "secretkey", "secret"];
    let found = if pair || one.iter().any(|word| has(word)) {
        KeyName::Key
    } else if ["token", "key", "credential", "credentials"].iter().any(|word| has(word)) {
        KeyName::Maybe
    } else {
        return KeyName::No;
    };
    match NO_KEY.iter().find(|(word, _)| has(word)) {
        Some((_, what)) => KeyName::Other(what),
        None => found,
    }
}

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The web application.
    Ui,
    /// The API.
    Api,
    /// Looks up which row a key belongs to.
    Auth,
    /// Something else: jobs, reports, backups, migrations.
    Other,
}

/// Words that say what a role, or an application, is for.
const PARTS: &[(&str, Part)] = &[
    ("ui", Part::Ui),
    ("web", Part::Ui),
    ("webapp", Part::Ui),
    ("website", Part::Ui),
    ("www", Part::Ui),
    ("frontend", Part::Ui),
    ("dashboard", Part::Ui),
    ("console", Part::Ui),
    ("portal", Part::Ui),
    ("backoffice", Part::Ui),
    ("api", Part::Api),
    ("rest", Part::Api),
    ("graphql", Part::Api),
    ("grpc", Part::Api),
    ("rpc", Part::Api),
    ("mobile", Part::Api),
    ("integration", Part::Api),
    ("integrations", Part::Api),
    ("partner", Part::Api),
    ("partners", Part::Api),
    ("legacy", Part::Api),
    ("auth", Part::Auth),
    ("authenticator", Part::Auth),
    ("gateway", Part::Auth),
    ("gw", Part::Auth),
    ("ingress", Part::Auth),
    ("proxy", Part::Auth),
    ("edge", Part::Auth),
    ("worker", Part::Other),
    ("workers", Part::Other),
    ("job", Part::Other),
    ("batch", Part::Other),
    ("jobs", Part::Other),
    ("cron", Part::Other),
    ("queue", Part::Other),
    ("sidekiq", Part::Other),
    ("celery", Part::Other),
    ("report", Part::Other),
    ("reports", Part::Other),
    ("reporting", Part::Other),
    ("readonly", Part::Other),
    ("ro", Part::Other),
    ("bi", Part::Other),
    ("analytics", Part::Other),
    ("etl", Part::Other),
    ("metabase", Part::Other),
    ("looker", Part::Other),
    ("tableau", Part::Other),
    ("backup", Part::Other),
    ("dump", Part::Other),
    ("replication", Part::Other),
    ("monitoring", Part::Other),
    ("migrate", Part::Other),
    ("migration", Part::Other),
    ("migrations", Part::Other),
    ("migrator", Part::Other),
    ("deploy", Part::Other),
    ("owner", Part::Other),
    ("dba", Part::Other),
];

/// Tells what a name says of its part: the last word that says something.
pub(super) fn part(name: &str) -> Option<Part> {
    let all = words(name);
    all.iter().rev().find_map(|word| PARTS.iter().find(|(known, _)| known == word).map(|(_, part)| *part))
}

/// Returns the version that a name carries, as in `api_v2`, and the name without it.
pub(super) fn version(name: &str) -> Option<(String, u32)> {
    let all = words(name);
    let at = all.iter().position(|word| {
        word.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
    })?;
    let number = all[at][1..].parse().ok()?;
    let rest = all.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, word)| word.as_str());
    Some((rest.collect::<Vec<_>>().join("_"), number))
}

/// Tells whether a name says that its bearer is of the past.
pub(super) fn is_legacy(name: &str) -> bool {
    words(name).iter().any(|word| matches!(word.as_str(), "legacy" | "old" | "deprecated"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("api_key", &["api", "key"][..]),
            ("apiKey", &["api", "key"]),
            ("API Key", &["api", "key"]),
            ("app_v2_ui", &["app", "v2", "ui"]),
            ("We\"ird.Næme", &["we", "ird", "næme"]),
            ("s3_key", &["s", "3", "key"]),
            ("", &[]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
        for (plural, one) in [
            ("companies", "company"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("status", "status"),
            ("users", "user"),
            ("s", "s"),
        ] {
            assert_eq!(singular(plural), one);
        }
    }

    #[test]
    fn names_of_keys_are_told_from_names_of_other_things() {
        for key in ["api_key", "apiKey", "API Token", "webhook_secret", "secret", "client_secret", "apikey"] {
            assert_eq!(key_name(key), KeyName::Key, "{key}");
        }
        for maybe in ["token", "key", "credentials", "stripe_key"] {
            assert_eq!(key_name(maybe), KeyName::Maybe, "{maybe}");
        }
        for other in
            ["api_key_hash", "reset_token", "s3_key", "sort_key", "public_key", "api_key_id", "key_name", "api_key_created_at"]
        {
            assert!(matches!(key_name(other), KeyName::Other(_)), "{other}");
        }
        for no in ["id", "email", "monkey", "keynote", "password_hash"] {
            assert_eq!(key_name(no), KeyName::No, "{no}");
        }
    }

    #[test]
    fn names_of_roles_say_what_they_are_for() {
        for (name, expected) in [
            ("app_ui", Some(Part::Ui)),
            ("api_v1", Some(Part::Api)),
            ("api_gateway", Some(Part::Auth)),
            ("web_api", Some(Part::Api)),
            ("app", None),
            ("postgres_worker", Some(Part::Other)),
        ] {
            assert_eq!(part(name), expected, "{name}");
        }
        assert_eq!(version("api_v2"), Some(("api".to_owned(), 2)));
        assert_eq!(version("apiV10"), Some(("api".to_owned(), 10)));
        assert_eq!(version("vip"), None);
    }
}
