//! keyward takes API keys out of reach, one account at a time, inside Postgres itself.

pub mod error;
pub mod ident;
pub mod sandbox;
