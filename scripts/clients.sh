#!/bin/sh
# Runs programs that nobody here wrote against databases that keyward was applied to: see tests/clients/README.md.
#
#   scripts/clients.sh               all of them
#   scripts/clients.sh -k django     or whatever else pytest takes
#
# Installs what is missing, and says so: Python's packages and npm's into target/clients, Debian's with apt-get. A client that is
# not to be had is skipped, with the reason. KEYWARD names the program, target/debug/keyward otherwise.
set -eu
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf 'clients: %s\n' "$@" >&2; }

fail() {
    say "$@"
    exit 1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs a Debian package, or says that it is missing and fails.
install() {
    if ! have apt-get || { [ "$(id -u)" != 0 ] && ! have sudo; }; then
        say "missing, and not to be installed here: $1"
        return 1
    fi
    say "installing with apt-get: $1"
    # Debian starts a pgbouncer with the package; the tests start one of their own.
    quiet=/usr/sbin/policy-rc.d
    if [ ! -e "$quiet" ]; then
        trap 'as_root rm -f "$quiet"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$quiet" >/dev/null
        as_root chmod +x "$quiet"
    fi
    apt_install "$1" || { as_root apt-get update -q >&2 && apt_install "$1"; } || say "apt-get failed: $1"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1" </dev/null >&2
}

# Runs a command in $home, unless it did its work for the same content of the file before: once FILE COMMAND…
once() {
    if cmp -s "$1" "$home/${1##*/}.installed"; then return; fi
    say "installing what ${1#"$PWD/"} lists into $home"
    file=$1
    shift
    (cd "$home" && "$@" >&2) || return
    cp "$file" "$home/${file##*/}.installed"
}

keyward=${KEYWARD:-${CARGO_TARGET_DIR:-$PWD/target}/debug/keyward}
[ -x "$keyward" ] || fail "there is no $keyward: run cargo build, or make clients"
home=${CARGO_TARGET_DIR:-$PWD/target}/clients
sources=$PWD/tests/clients
mkdir -p "$home"

# What the system has to give. Without Python there is nothing to run; whatever else is missing, its tests are skipped.
missing=
if ! have python3 || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then missing="$missing python3 python3-venv"; fi
if ! have npm; then missing="$missing nodejs npm"; fi
if ! have pgbouncer && ! [ -x /usr/sbin/pgbouncer ]; then missing="$missing pgbouncer"; fi
if ! have pg_prove; then missing="$missing libtap-parser-sourcehandler-pgtap-perl"; fi
for server in /usr/share/postgresql/[0-9]*; do
    # Debian's servers only; the newest is the one that is started.
    if [ -d "$server/extension" ]; then major=${server##*/}; fi
done
if [ -n "${major-}" ] && ! [ -e "/usr/share/postgresql/$major/extension/pgtap.control" ]; then
    missing="$missing postgresql-$major-pgtap"
fi
# One by one: what is not to be had shall not keep away what is.
for package in $missing; do install "$package" || true; done
# Nor shall it start with the machine, where it came for these tests.
case $missing in *pgbouncer*) if have systemctl; then as_root systemctl --quiet disable pgbouncer >&2 || true; fi ;; esac
have python3 || fail "python3 is missing"

[ -x "$home/venv/bin/pip" ] || python3 -m venv "$home/venv"
once "$sources/requirements.txt" venv/bin/pip install --quiet --disable-pip-version-check -r "$sources/requirements.txt" \
    || fail "the Python packages can't be installed"
if have npm; then
    cp "$sources/package.json" "$sources/package-lock.json" "$sources/.npmrc" "$home"
    once "$sources/package-lock.json" npm ci --ignore-scripts --no-audit --no-fund || say "npm failed"
fi

# Nothing is written into the source tree.
export KEYWARD="$keyward" KEYWARD_CLIENTS="$home" PYTHONDONTWRITEBYTECODE=1
"$home/venv/bin/pytest" -p no:cacheprovider -v -rs "$@" "$sources"
