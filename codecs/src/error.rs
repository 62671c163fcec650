//! What can be wrong with a stream or a request.

use std::fmt;

/// Why a stream was not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The stream ends too early.
    Truncated {
        /// Byte offset at which more was needed.
        offset: usize,
    },
    /// A header field has a value that the format does not allow.
    Field {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: u64,
    },
    /// The stream's size is not the one that its message declares.
    SizeMismatch {
        /// Columns and rows in the stream.
        found: (u32, u32),
        /// Columns and rows declared.
        expected: (u32, u32),
    },
    /// The picture takes more memory than the caller allows.
    TooLarge {
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The coded data makes no sense.
    Corrupt {
        /// Byte offset, as near as the decoder knows it.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// The stream does not say something that the caller must then declare, and did not.
    Undeclared {
        /// What it is.
        field: &'static str,
    },
    /// A GLZ image refers to an image that the window does not hold.
    UnknownImage {
        /// Its id.
        id: u64,
    },
}

impl DecodeError {
    /// The error of a part of a stream, seen from the whole: the part begins at byte `start`.
    pub(crate) fn behind(self, start: usize) -> Self {
        match self {
            Self::Truncated { offset } => Self::Truncated { offset: offset + start },
            Self::Corrupt { offset, reason } => Self::Corrupt { offset: offset + start, reason },
            other => other,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => write!(f, "stream ends at byte {offset}"),
            Self::Field { field, found } => write!(f, "{field} is {found:#x}"),
            Self::SizeMismatch { found, expected } => {
                write!(f, "stream is {}x{} but {}x{} was declared", found.0, found.1, expected.0, expected.1)
            }
            Self::TooLarge { needed, limit } => {
                write!(f, "picture takes {needed} bytes, the limit is {limit}")
            }
            Self::Corrupt { offset, reason } => write!(f, "{reason} at byte {offset}"),
            Self::Undeclared { field } => write!(f, "{field} is not in the stream and was not declared"),
            Self::UnknownImage { id } => write!(f, "reference to image {id}, which the window does not hold"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Why a picture was not encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The codec does not carry this pixel layout.
    Format {
        /// The layout.
        format: crate::PixelFormat,
        /// The codec.
        codec: &'static str,
    },
    /// The picture is larger than the format can say, or than the GLZ window.
    TooLarge,
    /// The stream would be longer than the caller's bound; nothing was written.
    Bound {
        /// The bound in bytes.
        bound: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { format, codec } => write!(f, "{codec} does not carry {format:?} pixels"),
            Self::TooLarge => write!(f, "picture is too large for the codec"),
            Self::Bound { bound } => write!(f, "stream would exceed {bound} bytes"),
        }
    }
}

impl std::error::Error for EncodeError {}
