//! Any text as a name and as a constant.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| keyward_fuzz::ident(text));
