//! The whole story on a sandbox: an application with its data, the same acts before and after, and everything taken back.

mod acts;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Deserialize;

use crate::account;
use crate::apply::{self, Progress};
use crate::catalog::Snapshot;
use crate::db::settings::Settings;
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::plan::{self, Plan};
use crate::rollout;
use crate::sandbox::Sandbox;
use acts::Act;

/// What the demo shows, in order.
#[derive(Debug)]
pub enum Scene<'a> {
    /// A new chapter begins.
    Chapter(&'a str),
    /// Something was done, or measured.
    Line(String),
    /// What apply will do.
    Plan(&'a Plan),
    /// How far the rollout is: accounts done, accounts in all, keys sealed.
    Rollout(u64, u64, u64),
    /// The acts, before and after.
    Outcomes(&'a [Outcome]),
}

/// What came of one act, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was done.
    pub act: String,
    /// The role that did it.
    pub role: String,
    /// What came of it before keyward.
    pub before: String,
    /// What came of it once the account was enabled.
    pub after: String,
}

/// Plays the demo on a server of its own, with a number of accounts, five times as many locations and ten times as many users.
///
/// # Errors
/// Whatever fails; the story depends on each act.
pub async fn play(sandbox: &Sandbox, accounts: u32, show: &mut (dyn FnMut(Scene<'_>) + Send)) -> Result<()> {
    let mut stage =
        Stage { sandbox, manifest: Manifest::parse(include_str!("../../sql/demo/manifest.toml"), "keyward.toml")?, show };
    stage.say(Scene::Chapter("A multi-tenant application, as one finds it"));
    stage.set_up(accounts).await?;
    let fingerprint = stage.keys().await?;

    stage.say(Scene::Chapter("Before keyward: the application's roles do what they always did"));
    let acts = acts::all()?;
    let before = stage.perform(&acts).await?;
    stage.line(format!("{} acts tried, each through a connection of its role, each rolled back", acts.len()));

    stage.say(Scene::Chapter("keyward plan, keyward apply"));
    stage.apply().await?;

    stage.say(Scene::Chapter("keyward account import: the accounts that opted out in advance"));
    stage.import(accounts).await?;

    stage.say(Scene::Chapter("keyward rollout run, keyward rollout finish"));
    stage.roll_out().await?;

    stage.say(Scene::Chapter("The same acts, before and after"));
    let after = stage.perform(&acts).await?;
    let outcomes: Vec<_> = acts
        .into_iter()
        .zip(before.into_iter().zip(after))
        .map(|(act, (before, after))| Outcome { act: act.act, role: act.role, before, after })
        .collect();
    stage.say(Scene::Outcomes(&outcomes));

    stage.say(Scene::Chapter("By hand: one account opts out and in again; a key is made, shown, used and revoked"));
    stage.by_hand().await?;

    stage.say(Scene::Chapter("keyward uninstall"));
    stage.uninstall(&fingerprint).await
}

/// A key column's contents, condensed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Keys {
    keys: i64,
    digest: String,
}

struct Stage<'a> {
    sandbox: &'a Sandbox,
    manifest: Manifest,
    show: &'a mut (dyn FnMut(Scene<'_>) + Send),
}

impl Stage<'_> {
    fn say(&mut self, scene: Scene<'_>) {
        (self.show)(scene);
    }

    fn line(&mut self, text: impl Into<String>) {
        (self.show)(Scene::Line(text.into()));
    }

    async fn connect(&self, role: &str, database: &str) -> Result<Db> {
        Db::connect(&Settings::resolve(Some(&self.sandbox.url_as(role, database)), &|_| None)?).await
    }

    async fn as_role(&self, role: &str) -> Result<Db> {
        self.connect(role, "demo").await
    }

    async fn set_up(&mut self, accounts: u32) -> Result<()> {
        #[derive(Deserialize)]
        struct Made {
            accounts: i64,
            locations: i64,
            users: i64,
        }
        let mut superuser = self.connect("postgres", "postgres").await?;
        for statement in crate::parse::split(include_str!("../../sql/demo/roles.sql"))? {
            superuser.execute(&statement).await?;
        }
        let mut owner = self.as_role("app_owner").await?;
        owner.execute(include_str!("../../sql/demo/schema.sql")).await?;
        let started = Instant::now();
        // The data file is one data-modifying statement; it answers through a prepared call, not through a wrapped query.
        owner.run(include_str!("../../sql/demo/data.sql"), &[Param::Int(i64::from(accounts))]).await?;
        owner.execute("ANALYZE app.accounts, app.locations, app.users").await?;
        let made: Made = owner
            .row(
                "SELECT (SELECT count(*) FROM app.accounts) AS accounts, (SELECT count(*) FROM app.locations) AS locations,
                        (SELECT count(*) FROM app.users) AS users",
                &[],
            )
            .await?;
        self.line(format!(
            "PostgreSQL {}: {} accounts, {} locations with a key each, {} users, made in {:.1} s",
            self.sandbox.version(),
            made.accounts,
            made.locations,
            made.users,
            started.elapsed().as_secs_f64()
        ));
        self.line(
            "roles: app_owner (applies keyward; no superuser), app_ui, api_v2, api_v1 (legacy), api_gateway (authenticates)",
        );
        Ok(())
    }

    /// Condenses every location and its key, as the application's owner sees them.
    async fn keys(&self) -> Result<Keys> {
        let mut owner = self.as_role("app_owner").await?;
        let query =
            "SELECT count(api_key) AS keys, md5(string_agg(id || ' ' || api_key, ',' ORDER BY id)) AS digest FROM app.locations";
        Ok(owner.row(query, &[]).await?)
    }

    /// Tries each act through a connection of its role.
    async fn perform(&self, acts: &[Act]) -> Result<Vec<String>> {
        let mut sessions = BTreeMap::new();
        let mut outcomes = Vec::new();
        for act in acts {
            if !sessions.contains_key(&act.role) {
                sessions.insert(act.role.clone(), self.as_role(&act.role).await?);
            }
            if let Some(session) = sessions.get_mut(&act.role) {
                outcomes.push(act.attempt(session).await?);
            }
        }
        Ok(outcomes)
    }

    async fn apply(&mut self) -> Result<()> {
        let mut owner = self.as_role("app_owner").await?;
        let started = Instant::now();
        let plan = apply::plan(&mut owner, &self.manifest).await?;
        let planned = started.elapsed();
        self.say(Scene::Plan(&plan));
        let started = Instant::now();
        apply::apply(&mut owner, &self.manifest, &plan, &apply::Options::default(), &mut |_: Progress<'_>| {}).await?;
        self.line(format!(
            "planned in {} ms, applied in {} ms as app_owner; the plan is empty now",
            planned.as_millis(),
            started.elapsed().as_millis()
        ));
        Ok(())
    }

    async fn import(&mut self, accounts: u32) -> Result<()> {
        // One account in fifty opted out in advance, the second among them.
        let ids = (0..accounts).filter(|n| n % 50 == 1).map(|n| n + 1);
        let csv = ids.fold("account,reason,requested_by\n".to_owned(), |csv, id| {
            csv + &format!("{id},asked before the cutover,support\n")
        });
        let mut owner = self.as_role("app_owner").await?;
        let started = Instant::now();
        let imported =
            account::stage(&mut owner, &self.manifest, csv.as_bytes(), "opt-outs.csv").await?.carry_out(&mut owner).await?;
        self.line(format!("{} accounts opted out, in {} ms", imported.changed, started.elapsed().as_millis()));
        Ok(())
    }

    async fn roll_out(&mut self) -> Result<()> {
        let mut owner = self.as_role("app_owner").await?;
        let stop = AtomicBool::new(false);
        let show = &mut *self.show;
        let mut tell = |progress: rollout::Progress<'_>| {
            if let rollout::Progress::Batch(tally) = progress {
                show(Scene::Rollout(tally.accounts, tally.total, tally.keys));
            }
        };
        let ran = rollout::run(&mut owner, &self.manifest, &rollout::Options::run(), &stop, &mut tell).await?;
        let finished = rollout::finish(&mut owner, &self.manifest, &rollout::Options::finish(), &stop, &mut tell).await?;
        if let Some(tally) = ran.tally {
            self.line(format!(
                "{} accounts enabled, {} keys sealed in {:.1} s; longest batch {} ms",
                tally.accounts,
                tally.keys,
                tally.elapsed.as_secs_f64(),
                tally.longest_batch.as_millis()
            ));
        }
        for proof in finished.proof {
            self.line(format!(
                "proof: {} keys of {} sealed, {} published in enabled accounts",
                proof.sealed, proof.key, proof.published_in_enabled_accounts
            ));
        }
        Ok(())
    }

    async fn by_hand(&mut self) -> Result<()> {
        #[derive(Deserialize)]
        struct Row {
            v: String,
        }
        let mut ui = self.as_role("app_ui").await?;
        let mut api = self.as_role("api_v2").await?;
        let mut gateway = self.as_role("api_gateway").await?;
        let visible = "SELECT count(api_key) || ' of ' || count(*) AS v FROM app.locations WHERE account_id = 3";
        let moved = async |session: &mut Db, call: &str| -> Result<String> {
            Ok(session.row::<Row>(&format!("SELECT {call}::text AS v"), &[]).await?.v)
        };
        let count = async |session: &mut Db| -> Result<String> { Ok(session.row::<Row>(visible, &[]).await?.v) };

        let refused = match ui.row::<Row>("SELECT keyward.opt_out(3, 'they insist')::text AS v", &[]).await {
            Err(failure) => failure.to_string(),
            Ok(_) => return Err(Error::bug("an opt-out without its acknowledgement was not refused")),
        };
        self.line(format!("app_ui   opt_out(3, …)                            {refused}"));
        let keys = moved(&mut ui, "keyward.opt_out(3, 'they insist', acknowledge_risk => true)").await?;
        self.line(format!("app_ui   opt_out(3, …, acknowledge_risk => true)  {keys} keys published"));
        self.line(format!("api_v2   reads the account's keys                 {}", count(&mut api).await?));
        let keys = moved(&mut ui, "keyward.opt_in(3, 'they think better of it')").await?;
        self.line(format!("app_ui   opt_in(3, …)                             {keys} keys sealed"));
        self.line(format!("api_v2   reads the account's keys                 {}", count(&mut api).await?));

        let id = moved(&mut ui, "(SELECT min(id) FROM app.locations WHERE account_id = 3)").await?;
        let former = moved(&mut ui, &format!("keyward.reveal_location_api_key({id})")).await?;
        let made = moved(&mut ui, &format!("keyward.generate_location_api_key({id})")).await?;
        self.line(format!("app_ui   generate_location_api_key({id})             a new key of {} characters", made.len()));
        let shown = moved(&mut ui, &format!("keyward.reveal_location_api_key({id})")).await?;
        self.line(format!(
            "app_ui   reveal_location_api_key({id})               {}",
            if shown == made { "the same key" } else { "another key" }
        ));
        let query = "SELECT COALESCE((SELECT 'location ' || id || ' of account ' || account FROM keyward.authenticate_location_api_key($1)), 'nobody') AS v";
        let who = gateway.row::<Row>(query, &[made.as_str().into()]).await?.v;
        self.line(format!("gateway  authenticates with it                    {who}"));
        moved(&mut ui, &format!("keyward.revoke_location_api_key({id})")).await?;
        let who = gateway.row::<Row>(query, &[made.as_str().into()]).await?.v;
        self.line(format!("app_ui   revoke_location_api_key({id}); the gateway  {who}"));
        // For the comparison at the end: the row gets its first key back, as a person in the UI would put it there.
        ui.run(
            "UPDATE app.locations SET api_key = $1 WHERE id = $2",
            &[former.as_str().into(), Param::Int(id.parse().unwrap_or_default())],
        )
        .await?;
        let back = moved(&mut ui, &format!("keyward.reveal_location_api_key({id})")).await?;
        let unseen = moved(&mut api, &format!("(SELECT count(api_key) FROM app.locations WHERE id = {id})")).await?;
        let told = if back == former && unseen == "0" { "sealed on its way in" } else { "NOT sealed" };
        self.line(format!("app_ui   UPDATE … SET api_key = its first key     {told}"));
        Ok(())
    }

    async fn uninstall(&mut self, before: &Keys) -> Result<()> {
        let mut owner = self.as_role("app_owner").await?;
        let snapshot = Snapshot::read(&mut owner, &self.manifest).await?;
        let role = &self.manifest.roles.owner;
        let steps = plan::removal(&snapshot, role)?;
        let started = Instant::now();
        apply::uninstall(&mut owner, &steps, role, &apply::Options::default(), &mut |_| {}).await?;
        let after = self.keys().await?;
        if after != *before {
            return Err(Error::bug("the keys after uninstall are not the keys before apply"));
        }
        self.line(format!(
            "{} steps in {:.1} s; {} keys are back in their column, each in its row (the checksum of all is the same)",
            steps.len(),
            started.elapsed().as_secs_f64(),
            after.keys
        ));
        Ok(())
    }
}
