//! What the application does, transaction by transaction, as one of its roles, and what it must never meet with.

use std::sync::Arc;
use std::time::Duration;

use keyward::db::{Db, Failure};
use serde::de::DeserializeOwned;

use super::book::{Change, Location, clock};
use super::check::is_straggler;
use super::load::{Counts, Shared, happened, is_cut};
use crate::fixture::Dice;

/// Refusals that a transaction may meet with when it comes at a bad moment: a setting turned on while the statement ran, a setting
/// that can't be changed now.
const AT_A_BAD_MOMENT: [&str; 2] = ["KW001", "KW003"];

/// What is said of objects of keyward's that aren't there (any more).
const NOT_THERE: [&str; 5] = ["42883", "42501", "3F000", "42P01", "XX000"];

/// One of the application's sessions.
pub(super) struct Writer {
    shared: Arc<Shared>,
    role: &'static str,
    pub(super) dice: Dice,
    db: Db,
    /// Its own locations and users: every fourth.
    locations: Vec<i64>,
    users: Vec<i64>,
    next: i64,
    transactions: u64,
}

impl Writer {
    pub(super) async fn new(shared: &Arc<Shared>, role: &'static str, number: i64, seed: u64) -> Self {
        let (locations, users) = {
            let book = shared.book.lock().unwrap();
            let own = |id: &&i64| **id % 4 == number;
            (book.locations.keys().filter(own).copied().collect(), book.users.keys().filter(own).copied().collect())
        };
        let dice = Dice::new(seed.wrapping_add(number.unsigned_abs() + 1));
        let next = (number + 1) * 1_000_000;
        Self { shared: Arc::clone(shared), role, dice, db: shared.connect(role).await, locations, users, next, transactions: 0 }
    }

    /// Does something.
    pub(super) async fn act(&mut self) {
        self.transactions += 1;
        let done = match self.role {
            "api_gateway" => self.authenticate().await,
            // rarely: an opt-in takes the table's statistics anew
            "app_ui" => match self.dice.below(40) {
                0 => self.choose().await,
                1..=5 => self.generate().await,
                6..=7 => self.revoke().await,
                8..=12 => self.reveal().await,
                13..=17 => self.write_key().await,
                _ => self.write().await,
            },
            "api_v1" => match self.dice.below(3) {
                0 => self.read().await,
                1 => self.write_user().await,
                _ => self.write().await,
            },
            _ => match self.dice.below(3) {
                0 => self.read().await,
                1 => self.write_key().await,
                _ => self.write().await,
            },
        };
        let Err(failure) = done else { return };
        if is_cut(&failure) {
            // nothing was committed
            self.db = self.shared.connect(self.role).await;
            return;
        }
        let code = failure.code().unwrap_or("none").to_owned();
        let fine = AT_A_BAD_MOMENT.contains(&code.as_str()) || NOT_THERE.contains(&code.as_str()) && !self.shared.is_installed();
        assert!(fine, "{} met with {failure}", self.role);
        *self.shared.counts.refused.lock().unwrap().entry(code).or_default() += 1;
        if let Err(failure) = self.db.execute("ROLLBACK").await {
            assert!(is_cut(&failure), "{failure}");
            self.db = self.shared.connect(self.role).await;
        }
    }

    async fn get<T: DeserializeOwned>(&mut self, query: &str) -> Result<T, Failure> {
        self.db.row(query, &[]).await
    }

    /// Returns the one value of a statement that writes, as text.
    async fn returned(&mut self, statement: &str) -> Result<Option<String>, Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            v: Option<String>,
        }
        let statement = format!("WITH done AS ({statement}) SELECT jsonb_build_object('v', (SELECT api_key FROM done))::text");
        Ok(self.db.document::<Row>(&statement, &[]).await?.v)
    }

    /// Commits, sometimes after a while, and enters in the book what that did. Nobody knows what became of a COMMIT that isn't answered: then it
    /// looks.
    async fn commit(&mut self, change: Change, events: &[&'static str]) -> Result<(), Failure> {
        if self.dice.below(12) == 0 {
            tokio::time::sleep(Duration::from_millis(self.dice.below(250))).await;
        }
        let mut carried_out = true;
        if let Err(failure) = self.db.execute("COMMIT").await {
            assert!(is_cut(&failure), "a COMMIT failed: {failure}");
            Counts::add(&self.shared.counts.doubts);
            self.db = self.shared.connect(self.role).await;
            carried_out = happened(&change, &mut self.shared.connect("postgres").await).await;
            if carried_out {
                Counts::add(&self.shared.counts.carried_out);
            }
        }
        if carried_out {
            Counts::add(&self.shared.counts.commits);
            let change = match change {
                Change::Location(id, Some(row)) => {
                    Change::Location(id, Some(Location { written: (row.written.0, clock()), ..row }))
                }
                other => other,
            };
            self.shared.book.lock().unwrap().enter(change, events);
        }
        Ok(())
    }

    /// One of its locations, as it is, and as it is going to be called.
    fn pick(&mut self) -> (usize, i64, Location) {
        let at = usize::try_from(self.dice.below(self.locations.len() as u64)).unwrap();
        let id = self.locations[at];
        let mut row = self.shared.book.lock().unwrap().locations[&id].clone();
        row.name = format!("{} {}", self.role, self.transactions);
        row.written.0 = clock();
        (at, id, row)
    }

    fn any_account(&mut self) -> i64 {
        self.dice.below(self.shared.accounts.unsigned_abs()).cast_signed() + 1
    }

    /// Writes a location in a way that ends no key and makes none, but for those that a new row brings.
    async fn write(&mut self) -> Result<(), Failure> {
        let (at, id, mut row) = self.pick();
        let (name, account) = (row.name.clone(), row.account);
        match self.dice.below(10) {
            0 | 1 => {
                let (account, id) = (self.any_account(), self.next - self.next % 4 + id % 4);
                self.next += 4;
                self.db.execute("BEGIN").await?;
                // as it was given, or withheld
                let key = self
                    .returned(&format!(
                        "INSERT INTO app.locations (id, account_id, name, api_key) VALUES ({id}, {account}, '{name}', 'made-{id}') RETURNING api_key"
                    ))
                    .await?;
                self.locations.push(id);
                let row = Location { account, name, key, loose: false, written: row.written };
                let change = Change::Location(id, Some(row));
                self.commit(change, &[]).await?;
                if !self.shared.book.lock().unwrap().locations.contains_key(&id) {
                    self.locations.pop();
                }
            }
            2 => {
                self.db.execute(&format!("BEGIN; DELETE FROM app.locations WHERE id = {id}")).await?;
                self.commit(Change::Location(id, None), &[]).await?;
                if !self.shared.book.lock().unwrap().locations.contains_key(&id) {
                    self.locations.swap_remove(at);
                }
            }
            3 => {
                let account = self.any_account();
                self.db
                    .execute(&format!("BEGIN; UPDATE app.locations SET account_id = {account}, name = '{name}' WHERE id = {id}"))
                    .await?;
                row.loose = true;
                row.account = account;
                self.commit(Change::Location(id, Some(row)), &[]).await?;
            }
            4 | 5 => {
                self.db
                    .execute(&format!(
                        "BEGIN; INSERT INTO app.locations (id, account_id, name) VALUES ({id}, {account}, '{name}')
                            ON CONFLICT (id) DO UPDATE SET name = excluded.name"
                    ))
                    .await?;
                self.commit(Change::Location(id, Some(row)), &[]).await?;
            }
            _ => {
                self.db.execute(&format!("BEGIN; UPDATE app.locations SET name = '{name}' WHERE id = {id}")).await?;
                self.commit(Change::Location(id, Some(row)), &[]).await?;
            }
        }
        Ok(())
    }

    /// Writes a key by hand: a UI role's is kept, wherever; an API role's where the account is off.
    async fn write_key(&mut self) -> Result<(), Failure> {
        let (_, id, mut row) = self.pick();
        let name = row.name.clone();
        let key = format!("by hand {name}");
        self.db.execute("BEGIN").await?;
        let statement = format!("UPDATE app.locations SET api_key = '{key}', name = '{name}' WHERE id = {id} RETURNING api_key");
        let published = self.returned(&statement).await?.is_some();
        let ui = self.role == "app_ui";
        if published || ui {
            row.key = Some(key);
        }
        row.loose |= ui;
        let events: &[_] = if ui && !published { &["write"] } else { &[] };
        self.commit(Change::Location(id, Some(row)), events).await
    }

    async fn generate(&mut self) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Made {
            key: String,
        }
        #[derive(serde::Deserialize)]
        struct Row {
            sealed: bool,
        }
        let (_, id, mut row) = self.pick();
        let name = row.name.clone();
        self.db.execute("BEGIN").await?;
        let made: Made = self.get(&format!("SELECT keyward.generate_location_api_key({id}) AS key")).await?;
        self.db.execute(&format!("UPDATE app.locations SET name = '{name}' WHERE id = {id}")).await?;
        let Row { sealed } = self.get(&format!("SELECT api_key IS NULL AS sealed FROM app.locations WHERE id = {id}")).await?;
        row.key = Some(made.key);
        row.loose = true;
        let events: &[_] = if sealed { &["generate", "write"] } else { &["generate"] };
        self.commit(Change::Location(id, Some(row)), events).await
    }

    async fn revoke(&mut self) -> Result<(), Failure> {
        let (_, id, mut row) = self.pick();
        if row.key.take().is_none() {
            return Ok(());
        }
        let name = row.name.clone();
        self.db.execute(&format!("BEGIN; SELECT keyward.revoke_location_api_key({id})")).await?;
        self.db.execute(&format!("UPDATE app.locations SET name = '{name}' WHERE id = {id}")).await?;
        self.commit(Change::Location(id, Some(row)), &["revoke"]).await
    }

    async fn reveal(&mut self) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            key: Option<String>,
        }
        let (_, id, row) = self.pick();
        if row.key.is_none() {
            return Ok(());
        }
        self.db.execute("BEGIN").await?;
        let shown: Row = self.get(&format!("SELECT keyward.reveal_location_api_key({id}) AS key")).await?;
        assert!(shown.key == row.key, "location {id} is revealed with another key than was written");
        self.db.execute(&format!("UPDATE app.locations SET name = '{}' WHERE id = {id}", row.name)).await?;
        self.commit(Change::Location(id, Some(row)), &["reveal"]).await
    }

    /// One of the accounts that choose for themselves opts in or out.
    async fn choose(&mut self) -> Result<(), Failure> {
        let account = self.any_account() / 50 * 50 + 7;
        if account > self.shared.accounts {
            return Ok(());
        }
        let (enabled, reason) = (self.dice.below(2) == 0, format!("choice {}", self.transactions));
        let call = if enabled {
            format!("keyward.opt_in({account}, '{reason}')")
        } else {
            format!("keyward.opt_out({account}, '{reason}', acknowledge_risk => true)")
        };
        self.db.execute(&format!("BEGIN; SELECT {call}")).await?;
        self.commit(Change::Choice(account, enabled, reason), &[]).await
    }

    /// The legacy API writes a user. It must be let where the account was off all the while, and stopped where it was on.
    async fn write_user(&mut self) -> Result<(), Failure> {
        let at = usize::try_from(self.dice.below(self.users.len() as u64)).unwrap();
        let id = self.users[at];
        let (account, _) = self.shared.book.lock().unwrap().users[&id].clone();
        let email = format!("{}@example.com", self.transactions);
        let before = self.is_enabled(account).await?;
        self.db.execute("BEGIN").await?;
        let (change, done) = if self.dice.below(3) == 0 {
            let (id, account) = (self.next - self.next % 4 + id % 4, account);
            self.next += 4;
            let insert = format!("INSERT INTO app.users (id, account_id, email) VALUES ({id}, {account}, '{email}')");
            (Change::User(id, Some((account, email))), self.db.execute(&insert).await)
        } else {
            let update = format!("UPDATE app.users SET email = '{email}' WHERE id = {id}");
            let done = self.db.execute(&update).await;
            assert!(
                done.as_ref().is_ok_and(|rows| *rows == 1) || done.is_err(),
                "a legacy write touches no row, and says nothing"
            );
            (Change::User(id, Some((account, email))), done)
        };
        if let Err(failure) = &done
            && failure.code() == Some("KW002")
        {
            self.db.execute("ROLLBACK").await?;
        } else {
            done.as_ref().map_err(|failure| match failure {
                Failure::Server(refusal) => Failure::Server(refusal.clone()),
                other => Failure::Lost(other.to_string()),
            })?;
        }
        let after = self.is_enabled(account).await?;
        let stopped = done.is_err();
        assert!(
            before != after || before.is_none() || before == Some(stopped),
            "a legacy write for account {account}, enabled: {before:?}, was {}",
            if stopped { "stopped" } else { "let pass" }
        );
        if stopped { Ok(()) } else { self.commit(change, &[]).await }
    }

    /// The setting, as far as there is one.
    async fn is_enabled(&mut self, account: i64) -> Result<Option<bool>, Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            v: bool,
        }
        if !self.shared.is_installed() {
            return Ok(None);
        }
        match self.get::<Row>(&format!("SELECT keyward.is_enabled({account}) AS v")).await {
            Ok(row) => Ok(Some(row.v)),
            Err(failure) if !self.shared.is_installed() && !is_cut(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// An API role reads keys: none of an account whose setting was on at that moment.
    async fn read(&mut self) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            id: i64,
        }
        Counts::add(&self.shared.counts.reads);
        let from = self.any_account();
        let query = format!(
            "SELECT l.id FROM app.locations AS l
              WHERE l.account_id BETWEEN {from} AND {from} + 50 AND l.api_key IS NOT NULL AND keyward.is_enabled(l.account_id)"
        );
        let seen: Vec<Row> = self.db.rows(&query, &[]).await?;
        for Row { id } in seen {
            assert!(
                is_straggler(&self.shared, id).await,
                "{} read the key of location {id}, whose account is enabled",
                self.role
            );
        }
        Ok(())
    }

    /// The gateway asks for a key that nobody writes: it always leads to its row.
    async fn authenticate(&mut self) -> Result<(), Failure> {
        #[derive(serde::Deserialize)]
        struct Row {
            id: Option<i64>,
        }
        let (_, id, row) = self.pick();
        let key = row.key.unwrap();
        let query = format!("SELECT (SELECT id FROM keyward.authenticate_location_api_key('{key}')) AS id");
        let found: Row = self.get(&query).await?;
        assert_eq!(found.id, Some(id), "a key that nobody has ended authenticates");
        Counts::add(&self.shared.counts.authenticated);
        Ok(())
    }
}
