//! Any text as a kept plan.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target asks for one")]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::plan_json(text));
