//! Any bytes as a migration: no crash, and every finding is at a place in the file.
//!
//! `make fuzz` runs it (scripts/fuzz.sh); what it has found so far is in fuzz/corpus/lint.
#![no_main]

use std::sync::LazyLock;

use keyward::lint::{EXAMPLE, Options, Source, lint_sources};
use keyward::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    // libFuzzer aborts where a panic begins. The lint catches those of Squawk's linter, and says so in a finding; what it doesn't catch
    // still reaches the fuzzer.
    std::panic::set_hook(Box::new(|_| {}));
    Manifest::parse(EXAMPLE, "example.toml").expect("the example is a manifest")
});

fuzz_target!(|bytes: &[u8]| {
    let source = Source::new("V1__fuzz.sql", bytes.to_vec());
    for finding in lint_sources(&MANIFEST, &[source], &Options::default()).findings {
        assert!(finding.line >= 1 && finding.column >= 1 && !finding.id.is_empty());
    }
});
