//! What must hold after each kill: every key in one place and as it was written, settings and keys agreeing, records complete.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::book::{Book, Location};
use super::load::{PATIENCE, Shared};
use crate::fixture::Actor;

/// A location with its key, wherever that is, and what is decided of its account.
#[derive(Debug, Deserialize)]
struct Found {
    id: i64,
    account: Option<i64>,
    name: Option<String>,
    published: Option<String>,
    sealed: Option<String>,
    enabled: Option<bool>,
    changed_at: Option<f64>,
}

/// What keyward has of itself, as far as it is there.
#[derive(Debug, Deserialize)]
struct Records {
    /// Choices as account, whether on, reason.
    choices: BTreeMap<i64, (bool, String)>,
    requests: u64,
    /// Requests that were entered and not carried out.
    left_over: u64,
    events: BTreeMap<String, u64>,
    /// How many settings each import made.
    imports: BTreeMap<String, u64>,
    /// Objects that are recorded without a row of the ledger that made them; steps that the ledger has twice, of a manifest or of the removal, but for the first
    /// one of an uninstall, which each of its attempts takes.
    unexplained: Vec<String>,
    repeated: Vec<String>,
    /// Settings of the rollout or sealed keys whose wave isn't there, and waves that count fewer accounts than they have.
    strange_waves: u64,
}

/// Tells whether the key of a location may be published though its account is enabled: it was written by a transaction that had
/// not ended when the batch that enabled the account began. `rollout run` seals it at its end.
pub(super) async fn is_straggler(shared: &Shared, id: i64) -> bool {
    let mut all = Actor(shared.connect("postgres").await);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let changed: Option<f64> = all
            .get(&format!(
                "SELECT (SELECT extract(epoch FROM s.changed_at)::float8 FROM keyward.account_setting AS s
                          WHERE s.account = (SELECT account_id FROM app.locations WHERE id = {id}) AND s.enabled) AS v"
            ))
            .await;
        // its writer enters it in the book when it has the answer
        let found = shared.book.lock().unwrap().locations.get(&id).is_some_and(|row| ended_after(row, changed));
        if found || Instant::now() > deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ended_after(row: &Location, changed_at: Option<f64>) -> bool {
    let (began, ended) = row.written;
    changed_at.is_none_or(|at| ended >= at && began <= at + 3.0)
}

/// How strictly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// A command was killed.
    Amid,
    /// It has ended well: late writers' keys are sealed, too.
    Done,
}

/// Looks at everything, and returns what is wrong. Nobody of the application is amid a transaction.
pub(super) async fn everything(all: &mut Actor, shared: &Shared, when: When, imports: &BTreeMap<String, u64>) -> Vec<String> {
    let installed: bool = all
        .get("SELECT to_regclass('keyward.vault_location_api_key') IS NOT NULL AND to_regclass('keyward.account_setting') IS NOT NULL AS v")
        .await;
    let found: Vec<Found> = if installed {
        all.get(
            "SELECT jsonb_agg(x) AS v FROM (
                SELECT COALESCE(l.id, v.id) AS id, l.account_id AS account, l.name, l.api_key AS published, v.api_key AS sealed,
                       -- while the policy is off, keys are on their way out
                       CASE WHEN p.mode = 'enforce' THEN COALESCE(s.enabled, p.default_enabled) END AS enabled,
                       extract(epoch FROM s.changed_at)::float8 AS changed_at
                  FROM app.locations AS l
                  FULL JOIN keyward.vault_location_api_key AS v ON v.id = l.id
                  LEFT JOIN keyward.account_setting AS s ON s.account = l.account_id
                  LEFT JOIN keyward.policy AS p ON true) AS x",
        )
        .await
    } else {
        all.get(
            "SELECT jsonb_agg(x) AS v FROM (
                SELECT id, account_id AS account, name, api_key AS published, NULL AS sealed, NULL AS enabled, NULL AS changed_at
                  FROM app.locations) AS x",
        )
        .await
    };
    let users: BTreeMap<i64, (i64, String)> =
        all.get("SELECT jsonb_object_agg(id, jsonb_build_array(account_id, email)) AS v FROM app.users").await;
    let accounts: i64 = all.get("SELECT count(*) AS v FROM app.accounts WHERE name = 'account ' || id").await;
    let mut wrong = {
        let book = shared.book.lock().unwrap();
        let mut wrong = locations(&book, &found, when);
        if users != book.users {
            wrong.push("the users are not as the application wrote them".to_owned());
        }
        wrong
    };
    if accounts != shared.accounts {
        wrong.push(format!("there are {accounts} accounts as they were, and not {}", shared.accounts));
    }
    let recorded: bool = all.get("SELECT to_regclass('keyward.ledger') IS NOT NULL AS v").await;
    if installed && recorded {
        wrong.extend(records(all, shared, imports).await);
    }
    wrong
}

/// Compares the locations and the vault with the book.
fn locations(book: &Book, found: &[Found], when: When) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in found {
        let Found { id, published, sealed, enabled, .. } = row;
        let Some(expected) = book.locations.get(id) else {
            wrong.push(format!("location {id} should not be there, or its vault row is left over"));
            continue;
        };
        if (row.account, row.name.as_ref()) != (Some(expected.account), Some(&expected.name)) {
            wrong.push(format!("location {id} is {:?} of account {:?} instead of {expected:?}", row.name, row.account));
        }
        if published.is_some() && sealed.is_some() {
            wrong.push(format!("the key of location {id} is in two places"));
        }
        let key = sealed.as_ref().or(published.as_ref());
        if key != expected.key.as_ref() {
            let what = if key.is_none() { "lost" } else { "another than was written" };
            wrong.push(format!("the key of location {id} is {what}: {expected:?}"));
        }
        let late = when == When::Amid && ended_after(expected, row.changed_at);
        if *enabled == Some(true) && published.is_some() && !late {
            wrong.push(format!("location {id} is published though its account {} is enabled", expected.account));
        }
        if *enabled == Some(false) && sealed.is_some() && !expected.loose {
            wrong.push(format!("location {id} is sealed though its account {} is off", expected.account));
        }
    }
    if found.len() < book.locations.len() {
        wrong.push(format!("{} locations instead of {}", found.len(), book.locations.len()));
    }
    wrong
}

/// Compares what keyward has recorded with what was done.
async fn records(all: &mut Actor, shared: &Shared, imports: &BTreeMap<String, u64>) -> Vec<String> {
    let records: Records = all
        .get(
            "SELECT jsonb_build_object(
                'choices', (SELECT COALESCE(jsonb_object_agg(account, jsonb_build_array(enabled, reason)), '{}')
                              FROM keyward.account_setting WHERE reason LIKE 'choice %'),
                'requests', (SELECT count(*) FROM keyward.setting_change WHERE reason LIKE 'choice %'),
                'left_over', (SELECT count(*) FROM keyward.setting_change WHERE carried_out_at IS NULL),
                'events', (SELECT COALESCE(jsonb_object_agg(kind, n), '{}') FROM (SELECT kind, count(*) AS n FROM keyward.event GROUP BY kind) AS e),
                'imports', (SELECT COALESCE(jsonb_object_agg(reason, n), '{}')
                              FROM (SELECT reason, count(*) AS n FROM keyward.account_setting WHERE reason LIKE 'import %' AND NOT enabled GROUP BY reason) AS i),
                'unexplained', (SELECT COALESCE(jsonb_agg(identity), '[]') FROM keyward.object AS o
                                 WHERE NOT EXISTS (SELECT FROM keyward.ledger AS l WHERE l.step = o.identity)),
                'repeated', (SELECT COALESCE(jsonb_agg(step), '[]') FROM (SELECT step FROM keyward.ledger WHERE step <> 'policy' GROUP BY step, manifest HAVING count(*) > 1) AS l),
                'strange_waves', (SELECT count(*) FROM keyward.account_setting AS s WHERE s.source = 'rollout'
                                     AND NOT EXISTS (SELECT FROM keyward.wave AS w WHERE w.id = s.wave AND w.kind IN ('run', 'finish')))
                               + (SELECT count(*) FROM keyward.vault_location_api_key AS v WHERE v.sealed_by_wave IS NOT NULL
                                     AND NOT EXISTS (SELECT FROM keyward.wave AS w WHERE w.id = v.sealed_by_wave))
                               + (SELECT count(*) FROM keyward.wave AS w WHERE w.kind = 'run'
                                     AND w.accounts + (SELECT COALESCE(sum(c.accounts), 0) FROM keyward.chunk AS c WHERE c.wave = w.id)
                                       < (SELECT count(*) FROM keyward.account_setting AS s WHERE s.wave = w.id))) AS v",
        )
        .await;
    let book = shared.book.lock().unwrap();
    let mut wrong = Vec::new();
    let mut tell = |what: &str, is: String, should: String| {
        if is != should {
            wrong.push(format!("{what}: {is} instead of {should}"));
        }
    };
    let choices: Vec<_> = book.choices.iter().filter(|(account, choice)| records.choices.get(account) != Some(choice)).collect();
    tell("choices that are not as they were made", format!("{choices:?}"), "[]".to_owned());
    tell("requests for a setting", records.requests.to_string(), book.requests.to_string());
    tell("requests that were not carried out", records.left_over.to_string(), "0".to_owned());
    let events: BTreeMap<String, u64> = book.events.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    tell("events", format!("{:?}", records.events), format!("{events:?}"));
    for (import, made) in &records.imports {
        tell(import, made.to_string(), imports.get(import).copied().unwrap_or_default().to_string());
    }
    tell("objects that the ledger doesn't explain", format!("{:?}", records.unexplained), "[]".to_owned());
    tell("steps that the ledger has twice", format!("{:?}", records.repeated), "[]".to_owned());
    tell("settings, keys and waves that don't fit", records.strange_waves.to_string(), "0".to_owned());
    wrong
}
