//! What the command line shows of plans and states: one file per format, each a pure function from value to text.

pub mod json;
mod paint;
pub mod prometheus;
pub mod sql;
pub mod text;
pub mod verify;

pub use paint::Paint;
