//! The rules, a file each, by id: 0xx privileges, 02x guards, 03x what the manifest names, 04x copies of keys, 05x rights that are lent, 06x keyward's
//! own schema, 07x what was tried, 9xx the file itself.

/// What every rule's file needs.
mod prelude {
    pub(super) use crate::lint::finding::Severity::{Error, Note, Warning};
    pub(super) use crate::lint::ground::{Ground, SCHEMA, Takes};
    pub(super) use crate::lint::rule::{Hits, Rule};
    pub(super) use crate::lint::statement::Statement;
    pub(super) use crate::manifest::Hide;
    pub(super) use crate::parse::act::{Act, Change, Constraint, Grant, Kind, Name, Role, Scope, Triggers};
}

use super::rule::Rule;

macro_rules! rules {
    ($($file:ident),+ $(,)?) => {
        $(mod $file;)+

        /// Every rule, by id.
        pub(super) const ALL: &[Rule] = &[$($file::RULE),+];
    };
}

rules!(
    passes_guards,
    opens_the_wall,
    grants_in_keyward,
    default_privileges,
    leads_to_ui_or_owner,
    mighty_member,
    role_attributes,
    api_role_owns,
    replication_role,
    takes_from_keyward,
    row_security_off,
    policy_of_keyward,
    guard_replaced,
    guard_switched,
    guard_outrun,
    rule_on_protected,
    child_without_guard,
    new_partition,
    like_key_table,
    key_default,
    key_generated,
    key_not_null,
    key_by_trigger,
    renamed,
    dropped,
    retyped,
    column_without_grant,
    view_of_key,
    copy_of_key,
    function_takes_key,
    trigger_copies_row,
    published,
    derived_from_key,
    replica_identity,
    copy_into_row_security,
    definer_search_path,
    lends_keyward,
    writes_keyward,
    traced_rewrite,
    traced_failure,
    not_sql,
    not_read,
    not_utf8,
    dynamic,
    allow_without_reason,
    allow_unused,
    includes_file,
);

use super::ground::{Ground, Takes};
use super::statement::Statement;
use crate::manifest::Key;

/// Tells whether a trigger or policy is keyward's, by its name.
fn is_of_keyward(name: &str) -> bool {
    name.starts_with("~keyward_") || name.starts_with("!keyward_")
}

/// Says what is taken of a key.
fn taken(key: &Key, takes: Takes) -> String {
    let column = crate::ident::human(&key.column);
    match takes {
        Takes::Column => format!("It takes {column} from {}.", key.table.human()),
        Takes::Rows => format!("It takes whole rows of {}, {column} included.", key.table.human()),
    }
}

/// The first protected table that a statement, or what is inside it, names.
fn touched(ground: &Ground<'_>, statement: &Statement) -> Option<String> {
    let mut found = None;
    statement.visit(&mut |part| {
        for mention in &part.read.mentions {
            if found.is_none() {
                found = ground.table(&mention.name).map(super::ground::Protected::human);
            }
            if found.is_none() && ground.is_own(&mention.name) {
                found = Some(mention.name.human());
            }
        }
    });
    found
}
