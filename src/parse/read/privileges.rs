//! GRANT, REVOKE, roles and parameters.

use pg_query::NodeEnum;
use pg_query::protobuf::{self, DefElem, Node, VariableSetKind};

use super::{definitions, inner, is_on, kind, name_of, object_of, roles, string, strings};
use crate::parse::act::{Act, Grant, Name, Read, Role, Scope};

pub(super) fn privileges(grant: &protobuf::GrantStmt) -> Grant {
    let of = |node| match inner(node) {
        Some(NodeEnum::AccessPriv(privilege)) => Some((privilege.priv_name.to_uppercase(), strings(&privilege.cols))),
        _ => None,
    };
    let is_all_in = grant.targtype() == protobuf::GrantTargetType::AclTargetAllInSchema;
    let objects: Vec<Name> = grant.objects.iter().filter_map(object_of).collect();
    let (objects, all_in) =
        if is_all_in { (Vec::new(), objects.into_iter().map(|name| name.name).collect()) } else { (objects, Vec::new()) };
    Grant {
        is_grant: grant.is_grant,
        // ALL (columns) is a privilege without a name.
        privileges: grant
            .privileges
            .iter()
            .filter_map(of)
            .map(|(name, columns)| (if name.is_empty() { "ALL".to_owned() } else { name }, columns))
            .collect(),
        kind: kind(grant.objtype()),
        objects,
        all_in,
        roles: roles(&grant.grantees),
    }
}

pub(super) fn default_privileges(defaults: &protobuf::AlterDefaultPrivilegesStmt) -> Option<Act> {
    let list = |name: &str| {
        let found = definitions(&defaults.options).find(|option| option.defname == name)?;
        match found.arg.as_ref().and_then(|arg| inner(arg))? {
            NodeEnum::List(list) => Some(list.items.clone()),
            _ => None,
        }
    };
    Some(Act::DefaultPrivileges {
        of: list("roles").map(|nodes| roles(&nodes)).unwrap_or_default(),
        schemas: list("schemas").map(|nodes| strings(&nodes)).unwrap_or_default(),
        grant: privileges(defaults.action.as_ref()?),
    })
}

pub(super) fn membership(grant: &protobuf::GrantRoleStmt) -> Act {
    let granted = grant.granted_roles.iter().filter_map(|node| match inner(node) {
        Some(NodeEnum::AccessPriv(role)) => Some(role.priv_name.clone()),
        _ => None,
    });
    // REVOKE ADMIN OPTION FOR leaves the membership itself.
    let is_grant = grant.is_grant || !grant.opt.is_empty();
    Act::Membership { is_grant, roles: granted.collect(), members: roles(&grant.grantee_roles) }
}

pub(super) fn role_options(of: &Role, options: &[Node], read: &mut Read) {
    let mut on = Vec::new();
    for option in definitions(options) {
        let list = |option: &DefElem| match option.arg.as_ref().and_then(|arg| inner(arg)) {
            Some(NodeEnum::List(list)) => roles(&list.items),
            _ => Vec::new(),
        };
        let names = |roles: Vec<Role>| roles.iter().filter_map(Role::name).map(str::to_owned).collect::<Vec<_>>();
        match option.defname.as_str() {
            "superuser" | "bypassrls" | "createrole" if is_on(option) => on.push(option.defname.to_uppercase()),
            "isreplication" if is_on(option) => on.push("REPLICATION".to_owned()),
            "addroleto" => {
                read.acts.push(Act::Membership { is_grant: true, roles: names(list(option)), members: vec![of.clone()] });
            }
            "rolemembers" | "adminmembers" => {
                let roles = of.name().map(str::to_owned).into_iter().collect();
                read.acts.push(Act::Membership { is_grant: true, roles, members: list(option) });
            }
            _ => {}
        }
    }
    read.acts.push(Act::RoleAttributes { role: of.clone(), on });
}

pub(super) fn setting(scope: Scope, set: &protobuf::VariableSetStmt) -> Act {
    let value = |node: &Node| match inner(node)? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            protobuf::a_const::Val::Sval(text) => Some(text.sval.clone()),
            protobuf::a_const::Val::Ival(number) => Some(number.ival.to_string()),
            _ => Some(String::new()),
        },
        _ => None,
    };
    let values = (set.kind() == VariableSetKind::VarSetValue).then(|| set.args.iter().filter_map(value).collect());
    Act::Setting { scope, name: set.name.to_lowercase(), values }
}

/// `SELECT pg_catalog.set_config('search_path', '', false)`, as dumps have it.
pub(super) fn set_config(select: &protobuf::SelectStmt, read: &mut Read) {
    for target in &select.target_list {
        let Some(NodeEnum::ResTarget(target)) = inner(target) else { continue };
        let Some(NodeEnum::FuncCall(call)) = target.val.as_ref().and_then(|value| inner(value)) else { continue };
        if name_of(&call.funcname).is_some_and(|name| name.name == "set_config")
            && let [name, value, ..] = call.args.as_slice()
            && let (Some(name), Some(value)) = (string(name), string(value))
        {
            let values = value.split(',').map(|part| part.trim().trim_matches('"').to_owned()).filter(|part| !part.is_empty());
            read.acts.push(Act::Setting { scope: Scope::Session, name: name.to_lowercase(), values: Some(values.collect()) });
        }
    }
}
