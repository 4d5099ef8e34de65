//! What is inside a function or a DO block: the statements of its body, and its dynamic SQL as far as that is constant.
//!
//! The parser of PL/pgSQL fails on trigger functions, so a body is cut by the words that start and end its statements.

use std::ops::Range;

use crate::parse::{Lexeme, placed_lexemes, value};

use crate::script::{Piece, Pieces};

/// A statement of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Its text; of the body's own length, so that places in it are the body's.
    pub(crate) text: String,
    /// Where it starts in the body.
    pub(crate) at: usize,
    /// It was put together, so that places in it are no places in the body.
    pub(crate) is_made: bool,
}

/// SQL that is put together at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dynamic {
    /// Where its EXECUTE stands in the body.
    pub(crate) at: usize,
    /// Its constant parts.
    pub(crate) parts: Vec<String>,
}

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Content {
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) dynamic: Vec<Dynamic>,
    /// It is in a language that isn't read, or can't be cut.
    pub(crate) is_opaque: bool,
}

/// Words that start an SQL statement.
const VERBS: [&str; 27] = [
    "alter", "call", "comment", "copy", "create", "delete", "do", "drop", "grant", "import", "insert", "lock", "merge",
    "perform", "reassign", "refresh", "reset", "revoke", "security", "select", "set", "table", "truncate", "update", "values",
    "with", "notify",
];

/// Words after which PL/pgSQL starts a statement.
const OPENERS: [&str; 6] = ["begin", "then", "else", "loop", "declare", "exception"];

/// Reads the body of a function or DO block.
pub(crate) fn read(language: &str, body: &str) -> Content {
    match language {
        "sql" => {
            let statement = |piece| match piece {
                Piece::Statement { text, at } => Some(Fragment { text: text.to_owned(), at, is_made: false }),
                _ => None,
            };
            Content { fragments: Pieces::new(body).filter_map(statement).collect(), ..Content::default() }
        }
        "plpgsql" => {
            placed_lexemes(body).map_or(Content { is_opaque: true, ..Content::default() }, |all| Cutter { body, all }.cut())
        }
        _ => Content { is_opaque: true, ..Content::default() },
    }
}

struct Cutter<'a> {
    body: &'a str,
    all: Vec<(Range<usize>, Lexeme)>,
}

impl Cutter<'_> {
    fn word(&self, at: usize) -> &str {
        match self.all.get(at) {
            // A quoted name is no key word.
            Some((place, Lexeme::Word(word))) if !self.body.get(place.clone()).is_some_and(|text| text.starts_with('"')) => word,
            _ => "",
        }
    }

    fn symbol(&self, at: usize) -> &str {
        match self.all.get(at) {
            Some((_, Lexeme::Symbol(symbol))) => symbol,
            _ => "",
        }
    }

    fn cut(&self) -> Content {
        let mut content = Content::default();
        let mut start = 0;
        let (mut parens, mut cases) = (0_usize, 0_usize);
        for at in 0..=self.all.len() {
            match self.symbol(at) {
                "(" | "[" => parens += 1,
                ")" | "]" => parens = parens.saturating_sub(1),
                _ => {}
            }
            let word = self.word(at);
            if word == "case" && at != start {
                cases += 1;
            } else if word == "end" {
                cases = cases.saturating_sub(1);
            }
            let ends = at == self.all.len() || (self.symbol(at) == ";" && parens == 0);
            let opens =
                parens == 0 && cases == 0 && OPENERS.contains(&word) && !(word == "begin" && self.word(start) == "create");
            if ends || opens {
                self.statement(start..at, &mut content);
                start = at + 1;
                if ends {
                    (parens, cases) = (0, 0);
                }
            }
        }
        content
    }

    /// Takes what stands between two ends.
    fn statement(&self, tokens: Range<usize>, content: &mut Content) {
        let Some(first) = tokens.clone().next() else { return };
        let from = match self.word(first) {
            verb if VERBS.contains(&verb) => Some(first),
            "execute" => return self.execute(first + 1..tokens.end, content),
            // FOR r IN SELECT …, OPEN c FOR SELECT …, RETURN QUERY SELECT …
            "for" | "foreach" | "open" | "return" => {
                let after = tokens.clone().find(|&at| {
                    ["in", "for", "query"].contains(&self.word(at))
                        && at > first
                        && (VERBS.contains(&self.word(at + 1)) || self.word(at + 1) == "execute")
                });
                match after {
                    Some(at) if self.word(at + 1) == "execute" => return self.execute(at + 2..tokens.end, content),
                    after => after.map(|at| at + 1),
                }
            }
            _ => None,
        };
        let Some(from) = from else { return };
        let (Some((start, _)), Some((end, _))) = (self.all.get(from), self.all.get(tokens.end - 1)) else { return };
        let Some(text) = self.body.get(start.start..end.end) else { return };
        let mut text = text.to_owned();
        if self.word(from) == "perform" {
            text.replace_range(..7, "SELECT ");
        }
        if let Some(target) = self.targets(from..tokens.end) {
            let place = target.start - start.start..target.end - start.start;
            text.replace_range(place.clone(), &" ".repeat(place.len()));
        }
        content.fragments.push(Fragment { text, at: start.start, is_made: false });
    }

    /// Where results go: INTO [STRICT] a, b.c, which is no SQL.
    fn targets(&self, tokens: Range<usize>) -> Option<Range<usize>> {
        let mut parens = 0_usize;
        if !["select", "insert", "update", "delete", "merge", "with", "perform"].contains(&self.word(tokens.start)) {
            return None;
        }
        for at in tokens.clone() {
            match self.symbol(at) {
                "(" => parens += 1,
                ")" => parens = parens.saturating_sub(1),
                _ => {}
            }
            if parens > 0 || self.word(at) != "into" || at == 0 || ["insert", "merge"].contains(&self.word(at - 1)) {
                continue;
            }
            let mut end = at + 1 + usize::from(self.word(at + 1) == "strict");
            // A name, then as many `.name` or `, name` as there are.
            while [".", ","].contains(&self.symbol(end + 1)) && end + 2 < tokens.end {
                end += 2;
            }
            return Some(self.all.get(at)?.0.start..self.all.get(end.min(tokens.end - 1))?.0.end);
        }
        None
    }

    fn execute(&self, tokens: Range<usize>, content: &mut Content) {
        let mut parens = 0_usize;
        let mut end = tokens.end;
        for at in tokens.clone() {
            match self.symbol(at) {
                "(" => parens += 1,
                ")" => parens = parens.saturating_sub(1),
                _ => {}
            }
            if parens == 0 && ["into", "using"].contains(&self.word(at)) {
                end = at;
                break;
            }
        }
        let Some((place, _)) = self.all.get(tokens.start) else { return };
        let mut at = tokens.start;
        match self.concatenation(&mut at, end).filter(|_| at == end) {
            Some(text) => content.fragments.push(Fragment { text, at: place.start, is_made: true }),
            None => content
                .dynamic
                .push(Dynamic { at: place.start, parts: (tokens.start..end).filter_map(|at| self.constant(at)).collect() }),
        }
    }

    fn constant(&self, at: usize) -> Option<String> {
        let (place, Lexeme::Text(_)) = self.all.get(at)? else { return None };
        value(self.body.get(place.clone())?)
    }

    /// `a || b || …` of constants.
    fn concatenation(&self, at: &mut usize, end: usize) -> Option<String> {
        let mut text = self.term(at, end)?;
        while *at < end && self.symbol(*at) == "||" {
            *at += 1;
            text.push_str(&self.term(at, end)?);
        }
        Some(text)
    }

    /// A constant; `format`, `quote_ident` or `quote_literal` of constants; or any of it in parentheses.
    fn term(&self, at: &mut usize, end: usize) -> Option<String> {
        if *at >= end {
            return None;
        }
        if let Some(text) = self.constant(*at) {
            *at += 1;
            return Some(text);
        }
        let function = self.word(*at).to_owned();
        if !function.is_empty() {
            *at += 1;
        }
        if self.symbol(*at) != "(" || *at >= end {
            return None;
        }
        *at += 1;
        let mut arguments = vec![self.concatenation(at, end)?];
        while self.symbol(*at) == "," {
            *at += 1;
            arguments.push(self.concatenation(at, end)?);
        }
        if self.symbol(*at) != ")" {
            return None;
        }
        *at += 1;
        match (function.as_str(), arguments.as_slice()) {
            ("", [text]) => Some(text.clone()),
            ("quote_ident", [name]) => Some(ident(name)),
            ("quote_literal", [text]) => Some(crate::ident::literal(text)),
            ("format", [pattern, arguments @ ..]) => format(pattern, arguments),
            _ => None,
        }
    }
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What Postgres's `format` makes of constants; `None` for what it refuses.
fn format(pattern: &str, arguments: &[String]) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut next = 0_usize;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut number = String::new();
        while let Some(digit) = rest.next_if(char::is_ascii_digit) {
            number.push(digit);
        }
        if !number.is_empty() {
            rest.next_if_eq(&'$')?;
            next = number.parse::<usize>().ok()?.checked_sub(1)?;
        }
        match rest.next()? {
            '%' => {
                text.push('%');
                continue;
            }
            's' => text.push_str(arguments.get(next)?),
            'I' => text.push_str(&ident(arguments.get(next)?)),
            'L' => text.push_str(&crate::ident::literal(arguments.get(next)?)),
            _ => return None,
        }
        next += 1;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(language: &str, body: &str) -> Vec<String> {
        read(language, body).fragments.into_iter().map(|fragment| fragment.text).collect()
    }

    #[test]
    fn statements_are_found_in_a_body() {
        let body = "DECLARE x int := 1; BEGIN\n IF NOT EXISTS (SELECT FROM a) THEN CREATE TABLE a (b int); ELSE PERFORM f(1); END IF;\n\
                    FOR r IN SELECT CASE WHEN true THEN 1 END AS y FROM t LOOP UPDATE t SET z = 1 WHERE id = r.y; END LOOP;\n\
                    INSERT INTO a (b) VALUES (1) RETURNING b INTO STRICT x, y; SELECT c INTO x FROM d; GRANT EXECUTE ON FUNCTION f TO g; END";
        assert_eq!(
            texts("plpgsql", body),
            [
                "CREATE TABLE a (b int)",
                "SELECT  f(1)",
                "SELECT CASE WHEN true THEN 1 END AS y FROM t",
                "UPDATE t SET z = 1 WHERE id = r.y",
                "INSERT INTO a (b) VALUES (1) RETURNING b                 ",
                "SELECT c        FROM d",
                "GRANT EXECUTE ON FUNCTION f TO g"
            ]
        );
        for fragment in read("plpgsql", body).fragments {
            assert_eq!(body[fragment.at..].chars().last(), body.chars().last());
            assert!(body[fragment.at..].starts_with(&fragment.text[..1]) || fragment.text.starts_with("SELECT "), "{fragment:?}");
        }
        assert_eq!(texts("sql", "SELECT 1; SELECT ';'"), ["SELECT 1", "SELECT ';'"]);
        assert!(read("plpython3u", "import os").is_opaque);
    }

    #[test]
    fn dynamic_sql_is_read_where_it_is_constant() {
        for (body, text) in [
            ("BEGIN EXECUTE 'DROP TABLE a'; END", "DROP TABLE a"),
            ("BEGIN EXECUTE 'DROP ' || $x$TABLE$x$ || ' it''s'; END", "DROP TABLE it's"),
            (
                "BEGIN EXECUTE format('ALTER TABLE %I.%s ADD x text DEFAULT %L', 'App', 't', 'y') USING 1; END",
                "ALTER TABLE \"App\".t ADD x text DEFAULT 'y'",
            ),
            ("BEGIN EXECUTE (format('%2$s %1$s', 'b', quote_ident('a'))) INTO x; END", "\"a\" b"),
            ("BEGIN RETURN QUERY EXECUTE 'SELECT 1'; END", "SELECT 1"),
        ] {
            assert_eq!(texts("plpgsql", body), [text], "{body}");
        }
        for body in
            ["BEGIN EXECUTE 'DROP TABLE ' || x; END", "BEGIN EXECUTE format('DROP TABLE %I', x); END", "BEGIN EXECUTE x; END"]
        {
            let content = read("plpgsql", body);
            assert!(content.fragments.is_empty() && content.dynamic.len() == 1, "{body}: {content:?}");
        }
    }
}
