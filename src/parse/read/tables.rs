//! CREATE TABLE and ALTER TABLE.

use pg_query::NodeEnum;
use pg_query::protobuf::{self, AlterTableType, ConstrType, Node};

use super::{inner, kind, object_of, place, relation, role, strings};
use crate::parse::act::{Act, Change, Column, Constraint, Triggers};

fn column(definition: &protobuf::ColumnDef) -> Column {
    let mut column = Column { name: definition.colname.clone(), at: place(definition.location), ..Column::default() };
    column.is_not_null = definition.is_not_null;
    for constraint in constraints(&definition.constraints) {
        match constraint.contype() {
            ConstrType::ConstrDefault => column.has_default = !is_null(constraint.raw_expr.as_deref()),
            ConstrType::ConstrGenerated => column.is_generated = true,
            ConstrType::ConstrNotnull | ConstrType::ConstrPrimary => column.is_not_null = true,
            ConstrType::ConstrCheck => column.is_not_null |= !not_null_tests(constraint.raw_expr.as_deref()).is_empty(),
            _ => {}
        }
    }
    column
}

fn constraints(nodes: &[Node]) -> impl Iterator<Item = &protobuf::Constraint> {
    nodes.iter().filter_map(|node| match inner(node) {
        Some(NodeEnum::Constraint(constraint)) => Some(constraint.as_ref()),
        _ => None,
    })
}

/// Tells whether an expression is NULL, perhaps cast.
fn is_null(expression: Option<&Node>) -> bool {
    match expression.and_then(inner) {
        Some(NodeEnum::AConst(constant)) => constant.isnull,
        Some(NodeEnum::TypeCast(cast)) => is_null(cast.arg.as_deref()),
        None => true,
        Some(_) => false,
    }
}

/// The columns that a check refuses NULL in: `a IS NOT NULL`, also among other conditions that must hold.
fn not_null_tests(expression: Option<&Node>) -> Vec<String> {
    match expression.and_then(inner) {
        Some(NodeEnum::NullTest(test)) if test.nulltesttype() == protobuf::NullTestType::IsNotNull => {
            match test.arg.as_ref().and_then(|arg| inner(arg)) {
                Some(NodeEnum::ColumnRef(column)) => strings(&column.fields).pop().into_iter().collect(),
                _ => Vec::new(),
            }
        }
        Some(NodeEnum::BoolExpr(all)) if all.boolop() == protobuf::BoolExprType::AndExpr => {
            all.args.iter().flat_map(|part| not_null_tests(Some(part))).collect()
        }
        _ => Vec::new(),
    }
}

fn constraint(of: &protobuf::Constraint) -> Constraint {
    match of.contype() {
        ConstrType::ConstrPrimary | ConstrType::ConstrNotnull => Constraint::RefusesNull(strings(&of.keys)),
        ConstrType::ConstrCheck => match not_null_tests(of.raw_expr.as_deref()) {
            columns if columns.is_empty() => Constraint::Other,
            columns => Constraint::RefusesNull(columns),
        },
        _ => Constraint::Other,
    }
}

pub(super) fn create_table(create: &protobuf::CreateStmt, is_foreign: bool) -> Option<Act> {
    let table = create.relation.as_ref()?;
    let mut columns = Vec::new();
    let mut like = Vec::new();
    let mut not_null = Vec::new();
    for element in &create.table_elts {
        match inner(element) {
            Some(NodeEnum::ColumnDef(definition)) => columns.push(column(definition)),
            Some(NodeEnum::TableLikeClause(of)) => like.extend(of.relation.as_ref().map(relation)),
            Some(NodeEnum::Constraint(of)) => {
                if let Constraint::RefusesNull(names) = constraint(of) {
                    not_null.extend(names);
                }
            }
            _ => {}
        }
    }
    for column in &mut columns {
        column.is_not_null |= not_null.contains(&column.name);
    }
    Some(Act::CreateTable {
        table: relation(table),
        is_temporary: table.relpersistence == "t",
        is_foreign,
        columns,
        parents: create.inh_relations.iter().filter_map(object_of).collect(),
        is_partition: create.partbound.is_some(),
        like,
    })
}

pub(super) fn alter_table(alter: &protobuf::AlterTableStmt) -> Option<Act> {
    let changes = alter.cmds.iter().filter_map(|node| match inner(node) {
        Some(NodeEnum::AlterTableCmd(command)) => Some(change(command)),
        _ => None,
    });
    Some(Act::AlterTable { table: relation(alter.relation.as_ref()?), kind: kind(alter.objtype()), changes: changes.collect() })
}

fn change(command: &protobuf::AlterTableCmd) -> Change {
    let name = || command.name.clone();
    let definition = command.def.as_ref().and_then(|definition| inner(definition));
    let partition = || match definition {
        Some(NodeEnum::PartitionCmd(partition)) => partition.name.as_ref().map(relation),
        Some(NodeEnum::RangeVar(table)) => Some(relation(table)),
        _ => None,
    };
    match command.subtype() {
        AlterTableType::AtAddColumn => match definition {
            Some(NodeEnum::ColumnDef(definition)) => Change::AddColumn(column(definition)),
            _ => Change::Other,
        },
        AlterTableType::AtDropColumn => Change::DropColumn(name()),
        AlterTableType::AtColumnDefault if command.def.is_some() && !is_null(command.def.as_deref()) => {
            Change::SetDefault(name())
        }
        AlterTableType::AtSetNotNull => Change::SetNotNull(name()),
        AlterTableType::AtSetExpression | AlterTableType::AtAddIdentity => Change::SetGenerated(name()),
        AlterTableType::AtAlterColumnType => Change::SetType(name()),
        AlterTableType::AtAddConstraint => match definition {
            Some(NodeEnum::Constraint(of)) => Change::AddConstraint(constraint(of)),
            _ => Change::Other,
        },
        AlterTableType::AtDisableTrig => Change::DisableTrigger(Triggers::Named(name())),
        AlterTableType::AtDisableTrigAll => Change::DisableTrigger(Triggers::All),
        AlterTableType::AtDisableTrigUser => Change::DisableTrigger(Triggers::User),
        AlterTableType::AtEnableAlwaysTrig => Change::EnableTrigger(Triggers::Named(name()), true),
        AlterTableType::AtEnableTrig | AlterTableType::AtEnableReplicaTrig => {
            Change::EnableTrigger(Triggers::Named(name()), false)
        }
        AlterTableType::AtEnableTrigAll => Change::EnableTrigger(Triggers::All, false),
        AlterTableType::AtEnableTrigUser => Change::EnableTrigger(Triggers::User, false),
        AlterTableType::AtEnableRowSecurity => Change::RowSecurity(true),
        AlterTableType::AtDisableRowSecurity => Change::RowSecurity(false),
        AlterTableType::AtForceRowSecurity => Change::ForceRowSecurity(true),
        AlterTableType::AtNoForceRowSecurity => Change::ForceRowSecurity(false),
        AlterTableType::AtChangeOwner => command.newowner.as_ref().map_or(Change::Other, |to| Change::Owner(role(to))),
        AlterTableType::AtAttachPartition => partition().map_or(Change::Other, Change::Attach),
        AlterTableType::AtDetachPartition => partition().map_or(Change::Other, Change::Detach),
        AlterTableType::AtAddInherit => partition().map_or(Change::Other, Change::Inherit),
        AlterTableType::AtReplicaIdentity => match definition {
            Some(NodeEnum::ReplicaIdentityStmt(identity)) if identity.identity_type == "f" => {
                Change::ReplicaIdentity("FULL".to_owned())
            }
            Some(NodeEnum::ReplicaIdentityStmt(identity)) if identity.identity_type == "i" => {
                Change::ReplicaIdentity(format!("USING INDEX {}", identity.name))
            }
            _ => Change::Other,
        },
        _ => Change::Other,
    }
}
