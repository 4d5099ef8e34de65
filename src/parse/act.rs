//! What statements do, as plain data: the part of Postgres's syntax tree that a rule may want to know, without its types.
//!
//! Places (`at`) are bytes from the start of the text that was read.

/// A name as it was written: folded as SQL folds it, with its schema where one was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Name {
    /// The schema, if it was written.
    pub schema: Option<String>,
    /// The object's own name.
    pub name: String,
    /// Where it stands; `None` where the tree doesn't say.
    pub at: Option<usize>,
}

impl Name {
    /// Returns the name for people.
    #[must_use]
    pub fn human(&self) -> String {
        let part =
            |part: &str| crate::ident::Ident::new(part).map_or_else(|_| part.to_owned(), |ident| crate::ident::human(&ident));
        match &self.schema {
            Some(schema) => format!("{}.{}", part(schema), part(&self.name)),
            None => part(&self.name),
        }
    }
}

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A table, partitioned or not.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// A sequence.
    Sequence,
    /// A function, procedure, routine or aggregate.
    Function,
    /// A schema.
    Schema,
    /// A role.
    Role,
    /// A trigger.
    Trigger,
    /// A policy.
    Policy,
    /// A rule.
    Rule,
    /// A column.
    Column,
    /// A constraint of a table.
    Constraint,
    /// An index.
    Index,
    /// A database.
    Database,
    /// A configuration parameter.
    Parameter,
    /// An extension.
    Extension,
    /// A publication.
    Publication,
    /// Anything else.
    Other,
}

impl Kind {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Schema => "schema",
            Self::Role => "role",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Database => "database",
            Self::Parameter => "parameter",
            Self::Extension => "extension",
            Self::Publication => "publication",
            Self::Other => "object",
        }
    }

    /// Tells whether rows can be read from it by its name.
    #[must_use]
    pub fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::View | Self::MaterializedView | Self::ForeignTable)
    }
}

/// A role as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// PUBLIC: everybody.
    Public,
    /// `CURRENT_USER`, `SESSION_USER` and the like.
    Current,
    /// A name.
    Named(String),
}

impl Role {
    /// Returns the name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Public | Self::Current => None,
        }
    }

    /// Returns it for people.
    #[must_use]
    pub fn human(&self) -> String {
        match self {
            Self::Public => "PUBLIC".to_owned(),
            Self::Current => "CURRENT_USER".to_owned(),
            Self::Named(name) => Name { name: name.clone(), ..Name::default() }.human(),
        }
    }
}

/// A GRANT or REVOKE of privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// GRANT; otherwise REVOKE.
    pub is_grant: bool,
    /// The privileges, in capitals, each with the columns it was written with; none for ALL.
    pub privileges: Vec<(String, Vec<String>)>,
    /// What sort of objects.
    pub kind: Kind,
    /// The objects, one by one.
    pub objects: Vec<Name>,
    /// ALL … IN SCHEMA these.
    pub all_in: Vec<String>,
    /// To or from whom.
    pub roles: Vec<Role>,
}

/// A column as CREATE TABLE and ADD COLUMN define it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// It has a default other than NULL.
    pub has_default: bool,
    /// GENERATED ALWAYS AS (…).
    pub is_generated: bool,
    /// NOT NULL, or part of a primary key of its own.
    pub is_not_null: bool,
    /// Where it stands.
    pub at: Option<usize>,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// `CHECK (column IS NOT NULL)`, perhaps among other things; NOT NULL of a table constraint; PRIMARY KEY: NULL isn't accepted any more.
    RefusesNull(Vec<String>),
    /// Another one.
    Other,
}

/// How a table's trigger is switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Triggers {
    /// One of them.
    Named(String),
    /// ALL.
    All,
    /// USER.
    User,
}

/// What ALTER TABLE changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// ADD COLUMN.
    AddColumn(Column),
    /// DROP COLUMN.
    DropColumn(String),
    /// ALTER COLUMN … SET DEFAULT.
    SetDefault(String),
    /// ALTER COLUMN … SET NOT NULL.
    SetNotNull(String),
    /// ALTER COLUMN … SET EXPRESSION, ADD GENERATED.
    SetGenerated(String),
    /// ALTER COLUMN … TYPE.
    SetType(String),
    /// ADD CONSTRAINT.
    AddConstraint(Constraint),
    /// DISABLE TRIGGER.
    DisableTrigger(Triggers),
    /// ENABLE TRIGGER, and whether ALWAYS.
    EnableTrigger(Triggers, bool),
    /// ENABLE or DISABLE ROW LEVEL SECURITY.
    RowSecurity(bool),
    /// FORCE or NO FORCE ROW LEVEL SECURITY.
    ForceRowSecurity(bool),
    /// OWNER TO.
    Owner(Role),
    /// ATTACH PARTITION.
    Attach(Name),
    /// DETACH PARTITION.
    Detach(Name),
    /// INHERIT.
    Inherit(Name),
    /// REPLICA IDENTITY FULL or USING INDEX; not DEFAULT or NOTHING.
    ReplicaIdentity(String),
    /// Anything else.
    Other,
}

/// A body in a string constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its text.
    pub text: String,
    /// Where the constant starts, its quotes included.
    pub at: Option<usize>,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// GRANT and REVOKE of privileges.
    Grant(Grant),
    /// ALTER DEFAULT PRIVILEGES.
    DefaultPrivileges {
        /// For objects that these roles create; none for the current one.
        of: Vec<Role>,
        /// In these schemas; none for all.
        schemas: Vec<String>,
        /// What is granted or revoked.
        grant: Grant,
    },
    /// GRANT and REVOKE of roles, and the other statements that make members.
    Membership {
        /// Gives; otherwise takes.
        is_grant: bool,
        /// The roles whose members they become.
        roles: Vec<String>,
        /// The members.
        members: Vec<Role>,
    },
    /// CREATE ROLE and ALTER ROLE: the attributes that are turned on, in capitals.
    RoleAttributes {
        /// The role.
        role: Role,
        /// Such as SUPERUSER, BYPASSRLS, REPLICATION, CREATEROLE.
        on: Vec<String>,
    },
    /// SET, RESET, ALTER ROLE … SET, ALTER DATABASE … SET, ALTER SYSTEM, `set_config`.
    Setting {
        /// For whom it holds.
        scope: Scope,
        /// The parameter, in lower case; empty for RESET ALL.
        name: String,
        /// Its values; `None` where it goes back to the default.
        values: Option<Vec<String>>,
    },
    /// CREATE TABLE, CREATE FOREIGN TABLE.
    CreateTable {
        /// The table.
        table: Name,
        /// A temporary one.
        is_temporary: bool,
        /// A foreign one.
        is_foreign: bool,
        /// Its columns.
        columns: Vec<Column>,
        /// INHERITS, or PARTITION OF.
        parents: Vec<Name>,
        /// PARTITION OF.
        is_partition: bool,
        /// LIKE.
        like: Vec<Name>,
    },
    /// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
    CreateAs {
        /// What comes into being.
        into: Name,
        /// A table or a materialized view.
        kind: Kind,
        /// A temporary one.
        is_temporary: bool,
    },
    /// CREATE VIEW.
    CreateView {
        /// The view.
        view: Name,
        /// It reads with the rights of who asks.
        is_invoker: bool,
        /// A temporary one.
        is_temporary: bool,
    },
    /// CREATE TRIGGER.
    CreateTrigger(Trigger),
    /// CREATE FUNCTION, CREATE PROCEDURE.
    CreateFunction(Function),
    /// ALTER FUNCTION.
    AlterFunction {
        /// The function.
        function: Name,
        /// SECURITY DEFINER or INVOKER, if it says so.
        is_definer: Option<bool>,
        /// SET `search_path`, if it says so.
        search_path: Option<Vec<String>>,
    },
    /// DO.
    Do {
        /// The language: plpgsql unless told.
        language: String,
        /// What is done.
        body: Body,
    },
    /// ALTER TABLE and its like.
    AlterTable {
        /// The table, or view, index, sequence.
        table: Name,
        /// What sort of relation it says it is.
        kind: Kind,
        /// What changes.
        changes: Vec<Change>,
    },
    /// ALTER … RENAME.
    Rename {
        /// What is renamed.
        kind: Kind,
        /// The object, or the table whose part is renamed.
        object: Name,
        /// The part: a column, trigger, policy, constraint.
        part: Option<String>,
        /// Its new name.
        to: String,
    },
    /// ALTER … SET SCHEMA.
    Move {
        /// What is moved.
        kind: Kind,
        /// The object.
        object: Name,
        /// The new schema.
        to: String,
    },
    /// ALTER … OWNER TO, apart from ALTER TABLE's.
    Owner {
        /// Whose owner changes.
        kind: Kind,
        /// The object.
        object: Name,
        /// The new owner.
        to: Role,
    },
    /// REASSIGN OWNED.
    Reassign {
        /// Whose objects.
        from: Vec<Role>,
        /// The new owner.
        to: Role,
    },
    /// DROP.
    Drop {
        /// What is dropped.
        kind: Kind,
        /// The objects; of a trigger, policy or rule, the table.
        objects: Vec<(Name, Option<String>)>,
        /// CASCADE.
        is_cascade: bool,
    },
    /// DROP OWNED.
    DropOwned(Vec<Role>),
    /// CREATE and ALTER PUBLICATION.
    Publish {
        /// The publication.
        publication: String,
        /// FOR ALL TABLES.
        all_tables: bool,
        /// Tables, each with its list of columns if it has one.
        tables: Vec<(Name, Option<Vec<String>>)>,
        /// TABLES IN SCHEMA.
        schemas: Vec<String>,
    },
    /// CREATE RULE.
    CreateRule {
        /// The rule.
        name: String,
        /// The table.
        table: Name,
    },
    /// CREATE and ALTER POLICY.
    Policy {
        /// The policy.
        name: String,
        /// The table.
        table: Name,
        /// Made anew; otherwise altered.
        is_new: bool,
    },
    /// COPY.
    Copy {
        /// The table; `None` for a query.
        table: Option<Name>,
        /// The columns that are named.
        columns: Vec<String>,
        /// FROM; otherwise TO.
        is_from: bool,
    },
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE, wherever in the statement.
    Write {
        /// How.
        how: How,
        /// The table.
        table: Name,
        /// The columns that are named.
        columns: Vec<String>,
    },
    /// CREATE INDEX: the columns whose expressions or plain columns it takes are among the statement's words.
    CreateIndex {
        /// The table.
        table: Name,
        /// It has an expression or a predicate.
        has_expression: bool,
    },
    /// CREATE STATISTICS.
    CreateStatistics {
        /// The tables.
        tables: Vec<Name>,
    },
    /// CREATE SCHEMA.
    CreateSchema(String),
    /// Anything that creates, alters or comments on an object that no other act is about.
    Other {
        /// Its name, as far as it is known.
        object: Option<Name>,
    },
}

/// For whom a parameter is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// SET, or SET LOCAL.
    Session,
    /// ALTER ROLE; ALL for `None`.
    Role(Option<String>),
    /// ALTER DATABASE.
    Database,
    /// ALTER SYSTEM.
    System,
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE.
    Merge,
    /// TRUNCATE.
    Truncate,
}

impl How {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Merge => "MERGE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of CREATE TRIGGER")]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: Name,
    /// The function it calls.
    pub function: Name,
    /// BEFORE; otherwise AFTER or INSTEAD OF.
    pub is_before: bool,
    /// FOR EACH ROW.
    pub is_row: bool,
    /// It fires on INSERT or UPDATE.
    pub writes: bool,
    /// It fires on UPDATE.
    pub on_update: bool,
    /// REFERENCING OLD or NEW TABLE.
    pub has_transition: bool,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// In lower case; sql for a body of statements.
    pub language: String,
    /// Its body as a string.
    pub body: Option<Body>,
    /// SECURITY DEFINER.
    pub is_definer: bool,
    /// What it sets `search_path` to.
    pub search_path: Option<Vec<String>>,
    /// RETURNS trigger.
    pub is_trigger: bool,
}

/// A table that a statement names, with the name it is called by there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The table.
    pub name: Name,
    /// Its alias.
    pub alias: Option<String>,
}

/// A statement that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// What it does, in the order in which it is written.
    pub acts: Vec<Act>,
    /// The tables it names, common table expressions left out.
    pub mentions: Vec<Mention>,
    /// The functions it calls.
    pub calls: Vec<Name>,
}
