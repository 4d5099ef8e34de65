//! Any text as a manifest: no crash; a fault has a place and a remedy; what is read survives being written.
//!
//! Seeds: `keyward.example.toml`.
#![no_main]

use keyward::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match Manifest::parse(text, "keyward.toml") {
    Ok(manifest) => {
        let stored = serde_json::to_string(&manifest).expect("a manifest is JSON");
        let read: Manifest = serde_json::from_str(&stored).expect("what was written is read");
        assert_eq!(read.sha256(), manifest.sha256());
    }
    Err(error) => assert!(error.to_string().starts_with("keyward.toml:") && error.hint().is_some(), "{error}"),
});
