//! Any text as a name and as a constant.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target asks for one")]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::ident(text));
