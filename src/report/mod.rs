//! What can be told about a recording.

pub mod bandwidth;
mod summary;

pub use summary::{Bytes, Counts, Summary};
