//! From the syntax tree to [`super::act`]s.

mod privileges;
mod routines;
mod tables;

use pg_query::protobuf::{self, DefElem, Node, ObjectType, RangeVar, RoleSpec, RoleSpecType};
use pg_query::{NodeEnum, NodeRef};

use super::act::{Act, How, Kind, Mention, Name, Read, Role, Scope};
use privileges::{default_privileges, membership, privileges, role_options, set_config, setting};
use routines::{alter_function, block_of, body_of_statements, function, trigger};
use tables::{alter_table, create_table};

/// Why a statement can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What Postgres's grammar says.
    pub message: String,
    /// Where it stumbles, in bytes.
    pub at: usize,
    /// It may well be right: only its tree is too deep to be taken over.
    pub is_too_deep: bool,
}

/// Reads a text of one or more statements.
///
/// # Errors
/// [`Unread`] if it isn't SQL, or nested too deeply.
pub fn read(text: &str) -> Result<Read, Unread> {
    let parsed = pg_query::parse(text, 0).map_err(|error| unread(text, &error))?;
    let mut read = Read::default();
    for (node, _, _, _) in parsed.protobuf.nodes() {
        match node {
            NodeRef::RangeVar(table) if table.schemaname.is_empty() && parsed.cte_names.contains(&table.relname) => {}
            NodeRef::RangeVar(table) => {
                let alias = table.alias.as_ref().map(|alias| alias.aliasname.clone());
                read.mentions.push(Mention { name: relation(table), alias });
            }
            NodeRef::FuncCall(call) => read.calls.extend(name_of(&call.funcname).map(|name| placed(name, call.location))),
            NodeRef::InsertStmt(insert) => {
                let columns = insert.cols.iter().filter_map(target).collect();
                read.acts.extend(write(How::Insert, insert.relation.as_ref(), columns));
            }
            NodeRef::UpdateStmt(update) => {
                let columns = update.target_list.iter().filter_map(target).collect();
                read.acts.extend(write(How::Update, update.relation.as_ref(), columns));
            }
            NodeRef::DeleteStmt(delete) => read.acts.extend(write(How::Delete, delete.relation.as_ref(), Vec::new())),
            _ => {}
        }
    }
    for raw in &parsed.protobuf.stmts {
        if let Some(node) = raw.stmt.as_ref().and_then(|stmt| stmt.node.as_ref()) {
            statement(node, &mut read);
        }
    }
    Ok(read)
}

/// Says why, and where: the tree has no place for an error, so the parser is asked which of the words that it names it stops at.
fn unread(text: &str, error: &pg_query::Error) -> Unread {
    let message = match error {
        pg_query::Error::Parse(message) => message.clone(),
        pg_query::Error::Conversion(nul) => {
            return Unread { message: "a NUL character".to_owned(), at: nul.nul_position(), is_too_deep: false };
        }
        pg_query::Error::Decode(_) => {
            return Unread { message: "nested too deeply".to_owned(), at: 0, is_too_deep: true };
        }
        other => other.to_string(),
    };
    let is_too_deep = ["memory exhausted", "stack depth", "nested too deeply"].iter().any(|why| message.contains(why));
    let at = if is_too_deep { 0 } else { place_of(text, &message) };
    Unread { message, at, is_too_deep }
}

/// The place that `syntax error at or near "x"` speaks of: the first of the words x up to which the text doesn't parse either. Whatever comes
/// before it is only unfinished. A complaint that names no word is about the first word up to which it is raised.
fn place_of(text: &str, message: &str) -> usize {
    let end = text.trim_end().len();
    let Some(word) = message.split_once(" at or near \"").and_then(|(_, word)| word.strip_suffix('"')) else {
        return if message.ends_with("at end of input") { end } else { first_raised(text, message).unwrap_or(end) };
    };
    let starts: Vec<usize> = match pg_query::scan(text) {
        Ok(scanned) => scanned
            .tokens
            .iter()
            .filter_map(|token| usize::try_from(token.start).ok())
            .filter(|&start| text.get(start..).is_some_and(|rest| rest.starts_with(word)))
            .collect(),
        // The scanner itself stumbles, over a string that is never closed, say: from there on all is one word.
        Err(_) => return text.rfind(word).unwrap_or(end),
    };
    let stops_here = |start: &usize| {
        text.get(..start + word.len()).is_some_and(|head| match pg_query::parse(head, 0) {
            Err(pg_query::Error::Parse(said)) => !said.ends_with("at end of input"),
            _ => false,
        })
    };
    // Once it stops, it stops at every later one too.
    let first = starts.partition_point(|start| !stops_here(start));
    starts.get(first).or_else(|| starts.last()).copied().unwrap_or(end)
}

/// The first word up to which a text raises the same complaint.
fn first_raised(text: &str, message: &str) -> Option<usize> {
    let scanned = pg_query::scan(text).ok()?;
    let is_raised = |end: i32| {
        let head = usize::try_from(end).ok().and_then(|end| text.get(..end));
        head.is_some_and(|head| matches!(pg_query::parse(head, 0), Err(pg_query::Error::Parse(said)) if said == message))
    };
    let first = scanned.tokens.partition_point(|token| !is_raised(token.end));
    scanned.tokens.get(first).and_then(|token| place(token.start))
}

fn place(location: i32) -> Option<usize> {
    usize::try_from(location).ok()
}

fn placed(mut name: Name, location: i32) -> Name {
    name.at = place(location);
    name
}

fn relation(table: &RangeVar) -> Name {
    let schema = (!table.schemaname.is_empty()).then(|| table.schemaname.clone());
    Name { schema, name: table.relname.clone(), at: place(table.location) }
}

fn inner(node: &Node) -> Option<&NodeEnum> {
    node.node.as_ref()
}

fn string(node: &Node) -> Option<&str> {
    match inner(node)? {
        NodeEnum::String(text) => Some(&text.sval),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            protobuf::a_const::Val::Sval(text) => Some(&text.sval),
            _ => None,
        },
        _ => None,
    }
}

fn strings(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(string).map(str::to_owned).collect()
}

/// The last two parts of a dotted name.
fn name_of(parts: &[Node]) -> Option<Name> {
    let mut parts = strings(parts);
    let name = parts.pop()?;
    Some(Name { schema: parts.pop(), name, at: None })
}

/// An object as DROP, COMMENT and the like name it.
fn object_of(node: &Node) -> Option<Name> {
    match inner(node)? {
        NodeEnum::List(list) => name_of(&list.items),
        NodeEnum::ObjectWithArgs(object) => name_of(&object.objname),
        NodeEnum::String(text) => Some(Name { name: text.sval.clone(), ..Name::default() }),
        NodeEnum::TypeName(of) => name_of(&of.names),
        NodeEnum::RangeVar(table) => Some(relation(table)),
        _ => None,
    }
}

fn target(node: &Node) -> Option<String> {
    match inner(node)? {
        NodeEnum::ResTarget(target) => Some(target.name.clone()),
        _ => None,
    }
}

fn role(spec: &RoleSpec) -> Role {
    match spec.roletype() {
        RoleSpecType::RolespecPublic => Role::Public,
        RoleSpecType::RolespecCstring => Role::Named(spec.rolename.clone()),
        _ => Role::Current,
    }
}

fn roles(nodes: &[Node]) -> Vec<Role> {
    let spec = |node| match inner(node) {
        Some(NodeEnum::RoleSpec(spec)) => Some(role(spec)),
        _ => None,
    };
    nodes.iter().filter_map(spec).collect()
}

fn write(how: How, table: Option<&RangeVar>, columns: Vec<String>) -> Option<Act> {
    Some(Act::Write { how, table: relation(table?), columns })
}

fn kind(of: ObjectType) -> Kind {
    match of {
        ObjectType::ObjectTable => Kind::Table,
        ObjectType::ObjectView => Kind::View,
        ObjectType::ObjectMatview => Kind::MaterializedView,
        ObjectType::ObjectForeignTable => Kind::ForeignTable,
        ObjectType::ObjectSequence => Kind::Sequence,
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine | ObjectType::ObjectAggregate => {
            Kind::Function
        }
        ObjectType::ObjectSchema => Kind::Schema,
        ObjectType::ObjectRole => Kind::Role,
        ObjectType::ObjectTrigger => Kind::Trigger,
        ObjectType::ObjectPolicy => Kind::Policy,
        ObjectType::ObjectRule => Kind::Rule,
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => Kind::Column,
        ObjectType::ObjectTabconstraint => Kind::Constraint,
        ObjectType::ObjectIndex => Kind::Index,
        ObjectType::ObjectDatabase => Kind::Database,
        ObjectType::ObjectParameterAcl => Kind::Parameter,
        ObjectType::ObjectExtension => Kind::Extension,
        ObjectType::ObjectPublication => Kind::Publication,
        _ => Kind::Other,
    }
}

fn definitions(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match inner(node) {
        Some(NodeEnum::DefElem(definition)) => Some(definition.as_ref()),
        _ => None,
    })
}

/// Whether an option is on: it may stand alone, or be a boolean, a number or a word.
fn is_on(definition: &DefElem) -> bool {
    match definition.arg.as_ref().and_then(|arg| inner(arg)) {
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        Some(NodeEnum::String(text)) => matches!(text.sval.to_ascii_lowercase().as_str(), "true" | "on" | "1" | "yes"),
        // It stands alone, or is something else.
        _ => true,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm a kind of statement")]
fn statement(node: &NodeEnum, read: &mut Read) {
    let act = match node {
        NodeEnum::GrantStmt(grant) => Some(Act::Grant(privileges(grant))),
        NodeEnum::AlterDefaultPrivilegesStmt(defaults) => default_privileges(defaults),
        NodeEnum::GrantRoleStmt(grant) => Some(membership(grant)),
        NodeEnum::CreateRoleStmt(create) => {
            let of = Role::Named(create.role.clone());
            role_options(&of, &create.options, read);
            None
        }
        NodeEnum::AlterRoleStmt(alter) => {
            if let Some(of) = &alter.role {
                role_options(&role(of), &alter.options, read);
            }
            None
        }
        NodeEnum::AlterRoleSetStmt(alter) => {
            let of = alter.role.as_ref().and_then(|spec| role(spec).name().map(str::to_owned));
            alter.setstmt.as_ref().map(|set| setting(Scope::Role(of), set))
        }
        NodeEnum::AlterDatabaseSetStmt(alter) => alter.setstmt.as_ref().map(|set| setting(Scope::Database, set)),
        NodeEnum::AlterSystemStmt(alter) => alter.setstmt.as_ref().map(|set| setting(Scope::System, set)),
        NodeEnum::VariableSetStmt(set) => Some(setting(Scope::Session, set)),
        NodeEnum::CreateStmt(create) => create_table(create, false),
        NodeEnum::CreateForeignTableStmt(create) => create.base_stmt.as_ref().and_then(|create| create_table(create, true)),
        NodeEnum::CreateTableAsStmt(create) => create.into.as_ref().and_then(|into| into.rel.as_ref()).map(|into| {
            Act::CreateAs { into: relation(into), kind: kind(create.objtype()), is_temporary: into.relpersistence == "t" }
        }),
        NodeEnum::SelectStmt(select) => {
            let into = select.into_clause.as_ref().and_then(|into| into.rel.as_ref());
            set_config(select, read);
            into.map(|into| Act::CreateAs { into: relation(into), kind: Kind::Table, is_temporary: into.relpersistence == "t" })
        }
        NodeEnum::ViewStmt(create) => create.view.as_ref().map(|view| Act::CreateView {
            view: relation(view),
            is_invoker: definitions(&create.options).any(|option| option.defname == "security_invoker" && is_on(option)),
            is_temporary: view.relpersistence == "t",
        }),
        NodeEnum::CreateTrigStmt(create) => trigger(create),
        NodeEnum::CreateFunctionStmt(create) => {
            body_of_statements(create.sql_body.as_deref(), read);
            function(create)
        }
        NodeEnum::AlterFunctionStmt(alter) => alter_function(alter),
        NodeEnum::DoStmt(block) => block_of(block),
        NodeEnum::AlterTableStmt(alter) => alter_table(alter),
        NodeEnum::RenameStmt(rename) => renamed(rename),
        NodeEnum::AlterObjectSchemaStmt(alter) => {
            let object =
                alter.relation.as_ref().map(relation).or_else(|| alter.object.as_ref().and_then(|object| object_of(object)));
            object.map(|object| Act::Move { kind: kind(alter.object_type()), object, to: alter.newschema.clone() })
        }
        NodeEnum::AlterOwnerStmt(alter) => {
            let object =
                alter.relation.as_ref().map(relation).or_else(|| alter.object.as_ref().and_then(|object| object_of(object)));
            let to = alter.newowner.as_ref().map(role);
            object.zip(to).map(|(object, to)| Act::Owner { kind: kind(alter.object_type()), object, to })
        }
        NodeEnum::ReassignOwnedStmt(reassign) => {
            reassign.newrole.as_ref().map(|to| Act::Reassign { from: roles(&reassign.roles), to: role(to) })
        }
        NodeEnum::DropStmt(drop) => Some(dropped(drop)),
        NodeEnum::DropRoleStmt(drop) => {
            let names = roles(&drop.roles).into_iter().filter_map(|role| role.name().map(str::to_owned));
            let objects = names.map(|name| (Name { name, ..Name::default() }, None)).collect();
            Some(Act::Drop { kind: Kind::Role, objects, is_cascade: false })
        }
        NodeEnum::DropdbStmt(_) => None,
        NodeEnum::DropOwnedStmt(drop) => Some(Act::DropOwned(roles(&drop.roles))),
        NodeEnum::CreatePublicationStmt(create) => Some(published(&create.pubname, create.for_all_tables, &create.pubobjects)),
        NodeEnum::AlterPublicationStmt(alter) => {
            let adds = alter.action() != protobuf::AlterPublicationAction::ApDropObjects;
            adds.then(|| published(&alter.pubname, alter.for_all_tables, &alter.pubobjects))
        }
        NodeEnum::RuleStmt(rule) => {
            rule.actions.iter().filter_map(inner).for_each(|action| statement(action, read));
            rule.relation.as_ref().map(|table| Act::CreateRule { name: rule.rulename.clone(), table: relation(table) })
        }
        NodeEnum::CreatePolicyStmt(create) => create.table.as_ref().map(|table| Act::Policy {
            name: create.policy_name.clone(),
            table: relation(table),
            is_new: true,
        }),
        NodeEnum::AlterPolicyStmt(alter) => alter.table.as_ref().map(|table| Act::Policy {
            name: alter.policy_name.clone(),
            table: relation(table),
            is_new: false,
        }),
        NodeEnum::CopyStmt(copy) => Some(Act::Copy {
            table: copy.relation.as_ref().map(relation),
            columns: strings(&copy.attlist),
            is_from: copy.is_from,
        }),
        NodeEnum::MergeStmt(merge) => write(How::Merge, merge.relation.as_ref(), Vec::new()),
        NodeEnum::TruncateStmt(truncate) => {
            for table in &truncate.relations {
                if let Some(NodeEnum::RangeVar(table)) = inner(table) {
                    read.acts.extend(write(How::Truncate, Some(table), Vec::new()));
                }
            }
            None
        }
        NodeEnum::IndexStmt(create) => create.relation.as_ref().map(|table| Act::CreateIndex {
            table: relation(table),
            has_expression: create.where_clause.is_some()
                || create
                    .index_params
                    .iter()
                    .any(|part| matches!(inner(part), Some(NodeEnum::IndexElem(part)) if part.expr.is_some())),
        }),
        NodeEnum::CreateStatsStmt(create) => {
            Some(Act::CreateStatistics { tables: create.relations.iter().filter_map(object_of).collect() })
        }
        NodeEnum::CreateSchemaStmt(create) => {
            for element in create.schema_elts.iter().filter_map(inner) {
                statement(element, read);
            }
            Some(Act::CreateSchema(create.schemaname.clone()))
        }
        other => other_object(other).map(|object| Act::Other { object: Some(object) }),
    };
    read.acts.extend(act);
}

/// What is created or altered by statements that no act is about.
fn other_object(node: &NodeEnum) -> Option<Name> {
    match node {
        NodeEnum::CreateSeqStmt(create) => create.sequence.as_ref().map(relation),
        NodeEnum::AlterSeqStmt(alter) => alter.sequence.as_ref().map(relation),
        NodeEnum::CompositeTypeStmt(create) => create.typevar.as_ref().map(relation),
        NodeEnum::CreateEnumStmt(create) => name_of(&create.type_name),
        NodeEnum::CreateDomainStmt(create) => name_of(&create.domainname),
        NodeEnum::CreateRangeStmt(create) => name_of(&create.type_name),
        NodeEnum::DefineStmt(create) => name_of(&create.defnames),
        _ => None,
    }
}

fn renamed(rename: &protobuf::RenameStmt) -> Option<Act> {
    let kind = kind(rename.rename_type());
    let to = rename.newname.clone();
    let object = || rename.object.as_ref().and_then(|object| object_of(object));
    let own = || Name { name: rename.subname.clone(), ..Name::default() };
    let (object, part) = match kind {
        Kind::Column | Kind::Trigger | Kind::Policy | Kind::Rule | Kind::Constraint => {
            (rename.relation.as_ref().map(relation).or_else(object)?, Some(rename.subname.clone()))
        }
        Kind::Role | Kind::Schema | Kind::Database => (own(), None),
        _ => (rename.relation.as_ref().map(relation).or_else(object)?, None),
    };
    Some(Act::Rename { kind, object, part, to })
}

fn dropped(drop: &protobuf::DropStmt) -> Act {
    let kind = kind(drop.remove_type());
    let has_part = matches!(kind, Kind::Trigger | Kind::Policy | Kind::Rule);
    let object = |node: &Node| match inner(node) {
        Some(NodeEnum::List(list)) if has_part => {
            let (part, table) = list.items.split_last()?;
            Some((name_of(table)?, string(part).map(str::to_owned)))
        }
        _ => Some((object_of(node)?, None)),
    };
    Act::Drop {
        kind,
        objects: drop.objects.iter().filter_map(object).collect(),
        is_cascade: drop.behavior() == protobuf::DropBehavior::DropCascade,
    }
}

fn published(publication: &str, all_tables: bool, objects: &[Node]) -> Act {
    let mut tables = Vec::new();
    let mut schemas = Vec::new();
    for object in objects {
        let Some(NodeEnum::PublicationObjSpec(object)) = inner(object) else { continue };
        match &object.pubtable {
            Some(table) => {
                let columns = (!table.columns.is_empty()).then(|| strings(&table.columns));
                tables.extend(table.relation.as_ref().map(|of| (relation(of), columns)));
            }
            None if !object.name.is_empty() => schemas.push(object.name.clone()),
            None => {}
        }
    }
    Act::Publish { publication: publication.to_owned(), all_tables, tables, schemas }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_syntax_error_is_exact() {
        for (text, word) in [
            ("SELECT a FROM b WHERE a = FROM", "FROM"),
            ("CREATE TABLE x (a int, a bigint,)", ")"),
            ("SELECT 'é' AS é FROM FROM x", "FROM x"),
            ("ALTER TABEL x", "TABEL"),
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.is_too_deep && error.at == text.rfind(word).unwrap(), "{text}: {error:?}");
        }
        assert_eq!(read("SELECT a FROM").unwrap_err().at, "SELECT a FROM".len());
        assert_eq!(read("SELECT\0 1").unwrap_err().at, 6);
    }

    #[test]
    fn what_is_nested_too_deeply_is_no_syntax_error_and_no_crash() {
        for text in [
            format!("SELECT 1{}", " || 'a'".repeat(200)),
            format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)),
        ] {
            assert!(read(&text).unwrap_err().is_too_deep);
        }
    }

    #[test]
    fn names_are_folded_and_writes_in_the_depth_are_seen() {
        let found =
            read("WITH gone AS (DELETE FROM App.\"Old\" WHERE id = 1 RETURNING *) INSERT INTO APP.log SELECT * FROM gone")
                .unwrap();
        let written = found.acts.iter().filter_map(|act| match act {
            Act::Write { how, table, .. } => Some((*how, table.human())),
            _ => None,
        });
        let mut written: Vec<_> = written.collect();
        written.sort_by_key(|(how, _)| how.as_str());
        assert_eq!(written, [(How::Delete, "app.\"Old\"".to_owned()), (How::Insert, "app.log".to_owned())]);
        assert!(found.mentions.iter().all(|mention| mention.name.name != "gone"), "{:?}", found.mentions);
    }
}
