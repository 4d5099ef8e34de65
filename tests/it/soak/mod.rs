//! The soak: `kill -9` of keyward and of the server, and cut connections, again and again, at random moments of every command that changes much,
//! under a load of the application's. After each strike everything is looked at, and the command is given again.
//!
//! | file | what is in it |
//! |---|---|
//! | `command` | the five commands, run as processes |
//! | `strike`, `proxy` | whom a strike hits, and how the server comes back; a network that can be cut |
//! | `load`, `writer` | the application: its threads, and what each does |
//! | `book` | what the application has written, and so what must be there |
//! | `check` | what must hold after each strike |
//! | `report` | the table at the end |
//!
//! The short forms are tests like any other. `make soak` is the long one: 200 kills and a quarter as many cuts, or `make soak KILLS=… SEED=…`. Whom
//! a strike hits, and when, is drawn from the seed; what it meets there depends on the machine as well.

mod book;
mod check;
mod command;
mod load;
pub(crate) mod proxy;
mod report;
mod strike;
mod writer;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use book::Change;
use check::When;
use command::{Command, Process, is_fair};
use load::{Load, Shared};
use proxy::Proxy;
use report::Report;
use strike::{Victim, strike};

use crate::cli::Cli;
use crate::fixture::{Actor, Dice, World};

/// How long, and how big.
struct Size {
    seed: u64,
    /// Whom to hit: each is drawn as often as it stands here.
    victims: &'static [Victim],
    strikes: usize,
    accounts: i64,
    /// The most strikes at one command before it is let come to its end.
    in_a_row: u64,
}

/// Keyward itself as often as the server in all its ways.
const KILLS: &[Victim] = &[
    Victim::Keyward,
    Victim::Keyward,
    Victim::Keyward,
    Victim::Backend,
    Victim::Backend,
    Victim::Postmaster,
    Victim::Server,
    Victim::Both,
];

#[tokio::test]
async fn whatever_is_killed_no_key_is_lost_and_every_command_goes_on() {
    soak(&Size { seed: 1, victims: KILLS, strikes: 10, accounts: 800, in_a_row: 2 }).await;
}

#[tokio::test]
async fn whatever_is_cut_off_every_command_goes_on() {
    soak(&Size { seed: 2, victims: &Victim::CUTS, strikes: 8, accounts: 800, in_a_row: 2 }).await;
}

#[tokio::test]
async fn what_is_wrong_would_be_noticed() {
    let world = World::applied().await;
    let mut all = world.act("postgres").await;
    all.ok("INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(11, 15) AS n").await;
    let shared = Shared::new(&world, 15);
    world.act("app_ui").await.ok("SELECT keyward.opt_in(1, 'choice 1')").await;
    shared.book.lock().unwrap().enter(Change::Choice(1, true, "choice 1".to_owned()), &[]);
    let none = BTreeMap::new();
    assert_eq!(check::everything(&mut all, &shared, When::Done, &none).await, Vec::<String>::new(), "control");
    for (what, said) in [
        ("DELETE FROM keyward.vault_location_api_key WHERE id = 1", "the key of location 1 is lost"),
        ("UPDATE keyward.vault_location_api_key SET api_key = 'other' WHERE id = 1", "the key of location 1 is another"),
        ("UPDATE app.locations SET api_key = 'key-1' WHERE id = 1", "the key of location 1 is in two places"),
        ("UPDATE app.locations SET api_key = NULL WHERE id = 2", "the key of location 2 is lost"),
        ("DELETE FROM app.locations WHERE id = 1", "location 1 "),
        ("UPDATE app.locations SET name = 'other' WHERE id = 2", "location 2 is "),
        ("UPDATE app.users SET email = 'other' WHERE id = 2", "the users are not"),
        ("UPDATE keyward.account_setting SET enabled = false", "is sealed though its account 1 is off"),
        (
            "INSERT INTO keyward.account_setting (account, enabled, source, changed_at) VALUES (2, true, 'opt_in', '2020-01-01')",
            "is published though its account 2 is enabled",
        ),
        ("UPDATE keyward.account_setting SET reason = 'choice 2'", "choices that are not as they were made"),
        ("UPDATE keyward.setting_change SET carried_out_at = NULL", "requests that were not carried out: 1"),
        ("INSERT INTO keyward.event (kind, key_name, row_id, actor) VALUES ('reveal', 'x', '1', 'x')", "events: "),
        ("DELETE FROM keyward.ledger WHERE step LIKE 'trigger%'", "objects that the ledger doesn't explain"),
    ] {
        all.ok("BEGIN; ALTER TABLE app.locations DISABLE TRIGGER USER; ALTER TABLE app.users DISABLE TRIGGER USER").await;
        all.ok(what).await;
        let wrong = check::everything(&mut all, &shared, When::Done, &none).await;
        assert!(wrong.iter().any(|line| line.contains(said)), "{what}: {wrong:?}");
        all.ok("ROLLBACK").await;
    }
}

#[tokio::test]
#[ignore = "the long form: make soak"]
async fn long() {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let number = |name: &str| given(name).map(|value| value.parse::<u64>().unwrap_or_else(|error| panic!("{name}: {error}")));
    let seed = number("KEYWARD_SOAK_SEED").unwrap_or_else(|| book::clock().to_bits() % 1_000_000);
    let kills = usize::try_from(number("KEYWARD_SOAK_KILLS").unwrap_or(200)).unwrap();
    soak(&Size { seed, victims: KILLS, strikes: kills, accounts: 2_000, in_a_row: 8 }).await;
    soak(&Size { seed, victims: &Victim::CUTS, strikes: kills / 4, accounts: 2_000, in_a_row: 8 }).await;
}

async fn soak(size: &Size) {
    let again = Again(size.seed, size.strikes);
    let mut soak = Soak::new(size).await;
    eprintln!("soak: seed {}, {} strikes, PostgreSQL {}", size.seed, size.strikes, soak.world.sandbox.version().number());
    let began = Instant::now();
    // how long each command takes if nobody kills it
    soak.cycle(0).await;
    while soak.report.total() < size.strikes {
        soak.cycle(size.in_a_row).await;
    }
    soak.close().await;
    eprintln!("{}in all {:.0} s; seed {}", soak.report.text(&soak.load.shared.counts), began.elapsed().as_secs_f64(), size.seed);
    let missed: Vec<_> = Command::ALL.into_iter().filter(|command| soak.report.of(*command) == 0).collect();
    assert!(missed.is_empty() || size.strikes < 40, "never hit: {missed:?}");
    drop(again);
}

/// Says how to do it again, if it fails.
struct Again(u64, usize);

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("do it again with: make soak SEED={} KILLS={}", self.0, self.1);
        }
    }
}

struct Soak {
    // before the world: it is ended first
    load: Load,
    cli: Cli,
    observer: Actor,
    proxy: Proxy,
    seed: u64,
    dice: Dice,
    phases: u64,
    victims: &'static [Victim],
    strikes: usize,
    durations: BTreeMap<Command, Duration>,
    /// How many settings each import since the installation makes.
    imports: BTreeMap<String, u64>,
    /// The catalogue before keyward.
    pristine: Vec<String>,
    started: u64,
    report: Report,
    world: World,
}

impl Soak {
    async fn new(size: &Size) -> Self {
        let world = World::bare().await;
        let accounts = size.accounts;
        let mut observer = world.act("postgres").await;
        observer
            .ok(&format!(
                "INSERT INTO app.accounts (id, name) SELECT n, 'account ' || n FROM generate_series(11, {accounts}) AS n;
                 INSERT INTO app.locations (id, account_id, name, api_key)
                 SELECT n, (n - 1) % {accounts} + 1, 'location ' || n, 'key-' || n FROM generate_series(31, {accounts} * 2) AS n;
                 ANALYZE"
            ))
            .await;
        let pristine = observer.get(include_str!("../sql/catalogue.sql")).await;
        let shared = Shared::new(&world, accounts);
        let load = Load::start(&shared, size.seed);
        Self {
            load,
            cli: Cli::on(&world),
            observer,
            proxy: Proxy::of(&world),
            seed: size.seed,
            dice: Dice::new(size.seed),
            phases: 0,
            victims: size.victims,
            strikes: size.strikes,
            durations: BTreeMap::new(),
            imports: BTreeMap::new(),
            pristine,
            started: 0,
            report: Report::default(),
            world,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.load.shared
    }

    /// From a database without keyward to one without, with so many strikes at each command at most.
    async fn cycle(&mut self, strikes: u64) {
        self.phase(Command::Apply, strikes).await;
        self.shared().installed.store(true, Ordering::SeqCst);
        self.cli.ends_with(0, &["plan", "--check"]);
        // in advance; and of accounts that are enabled by then, so that their keys come back
        self.import("import in advance", 0..3, strikes).await;
        self.phase(Command::Run, strikes).await;
        self.import("import of enabled ones", 3..7, strikes).await;
        self.phase(Command::Revert, strikes).await;
        self.phase(Command::Run, strikes).await;
        self.cli.ends_with(0, &["status"]);
        self.shared().installed.store(false, Ordering::SeqCst);
        self.phase(Command::Uninstall, strikes).await;
        self.cli.ends_with(1, &["plan", "--check"]);
    }

    /// An import of the accounts whose ids end so.
    async fn import(&mut self, name: &str, digits: Range<i64>, strikes: u64) {
        let accounts = (1..=self.shared().accounts).filter(|id| digits.contains(&(id % 10)));
        let lines: Vec<_> = accounts.map(|id| format!("{id},{name}\n")).collect();
        fs::write(self.cli.path("import.csv"), format!("account,reason\n{}", lines.concat())).unwrap();
        self.imports.insert(name.to_owned(), lines.len() as u64);
        self.phase(Command::Import, strikes).await;
    }

    /// Gives a command, strikes so many times at most, and lets it come to its end.
    async fn phase(&mut self, command: Command, strikes: u64) {
        self.phases += 1;
        self.draw_anew(0);
        let strikes = if strikes == 0 { 0 } else { self.dice.below(strikes) + 1 };
        let whole = self.durations.get(&command).copied().unwrap_or_default();
        let mut left = whole;
        for attempt in 1..=strikes {
            self.draw_anew(attempt);
            if self.report.total() >= self.strikes {
                break;
            }
            let delay = left.mul_f64(self.dice.fraction());
            let victim = self.victims[usize::try_from(self.dice.below(self.victims.len() as u64)).unwrap()];
            let url = (victim == Victim::Network).then(|| self.proxy.url().to_owned());
            let mut processes = self.start(command, url.as_deref());
            let until = Instant::now() + delay;
            while Instant::now() < until && processes.iter_mut().any(|process| !process.has_ended()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if processes.iter_mut().all(Process::has_ended) {
                self.report.too_late += 1;
                self.ended(command, processes).await;
                break;
            }
            let (observer, shared) = (&mut self.observer, Arc::clone(&self.load.shared));
            match strike(victim, &mut self.world, &shared, (&mut processes, &self.proxy), observer, &mut self.dice).await {
                Some(recovery) => {
                    self.report.add(victim, command, recovery);
                    let total = self.report.total();
                    eprintln!("{total:>4}  {} {} ms into {}", victim.name(), delay.as_millis(), command.name());
                }
                None => self.report.too_late += 1,
            }
            if processes.len() > 1 {
                // the other one is still at work
                self.check(When::Amid).await;
            }
            let done = self.ended(command, processes).await;
            self.wait_until_noticed().await;
            self.check(When::Amid).await;
            if done {
                // the strike came too late for it, or hit nothing that it needed
                break;
            }
            if command.goes_on() {
                left = left.saturating_sub(delay).max(whole / 3);
            }
        }
        self.complete(command, strikes == 0).await;
    }

    /// What is drawn depends on the seed and on the place, not on how often chance was asked before.
    fn draw_anew(&mut self, attempt: u64) {
        self.dice = Dice::new(self.seed.wrapping_mul(1_000_003).wrapping_add(self.phases * 100 + attempt));
    }

    /// Waits for the end of processes, and tells whether all of them came to the end of the command.
    async fn ended(&self, command: Command, processes: Vec<Process>) -> bool {
        let mut done = true;
        for process in processes {
            let (status, said, _) = process.end().await;
            assert!(is_fair(status), "{} ended with {status}, and says:\n{said}", command.name());
            done &= status.success();
        }
        done
    }

    /// Starts a command, or sometimes two processes that share it.
    fn start(&mut self, command: Command, url: Option<&str>) -> Vec<Process> {
        let processes = if command.is_shared() && self.dice.below(3) == 0 { 2 } else { 1 };
        (0..processes)
            .map(|_| {
                self.started += 1;
                command.start(&self.cli, url, self.started, &mut self.dice)
            })
            .collect()
    }

    /// Waits until no session of keyward's is left: one whose process was killed ends when it has done its statement.
    async fn wait_until_noticed(&mut self) {
        let deadline = Instant::now() + load::PATIENCE;
        while self.observer.get::<i64>("SELECT count(*) AS v FROM pg_stat_activity WHERE usename = 'app_owner'").await > 0 {
            assert!(Instant::now() < deadline, "a session whose process is gone stays");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[expect(
        clippy::await_holding_lock,
        reason = "nobody of the application may begin while this looks, and their threads are their own"
    )]
    async fn check(&mut self, when: When) {
        self.load.assert_well();
        let shared = Arc::clone(&self.load.shared);
        let _nobody_amid = shared.gate.write().unwrap();
        let wrong = check::everything(&mut self.observer, &shared, when, &self.imports).await;
        assert!(wrong.is_empty(), "{} things are wrong:\n  {}", wrong.len(), wrong[..wrong.len().min(20)].join("\n  "));
    }

    /// Gives a command that may have been stopped before, and expects it to come to its end.
    #[expect(
        clippy::await_holding_lock,
        reason = "nobody of the application may begin while this looks, and their threads are their own"
    )]
    async fn complete(&mut self, command: Command, undisturbed: bool) {
        self.started += 1;
        let gone = command == Command::Uninstall
            && !self.observer.get::<bool>("SELECT to_regnamespace('keyward') IS NOT NULL AS v").await;
        let (status, said, took) = command.start(&self.cli, None, self.started, &mut self.dice).end().await;
        assert!(status.success() || gone, "{} ended with {status}, and says:\n{said}", command.name());
        self.report.completed += 1;
        if undisturbed {
            self.durations.insert(command, took);
            eprintln!("      {} takes {} ms: {}", command.name(), took.as_millis(), said.lines().last().unwrap_or_default());
        }
        if command == Command::Uninstall {
            let shared = Arc::clone(&self.load.shared);
            let _nobody_amid = shared.gate.write().unwrap();
            shared.book.lock().unwrap().forget();
            self.imports.clear();
            let now: Vec<String> = self.observer.get(include_str!("../sql/catalogue.sql")).await;
            assert_eq!(now, self.pristine, "uninstall leaves nothing");
        }
        self.check(When::Done).await;
    }

    /// At the very end: all of it once more, and looked at with keyward's own eyes.
    #[expect(
        clippy::await_holding_lock,
        reason = "nobody of the application may begin while this looks, and their threads are their own"
    )]
    async fn close(&mut self) {
        self.phase(Command::Apply, 0).await;
        self.shared().installed.store(true, Ordering::SeqCst);
        self.phase(Command::Run, 0).await;
        self.cli.ends_with(0, &["rollout", "finish", "--yes"]);
        self.check(When::Done).await;
        let dba = Cli::by(&self.world, "postgres");
        for command in [&["plan", "--check"][..], &["status"], &["audit"]] {
            dba.ends_with(0, command);
        }
        {
            let shared = Arc::clone(&self.load.shared);
            let _nobody_amid = shared.gate.write().unwrap();
            // The statistics show a key that its row has taken into an enabled account since they were taken.
            self.observer.ok("ANALYZE app.locations").await;
            dba.ends_with(0, &["verify"]);
        }
        self.shared().installed.store(false, Ordering::SeqCst);
        self.phase(Command::Uninstall, 0).await;
    }
}
