//! What must hold of whatever reads a file or takes a name, whatever it is given. The fuzz targets ask for it with random bytes, and
//! `tests/it/bad_input.rs` with what random bytes have found.

use keyward::account;
use keyward::ident::{Ident, Table, literal, plain};
use keyward::manifest::Manifest;
use keyward::parse::{Lexeme, lexemes};
use keyward::report::json;

/// A manifest is read and survives being written, or its fault has a place and a remedy.
pub fn manifest(text: &str) {
    match Manifest::parse(text, "keyward.toml") {
        Ok(manifest) => {
            let stored = serde_json::to_string(&manifest).expect("a manifest is JSON");
            let read: Manifest = serde_json::from_str(&stored).expect("what was written is read");
            assert_eq!(read.sha256(), manifest.sha256());
        }
        Err(error) => assert!(error.to_string().starts_with("keyward.toml:") && error.hint().is_some(), "{error}"),
    }
}

/// The CSV of `keyward account import` is read, or what is refused has a remedy.
pub fn accounts_csv(bytes: &[u8]) {
    if let Err(error) = account::read(bytes, "list.csv") {
        assert!(!error.to_string().is_empty() && error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
    }
}

/// A kept plan is read, and is the same when it was written and read again, or what is no plan is told so.
pub fn plan_json(text: &str) {
    match json::read_plan(text, "plan.json") {
        Ok(plan) => {
            let written = json::plan(&plan).expect("a plan is JSON");
            assert_eq!(json::read_plan(&written, "plan.json").expect("what was written is read"), plan);
            assert!(plan.check_unchanged(&plan).is_ok());
        }
        Err(error) => assert!(error.hint().is_some(), "{error}"),
    }
}

/// A text as a name and as a constant is one piece of SQL, whatever is in it.
pub fn ident(text: &str) {
    let _ = plain(text);
    if let Ok(table) = text.parse::<Table>() {
        assert_eq!(table.to_string().parse::<Table>().expect("what was written is read"), table);
        assert_eq!(table.human().parse::<Table>().expect("what is shown is read"), table);
    }
    if let Ok(ident) = Ident::new(text) {
        assert_eq!(lexemes(&ident.to_string()), Some(vec![Lexeme::Word(text.to_owned())]));
    }
    if !text.contains('\0') {
        let constant = literal(text);
        for script in [constant.clone(), format!("$keyward$ {constant} $keyward$")] {
            assert!(matches!(lexemes(&script).as_deref(), Some([Lexeme::Text(_)])), "{script}");
        }
    }
}
