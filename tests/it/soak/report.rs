//! What a soak says at its end: whom it hit during which command, how often, and how long until the server answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::command::Command;
use super::load::Counts;
use super::strike::Victim;

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// How long each took until the server answered again.
    strikes: BTreeMap<(Victim, Command), Vec<Duration>>,
    /// How often a command had ended before the strike came.
    pub(super) too_late: u32,
    /// How many commands ended well, after a strike or without one.
    pub(super) completed: u32,
}

impl Report {
    pub(super) fn add(&mut self, victim: Victim, command: Command, recovery: Duration) {
        self.strikes.entry((victim, command)).or_default().push(recovery);
    }

    /// How many kills and cuts there were.
    pub(super) fn total(&self) -> usize {
        self.strikes.values().map(Vec::len).sum()
    }

    /// How many strikes a command has had.
    pub(super) fn of(&self, command: Command) -> usize {
        self.strikes.iter().filter(|((_, of), _)| *of == command).map(|(_, all)| all.len()).sum()
    }

    fn count(&self, victim: Victim, command: Command) -> usize {
        self.strikes.get(&(victim, command)).map_or(0, Vec::len)
    }

    pub(super) fn text(&self, counts: &Counts) -> String {
        let mut text = format!("{:<38}", "hit during");
        for command in Command::ALL {
            write!(text, "{:>16}", command.name()).unwrap();
        }
        text.push_str("     all  server back, median  longest\n");
        for victim in Victim::KILLS.into_iter().chain(Victim::CUTS) {
            write!(text, "{:<38}", victim.name()).unwrap();
            for command in Command::ALL {
                write!(text, "{:>16}", self.count(victim, command)).unwrap();
            }
            if self.strikes.keys().all(|(of, _)| *of != victim) {
                text.push_str("       0\n");
                continue;
            }
            let mut took: Vec<_> =
                self.strikes.iter().filter(|((of, _), _)| *of == victim).flat_map(|(_, took)| took).copied().collect();
            took.sort();
            write!(text, "{:>8}", took.len()).unwrap();
            if let (true, Some(longest)) = (victim.takes_the_server(), took.last()) {
                write!(text, "{:>19} ms{:>6} ms", took[took.len() / 2].as_millis(), longest.as_millis()).unwrap();
            }
            text.push('\n');
        }
        write!(text, "{:<38}", "all").unwrap();
        for command in Command::ALL {
            write!(text, "{:>16}", self.of(command)).unwrap();
        }
        writeln!(text, "{:>8}", self.total()).unwrap();
        let get = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        writeln!(
            text,
            "{} commands completed; {} strikes came after the end of their command and don't count.\n\
             The application meanwhile: {} transactions committed; {} COMMITs unanswered, of which {} had been carried out; {} reads by API roles; \
             {} authentications; refused, to be tried again: {:?}.",
            self.completed,
            self.too_late,
            get(&counts.commits),
            get(&counts.doubts),
            get(&counts.carried_out),
            get(&counts.reads),
            get(&counts.authenticated),
            counts.refused.lock().unwrap()
        )
        .unwrap();
        text
    }
}
