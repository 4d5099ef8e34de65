//! Any bytes as a migration: no crash, and every finding is at a place in the file.
//!
//! Seeds: `cargo +nightly fuzz run lint fuzz/corpus/lint tests/lint/corpus`.
#![no_main]

use std::sync::LazyLock;

use keyward::lint::{EXAMPLE, Options, Source, lint_sources};
use keyward::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

static MANIFEST: LazyLock<Manifest> =
    LazyLock::new(|| Manifest::parse(EXAMPLE, "example.toml").expect("the example is a manifest"));

fuzz_target!(|bytes: &[u8]| {
    let source = Source::new("V1__fuzz.sql", bytes.to_vec());
    for finding in lint_sources(&MANIFEST, &[source], &Options::default()).findings {
        assert!(finding.line >= 1 && finding.column >= 1 && !finding.id.is_empty());
    }
});
