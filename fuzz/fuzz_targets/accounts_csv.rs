//! Any bytes as the CSV of `keyward account import`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyward_fuzz::accounts_csv(bytes));
