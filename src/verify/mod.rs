//! Acts as each role, and tries each attack on the live database; everything is rolled back.
//!
//! One straight path: a [`Probe`] is a file of `sql/probe/`; it is rendered for a site (an entry of the manifest) and a role, and tried on a stand
//! (rows made for the occasion, in the same transaction): first where it must succeed, which is its control, then where it must not. What came
//! of it is a [`Verdict`], and [`crate::report`] shows verdicts.
//!
//! No key of the application's is read: the keys that attacks are after are made up for the occasion.

mod attack;
mod outcome;
mod probe;
mod row;
mod session;
mod site;
mod stand;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::catalog::Snapshot;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::template::Templates;
use attack::{Seen, Turn};
pub use outcome::{Outcome, Verdict};
use probe::Tell;
pub use probe::{Control, Probe, all as probes};
use row::Chance;
use session::{Cast, Session, Trouble};
use site::Site;
use stand::{Patterns, Stand};

/// The `"schema"` of a verification's JSON document.
pub const SCHEMA: &str = "keyward/verify/v1";

/// How often a probe that met a lock or a time limit is tried.
const TRIES: u32 = 3;

/// What to verify, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    only: Vec<String>,
    roles: Vec<Ident>,
    variables: Vec<(String, String)>,
    gentle: bool,
}

impl Options {
    /// Makes the options that try everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tries only the probes with these ids; all of them if there are none.
    #[must_use]
    pub fn only(mut self, ids: Vec<String>) -> Self {
        self.only = ids;
        self
    }

    /// Acts only as these roles; as all of the manifest's if there are none.
    #[must_use]
    pub fn roles(mut self, roles: Vec<Ident>) -> Self {
        self.roles = roles;
        self
    }

    /// Sets session variables before each act, as an application does that tells its row-level security which tenant it serves; `{account}` in
    /// a value stands for the account's id.
    #[must_use]
    pub fn variables(mut self, variables: Vec<(String, String)>) -> Self {
        self.variables = variables;
        self
    }

    /// Leaves out the probes that take a strong lock for a moment.
    #[must_use]
    pub fn gentle(mut self, gentle: bool) -> Self {
        self.gentle = gentle;
        self
    }
}

/// What came of a verification.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `keyward/verify/v1`.
    pub schema: &'static str,
    /// The database.
    pub database: String,
    /// The connected role.
    pub runner: String,
    /// How it acted as others: `SET SESSION AUTHORIZATION` or `SET ROLE`.
    pub acted_by: &'static str,
    /// The verdicts: by entry of the manifest, by probe, by role.
    pub probes: Vec<Verdict>,
    /// The probes that have no meaning for any entry of this manifest, on this server.
    pub not_applicable: Vec<String>,
    /// The probes that were left out to take no strong lock.
    pub left_out: Vec<String>,
    /// The sequences that moved meanwhile, on their own or by others' work too: a rollback doesn't take them back.
    pub sequences: Vec<String>,
}

impl Report {
    /// Returns the verdicts on attacks that got through, or failed in another way than they should.
    pub fn failures(&self) -> impl Iterator<Item = &Verdict> {
        self.probes.iter().filter(|verdict| verdict.failed())
    }

    /// Returns the entries of the manifest of which nothing was proved: each of their probes was skipped.
    #[must_use]
    pub fn unproved(&self) -> Vec<&str> {
        let entries: BTreeSet<&str> = self.probes.iter().map(|verdict| verdict.entry.as_str()).collect();
        let proved = |entry: &&str| self.probes.iter().any(|v| v.entry == *entry && v.outcome != Outcome::Skipped);
        entries.into_iter().filter(|entry| !proved(entry)).collect()
    }

    /// Returns how many probes were skipped.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.probes.iter().filter(|verdict| verdict.outcome == Outcome::Skipped).count()
    }
}

/// What the connected role may do.
#[derive(Debug, Deserialize)]
struct Rights {
    temporary: bool,
    create_schema: bool,
    #[serde(skip)]
    replica_role: bool,
    becomes: BTreeSet<String>,
    seed: String,
}

/// Tries every attack, and tells of each verdict as it comes.
///
/// # Errors
/// [`crate::error::Kind::Usage`] for an unknown probe or role; [`crate::error::Kind::Refused`] where keyward is not applied, on a standby, or
/// where the role may make no temporary objects.
pub async fn verify(
    db: &mut Db,
    manifest: &Manifest,
    options: &Options,
    tell: &mut (dyn FnMut(&Verdict) + Send),
) -> Result<Report> {
    let probes = chosen(options)?;
    let snapshot = Snapshot::read(db, manifest).await?;
    if snapshot.server.is_standby {
        return Err(Error::refused("this server is a standby, which can't be written").with_hint("connect to the primary"));
    }
    if snapshot.installed.as_ref().is_none_or(|installed| installed.manifest.is_none()) {
        return Err(Error::refused("keyward is not applied to this database").with_hint("run keyward plan, then keyward apply"));
    }
    let sites = site::all(manifest, &snapshot)?;
    let known: BTreeSet<&Ident> = sites.iter().flat_map(|site| site.roles.iter().map(|(_, role)| role)).collect();
    if let Some(unknown) = options.roles.iter().find(|role| !known.contains(role)) {
        let names: Vec<_> = known.iter().map(|role| role.as_str()).collect();
        return Err(Error::usage(format!("no attack is tried as {}", unknown.as_str()))
            .with_hint(format!("the roles that attacks are tried as: {}", names.join(", "))));
    }
    // for what is read before the first transaction
    db.execute("SET lock_timeout = 500; SET statement_timeout = 5000").await?;
    let run = Run { manifest, snapshot: &snapshot, options, templates: probe::templates()?, probes: &probes };
    let done = run.all(db, &sites, tell).await;
    let ended = db.execute("ROLLBACK; SET lock_timeout = 0; SET statement_timeout = 0").await;
    // a connection that is gone fails here too; the failure before it is the one to tell
    let report = done?;
    ended?;
    Ok(report)
}

/// Returns the probes that were asked for.
fn chosen(options: &Options) -> Result<Vec<Probe>> {
    let all = probes()?;
    for id in &options.only {
        if !all.iter().any(|probe| probe.id == id) {
            let nearest = all.iter().max_by(|a, b| strsim::jaro_winkler(a.id, id).total_cmp(&strsim::jaro_winkler(b.id, id)));
            return Err(Error::usage(format!("there is no probe {id:?}")).with_hint(format!(
                "did you mean {}? keyward verify --list shows all of them",
                nearest.map_or("another", |probe| probe.id)
            )));
        }
    }
    Ok(all.into_iter().filter(|probe| options.only.is_empty() || options.only.iter().any(|id| id == probe.id)).collect())
}

/// One verification.
struct Run<'a> {
    manifest: &'a Manifest,
    snapshot: &'a Snapshot,
    options: &'a Options,
    templates: Templates,
    probes: &'a [Probe],
}

/// What is verified in one site.
struct Scene<'a> {
    site: &'a Site<'a>,
    patterns: Patterns,
    stand: Stand,
}

impl Run<'_> {
    async fn all(&self, db: &mut Db, sites: &[Site<'_>], tell: &mut (dyn FnMut(&Verdict) + Send)) -> Result<Report> {
        let before = sequences(db).await?;
        let roles = &self.manifest.roles;
        let mut wanted: Vec<String> =
            sites.iter().flat_map(|site| site.roles.iter().map(|(_, role)| role.as_str().to_owned())).collect();
        wanted.extend([&roles.ui, &roles.auth].into_iter().flatten().map(|role| role.as_str().to_owned()));
        wanted.push(roles.owner.as_str().to_owned());
        let mut rights: Rights = db.row(include_str!("../../sql/verify/rights.sql"), &[Param::Texts(wanted)]).await?;
        // not by has_parameter_privilege, which is new in 15
        rights.replica_role = db.execute("BEGIN; SET LOCAL session_replication_role = replica").await.is_ok();
        db.execute("ROLLBACK").await?;
        if !rights.temporary {
            return Err(Error::refused("the connected role may make no temporary objects, which attacks are made of")
                .with_hint(format!("GRANT TEMPORARY ON DATABASE … TO {}", self.snapshot.server.runner)));
        }
        let server = &self.snapshot.server;
        let mut session = Session::new(db, server.runner.clone(), roles.owner.clone(), server.is_superuser);
        session.becomes.clone_from(&rights.becomes);
        session.ui = roles.ui.first().cloned();
        session.auth = roles.auth.first().cloned();
        session.variables.clone_from(&self.options.variables);
        let chance = Chance::new(rights.seed.clone());
        let mut verdicts = Vec::new();
        let mut applied = BTreeSet::new();
        for site in sites {
            self.site(&mut session, &rights, &chance, site, &mut |probe, verdict| {
                applied.insert(probe);
                tell(&verdict);
                verdicts.push(verdict);
            })
            .await?;
        }
        let after = sequences(session.db).await?;
        let moved = after.into_iter().filter(|(name, value)| before.get(name) != Some(value)).map(|(name, _)| name);
        let (left_out, tried): (Vec<&Probe>, Vec<&Probe>) =
            self.probes.iter().partition(|probe| self.options.gentle && probe.lock.is_some());
        Ok(Report {
            schema: SCHEMA,
            database: server.database.clone(),
            runner: server.runner.as_str().to_owned(),
            acted_by: if server.is_superuser { "SET SESSION AUTHORIZATION" } else { "SET ROLE" },
            probes: verdicts,
            not_applicable: tried.iter().filter(|probe| !applied.contains(probe.id)).map(|probe| probe.id.to_owned()).collect(),
            left_out: left_out.iter().map(|probe| probe.id.to_owned()).collect(),
            sequences: moved.collect(),
        })
    }

    /// Returns the probes that have a meaning in a site, each with a role that carries it out.
    fn planned(&self, site: &Site<'_>) -> Vec<(&Probe, Control, Ident)> {
        let mut planned = Vec::new();
        for probe in self.probes.iter().filter(|probe| !(self.options.gentle && probe.lock.is_some())) {
            let Some(control) = site.control(probe) else { continue };
            let applies = probe.conditions.iter().all(|fact| stand_decides(fact) || site.facts.contains(fact));
            for role in site.attackers(probe).into_iter().filter(|_| applies) {
                if self.options.roles.is_empty() || self.options.roles.contains(&role) {
                    planned.push((probe, control, role));
                }
            }
        }
        planned
    }

    async fn site(
        &self,
        session: &mut Session<'_>,
        rights: &Rights,
        chance: &Chance,
        site: &Site<'_>,
        tell: &mut (dyn FnMut(&'static str, Verdict) + Send),
    ) -> Result<()> {
        let mut planned = self.planned(site);
        if planned.is_empty() {
            return Ok(());
        }
        let mut scene = match self.scene(session, site, chance).await {
            Ok(scene) => Ok(scene),
            Err(Trouble::Fatal(error)) => return Err(error),
            Err(Trouble::Refused { why, .. }) => Err(format!("no row to attack could be made: {why}")),
        };
        if let Ok(Scene { patterns, .. }) = &scene {
            let lacks = patterns.lacks(self.manifest, site);
            planned.retain(|(probe, ..)| !probe.conditions.iter().any(|condition| lacks.contains(condition)));
        }
        for (probe, control, role) in planned {
            let seen = match &mut scene {
                Err(why) => Err(why.clone()),
                Ok(scene) => match self.may(session, rights, scene, probe, &role) {
                    Some(why) => Err(why),
                    None => self.probe(session, scene, probe, &role).await?,
                },
            };
            tell(probe.id, verdict(site, probe, control, &role, seen));
        }
        match session.rollback().await {
            Err(Trouble::Fatal(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn scene<'s>(&self, session: &mut Session<'_>, site: &'s Site<'s>, chance: &Chance) -> Result<Scene<'s>, Trouble> {
        if let Some(why) = session.why_not(&self.manifest.roles.owner, self.snapshot.server.major()) {
            return Err(Trouble::Refused { code: String::new(), why });
        }
        let patterns = Patterns::read(session.db, self.manifest, site).await?;
        let stand = Stand::raise(session, &self.templates, self.manifest, site, &patterns, chance).await?;
        Ok(Scene { site, patterns, stand })
    }

    /// Tells why a probe can't be tried, if so.
    fn may(&self, session: &Session<'_>, rights: &Rights, scene: &Scene<'_>, probe: &Probe, role: &Ident) -> Option<String> {
        let major = self.snapshot.server.major();
        let runner = session.runner.as_str();
        let needs = |need: &str| match need {
            "superuser" if !session.is_superuser => Some(format!("only a superuser can set it up, and {runner} is none")),
            "session_authorization" if !session.is_superuser => {
                Some(format!("after SET ROLE it would be tried as {runner}: only a superuser can be another login"))
            }
            "replica_role" if !rights.replica_role => Some(format!("{runner} may not set session_replication_role")),
            "create_schema" if !rights.create_schema => Some(format!("{runner} may not create a schema in this database")),
            _ => None,
        };
        let stand = |fact: &str| match fact {
            "spare" if scene.stand.sides.len() < 3 => Some("it takes three accounts, and there are two".to_owned()),
            "fresh_accounts" if !scene.stand.has_fresh_accounts() => {
                Some("no account could be made, and it is not tried on one that is in use".to_owned())
            }
            _ => None,
        };
        let acting = match probe.with {
            Some(probe::Actor::Ui) => self.manifest.roles.ui.first(),
            Some(probe::Actor::Auth) => self.manifest.roles.auth.first(),
            _ => None,
        };
        probe
            .needs
            .iter()
            .find_map(|need| needs(need))
            .or_else(|| probe.conditions.iter().find_map(|fact| stand(fact)))
            .or_else(|| [Some(role), acting].into_iter().flatten().find_map(|role| session.why_not(role, major)))
    }

    /// Tries a probe, again if it met a lock; `Err` holds the reason why it is skipped.
    async fn probe(
        &self,
        session: &mut Session<'_>,
        scene: &mut Scene<'_>,
        probe: &Probe,
        role: &Ident,
    ) -> Result<Result<Seen, String>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(session, scene, probe, role).await {
                Ok(seen) => return Ok(seen),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(trouble) => {
                    let again = trouble.is_transient() && tries < TRIES;
                    session.rollback().await.map_err(fatal)?;
                    if !again {
                        let Trouble::Refused { why, .. } = trouble else { continue };
                        return Ok(Err(why));
                    }
                }
            }
        }
    }

    async fn once(
        &self,
        session: &mut Session<'_>,
        scene: &mut Scene<'_>,
        probe: &Probe,
        role: &Ident,
    ) -> Result<Result<Seen, String>, Trouble> {
        if !session.is_open() {
            scene.stand.raise_again(session, &self.templates, self.manifest, scene.site, &scene.patterns).await?;
        }
        let cast = Cast { attacker: role.clone(), hand: scene.stand.hand.clone() };
        let render = |on: bool| {
            let values = scene.stand.values(self.manifest, scene.site, &scene.patterns, &cast, &self.manifest.roles.owner, on);
            probe.script(&self.templates, &values)
        };
        // the control: where the setting is off, or by who may
        let on = probe.with.is_some();
        let script = render(on)?;
        let turn = Turn { probe, script: &script, cast: &cast, side: scene.stand.pair(on).0, site: scene.site };
        let control = match turn.play(session, true).await {
            Ok(control) => control,
            Err(Trouble::Refused { code, why }) if !session::transient(&code) => {
                return Ok(Err(format!("the set-up failed: {why}")));
            }
            Err(trouble) => return Err(trouble),
        };
        // what the server does for nobody there
        let undone = control.code.as_deref() == Some("0A000");
        let refused = undone && control.outcome == Some(Outcome::Refused) && probe.expects.contains(&Outcome::Refused);
        if control.outcome != Some(Outcome::Bypassed) && !refused {
            let what = match (on, scene.site.is_behind_wall(probe, role)) {
                (false, false) => "the same act in an account that is off",
                (true, false) => "who may do it",
                (_, true) => "the same act with the privilege that the wall takes",
            };
            let why = match control.outcome {
                _ if !control.said.is_empty() => control.said,
                Some(outcome) => format!("it was {outcome}"),
                None => "it told nothing".to_owned(),
            };
            return Ok(Err(format!("the control failed ({what}): {why}")));
        }
        let script = render(true)?;
        let turn = Turn { probe, script: &script, cast: &cast, side: scene.stand.pair(true).0, site: scene.site };
        match turn.play(session, false).await {
            Ok(seen)
                if seen.outcome.is_none()
                    || (seen.outcome == Some(Outcome::Refused) && seen.code.as_deref() == Some("0A000") && !refused) =>
            {
                Ok(Err(format!("it failed for a reason of its own: {}", seen.said)))
            }
            Ok(seen) => Ok(Ok(seen)),
            Err(Trouble::Refused { code, why }) if !session::transient(&code) => Ok(Err(format!("the set-up failed: {why}"))),
            Err(trouble) => Err(trouble),
        }
    }
}

/// Tells whether a condition is known only once the rows are made.
fn stand_decides(fact: &str) -> bool {
    ["spare", "fresh_accounts", "default"].contains(&fact)
}

fn fatal(trouble: Trouble) -> Error {
    match trouble {
        Trouble::Fatal(error) => error,
        Trouble::Refused { why, .. } => Error::bug(format!("a transaction couldn't be rolled back: {why}")),
    }
}

fn verdict(site: &Site<'_>, probe: &Probe, control: Control, role: &Ident, seen: Result<Seen, String>) -> Verdict {
    let (outcome, sqlstate, message) = match seen {
        Err(why) => (Outcome::Skipped, None, why),
        Ok(Seen { outcome, code, said }) => {
            let outcome = outcome.unwrap_or(Outcome::Skipped);
            let mut message = if said.is_empty() { meaning(outcome, &probe.tell).to_owned() } else { said };
            if ![Outcome::Silent, Outcome::Bypassed].contains(&outcome) && !site.expects(probe, role, outcome) {
                let _ = write!(message, "; right would be: {}", site.right(probe, role).join(" or "));
            }
            (outcome, code, message)
        }
    };
    let fails = [Outcome::Silent, Outcome::Bypassed, Outcome::Skipped].contains(&outcome);
    let ok = !fails && site.expects(probe, role, outcome);
    Verdict {
        id: probe.id.to_owned(),
        control,
        entry: site.name.to_owned(),
        role: role.as_str().to_owned(),
        vector: probe.vector.to_owned(),
        ok,
        outcome,
        sqlstate,
        message,
        object: site.table.human(),
        remedy: if ok || outcome == Outcome::Skipped { String::new() } else { remedy(site, probe, role, outcome) },
    }
}

/// Returns how to close what is open.
fn remedy(site: &Site<'_>, probe: &Probe, role: &Ident, outcome: Outcome) -> String {
    let revoke = |privilege: &str| {
        format!(
            "REVOKE {privilege} ON {} FROM {role}; if it comes from a group or from PUBLIC, REVOKE it there (\\dp shows who has it)",
            site.table
        )
    };
    match (probe.id, outcome) {
        (_, Outcome::Silent) => format!(
            "a policy or a trigger of {} swallows the write: look for one that isn't keyward's, and for a guard that is missing (keyward plan)",
            site.table.human()
        ),
        ("role_ui" | "role_owner" | "role_table_owner" | "vault_direct" | "vault_reveal", _) => {
            format!("{} can act as somebody else, or was granted too much: keyward plan shows the chain, and what to revoke", role.as_str())
        }
        ("read_trigger_privilege" | "write_trigger_privilege", _) => revoke("TRIGGER"),
        ("read_references", _) => revoke("REFERENCES"),
        ("write_truncate", _) => revoke("TRUNCATE"),
        ("key_child" | "write_child", _) => "triggers are not inherited: turn the child into a partition, or a table of its own".to_owned(),
        ("wall_view", _) => "a view looks with its owner's rights, past the wall: keyward audit names it (KW237); revoke SELECT on it, or leave the key out".to_owned(),
        ("wall_function", _) => "a SECURITY DEFINER function hands the key out: keyward audit names it (KW238); revoke EXECUTE on it, or leave the key out".to_owned(),
        _ if site.is_behind_wall(probe, role) => format!(
            "run keyward plan: it shows which grants on {} let {} at the key, and keyward apply takes them back",
            site.table.human(),
            role.as_str()
        ),
        _ => "run keyward plan: a guard that is missing, disabled or altered is a step there, and keyward apply repairs it. If the plan is empty, \
              a trigger, policy, function or grant that isn't keyward's opens the way"
            .to_owned(),
    }
}

/// Returns what an outcome without words of the server means.
fn meaning(outcome: Outcome, tell: &Tell) -> &'static str {
    match (outcome, tell) {
        (Outcome::Stripped, _) => "the row is stored without the new key, and no key is lost",
        (Outcome::Hidden, _) => "nothing that came back holds the key",
        (Outcome::Stopped, _) => "it changed nothing",
        (Outcome::Silent, _) => "no error, and no effect: whoever writes believes that it was written",
        (Outcome::Bypassed, Tell::Shows) => "the key came back",
        (Outcome::Bypassed, Tell::Rows | Tell::Code(_)) => "the answer tells that the key exists",
        (Outcome::Bypassed, Tell::Look | Tell::Success) => "the attack succeeded",
        (Outcome::Refused | Outcome::Skipped, _) => "",
    }
}

async fn sequences(db: &mut Db) -> Result<BTreeMap<String, Option<String>>> {
    #[derive(Deserialize)]
    struct Sequence {
        name: String,
        last_value: Option<String>,
    }
    let rows: Vec<Sequence> = db.rows(include_str!("../../sql/verify/sequences.sql"), &[]).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.last_value)).collect())
}
