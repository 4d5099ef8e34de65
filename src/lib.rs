//! keyward takes API keys out of reach, one account at a time, inside Postgres itself.

pub mod account;
pub mod apply;
pub mod catalog;
pub mod cli;
pub mod db;
pub mod demo;
pub mod error;
pub mod ident;
pub mod manifest;
pub mod parse;
pub mod plan;
pub mod report;
pub mod rollout;
pub mod sandbox;
pub mod schema;
pub mod settle;
pub mod status;
pub mod template;
