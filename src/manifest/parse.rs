//! Reads `keyward.toml` strictly and says where each fault is.
//!
//! The TOML tree is walked by hand instead of through serde, for two reasons: all faults of a file come out at once, not
//! the first alone; and each says what was found, what is expected and what to write instead. Values are read into drafts that
//! remember their places, the rules between them are checked on whatever could be read, and only a faultless draft
//! becomes a [`Manifest`].

mod draft;
mod rollout;

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::path::Path;

use jiff::Timestamp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    AccountPath, Accounts, Deny, Generate, Hide, Key, Manifest, Name, OnInsert, Roles, Setting, VERSION, Write, default_deny,
    default_label, default_owner,
};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table, human};
use draft::Draft;

impl Manifest {
    /// Reads the manifest in the file at `path`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the file can't be read, and as [`Manifest::parse`] does.
    pub fn load(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            Error::usage(format!("can't read the manifest {origin}"))
                .with_source(error)
                .with_hint("name another file, or let `keyward init` write one")
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, &origin),
            Err(error) => {
                let end = error.valid_up_to();
                let text = String::from_utf8_lossy(&bytes[..end]);
                let mut faults = Faults::new(&origin, &text);
                faults.add(end, "the text is not UTF-8 from here on", "save the file as UTF-8");
                Err(faults.into_error())
            }
        }
    }

    /// Reads a manifest from TOML text. `origin` is what messages call it: the path of its file.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`]. The message has a line for each fault, `<origin>:<line>:<column>: <what was found; what is
    /// expected>`, in the order of the text, lines and columns counted from 1, columns in characters. The hint holds the remedies. A
    /// fault of the TOML syntax, and a version that isn't known, are reported alone.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let mut faults = Faults::new(origin, text);
        let root = match DeTable::parse(text) {
            Ok(root) => root,
            Err(error) => {
                let at = error.span().map_or(text.len(), |span| span.start);
                faults.add(at, format!("not TOML: {}", error.message()), SYNTAX_HINT);
                return Err(faults.into_error());
            }
        };
        let root = Part::open(&ROOT, 0, root.get_ref(), &mut faults);
        if let Some(version) = root.read::<i64>("version", &mut Faults::new(origin, text)).value
            && *version.get_ref() != i64::from(VERSION)
        {
            // Another version has other keys: what this one would say about them can only mislead.
            let mut faults = Faults::new(origin, text);
            faults.add(
                version.span().start,
                format!("the manifest's version is {}; expected {VERSION}", version.get_ref()),
                format!(
                    "this keyward reads version {VERSION} only: write `version = {VERSION}`, or use the keyward that the file was \
                     written for"
                ),
            );
            return Err(faults.into_error());
        }
        let draft = Draft::read(&root, &mut faults);
        draft.check(&root, &mut faults);
        match draft.finish() {
            Some(manifest) if faults.found.is_empty() => Ok(manifest),
            _ => Err(faults.into_error()),
        }
    }
}

const SYNTAX_HINT: &str = "strings are quoted (table = \"app.users\"), a table's header stands on a line of its own ([accounts], \
                           [[keys]]), and a key appears once";

/// What is wrong with a file, and where.
struct Faults<'a> {
    origin: &'a str,
    text: &'a str,
    found: Vec<Fault>,
}

struct Fault {
    /// The byte of the text where it shows.
    at: usize,
    message: String,
    hint: String,
}

impl<'a> Faults<'a> {
    fn new(origin: &'a str, text: &'a str) -> Self {
        Self { origin, text, found: Vec::new() }
    }

    fn add(&mut self, at: usize, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Fault { at, message: message.into(), hint: hint.into() });
    }

    /// Returns the line and the column of a byte of the text, from 1, the column in characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line = before.rsplit('\n').next().unwrap_or_default();
        // A byte order mark takes no room in an editor.
        (before.matches('\n').count() + 1, line.chars().filter(|c| *c != '\u{feff}').count() + 1)
    }

    fn line(&self, at: usize) -> usize {
        self.position(at).0
    }

    /// Makes one error of all faults: a line for each, and the remedies as the hint, with their lines if there are several.
    fn into_error(mut self) -> Error {
        self.found.sort_by_key(|fault| fault.at);
        let several = self.found.len() > 1;
        let mut messages = Vec::new();
        let mut hints = Vec::new();
        for fault in &self.found {
            let (line, column) = self.position(fault.at);
            messages.push(format!("{}:{line}:{column}: {}", self.origin, fault.message));
            hints.push(if several { format!("line {line}: {}", fault.hint) } else { fault.hint.clone() });
        }
        Error::usage(messages.join("\n")).with_hint(hints.join("\n"))
    }
}

/// A kind of TOML table: what it's called in messages, and its keys, each with an example.
struct Shape {
    title: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

const ROOT: Shape = Shape {
    title: "the manifest",
    keys: &[
        ("version", "version = 1"),
        ("setting", "[setting], and below it: cutover = 2024-06-17T00:00:00Z"),
        ("roles", "[roles], and below it: ui = [\"app_ui\"] and api = [\"api_v1\"]"),
        ("accounts", "[accounts], and below it: table = \"app.accounts\" and id = \"id\""),
        ("keys", "[[keys]], and below it: name, table, id, column and account"),
        ("writes", "[[writes]], and below it: name, table, account and roles"),
        ("rollout", "[rollout.limits], and below it: lag_seconds = 10"),
    ],
};
const SETTING: Shape = Shape {
    title: "[setting]",
    keys: &[("label", "label = \"Enhanced Account Security\""), ("cutover", "cutover = 2024-06-17T00:00:00Z")],
};
const ROLES: Shape = Shape {
    title: "[roles]",
    keys: &[
        ("owner", "owner = \"keyward_owner\""),
        ("ui", "ui = [\"app_ui\"]"),
        ("api", "api = [\"api_v1\", \"api_v2\"]"),
        ("auth", "auth = [\"api_gateway\"]"),
    ],
};
const ACCOUNTS: Shape = Shape { title: "[accounts]", keys: &[("table", "table = \"app.accounts\""), ("id", "id = \"id\"")] };
const KEY: Shape = Shape {
    title: "[[keys]]",
    keys: &[
        ("name", "name = \"location_api_key\""),
        ("table", "table = \"app.locations\""),
        ("id", "id = \"id\""),
        ("column", "column = \"api_key\""),
        ("account", "account = \"account_id\""),
        ("hide", "hide = \"vault\""),
        ("on_insert", "on_insert = \"strip\""),
        ("generate", "generate = { prefix = \"loc_\", bytes = 32 }"),
    ],
};
const GENERATE: Shape = Shape { title: "generate", keys: &[("prefix", "prefix = \"loc_\""), ("bytes", "bytes = 32")] };
const ACCOUNT: Shape = Shape {
    title: "account",
    keys: &[
        ("column", "column = \"location_id\""),
        ("via", "via = \"app.locations\""),
        ("id", "id = \"id\""),
        ("account", "account = \"account_id\""),
    ],
};
const WRITE: Shape = Shape {
    title: "[[writes]]",
    keys: &[
        ("name", "name = \"legacy_users\""),
        ("table", "table = \"app.users\""),
        ("account", "account = \"account_id\""),
        ("roles", "roles = [\"api_v1\"]"),
        ("deny", "deny = [\"insert\", \"update\", \"delete\"]"),
        ("rls", "rls = true"),
    ],
};

impl Shape {
    /// Returns the key that was probably meant by `written`: the nearest by edit distance, at most a third of it away.
    fn nearest(&self, written: &str) -> Option<&'static str> {
        let written = written.to_lowercase();
        self.keys
            .iter()
            .map(|(key, _)| (strsim::damerau_levenshtein(&written, key), *key))
            .filter(|(distance, key)| distance * 3 <= written.chars().count().max(key.len()).max(3))
            .min()
            .map(|(_, key)| key)
    }
}

/// A key of a table: what a message says about it.
#[derive(Clone, Copy)]
struct Spot {
    title: &'static str,
    key: &'static str,
    example: &'static str,
}

impl Spot {
    /// Reports a value of the wrong type.
    fn expects(self, what: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) {
        let found = match value.get_ref().type_str() {
            kind @ ("integer" | "array") => format!("an {kind}"),
            kind => format!("a {kind}"),
        };
        faults.add(value.span().start, format!("`{}` of {} is {found}; expected {what}", self.key, self.title), self.remedy());
    }

    /// Reports a value of the right type that can't be.
    fn refuses(self, at: usize, why: &Error, faults: &mut Faults<'_>) {
        let hint = why.hint().map_or_else(|| self.remedy(), str::to_owned);
        faults.add(at, format!("`{}` of {}: {why}", self.key, self.title), hint);
    }

    /// Reports a value that somebody must decide: `{ decide = […] }`, which `keyward init` writes.
    fn asks(self, value: &Spanned<DeValue<'_>>, choices: &[Spanned<DeValue<'_>>], faults: &mut Faults<'_>) {
        let text = faults.text;
        // On one line, whatever is in a name.
        let written = choices.iter().filter_map(|choice| text.get(choice.span()));
        let written: Vec<_> = written.map(|choice| choice.replace('\n', "\\n").replace('\r', "\\r")).collect();
        let (what, hint) = match written.as_slice() {
            [] => (String::new(), self.remedy()),
            [first, ..] => (
                format!("; it may be {}", written.join(" or ")),
                format!("put one of the choices in its place, such as: {} = {first}", self.key),
            ),
        };
        faults.add(value.span().start, format!("decide this: `{}` of {}{what}", self.key, self.title), hint);
    }

    fn remedy(self) -> String {
        format!("write for example: {}", self.example)
    }
}

/// A TOML table of a known shape.
struct Part<'a> {
    shape: &'static Shape,
    at: usize,
    table: &'a DeTable<'a>,
    /// The keys that an unknown key was probably meant to be; reporting them as missing too would say the same thing twice.
    misspelt: Vec<&'static str>,
}

impl<'a> Part<'a> {
    /// Takes a table, and reports its unknown keys.
    fn open(shape: &'static Shape, at: usize, table: &'a DeTable<'a>, faults: &mut Faults<'_>) -> Self {
        let mut misspelt = Vec::new();
        let known: Vec<_> = shape.keys.iter().map(|(key, _)| *key).collect();
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let hint = if let Some(nearest) = shape.nearest(key.get_ref()) {
                misspelt.push(nearest);
                format!("did you mean `{nearest}`?")
            } else {
                "remove it".to_owned()
            };
            let message = format!("unknown key `{}` in {}; expected one of {}", key.get_ref(), shape.title, known.join(", "));
            faults.add(key.span().start, message, hint);
        }
        Self { shape, at, table, misspelt }
    }

    fn spot(&self, key: &'static str) -> Spot {
        let example = self.shape.keys.iter().find(|(known, _)| *known == key).map_or("", |(_, example)| *example);
        Spot { title: self.shape.title, key, example }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(found, _)| found.get_ref() == key).map(|(_, value)| value)
    }

    /// Reads a key, and reports its value if that's wrong.
    fn read<T: FromToml>(&self, key: &'static str, faults: &mut Faults<'_>) -> Read<T> {
        let Some(value) = self.get(key) else {
            return Read { value: None, absent: !self.misspelt.contains(&key) };
        };
        if let Some(choices) = undecided(value) {
            self.spot(key).asks(value, choices, faults);
            return Read { value: None, absent: false };
        }
        let span = value.span();
        Read { value: T::from_toml(value, self.spot(key), faults).map(|value| Spanned::new(span, value)), absent: false }
    }

    /// Reads a key that must be there.
    fn required<T: FromToml>(&self, key: &'static str, faults: &mut Faults<'_>) -> Option<Spanned<T>> {
        let read = self.read(key, faults);
        if read.absent {
            let hint = format!("add a line such as: {}", self.spot(key).example);
            faults.add(self.at, format!("{} lacks the key `{key}`", self.shape.title), hint);
        }
        read.value
    }

    /// Reads a key that may be left out. `None` if it's there and wrong.
    fn optional<T: FromToml>(&self, key: &'static str, default: T, faults: &mut Faults<'_>) -> Option<Spanned<T>> {
        let read = self.read(key, faults);
        if read.absent { Some(Spanned::new(self.at..self.at, default)) } else { read.value }
    }

    /// Opens the table under a key that must be there.
    fn table(&self, key: &'static str, shape: &'static Shape, faults: &mut Faults<'_>) -> Option<Part<'a>> {
        let Some(value) = self.get(key) else {
            if !self.misspelt.contains(&key) {
                let hint = format!("add {}", self.spot(key).example);
                faults.add(self.at, format!("{} lacks the table {}", self.shape.title, shape.title), hint);
            }
            return None;
        };
        if let DeValue::Table(table) = value.get_ref() {
            Some(Part::open(shape, value.span().start, table, faults))
        } else {
            self.spot(key).expects("one table", value, faults);
            None
        }
    }

    /// Opens the tables under a key, `[[key]]`. Left out, they are none.
    fn tables(&self, key: &'static str, shape: &'static Shape, faults: &mut Faults<'_>) -> Vec<Part<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            self.spot(key).expects("a list of tables", value, faults);
            return Vec::new();
        };
        let mut parts = Vec::new();
        for item in array {
            match item.get_ref() {
                DeValue::Table(table) => parts.push(Part::open(shape, item.span().start, table, faults)),
                _ => self.spot(key).expects("a list of tables", item, faults),
            }
        }
        parts
    }
}

/// Returns the choices of a value that somebody must decide.
fn undecided<'a>(value: &'a Spanned<DeValue<'a>>) -> Option<&'a [Spanned<DeValue<'a>>]> {
    let DeValue::Table(table) = value.get_ref() else { return None };
    let (key, choices) = table.iter().next().filter(|_| table.len() == 1)?;
    match choices.get_ref() {
        DeValue::Array(choices) if key.get_ref() == "decide" => Some(choices),
        _ => None,
    }
}

/// What reading a key came to: a value, nothing because it isn't there, or nothing because it's wrong, which has been reported.
struct Read<T> {
    value: Option<Spanned<T>>,
    absent: bool,
}

/// A list of values that remember their places.
struct List<T> {
    items: Vec<Spanned<T>>,
    /// Whether nothing was written, as opposed to nothing that could be read.
    is_empty: bool,
}

impl<T> List<T> {
    fn none() -> Self {
        Self { items: Vec::new(), is_empty: true }
    }
}

/// Takes a value out of its place.
fn plain<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}

/// Takes the values of a list out of their places.
fn items<T>(list: Option<Spanned<List<T>>>) -> Option<Vec<T>> {
    plain(list).map(|list| list.items.into_iter().map(Spanned::into_inner).collect())
}

/// Calls `report` for each item that equals an earlier one, with the place of the first.
fn repetitions<'a, T: Eq + Hash + 'a>(
    items: impl Iterator<Item = &'a Spanned<T>>,
    mut report: impl FnMut(&'a Spanned<T>, usize),
) {
    let mut seen = HashMap::new();
    for item in items {
        let first = *seen.entry(item.get_ref()).or_insert(item.span().start);
        if first != item.span().start {
            report(item, first);
        }
    }
}

/// What a TOML value is read as. `None` if it can't be, which has been reported.
trait FromToml: Sized {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self>;
}

impl FromToml for String {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        if let DeValue::String(text) = value.get_ref() {
            Some(text.to_string())
        } else {
            spot.expects("a string", value, faults);
            None
        }
    }
}

impl FromToml for bool {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            spot.expects("true or false", value, faults);
        }
        read
    }
}

impl FromToml for i64 {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let DeValue::Integer(digits) = value.get_ref() else {
            spot.expects("an integer", value, faults);
            return None;
        };
        let read = i64::from_str_radix(digits.as_str(), digits.radix());
        if read.is_err() {
            let message = format!("`{}` of {} is {digits}; expected a smaller number", spot.key, spot.title);
            faults.add(value.span().start, message, spot.remedy());
        }
        read.ok()
    }
}

impl FromToml for f64 {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let read = match value.get_ref() {
            // What is too great for an i64 is near enough as a float.
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok(),
            DeValue::Integer(digits) => {
                let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
                number.and_then(|number| number.to_string().parse().ok())
            }
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => {
                spot.expects("a number", value, faults);
                return None;
            }
        };
        let read = read.filter(|number: &Self| number.is_finite());
        if read.is_none() {
            let message = format!("`{}` of {} is no finite number; expected one", spot.key, spot.title);
            faults.add(value.span().start, message, spot.remedy());
        }
        read
    }
}

/// Reads a string by a constructor that refuses some.
fn from_string<T>(
    value: &Spanned<DeValue<'_>>,
    spot: Spot,
    faults: &mut Faults<'_>,
    make: impl Fn(String) -> Result<T>,
) -> Option<T> {
    let text = String::from_toml(value, spot, faults)?;
    make(text).map_err(|why| spot.refuses(value.span().start, &why, faults)).ok()
}

impl FromToml for Ident {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, |text| on_one_line(&text).and_then(|()| Self::new(text)))
    }
}

/// Refuses names with line breaks and other control characters: names stand in comments of the SQL that is installed, and in messages.
fn on_one_line(name: &str) -> Result<()> {
    if name.chars().any(char::is_control) {
        return Err(Error::usage(format!("the name {name:?} has a line break or another control character in it"))
            .with_hint("keyward can't protect such a table; rename it"));
    }
    Ok(())
}

impl FromToml for Name {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, Self::new)
    }
}

impl FromToml for Table {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, |text| on_one_line(&text).and_then(|()| text.parse()))
    }
}

/// Reads one of a few words.
fn from_words<T: Copy + Display>(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>, words: &[T]) -> Option<T> {
    let known = words.iter().map(|word| format!("{:?}", word.to_string())).collect::<Vec<_>>().join(" or ");
    from_string(value, spot, faults, |text| {
        words
            .iter()
            .find(|word| word.to_string() == text)
            .copied()
            .ok_or_else(|| Error::usage(format!("found {text:?}; expected {known}")))
    })
}

impl FromToml for Hide {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_words(value, spot, faults, Self::ALL)
    }
}

impl FromToml for OnInsert {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_words(value, spot, faults, Self::ALL)
    }
}

impl FromToml for Deny {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_words(value, spot, faults, Self::ALL)
    }
}

impl<T: FromToml> FromToml for List<T> {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let DeValue::Array(array) = value.get_ref() else {
            spot.expects("a list", value, faults);
            return None;
        };
        let read = |item: &Spanned<_>| T::from_toml(item, spot, faults).map(|read| Spanned::new(item.span(), read));
        let items: Vec<_> = array.iter().map(read).collect();
        // A faulty item doesn't hide the others from the checks; it's reported, so the list is never used in the end.
        Some(Self { is_empty: items.is_empty(), items: items.into_iter().flatten().collect() })
    }
}

impl FromToml for Timestamp {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let at = value.span().start;
        let (text, offset_missing) = match value.get_ref() {
            DeValue::Datetime(datetime) => (datetime.to_string(), datetime.offset.is_none()),
            DeValue::String(text) => {
                (text.to_string(), text.parse::<jiff::civil::DateTime>().is_ok() && text.parse::<Self>().is_err())
            }
            _ => {
                spot.expects("an instant", value, faults);
                return None;
            }
        };
        if offset_missing {
            let hint = match text.parse::<jiff::civil::DateTime>() {
                Ok(local) => format!("add Z for UTC, or an offset such as +02:00: {} = {local}Z", spot.key),
                Err(_) => spot.remedy(),
            };
            let message = format!("`{}` of {} is {text}, without an offset; expected an instant", spot.key, spot.title);
            faults.add(at, message, hint);
            return None;
        }
        text.parse()
            .map_err(|why| {
                let message = format!("`{}` of {} is {text:?}; expected an instant in RFC 3339: {why}", spot.key, spot.title);
                faults.add(at, message, spot.remedy());
            })
            .ok()
    }
}

impl FromToml for AccountPath {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => Ident::from_toml(value, spot, faults).map(Self::Column),
            DeValue::Table(table) => {
                let part = Part::open(&ACCOUNT, value.span().start, table, faults);
                let column = part.required("column", faults);
                let via = part.required("via", faults);
                let id = part.required("id", faults);
                let account = part.required("account", faults);
                Some(Self::Via { column: plain(column)?, via: plain(via)?, id: plain(id)?, account: plain(account)? })
            }
            _ => {
                spot.expects("a string, or a table of column, via, id and account", value, faults);
                None
            }
        }
    }
}

impl FromToml for Generate {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            spot.expects("a table of prefix and bytes", value, faults);
            return None;
        };
        let part = Part::open(&GENERATE, value.span().start, table, faults);
        let default = Self::default();
        let prefix = part.optional("prefix", default.prefix, faults);
        let bytes = part.optional("bytes", i64::from(default.bytes), faults);
        if let Some(prefix) = &prefix
            && let Some(bad) = prefix.get_ref().chars().find(|c| !c.is_ascii_graphic() || "'\"`\\".contains(*c))
        {
            faults.add(
                prefix.span().start,
                format!(
                    "`prefix` of generate contains {bad:?}; expected printable ASCII without quotes, backslash and white space"
                ),
                part.spot("prefix").remedy(),
            );
        }
        let bytes = bytes.and_then(|bytes| {
            let read = u16::try_from(*bytes.get_ref()).ok().filter(|bytes| (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(bytes));
            if read.is_none() {
                faults.add(
                    bytes.span().start,
                    format!("`bytes` of generate is {}; expected {MIN_KEY_BYTES} to {MAX_KEY_BYTES}", bytes.get_ref()),
                    part.spot("bytes").remedy(),
                );
            }
            read
        });
        Some(Self { prefix: plain(prefix)?, bytes: bytes? })
    }
}

/// The fewest and the most random bytes of a generated key.
pub(super) const MIN_KEY_BYTES: u16 = 16;
pub(super) const MAX_KEY_BYTES: u16 = 512;

#[cfg(test)]
mod tests;
