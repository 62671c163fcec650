//! What a server may not send.

use super::images::ImageError;
use crate::draw::Refusal;
use crate::qxl::{Rect, SurfaceFormat, SurfaceId};
use crate::wire::{DecodeError, FrameTooLong};
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
    /// An image cannot be decoded, or is not where it is said to be.
    Image(ImageError),
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
            Self::Image(e) => e.fmt(f),
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
impl From<ImageError> for ViewerError {
    fn from(e: ImageError) -> Self {
        Self::Image(e)
    }
}
