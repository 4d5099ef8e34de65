//! What the application does, as whom, and who takes part in it.

use crate::ground::{COLUMNS, KEYWARD, PLAIN, TRIGGER, VIEW};
use crate::table::Goal;

/// Something that an application does over and over.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) part: &'static str,
    pub(crate) what: &'static str,
    pub(crate) role: &'static str,
    text: &'static str,
    /// Who takes part, the unprotected tables first. The second one is held to the goal.
    pub(crate) contestants: &'static [&'static str],
    /// Whether a commit waits for the disk.
    pub(crate) durable: bool,
    pub(crate) goal: Option<Goal>,
}

const BOTH: &[&str] = &[PLAIN, KEYWARD];
const HIDING: &[&str] = &[PLAIN, KEYWARD, COLUMNS, VIEW];
/// Where nothing but the processors counts, what the least trigger costs is told too.
const WITH_TRIGGER: &[&str] = &[PLAIN, KEYWARD, TRIGGER];
const ALL: &[&str] = &[PLAIN, KEYWARD, TRIGGER, COLUMNS, VIEW];
/// How far two runs of the very same thing are apart.
const NOISE: &[&str] = &[PLAIN, PLAIN];

const AUTHENTICATE: &str = include_str!("acts/authenticate.sql");
const SELECT_BY_ID: &str = include_str!("acts/select_by_id.sql");
const SELECT_BY_ACCOUNT: &str = include_str!("acts/select_by_account.sql");
const INSERT_LOCATION: &str = include_str!("acts/insert_location.sql");
const INSERT_LOCATION_WITH_KEY: &str = include_str!("acts/insert_location_with_key.sql");
const UPDATE_LOCATION: &str = include_str!("acts/update_location.sql");
const INSERT_USER: &str = include_str!("acts/insert_user.sql");
const UPDATE_USER: &str = include_str!("acts/update_user.sql");

const READS: Option<Goal> = Some(Goal::AtLeast(0.97));
/// Of writes, where a commit waits for the disk. Where it doesn't, keyward would miss them: docs/benchmarks.md.
const LOCATIONS: Goal = Goal::AtLeast(0.95);
const USERS: Goal = Goal::AtLeast(0.97);

const fn read(what: &'static str, role: &'static str, text: &'static str, contestants: &'static [&'static str]) -> Act {
    Act { part: "reads", what, role, text, contestants, durable: true, goal: READS }
}

const fn location(
    what: &'static str,
    role: &'static str,
    text: &'static str,
    contestants: &'static [&'static str],
    durable: bool,
) -> Act {
    Act { part: "locations", what, role, text, contestants, durable, goal: if durable { Some(LOCATIONS) } else { None } }
}

const fn user(what: &'static str, role: &'static str, text: &'static str, durable: bool) -> Act {
    Act {
        part: "users",
        what,
        role,
        text,
        contestants: if durable { BOTH } else { WITH_TRIGGER },
        durable,
        goal: if durable { Some(USERS) } else { None },
    }
}

/// All that is measured, in the order of the tables.
pub(crate) const ACTS: [Act; 27] = [
    Act { goal: None, ..read("the unprotected table against itself, by id", "api_v2", SELECT_BY_ID, NOISE) },
    read("select by id", "api_v2", SELECT_BY_ID, HIDING),
    read("select by id", "app_ui", SELECT_BY_ID, BOTH),
    read("select by id", "api_v1", SELECT_BY_ID, BOTH),
    read("select the 25 of an account", "api_v2", SELECT_BY_ACCOUNT, HIDING),
    read("select the 25 of an account", "app_ui", SELECT_BY_ACCOUNT, BOTH),
    Act { goal: None, ..read("authenticate a key", "api_gateway", AUTHENTICATE, BOTH) },
    location("insert", "api_v2", INSERT_LOCATION, BOTH, true),
    location("insert", "api_v2", INSERT_LOCATION, ALL, false),
    location("insert", "app_ui", INSERT_LOCATION, WITH_TRIGGER, false),
    location("update", "api_v2", UPDATE_LOCATION, BOTH, true),
    location("update", "api_v2", UPDATE_LOCATION, ALL, false),
    location("update", "app_ui", UPDATE_LOCATION, WITH_TRIGGER, false),
    Act { goal: None, ..location("insert, bringing a key", "api_v2", INSERT_LOCATION_WITH_KEY, BOTH, true) },
    location("insert, bringing a key", "api_v2", INSERT_LOCATION_WITH_KEY, WITH_TRIGGER, false),
    user("insert", "api_v2", INSERT_USER, true),
    user("insert", "api_v2", INSERT_USER, false),
    user("insert", "app_ui", INSERT_USER, true),
    user("insert", "app_ui", INSERT_USER, false),
    Act { goal: None, ..user("insert, accounts that are off", "api_v1", INSERT_USER, true) },
    user("insert, accounts that are off", "api_v1", INSERT_USER, false),
    user("update", "api_v2", UPDATE_USER, true),
    user("update", "api_v2", UPDATE_USER, false),
    user("update", "app_ui", UPDATE_USER, true),
    user("update", "app_ui", UPDATE_USER, false),
    Act { goal: None, ..user("update, accounts that are off", "api_v1", UPDATE_USER, true) },
    user("update, accounts that are off", "api_v1", UPDATE_USER, false),
];

impl Act {
    /// Returns the script for pgbench. The legacy role keeps to accounts that are off, which have odd ids, and to their users, whose ids are odd too.
    pub(crate) fn script(&self, contestant: &str) -> String {
        // with column privileges, * is refused
        let columns = if contestant == COLUMNS { "id, account_id, name, updated_at" } else { "*" };
        let (accounts, users) = if self.role == "api_v1" {
            ("random(0, 1999) * 2 + 1", "random(0, 49999) * 2 + 1")
        } else {
            ("random(1, 4000)", "random(1, 100000)")
        };
        // the key of this location
        let key = "'loc_' || pg_catalog.md5((:id::bigint)::text) || pg_catalog.md5((-:id::bigint)::text)";
        let lookup = if contestant == KEYWARD {
            format!("keyward.authenticate_location_api_key({key})")
        } else {
            format!("(SELECT l.id, l.account_id AS account FROM app.locations AS l WHERE l.api_key = {key})")
        };
        self.text
            .replace("{lookup}", &lookup)
            .replace("{columns}", columns)
            .replace("{accounts}", accounts)
            .replace("{users}", users)
    }

    /// Returns what the role is to the application.
    pub(crate) fn acts_as(&self) -> &'static str {
        match self.role {
            "api_v1" => "legacy API",
            "app_ui" => "UI",
            "api_gateway" => "gateway",
            _ => "API",
        }
    }

    /// Returns who is held to the goal.
    pub(crate) fn challenger(&self) -> &'static str {
        self.contestants[1]
    }
}
