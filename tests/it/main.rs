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
mod approval;
mod attack;
mod attacks_a;
mod attacks_b;
mod attacks_c;
mod audit;
mod audit_wall;
mod bad_input;
mod cli;
mod cli_rollout;
mod contract;
mod docs;
mod examples;
mod faults;
mod fixture;
mod hostile;
mod init;
mod invariants;
mod keys_survive;
mod lint;
mod observe;
mod rehearsal;
mod revoke;
mod rollout;
mod rollout_engine;
mod rollout_faults;
mod rollout_races;
mod sandbox;
mod script;
mod shapes;
mod soak;
mod throttle;
mod tidy;
mod verify;
mod verify_formats;
mod verify_wall;
