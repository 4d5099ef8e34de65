//! Any bytes as the CSV of `keyward account import`: no crash, and what is refused has a remedy.
#![no_main]

use keyward::account;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = account::read(bytes, "list.csv") {
        assert!(!error.to_string().is_empty(), "{error}");
    }
});
