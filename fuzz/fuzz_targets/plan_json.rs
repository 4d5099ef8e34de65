//! Any text as a kept plan.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| keyward_fuzz::plan_json(text));
