//! Any text as a kept plan: no crash; what is no plan is told so; what is read is written and read again as it was.
//!
//! Seeds: what `keyward plan --out` writes.
#![no_main]

use keyward::report::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match json::read_plan(text, "plan.json") {
    Ok(plan) => {
        let written = json::plan(&plan).expect("a plan is JSON");
        assert_eq!(json::read_plan(&written, "plan.json").expect("what was written is read"), plan);
        assert!(plan.check_unchanged(&plan).is_ok());
    }
    Err(error) => assert!(error.hint().is_some(), "{error}"),
});
