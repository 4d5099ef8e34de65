//! The draft as TOML: values quoted by construction, the evidence in comments.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table as Section, Value, value};

use super::keys::place;
use super::{Entry, Proposal, Roles, UserTable};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table};
use crate::manifest::AccountPath;

/// The width of a comment.
const WIDTH: usize = 110;

const HEAD: &str = "Names are written as the catalogue stores them; keyward.example.toml explains every line. Where it says { decide = […] }, the database leaves \
                    it open: put one of the choices in its place. Then: keyward plan, which changes nothing.";

/// Writes a proposal.
pub(super) fn write(proposal: &Proposal) -> Result<String> {
    let mut document = DocumentMut::new();
    let root = document.as_table_mut();
    let head = format!("Drafted by keyward init from the database {}. {HEAD}", proposal.database);
    put(root, "version", value(1), SCHEMA, &[head]);

    let mut setting = Section::new();
    put(&mut setting, "label", value("Enhanced Account Security"), "", &["What people call the setting.".to_owned()]);
    let cutover: toml_edit::Datetime =
        proposal.cutover.parse().map_err(|error| Error::bug("the cutover is no instant").with_source(error))?;
    let why = "From here on the setting is on for every account that hasn't opted out: in three months, until you say otherwise."
        .to_owned();
    put(&mut setting, "cutover", value(cutover), "", &[why]);
    section(root, "setting", setting, &[]);

    section(root, "roles", roles(proposal), &[]);

    let mut accounts = Section::new();
    accounts.insert("table", Item::Value(one_of(&proposal.accounts, table)));
    accounts.insert("id", Item::Value(one_of(&proposal.ids, ident)));
    section(root, "accounts", accounts, &proposal.accounts_evidence);

    let mut comments = Vec::new();
    let mut keys = ArrayOfTables::new();
    for entry in &proposal.entries {
        let mut evidence = vec![format!("{}: {}.", place(&entry.key.table, &entry.key.column), entry.evidence.join("; "))];
        if entry.is_comment {
            evidence.insert(0, "Perhaps a key; take the marks off if it is one.".to_owned());
            comments.push((evidence, "keys", key(entry)));
        } else {
            keys.push(decorated(key(entry), &evidence));
        }
    }
    if keys.is_empty() {
        let none = "Nothing in this database looks enough like a key to be proposed. Name the columns yourself, in [[keys]] as keyward.example.toml shows it.";
        comments.insert(0, (vec![none.to_owned()], "", Section::new()));
    } else {
        root.insert("keys", Item::ArrayOfTables(keys));
    }
    let mut writes = ArrayOfTables::new();
    for table in &proposal.writes {
        let evidence = vec![format!("{}: {}.", table.table.human(), table.evidence.join("; "))];
        if table.is_comment {
            comments.push((evidence, "writes", users(table)));
        } else {
            writes.push(decorated(users(table), &evidence));
        }
    }
    if !writes.is_empty() {
        root.insert("writes", Item::ArrayOfTables(writes));
    }
    let mut trailing = String::new();
    for (evidence, kind, section) in comments {
        trailing.push('\n');
        trailing.push_str(&comment(&evidence));
        if !kind.is_empty() {
            trailing.push_str(&commented_out(kind, section));
        }
    }
    if !proposal.left_out.is_empty() {
        trailing.push('\n');
        trailing.push_str(&comment(&["Looked at, and left out:".to_owned()]));
        for line in &proposal.left_out {
            trailing.push_str(&comment(&[format!("- {line}")]));
        }
    }
    document.set_trailing(trailing);
    let text = document.to_string();
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// Tells editors what to check the file against.
const SCHEMA: &str = "#:schema ./keyward.schema.json\n";

fn roles(proposal: &Proposal) -> Section {
    let mut section = Section::new();
    let mut said = vec!["Owns everything in the schema keyward; keyward creates it. Nobody connects as it.".to_owned()];
    if !proposal.owners.is_empty() {
        said.push(format!("The tables below belong to {}: run keyward plan and apply as that role.", proposal.owners.join(", ")));
    }
    put(&mut section, "owner", value("keyward_owner"), "", &said);
    let none = |list: &Roles| list.names.is_empty() && list.choices.is_empty();
    let lists = [
        ("ui", &proposal.ui, "The web application: it may generate, reveal and revoke keys, and change an account's setting."),
        ("api", &proposal.api, "The API: it never gets a key of an account whose setting is on."),
        ("auth", &proposal.auth, "Whoever looks up which row a presented key belongs to."),
    ];
    let protects = proposal.entries.iter().any(|entry| !entry.is_comment);
    for (key, list, what) in lists {
        let mut evidence = vec![what.to_owned()];
        evidence.extend(list.evidence.iter().map(|line| format!("- {line}")));
        let names = if list.names.is_empty() && protects && key != "auth" {
            if none(list) {
                evidence.push("- no role was found that could be it: make one, and grant it what it needs".to_owned());
            }
            let choices = list.choices.iter().map(|name| Value::from(Array::from_iter([name.as_str()])));
            Value::from(InlineTable::from_iter([("decide", Value::from(choices.collect::<Array>()))]))
        } else {
            Value::from(list.names.iter().map(Ident::as_str).collect::<Array>())
        };
        put(&mut section, key, Item::Value(names), "", &evidence);
    }
    if !proposal.others.is_empty() {
        let mut lines = vec!["Others that reach these tables, and are in no list:".to_owned()];
        lines.extend(proposal.others.iter().map(|line| format!("- {line}")));
        // Below the last list, where the section ends.
        let last = section.get_mut("auth").and_then(Item::as_value_mut);
        if let Some(last) = last {
            last.decor_mut().set_suffix(format!("\n{}", comment(&lines).trim_end()));
        }
    }
    section
}

fn key(entry: &Entry) -> Section {
    let mut section = Section::new();
    section.insert("name", value(&entry.name));
    section.insert("table", Item::Value(table(&entry.key.table)));
    section.insert("id", Item::Value(one_of(&entry.ids, ident)));
    section.insert("column", Item::Value(ident(&entry.key.column)));
    section.insert("account", Item::Value(one_of(&entry.paths, path)));
    if !entry.key.prefix.is_empty() || entry.bytes.is_some() {
        let mut generate = InlineTable::new();
        if !entry.key.prefix.is_empty() {
            generate.insert("prefix", Value::from(entry.key.prefix.as_str()));
        }
        generate.insert("bytes", Value::from(i64::from(entry.bytes.unwrap_or(32))));
        section.insert("generate", value(generate));
    }
    section
}

fn users(table: &UserTable) -> Section {
    let mut section = Section::new();
    section.insert("name", value(&table.name));
    section.insert("table", Item::Value(self::table(&table.table)));
    section.insert("account", Item::Value(one_of(&table.paths, path)));
    section.insert("roles", value(table.roles.iter().map(Ident::as_str).collect::<Array>()));
    section
}

fn table(name: &Table) -> Value {
    Value::from(name.human())
}

fn ident(name: &Ident) -> Value {
    Value::from(name.as_str())
}

fn path(path: &AccountPath) -> Value {
    match path {
        AccountPath::Column(column) => ident(column),
        AccountPath::Via { column, via, id, account } => Value::from(InlineTable::from_iter([
            ("column", ident(column)),
            ("via", table(via)),
            ("id", ident(id)),
            ("account", ident(account)),
        ])),
    }
}

/// Writes the only choice, or what there is to choose from.
fn one_of<T>(choices: &[T], write: impl Fn(&T) -> Value) -> Value {
    match choices {
        [only] => write(only),
        several => {
            let all = several.iter().map(write).collect::<Array>();
            Value::from(InlineTable::from_iter([("decide", Value::from(all))]))
        }
    }
}

/// Inserts a key with a comment above it.
fn put(section: &mut Section, key: &str, item: Item, verbatim: &str, lines: &[String]) {
    section.insert(key, item);
    if let Some(mut key) = section.key_mut(key) {
        key.leaf_decor_mut().set_prefix(format!("{verbatim}{}", comment(lines)));
    }
}

fn section(root: &mut Section, key: &str, section: Section, lines: &[String]) {
    root.insert(key, Item::Table(decorated(section, lines)));
}

/// Puts a comment above a section's header.
fn decorated(mut section: Section, lines: &[String]) -> Section {
    section.decor_mut().set_prefix(format!("\n{}", comment(lines)));
    section
}

/// Writes an entry as a comment that becomes one when the marks are taken off.
fn commented_out(kind: &str, section: Section) -> String {
    let mut document = DocumentMut::new();
    document.insert(kind, Item::ArrayOfTables(ArrayOfTables::from_iter([section])));
    document.to_string().lines().map(|line| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") }).collect()
}

fn line_of(text: &mut String, words: &str) {
    text.push_str("# ");
    text.push_str(words);
    text.push('\n');
}

/// Writes lines as comments, broken where their words allow it. A name may hold any character: those that no comment may are escaped.
fn comment(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let safe: String =
            line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        let (mut current, indent) = (String::new(), if safe.starts_with("- ") { "  " } else { "" });
        for word in safe.split(' ').filter(|word| !word.is_empty()) {
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > WIDTH {
                line_of(&mut text, &current);
                current = indent.to_owned();
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        line_of(&mut text, &current);
    }
    text
}
