//! A manifest to begin with: what a database itself says of accounts, keys, users and roles, written down with the evidence.
//!
//! [`read`] collects facts, in a transaction that only reads, and never a value of a column. [`propose`] is a pure function of them. What the facts
//! leave open is written as `{ decide = […] }`, which [`crate::manifest::Manifest::parse`] refuses, so that nothing is applied before somebody has decided.

mod accounts;
mod facts;
mod file;
mod keys;
mod paths;
mod roles;
mod words;

use std::collections::BTreeSet;

use minijinja::context;
use serde::Deserialize;

pub use facts::{ColumnFacts, Facts, ForeignKey, RoleFacts, Sample, Sessions, TableFacts, Unique};

use crate::catalog::OLDEST;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::ident::{Ident, Table};
use crate::manifest::{AccountPath, MAX_NAME_BYTES, Manifest};
use crate::template::{Templates, ident, sql, table};
use keys::{KeyColumn, Verdict};
use roles::Judged;
use words::Part;

/// The most columns whose values are looked at.
const SAMPLES: usize = 60;

/// About how many pages of a large table are read for a sample.
const PAGES: u64 = 100;

/// A manifest to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text of the file.
    pub text: String,
    /// What must still be decided: a line for each place, as reading the manifest tells it.
    pub undecided: Vec<String>,
    /// How many key columns it proposes.
    pub keys: usize,
    /// How many tables that legacy roles may no longer write.
    pub writes: usize,
}

/// Inspects a database and drafts a manifest for it. `origin` is what its messages call the file.
///
/// # Errors
/// As [`read`].
pub async fn draft(db: &mut Db, origin: &str) -> Result<Draft> {
    let (facts, now) = read(db).await?;
    // A whole day, three months from now.
    let cutover = now
        .checked_add(jiff::SignedDuration::from_hours(24 * 90))
        .map_err(|error| Error::bug("the server's clock can't be right").with_source(error))?
        .strftime("%Y-%m-%dT00:00:00Z")
        .to_string();
    propose(&facts, &cutover, origin)
}

#[derive(Deserialize)]
struct Server {
    version_num: u32,
    database: String,
    now: jiff::Timestamp,
}

/// Reads what a database says of itself. Writes nothing; no value of a column leaves the server.
///
/// # Errors
/// As the connection; [`crate::error::Kind::Refused`] on a server that is too old.
pub async fn read(db: &mut Db) -> Result<(Facts, jiff::Timestamp)> {
    db.execute("BEGIN READ ONLY; SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '2s'; SET LOCAL max_parallel_workers_per_gather = 0").await?;
    let read = facts(db).await;
    // Nothing was written; if this fails, the connection is gone and so is the transaction.
    let _ = db.execute("ROLLBACK").await;
    read
}

async fn facts(db: &mut Db) -> Result<(Facts, jiff::Timestamp)> {
    let server: Server = db.row(include_str!("../../sql/init/server.sql"), &[]).await?;
    if server.version_num / 10_000 < OLDEST {
        let version = server.version_num / 10_000;
        return Err(Error::refused(format!("the server is PostgreSQL {version}; keyward needs {OLDEST} or newer")));
    }
    let tables: Vec<TableFacts> = db.rows(include_str!("../../sql/init/tables.sql"), &[]).await?;
    let mut facts = Facts { database: server.database, tables, ..Facts::default() };
    let templates = Templates::new(&[("init/sample.sql", include_str!("../../sql/init/sample.sql"))])?;
    let wanted: Vec<_> = keys::to_sample(&facts.tables)
        .into_iter()
        .take(SAMPLES)
        .map(|(on, column)| (on.name.clone(), column.name.clone(), on.pages.unwrap_or_default()))
        .collect();
    for (name, column, pages) in wanted {
        // A hundredth of a percent is the least that TABLESAMPLE makes something of.
        let hundredths = (PAGES * 10_000 / pages.max(1)).max(1);
        let percent = (pages > PAGES * 10).then(|| format!("{}.{:02}", hundredths / 100, hundredths % 100));
        let values = context! { table => table(&name), column => ident(&column), percent => percent.map(sql) };
        let query = templates.render("init/sample.sql", &values)?.sql;
        db.execute("SAVEPOINT sample; SET LOCAL statement_timeout = '5s'").await?;
        // What takes too long, or may not be read, is left unknown.
        if let Ok(sample) = db.row::<Sample>(&query, &[]).await {
            facts.samples.insert((name, column), sample);
        }
        db.execute("ROLLBACK TO SAVEPOINT sample").await?;
    }
    let concerned = concerned(&facts);
    let schemas = concerned.iter().map(|name| name.schema.as_str().to_owned()).collect();
    let names = concerned.iter().map(|name| name.name.as_str().to_owned()).collect();
    facts.roles = db.rows(include_str!("../../sql/init/roles.sql"), &[Param::Texts(schemas), Param::Texts(names)]).await?;
    facts.sessions = db.rows(include_str!("../../sql/init/sessions.sql"), &[]).await?;
    Ok((facts, server.now))
}

/// The tables whose privileges matter.
fn concerned(facts: &Facts) -> BTreeSet<Table> {
    let keys = keys::find(facts);
    let likely = |key: &&KeyColumn| key.verdict == Verdict::Key;
    let tables: BTreeSet<_> = keys.iter().filter(likely).map(|key| key.table.clone()).collect();
    let mut all: BTreeSet<_> = accounts::find(facts, &tables).into_iter().map(|candidate| candidate.table).collect();
    all.extend(tables);
    all.extend(users(facts));
    all
}

fn users(facts: &Facts) -> BTreeSet<Table> {
    facts.tables.iter().map(|table| &table.name).filter(|name| words::like_users(name.name.as_str())).cloned().collect()
}

/// What is written: every part with its evidence; several choices where the facts leave it open.
#[derive(Debug, Default)]
struct Proposal {
    cutover: String,
    database: String,
    accounts: Vec<Table>,
    ids: Vec<Ident>,
    accounts_evidence: Vec<String>,
    ui: Roles,
    api: Roles,
    auth: Roles,
    /// Roles that are in none of the lists, with the reason.
    others: Vec<String>,
    /// Who owns the tables, and so should apply.
    owners: Vec<String>,
    entries: Vec<Entry>,
    writes: Vec<UserTable>,
    left_out: Vec<String>,
}

/// A list of roles.
#[derive(Debug, Default)]
struct Roles {
    names: Vec<Ident>,
    /// What to choose from where nothing tells.
    choices: Vec<Ident>,
    evidence: Vec<String>,
}

/// A `[[keys]]` entry.
#[derive(Debug)]
struct Entry {
    name: String,
    key: KeyColumn,
    ids: Vec<Ident>,
    paths: Vec<AccountPath>,
    bytes: Option<u16>,
    evidence: Vec<String>,
    /// It is written as a comment.
    is_comment: bool,
}

/// A `[[writes]]` entry.
#[derive(Debug)]
struct UserTable {
    name: String,
    table: Table,
    paths: Vec<AccountPath>,
    roles: Vec<Ident>,
    evidence: Vec<String>,
    is_comment: bool,
}

/// Drafts a manifest from what was read. `cutover` is an instant, as TOML writes it.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if what comes out is no manifest, decisions aside.
pub fn propose(facts: &Facts, cutover: &str, origin: &str) -> Result<Draft> {
    let found = keys::find(facts);
    let tables: BTreeSet<_> = found.iter().filter(|key| key.verdict == Verdict::Key).map(|key| key.table.clone()).collect();
    let candidates = accounts::find(facts, &tables);
    let mut proposal = Proposal { database: facts.database.clone(), cutover: cutover.to_owned(), ..Proposal::default() };
    for candidate in &candidates {
        proposal.accounts.push(candidate.table.clone());
        if !proposal.ids.contains(&candidate.id) {
            proposal.ids.push(candidate.id.clone());
        }
        proposal.accounts_evidence.push(format!("{}: {}.", candidate.table.human(), candidate.evidence.join("; ")));
    }
    let mut names = BTreeSet::new();
    for key in found {
        entry(key, facts, &candidates, &mut names, &mut proposal);
    }
    let users = users(facts);
    let judged = roles::judge(facts, &tables, &users);
    assign(&judged, !tables.is_empty(), &mut proposal);
    for name in &users {
        write(name, facts, &candidates, &mut names, &mut proposal);
    }
    let owners: BTreeSet<_> = facts
        .tables
        .iter()
        .filter(|table| tables.contains(&table.name) || users.contains(&table.name) || proposal.accounts.contains(&table.name))
        .map(|table| crate::ident::human(&table.owner))
        .collect();
    proposal.owners = owners.into_iter().collect();
    let text = file::write(&proposal)?;
    let keys = proposal.entries.iter().filter(|entry| !entry.is_comment).count();
    let writes = proposal.writes.iter().filter(|write| !write.is_comment).count();
    let undecided = match Manifest::parse(&text, origin) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let lines: Vec<_> = error.to_string().lines().map(str::to_owned).collect();
            let open = |line: &String| line.contains(": decide this: ") || line.ends_with("expected something to protect");
            if let Some(wrong) = lines.iter().find(|line| !open(line)) {
                return Err(Error::bug("the drafted manifest is none").with_source(wrong.clone()));
            }
            lines
        }
    };
    Ok(Draft { text, undecided, keys, writes })
}

/// The ways to the accounts, whichever of the candidates they are.
fn ways_of(on: &TableFacts, candidates: &[accounts::Candidate], facts: &Facts) -> paths::Ways {
    let mut all = paths::Ways::default();
    for candidate in candidates {
        let ways = paths::ways(on, &candidate.table, &candidate.id, facts);
        for path in ways.paths {
            if !all.paths.contains(&path) {
                all.paths.push(path);
            }
        }
        if all.evidence.is_empty() {
            all.evidence = ways.evidence;
        }
        all.too_long = all.too_long.or(ways.too_long);
    }
    all
}

fn entry(
    key: KeyColumn,
    facts: &Facts,
    candidates: &[accounts::Candidate],
    names: &mut BTreeSet<String>,
    proposal: &mut Proposal,
) {
    let place = keys::place(&key.table, &key.column);
    let Some(on) = facts.table(&key.table).filter(|_| key.verdict != Verdict::No) else {
        proposal.left_out.push(format!("{place}: {}", key.evidence.join("; ")));
        return;
    };
    let mut ways = ways_of(on, candidates, facts);
    // What holds the key, or leads to the account, tells no row from another.
    let ids: Vec<_> = on.identifiers().into_iter().map(|column| column.name.clone()).filter(|name| *name != key.column).collect();
    ways.paths.retain(|path| *path.column() != key.column);
    let mut evidence = key.evidence.clone();
    evidence.append(&mut ways.evidence);
    let mut is_comment = key.verdict == Verdict::Maybe;
    if ways.paths.is_empty() {
        is_comment = true;
        evidence.push(match ways.too_long {
            Some(tables) => {
                let between: Vec<_> = tables.iter().skip(1).rev().skip(1).rev().map(Table::human).collect();
                format!(
                    "but the way to the account leads over {}, and a manifest can name one table in between: give the table a column with the account's id",
                    between.join(" and ")
                )
            }
            None => "but no column leads from its table to an account".to_owned(),
        });
    }
    let settled: Vec<_> = if on.uniques.iter().any(|unique| unique.columns.len() == 1) || !on.partition_key.is_empty() {
        // The first is the primary key, or the like.
        ids.into_iter().take(1).collect()
    } else {
        ids
    };
    if settled.is_empty() {
        is_comment = true;
        evidence.push("but no other column is unique and never NULL, so its rows can't be told apart".to_owned());
    }
    let column = on.column(key.column.as_str());
    let room =
        column.and_then(|column| column.max_length).map(|most| (most - i64::try_from(key.prefix.len()).unwrap_or(most)) / 2);
    let bytes = room.filter(|room| *room < 32).map(|room| u16::try_from(room.max(16)).unwrap_or(16));
    if room.is_some_and(|room| room < 16) {
        evidence.push("it is too short for a key that keyward generates: plan says what fits".to_owned());
    }
    let name = unique_name(&keys::entry_name(&key.table, &key.column), "key", names);
    proposal.entries.push(Entry { name, key, ids: settled, paths: ways.paths, bytes, evidence, is_comment });
}

fn write(name: &Table, facts: &Facts, candidates: &[accounts::Candidate], names: &mut BTreeSet<String>, proposal: &mut Proposal) {
    let Some(on) = facts.table(name).filter(|on| candidates.iter().all(|candidate| candidate.table != on.name)) else { return };
    let ways = ways_of(on, candidates, facts);
    if ways.paths.is_empty() {
        proposal.left_out.push(format!("{}: it is named like users, but no column leads from it to an account", name.human()));
        return;
    }
    let writers: Vec<_> = proposal
        .api
        .names
        .iter()
        .filter(|role| facts.roles.iter().any(|found| found.name == **role && found.writes(name)))
        .collect();
    let legacy: Vec<_> = roles::legacy(&proposal.api.names.iter().collect::<Vec<_>>())
        .into_iter()
        .filter(|role| writers.contains(role))
        .cloned()
        .collect();
    let mut evidence = vec!["it is named like users".to_owned()];
    evidence.extend(ways.evidence);
    let is_comment = legacy.is_empty();
    if is_comment {
        evidence.push("no API role that writes it looks like one of the past; name those that may no longer write it".to_owned());
    } else {
        let listed = legacy.iter().map(crate::ident::human).collect::<Vec<_>>().join(", ");
        evidence.push(format!("{listed} may write it, and by the name it is an old version of the API"));
    }
    let choices: Vec<_> = if is_comment { writers.into_iter().cloned().collect() } else { legacy };
    let words = words::words(name.name.as_str()).into_iter().filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric()));
    let stem = words.collect::<Vec<_>>().join("_");
    let stem = if stem.is_empty() { String::new() } else { format!("legacy_{stem}") };
    let name_of_entry = unique_name(&stem, "legacy", names);
    proposal.writes.push(UserTable {
        name: name_of_entry,
        table: name.clone(),
        paths: ways.paths,
        roles: choices,
        evidence,
        is_comment,
    });
}

/// Makes a name of an entry: short enough, beginning with a letter, and not taken.
fn unique_name(wanted: &str, fallback: &str, taken: &mut BTreeSet<String>) -> String {
    let mut stem: String = if wanted.starts_with(|c: char| c.is_ascii_lowercase()) { wanted } else { fallback }.to_owned();
    stem.truncate(MAX_NAME_BYTES - 4);
    let stem = stem.trim_end_matches('_');
    let mut name = stem.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{stem}_{number}");
        number += 1;
    }
    name
}

/// Puts each role into the list of its part, with what speaks for it.
fn assign(judged: &[Judged], any_keys: bool, proposal: &mut Proposal) {
    let mut open = Vec::new();
    let mut owners = Vec::new();
    for role in judged {
        let said = format!("{}: {}", crate::ident::human(&role.name), role.evidence);
        if role.owns {
            owners.push(format!(
                "{said}; nothing can hold the owner of the tables at a distance: the API and the UI must connect as others"
            ));
            continue;
        }
        if let Some(group) = &role.covered_by {
            proposal.others.push(format!("{said}; counts as {}, which is listed", crate::ident::human(group)));
            continue;
        }
        let list = match role.part {
            Some(Part::Ui) => &mut proposal.ui,
            Some(Part::Api) => &mut proposal.api,
            Some(Part::Auth) => &mut proposal.auth,
            Some(Part::Other) => {
                proposal.others.push(format!("{said}; by its name it is neither the UI nor the API"));
                continue;
            }
            None => {
                open.push(role.name.clone());
                proposal.others.push(format!("{said}; its name doesn't say what it is for"));
                continue;
            }
        };
        list.names.push(role.name.clone());
        list.evidence.push(said);
    }
    if proposal.ui.names.is_empty() || proposal.api.names.is_empty() {
        // Perhaps everything connects as the owner.
        proposal.others.append(&mut owners);
    }
    for list in [&mut proposal.ui, &mut proposal.api] {
        if list.names.is_empty() && any_keys {
            list.choices.clone_from(&open);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn column(name: &Ident, base_type: &str, not_null: bool) -> ColumnFacts {
        ColumnFacts {
            name: name.clone(),
            r#type: base_type.to_owned(),
            base_type: base_type.to_owned(),
            max_length: None,
            not_null,
            is_generated: false,
            default: Some("random()".to_owned()),
            readable: true,
            filled_by: vec![name.as_str().to_owned()],
        }
    }

    fn table(schema: &Ident, name: &Ident, columns: Vec<ColumnFacts>, keys: Vec<ForeignKey>) -> TableFacts {
        TableFacts {
            name: Table { schema: schema.clone(), name: name.clone() },
            owner: name.clone(),
            rows: None,
            pages: None,
            partitions: 0,
            has_children: false,
            uniques: vec![Unique { is_primary: true, columns: vec![columns[0].name.as_str().to_owned()] }],
            columns,
            foreign_keys: keys,
            partition_key: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_the_draft_is_a_manifest_or_says_what_to_decide(names in proptest::collection::btree_set("[^\0]{1,12}", 6)) {
            let names: Vec<_> = names.into_iter().map(|name| Ident::new(name).unwrap()).collect();
            let key = Ident::new(format!("{} api_key", &names[5].as_str())).unwrap();
            let target = Table { schema: names[0].clone(), name: names[1].clone() };
            let link = ForeignKey { columns: vec![names[3].clone()], table: target.clone(), to: vec![names[2].clone()] };
            let rows = table(
                &names[0],
                &names[4],
                vec![column(&names[2], "uuid", true), column(&names[3], "uuid", true), column(&key, "text", false)],
                vec![link],
            );
            let role = |name: &Ident| RoleFacts {
                name: name.clone(),
                can_login: true,
                may_create_roles: false,
                member_of: names.clone(),
                owns: BTreeSet::new(),
                rights: BTreeMap::from([(rows.name.clone(), vec!["SELECT".to_owned()])]),
            };
            let facts = Facts {
                database: names[0].as_str().to_owned(),
                roles: vec![role(&names[0]), role(&Ident::new(format!("ui {}", names[1].as_str())).unwrap())],
                sessions: vec![Sessions { role: names[0].clone(), sessions: 1, applications: vec![names[3].as_str().to_owned()] }],
                tables: vec![table(&names[0], &names[1], vec![column(&names[2], "uuid", true)], vec![]), rows],
                ..Facts::default()
            };
            let draft = propose(&facts, "2024-06-17T00:00:00Z", "m").unwrap_or_else(|error| panic!("{error} {:?}", std::error::Error::source(&error)));
            if draft.undecided.is_empty() {
                let manifest = Manifest::parse(&draft.text, "m").unwrap();
                prop_assert_eq!(&manifest.accounts.table, &target);
                prop_assert!(manifest.keys.iter().any(|found| found.column == key));
            }
        }
    }
}
