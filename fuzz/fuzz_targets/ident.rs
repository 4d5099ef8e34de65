//! Any text as a name and as a constant: each is one piece of SQL, whatever is in it.
#![no_main]

use keyward::ident::{Ident, Table, literal, plain};
use keyward::parse::{Lexeme, lexemes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
});
