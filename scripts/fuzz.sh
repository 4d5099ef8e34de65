#!/bin/sh
# Gives the lint random SQL for some seconds, 600 unless told: scripts/fuzz.sh [SECONDS]
#
# It starts from fuzz/corpus/lint, which is kept, and from tests/lint/corpus; what it finds besides gathers in target/fuzz/corpus. It stops at the
# first crash and names the file that shows it: put that into fuzz/corpus/lint, and mend the lint. `scripts/fuzz.sh keep` reduces all that has
# gathered to what goes a way of its own, and puts it into fuzz/corpus/lint, which tests/it/lint.rs reads whenever the tests are run.
#
# cargo-fuzz needs a nightly toolchain; where there is none, the stable one is asked to let it pass. cargo-fuzz itself is built into
# target/tools, once: nothing of the user's is touched.
set -eu
cd "$(dirname "$0")/.."

version=0.13.2
target=${CARGO_TARGET_DIR:-$(pwd)/target}
found=$target/fuzz/corpus
kept=fuzz/corpus/lint

if rustup run nightly rustc --version >/dev/null 2>&1; then
    nightly=+nightly
else
    export RUSTC_BOOTSTRAP=1
    nightly=
fi
if [ "$("$target/tools/bin/cargo-fuzz" --version 2>/dev/null || true)" != "cargo-fuzz $version" ]; then
    echo "fuzz: building cargo-fuzz $version into $target/tools (some minutes, once)" >&2
    cargo install --quiet --locked --root "$target/tools" "cargo-fuzz@$version" >&2
fi
PATH=$target/tools/bin:$PATH
mkdir -p "$found" "$kept"

# No sanitizer: keyward has no unsafe code, and pg_query's C isn't instrumented. Overflows and the like panic.
run() {
    # shellcheck disable=SC2086
    cargo $nightly fuzz run --sanitizer none --codegen-units 16 --target-dir "$target/fuzz/build" lint "$@"
}

if [ "${1-}" = keep ]; then
    small=$(mktemp -d)
    trap 'rm -rf "$small"' EXIT
    run "$small" "$kept" "$found" -- -merge=1 -max_len=2048 -rss_limit_mb=4096
    rm -rf "$kept"
    cp -r "$small" "$kept"
    chmod -R u=rwX,go=rX "$kept"
    du -sh --apparent-size "$kept"
else
    run "$found" "$kept" tests/lint/corpus -- "-max_total_time=${1:-600}" -max_len=2048 -timeout=30 -rss_limit_mb=4096
fi
