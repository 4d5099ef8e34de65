//! The stand that attacks are tried on: three accounts with a row each, made inside the transaction. One has its setting on, two have it off:
//! the second is for the controls, and the third is where the second's row moves to.

use minijinja::context;
use minijinja::value::Value;
use serde::Deserialize;

use super::probe::Actor;
use super::row::{Chance, Draft, Pattern, Recipe, constant, is_text};
use super::session::{Cast, Session, Trouble};
use super::site::{Site, keys_of, raw};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::{AccountPath, Hide, Key, Manifest};
use crate::template::Templates;

/// The ways to make rows, the first that the tables take is kept.
fn recipes() -> Vec<Recipe> {
    let mut all = Vec::new();
    for real_accounts in [false, true] {
        for near in [false, true] {
            for full in [false, true] {
                for as_runner in [false, true] {
                    all.push(Recipe { full, near, real_accounts, as_runner });
                }
            }
        }
    }
    all
}

/// What a new row of each table takes.
#[derive(Debug)]
pub(super) struct Patterns {
    accounts: Pattern,
    via: Option<Pattern>,
    pub(super) rows: Pattern,
}

impl Patterns {
    /// Reads them for a site.
    ///
    /// # Errors
    /// As the connection.
    pub(super) async fn read(db: &mut Db, manifest: &Manifest, site: &Site<'_>) -> Result<Self> {
        let via = match site.path {
            AccountPath::Column(_) => None,
            AccountPath::Via { via, .. } => Some(Pattern::read(db, via, &keys_of(manifest, via)).await?),
        };
        Ok(Self {
            accounts: Pattern::read(db, &manifest.accounts.table, &keys_of(manifest, &manifest.accounts.table)).await?,
            via,
            rows: Pattern::read(db, site.table, &site.key_columns).await?,
        })
    }

    /// Returns the conditions of probes that the columns don't meet.
    pub(super) fn lacks(&self, manifest: &Manifest, site: &Site<'_>) -> Vec<&'static str> {
        let key = site.key.and_then(|key| self.rows.column(&key.column));
        let never_updated = |pattern: &Pattern, id: &Ident| pattern.column(id).is_some_and(|column| column.is_identity_always);
        let lacks = [
            ("default", !key.is_some_and(|column| column.has_default)),
            ("not_null_id", never_updated(&self.rows, &site.id)),
            ("cascades_update", never_updated(&self.accounts, &manifest.accounts.id)),
        ];
        lacks.into_iter().filter(|(_, lacks)| *lacks).map(|(condition, _)| condition).collect()
    }
}

/// One account and what belongs to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    /// The account's id.
    pub(super) account: String,
    /// The key of its row.
    pub(super) key: String,
    /// What the key that an attack brings begins with, and that of its row.
    pub(super) needle: String,
    account_row: Draft,
    spare_account: String,
    via_row: Option<Draft>,
    reference: String,
    id: String,
    row: Draft,
    new_id: String,
    new_key: String,
    pub(super) new_row: Draft,
    guess_id: String,
    place: Place,
}

impl Side {
    /// Returns the table or partition that its row is in, quoted.
    pub(super) fn part(&self) -> &str {
        &self.place.part
    }
}

/// Where a row is.
#[derive(Debug, Clone, Default, Deserialize)]
struct Place {
    ctid: String,
    part: String,
}

/// The accounts and rows of one site.
#[derive(Debug)]
pub(super) struct Stand {
    /// The one that is on, the one that is off, and another one that is off, if there are that many.
    pub(super) sides: Vec<Side>,
    recipe: Recipe,
    pub(super) hand: Ident,
}

impl Stand {
    /// Finds a way to make the rows, and makes them in the transaction that is open.
    ///
    /// # Errors
    /// Why the tables take no row.
    pub(super) async fn raise(
        session: &mut Session<'_>,
        templates: &Templates,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
        chance: &Chance,
    ) -> Result<Self, Trouble> {
        let mut first = None;
        for recipe in recipes() {
            let runner_stands_in = !session.is_superuser || patterns.rows.owner == session.runner;
            if recipe.as_runner && runner_stands_in {
                continue;
            }
            session.begin().await?;
            let hand = if runner_stands_in || recipe.as_runner { session.runner.clone() } else { patterns.rows.owner.clone() };
            let made = match Self::design(session, manifest, site, patterns, chance, recipe, hand).await {
                Ok(mut stand) => stand.build(session, templates, manifest, site, patterns).await.map(|()| stand),
                Err(trouble) => Err(trouble),
            };
            match made {
                Ok(stand) => return Ok(stand),
                Err(fatal @ Trouble::Fatal(_)) => return Err(fatal),
                // the first refusal tells most: later recipes are makeshift
                Err(trouble) => first = first.or(Some(trouble)),
            }
        }
        session.rollback().await?;
        Err(first.unwrap_or_else(|| Trouble::Fatal(Error::bug("there is no way to make rows"))))
    }

    /// Makes the same rows again, in a new transaction.
    ///
    /// # Errors
    /// Why they can't be made any more.
    pub(super) async fn raise_again(
        &mut self,
        session: &mut Session<'_>,
        templates: &Templates,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
    ) -> Result<(), Trouble> {
        session.begin().await?;
        self.build(session, templates, manifest, site, patterns).await
    }

    /// Tells whether the accounts were made for the occasion.
    pub(super) fn has_fresh_accounts(&self) -> bool {
        !self.recipe.real_accounts
    }

    /// Returns the side on which an act takes place, and the one that a row moves to or comes from.
    pub(super) fn pair(&self, on: bool) -> (&Side, Option<&Side>) {
        let at = usize::from(!on);
        (&self.sides[at], self.sides.get(at + 1))
    }

    /// Decides on every value.
    async fn design(
        session: &mut Session<'_>,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
        chance: &Chance,
        recipe: Recipe,
        hand: Ident,
    ) -> Result<Self, Trouble> {
        let accounts_id = &manifest.accounts.id;
        // the narrowest of the types that hold an account's id decides, and likewise for the row that a row hangs on
        let mut account_types = vec![type_of(&patterns.accounts, accounts_id)];
        let mut via_types = Vec::new();
        match (site.path, &patterns.via) {
            (AccountPath::Via { column, id, account, .. }, Some(via)) => {
                account_types.push(type_of(via, account));
                via_types = vec![type_of(via, id), type_of(&patterns.rows, column)];
            }
            (path, _) => account_types.push(type_of(&patterns.rows, path.column())),
        }
        let account_ids = if recipe.real_accounts {
            if site.is_accounts {
                return Err(refused("the accounts that are there have keys of their own"));
            }
            real_accounts(session.db, manifest).await?
        } else {
            ids(session.db, &patterns.accounts, accounts_id, &account_types, recipe, chance, 9).await?
        };
        let via_ids = match (&patterns.via, site.path) {
            (Some(via), AccountPath::Via { id, .. }) => ids(session.db, via, id, &via_types, recipe, chance, 3).await?,
            _ => Vec::new(),
        };
        let row_ids = if site.is_accounts {
            Vec::new()
        } else {
            let types = [type_of(&patterns.rows, &site.id)];
            ids(session.db, &patterns.rows, &site.id, &types, recipe, chance, 9).await?
        };
        let sides = if recipe.real_accounts { account_ids.len().min(3) } else { 3 };
        let mut stand = Self { sides: Vec::new(), recipe, hand };
        for at in 0..sides {
            stand.sides.push(stand.side(manifest, site, patterns, chance, (&account_ids, &via_ids, &row_ids), at)?);
        }
        Ok(stand)
    }

    fn side(
        &self,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
        chance: &Chance,
        (account_ids, via_ids, row_ids): (&[String], &[String], &[String]),
        at: usize,
    ) -> Result<Side, Trouble> {
        let recipe = self.recipe;
        let account = account_ids[at].clone();
        let (key, new_key) = match site.key {
            Some(key) => (make_key(site, patterns, key, chance)?, make_key(site, patterns, key, chance)?),
            None => (String::new(), String::new()),
        };
        let key_columns = keys_of(manifest, &manifest.accounts.table);
        let mut given: Vec<(&Ident, Option<String>)> = key_columns.iter().map(|column| (*column, None)).collect();
        given.push((&manifest.accounts.id, Some(account.clone())));
        let account_row = patterns.accounts.draft(recipe, chance, &given, &[&manifest.accounts.id]);
        let (reference, via_row) = match (site.path, &patterns.via) {
            (AccountPath::Via { via, id, account: to, .. }, Some(pattern)) => {
                let mut given: Vec<(&Ident, Option<String>)> =
                    keys_of(manifest, via).into_iter().map(|column| (column, None)).collect();
                given.push((id, Some(via_ids[at].clone())));
                given.push((to, Some(account.clone())));
                (via_ids[at].clone(), Some(pattern.draft(recipe, chance, &given, &[id])))
            }
            _ => (account.clone(), None),
        };
        let (id, new_id, guess_id) = if site.is_accounts {
            (account.clone(), account_ids[at + 3].clone(), account_ids[at + 6].clone())
        } else {
            (row_ids[at].clone(), row_ids[at + 3].clone(), row_ids[at + 6].clone())
        };
        let row = |id: &str, own_key: &str| {
            let mut given: Vec<(&Ident, Option<String>)> = site.key_columns.iter().map(|column| (*column, None)).collect();
            given.push((site.path.column(), Some(if site.is_accounts { id.to_owned() } else { reference.clone() })));
            given.push((&site.id, Some(id.to_owned())));
            if let Some(key) = site.key {
                given.retain(|(name, _)| **name != key.column);
                given.push((&key.column, Some(own_key.to_owned())));
            }
            let distinct = [Some(&site.id), site.key.map(|key| &key.column)];
            patterns.rows.draft(recipe, chance, &given, &distinct.into_iter().flatten().collect::<Vec<_>>())
        };
        Ok(Side {
            needle: site.key.map_or_else(String::new, |made| key.chars().take(made.generate.prefix.len() + 16).collect()),
            spare_account: if recipe.real_accounts { account.clone() } else { account_ids[at + 6].clone() },
            row: row(&id, &key),
            new_row: row(&new_id, &new_key),
            account,
            key,
            account_row,
            via_row,
            reference,
            id,
            new_id,
            new_key,
            guess_id,
            place: Place::default(),
        })
    }

    /// Makes the rows in the transaction that is open.
    async fn build(
        &mut self,
        session: &mut Session<'_>,
        templates: &Templates,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
    ) -> Result<(), Trouble> {
        let cast = |pattern: &Pattern| Cast {
            attacker: session.runner.clone(),
            hand: if self.hand == session.runner { self.hand.clone() } else { pattern.owner.clone() },
        };
        let (of_accounts, of_rows) = (cast(&patterns.accounts), cast(&patterns.rows));
        let of_via = patterns.via.as_ref().map(cast);
        let insert = |session: &Session<'_>, side: &Side, draft: &Draft, pattern: &Pattern| {
            format!("{} {}", session.variables_for(&side.account), draft.insert(&pattern.table))
        };
        if !self.recipe.real_accounts && !site.is_accounts {
            let made =
                self.sides.iter().map(|side| insert(session, side, &side.account_row, &patterns.accounts)).collect::<Vec<_>>();
            session.run(Actor::Hand, &of_accounts, &made).await?;
        }
        self.set(session, templates, site, &of_rows, false, &patterns.accounts, manifest).await?;
        if let (Some(pattern), Some(cast)) = (&patterns.via, &of_via) {
            let rows = self.sides.iter().filter_map(|side| Some((side, side.via_row.as_ref()?)));
            let made = rows.map(|(side, row)| insert(session, side, row, pattern)).collect::<Vec<_>>();
            session.run(Actor::Hand, cast, &made).await?;
        }
        let made = self.sides.iter().map(|side| insert(session, side, &side.row, &patterns.rows)).collect::<Vec<_>>();
        session.run(Actor::Hand, &of_rows, &made).await?;
        if site.is_accounts {
            // a new account may have been enabled at birth
            self.set(session, templates, site, &of_rows, false, &patterns.accounts, manifest).await?;
            if let Some(key) = site.key {
                let back = self.sides.iter().map(|side| {
                    let (id, value) = (cell(&patterns.rows, &site.id, &side.id), cell(&patterns.rows, &key.column, &side.key));
                    format!("UPDATE {} SET {} = {value} WHERE {} = {id}", site.table, key.column, site.id)
                });
                session.run(Actor::Hand, &of_rows, &back.collect::<Vec<_>>()).await?;
            }
        }
        self.set(session, templates, site, &of_rows, true, &patterns.accounts, manifest).await?;
        if let Some(key) = site.key.filter(|key| key.hide == Hide::Vault) {
            self.seal(session, site, key, &patterns.rows, &of_rows).await?;
        }
        session.run(Actor::Hand, &of_rows, &[]).await?;
        for side in &mut self.sides {
            session.db.execute(&session.variables_for(&side.account)).await?;
            let query = format!(
                "SELECT b.ctid::text AS ctid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS part
                   FROM {} AS b JOIN pg_catalog.pg_class AS c ON c.oid = b.tableoid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                  WHERE b.{} = {}",
                site.table,
                site.id,
                cell(&patterns.rows, &site.id, &side.id)
            );
            let mut places: Vec<Place> = session.db.rows(&query, &[]).await?;
            side.place =
                places.pop().ok_or_else(|| refused("a row that was made is not to be seen: row-level security, or a trigger"))?;
        }
        Ok(())
    }

    /// Seals the key of the row whose account is on, as the rollout does: the guard turns a NULL into a seal.
    ///
    /// Where it doesn't, the key goes back: one that is nowhere would be well hidden. Unless another guard forbids that.
    async fn seal(
        &self,
        session: &mut Session<'_>,
        site: &Site<'_>,
        key: &Key,
        rows: &Pattern,
        cast: &Cast,
    ) -> Result<(), Trouble> {
        let sealed = &self.sides[0];
        let (id, value) = (cell(rows, &site.id, &sealed.id), cell(rows, &key.column, &sealed.key));
        let set = |to: &str| format!("UPDATE {} SET {} = {to} WHERE {} = {id}", site.table, key.column, site.id);
        session.run(Actor::Owner, cast, &[set("NULL")]).await?;
        let vault = Ident::new(format!("vault_{}", key.name))?;
        let query = format!("SELECT pg_catalog.count(*) FROM keyward.{vault} AS v WHERE v.{} = {id}", site.id);
        if session.db.last_text(&query).await?.as_deref() == Some("1") {
            return Ok(());
        }
        session.db.execute("SAVEPOINT put_back").await?;
        match session.run(Actor::Hand, cast, &[set(&value)]).await {
            Err(Trouble::Refused { .. }) => {
                session.db.execute("ROLLBACK TO SAVEPOINT put_back").await?;
                Ok(())
            }
            done => done,
        }
    }

    /// Sets the settings: of the first account as told, of the others off.
    #[expect(clippy::too_many_arguments, reason = "they are what the stand is made of")]
    async fn set(
        &self,
        session: &mut Session<'_>,
        templates: &Templates,
        site: &Site<'_>,
        cast: &Cast,
        first: bool,
        accounts: &Pattern,
        manifest: &Manifest,
    ) -> Result<(), Trouble> {
        let mut statements = Vec::new();
        for (at, side) in self.sides.iter().enumerate() {
            let mut of = vec![&side.account];
            if site.is_accounts {
                of.extend([&side.new_id, &side.guess_id]);
            }
            for account in of {
                let account = raw(cell(accounts, &manifest.accounts.id, account));
                let enabled = raw(if first && at == 0 { "true" } else { "false" });
                let sql = templates.render("verify/setting.sql", &context! { account, enabled })?.sql;
                statements.push(sql.trim_end_matches(';').to_owned());
            }
        }
        session.run(Actor::Owner, cast, &statements).await
    }

    /// Returns what a probe's template gets, besides the site's own values.
    pub(super) fn values(
        &self,
        manifest: &Manifest,
        site: &Site<'_>,
        patterns: &Patterns,
        cast: &Cast,
        owner: &Ident,
        on: bool,
    ) -> Value {
        let (at, other) = self.pair(on);
        context! {
            role => crate::template::ident(&cast.attacker),
            hand => crate::template::ident(&cast.hand),
            owner => crate::template::ident(owner),
            at => side_values(manifest, site, patterns, at, other, on),
            other => other.map_or(Value::UNDEFINED, |other| side_values(manifest, site, patterns, other, None, false)),
            ..site.values.clone()
        }
    }
}

fn side_values(manifest: &Manifest, site: &Site<'_>, patterns: &Patterns, of: &Side, other: Option<&Side>, on: bool) -> Value {
    let rows = &patterns.rows;
    let reference = site.path.column();
    let (account, id) = (&manifest.accounts.id, &site.id);
    let key = site.key.map_or(id, |key| &key.column);
    let own = [(id, Some(of.id.clone())), (reference, Some(of.reference.clone()))];
    let foreign = [(id, Some(of.id.clone())), (reference, other.map(|other| other.reference.clone()))];
    let guess = [(id, Some(of.guess_id.clone())), (key, Some(of.key.clone()))];
    let new = &of.new_row;
    let bare = new.without(key);
    // a guess is made in an account that is off: nobody strips it there
    let guessing = other.filter(|_| !site.is_accounts).map_or_else(|| new.clone(), |other| other.new_row.clone());
    context! {
        is_on => raw(if on { "true" } else { "false" }),
        account => raw(cell(&patterns.accounts, account, &of.account)),
        spare_account => raw(cell(&patterns.accounts, account, &of.spare_account)),
        account_columns => raw(if site.is_accounts { bare_account(of, key).columns() } else { of.account_row.columns() }),
        account_values => raw(if site.is_accounts { bare_account(of, key).values() } else { of.account_row.values() }),
        link => raw(cell(rows, reference, &of.reference)),
        id => raw(cell(rows, id, &of.id)),
        key => raw(cell(rows, key, &of.key)),
        new_id => raw(cell(rows, id, &of.new_id)),
        new_key => raw(cell(rows, key, &of.new_key)),
        guess_id => raw(cell(rows, id, &of.guess_id)),
        columns => raw(new.columns()),
        values => raw(new.values()),
        null_values => raw(new.with(&[(key, None)]).values()),
        own_values => raw(new.with(&own).values()),
        foreign_values => raw(new.with(&foreign).values()),
        guess_values => raw(guessing.with(&guess).values()),
        bare_columns => raw(bare.columns()),
        bare_values => raw(bare.values()),
        own_bare_values => raw(bare.with(&own).values()),
        ctid => raw(constant(Some(&of.place.ctid), "tid")),
        part => raw(of.place.part.clone()),
        part_name => of.place.part.clone(),
    }
}

/// Returns the row of an account that is itself the keyed row, without its key.
fn bare_account(side: &Side, key: &Ident) -> Draft {
    side.row.without(key)
}

/// Returns a constant of a column's type.
fn cell(pattern: &Pattern, column: &Ident, value: &str) -> String {
    let r#type = pattern.column(column).map_or("text", |column| column.r#type.as_str());
    constant(Some(value), r#type)
}

fn type_of(pattern: &Pattern, column: &Ident) -> (String, Option<usize>) {
    pattern.column(column).map_or_else(|| ("text".to_owned(), None), |column| (column.base.clone(), column.max_length))
}

fn refused(why: &str) -> Trouble {
    Trouble::Refused { code: String::new(), why: why.to_owned() }
}

/// Makes ids that no row has, of the narrowest of some types.
async fn ids(
    db: &mut Db,
    pattern: &Pattern,
    column: &Ident,
    types: &[(String, Option<usize>)],
    recipe: Recipe,
    chance: &Chance,
    count: usize,
) -> Result<Vec<String>, Trouble> {
    #[derive(Deserialize)]
    struct Last {
        last: Option<i64>,
    }
    let rank = |base: &str| ["smallint", "integer", "bigint", "numeric"].iter().position(|known| *known == base);
    let narrowest = types.iter().filter_map(|(base, _)| rank(base)).min();
    if let Some(rank) = narrowest {
        let base = ["smallint", "integer", "bigint", "numeric"][rank];
        if recipe.near {
            let last: Last =
                db.row(&format!("SELECT pg_catalog.max(t.{column})::bigint AS last FROM {} AS t", pattern.table), &[]).await?;
            let last = last.last.unwrap_or_default();
            return Ok((1..=count).map(|at| (last + i64::try_from(at).unwrap_or_default()).to_string()).collect());
        }
        return Ok((0..count).filter_map(|_| chance.value(base, None)).collect());
    }
    let Some((base, _)) = types.first() else { return Ok(Vec::new()) };
    let shortest = types.iter().filter_map(|(_, length)| *length).min();
    let made: Vec<_> = (0..count).filter_map(|_| chance.value(base, shortest)).collect();
    if made.len() == count {
        Ok(made)
    } else {
        Err(refused(&format!("no id of {} can be made up: its type is {base}", pattern.table.human())))
    }
}

/// Picks accounts that are there and that nobody has locked.
async fn real_accounts(db: &mut Db, manifest: &Manifest) -> Result<Vec<String>, Trouble> {
    let (table, id) = (&manifest.accounts.table, &manifest.accounts.id);
    let query =
        format!("SELECT picked.v FROM (SELECT a.{id}::text AS v FROM {table} AS a LIMIT 3 FOR KEY SHARE SKIP LOCKED) AS picked");
    let found: Vec<super::row::Value> = db.rows(&query, &[]).await?;
    if found.len() < 2 {
        return Err(refused("there are no two accounts that nobody has locked"));
    }
    Ok(found.into_iter().map(|row| row.v).collect())
}

/// Makes a key as the manifest says keys are made.
fn make_key(site: &Site<'_>, patterns: &Patterns, key: &Key, chance: &Chance) -> Result<String, Trouble> {
    let column = patterns.rows.column(&key.column);
    let (base, most) = column.map_or(("text", None), |column| (column.base.as_str(), column.max_length));
    if is_text(base) {
        let text = format!("{}{}", key.generate.prefix, chance.hex(usize::from(key.generate.bytes)));
        return Ok(text.chars().take(most.unwrap_or(usize::MAX)).collect());
    }
    chance
        .value(base, most)
        .filter(|_| base == "uuid")
        .ok_or_else(|| refused(&format!("no key of {} can be made up: its type is {base}", site.table.human())))
}
