//! keyward takes API keys out of reach, one account at a time, inside Postgres itself.

pub mod db;
pub mod error;
pub mod ident;
