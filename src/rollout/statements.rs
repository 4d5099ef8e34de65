//! The statements of `sql/rollout/`, rendered for one site's names and types.

use minijinja::context;
use minijinja::value::Value;

use super::course::Of;
use crate::catalog::Snapshot;
use crate::error::Result;
use crate::manifest::{Hide, Manifest, Name};
use crate::plan::context as values;
use crate::template::{Templates, sql};

/// Makes the table of templates from their names below `sql/`.
macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../sql/", $name)))),+];
    };
}

templates![
    "enforce/_macros.sql",
    "rollout/_macros.sql",
    "rollout/bury.sql",
    "rollout/claim.sql",
    "rollout/cut.sql",
    "rollout/eligible.sql",
    "rollout/enable.sql",
    "rollout/enable_span.sql",
    "rollout/hold_settings.sql",
    "rollout/in_use.sql",
    "rollout/in_vault.sql",
    "rollout/keys.sql",
    "rollout/lease.sql",
    "rollout/leave_parked.sql",
    "rollout/left_sealed.sql",
    "rollout/list.sql",
    "rollout/listed.sql",
    "rollout/park.sql",
    "rollout/parked.sql",
    "rollout/seal.sql",
    "rollout/seal_rows.sql",
    "rollout/sign.sql",
    "rollout/signals.sql",
    "rollout/still_parked.sql",
    "rollout/stragglers.sql",
    "rollout/undo.sql",
    "rollout/unpark.sql",
    "rollout/unseal.sql",
    "rollout/unseal_unknown.sql",
    "rollout/waves.sql",
    "rollout/workers.sql",
];

/// Makes constants of the statements that are the same for every site.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)+) => {
        $($(#[$doc])* pub(super) const $name: &str = include_str!(concat!("../../sql/rollout/", $file));)+
    };
}

statements! {
    /// The policy, and the server's clock against the cutover.
    NOW = "now.sql";
    /// How long the cutover is away.
    UNTIL_CUTOVER = "until_cutover.sql";
    /// Lets one process at a time begin or join a wave.
    ENTER = "enter.sql";
    /// The waves that have not come to their end.
    UNFINISHED = "unfinished.sql";
    /// A new wave.
    BEGIN = "begin.sql";
    /// A wave that is locked.
    WAVE_ROW = "wave_row.sql";
    /// A new chunk.
    CHUNK = "chunk.sql";
    /// What a batch must know before it touches anything.
    HOLD = "hold.sql";
    /// The progress of a chunk.
    PROGRESS = "progress.sql";
    /// Renews a lease.
    RENEW = "renew.sql";
    /// Gives a lease back.
    GIVE_BACK = "give_back.sql";
    /// Ends a chunk.
    CLOSE = "close.sql";
    /// What is left of a wave's chunks.
    OPEN = "open.sql";
    /// What a wave has done so far.
    WAVE_DONE = "wave_done.sql";
    /// Adds the chunks to the wave.
    FOLD = "fold.sql";
    /// A worker.
    WORKER = "worker.sql";
    /// What workers are doing.
    SEEN = "seen.sql";
    /// How many accounts have a setting that waves made.
    UNDOABLE = "undoable.sql";
    /// The end of a wave.
    END = "end.sql";
    /// Accounts by where their setting came from.
    SETTINGS = "settings.sql";
    /// What pausing must know of the database.
    SITE = "site.sql";
    /// Whether the rollout is paused.
    CONTROL = "control.sql";
    /// Pauses it.
    PAUSE = "pause.sql";
    /// Lets it go on.
    RESUME = "resume.sql";
}

/// The rendered statements.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) bury: String,
    pub(super) eligible: String,
    pub(super) enable: String,
    pub(super) lease: String,
    pub(super) leave_parked: String,
    pub(super) list: String,
    pub(super) listed: String,
    pub(super) park: String,
    pub(super) signals: String,
    pub(super) parked: String,
    pub(super) still_parked: String,
    pub(super) undo: String,
    pub(super) unpark: String,
    pub(super) waves: String,
    pub(super) workers: String,
    of: [OfStatements; 3],
    pub(super) keys: Vec<KeyStatements>,
}

/// The rendered statements that depend on which accounts a wave goes through.
#[derive(Debug)]
pub(super) struct OfStatements {
    pub(super) cut: String,
    pub(super) claim: String,
    pub(super) enable_span: String,
}

/// The rendered statements of one key.
#[derive(Debug)]
pub(super) struct KeyStatements {
    pub(super) name: Name,
    pub(super) in_use: String,
    pub(super) in_use_sealed: String,
    pub(super) seal: String,
    pub(super) unseal: String,
    pub(super) unseal_unknown: String,
    pub(super) left_sealed: String,
    pub(super) stragglers: String,
    pub(super) hold_settings: String,
    pub(super) seal_rows: String,
    pub(super) sign: String,
    pub(super) in_vault: String,
    pub(super) counts: String,
}

impl Statements {
    /// Renders them.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if a template is broken.
    pub(super) fn render(manifest: &Manifest, snapshot: &Snapshot) -> Result<Self> {
        let templates = Templates::new(SOURCES)?;
        let base = values::base(manifest, snapshot)?;
        let render = |name: &str, of: Of, context: &Value| {
            let context = context! { of => of.as_str(), ..context.clone() };
            templates.render(&format!("rollout/{name}.sql"), &context).map(|rendered| rendered.sql)
        };
        let of_site = |name: &str| render(name, Of::Accounts, &base);
        let of = |of: Of| -> Result<OfStatements> {
            let [cut, claim, enable_span] = ["cut", "claim", "enable_span"].map(|name| render(name, of, &base));
            Ok(OfStatements { cut: cut?, claim: claim?, enable_span: enable_span? })
        };
        // Until PostgreSQL 16 the checkpointer's statistics were the background writer's.
        let has_checkpointer = context! { has_checkpointer => snapshot.server.major() >= 17 };
        let signals = templates.render("rollout/signals.sql", &has_checkpointer)?.sql;
        let mut keys = Vec::new();
        // A key that stays in its column doesn't move.
        for key in manifest.keys.iter().filter(|key| key.hide == Hide::Vault) {
            let context = values::key(manifest, snapshot, key)?;
            let of_key = |name: &str| render(name, Of::Accounts, &context);
            keys.push(KeyStatements {
                name: key.name.clone(),
                in_use: of_key("in_use")?,
                in_use_sealed: render("in_use", Of::Settings, &context)?,
                seal: of_key("seal")?,
                unseal: of_key("unseal")?,
                unseal_unknown: of_key("unseal_unknown")?,
                left_sealed: of_key("left_sealed")?,
                stragglers: of_key("stragglers")?,
                hold_settings: of_key("hold_settings")?,
                seal_rows: of_key("seal_rows")?,
                sign: of_key("sign")?,
                in_vault: of_key("in_vault")?,
                counts: of_key("keys")?,
            });
        }
        Ok(Self {
            bury: of_site("bury")?,
            eligible: of_site("eligible")?,
            enable: of_site("enable")?,
            lease: of_site("lease")?,
            leave_parked: of_site("leave_parked")?,
            list: of_site("list")?,
            listed: of_site("listed")?,
            park: of_site("park")?,
            signals,
            parked: of_site("parked")?,
            still_parked: of_site("still_parked")?,
            undo: of_site("undo")?,
            unpark: of_site("unpark")?,
            waves: of_site("waves")?,
            workers: of_site("workers")?,
            of: [of(Of::Accounts)?, of(Of::List)?, of(Of::Settings)?],
            keys,
        })
    }

    /// Returns the statements for a wave that goes through these accounts.
    pub(super) fn of(&self, of: Of) -> &OfStatements {
        match of {
            Of::Accounts => &self.of[0],
            Of::List => &self.of[1],
            Of::Settings => &self.of[2],
        }
    }
}

/// Renders the statement that asks a question of the manifest's, a query that has been parsed.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it isn't one statement that keyward runs.
pub(super) fn ask(query: &str) -> Result<String> {
    let templates = Templates::new(&[("rollout/ask.sql", include_str!("../../sql/rollout/ask.sql"))])?;
    Ok(templates.render("rollout/ask.sql", &context! { query => sql(query) })?.sql)
}
