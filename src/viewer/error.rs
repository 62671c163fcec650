//! What a server may not send.

use crate::draw::Refusal;
use crate::qxl::{Rect, SurfaceFormat, SurfaceId};
use crate::wire::{DecodeError, FrameTooLong, ImageKind};
use std::fmt;

/// A message breaks the protocol, or asks for what the client never had.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ViewerError {
    /// A header announces too much.
    Frame(FrameTooLong),
    /// A message cannot be decoded.
    Message(DecodeError),
    /// A list of messages within a list.
    NestedList,
    /// There is no such surface.
    NoSurface {
        /// Its id.
        id: SurfaceId,
    },
    /// There is such a surface already.
    SurfaceExists {
        /// Its id.
        id: SurfaceId,
    },
    /// The client cannot hold surfaces of this format.
    SurfaceFormat {
        /// The surface.
        id: SurfaceId,
        /// The format.
        format: SurfaceFormat,
    },
    /// Surface 0 alone is the primary surface.
    PrimaryFlag {
        /// The surface.
        id: SurfaceId,
    },
    /// An operation draws beyond its surface.
    BoxOutside {
        /// Where it draws.
        bbox: Rect,
    },
    /// The image is not in the cache.
    NotCached {
        /// Its id.
        id: u64,
    },
    /// The cache holds more than the client announced.
    CacheFull {
        /// Pixels held.
        pixels: u64,
        /// Pixels announced.
        limit: u64,
    },
    /// The palette is not in the cache.
    NoPalette {
        /// Its id.
        id: u64,
    },
    /// The client does not decode images of this type.
    Image {
        /// The type.
        kind: ImageKind,
    },
    /// A compressed stream is wrong.
    Stream {
        /// The image's type.
        kind: ImageKind,
        /// What is wrong with it.
        error: spice_codecs::DecodeError,
    },
    /// The operation makes no sense.
    Refused(Refusal),
}

impl fmt::Display for ViewerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(e) => e.fmt(f),
            Self::Message(e) => e.fmt(f),
            Self::NestedList => write!(f, "list of messages holds a list"),
            Self::NoSurface { id } => write!(f, "there is no surface {id}"),
            Self::SurfaceExists { id } => write!(f, "surface {id} exists already"),
            Self::SurfaceFormat { id, format } => {
                write!(f, "client cannot hold surface {id} of {format:?} pixels")
            }
            Self::PrimaryFlag { id } => write!(f, "primary flag of surface {id} is wrong"),
            Self::BoxOutside { bbox } => write!(
                f,
                "box {},{} to {},{} leaves its surface",
                bbox.left, bbox.top, bbox.right, bbox.bottom
            ),
            Self::NotCached { id } => write!(f, "image {id:#x} is not in the cache"),
            Self::CacheFull { pixels, limit } => {
                write!(f, "image cache holds {pixels} pixels, the client announced {limit}")
            }
            Self::NoPalette { id } => write!(f, "palette {id:#x} is not in the cache"),
            Self::Image { kind } => write!(f, "client does not decode {} images", kind.name()),
            Self::Stream { kind, error } => write!(f, "{} image: {error}", kind.name()),
            Self::Refused(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for ViewerError {}

impl From<FrameTooLong> for ViewerError {
    fn from(e: FrameTooLong) -> Self {
        Self::Frame(e)
    }
}
impl From<DecodeError> for ViewerError {
    fn from(e: DecodeError) -> Self {
        Self::Message(e)
    }
}
impl From<Refusal> for ViewerError {
    fn from(e: Refusal) -> Self {
        Self::Refused(e)
    }
}
