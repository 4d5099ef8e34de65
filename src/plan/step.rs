//! The steps of a plan: what each does, as whom, under which lock, and how it is taken back.

use serde::{Deserialize, Serialize};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The identity of what it is about.
    pub id: String,
    /// What it does to it.
    pub action: Action,
    /// Why: one sentence or two.
    pub why: String,
    /// The file of `sql/` that it comes from, where there is one.
    pub file: Option<String>,
    /// The statements.
    pub sql: String,
    /// The statements that take it back.
    pub undo: String,
    /// The strongest lock that it takes on a table in use.
    pub lock: Option<Lock>,
    /// What to think about before.
    pub hazards: Vec<Hazard>,
    /// The role that the statements run as.
    pub role: RunAs,
    /// Steps that follow each other with the same group are one transaction.
    pub group: Option<String>,
    /// How it is carried out.
    pub how: How,
    /// The checksum under which the object is recorded afterwards; `None` where nothing is.
    pub sha256: Option<String>,
    /// The identity that the object was recorded under before.
    pub replaces: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// The manifest, or this version of keyward, wants it otherwise.
    Change,
    /// Somebody altered or removed it.
    Repair,
    /// The manifest no longer wants it.
    Drop,
    /// Data moves.
    Move,
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The mode, as `pg_locks` and the manual name it: `ACCESS EXCLUSIVE`, `SHARE ROW EXCLUSIVE`.
    pub mode: String,
    /// The relation, quoted and qualified.
    pub relation: String,
}

/// What to think about before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// The stable name.
    pub id: String,
    /// What it means.
    pub text: String,
}

/// The role that a step's statements run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// The connected role.
    Runner,
    /// keyward's owner.
    Owner,
}

/// How a step is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its SQL is run.
    Run,
    /// refinery runs the migrations of keyward's base tables.
    Migrate,
    /// Sealed keys are published in batches, each a transaction of its own, with `keyward.publish_rows_<name>`.
    Publish {
        /// The key's name.
        name: String,
    },
    /// Its SQL is run again and again, each time in a transaction of its own, until it returns no row: a batch of published keys is sealed.
    Seal {
        /// The key's name.
        name: String,
        /// The query that counts how many of the rows `$1` have a sealed key.
        check: String,
    },
    /// Its SQL is run; where rows are in the way, the step is left out with a note.
    Try,
}

/// The names of all hazards.
pub const HAZARDS: &[&str] = &[
    "breaks_select_star",
    "drops_not_null",
    "enables_rls",
    "publishes_keys",
    "removes_guard",
    "restores_not_null",
    "revokes_privileges",
    "seals_keys",
];

/// Explains a hazard.
pub(super) fn hazard(id: &str) -> Hazard {
    let text = match id {
        "drops_not_null" => {
            "the key column accepts NULL from now on; code that relies on NOT NULL must expect rows without a key"
        }
        "enables_rls" => {
            "row-level security is on from now on: COPY FROM fails with 0A000 for roles that are subject to it; everybody else passes as before"
        }
        "revokes_privileges" => "the role loses privileges on the table; the step's undo gives them back",
        "breaks_select_star" => {
            "the role reads and writes every column but the key: SELECT *, RETURNING *, whole rows, COPY and INSERT without a list of columns, and ORMs that name every column fail with 42501 from now on; a new column is granted by the next apply"
        }
        "publishes_keys" => "sealed keys go back into the application's column, where API roles read them",
        "removes_guard" => "what this guard or policy stopped is allowed again",
        "seals_keys" => {
            "keys of accounts with the setting on move into the vault: whoever looks them up in the column finds NULL"
        }
        "restores_not_null" => "the whole table is read under an ACCESS EXCLUSIVE lock to check for NULL",
        _ => "",
    };
    Hazard { id: id.to_owned(), text: text.to_owned() }
}

pub(super) fn step(
    id: impl Into<String>,
    action: Action,
    why: impl Into<String>,
    sql: impl Into<String>,
    undo: impl Into<String>,
) -> Step {
    Step {
        id: id.into(),
        action,
        why: why.into(),
        file: None,
        sql: sql.into(),
        undo: undo.into(),
        lock: None,
        hazards: Vec::new(),
        role: RunAs::Runner,
        group: None,
        how: How::Run,
        sha256: None,
        replaces: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hazard_is_listed_and_explained() {
        for id in HAZARDS {
            assert!(!hazard(id).text.is_empty(), "{id}");
        }
        assert!(HAZARDS.is_sorted());
        assert!(hazard("unheard_of").text.is_empty(), "control");
    }
}
