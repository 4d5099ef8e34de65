//! A script cut into statements, comments and psql's commands, one after the other: nothing but the script itself is held.
//!
//! This is what psql does with a script, character by character, and not what Postgres's scanner does with a statement: a script has lines that are no
//! SQL (backslash commands, the data of COPY … FROM stdin), over which the scanner stumbles, and quotes may be left open.

/// A piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A statement without its semicolon.
    Statement {
        /// Its text.
        text: &'a str,
        /// Where it starts, in bytes.
        at: usize,
    },
    /// `-- …` or `/* … */`, wherever it stands; those inside a statement come before it.
    Comment {
        /// Its text.
        text: &'a str,
        /// Where it starts.
        at: usize,
        /// It begins its line.
        begins_line: bool,
    },
    /// A backslash command up to the end of its line.
    Meta {
        /// Its text.
        text: &'a str,
        /// Where it starts.
        at: usize,
    },
    /// The lines of data for a COPY … FROM stdin that came before, without the `\\.` that ends them.
    Data {
        /// Its text.
        text: &'a str,
        /// Where it starts.
        at: usize,
    },
}

/// How often a quote that is never closed is stepped over before the rest is given up: each time the rest is read again.
const MOST_OPEN_QUOTES: usize = 16;

/// The words at a statement's beginning that tell whether it may have a body of statements.
const HEAD: usize = 4;

/// The commands of psql that take the rest of their line as it stands.
const WHOLE_LINE: [&str; 7] = ["copy", "ef", "ev", "h", "help", "sf", "sv"];

/// Tells whether a command of psql is a `\copy` whose data is in the script.
fn copies_from_script(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_here = |pair: &[&str]| {
        pair[0].eq_ignore_ascii_case("from") && ["stdin", "stdout"].iter().any(|word| pair[1].eq_ignore_ascii_case(word))
    };
    words.first() == Some(&"\\copy") && words.windows(2).any(is_here)
}

/// Cuts a script.
pub(crate) struct Pieces<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the statement under way begins.
    start: Option<usize>,
    parens: usize,
    /// BEGIN ATOMIC and CASE that wait for their END.
    blocks: usize,
    head: Vec<&'a str>,
    last: &'a str,
    /// Blocks of data that follow once the statements under way are sent.
    copies: usize,
    /// Blocks of data that begin on the next line.
    data: usize,
    open_quotes: usize,
    ready: std::collections::VecDeque<Piece<'a>>,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            start: None,
            parens: 0,
            blocks: 0,
            head: Vec::new(),
            last: "",
            copies: 0,
            data: 0,
            open_quotes: 0,
            ready: std::collections::VecDeque::new(),
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn find(&self, from: usize, what: u8) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        rest.iter().position(|&byte| byte == what).map(|found| from + found)
    }

    fn end_of_line(&self, from: usize) -> usize {
        self.find(from, b'\n').unwrap_or(self.bytes.len())
    }

    /// Ends the statement under way at `end`.
    fn finish(&mut self, end: usize) {
        if let Some(start) = self.start.take() {
            let text = self.text.get(start..end).unwrap_or_default().trim_end();
            if !text.is_empty() {
                self.ready.push_back(Piece::Statement { text, at: start });
            }
        }
        self.parens = 0;
        self.blocks = 0;
        self.head.clear();
        self.last = "";
    }

    /// What was read so far is sent to the server: the data for it is on the next lines.
    fn send(&mut self) {
        self.data += std::mem::take(&mut self.copies);
    }

    /// The end of what a quote opens, just after its closing one; `None` if there is none.
    fn after_quote(&self, open: usize, quote: u8, backslashes: bool) -> Option<usize> {
        let mut at = open + 1;
        loop {
            match *self.bytes.get(at)? {
                b'\\' if backslashes => at += 2,
                byte if byte == quote && self.byte(at + 1) == quote => at += 2,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// The `$tag$` that stands here, if one does.
    fn dollars(&self, open: usize) -> Option<&'a str> {
        let mut end = open + 1;
        while self.byte(end).is_ascii_alphanumeric() || self.byte(end) == b'_' || self.byte(end) >= 0x80 {
            end += 1;
        }
        if self.byte(end) != b'$' || self.byte(open + 1).is_ascii_digit() {
            return None;
        }
        self.text.get(open..=end)
    }

    /// The end of what `$tag$` opens; `None` if it is never closed.
    fn after_dollars(&self, open: usize, tag: &str) -> Option<usize> {
        let from = open + tag.len();
        self.text.get(from..)?.find(tag).map(|found| from + found + tag.len())
    }

    /// The end of a comment that may hold others.
    fn after_comment(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = open;
        while at < self.bytes.len() {
            match (self.byte(at), self.byte(at + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return at;
                    }
                }
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    fn comment(&mut self, end: usize) {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let begins_line = line.chars().all(|c| c.is_whitespace() || c == '\u{feff}');
        if let Some(text) = self.text.get(self.at..end) {
            self.ready.push_back(Piece::Comment { text: text.trim_end(), at: self.at, begins_line });
        }
        self.at = end;
    }

    /// Goes on after a quote, or, if it is never closed, ends the statement with its line: what follows is read all the same.
    fn step(&mut self, after: Option<usize>) {
        self.start.get_or_insert(self.at);
        if let Some(after) = after {
            self.at = after;
            return;
        }
        self.open_quotes += 1;
        let end = if self.open_quotes < MOST_OPEN_QUOTES { self.end_of_line(self.at) } else { self.bytes.len() };
        self.finish(end);
        self.at = end;
    }

    fn word(&mut self) {
        let from = self.at;
        while self.byte(self.at).is_ascii_alphanumeric() || b"_$".contains(&self.byte(self.at)) || self.byte(self.at) >= 0x80 {
            self.at += 1;
        }
        self.start.get_or_insert(from);
        let word = self.text.get(from..self.at).unwrap_or_default();
        if self.head.len() < HEAD {
            self.head.push(word);
        }
        let is = |expected: &str| word.eq_ignore_ascii_case(expected);
        if self.parens == 0 && self.may_have_block() {
            if is("begin") || (is("case") && self.blocks > 0) {
                self.blocks += 1;
            } else if is("end") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
        let begins = |expected: &str| self.head.first().is_some_and(|first| first.eq_ignore_ascii_case(expected));
        // FROM stdout is the same, for Postgres's grammar.
        if (is("stdin") || is("stdout")) && self.last.eq_ignore_ascii_case("from") && begins("copy") {
            self.copies += 1;
        }
        self.last = word;
        // E'…'
        if is("e") && self.byte(self.at) == b'\'' {
            let after = self.after_quote(self.at, b'\'', true);
            self.step(after);
        }
    }

    /// Tells whether the statement is a CREATE [OR REPLACE] FUNCTION or PROCEDURE.
    fn may_have_block(&self) -> bool {
        let word = |at: usize, expected: &[&str]| {
            self.head.get(at).is_some_and(|word| expected.iter().any(|expected| word.eq_ignore_ascii_case(expected)))
        };
        let routine = ["function", "procedure"];
        word(0, &["create"]) && (word(1, &routine) || (word(1, &["or"]) && word(2, &["replace"]) && word(3, &routine)))
    }

    /// Takes a block of data: the lines from here up to `\.`.
    fn take_data(&mut self) {
        let from = self.at;
        let mut until = self.bytes.len();
        while self.at < self.bytes.len() {
            let start = self.at;
            let end = self.end_of_line(start);
            self.at = (end + 1).min(self.bytes.len());
            if self.text.get(start..end).unwrap_or_default().trim_end_matches('\r') == "\\." {
                until = start;
                break;
            }
        }
        self.ready.push_back(Piece::Data { text: self.text.get(from..until).unwrap_or_default(), at: from });
    }

    /// Ends a line; data may begin on the next one.
    fn end_line(&mut self) {
        self.at += 1;
        if self.data > 0 {
            // psql reads the data before it goes on with what the line has begun.
            self.finish(self.at - 1);
            for _ in 0..std::mem::take(&mut self.data) {
                self.take_data();
            }
        }
    }

    /// A command of psql, `\;` between statements that are sent together, or `\:`.
    fn backslash(&mut self) {
        match self.byte(self.at + 1) {
            b';' => {
                self.finish(self.at);
                self.at += 2;
            }
            b':' => self.step(Some(self.at + 2)),
            _ => {
                self.finish(self.at);
                let end = self.end_of_command(self.at);
                let text = self.text.get(self.at..end).unwrap_or_default().trim_end();
                self.ready.push_back(Piece::Meta { text, at: self.at });
                if text.starts_with("\\g") {
                    self.send();
                } else if copies_from_script(text) {
                    self.data += 1;
                }
                self.at = end;
                // A pair of backslashes only ends the command.
                if self.byte(end) == b'\\' && self.byte(end + 1) == b'\\' {
                    self.at += 2;
                }
            }
        }
    }

    /// The end of a command of psql: that of its line, or the next backslash outside of quotes.
    fn end_of_command(&self, from: usize) -> usize {
        let end = self.end_of_line(from);
        let name = self.text.get(from + 1..end).unwrap_or_default();
        let name = name.split(|c: char| c.is_whitespace() || c == '\\').next().unwrap_or_default();
        if WHOLE_LINE.contains(&name) || name.starts_with('!') {
            return end;
        }
        let mut at = from + 1 + name.len();
        while at < end {
            match self.byte(at) {
                b'\\' => return at,
                quote @ (b'\'' | b'"' | b'`') => {
                    at = self.after_quote(at, quote, quote == b'\'').map_or(end, |after| after.min(end));
                }
                _ => at += 1,
            }
        }
        end
    }

    /// Goes on to the next character that matters; `false` at the end.
    fn advance(&mut self) -> bool {
        let byte = self.byte(self.at);
        match byte {
            _ if self.at >= self.bytes.len() => return false,
            b'-' if self.byte(self.at + 1) == b'-' => self.comment(self.end_of_line(self.at)),
            b'/' if self.byte(self.at + 1) == b'*' => self.comment(self.after_comment(self.at)),
            b'\'' | b'"' => {
                let after = self.after_quote(self.at, byte, false);
                self.step(after);
            }
            b'$' => {
                let after = match self.dollars(self.at) {
                    Some(tag) => self.after_dollars(self.at, tag),
                    None => Some(self.at + 1),
                };
                self.step(after);
            }
            b'\\' => self.backslash(),
            b'\n' => self.end_line(),
            b';' if self.parens == 0 && self.blocks == 0 => {
                self.finish(self.at);
                self.send();
                self.at += 1;
            }
            b'(' => {
                self.parens += 1;
                self.step(Some(self.at + 1));
            }
            b')' => {
                self.parens = self.parens.saturating_sub(1);
                self.step(Some(self.at + 1));
            }
            _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => self.word(),
            _ if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
            _ if byte.is_ascii_digit() => {
                // 1e5 and 1_000 are no words.
                self.start.get_or_insert(self.at);
                while self.byte(self.at).is_ascii_alphanumeric() || self.byte(self.at) == b'_' {
                    self.at += 1;
                }
            }
            _ => self.step(Some(self.at + 1)),
        }
        true
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while self.ready.is_empty() {
            if !self.advance() {
                self.finish(self.bytes.len());
                break;
            }
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statements(script: &str) -> Vec<&str> {
        let statement = |piece| match piece {
            Piece::Statement { text, .. } => Some(text),
            _ => None,
        };
        Pieces::new(script).filter_map(statement).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_where_it_does() {
        let script = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n\
                      SELECT ';', \";\", $$;$$, $a$ ; $$ ; $a$, E'\\';' -- ; not here\n /* ; /* ; */ ; */;\n\
                      CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\nBEGIN; SELECT a.b$c; END;";
        let found = statements(script);
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found[0].ends_with("END") && found[1].starts_with("SELECT ';'") && found[2].ends_with(')'));
    }

    #[test]
    fn what_psql_reads_itself_is_no_statement() {
        let script = "\\connect \"my db\"\nCOPY a.b (c, d) FROM stdin;\nit's\t\"x;\n\\N\ty\n\\.\nSELECT 1 \\gexec\n\\restrict x'y\nSELECT 2;\n";
        assert_eq!(statements(script), ["COPY a.b (c, d) FROM stdin", "SELECT 1", "SELECT 2"]);
        let metas: Vec<_> = Pieces::new(script).filter(|piece| matches!(piece, Piece::Meta { .. })).collect();
        assert_eq!(metas.len(), 3, "{metas:?}");
    }

    #[test]
    fn data_begins_on_the_line_after_the_one_that_asks_for_it() {
        let script = "COPY a FROM stdin; SELECT 1;\n'x\n\\.\nSELECT 2\\; COPY a FROM STDIN \\; COPY b FROM stdout; SELECT 3;\n;1\n\\.\n;2\n\\.\n\
                      COPY a FROM stdin \\g\n;3\n\\.\n\\copy a from stdin with (format csv)\n;4\n\\.\n\\copy a from pstdin\nSELECT 4;";
        let expected = [
            "COPY a FROM stdin",
            "SELECT 1",
            "SELECT 2",
            "COPY a FROM STDIN",
            "COPY b FROM stdout",
            "SELECT 3",
            "COPY a FROM stdin",
            "SELECT 4",
        ];
        assert_eq!(statements(script), expected);
    }

    #[test]
    fn a_command_of_psql_ends_at_the_next_one() {
        let script = "SELECT 1 AS x \\gset \\\\ SELECT 2;\n\\echo 'a \\' \\\\ b' `c \\ d` \\echo e \\\\SELECT 3;\n\\! rm \\\\ SELECT 4;\nSELECT 5\\; SELECT a[1\\:2];";
        assert_eq!(statements(script), ["SELECT 1 AS x", "SELECT 2", "SELECT 3", "SELECT 5", "SELECT a[1\\:2]"]);
    }

    #[test]
    fn a_quote_that_is_never_closed_hides_only_its_line() {
        assert_eq!(statements("SELECT 'open;\nSELECT 2;\nSELECT 3"), ["SELECT 'open;", "SELECT 2", "SELECT 3"]);
        assert_eq!(statements("SELECT $x$ open;\nSELECT 2"), ["SELECT $x$ open;", "SELECT 2"]);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_stop_or_leave_the_text(script in "([a-z ;'\"$()*/\\-\\\\\n\r\u{e9}]|\\$a\\$|/\\*|--|BEGIN|CREATE FUNCTION ){0,80}") {
            let mut last = 0;
            for piece in Pieces::new(&script) {
                let (Piece::Statement { text, at } | Piece::Meta { text, at }) = piece else { continue };
                prop_assert!(script[at..].starts_with(text) && at >= last && !text.is_empty());
                last = at + text.len();
            }
        }
    }
}
