//! What the command line shows of plans and states: one file per format, each a pure function from value to text.

pub mod entry;
pub mod findings;
pub mod github;
pub mod json;
pub mod junit;
mod paint;
pub mod prometheus;
pub mod sarif;
pub mod sql;
pub mod text;
pub mod verify;

pub use paint::Paint;
