#!/bin/sh
# Runs cargo-deny with the arguments given, for example: scripts/cargo-deny.sh check bans licenses sources
#
# A version on the PATH that reads this deny.toml is used. Otherwise the one below is built from crates.io into target/tools,
# once: nothing of the user's is touched.
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
tools=${CARGO_TARGET_DIR:-target}/tools

case $(cargo-deny --version 2>/dev/null || true) in
    "cargo-deny 0.20."*) exec cargo-deny "$@" ;;
esac

if [ "$("$tools/bin/cargo-deny" --version 2>/dev/null || true)" != "cargo-deny $version" ]; then
    echo "cargo-deny: building $version into $tools (about a minute, once)" >&2
    # It runs for a second or two: optimising it would take longer than it ever saves.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_DEBUG=0 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
        cargo install --quiet --locked --root "$tools" "cargo-deny@$version" >&2
fi
exec "$tools/bin/cargo-deny" "$@"
