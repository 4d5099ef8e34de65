#!/bin/sh
# Gives random bytes to what reads files, each target for some seconds: scripts/fuzz.sh [SECONDS [TARGET…]], 600 and all of them unless told. The
# targets are the files of fuzz/fuzz_targets.
#
# Each starts from fuzz/corpus/TARGET, which is kept (the lint's from tests/lint/corpus as well); what it finds besides gathers in
# target/fuzz/corpus/TARGET. It stops at the first crash and names the file that shows it: put that into fuzz/corpus/TARGET, and mend what
# crashed. `scripts/fuzz.sh keep [TARGET…]` reduces all that has gathered to what goes a way of its own, and puts it into fuzz/corpus/TARGET, which
# the tests read whenever they are run.
#
# cargo-fuzz needs a nightly toolchain; where there is none, the stable one is asked to let it pass. cargo-fuzz itself is built into
# target/tools, once: nothing of the user's is touched.
set -eu
cd "$(dirname "$0")/.."

version=0.13.2
built=${CARGO_TARGET_DIR:-$(pwd)/target}

if rustup run nightly rustc --version >/dev/null 2>&1; then
    nightly=+nightly
else
    export RUSTC_BOOTSTRAP=1
    nightly=
fi
if [ "$("$built/tools/bin/cargo-fuzz" --version 2>/dev/null || true)" != "cargo-fuzz $version" ]; then
    echo "fuzz: building cargo-fuzz $version into $built/tools (some minutes, once)" >&2
    cargo install --quiet --locked --root "$built/tools" "cargo-fuzz@$version" >&2
fi
PATH=$built/tools/bin:$PATH

# No sanitizer: keyward has no unsafe code, and pg_query's C isn't instrumented. Overflows and the like panic.
run() {
    # shellcheck disable=SC2086
    cargo $nightly fuzz run --sanitizer none --codegen-units 16 --target-dir "$built/fuzz/build" "$@"
}

todo=${1:-600}
[ $# -eq 0 ] || shift
# shellcheck disable=SC2046 # the targets are words
[ $# -gt 0 ] || set -- $(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')

for target in "$@"; do
    found=$built/fuzz/corpus/$target
    kept=fuzz/corpus/$target
    mkdir -p "$found" "$kept"
    # a plan is longer than what a person writes at once
    case $target in
    plan_json) longest=65536 ;;
    *) longest=2048 ;;
    esac
    if [ "$todo" = keep ]; then
        small=$(mktemp -d)
        trap 'rm -rf "$small"' EXIT
        run "$target" "$small" "$kept" "$found" -- -merge=1 "-max_len=$longest" -rss_limit_mb=4096
        rm -rf "$kept"
        cp -r "$small" "$kept"
        rm -rf "$small"
        chmod -R u=rwX,go=rX "$kept"
        du -sh --apparent-size "$kept"
    else
        more=
        [ "$target" != lint ] || more=tests/lint/corpus
        # shellcheck disable=SC2086
        run "$target" "$found" "$kept" $more -- "-max_total_time=$todo" "-max_len=$longest" -timeout=30 -rss_limit_mb=4096
    fi
done
