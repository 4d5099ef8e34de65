//! The probes: files of `sql/probe/`, each with a header and sections.
//!
//! | field | what it says |
//! |---|---|
//! | `id` | the name, also the file's |
//! | `control` | what is attacked |
//! | `vector` | how |
//! | `who` | who acts: `api`, `ui`, `legacy`; `ui (vault)` only where a vault hides the key |
//! | `hide` | which hiding is attacked, `vault` or `revoke`; without it either |
//! | `lends` | what an API role lacks for it behind a wall (`hide = "revoke"`): privileges on the key column. The control lends them |
//! | `wall` | the outcomes that are right where something is lent; without it `refused` |
//! | `expects` | the outcomes that are right; `withheld` is stripped or stopped, as the manifest's `on_insert` says |
//! | `tell` | what tells success: `shows` (the key came back), `rows` (any row came back), `success` (no error), an SQLSTATE; without it there is a look |
//! | `with` | who must succeed with the counter-act; without it the same act in an account that is off must |
//! | `where` | what the site must have, or the probe has no meaning there |
//! | `needs` | what the connected role must be allowed, or the probe is skipped |
//! | `lock` | the strong lock that it takes for a moment |
//!
//! Sections: `set-up` (as the table's owner unless it says `as …`), `act`, `counter`, `look`.

use std::fmt;

use minijinja::value::Value;
use serde::Serialize;

use super::outcome::Outcome;
use crate::error::{Error, Result};
use crate::manifest::Hide;
use crate::parse;
use crate::template::Templates;

/// Makes the list of probes from their names below `sql/probe/`.
macro_rules! probes {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &str)] =
            &[$((concat!("probe/", $name, ".sql"), include_str!(concat!("../../sql/probe/", $name, ".sql")))),+];
    };
}

probes![
    "101_key_sealed",
    "102_key_default",
    "103_key_insert",
    "104_key_insert_select",
    "105_key_copy_from",
    "106_key_merge_insert",
    "107_key_insert_on_conflict",
    "108_key_upsert",
    "109_key_upsert_constant",
    "110_key_insert_cte",
    "111_key_prepared",
    "112_key_do_block",
    "113_key_hints",
    "114_key_shadow",
    "115_key_definer_function",
    "116_key_view",
    "117_key_definer_trigger",
    "118_key_rule",
    "119_key_replica_role",
    "120_key_partition",
    "121_key_child",
    "122_key_update",
    "123_key_update_join",
    "124_key_merge_update",
    "125_key_update_view",
    "126_key_update_definer",
    "127_key_hop_in",
    "128_key_hop_in_with_key",
    "129_key_hop_via",
    "130_key_insert_granted",
    "131_key_update_granted",
    "132_key_clear",
    "140_key_later_trigger",
    "141_key_later_update_trigger",
    "142_key_early_trigger",
    "143_key_after_trigger",
    "144_key_deferred_trigger",
    "145_key_new_default",
    "146_key_rule_also",
    "150_key_generate",
    "151_key_generate_lent",
    "201_read_column",
    "202_read_star",
    "203_read_row",
    "204_read_json",
    "205_read_natural_join",
    "206_read_aggregate",
    "207_read_xml",
    "208_read_returning",
    "209_read_delete_returning",
    "210_read_upsert_returning",
    "211_read_old_returning",
    "212_read_merge_returning",
    "213_read_copy_to",
    "214_read_cursor",
    "215_read_for_update",
    "216_read_prepared",
    "217_read_equality",
    "218_read_like",
    "219_read_leaky_function",
    "220_read_cast_error",
    "221_read_failing_row",
    "222_read_failing_id",
    "223_read_failing_hop",
    "224_read_hop_out",
    "225_read_hop_via",
    "226_read_duplicate_key",
    "227_read_update_duplicate",
    "228_read_conflict_oracle",
    "229_read_statistics",
    "230_read_view",
    "231_read_materialized_view",
    "232_read_definer_function",
    "233_read_rule",
    "234_read_trigger_copy",
    "235_read_trigger_privilege",
    "236_read_references",
    "237_read_partition",
    "238_read_order",
    "239_read_group",
    "240_vault_direct",
    "241_vault_granted",
    "242_vault_public",
    "243_vault_read_all_data",
    "244_vault_view",
    "245_vault_definer",
    "246_vault_reveal",
    "247_vault_reveal_lent",
    "248_vault_reveal_definer",
    "249_vault_authenticate",
    "250_vault_publish",
    "251_read_join_using",
    "252_read_update_from",
    "253_read_upsert_condition",
    "254_read_merge_condition",
    "255_read_own_view",
    "256_read_own_function",
    "257_read_own_copy",
    "258_wall_view",
    "259_wall_function",
    "260_role_ui",
    "261_role_owner",
    "262_role_table_owner",
    "270_setting_opt_out",
    "271_setting_request",
    "272_setting_definer",
    "273_setting_update",
    "274_setting_policy",
    "275_setting_reborn",
    "301_write_insert",
    "302_write_insert_select",
    "303_write_update",
    "304_write_update_join",
    "305_write_delete",
    "306_write_delete_join",
    "307_write_copy_from",
    "308_write_upsert",
    "309_write_upsert_hop",
    "310_write_merge_insert",
    "311_write_merge_update",
    "312_write_merge_delete",
    "313_write_insert_cte",
    "314_write_delete_cte",
    "315_write_prepared",
    "316_write_do_block",
    "317_write_cursor",
    "318_write_null",
    "320_write_definer_insert",
    "321_write_definer_update",
    "322_write_definer_delete",
    "323_write_trigger_insert",
    "324_write_trigger_update",
    "325_write_trigger_delete",
    "326_write_rule_insert",
    "327_write_rule_update",
    "328_write_rule_delete",
    "330_write_view_insert",
    "331_write_view_update",
    "332_write_view_delete",
    "333_write_hop_out",
    "334_write_hop_in",
    "335_write_hop_via_out",
    "336_write_hop_via_in",
    "337_write_cascade_delete",
    "338_write_cascade_update",
    "339_write_truncate",
    "340_write_truncate_granted",
    "341_write_truncate_accounts",
    "342_write_replica_role",
    "343_write_replica_delete",
    "344_write_bypass_rls",
    "345_write_shadow",
    "346_write_deferred",
    "347_write_deferred_trigger",
    "348_write_partition",
    "349_write_partition_insert",
    "350_write_child",
    "351_write_later_trigger",
    "352_write_later_update_trigger",
    "353_write_trigger_privilege",
    "354_write_all_data",
];

/// What a probe attacks: one of the three things that keyward promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// No key comes into being on its own.
    NoAutomaticKey,
    /// Nothing that an API role gets holds a key.
    NoKeyInResponses,
    /// The legacy API writes nothing.
    NoLegacyWrites,
}

impl Control {
    const ALL: [Self; 3] = [Self::NoAutomaticKey, Self::NoKeyInResponses, Self::NoLegacyWrites];

    /// Returns the name in documents and headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAutomaticKey => "no_automatic_key",
            Self::NoKeyInResponses => "no_key_in_responses",
            Self::NoLegacyWrites => "no_legacy_writes",
        }
    }

    /// Returns the promise in words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::NoAutomaticKey => "no automatic key",
            Self::NoKeyInResponses => "no key in API responses",
            Self::NoLegacyWrites => "no writes by the legacy API",
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose part in the manifest a role that attacks has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Who {
    Api,
    Ui,
    Legacy,
}

impl Who {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Ui => "ui",
            Self::Legacy => "legacy",
        }
    }
}

/// Who carries out a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// The role that attacks.
    Attacker,
    /// The owner of the table, or whoever stands in.
    Hand,
    /// The connected role.
    Runner,
    /// keyward's owner.
    Owner,
    /// A UI role.
    Ui,
    /// A role that may authenticate keys.
    Auth,
}

/// What tells that an attack succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tell {
    /// The look says so.
    Look,
    /// Something that came back holds the key.
    Shows,
    /// A row came back.
    Rows,
    /// There was no error.
    Success,
    /// There was this error.
    Code(&'static str),
}

/// An attack, from its file.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The name.
    pub id: &'static str,
    /// What it attacks: more than one if it fits both kinds of the manifest's entries.
    pub controls: Vec<Control>,
    /// How, in a few words.
    pub vector: &'static str,
    /// The outcomes that are right.
    pub expects: Vec<Outcome>,
    /// Also right is what `on_insert` of the manifest says: stripped or stopped.
    pub withheld: bool,
    /// The strong lock that it takes for a moment.
    pub lock: Option<&'static str>,
    /// Who acts, some only where the key is hidden in one way.
    pub(super) who: Vec<(Who, Option<Hide>)>,
    /// The one hiding that it attacks.
    pub(super) hide: Option<Hide>,
    /// The privileges on the key column that an API role lacks behind a wall.
    pub(super) lends: Vec<&'static str>,
    /// The outcomes that are right where these are lent to the control.
    pub(super) wall: Vec<Outcome>,
    pub(super) tell: Tell,
    pub(super) with: Option<Actor>,
    pub(super) conditions: Vec<&'static str>,
    pub(super) needs: Vec<&'static str>,
    file: &'static str,
}

impl Probe {
    /// Returns the roles that act, as the header lists them.
    #[must_use]
    pub fn who(&self) -> String {
        self.who.iter().map(|(who, _)| who.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the outcomes that are right, as the header lists them.
    #[must_use]
    pub fn right(&self) -> String {
        let withheld = Some("withheld").filter(|_| self.withheld);
        let behind = if self.lends.is_empty() { &[][..] } else { &self.wall[..] };
        let mut all: Vec<_> = self.expects.iter().map(|outcome| outcome.as_str()).chain(withheld).collect();
        all.extend(behind.iter().filter(|outcome| !self.expects.contains(outcome)).map(|outcome| outcome.as_str()));
        all.join(", ")
    }

    /// Returns the `hide` of the keys that it attacks; empty if it attacks them all.
    #[must_use]
    pub fn hide(&self) -> &'static str {
        self.hide.map_or("", hide_name)
    }

    /// Tells whether the probe leaves a prepared statement behind, which no rollback takes away.
    pub(super) fn prepares(&self) -> bool {
        FILES.iter().any(|(file, text)| *file == self.file && text.contains("\nPREPARE "))
    }

    /// Renders the sections for one site, role and account.
    ///
    /// # Errors
    /// [`crate::error::Kind::Bug`] if the file can't be rendered or parsed.
    pub(super) fn script(&self, templates: &Templates, context: &Value) -> Result<Script> {
        let sql = templates.script(self.file, context)?.sql;
        let mut script = Script::default();
        for (title, body) in parse::sections(&sql)? {
            let Some(title) = title.strip_suffix(':') else {
                return Err(Error::bug(format!("sql/{} has a line that opens no section: {title}", self.file)));
            };
            let (kind, actor) = title.split_once(" as ").unwrap_or((title, "hand"));
            let actor = actor_named(actor, self.file)?;
            let statements = parse::split(body)?;
            match kind {
                "set-up" => script.set_up.push((actor, statements)),
                "act" => script.act = statements,
                "counter" => script.counter = Some(statements),
                "look" => script.look = statements.into_iter().next().map(|query| (actor, query)),
                _ => return Err(Error::bug(format!("sql/{} has an unknown section: {kind}", self.file))),
            }
        }
        let whole = !script.act.is_empty()
            && (script.look.is_some() == (self.tell == Tell::Look))
            && (script.counter.is_some() == self.with.is_some());
        if whole { Ok(script) } else { Err(Error::bug(format!("sql/{} lacks a section", self.file))) }
    }
}

/// Returns the name of a hiding, as the manifest has it.
fn hide_name(hide: Hide) -> &'static str {
    match hide {
        Hide::Vault => "vault",
        Hide::Revoke => "revoke",
    }
}

fn hide_named(name: &str) -> Option<Hide> {
    [Hide::Vault, Hide::Revoke].into_iter().find(|hide| hide_name(*hide) == name)
}

/// Reads `api` or `ui (vault)`.
fn who_named(text: &str) -> Option<(Who, Option<Hide>)> {
    let (name, hide) = match text.split_once(" (") {
        Some((name, rest)) => (name, Some(hide_named(rest.strip_suffix(')')?)?)),
        None => (text, None),
    };
    [Who::Api, Who::Ui, Who::Legacy].into_iter().find(|who| who.as_str() == name).map(|who| (who, hide))
}

/// The sections of a probe, rendered.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) set_up: Vec<(Actor, Vec<String>)>,
    pub(super) act: Vec<String>,
    pub(super) counter: Option<Vec<String>>,
    pub(super) look: Option<(Actor, String)>,
}

/// Returns every probe, in the order of the files.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if a header is wrong.
pub fn all() -> Result<Vec<Probe>> {
    FILES.iter().map(|(file, text)| read(file, text)).collect()
}

/// Returns the templates: the probes, and what they share.
pub(super) fn templates() -> Result<Templates> {
    let mut sources = vec![
        ("probe/_macros.sql", include_str!("../../sql/probe/_macros.sql")),
        ("verify/setting.sql", include_str!("../../sql/verify/setting.sql")),
    ];
    sources.extend(FILES);
    Templates::new(&sources)
}

fn read(file: &'static str, text: &'static str) -> Result<Probe> {
    let wrong = |what: &str| Error::bug(format!("the header of sql/{file}: {what}"));
    let fields: Vec<(&'static str, &'static str)> =
        text.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("-- ")?.split_once(": ")).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let required = |name: &str| field(name).ok_or_else(|| wrong(&format!("it has no {name}")));
    let words = |name: &str| field(name).map(|value| value.split(", ").collect::<Vec<_>>()).unwrap_or_default();
    let id = required("id")?;
    if !file.ends_with(&format!("_{id}.sql")) {
        return Err(wrong("the id is not the file's name"));
    }
    let known = ["id", "control", "vector", "who", "expects", "hide", "lends", "wall", "tell", "with", "where", "needs", "lock"];
    if let Some((unknown, _)) = fields.iter().find(|(key, _)| !known.contains(key)) {
        return Err(wrong(&format!("there is no field {unknown}")));
    }
    let controls = words("control")
        .into_iter()
        .map(|name| Control::ALL.into_iter().find(|control| control.as_str() == name))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| wrong("there is no such control"))?;
    let who =
        words("who").into_iter().map(who_named).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("there is no such part"))?;
    let hide =
        field("hide").map(|name| hide_named(name).ok_or_else(|| wrong("a key is hidden by vault or by revoke"))).transpose()?;
    let lends = words("lends");
    if lends.iter().any(|privilege| !["SELECT", "INSERT", "UPDATE"].contains(privilege)) {
        return Err(wrong("there is no such privilege on a column"));
    }
    let wall = match field("wall") {
        None => vec![Outcome::Refused],
        Some(_) => words("wall")
            .into_iter()
            .map(Outcome::named)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| wrong("there is no such outcome"))?,
    };
    let withheld = words("expects").contains(&"withheld");
    let expects = words("expects")
        .into_iter()
        .filter(|name| *name != "withheld")
        .map(Outcome::named)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| wrong("there is no such outcome"))?;
    let tell = match field("tell") {
        None => Tell::Look,
        Some("shows") => Tell::Shows,
        Some("rows") => Tell::Rows,
        Some("success") => Tell::Success,
        Some(code) if code.len() == 5 => Tell::Code(code),
        Some(_) => return Err(wrong("there is no such tell")),
    };
    if controls.is_empty() || who.is_empty() || (expects.is_empty() && !withheld) {
        return Err(wrong("control, who and expects must be given"));
    }
    let with = field("with").map(|name| actor_named(name, file)).transpose()?;
    let mut conditions = words("where");
    if with == Some(Actor::Ui) || text.contains(" as ui:") {
        conditions.push("ui");
    }
    if with == Some(Actor::Auth) {
        conditions.push("auth");
    }
    Ok(Probe {
        id,
        controls,
        vector: required("vector")?,
        expects,
        withheld,
        lock: field("lock"),
        who,
        hide,
        lends,
        wall,
        tell,
        with,
        conditions,
        needs: words("needs"),
        file,
    })
}

fn actor_named(name: &str, file: &str) -> Result<Actor> {
    Ok(match name {
        "self" => Actor::Attacker,
        "hand" => Actor::Hand,
        "runner" => Actor::Runner,
        "owner" => Actor::Owner,
        "ui" => Actor::Ui,
        "auth" => Actor::Auth,
        other => return Err(Error::bug(format!("sql/{file} names an unknown actor: {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_folder_is_a_probe_with_a_whole_header_and_an_id_of_its_own() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/probe");
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("probe/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        let mut listed: BTreeSet<_> = super::FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
        listed.insert("probe/_macros.sql".to_owned());
        assert_eq!(files, listed);
        let probes = super::all().unwrap();
        assert_eq!(probes.iter().map(|probe| probe.id).collect::<BTreeSet<_>>().len(), probes.len());
        super::templates().unwrap();
    }

    #[test]
    fn a_header_with_a_mistake_is_not_read() {
        let good =
            "-- id: x\n-- control: no_automatic_key\n-- vector: v\n-- who: api\n-- expects: stopped\n\n-- act:\nSELECT 1;\n";
        assert!(super::read("probe/1_x.sql", good).is_ok());
        for (right, wrong) in [
            ("no_automatic_key", "no_key"),
            ("api", "apis"),
            ("stopped", "stop"),
            ("vector", "victor"),
            ("id: x", "id: y"),
            ("api", "api (walls)"),
            ("stopped", "stopped\n-- hide: wall"),
            ("stopped", "stopped\n-- lends: ALL"),
        ] {
            let text: &'static str = good.replacen(right, wrong, 1).leak();
            assert!(super::read("probe/1_x.sql", text).is_err(), "{wrong}");
        }
    }
}
