//! What the tools that run migrations write into a file and its name: which part is run when.

use std::path::Path;

/// Which way a migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Forward.
    Up,
    /// Back.
    Down,
}

/// What a comment of a tool says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// What follows goes this way.
    Goes(Direction),
    /// The migration isn't run in a transaction.
    NoTransaction,
}

/// Reads a comment that begins its line; several tools' markers may be meant by one.
pub(crate) fn markers(comment: &str) -> Vec<Marker> {
    let Some(text) = comment.strip_prefix("--") else { return Vec::new() };
    let text = text.trim().to_ascii_lowercase();
    let mut words = text.split_whitespace();
    let (first, second, third) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let goes = match (first, second) {
        // dbmate; goose; sql-migrate; rambler; node-pg-migrate; MyBatis; tern
        ("migrate:up", _) | ("+goose" | "+migrate" | "rambler", "up") => Some(Direction::Up),
        ("up", "migration") if third.is_empty() => Some(Direction::Up),
        ("migrate:down" | "//@undo", _) | ("+goose" | "+migrate" | "rambler", "down") => Some(Direction::Down),
        ("down", "migration") if third.is_empty() => Some(Direction::Down),
        _ if text.contains("create above / drop below") => Some(Direction::Down),
        _ => None,
    };
    let bare = matches!(
        (first, second, third),
        ("no-transaction" | "disable-ddl-transaction", _, _) | ("+goose", "no", "transaction") | ("atlas:txmode", "none", _)
    ) || text.contains("transaction:false")
        || (first == "+migrate" && text.contains("notransaction"));
    goes.map(Marker::Goes).into_iter().chain(bare.then_some(Marker::NoTransaction)).collect()
}

/// Reads the name of a file: `x.down.sql` (sqlx, golang-migrate), `revert/x.sql` (Sqitch), `U1__x.sql` (Flyway's undo of a
/// `V1__….sql` beside it; refinery calls migrations out of order so, which undo nothing).
pub(crate) fn direction_of(path: &Path) -> Direction {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if name.ends_with(".down.sql") || (folder == "revert" && is_sqitch(path)) || undoes(path, &name) {
        Direction::Down
    } else {
        Direction::Up
    }
}

/// Tells whether `revert` is a folder of Sqitch's: it has one named deploy beside it.
fn is_sqitch(path: &Path) -> bool {
    path.parent().and_then(Path::parent).is_some_and(|project| project.join("deploy").is_dir())
}

/// Tells whether a `U<version>__….sql` has a `V<version>__….sql` beside it.
fn undoes(path: &Path, name: &str) -> bool {
    let Some(version) = name.strip_prefix('u').and_then(|rest| rest.split_once("__")).map(|(version, _)| version) else {
        return false;
    };
    if version.is_empty() || !version.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_') {
        return false;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let done = format!("v{version}__");
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().to_lowercase().starts_with(&done))
}

/// The order in which migrations run: numbers in names count as numbers.
pub(crate) fn order(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (head_a, number_a, rest_a) = cut(a);
        let (head_b, number_b, rest_b) = cut(b);
        let number = |digits: &str| (digits.trim_start_matches('0').len(), digits.trim_start_matches('0').to_owned());
        let this = head_a.cmp(head_b).then_with(|| number(number_a).cmp(&number(number_b))).then_with(|| number_a.cmp(number_b));
        if this.is_ne() || (rest_a.is_empty() && rest_b.is_empty()) {
            return this;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// Cuts a name into what comes before its first number, the number, and the rest.
fn cut(name: &str) -> (&str, &str, &str) {
    let start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (head, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    (head, number, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markers_of_every_tool_are_known() {
        let up = [Marker::Goes(Direction::Up)];
        let down = [Marker::Goes(Direction::Down)];
        for text in ["-- migrate:up", "--migrate:up", "-- +goose Up", "-- +migrate Up", "-- rambler up", "-- Up Migration"] {
            assert_eq!(markers(text), up, "{text}");
        }
        for text in
            ["-- migrate:down", "-- +goose Down", "-- //@UNDO", "---- create above / drop below ----", "-- Down Migration"]
        {
            assert_eq!(markers(text), down, "{text}");
        }
        assert_eq!(markers("-- migrate:up transaction:false"), [up[0], Marker::NoTransaction]);
        assert_eq!(markers("-- +goose NO TRANSACTION"), [Marker::NoTransaction]);
        assert_eq!(markers("-- no-transaction"), [Marker::NoTransaction]);
        for text in
            ["-- up", "-- slow down migration of things", "/* migrate:up */", "-- what goes up", "-- Up migration of keys"]
        {
            assert_eq!(markers(text), [], "{text}");
        }
    }

    #[test]
    fn an_undo_is_one_only_beside_what_it_undoes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(direction_of(&at("U1__a.sql")), Direction::Up);
        std::fs::write(at("V1__a.sql"), "").unwrap();
        assert_eq!(direction_of(&at("U1__a.sql")), Direction::Down);
        assert_eq!(direction_of(&at("U10__a.sql")), Direction::Up);
        assert_eq!(direction_of(&at("1_a.down.sql")), Direction::Down);
        assert_eq!(direction_of(&at("1_a.up.sql")), Direction::Up);
    }

    #[test]
    fn migrations_are_in_the_order_of_their_numbers() {
        let mut names = ["V10__b.sql", "V2__a.sql", "V1.10__c.sql", "V1.2__c.sql", "V2__a.down.sql"];
        names.sort_by(|a, b| order(a, b));
        assert_eq!(names, ["V1.2__c.sql", "V1.10__c.sql", "V2__a.down.sql", "V2__a.sql", "V10__b.sql"]);
    }
}
