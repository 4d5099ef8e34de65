//! Which columns hold keys: by their names, what fills them, whether they are unique, and how random their values look.

use super::facts::{ColumnFacts, Facts, Sample, TableFacts};
use super::words::{KeyName, key_name, like_accounts, of_table, words};
use crate::ident::{Ident, Table, human};

/// The fewest values that say something about a column.
const ENOUGH: u64 = 20;

/// A column that may hold keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyColumn {
    /// Its table.
    pub(super) table: Table,
    /// Its name.
    pub(super) column: Ident,
    /// How sure it is.
    pub(super) verdict: Verdict,
    /// What speaks for it and against it, a sentence each.
    pub(super) evidence: Vec<String>,
    /// What a new key begins with.
    pub(super) prefix: String,
}

/// How sure it is that a column holds keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Sure enough to be proposed.
    Key,
    /// Worth a look: proposed as a comment.
    Maybe,
    /// It looks like one at first sight only: told in a line.
    No,
}

/// Returns the columns whose values are worth a look: those that a name or a default speaks for.
pub(super) fn to_sample(facts: &[TableFacts]) -> Vec<(&TableFacts, &ColumnFacts)> {
    facts
        .iter()
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        .filter(|(table, column)| column.readable && is_text(column) && (is_named(column) || generates(table, column).is_some()))
        .collect()
}

fn is_named(column: &ColumnFacts) -> bool {
    matches!(key_name(column.name.as_str()), KeyName::Key | KeyName::Maybe)
}

fn is_text(column: &ColumnFacts) -> bool {
    let plain = column.base_type.rsplit('.').next().unwrap_or_default();
    matches!(plain, "text" | "character varying" | "character" | "uuid" | "citext")
}

/// Returns what makes a value by itself, in words.
fn generates(table: &TableFacts, column: &ColumnFacts) -> Option<String> {
    if let Some(trigger) = column.filled_by.first() {
        return Some(format!("the trigger {trigger:?} fills it in"));
    }
    let default = column.default.as_deref()?;
    let random = ["random", "uuid", "nanoid", "ulid", "token", "gen_salt", "crypt"];
    // An id that is a uuid generates itself, and is nobody's secret.
    let is_id = column.base_type == "uuid" && !is_named(column);
    let lower = default.to_lowercase();
    (!is_id
        && !table.in_primary_key(column.name.as_str())
        && lower.contains('(')
        && random.iter().any(|word| lower.contains(word)))
    .then(|| "its default makes one at random".to_owned())
}

/// Returns every column that looks like a key, at least at first sight.
pub(super) fn find(facts: &Facts) -> Vec<KeyColumn> {
    let mut found = Vec::new();
    for table in &facts.tables {
        for column in &table.columns {
            let sample = facts.samples.get(&(table.name.clone(), column.name.clone()));
            found.extend(judge(table, column, sample));
        }
    }
    found
}

fn judge(table: &TableFacts, column: &ColumnFacts, sample: Option<&Sample>) -> Option<KeyColumn> {
    let name = column.name.as_str();
    let generates = generates(table, column);
    let named = key_name(name);
    let mut evidence = Vec::new();
    let mut score = match named {
        KeyName::Key => 3,
        KeyName::Maybe => 2,
        KeyName::No if generates.is_some() => 0,
        KeyName::No => return None,
        KeyName::Other(what) => {
            return Some(no(table, column, format!("by its name it is {what}")));
        }
    };
    if !is_text(column) {
        return Some(no(
            table,
            column,
            format!("it is of type {}, and keys are text, varchar, char, citext or uuid", column.r#type),
        ));
    }
    if named != KeyName::No {
        evidence.push("it is named like a key".to_owned());
    }
    if let Some(how) = generates {
        score += 2;
        evidence.push(how);
    }
    if table.is_unique(name) {
        score += 1;
        evidence.push("it is unique".to_owned());
    }
    let looks = sample.map_or(Looks::Unknown, looks);
    match (looks, sample) {
        (Looks::Random, Some(sample)) => {
            score += 2;
            evidence.push(format!(
                "{} sampled values look random ({} of them different, {})",
                sample.taken,
                if sample.different == sample.taken { "all".to_owned() } else { sample.different.to_string() },
                lengths(sample)
            ));
        }
        (Looks::Ordinary, Some(sample)) => {
            score -= 3;
            evidence.push(format!(
                "but {} sampled values don't look random ({} different, {})",
                sample.taken,
                sample.different,
                lengths(sample)
            ));
        }
        (_, Some(sample)) if sample.taken == 0 => evidence.push("it has no value yet".to_owned()),
        (_, Some(sample)) => evidence.push(format!("{} values are too few to judge", sample.taken)),
        (_, None) => evidence.push("its values were not looked at".to_owned()),
    }
    let mut verdict = match (named, looks) {
        (KeyName::Key, Looks::Unknown | Looks::Random) => Verdict::Key,
        (KeyName::Maybe, _) if score >= 4 => Verdict::Key,
        _ if score >= 2 => Verdict::Maybe,
        _ => return Some(no(table, column, evidence.join("; "))).filter(|_| named != KeyName::No),
    };
    for (applies, why) in [
        (table.in_primary_key(name), "it is part of the primary key, which rejects NULL: keyward can't seal it"),
        (table.in_foreign_key(name), "it is part of a foreign key: keyward can't seal it"),
        (table.partition_key.iter().any(|part| part == name), "it is part of the partition key: keyward can't seal it"),
    ] {
        if applies {
            evidence.push(why.to_owned());
            verdict = Verdict::Maybe;
        }
    }
    if column.is_generated {
        evidence.push("it is a generated column: plan says how to change that first".to_owned());
    }
    if table.has_children {
        evidence.push("its table has inheritance children, which guards don't reach: plan says what to do first".to_owned());
    }
    let prefix = literal_prefix(column.default.as_deref()).or_else(|| sample.and_then(|sample| sample.prefix.clone()));
    let prefix = prefix.filter(|_| column.base_type != "uuid").unwrap_or_default();
    Some(KeyColumn { table: table.name.clone(), column: column.name.clone(), verdict, evidence, prefix })
}

fn no(table: &TableFacts, column: &ColumnFacts, why: String) -> KeyColumn {
    KeyColumn {
        table: table.name.clone(),
        column: column.name.clone(),
        verdict: Verdict::No,
        evidence: vec![why],
        prefix: String::new(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Random,
    Ordinary,
    Unknown,
}

fn looks(sample: &Sample) -> Looks {
    if sample.taken < ENOUGH {
        return Looks::Unknown;
    }
    let distinct = sample.different * 100 >= sample.taken * 98;
    let tokens = sample.token_like * 100 >= sample.taken * 95;
    // Prefixes and separators make the characters less random, not the key shorter.
    if distinct && tokens && sample.shortest >= 12 && sample.bits >= 3.0 { Looks::Random } else { Looks::Ordinary }
}

fn lengths(sample: &Sample) -> String {
    if sample.shortest == sample.longest {
        format!("{} characters long", sample.longest)
    } else {
        format!("{} to {} characters long", sample.shortest, sample.longest)
    }
}

/// Returns the constant that a default begins with: `'loc_'::text || …`.
fn literal_prefix(default: Option<&str>) -> Option<String> {
    let rest = default?.trim_start_matches('(').strip_prefix('\'')?;
    let (text, rest) = rest.split_once('\'')?;
    let rest = rest.strip_prefix("::text").or_else(|| rest.strip_prefix("::character varying")).unwrap_or(rest);
    let fits = !text.is_empty() && text.len() <= 16 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    (fits && rest.trim_start().starts_with("||")).then(|| text.to_owned())
}

/// Returns the name of an entry for a column: what its table's rows are, and what it is.
pub(super) fn entry_name(table: &Table, column: &Ident) -> String {
    let ascii =
        |words: Vec<String>| words.into_iter().filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric())).collect::<Vec<_>>();
    let row = ascii(of_table(table.name.as_str()));
    let what = ascii(words(column.as_str()));
    let row: Vec<_> = row.into_iter().filter(|word| !what.contains(word)).collect();
    [row, what].concat().join("_")
}

/// Tells how well a table's own name goes with a column that refers to it.
pub(super) fn names_table(column: &str, table: &Table) -> bool {
    let mut column = words(column);
    let last = column.pop();
    let of = of_table(table.name.as_str());
    matches!(last.as_deref(), Some("id" | "uuid" | "uid" | "fk" | "ref"))
        && !column.is_empty()
        && (column == of
            || column.iter().eq(of.last())
            || (column.len() == 1 && like_accounts(&column[0]) == 2 && like_accounts(table.name.as_str()) == 2))
}

/// Returns a column with its table, for people.
pub(super) fn place(table: &Table, column: &Ident) -> String {
    format!("{}.{}", table.human(), human(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_that_a_default_begins_with_is_the_prefix() {
        for (default, expected) in [
            ("('loc_'::text || replace((gen_random_uuid())::text, '-'::text, ''::text))", Some("loc_")),
            ("'abc'::text", None),
            ("md5((random())::text)", None),
            ("('a b'::text || x())", None),
        ] {
            assert_eq!(literal_prefix(Some(default)).as_deref(), expected, "{default}");
        }
    }

    #[test]
    fn an_entry_is_named_after_row_and_column() {
        let name = |table: &str, column: &str| entry_name(&table.parse().unwrap(), &Ident::new(column).unwrap());
        assert_eq!(name("app.locations", "api_key"), "location_api_key");
        assert_eq!(name("app.locations", "location_key"), "location_key");
        assert_eq!(name("\"Ä\".\"Kunden Orte\"", "API Key"), "kunden_orte_api_key");
        assert_eq!(name("a.\"ключи\"", "ключ"), "");
    }
}
