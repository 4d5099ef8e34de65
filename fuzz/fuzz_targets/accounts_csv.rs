//! Any bytes as the CSV of `keyward account import`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target asks for one")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::accounts_csv(bytes));
