//! Functions, triggers and blocks.

use pg_query::protobuf::{self, Node};
use pg_query::{NodeEnum, NodeRef};

use super::privileges::setting;
use super::{definitions, inner, is_on, name_of, place, relation, statement, string, strings, target, write};
use crate::parse::act::{Act, Body, Function, How, Mention, Read, Scope, Trigger};

pub(super) fn trigger(create: &protobuf::CreateTrigStmt) -> Option<Act> {
    // The bits of pg_trigger.tgtype.
    const BEFORE: i32 = 2;
    const INSERT: i32 = 4;
    const UPDATE: i32 = 16;
    Some(Act::CreateTrigger(Trigger {
        name: create.trigname.clone(),
        table: relation(create.relation.as_ref()?),
        function: name_of(&create.funcname)?,
        is_before: create.timing & BEFORE != 0,
        is_row: create.row,
        writes: create.events & (INSERT | UPDATE) != 0,
        on_update: create.events & UPDATE != 0,
        has_transition: !create.transition_rels.is_empty(),
        arguments: strings(&create.args),
    }))
}

/// What SET `search_path` in the options of a function says; `None` if it isn't there.
fn search_path(options: &[Node]) -> Option<Vec<String>> {
    definitions(options).filter(|option| option.defname == "set").find_map(|option| {
        let Some(NodeEnum::VariableSetStmt(set)) = option.arg.as_ref().and_then(|arg| inner(arg)) else { return None };
        match setting(Scope::Session, set) {
            Act::Setting { name, values, .. } if name == "search_path" => Some(values.unwrap_or_default()),
            _ => None,
        }
    })
}

pub(super) fn function(create: &protobuf::CreateFunctionStmt) -> Option<Act> {
    let text = |name: &str| definitions(&create.options).find(|option| option.defname == name);
    let language = text("language").and_then(|option| option.arg.as_ref()).and_then(|arg| string(arg)).map(str::to_lowercase);
    let body = text("as").and_then(|option| {
        let Some(NodeEnum::List(list)) = option.arg.as_ref().and_then(|arg| inner(arg)) else { return None };
        // Two parts are an object file and a symbol in it.
        let [body] = list.items.as_slice() else { return None };
        Some(Body { text: string(body)?.to_owned(), at: place(option.arg_location).or_else(|| place(option.location)) })
    });
    let returned = create.return_type.as_ref().and_then(|of| name_of(&of.names)).map(|name| name.name);
    Some(Act::CreateFunction(Function {
        name: name_of(&create.funcname)?,
        language: language.unwrap_or_else(|| "sql".to_owned()),
        body,
        is_definer: text("security").is_some_and(is_on),
        search_path: search_path(&create.options),
        is_trigger: returned.as_deref() == Some("trigger"),
    }))
}

/// The statements of BEGIN ATOMIC … END, or of RETURN.
pub(super) fn body_of_statements(node: Option<&Node>, read: &mut Read) {
    match node.and_then(inner) {
        Some(NodeEnum::List(list)) => list.items.iter().for_each(|item| body_of_statements(Some(item), read)),
        Some(node @ (NodeEnum::InsertStmt(_) | NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_) | NodeEnum::SelectStmt(_))) => {
            for (found, _, _, _) in node.nodes() {
                match found {
                    NodeRef::RangeVar(table) => {
                        let alias = table.alias.as_ref().map(|alias| alias.aliasname.clone());
                        read.mentions.push(Mention { name: relation(table), alias });
                    }
                    NodeRef::InsertStmt(insert) => read.acts.extend(write(
                        How::Insert,
                        insert.relation.as_ref(),
                        insert.cols.iter().filter_map(target).collect(),
                    )),
                    NodeRef::UpdateStmt(update) => read.acts.extend(write(
                        How::Update,
                        update.relation.as_ref(),
                        update.target_list.iter().filter_map(target).collect(),
                    )),
                    NodeRef::DeleteStmt(delete) => read.acts.extend(write(How::Delete, delete.relation.as_ref(), Vec::new())),
                    NodeRef::FuncCall(call) => read.calls.extend(name_of(&call.funcname)),
                    _ => {}
                }
            }
        }
        Some(NodeEnum::ReturnStmt(returned)) => {
            for (found, _, _, _) in returned.returnval.iter().filter_map(|value| inner(value)).flat_map(NodeEnum::nodes) {
                if let NodeRef::RangeVar(table) = found {
                    let alias = table.alias.as_ref().map(|alias| alias.aliasname.clone());
                    read.mentions.push(Mention { name: relation(table), alias });
                }
            }
        }
        Some(other) => statement(other, read),
        None => {}
    }
}

pub(super) fn alter_function(alter: &protobuf::AlterFunctionStmt) -> Option<Act> {
    let security = definitions(&alter.actions).find(|option| option.defname == "security").map(is_on);
    Some(Act::AlterFunction {
        function: name_of(&alter.func.as_ref()?.objname)?,
        is_definer: security,
        search_path: search_path(&alter.actions),
    })
}

pub(super) fn block_of(block: &protobuf::DoStmt) -> Option<Act> {
    let text = |name: &str| {
        let found = definitions(&block.args).find(|option| option.defname == name)?;
        Some((string(found.arg.as_deref()?)?.to_owned(), place(found.arg_location).or_else(|| place(found.location))))
    };
    let (body, at) = text("as")?;
    let language = text("language").map_or_else(|| "plpgsql".to_owned(), |(name, _)| name.to_lowercase());
    Some(Act::Do { language, body: Body { text: body, at } })
}
