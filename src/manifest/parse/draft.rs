//! The rules between the parts of a manifest: a role in two lists, a table named twice.

use super::rollout::RolloutDraft;
use super::{
    ACCOUNTS, AccountPath, Accounts, DeTable, Deny, Faults, Generate, Hide, Ident, KEY, Key, List, Manifest, Name, OnInsert,
    Part, ROLES, Roles, SETTING, Setting, Spanned, Table, Timestamp, VERSION, WRITE, Write, default_deny, default_label,
    default_owner, human, items, plain, repetitions,
};

/// A manifest whose parts may be missing because they were wrong, and know their places.
pub(super) struct Draft {
    label: Option<Spanned<String>>,
    cutover: Option<Spanned<Timestamp>>,
    owner: Option<Spanned<Ident>>,
    ui: Option<RoleList>,
    api: Option<RoleList>,
    auth: Option<RoleList>,
    accounts_table: Option<Spanned<Table>>,
    accounts_id: Option<Spanned<Ident>>,
    keys: Vec<KeyDraft>,
    writes: Vec<WriteDraft>,
    rollout: RolloutDraft,
}

type RoleList = Spanned<List<Ident>>;

struct KeyDraft {
    name: Option<Spanned<Name>>,
    table: Option<Spanned<Table>>,
    id: Option<Spanned<Ident>>,
    column: Option<Spanned<Ident>>,
    account: Option<Spanned<AccountPath>>,
    hide: Option<Spanned<Hide>>,
    on_insert: Option<Spanned<OnInsert>>,
    generate: Option<Spanned<Generate>>,
}

struct WriteDraft {
    name: Option<Spanned<Name>>,
    table: Option<Spanned<Table>>,
    account: Option<Spanned<AccountPath>>,
    roles: Option<RoleList>,
    deny: Option<Spanned<List<Deny>>>,
    rls: Option<Spanned<bool>>,
}

impl Draft {
    pub(super) fn read(root: &Part<'_>, faults: &mut Faults<'_>) -> Self {
        root.required::<i64>("version", faults);
        let setting = root.table("setting", &SETTING, faults);
        // Left out, the roles are the default owner and nobody else, which serves a manifest of [[writes]] only.
        let nobody = DeTable::new();
        let roles = match root.get("roles") {
            Some(_) => root.table("roles", &ROLES, faults),
            None if root.misspelt.contains(&"roles") => None,
            None => Some(Part { shape: &ROLES, at: root.at, table: &nobody, misspelt: Vec::new() }),
        };
        let accounts = root.table("accounts", &ACCOUNTS, faults);
        Self {
            label: setting.as_ref().and_then(|part| part.optional("label", default_label(), faults)),
            cutover: setting.as_ref().and_then(|part| part.required("cutover", faults)),
            owner: roles.as_ref().and_then(|part| part.optional("owner", default_owner(), faults)),
            ui: roles.as_ref().and_then(|part| part.optional("ui", List::none(), faults)),
            api: roles.as_ref().and_then(|part| part.optional("api", List::none(), faults)),
            auth: roles.as_ref().and_then(|part| part.optional("auth", List::none(), faults)),
            accounts_table: accounts.as_ref().and_then(|part| part.required("table", faults)),
            accounts_id: accounts.as_ref().and_then(|part| part.required("id", faults)),
            keys: root.tables("keys", &KEY, faults).iter().map(|part| KeyDraft::read(part, faults)).collect(),
            writes: root.tables("writes", &WRITE, faults).iter().map(|part| WriteDraft::read(part, faults)).collect(),
            rollout: RolloutDraft::read(root, faults),
        }
    }

    /// Reports what breaks the rules between the parts, as far as the parts could be read.
    pub(super) fn check(&self, root: &Part<'_>, faults: &mut Faults<'_>) {
        if let Some(label) = &self.label
            && (label.get_ref().trim().is_empty() || label.get_ref().contains(char::is_control))
        {
            let message = "`label` of [setting] is blank or has control characters; expected what people call the setting";
            faults.add(label.span().start, message, "write for example: label = \"Enhanced Account Security\"");
        }
        let unread = |key: &'static str| {
            root.misspelt.contains(&key)
                || root.get(key).is_some_and(|value| !value.get_ref().as_array().is_some_and(|list| list.is_empty()))
        };
        if self.keys.is_empty() && self.writes.is_empty() && !unread("keys") && !unread("writes") {
            faults.add(
                root.at,
                "the manifest has neither [[keys]] nor [[writes]]; expected something to protect",
                format!("add {}; or {}", root.spot("keys").example, root.spot("writes").example),
            );
        }
        self.check_roles(faults);
        self.check_repetitions(faults);
        for key in &self.keys {
            key.check(faults);
        }
        for write in &self.writes {
            write.check(faults);
        }
        self.rollout.check(faults);
    }

    fn check_roles(&self, faults: &mut Faults<'_>) {
        let ui: Vec<_> = self.ui.iter().flat_map(|list| &list.get_ref().items).map(Spanned::get_ref).collect();
        let writers = self.writes.iter().map(|write| ("roles", "[[writes]]", &write.roles));
        let lists = [("ui", "[roles]", &self.ui), ("api", "[roles]", &self.api), ("auth", "[roles]", &self.auth)];
        for (key, title, list) in lists.into_iter().chain(writers) {
            let Some(list) = list else { continue };
            repetitions(list.get_ref().items.iter(), |role, first| {
                let message = format!(
                    "the role {} is named twice in `{key}` of {title}, first in line {}",
                    human(role.get_ref()),
                    faults.line(first)
                );
                faults.add(role.span().start, message, "name it once");
            });
            for role in &list.get_ref().items {
                let at = role.span().start;
                let name = human(role.get_ref());
                if self.owner.as_ref().is_some_and(|owner| owner.get_ref() == role.get_ref()) {
                    faults.add(
                        at,
                        format!(
                            "the role {name} is keyward's `owner` and also in `{key}` of {title}; expected a role of the \
                             application"
                        ),
                        "nobody may act as the owner: name another role as `owner` of [roles], one that nothing connects as",
                    );
                }
                if matches!((key, title), ("api", _) | (_, "[[writes]]")) && ui.contains(&role.get_ref()) {
                    faults.add(
                        at,
                        format!(
                            "the role {name} is in `{key}` of {title} and also in `ui` of [roles]; expected it in one of them"
                        ),
                        "what one may do the other must not: give the web application and the API a role each",
                    );
                }
            }
            // With keys to protect, there must be someone to protect them from, and someone who may have them.
            if !self.keys.is_empty() && matches!(key, "ui" | "api") && list.get_ref().is_empty {
                let example = if key == "ui" { "ui = [\"app_ui\"]" } else { "api = [\"api_v1\"]" };
                faults.add(
                    list.span().start,
                    format!("`{key}` of [roles] names no role; expected at least one, since there are [[keys]]"),
                    format!("write below [roles] for example: {example}"),
                );
            }
        }
    }

    fn check_repetitions(&self, faults: &mut Faults<'_>) {
        let names = self.keys.iter().filter_map(|key| key.name.as_ref());
        let names = names.chain(self.writes.iter().filter_map(|write| write.name.as_ref()));
        repetitions(names, |name, first| {
            let message = format!("the name {:?} is used twice, first in line {}", name.get_ref().as_str(), faults.line(first));
            faults.add(
                name.span().start,
                message,
                "give each of [[keys]] and [[writes]] a name of its own: objects are named after it",
            );
        });
        let columns = self.keys.iter().filter_map(|key| {
            let (table, column) = (key.table.as_ref()?, key.column.as_ref()?);
            Some(Spanned::new(column.span(), (table.get_ref(), column.get_ref())))
        });
        repetitions(columns.collect::<Vec<_>>().iter(), |column, first| {
            let (table, name) = column.get_ref();
            let message = format!(
                "the column {} of {} is named twice in [[keys]], first in line {}",
                human(name),
                table.human(),
                faults.line(first)
            );
            faults.add(column.span().start, message, "remove one of the two");
        });
        repetitions(self.writes.iter().filter_map(|write| write.table.as_ref()), |table, first| {
            let message = format!(
                "the table {} is named twice in [[writes]], first in line {}",
                table.get_ref().human(),
                faults.line(first)
            );
            faults.add(table.span().start, message, "put all roles of a table into one [[writes]]");
        });
    }

    pub(super) fn finish(self) -> Option<Manifest> {
        Some(Manifest {
            version: VERSION,
            setting: Setting { label: plain(self.label)?, cutover: plain(self.cutover)? },
            roles: Roles { owner: plain(self.owner)?, ui: items(self.ui)?, api: items(self.api)?, auth: items(self.auth)? },
            accounts: Accounts { table: plain(self.accounts_table)?, id: plain(self.accounts_id)? },
            keys: self.keys.into_iter().map(KeyDraft::finish).collect::<Option<_>>()?,
            writes: self.writes.into_iter().map(WriteDraft::finish).collect::<Option<_>>()?,
            rollout: self.rollout.finish()?,
        })
    }
}

impl KeyDraft {
    fn read(part: &Part<'_>, faults: &mut Faults<'_>) -> Self {
        Self {
            name: part.required("name", faults),
            table: part.required("table", faults),
            id: part.required("id", faults),
            column: part.required("column", faults),
            account: part.required("account", faults),
            hide: part.optional("hide", Hide::default(), faults),
            on_insert: part.optional("on_insert", OnInsert::default(), faults),
            generate: part.optional("generate", Generate::default(), faults),
        }
    }

    fn check(&self, faults: &mut Faults<'_>) {
        let Some(column) = &self.column else { return };
        let same_as = |other: Option<&Ident>| other == Some(column.get_ref());
        let role = if same_as(self.id.as_ref().map(Spanned::get_ref)) {
            "`id`"
        } else if same_as(self.account.as_ref().map(|account| account.get_ref().column())) {
            "`account`"
        } else {
            return;
        };
        let name = human(column.get_ref());
        faults.add(
            column.span().start,
            format!("`column` of [[keys]] is {name}, which is also its {role}; expected the column that holds the key"),
            "a key that moves into the vault leaves NULL behind: name the column of the key itself",
        );
    }

    fn finish(self) -> Option<Key> {
        Some(Key {
            name: plain(self.name)?,
            table: plain(self.table)?,
            id: plain(self.id)?,
            column: plain(self.column)?,
            account: plain(self.account)?,
            hide: plain(self.hide)?,
            on_insert: plain(self.on_insert)?,
            generate: plain(self.generate)?,
        })
    }
}

impl WriteDraft {
    fn read(part: &Part<'_>, faults: &mut Faults<'_>) -> Self {
        let all = default_deny().into_iter().map(|deny| Spanned::new(part.at..part.at, deny)).collect();
        let all = List { items: all, is_empty: false };
        Self {
            name: part.required("name", faults),
            table: part.required("table", faults),
            account: part.required("account", faults),
            roles: part.required("roles", faults),
            deny: part.optional("deny", all, faults),
            rls: part.optional("rls", false, faults),
        }
    }

    fn check(&self, faults: &mut Faults<'_>) {
        if let Some(roles) = &self.roles
            && roles.get_ref().is_empty
        {
            let message = "`roles` of [[writes]] names no role; expected at least one";
            faults.add(roles.span().start, message, "write for example: roles = [\"api_v1\"]");
        }
        let Some(deny) = &self.deny else { return };
        if deny.get_ref().is_empty {
            let message = "`deny` of [[writes]] denies nothing; expected some of \"insert\", \"update\" and \"delete\"";
            faults.add(deny.span().start, message, "leave `deny` out to deny all three, or remove the whole [[writes]]");
        }
        repetitions(deny.get_ref().items.iter(), |item, _| {
            faults.add(
                item.span().start,
                format!("\"{}\" is named twice in `deny` of [[writes]]", item.get_ref()),
                "name it once",
            );
        });
    }

    fn finish(self) -> Option<Write> {
        Some(Write {
            name: plain(self.name)?,
            table: plain(self.table)?,
            account: plain(self.account)?,
            roles: items(self.roles)?,
            deny: items(self.deny)?,
            rls: plain(self.rls)?,
        })
    }
}
