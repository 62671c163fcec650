//! What can be wrong with a recording.

use std::{fmt, io};

/// A recording cannot be read any further: where, and why.
#[derive(Debug)]
pub struct Error {
    /// Byte of the decompressed recording at which the wrong thing begins.
    pub offset: u64,
    /// The counter of the event that it lies in; `None` before the first.
    pub event: Option<u64>,
    /// The name of the field as it stands in the recording.
    pub field: &'static str,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file cannot be read or decompressed.
    Io(io::Error),
    /// The file does not begin as a recording does.
    Header {
        /// How it begins.
        found: Excerpt,
    },
    /// A recording of another version than 1.
    Version {
        /// Its version.
        version: u64,
    },
    /// Other text where the field should stand.
    Unexpected {
        /// What stands there.
        found: Excerpt,
    },
    /// The field's value is no number, or something follows it on its line.
    Number {
        /// What stands there.
        found: Excerpt,
    },
    /// A number that the field cannot hold.
    OutOfRange {
        /// The number.
        value: i128,
        /// The smallest that it can hold.
        min: i64,
        /// The largest that it can hold.
        max: u64,
    },
    /// A number without a meaning: an operation, format or type that does not exist.
    Unknown {
        /// The number.
        value: i64,
    },
    /// The amount of data disagrees with what it should be.
    Size {
        /// Bytes (or for a glyph count, glyphs) that there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// More than the [`Limits`](super::Limits) allow.
    Limit {
        /// How much is asked for.
        value: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// Compressed data that is no zlib stream.
    Inflate,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (0, ErrorKind::Io(e)) = (self.offset, &self.kind) {
            return write!(f, "cannot read: {e}");
        }
        write!(f, "byte {}", self.offset)?;
        if let Some(event) = self.event {
            write!(f, ", event {event}")?;
        }
        let field = self.field;
        match &self.kind {
            ErrorKind::Io(e) => write!(f, ": cannot read on: {e}"),
            ErrorKind::Header { found } => write!(f, ": not a SPICE recording, it begins with {found}"),
            ErrorKind::Version { version } => write!(f, ": recording version is {version}, not 1"),
            ErrorKind::Unexpected { found } => write!(f, ": expected {field}, found {found}"),
            ErrorKind::Number { found } => write!(f, ": {field} is not a number but {found}"),
            ErrorKind::OutOfRange { value, min, max } => {
                write!(f, ": {field} is {value}, not between {min} and {max}")
            }
            ErrorKind::Unknown { value } => write!(f, ": {field} is {value}, which has no meaning"),
            ErrorKind::Size { found, expected } => write!(f, ": {field} has size {found}, not {expected}"),
            ErrorKind::Limit { value, limit } => write!(f, ": {field} is {value}, the limit is {limit}"),
            ErrorKind::Inflate => write!(f, ": {field} is not a zlib stream"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(e) => Some(e),
            _ => None,
        }
    }
}

/// The first bytes of what was found, at most [`Excerpt::MAX`]; shown quoted and escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Excerpt {
    /// Bytes that an excerpt holds at most.
    pub const MAX: usize = 40;

    /// The first bytes of `found`.
    pub fn new(found: &[u8]) -> Self {
        let len = found.len().min(Self::MAX);
        let mut bytes = [0; Self::MAX];
        bytes[..len].copy_from_slice(&found[..len]);
        Self { bytes, len: len as u8 }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            [] => write!(f, "nothing"),
            bytes => write!(f, "\"{}\"", bytes.escape_ascii()),
        }
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
