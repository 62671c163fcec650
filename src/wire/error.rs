//! What can be wrong with a message.

use std::fmt;

/// A message cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The message, as in `DRAW_COPY`.
    pub message: &'static str,
    /// What the field belongs to, as in `src_bitmap`; empty for the message itself.
    pub place: &'static str,
    /// The field, as `spice.proto` calls it.
    pub field: &'static str,
    /// Where the field starts, in bytes from the start of the message's body.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: DecodeReason,
}

/// Why a field cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeReason {
    /// The message ends inside the field, or inside what the field counts.
    Truncated {
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that are left.
        left: usize,
    },
    /// A pointer leads out of the message.
    Pointer {
        /// The offset that it holds.
        to: u32,
        /// Bytes in the message.
        len: usize,
    },
    /// A pointer that must not be null is.
    Null,
    /// A number has no meaning here.
    Value(u64),
    /// Parts of a message overlap: their sizes sum to more than the message.
    Overlap {
        /// The sum, in bytes.
        sum: u64,
        /// Bytes in the message.
        len: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.place.is_empty() { "" } else { "." };
        write!(f, "{}: {}{dot}{} at byte {} ", self.message, self.place, self.field, self.offset)?;
        match self.reason {
            DecodeReason::Truncated { needed, left } => write!(f, "takes {needed} bytes but {left} are left"),
            DecodeReason::Pointer { to, len } => write!(f, "points to byte {to} of {len}"),
            DecodeReason::Null => write!(f, "is null"),
            DecodeReason::Value(v) => write!(f, "has the unknown value {v}"),
            DecodeReason::Overlap { sum, len } => write!(f, "lists {sum} bytes in a message of {len}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// A message has no form on the wire. Nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The message, as in `DRAW_COPY`.
    pub message: &'static str,
    /// The field, as `spice.proto` calls it.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: EncodeReason,
}

/// Why a field cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeReason {
    /// There are more of it than its count can say.
    TooMany {
        /// How many.
        count: usize,
        /// The most.
        max: usize,
    },
    /// The number does not fit its field.
    Range(i64),
    /// It must be there.
    Missing,
    /// Its size is not what the message's other fields say.
    Size {
        /// Bytes that it has.
        len: usize,
        /// Bytes that the other fields ask for.
        needed: u64,
    },
    /// No message stands for it.
    NoMessage,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ", self.message, self.field)?;
        match self.reason {
            EncodeReason::TooMany { count, max } => write!(f, "has {count} entries but at most {max} fit"),
            EncodeReason::Range(v) => write!(f, "cannot hold {v}"),
            EncodeReason::Missing => write!(f, "is missing"),
            EncodeReason::Size { len, needed } => write!(f, "has {len} bytes but must have {needed}"),
            EncodeReason::NoMessage => write!(f, "has no message"),
        }
    }
}

impl std::error::Error for EncodeError {}
