//! What can be told about a recording.

mod summary;

pub use summary::{Bytes, Counts, Summary};
