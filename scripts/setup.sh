#!/bin/sh
# Installs what building and testing keyward needs beyond a Rust toolchain: a C compiler and libclang (pg_query compiles
# PostgreSQL's own parser and generates its bindings), and a PostgreSQL server for the sandbox. Says what it installs; where
# all is there, says and does nothing.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

# Whether any of the arguments, usually an expanded pattern, exists.
any() {
    for path; do
        if [ -e "$path" ]; then return 0; fi
    done
    return 1
}

# Whether one of the directories holds libclang under a name that clang-sys accepts.
libclang_in() {
    for dir; do
        if any "$dir"/libclang.so "$dir"/libclang-*.so* "$dir"/libclang.so.* "$dir"/libclang.dylib; then return 0; fi
    done
    return 1
}

# Whether clang's own headers are there, stdbool.h among them: Debian's libclang1 comes without, and bindgen then fails. On
# macOS they come with the library.
have_clang_headers() {
    [ "$(uname -s)" = Darwin ] || any /usr/lib*/clang/*/include/stdbool.h /usr/lib*/*/lib*/clang/*/include/stdbool.h \
        /usr/local/lib*/clang/*/include/stdbool.h /usr/local/llvm*/lib*/clang/*/include/stdbool.h
}

# Looks where clang-sys, and so bindgen, looks; the places that cost a process come last. Homebrew's llvm isn't among them.
have_libclang() {
    if [ -n "${LIBCLANG_PATH-}" ] && { [ -f "$LIBCLANG_PATH" ] || libclang_in "$LIBCLANG_PATH"; }; then return 0; fi
    if libclang_in /usr/lib*/*/* /usr/lib*/* /usr/lib* \
        /usr/local/llvm*/lib* /usr/local/lib*/*/* /usr/local/lib*/* /usr/local/lib* \
        /usr/local/opt/llvm*/lib /Library/Developer/CommandLineTools/usr/lib \
        /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib && have_clang_headers; then return 0; fi
    llvm_config=${LLVM_CONFIG_PATH:-llvm-config}
    if have "$llvm_config"; then
        prefix=$("$llvm_config" --prefix)
        if libclang_in "$prefix"/lib* && any "$prefix"/lib*/clang/*/include/stdbool.h; then return 0; fi
    fi
    have xcode-select && libclang_in "$(xcode-select --print-path)/Toolchains/XcodeDefault.xctoolchain/usr/lib"
}

# Looks where `keyward sandbox` looks.
have_postgres() {
    if have initdb && have postgres; then return 0; fi
    if any /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/libexec/postgresql*/initdb \
        /opt/homebrew/opt/postgresql@*/bin/initdb /usr/local/opt/postgresql@*/bin/initdb \
        /Applications/Postgres.app/Contents/Versions/*/bin/initdb; then return 0; fi
    have pg_config && any "$(pg_config --bindir)/initdb"
}

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# Fails, naming the command for somebody who may run it, where there is no way to become root.
need_root() {
    [ "$(id -u)" = 0 ] || have sudo || fail "this needs root, and there is no sudo. As root, run:" "  $*"
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_apt() {
    set --
    if $need_cc; then set -- "$@" gcc libc6-dev; fi
    if $need_libclang; then set -- "$@" libclang-dev; fi
    if $need_postgres; then set -- "$@" postgresql; fi
    need_root apt-get install "$@"
    echo "setup: installing with apt-get: $*" >&2

    if $need_postgres; then
        # Debian would create a cluster and start it; keyward needs the programs only. This lasts for this installation:
        # whoever wants a cluster later gets one the usual way.
        quiet=/etc/postgresql-common/createcluster.d/keyward-setup.conf
        trap 'as_root rm -f "$quiet"' EXIT
        trap 'exit 130' INT TERM
        as_root mkdir -p "${quiet%/*}"
        echo "create_main_cluster = false" | as_root tee "$quiet" >/dev/null
    fi
    if ! any /var/lib/apt/lists/*_Packages* /var/lib/apt/lists/*_InRelease; then as_root apt-get update -q; fi
    # Lists older than the mirror name packages that are gone: refresh them, once.
    apt_install "$@" || { as_root apt-get update -q && apt_install "$@"; }
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" </dev/null
}

install_dnf() {
    set --
    if $need_cc; then set -- "$@" gcc; fi
    if $need_libclang; then set -- "$@" clang-devel; fi
    if $need_postgres; then set -- "$@" postgresql-server; fi
    need_root dnf install "$@"
    echo "setup: installing with dnf: $*" >&2
    as_root dnf install -y "$@" </dev/null
}

install_macos() {
    if $need_cc || $need_libclang; then
        fail "a C compiler or libclang is missing. Both are in Apple's command line tools:" "  xcode-select --install"
    fi
    have brew || fail "no PostgreSQL server found. Install Postgres.app, or Homebrew (https://brew.sh) and then run this again."
    echo "setup: installing with brew: postgresql@17" >&2
    brew install postgresql@17 </dev/null
}

# What is missing, in words; sets need_cc, need_libclang and need_postgres.
look() {
    need_cc=false need_libclang=false need_postgres=false missing=
    if ! have cc; then need_cc=true missing="a C compiler (cc)"; fi
    if ! have_libclang; then need_libclang=true missing="${missing:+$missing, }libclang with its headers"; fi
    if ! have_postgres; then need_postgres=true missing="${missing:+$missing, }a PostgreSQL server (initdb, postgres)"; fi
}

if ! have cargo; then
    if [ -x "${CARGO_HOME:-${HOME-}/.cargo}/bin/cargo" ]; then
        fail "cargo is installed, but not on the PATH. Run:" "  . \"${CARGO_HOME:-$HOME/.cargo}/env\""
    fi
    fail "no Rust toolchain found. Install one from https://rustup.rs and open a new shell."
fi

look
if [ -z "$missing" ]; then exit 0; fi
echo "setup: missing: $missing" >&2
if [ "$(uname -s)" = Darwin ]; then
    install_macos
elif have apt-get; then
    install_apt
elif have dnf; then
    install_dnf
else
    fail "no apt-get, dnf or brew here. Install with this system's package manager: $missing." \
        "PostgreSQL may be any version from 14 to 18; libclang elsewhere than usual is named by LIBCLANG_PATH."
fi

look
if [ -n "$missing" ]; then fail "still missing after the installation: $missing"; fi
