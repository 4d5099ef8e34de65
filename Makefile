# `make demo` shows keyward at work, `make test` tries every promise, `make check` is what CI asks besides.
# Each installs what is missing first, and says so.

.PHONY: setup demo test check soak clients advisories matrix bench bench-lint fuzz lint-postgres

setup:
	@scripts/setup.sh

demo: setup
	cargo run --locked -- demo

test: setup
	cargo test --locked

check: setup
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps
	scripts/cargo-deny.sh --locked check --hide-inclusion-graph bans licenses sources

# 200 kills in a row, of keyward and of the server, at random moments of every command, and then 50 cuts; some ten minutes.
# make soak KILLS=60 SEED=7 for another number, and for what was drawn before.
soak: setup
	KEYWARD_SOAK_KILLS=$(KILLS) KEYWARD_SOAK_SEED=$(SEED) cargo test --locked --test it soak::long -- --exact --ignored --nocapture

# Programs that nobody here wrote, against databases with keyward: tests/clients/README.md.
clients: setup
	cargo build --locked
	scripts/clients.sh

# Asks the RustSec database, which is a git repository: needs a network beyond the crate registry.
advisories: setup
	scripts/cargo-deny.sh --locked check advisories

# All tests on PostgreSQL 14 to 18, and a table of what came of it. CI runs the short form: scripts/matrix.sh --short.
matrix: setup
	scripts/matrix.sh

# How quick the lint is, beside the linter that it asks about locks; a minute. Writes the results down.
bench-lint: setup
	cargo bench --locked --bench lint -- --write docs/benchmarks.md

# Random bytes for what reads files: each target for ten minutes unless FUZZ_SECONDS says otherwise. FUZZ_TARGETS=lint names one.
# CONTRIBUTING.md tells how to keep what is found.
FUZZ_SECONDS ?= 600
fuzz: setup
	scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# The lint on PostgreSQL's own regression tests: make lint-postgres SQL=postgresql-18.4/src/test/regress/sql
lint-postgres: setup
	KEYWARD_POSTGRES_SQL="$(abspath $(SQL))" cargo test --locked --test it the_regression_tests_of_postgres -- --ignored --nocapture

# What enforcement costs, how quick the rollout is and how little the application notices, how soon a sandbox is there; most of an hour. Writes the
# results down. make bench BENCHES=enforcement runs one of them.
BENCHES ?= enforcement rollout sandbox lint
bench: setup
	set -e; for bench in $(BENCHES); do cargo bench --locked --bench $$bench -- --write docs/benchmarks.md; done
