//! The statements of `sql/rollout/`, rendered for one site's names and types.

use crate::catalog::Snapshot;
use crate::error::Result;
use crate::manifest::{Manifest, Name};
use crate::plan::context;
use crate::template::Templates;

/// Makes the table of templates from their names below `sql/`.
macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../sql/", $name)))),+];
    };
}

templates![
    "enforce/_macros.sql",
    "rollout/_macros.sql",
    "rollout/claim.sql",
    "rollout/eligible.sql",
    "rollout/enable.sql",
    "rollout/hold_settings.sql",
    "rollout/in_use.sql",
    "rollout/in_vault.sql",
    "rollout/keys.sql",
    "rollout/seal.sql",
    "rollout/seal_rows.sql",
    "rollout/stragglers.sql",
];

/// The policy, and the server's clock against the cutover.
pub(super) const NOW: &str = include_str!("../../sql/rollout/now.sql");
/// The newest unfinished wave of a kind and percentage.
pub(super) const UNFINISHED: &str = include_str!("../../sql/rollout/unfinished.sql");
/// The progress of a wave.
pub(super) const ADVANCE: &str = include_str!("../../sql/rollout/advance.sql");
/// The end of a wave.
pub(super) const END: &str = include_str!("../../sql/rollout/end.sql");
/// The last waves.
pub(super) const WAVES: &str = include_str!("../../sql/rollout/waves.sql");
/// Accounts by where their setting came from.
pub(super) const SETTINGS: &str = include_str!("../../sql/rollout/settings.sql");

/// The rendered statements.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) claim: String,
    pub(super) eligible: String,
    pub(super) enable: String,
    pub(super) keys: Vec<KeyStatements>,
}

/// The rendered statements of one key.
#[derive(Debug)]
pub(super) struct KeyStatements {
    pub(super) name: Name,
    pub(super) in_use: String,
    pub(super) seal: String,
    pub(super) stragglers: String,
    pub(super) hold_settings: String,
    pub(super) seal_rows: String,
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
        let base = context::base(manifest, snapshot)?;
        let of_site = |name: &str| templates.render(name, &base).map(|rendered| rendered.sql);
        let mut keys = Vec::new();
        for key in &manifest.keys {
            let context = context::key(manifest, snapshot, key)?;
            let of_key = |name: &str| templates.render(name, &context).map(|rendered| rendered.sql);
            keys.push(KeyStatements {
                name: key.name.clone(),
                in_use: of_key("rollout/in_use.sql")?,
                seal: of_key("rollout/seal.sql")?,
                stragglers: of_key("rollout/stragglers.sql")?,
                hold_settings: of_key("rollout/hold_settings.sql")?,
                seal_rows: of_key("rollout/seal_rows.sql")?,
                in_vault: of_key("rollout/in_vault.sql")?,
                counts: of_key("rollout/keys.sql")?,
            });
        }
        Ok(Self {
            claim: of_site("rollout/claim.sql")?,
            eligible: of_site("rollout/eligible.sql")?,
            enable: of_site("rollout/enable.sql")?,
            keys,
        })
    }
}
