//! The application, at work all the while: a thread for each of its roles, each with a connection of its own that it makes anew when it is cut.
//!
//! Each writes rows that are its own, so that it knows what they hold. Where a COMMIT isn't answered, it looks afterwards whether it was carried out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyward::db::settings::Settings;
use keyward::db::{Db, Failure};

use super::book::{Book, Change};
use super::writer::Writer;
use crate::fixture::World;

/// The most that a server may take to answer again.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What the threads and the harness share.
pub(super) struct Shared {
    pub(super) book: Mutex<Book>,
    /// Held shared by whoever is amid a transaction, so that the harness can look when nobody is.
    pub(super) gate: RwLock<()>,
    /// keyward is applied, and nobody is about to remove it.
    pub(super) installed: AtomicBool,
    pub(super) stop: AtomicBool,
    pub(super) accounts: i64,
    pub(super) counts: Counts,
    urls: BTreeMap<&'static str, String>,
}

/// What the application has done and met with.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) commits: AtomicU64,
    /// COMMITs without an answer, and those of them that had been carried out.
    pub(super) doubts: AtomicU64,
    pub(super) carried_out: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) authenticated: AtomicU64,
    /// Transactions that were refused, and may be tried again, by their SQLSTATE.
    pub(super) refused: Mutex<BTreeMap<String, u64>>,
}

impl Counts {
    pub(super) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn new(world: &World, accounts: i64) -> Arc<Self> {
        let roles = ["postgres", "app_ui", "api_v1", "api_v2", "api_gateway"];
        Arc::new(Self {
            book: Mutex::new(Book::of(accounts)),
            gate: RwLock::new(()),
            installed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            accounts,
            counts: Counts::default(),
            urls: roles.map(|role| (role, world.sandbox.url_as(role, &world.database))).into(),
        })
    }

    pub(super) fn is_installed(&self) -> bool {
        self.installed.load(Ordering::SeqCst)
    }

    /// Connects as a role, as soon as the server answers.
    pub(super) async fn connect(&self, role: &str) -> Db {
        let settings = Settings::resolve(Some(&self.urls[role]), &|_| None).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Db::connect(&settings).await {
                Ok(db) => return db,
                Err(error) => assert!(Instant::now() < deadline, "{role} can't connect: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Tells whether a failure is the end of the connection.
pub(super) fn is_cut(failure: &Failure) -> bool {
    matches!(failure, Failure::Lost(_)) || failure.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}

/// Tells whether what a transaction was going to do has been done.
pub(super) async fn happened(change: &Change, db: &mut Db) -> bool {
    #[derive(serde::Deserialize)]
    struct Row {
        v: bool,
    }
    let query = match change {
        Change::Location(id, Some(row)) => {
            format!("SELECT EXISTS (SELECT FROM app.locations WHERE id = {id} AND name = '{}') AS v", row.name)
        }
        Change::Location(id, None) => format!("SELECT NOT EXISTS (SELECT FROM app.locations WHERE id = {id}) AS v"),
        Change::User(id, Some((_, email))) => {
            format!("SELECT EXISTS (SELECT FROM app.users WHERE id = {id} AND email = '{email}') AS v")
        }
        Change::User(id, None) => format!("SELECT NOT EXISTS (SELECT FROM app.users WHERE id = {id}) AS v"),
        Change::Choice(account, _, reason) => {
            format!("SELECT EXISTS (SELECT FROM keyward.account_setting WHERE account = {account} AND reason = '{reason}') AS v")
        }
    };
    match db.row::<Row>(&query, &[]).await {
        Ok(row) => row.v,
        // keyward is gone by now, with every setting
        Err(failure) if matches!(change, Change::Choice(..)) && failure.code() == Some("42P01") => false,
        Err(failure) => panic!("{failure}"),
    }
}

/// The threads.
pub(super) struct Load {
    pub(super) shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(shared: &Arc<Shared>, seed: u64) -> Self {
        let roles = ["app_ui", "api_v2", "api_v1", "api_gateway"];
        let threads = (0..).zip(roles).map(|(number, role)| {
            let shared = Arc::clone(shared);
            std::thread::Builder::new().name(role.to_owned()).spawn(move || work(&shared, role, number, seed)).unwrap()
        });
        Self { threads: threads.collect(), shared: Arc::clone(shared) }
    }

    /// Panics if one of the threads has: it met with something that it must not.
    pub(super) fn assert_well(&mut self) {
        if let Some(at) = self.threads.iter().position(JoinHandle::is_finished) {
            let thread = self.threads.swap_remove(at);
            let role = thread.thread().name().unwrap_or_default().to_owned();
            self.shared.stop.store(true, Ordering::Relaxed);
            assert!(thread.join().is_ok(), "the application's {role} met with something that must not be: see above");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // what it panicked about is told by now
            let _ = thread.join();
        }
    }
}

fn work(shared: &Arc<Shared>, role: &'static str, number: i64, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut writer = runtime.block_on(Writer::new(shared, role, number, seed));
    while !shared.stop.load(Ordering::Relaxed) {
        {
            // whoever looked has found something wrong, and panicked
            let Ok(_amid) = shared.gate.read() else { return };
            runtime.block_on(writer.act());
        }
        std::thread::sleep(Duration::from_millis(3 + writer.dice.below(8)));
    }
}
