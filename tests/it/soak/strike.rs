//! The strikes: whom they hit, and until the server answers again.

use std::time::{Duration, Instant};

use keyward::db::Db;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::command::Process;
use super::load::{PATIENCE, Shared, is_cut};
use super::proxy::Proxy;
use crate::fixture::{Actor, Dice, World};

/// Whom a strike hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    /// A process of keyward's, with SIGKILL.
    Keyward,
    /// A backend that works for keyward, with SIGKILL: the server ends every session and recovers by itself.
    Backend,
    /// The postmaster, with SIGKILL.
    Postmaster,
    /// All of the server, by an immediate shutdown.
    Server,
    /// The postmaster and every process of keyward's.
    Both,
    /// A session of keyward's, with `pg_terminate_backend`.
    Session,
    /// The network between keyward and the server.
    Network,
    /// The server, which is restarted in good order (a fast shutdown).
    Restart,
}

impl Victim {
    /// Those that are killed.
    pub(super) const KILLS: [Self; 5] = [Self::Keyward, Self::Backend, Self::Postmaster, Self::Server, Self::Both];

    /// Those that are cut off.
    pub(super) const CUTS: [Self; 3] = [Self::Session, Self::Network, Self::Restart];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Keyward => "keyward (SIGKILL)",
            Self::Backend => "a backend of keyward's (SIGKILL)",
            Self::Postmaster => "the postmaster (SIGKILL)",
            Self::Server => "the server (immediate shutdown)",
            Self::Both => "the postmaster and keyward (SIGKILL)",
            Self::Session => "a session, terminated",
            Self::Network => "the network, cut",
            Self::Restart => "the server, restarted",
        }
    }

    /// Whether the server goes down.
    pub(super) fn takes_the_server(self) -> bool {
        !matches!(self, Self::Keyward | Self::Session | Self::Network)
    }
}

/// Strikes, brings the server back, and returns how long it was until it answered. `None` if there was nothing to be hit (any more).
pub(super) async fn strike(
    victim: Victim,
    world: &mut World,
    shared: &Shared,
    (processes, proxy): (&mut [Process], &Proxy),
    observer: &mut Actor,
    dice: &mut Dice,
) -> Option<Duration> {
    let began = Instant::now();
    match victim {
        Victim::Keyward => {
            let at = usize::try_from(dice.below(processes.len() as u64)).unwrap();
            if !processes[at].kill() {
                return None;
            }
        }
        Victim::Backend => {
            kill(Pid::from_raw(backend(observer, dice).await?), Signal::SIGKILL).ok()?;
            wait_for_the_end(&mut observer.0).await;
        }
        Victim::Session => {
            let pid = backend(observer, dice).await?;
            if !observer.get::<bool>(&format!("SELECT pg_terminate_backend({pid}) AS v")).await {
                return None;
            }
        }
        Victim::Network => {
            if !proxy.cut() {
                return None;
            }
        }
        Victim::Restart => world.sandbox.restart().unwrap(),
        Victim::Server => {
            kill(Pid::from_raw(world.sandbox.pid().unwrap().try_into().unwrap()), Signal::SIGQUIT).unwrap();
            wait_for_the_end(&mut observer.0).await;
            world.sandbox.restart().unwrap();
        }
        Victim::Postmaster | Victim::Both => {
            if victim == Victim::Both {
                for process in processes {
                    process.kill();
                }
            }
            world.sandbox.kill_server().unwrap();
            world.sandbox.restart().unwrap();
        }
    }
    if victim.takes_the_server() {
        observer.0 = shared.connect("postgres").await;
    }
    Some(began.elapsed())
}

/// One of the backends that work for keyward.
async fn backend(observer: &mut Actor, dice: &mut Dice) -> Option<i32> {
    let query = "SELECT COALESCE(jsonb_agg(pid), '[]') AS v FROM pg_stat_activity
                  WHERE usename = 'app_owner' AND backend_type = 'client backend'";
    let pids: Vec<i32> = observer.get(query).await;
    let at = usize::try_from(dice.below(pids.len().max(1) as u64)).unwrap();
    pids.get(at).copied()
}

/// Waits until the server has ended a session.
async fn wait_for_the_end(db: &mut Db) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match db.execute("SELECT 1").await {
            Err(failure) if is_cut(&failure) => return,
            other => assert!(Instant::now() < deadline, "a crash that ends no session: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
