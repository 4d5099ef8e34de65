//! The templates of `sql/enforce/`, compiled into the program.

use crate::error::{Error, Result};
use crate::template::Templates;

/// Makes the table of templates from their names below `sql/`.
macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../sql/", $name)))),+];
    };
}

templates![
    "enforce/_macros.sql",
    "enforce/setting/account_setting.sql",
    "enforce/setting/account_setting_access.sql",
    "enforce/setting/accounts_delete.sql",
    "enforce/setting/accounts_insert.sql",
    "enforce/setting/accounts_rename.sql",
    "enforce/setting/accounts_renamed.sql",
    "enforce/setting/acts_as_ui.sql",
    "enforce/setting/carry_out.sql",
    "enforce/setting/follow_accounts.sql",
    "enforce/setting/is_enabled.sql",
    "enforce/setting/observe.sql",
    "enforce/setting/opt_in.sql",
    "enforce/setting/opt_out.sql",
    "enforce/setting/owner_access.sql",
    "enforce/setting/owner_policy.sql",
    "enforce/setting/parked_account.sql",
    "enforce/setting/record.sql",
    "enforce/setting/revoke_dangerous.sql",
    "enforce/setting/schema_access.sql",
    "enforce/setting/setting_change.sql",
    "enforce/setting/settled.sql",
    "enforce/setting/setting_change_access.sql",
    "enforce/setting/wave_account.sql",
    "enforce/key/analyze.sql",
    "enforce/key/assert.sql",
    "enforce/key/authenticate.sql",
    "enforce/key/follow.sql",
    "enforce/key/forget.sql",
    "enforce/key/generate.sql",
    "enforce/key/hop.sql",
    "enforce/key/nullable.sql",
    "enforce/key/publish.sql",
    "enforce/key/publish_rows.sql",
    "enforce/key/reveal.sql",
    "enforce/key/revoke.sql",
    "enforce/key/seal.sql",
    "enforce/key/seals.sql",
    "enforce/key/stated.sql",
    "enforce/key/unseal.sql",
    "enforce/key/trigger_assert_insert.sql",
    "enforce/key/trigger_assert_update.sql",
    "enforce/key/trigger_follow_delete.sql",
    "enforce/key/trigger_follow_truncate.sql",
    "enforce/key/trigger_forget_update.sql",
    "enforce/key/trigger_hop_delete.sql",
    "enforce/key/trigger_hop_update.sql",
    "enforce/key/trigger_revoke_update.sql",
    "enforce/key/trigger_stated.sql",
    "enforce/key/trigger_withhold_insert.sql",
    "enforce/key/trigger_withhold_update.sql",
    "enforce/key/vault.sql",
    "enforce/key/vault_access.sql",
    "enforce/key/withhold.sql",
    "enforce/wall/assert.sql",
    "enforce/wall/authenticate.sql",
    "enforce/wall/column_grants.sql",
    "enforce/wall/generate.sql",
    "enforce/wall/has.sql",
    "enforce/wall/moved.sql",
    "enforce/wall/reveal.sql",
    "enforce/wall/revoke.sql",
    "enforce/wall/seal_rows.sql",
    "enforce/wall/trigger_arrived_insert.sql",
    "enforce/wall/trigger_assert_update.sql",
    "enforce/wall/trigger_moved_insert.sql",
    "enforce/wall/trigger_withhold_update.sql",
    "enforce/wall/withhold.sql",
    "enforce/write/binds.sql",
    "enforce/write/deny.sql",
    "enforce/write/deny_hop.sql",
    "enforce/write/enable_rls.sql",
    "enforce/write/enabled_of.sql",
    "enforce/write/policy_insert.sql",
    "enforce/write/policy_pass.sql",
    "enforce/write/policy_update.sql",
    "enforce/write/trigger_assert_insert.sql",
    "enforce/write/trigger_assert_update.sql",
    "enforce/write/trigger_delete.sql",
    "enforce/write/trigger_hop.sql",
    "enforce/write/trigger_insert.sql",
    "enforce/write/trigger_truncate.sql",
    "enforce/write/trigger_update.sql",
];

/// Returns the templates, ready to render.
pub(super) fn templates() -> Result<Templates> {
    Templates::new(SOURCES)
}

/// Returns the compiled-in spelling of a template's name.
pub(super) fn name_of(name: &str) -> Result<&'static str> {
    SOURCES
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == name)
        .ok_or_else(|| Error::bug(format!("there is no template sql/{name}")))
}
