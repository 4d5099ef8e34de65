//! Rendering of the templates in `sql/`, with identifiers quoted by construction.
//!
//! `{{ x }}` prints a string as a quoted identifier, always. A string constant must be asked for (`{{ x | lit }}`), and
//! raw SQL can only come from Rust code that made a [`sql`] value out of something already safe: a [`Table`], a type name
//! that the catalogue printed. Anything else (a list, a boolean, an undefined name) is an error, not text. Nothing that is printed
//! can end the dollar quotes of a function's body.

use std::collections::HashMap;
use std::fmt::Write as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error as JinjaError, ErrorKind, UndefinedBehavior};

use crate::error::{Error, Result};
use crate::ident::{DOLLAR_TAG, Ident, Table, literal};
use crate::parse;

/// Returns a template value that is printed as it stands: SQL text that is safe already, such as a type name printed by
/// `format_type`.
#[must_use]
pub fn sql(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Returns a table's qualified, quoted name as a template value.
#[must_use]
pub fn table(name: &Table) -> Value {
    sql(name.to_string())
}

/// Returns an identifier as a template value; the formatter quotes it.
#[must_use]
pub fn ident(name: &Ident) -> Value {
    Value::from(name.as_str())
}

/// Returns a list of identifiers as a template value, for loops and for the filter `idents`.
#[must_use]
pub fn idents(names: &[Ident]) -> Value {
    names.iter().map(ident).collect()
}

/// The templates of this build, and how they are printed.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    /// The fields of each template's header, not rendered yet.
    headers: HashMap<&'static str, Vec<(String, String)>>,
}

/// A rendered template: its header and its SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The header's fields in order, such as `("lock", "SHARE ROW EXCLUSIVE")`.
    pub header: Vec<(String, String)>,
    /// The SQL below the header.
    pub sql: String,
}

impl Rendered {
    /// Returns the first header field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns all header fields of that name, in order.
    #[must_use]
    pub fn fields(&self, name: &str) -> Vec<&str> {
        self.header.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
}

impl Templates {
    /// Makes the set of templates from `(name, source)` pairs.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if a template has a syntax error.
    pub fn new(sources: &[(&'static str, &'static str)]) -> Result<Self> {
        let mut env = Environment::new();
        env.set_auto_escape_callback(|_| AutoEscape::Custom("sql".into()));
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|error| bug("*", &error))?);
        env.set_formatter(|out, _, value| {
            out.write_str(&print(value)?).map_err(|_| JinjaError::new(ErrorKind::WriteFailure, "can't write"))
        });
        env.add_filter("lit", |value: String| sql(literal(&value)));
        env.add_filter("ident", |value: String| quoted(&value).map(sql));
        env.add_filter("idents", |values: Vec<String>| {
            values.iter().map(|value| quoted(value)).collect::<Result<Vec<_>, _>>().map(|all| sql(all.join(", ")))
        });
        let mut headers = HashMap::new();
        for (name, source) in sources {
            let (header, body) = split(source);
            headers.insert(*name, header);
            env.add_template(name, body).map_err(|error| bug(name, &error))?;
        }
        Ok(Self { env, headers })
    }

    /// Renders a template, splits off its header (the lines `-- name: value` that it opens with), and has the rest parsed: only
    /// statements of the kinds that keyward runs come out.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if the template doesn't exist, uses a value that the context lacks or that can't be
    /// printed as SQL, or renders to something else than the statements that [`crate::parse::check`] knows.
    pub fn render(&self, name: &str, context: &Value) -> Result<Rendered> {
        let rendered = self.text(name, context)?;
        parse::check(&rendered.sql)?;
        Ok(rendered)
    }

    /// Renders a template of statements that keyward installs nowhere: an attack, which only ever runs in a transaction that is rolled
    /// back. It must parse; any kind of statement comes out.
    ///
    /// # Errors
    /// As [`Templates::render`], the kinds of statements aside.
    pub fn script(&self, name: &str, context: &Value) -> Result<Rendered> {
        let rendered = self.text(name, context)?;
        parse::split(&rendered.sql)?;
        Ok(rendered)
    }

    /// Renders a template of a script for psql, whose own commands no parser knows. keyward itself never runs it.
    ///
    /// # Errors
    /// As [`Templates::render`], the parsing aside.
    pub fn commands(&self, name: &str, context: &Value) -> Result<String> {
        Ok(self.text(name, context)?.sql + "\n\n")
    }

    /// Renders a template's header, each field by itself, and its body: a line break in a name ends neither.
    fn text(&self, name: &str, context: &Value) -> Result<Rendered> {
        let failed = |error| bug(name, &error);
        let body = self.env.get_template(name).and_then(|template| template.render(context)).map_err(failed)?;
        let mut header = Vec::new();
        for (field, source) in self.headers.get(name).into_iter().flatten() {
            let text = if source.contains('{') { self.env.render_str(source, context).map_err(failed)? } else { source.clone() };
            header.push((field.clone(), text.trim().to_owned()));
        }
        Ok(Rendered { header, sql: body.trim().to_owned() })
    }

    /// Returns the names of all templates, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.env.templates().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }
}

/// Splits a template into the fields of its header, a field's further lines joined to its first, and its body.
fn split(source: &'static str) -> (Vec<(String, String)>, &'static str) {
    let mut header: Vec<(String, String)> = Vec::new();
    let mut rest = source;
    while let Some((line, after)) = rest.split_once('\n') {
        let Some(comment) = line.strip_prefix("-- ") else { break };
        match (comment.split_once(": "), header.last_mut()) {
            (Some((key, value)), _) if key.chars().all(|c| c.is_ascii_lowercase()) => {
                header.push((key.to_owned(), value.trim().to_owned()));
            }
            // A field may go on over further lines.
            (_, Some((_, value))) => {
                let _ = write!(value, " {}", comment.trim());
            }
            (_, None) => break,
        }
        rest = after;
    }
    (header, rest)
}

fn bug(name: &str, error: &JinjaError) -> Error {
    Error::bug(format!("the template sql/{name} can't be rendered: {error:#}"))
}

fn refuse(why: impl Into<String>) -> JinjaError {
    JinjaError::new(ErrorKind::InvalidOperation, why.into())
}

fn quoted(name: &str) -> Result<String, JinjaError> {
    if name.contains(DOLLAR_TAG) {
        return Err(refuse(format!("an identifier that contains {DOLLAR_TAG} can't be used in a function body")));
    }
    Ident::new(name).map(|ident| ident.to_string()).map_err(|error| refuse(error.to_string()))
}

fn print(value: &Value) -> Result<String, JinjaError> {
    match value.kind() {
        ValueKind::String if value.is_safe() && value.as_str().is_some_and(|text| text.contains(DOLLAR_TAG)) => {
            Err(refuse(format!("what contains {DOLLAR_TAG} can't be used in a function body")))
        }
        ValueKind::String if value.is_safe() => Ok(value.to_string()),
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Number => Ok(value.to_string()),
        kind => Err(JinjaError::new(ErrorKind::InvalidOperation, format!("a {kind} has no place in SQL"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn render(source: &'static str, context: &Value) -> Result<Rendered> {
        Templates::new(&[("_m", "{% macro m(x) %}f({{ x }}){% endmacro %}"), ("t", source)])?.text("t", context)
    }

    #[test]
    fn a_string_cannot_come_out_unquoted() {
        let context = context! { x => "a\"; DROP TABLE t; --" };
        assert_eq!(render("SELECT {{ x }}", &context).unwrap().sql, r#"SELECT "a""; DROP TABLE t; --""#);
        assert_eq!(render("SELECT {{ 'p_' ~ x }}", &context).unwrap().sql, r#"SELECT "p_a""; DROP TABLE t; --""#);
        assert_eq!(
            render("{% from '_m' import m %}SELECT {{ m(x) }}", &context).unwrap().sql,
            r#"SELECT f("a""; DROP TABLE t; --")"#
        );
        assert_eq!(render("SELECT {{ x | lit }}", &context).unwrap().sql, r#"SELECT 'a"; DROP TABLE t; --'"#);
    }

    #[test]
    fn a_string_glued_to_safe_text_stays_an_identifier_of_its_own() {
        let context = context! { safe => sql("text"), x => "\"" };
        assert_eq!(render("{{ safe }}", &context).unwrap().sql, "text");
        assert_eq!(render("{{ safe ~ x }}", &context).unwrap().sql, r#"text"""""#);
    }

    #[test]
    fn what_is_not_sql_is_refused() {
        for source in ["{{ missing }}", "{{ [1, 2] }}", "{{ true }}", "{{ none }}", "{{ '' }}", "{{ 'a$keyward$' }}"] {
            assert!(render(source, &context! {}).is_err(), "{source}");
        }
        assert!(render("{{ 1 }}", &context! {}).is_ok());
    }

    #[test]
    fn nothing_that_is_printed_ends_the_body_of_a_function() {
        let text = "a'\\ $keyward$; DROP TABLE t; --";
        let rendered = render("SELECT {{ x | lit }}", &context! { x => text }).unwrap().sql;
        assert_eq!(rendered, r"SELECT E'a''\\ \x24keyward$; DROP TABLE t; --'");
        let name = Table { schema: Ident::new("app").unwrap(), name: Ident::new("t$keyward_try$").unwrap() };
        assert!(render("SELECT {{ x }}", &context! { x => table(&name) }).is_err());
        assert!(render("SELECT {{ x }}", &context! { x => sql("\"$keyward$\"") }).is_err());
        assert!(render("SELECT {{ x }}", &context! { x => sql("\"$key\"") }).is_ok(), "control");
    }

    #[test]
    fn a_line_break_in_a_name_ends_no_field_of_the_header() {
        let source = "-- purpose: of {{ x }}\n-- undo: DROP TABLE {{ x }};\nSELECT {{ x }}";
        let rendered = render(source, &context! { x => "a\nDROP TABLE t; --" }).unwrap();
        assert_eq!(rendered.field("undo"), Some("DROP TABLE \"a\nDROP TABLE t; --\";"));
        assert_eq!(rendered.sql, "SELECT \"a\nDROP TABLE t; --\"");
    }

    #[test]
    fn the_header_is_split_off() {
        let rendered = render("-- purpose: one\n--   and two\n-- lock: NONE\n\nSELECT 1; -- note: no\n", &context! {}).unwrap();
        assert_eq!(rendered.field("purpose"), Some("one and two"));
        assert_eq!(rendered.field("lock"), Some("NONE"));
        assert_eq!(rendered.sql, "SELECT 1; -- note: no");
    }

    #[test]
    fn what_renders_to_another_kind_of_statement_does_not_come_out() {
        let templates = Templates::new(&[("good", "SELECT {{ x }}"), ("bad", "DO {{ x | lit }}"), ("worse", "SELECT {{ x")]);
        assert!(templates.is_err());
        let templates = Templates::new(&[("good", "SELECT {{ x }}"), ("bad", "DO {{ x | lit }}")]).unwrap();
        assert!(templates.render("good", &context! { x => "a" }).is_ok());
        assert!(templates.render("bad", &context! { x => "a" }).is_err());
    }
}
