//! The promises of keyward, each tried on a real server.

mod sandbox;
