//! Recorded QXL command streams, as libspice-server writes them (`SPICE_WORKER_RECORD_FILENAME`).
//!
//! A recording is text that only its own order makes sense of: a line for every field of a command, without any
//! length of the whole, and raw bytes (`binary 0 NAME SIZE:`) where a field is bulk data. [`Reader`] turns it into
//! [`Event`](crate::qxl::Event)s, and [`Writer`] turns those back.

mod container;
mod drawable;
mod error;
mod input;
mod limits;
mod reader;
mod storage;
#[cfg(test)]
mod tests;
mod writer;

pub use container::Container;
pub use error::{Error, ErrorKind, Excerpt};
pub use limits::Limits;
pub use reader::{Reader, Record, Truncation};
pub use writer::Writer;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a recording by its path, compressed or not; `-` is standard input.
///
/// # Errors
/// If the file cannot be opened ([`ErrorKind::Io`]), and those of [`Reader::with_limits`].
pub fn open(path: &Path, limits: Limits) -> Result<Reader<Box<dyn Read + Send>>, Error> {
    if path.as_os_str() == "-" {
        return Reader::sniffed(io::stdin(), limits);
    }
    let file = File::open(path).map_err(|e| Error {
        offset: 0,
        event: None,
        field: "recording",
        kind: ErrorKind::Io(e),
    })?;
    Reader::from_file(file, limits)
}
