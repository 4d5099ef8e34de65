//! keyward takes API keys out of reach, one account at a time, inside Postgres itself.

pub mod account;
pub mod apply;
pub mod catalog;
pub mod db;
pub mod error;
pub mod ident;
pub mod manifest;
pub mod parse;
pub mod plan;
pub mod sandbox;
pub mod schema;
pub mod settle;
pub mod template;
