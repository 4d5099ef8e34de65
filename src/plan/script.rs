//! Steps as a script for psql: the same statements in the same transactions under the same roles as apply's, and the same records of them.

use std::fmt::Write as _;

use minijinja::context;

use super::{Action, How, Plan, RunAs, Step, stamp};
use crate::error::Result;
use crate::ident::{Ident, literal};
use crate::schema;
use crate::template::{Templates, sql};

/// The advisory lock that every writing command of keyward holds: the letters "keyward".
pub(crate) const RUNNER: i64 = 0x006b_6579_7761_7264;

/// What a script is made of besides its steps.
#[derive(Debug)]
pub struct Script<'a> {
    /// The database that it is for.
    pub database: &'a str,
    /// The role that owns everything in the schema keyward.
    pub owner: &'a Ident,
    /// The manifest's checksum, or another word for what is carried out, as the ledger keeps it.
    pub manifest: &'a str,
    /// The risks that were accepted by name.
    pub risks: &'a [String],
    /// The findings that forbid to run it.
    pub refusals: Vec<&'a str>,
}

impl Plan {
    /// Returns the whole plan as one script for psql. One that is refused stops at once, and says why.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if the template is broken.
    pub fn sql(&self) -> Result<String> {
        let refusals = self.refusals(&[]).into_iter().map(|finding| finding.id.as_str()).collect();
        let about = Script {
            database: &self.database,
            owner: &self.owner,
            manifest: &self.manifest,
            risks: &self.approved.risks,
            refusals,
        };
        // by this the lint knows it for keyward's own
        Ok(stamp::stamp(&script(&about, &self.steps)?, &self.manifest))
    }
}

/// Returns steps as one script for psql; an empty text for none.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if the template is broken.
pub fn script(about: &Script<'_>, steps: &[Step]) -> Result<String> {
    if steps.is_empty() {
        return Ok(String::new());
    }
    let risks: Vec<_> =
        about.risks.iter().map(|risk| format!("\"{}\"", risk.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    let values = context! {
        session => sql(include_str!("../../sql/session/settings.sql")),
        objects => sql(include_str!("../../sql/catalog/objects.sql")),
        database => about.database,
        refusals => about.refusals.join(", "),
        runner => sql(RUNNER.to_string()),
        version => env!("CARGO_PKG_VERSION"),
        manifest => about.manifest,
        risks => format!("{{{}}}", risks.join(",")),
    };
    let templates = Templates::new(&[("script/head.sql", include_str!("../../sql/script/head.sql"))])?;
    let mut text =
        format!("-- keyward {}: {} steps for psql. Review it; then: psql -X -f FILE\n\n", env!("CARGO_PKG_VERSION"), steps.len());
    text.push_str(&templates.commands("script/head.sql", &values)?);
    let mut writer = Writer { owner: about.owner, text, entered: Vec::new(), records: true };
    // What comes before keyward's own tables is recorded when they are there.
    writer.records =
        !steps.iter().any(|step| step.how == How::Migrate && step.action == Action::Create && step.sql.contains("V1__"));
    let mut at = 0;
    while at < steps.len() {
        let same = |step: &Step| step.how == How::Run && step.group.is_some() && step.group == steps[at].group;
        let end = at + 1 + if same(&steps[at]) { steps[at + 1..].iter().take_while(|step| same(step)).count() } else { 0 };
        writer.group(&steps[at..end], at);
        at = end;
    }
    let Writer { mut text, .. } = writer;
    text.push_str("RESET ROLE;\n");
    Ok(text)
}

struct Writer<'a> {
    owner: &'a Ident,
    text: String,
    /// Steps that were done before there was a ledger to write them into.
    entered: Vec<&'a Step>,
    /// Whether there is a ledger.
    records: bool,
}

impl<'a> Writer<'a> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn group(&mut self, steps: &'a [Step], at: usize) {
        if !matches!(steps[0].how, How::Migrate | How::Run) {
            self.comment(&steps[0], at + 1);
        }
        match &steps[0].how {
            How::Publish { name } => return self.publish(name),
            How::Seal { name, check } => return self.seal(&steps[0], name, check),
            How::Try => return self.attempt(&steps[0]),
            How::Migrate | How::Run => {}
        }
        self.line("BEGIN;");
        for (offset, step) in steps.iter().enumerate() {
            self.comment(step, at + offset + 1);
            if step.sql.is_empty() {
                continue;
            }
            let role = self.role(step.role);
            self.line(&role);
            let sql = step.sql.trim_end();
            self.line(sql);
            if step.how == How::Migrate {
                let history = schema::history(&step.sql);
                self.line(&history);
            }
        }
        if steps.iter().any(|step| step.action == Action::Drop && step.id == "schema keyward") {
            // The ledger is gone with it.
            self.records = false;
            return self.line("COMMIT;\n");
        }
        if steps[0].how == How::Migrate {
            self.records = true;
        }
        if self.records {
            let mut all = std::mem::take(&mut self.entered);
            all.extend(steps);
            self.record(&all);
        } else {
            self.entered.extend(steps);
        }
        self.line("COMMIT;\n");
    }

    fn comment(&mut self, step: &Step, number: usize) {
        let mut note = |text: &str| {
            let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(self.text, "-- {line}");
        };
        note(&format!("{number}. {}", step.id));
        note(&step.why);
        if let Some(lock) = &step.lock {
            note(&format!("lock: {} on {}", lock.mode, lock.relation));
        }
        for hazard in &step.hazards {
            note(&format!("hazard {}: {}", hazard.id, hazard.text));
        }
    }

    /// The role of the following statements, until the end of the transaction.
    fn role(&self, role: RunAs) -> String {
        match role {
            RunAs::Owner => format!("SET LOCAL ROLE {};", self.owner),
            RunAs::Runner => "RESET ROLE;".to_owned(),
        }
    }

    /// The rows in the ledger, and what the catalogue says of the objects.
    fn record(&mut self, steps: &[&Step]) {
        let role = self.role(RunAs::Owner);
        self.line(&role);
        for step in steps {
            let call =
                format!("CALL pg_temp.keyward_enter({}, {}, {});", literal(&step.id), quoted(&step.sql), quoted(&step.undo));
            self.line(&call);
        }
        for step in steps {
            let gone = step.replaces.iter().chain((step.action == Action::Drop).then_some(&step.id));
            for identity in gone {
                let call = format!("CALL pg_temp.keyward_forget({});", literal(identity));
                self.line(&call);
            }
        }
        for step in steps {
            let Some(sha256) = &step.sha256 else { continue };
            let kind = step.id.split(' ').next().unwrap_or_default();
            let call = format!(
                "CALL pg_temp.keyward_record(ARRAY[{}], {}, {}, {});",
                literal(kind),
                literal(&step.id),
                literal(sha256),
                quoted(&step.undo)
            );
            self.line(&call);
        }
    }

    /// Sealed keys are published in batches, each a transaction of its own.
    fn publish(&mut self, name: &str) {
        let owner = self.owner;
        let _ = write!(
            self.text,
            "SET ROLE {owner};\nDO $keyward$\nBEGIN\n    WHILE keyward.\"publish_rows_{name}\"(1000) > 0 LOOP\n        COMMIT;\n    END LOOP;\n    \
             COMMIT;\n    -- rows that were in use, one by one\n    WHILE keyward.\"publish_rows_{name}\"(1) > 0 LOOP\n        COMMIT;\n    END LOOP;\n    \
             IF EXISTS (SELECT FROM keyward.\"vault_{name}\") THEN\n        RAISE EXCEPTION 'sealed keys of {name} have no row in their table, and so can''t be published';\n    \
             END IF;\nEND\n$keyward$;\nRESET ROLE;\n\n"
        );
    }

    /// Published keys are sealed in batches; then the statistics, which show keys too, are taken anew.
    fn seal(&mut self, step: &Step, name: &str, check: &str) {
        let (owner, batch) = (self.owner, step.sql.trim().trim_end_matches(';'));
        let check = check.replace("$1", "keyward_ids");
        let _ = write!(
            self.text,
            "SET ROLE {owner};\nDO $keyward$\nDECLARE\n    keyward_ids text[];\n    keyward_kept bigint;\nBEGIN\n    LOOP\n        WITH answer AS (\n{batch}\n        )\n        \
             SELECT pg_catalog.array_agg(answer.id) INTO keyward_ids FROM answer;\n        EXIT WHEN keyward_ids IS NULL;\n        \
             SELECT kept.rows INTO keyward_kept FROM ({check}) AS kept;\n        \
             IF keyward_kept <> pg_catalog.cardinality(keyward_ids) THEN\n            RAISE EXCEPTION 'keys of {name} would be lost instead of sealed; the batch is undone';\n        \
             END IF;\n        COMMIT;\n    END LOOP;\nEND\n$keyward$;\nRESET ROLE;\n\
             DO $keyward$\nBEGIN\n    WHILE NOT keyward.\"analyze_{name}\"() LOOP\n        COMMIT;\n        PERFORM pg_catalog.pg_sleep(0.1);\n    END LOOP;\nEND\n$keyward$;\n\n"
        );
    }

    /// Where rows are in the way, the step is left out with a note.
    fn attempt(&mut self, step: &'a Step) {
        let role = self.role(step.role);
        let _ = write!(self.text, "DO $keyward_try$\nBEGIN\n{role}\n{}\n", step.sql.trim_end());
        if self.records {
            self.record(&[step]);
        }
        let _ = write!(
            self.text,
            "EXCEPTION WHEN not_null_violation OR dependent_objects_still_exist OR insufficient_privilege THEN\n    \
             RAISE WARNING USING MESSAGE = {} || SQLERRM;\nEND\n$keyward_try$;\nRESET ROLE;\n\n",
            literal(&format!("left out: {}: ", step.id))
        );
    }
}

/// Returns a string constant that reads as it stands, where its text allows it.
fn quoted(text: &str) -> String {
    if text.contains("$step$") || !text.contains('\'') { literal(text) } else { format!("$step${text}$step$") }
}
