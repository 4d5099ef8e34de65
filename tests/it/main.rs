//! The promises of keyward, each tried on a real server.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test speaks to the server directly, reads its environment, and fails by panicking; so do its helpers"
)]

mod account;
mod apply;
mod attack;
mod attacks_a;
mod attacks_b;
mod attacks_c;
mod audit;
mod cli;
mod cli_rollout;
mod contract;
mod docs;
mod examples;
mod fixture;
mod invariants;
mod keys_survive;
mod lint;
mod observe;
mod revoke;
mod rollout;
mod rollout_engine;
mod rollout_faults;
mod rollout_races;
mod sandbox;
mod shapes;
mod throttle;
mod tidy;
mod verify;
