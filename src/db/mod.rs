//! The one door to the server.

pub mod settings;
