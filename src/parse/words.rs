//! What a function does with what it is given, judged by the words of its body: the parser of PL/pgSQL fails on trigger functions.

use super::{Lexeme, lexemes};

/// The statements of a body, each as its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    statements: Vec<Vec<Lexeme>>,
}

/// Words by which a value leaves a function, or is stored.
const OUTPUT: [&str; 9] = ["insert", "update", "merge", "perform", "execute", "notify", "pg_notify", "copy", "dblink_exec"];

impl Words {
    /// Cuts a body; `None` if that can't be done.
    #[must_use]
    pub fn read(source: &str) -> Option<Self> {
        let all = lexemes(source)?;
        let statements = all.split(|lexeme| *lexeme == Lexeme::Symbol(";".to_owned())).map(<[_]>::to_vec).collect();
        Some(Self { statements })
    }

    /// Tells whether a statement has one of some words.
    #[must_use]
    pub fn has(statement: &[Lexeme], words: &[&str]) -> bool {
        statement.iter().any(|lexeme| matches!(lexeme, Lexeme::Word(word) if words.contains(&word.as_str())))
    }

    /// Returns the statements.
    #[must_use]
    pub fn statements(&self) -> &[Vec<Lexeme>] {
        &self.statements
    }

    /// Tells whether a statement stores or sends something.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.statements.iter().any(|statement| Self::has(statement, &OUTPUT))
    }

    /// Tells whether the body names something, dynamic SQL included.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.statements.iter().flatten().any(|lexeme| match lexeme {
            Lexeme::Word(word) => word == name,
            Lexeme::Text(text) => words(text).any(|word| word.eq_ignore_ascii_case(name)),
            Lexeme::Symbol(_) => false,
        })
    }

    /// Tells whether the body takes every column of something: `*`, but for `count(*)`; a whole row by its alias; or text that is run.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        let symbol = |lexeme: Option<&Lexeme>, text: &str| matches!(lexeme, Some(Lexeme::Symbol(symbol)) if symbol == text);
        self.statements.iter().any(|statement| {
            let star = statement.iter().enumerate().any(|(at, lexeme)| {
                let before = at.checked_sub(1).and_then(|before| statement.get(before));
                let last = matches!(before, Some(Lexeme::Word(word)) if word == "select" || word == "returning");
                symbol(Some(lexeme), "*") && (last || symbol(before, ".") || symbol(before, ","))
            });
            star || Self::has(statement, &["to_json", "to_jsonb", "row_to_json", "json_agg", "jsonb_agg", "execute"])
        })
    }

    /// Tells whether the body takes OLD or NEW as a whole: not to return it, to compare it, or to assign to it.
    #[must_use]
    pub fn takes_row(&self) -> bool {
        let is_row = |lexeme: &Lexeme| matches!(lexeme, Lexeme::Word(word) if word == "old" || word == "new");
        let symbol = |lexeme: Option<&Lexeme>, text: &str| matches!(lexeme, Some(Lexeme::Symbol(symbol)) if symbol == text);
        self.statements.iter().filter(|statement| !Self::has(statement, &["distinct"])).any(|statement| {
            statement.iter().enumerate().filter(|(_, lexeme)| is_row(lexeme)).any(|(at, _)| {
                let before = at.checked_sub(1).and_then(|before| statement.get(before));
                let returned = matches!(before, Some(Lexeme::Word(word)) if word == "return");
                let next = statement.get(at + 1);
                let field = symbol(next, ".") && !symbol(statement.get(at + 2), "*");
                let assigned = symbol(next, ":=") || (symbol(next, "=") && before.is_none());
                // `OLD TABLE AS …`, `new` as a column of another table
                let qualified = symbol(before, ".");
                !(returned || field || assigned || qualified)
            })
        })
    }

    /// Tells whether the body leaves a field out of what it copies: `to_jsonb(OLD) - 'field'`.
    #[must_use]
    pub fn leaves_out(&self, field: &str) -> bool {
        let minus = |two: &[Lexeme]| matches!(two, [Lexeme::Symbol(minus), Lexeme::Text(text)] if minus == "-" && text == field);
        self.statements.iter().any(|statement| statement.windows(2).any(minus))
    }

    /// Tells whether a statement that stores or sends something takes the key of OLD or NEW.
    #[must_use]
    pub fn takes_key(&self, column: &str) -> bool {
        self.statements.iter().any(|statement| {
            let takes = |three: &[Lexeme]| {
                matches!(three, [Lexeme::Word(row), Lexeme::Symbol(dot), Lexeme::Word(field)]
                    if (row == "old" || row == "new") && dot == "." && field == column)
            };
            let raises = Self::has(statement, &["raise"]) && !Self::has(statement, &["then"]);
            (Self::has(statement, &OUTPUT) || raises) && statement.windows(3).any(takes)
        })
    }
}

/// Returns the words of a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_copies_the_row_is_told_from_one_that_does_not() {
        let copies = |source: &str| {
            let body = Words::read(source).unwrap();
            body.writes() && body.takes_row() || body.takes_key("api_key")
        };
        for body in [
            "BEGIN INSERT INTO app.history VALUES (to_jsonb(OLD)); RETURN NEW; END",
            "BEGIN INSERT INTO app.history SELECT OLD.*; RETURN NEW; END",
            "BEGIN payload := row_to_json(NEW); PERFORM pg_notify('x', payload::text); RETURN NULL; END",
            "BEGIN EXECUTE 'INSERT INTO h SELECT ($1).*' USING OLD; RETURN NEW; END",
            "BEGIN INSERT INTO app.history (k) VALUES (old.\"api_key\"); RETURN NEW; END",
            "BEGIN IF TG_OP = 'DELETE' THEN INSERT INTO h VALUES (hstore(OLD)); END IF; RETURN OLD; END",
        ] {
            assert!(copies(body), "{body}");
        }
        for body in [
            "BEGIN NEW.updated_at := now(); RETURN NEW; END",
            "BEGIN IF NEW IS DISTINCT FROM OLD THEN NEW.updated_at := now(); END IF; RETURN NEW; END",
            "BEGIN INSERT INTO app.history (id, name) VALUES (OLD.id, OLD.name); RETURN NEW; END",
            "BEGIN NEW.api_key := 'x'; RETURN NEW; END",
            "BEGIN -- to_jsonb(OLD)\n UPDATE app.counts SET n = n + 1 WHERE id = NEW.account_id; RETURN NEW; END",
        ] {
            assert!(!copies(body), "{body}");
        }
    }
}
