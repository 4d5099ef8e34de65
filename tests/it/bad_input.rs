//! Whatever is given to keyward, it never panics: it reads it as it was meant, or says what is wrong, where, and what to do.
//! `PROPTEST_CASES` says how much is tried.

use std::fs;

use keyward::account;
use keyward::db::settings::Settings;
use keyward::error::{Error, Kind};
use keyward::ident::{Ident, Table, literal, plain};
use keyward::manifest::Manifest;
use keyward::parse::{Lexeme, lexemes};
use keyward::plan::{Approval, Plan};
use keyward::report::json;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fixture::{World, fuzz_corpus};
use crate::hostile::{COUNT, Names, name};

#[expect(unreachable_pub, reason = "there it is a library")]
#[path = "../../fuzz/properties.rs"]
mod properties;

const EXAMPLE: &str = include_str!("../../keyward.example.toml");

/// What a text is spoilt with.
const SPOILERS: &[&str] = &[
    "\"",
    "'",
    "\\",
    "\n",
    "\r",
    "=",
    "[",
    "]",
    "[[keys]]\n",
    "{",
    "}",
    ",",
    "#",
    ".",
    "-",
    "0",
    "99999999999999999999",
    "0x",
    "1e999",
    "nan",
    "true",
    "null",
    "é",
    "🔑",
    "\u{feff}",
    "\0",
    "\u{1b}",
    "\"\"\"",
    "'''",
    "\\u0000",
    "2024-06-17",
    "[]",
    "{}",
    "version",
    "decide",
    "$keyward$",
];

/// Changes of a text: where, how many characters go, and what comes instead.
fn spoils() -> impl Strategy<Value = Vec<(Index, usize, &'static str)>> {
    proptest::collection::vec((any::<Index>(), prop_oneof![0..3_usize, 0..40_usize], select(SPOILERS)), 1..4)
}

fn spoilt(text: &str, spoils: &[(Index, usize, &str)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, gone, instead) in spoils {
        let at = at.index(chars.len() + 1);
        let end = (at + gone).min(chars.len());
        chars.splice(at..end, instead.chars());
    }
    chars.into_iter().collect()
}

/// Everything that an error says.
fn whole(error: &Error) -> String {
    let mut all = vec![error.to_string(), error.hint().unwrap_or_default().to_owned()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        all.push(cause.to_string());
        source = cause.source();
    }
    all.join("\n")
}

/// Checks that an error is one of usage that has a remedy.
fn is_helpful(error: &Error) -> Result<(), TestCaseError> {
    prop_assert_eq!(error.kind(), Kind::Usage, "{}", error);
    prop_assert!(!error.to_string().is_empty() && error.hint().is_some_and(|hint| !hint.trim().is_empty()), "{}", error);
    Ok(())
}

proptest! {
    // A test that fails shows its input; it writes no file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_is_read_or_its_fault_has_a_place_and_a_remedy(spoils in spoils()) {
        let text = spoilt(EXAMPLE, &spoils);
        if let Err(error) = Manifest::parse(&text, "my.toml") {
            is_helpful(&error)?;
            let told = error.to_string();
            let place: Vec<usize> = told.split(':').skip(1).take(2).filter_map(|number| number.parse().ok()).collect();
            prop_assert!(told.starts_with("my.toml:") && place.len() == 2, "{}", told);
            let line = text.split('\n').nth(place[0] - 1);
            prop_assert!(line.is_some_and(|line| place[1] <= line.chars().count() + 1), "{}", told);
        }
    }

    #[test]
    fn a_manifest_survives_being_written_and_read_whatever_its_names(given in proptest::collection::vec(name(), COUNT)) {
        let text = Names::new(&given).manifest();
        let manifest = Manifest::parse(&text, "keyward.toml").map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let written = toml::to_string(&manifest).unwrap();
        prop_assert_eq!(Manifest::parse(&written, "keyward.toml").unwrap().sha256(), manifest.sha256());
    }

    #[test]
    fn an_import_is_read_or_refused_with_its_lines(
        header in any::<bool>(),
        parts in proptest::collection::vec(prop_oneof![select(SPOILERS), select(&["7,why\n", "account,reason\n", ",", "\"7\"", "\r\n"][..])], 0..20),
    ) {
        let text = format!("{}{}", if header { "account,reason\n" } else { "" }, parts.concat());
        if let Err(error) = account::read(text.as_bytes(), "list.csv") {
            is_helpful(&error)?;
            prop_assert!(!header || error.to_string().contains("line "), "{}", error);
        }
    }

    #[test]
    fn a_name_is_one_name_and_a_constant_one_constant_wherever_they_stand(text in name(), tail in "[^\0]{0,20}") {
        match Ident::new(text.clone()) {
            Ok(ident) => prop_assert_eq!(lexemes(&ident.to_string()), Some(vec![Lexeme::Word(text.clone())])),
            Err(_) => prop_assert!(text.len() > 63),
        }
        let constant = literal(&format!("{text}$keyward$;{tail}"));
        for (query, pieces) in [(constant.clone(), 1), (format!("{constant}, {constant}"), 3), (format!("$keyward$ {constant} $keyward$"), 1)] {
            let cut = lexemes(&query).unwrap_or_default();
            prop_assert_eq!(cut.len(), pieces, "{}", query);
            prop_assert!(matches!(cut[0], Lexeme::Text(_)));
        }
    }

    #[test]
    fn a_table_is_read_or_refused(text in prop_oneof![name(), "[a-z\".]{0,12}", (name(), name()).prop_map(|(a, b)| format!("{a}.{b}"))]) {
        let _ = plain(&text);
        match text.parse::<Table>() {
            Ok(table) => prop_assert_eq!(table.human().parse::<Table>().unwrap(), table),
            Err(error) => prop_assert_eq!(error.kind(), Kind::Usage),
        }
    }

    #[test]
    fn no_error_about_a_url_shows_its_password(spoils in spoils(), form in 0..3_usize) {
        const SECRET: &str = "hunter2secret";
        let url = [
            format!("postgres://app:{SECRET}@db.example.org:5432/shop?sslmode=require&application_name=x"),
            format!("postgres://db.example.org/shop?user=app&password={SECRET}"),
            format!("host=db.example.org port=5432 user=app password={SECRET} dbname=shop"),
        ];
        let (before, after) = url[form].split_once(SECRET).unwrap();
        // What says that a password comes now stays: without it, it is a user's name.
        let (before, says) = before.split_at(before.len() - if form == 0 { 1 } else { "&password=".len() });
        for text in [format!("{}{says}{SECRET}{after}", spoilt(before, &spoils)), format!("{before}{says}{SECRET}{}", spoilt(after, &spoils))] {
            match Settings::resolve(Some(&text), &|_| None) {
                Ok(settings) => prop_assert!(!format!("{settings:?}").contains(SECRET), "{}", text),
                Err(error) => {
                    prop_assert_eq!(error.kind(), Kind::Usage);
                    prop_assert!(!whole(&error).contains(SECRET), "{}: {}", text, whole(&error));
                }
            }
        }
    }
}

/// Every file that random bytes have left behind, beside the ones that they began with.
#[test]
fn what_random_bytes_have_found_is_read_or_refused() {
    let each = |target: &str, holds: &dyn Fn(&[u8])| {
        for file in fuzz_corpus(target, 2) {
            holds(&fs::read(file).unwrap());
        }
    };
    // as libFuzzer gives it: what isn't UTF-8 is left out
    let text = |holds: fn(&str)| move |bytes: &[u8]| std::str::from_utf8(bytes).map_or((), holds);
    each("manifest", &text(properties::manifest));
    each("accounts_csv", &properties::accounts_csv);
    each("plan_json", &text(properties::plan_json));
    each("ident", &text(properties::ident));
}

#[tokio::test]
async fn a_plan_that_was_tampered_with_is_not_read_or_refused() {
    let plan = World::bare().await.plan().await;
    let text = json::plan(&plan).unwrap();
    assert!(json::read_plan(&text, "plan.json").unwrap().check_unchanged(&plan).is_ok(), "control");
    let refused = std::cell::Cell::new(0);
    proptest!(|(spoils in spoils())| {
        match json::read_plan(&spoilt(&text, &spoils), "plan.json") {
            Err(error) => {
                is_helpful(&error)?;
                prop_assert!(error.to_string().starts_with("plan.json is "), "{}", error);
            }
            Ok(read) => {
                // What is allowed by name is the reviewer's to say, and the version only tells who made it.
                let same = Plan { approved: Approval::default(), version: plan.version.clone(), ..read.clone() } == plan;
                if !same {
                    let error = read.check_unchanged(&plan).expect_err("this differs");
                    prop_assert!(error.kind() == Kind::Refused && error.hint().is_some(), "{}", error);
                    refused.set(refused.get() + 1);
                }
            }
        }
    });
    assert!(refused.get() > 0, "control: some of them were read");
}
