//! A statement as rules see it, and what is inside it.

use std::cell::OnceCell;

use crate::parse::act::{Act, Body, Kind, Read};
use crate::parse::{self, Lexeme, Unread};

use super::body::{self, Dynamic};

/// How deep bodies within bodies are looked into.
const DEEPEST: usize = 4;

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// In the script.
    Script,
    /// In a DO block, or what it executes: it is done with the script.
    Block,
    /// In a function's body: it is done when the function is called.
    Function,
}

/// A statement that was read.
#[derive(Debug)]
pub(crate) struct Statement {
    /// What was parsed.
    pub(crate) text: String,
    pub(crate) read: Read,
    pub(crate) inside: Inside,
    /// What its body holds.
    pub(crate) inner: Vec<Statement>,
    /// Dynamic SQL of its body that isn't constant.
    pub(crate) dynamic: Vec<(usize, Dynamic)>,
    /// Its body, or one in it, can't be read.
    pub(crate) is_opaque: bool,
    /// The byte of the script that its text starts at.
    pub(crate) at: usize,
    /// Bytes of its text aren't bytes of the script.
    is_pinned: bool,
    lexemes: OnceCell<Vec<Lexeme>>,
}

/// Why a statement of the script can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It isn't SQL.
    Wrong(Unread),
    /// It may be: what is filled in at this byte of it is more than a name or a constant.
    FilledIn(usize),
}

impl Unreadable {
    /// Tells whether what was filled in is what the grammar stumbles over.
    fn of(error: Unread, text: &str, filled: &str) -> Self {
        let from = |text: &str| text.as_bytes().get(error.at).copied();
        if from(text) == from(filled) { Self::Wrong(error) } else { Self::FilledIn(error.at) }
    }
}

impl Statement {
    /// Reads a statement of the script that starts at a byte of it.
    ///
    /// Variables of psql and placeholders of tools aren't SQL: where a text doesn't parse, they are taken for names and constants.
    pub(crate) fn read(text: &str, at: usize) -> Result<Self, Unreadable> {
        let (text, read) = match parse::read(text) {
            Ok(read) => (text.to_owned(), read),
            Err(error) => {
                let filled = fill_in(text).ok_or(Unreadable::Wrong(error))?;
                let read = parse::read(&filled).map_err(|error| Unreadable::of(error, text, &filled))?;
                (filled, read)
            }
        };
        Ok(Self::make(text, read, Inside::Script, at, false, 0))
    }

    fn make(text: String, read: Read, inside: Inside, at: usize, is_pinned: bool, depth: usize) -> Self {
        let mut made = Self {
            text,
            read,
            inside,
            inner: Vec::new(),
            dynamic: Vec::new(),
            is_opaque: false,
            at,
            is_pinned,
            lexemes: OnceCell::new(),
        };
        let bodies: Vec<(Inside, String, Body)> = made.read.acts.iter().filter_map(body_of).collect();
        for (within, language, body) in bodies {
            made.look_into(if inside == Inside::Function { inside } else { within }, &language, &body, depth);
        }
        made
    }

    fn look_into(&mut self, inside: Inside, language: &str, body: &Body, depth: usize) {
        if depth >= DEEPEST {
            self.is_opaque = true;
            return;
        }
        let content = body::read(language, &body.text);
        self.is_opaque |= content.is_opaque && !["c", "internal"].contains(&language);
        let start = body.at.and_then(|at| start_of(&self.text, at, &body.text));
        let place = |at: usize| start.map(|start| start + at).or(body.at);
        for fragment in content.fragments {
            let at = self.place(place(fragment.at));
            let pinned = fragment.is_made || start.is_none() || self.is_pinned;
            // What doesn't parse in a body isn't SQL but PL/pgSQL, or Postgres will say so when it is made.
            if let Ok(mut read) = parse::read(&fragment.text) {
                if language == "plpgsql" && !fragment.is_made && !fragment.text.trim_start().to_lowercase().starts_with("create")
                {
                    // SELECT … INTO assigns there.
                    read.acts.retain(|act| !matches!(act, Act::CreateAs { kind: Kind::Table, .. }));
                }
                self.inner.push(Self::make(fragment.text, read, inside, at, pinned, depth + 1));
            }
        }
        for dynamic in content.dynamic {
            self.dynamic.push((self.place(place(dynamic.at)), dynamic));
        }
    }

    /// Returns the byte of the script that a byte of the text is, or else the statement's beginning.
    pub(crate) fn place(&self, at: Option<usize>) -> usize {
        self.at + if self.is_pinned { 0 } else { at.unwrap_or(0) }
    }

    /// Returns the words, texts and symbols of its text.
    pub(crate) fn lexemes(&self) -> &[Lexeme] {
        self.lexemes.get_or_init(|| parse::lexemes(&self.text).unwrap_or_default())
    }

    /// Returns where a word of its text stands first, with what qualifies it.
    pub(crate) fn find(&self, word: &str) -> Option<usize> {
        let all = parse::placed_lexemes(&self.text)?;
        let mut at = all.iter().position(|(_, lexeme)| matches!(lexeme, Lexeme::Word(found) if found == word))?;
        while at >= 2 && matches!(&all[at - 1].1, Lexeme::Symbol(dot) if dot == ".") {
            at -= 2;
        }
        all.get(at).map(|(place, _)| place.start)
    }

    /// Visits it and what is inside it, in order.
    pub(crate) fn visit(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        self.inner.iter().for_each(|inner| inner.visit(see));
    }
}

fn body_of(act: &Act) -> Option<(Inside, String, Body)> {
    match act {
        Act::Do { language, body } => Some((Inside::Block, language.clone(), body.clone())),
        Act::CreateFunction(function) => function.body.clone().map(|body| (Inside::Function, function.language.clone(), body)),
        _ => None,
    }
}

/// Where the text of a string constant starts, if it stands in the script as it is. The tree's place may be that of the option, as `AS`.
fn start_of(text: &str, at: usize, body: &str) -> Option<usize> {
    let rest = text.get(at..)?;
    let quote = rest.find(['\'', '$'])?;
    let opening =
        if rest[quote..].starts_with('$') { rest[quote + 1..].find('$').map(|end| quote + end + 2)? } else { quote + 1 };
    rest.get(opening..)?.starts_with(body).then_some(at + opening)
}

/// What names are made of that stand for a tool's placeholder.
const FILLED: &str = "_kw_";

/// Tells whether a name stands for what a tool fills in.
pub(crate) fn is_placeholder(name: &str) -> bool {
    name.starts_with(FILLED)
}

/// Replaces Flyway's `${name}` and psql's `:name`, `:'name'`, `:"name"` and `:{?name}` by names and constants of the same length, and its `\:` by a
/// colon; `None` if there is none.
fn fill_in(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut filled = String::with_capacity(text.len());
    let mut at = 0;
    let mut found = false;
    let name_from = |from: usize| {
        text.get(from..)
            .map_or(0, |rest| rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(byte)).count())
    };
    while at < bytes.len() {
        let rest = text.get(at..)?;
        let length = if rest.starts_with("${") {
            let length = name_from(at + 2);
            (length > 0 && rest[2 + length..].starts_with('}')).then_some(length + 3)
        } else if rest.starts_with("\\:") {
            filled.push_str(" :");
            at += 2;
            found = true;
            continue;
        } else if let Some(name) = rest.strip_prefix(":{?") {
            name.find('}')
                .filter(|&end| name[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
                .map(|end| end + 4)
        } else if rest.starts_with(':') && !rest.starts_with("::") && !text[..at].ends_with(':') {
            let quote = rest[1..].chars().next().filter(|quote| ['\'', '"'].contains(quote));
            let from = at + 1 + usize::from(quote.is_some());
            let word = text[from..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let length = word + 1 + 2 * usize::from(quote.is_some());
            let closed = quote.is_none_or(|quote| text[from + word..].starts_with(quote));
            let is_name = word > 0 && (quote.is_some() || !text[from..].starts_with(|c: char| c.is_ascii_digit()));
            if let (true, true, Some('\'')) = (is_name, closed, quote) {
                // A constant.
                filled.push(' ');
                filled.push_str(&rest[1..length]);
                at += length;
                found = true;
                continue;
            }
            (is_name && closed).then_some(length)
        } else {
            None
        };
        if let Some(length) = length {
            let name: String = FILLED.chars().chain(std::iter::repeat('_')).take(length).collect();
            filled.push_str(&name);
            at += length;
            found = true;
        } else {
            let c = rest.chars().next()?;
            filled.push(c);
            at += c.len_utf8();
        }
    }
    found.then_some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_fill_in_later_is_a_name_of_the_same_length() {
        let text = "GRANT SELECT ON ${schema}.locations TO :role, :\"other\"; SELECT :'x'::text, a[1:2]";
        let filled = fill_in(text).unwrap();
        assert_eq!(filled.len(), text.len());
        assert!(
            filled.starts_with("GRANT SELECT ON _kw______.locations TO _kw__, _kw_____; SELECT  'x'::text, a[1:2]"),
            "{filled}"
        );
        assert_eq!(fill_in("SELECT 1::text"), None);
        assert_eq!(fill_in("SELECT a[1\\:2], :{?x}").unwrap(), "SELECT a[1 :2], _kw__");
    }

    #[test]
    fn what_is_filled_in_may_be_more_than_a_name_and_excuses_nothing_else() {
        assert_eq!(Statement::read(":q", 0).unwrap_err(), Unreadable::FilledIn(0));
        assert_eq!(Statement::read("EXPLAIN :query", 0).unwrap_err(), Unreadable::FilledIn(8));
        let Unreadable::Wrong(error) = Statement::read("CREATE TABLE ${schema}.x (a int,, b int)", 0).unwrap_err() else {
            panic!()
        };
        assert_eq!(error.at, 32);
    }

    #[test]
    fn places_inside_a_body_are_places_of_the_script() {
        let text = "DO $x$ BEGIN\n  DROP TABLE \u{e9}; EXECUTE 'DROP TABLE b'; EXECUTE 'DROP TABLE ' || c; END $x$";
        let statement = Statement::read(text, 100).unwrap();
        let places: Vec<_> = statement.inner.iter().map(|inner| inner.place(Some(0)) - 100).collect();
        assert_eq!(places, [text.find("DROP").unwrap(), text.find("'DROP").unwrap()]);
        assert_eq!(statement.dynamic[0].0 - 100, text.rfind("'DROP").unwrap());
        let quoted =
            Statement::read("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM a WHERE b = ''c'''", 0).unwrap();
        assert_eq!((quoted.inner.len(), quoted.inner[0].inside), (1, Inside::Function));
    }
}
