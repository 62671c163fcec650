//! How much a guest may ask for, and what happens to commands that ask for nonsense.

use crate::qxl::{BitmapError, Rect, SurfaceId};
use std::fmt;

/// Bounds on what a guest's commands can make the renderer allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of pixels of one surface.
    pub surface_bytes: u64,
    /// Bytes of pixels of all surfaces together.
    pub total_surface_bytes: u64,
    /// Surfaces that exist at a time.
    pub surfaces: usize,
    /// Bytes of one image as 32-bit pixels.
    pub image_bytes: u64,
    /// Bytes of guest data that the image cache keeps alive.
    pub image_cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            surface_bytes: 256 << 20,
            total_surface_bytes: 1 << 30,
            surfaces: 4096,
            image_bytes: 256 << 20,
            // Guests give an image's pixels each time, so that only the same id with other pixels needs what is kept
            // here. The reference server keeps a few seconds of images, its clients 80 MiB. In the recordings at
            // hand the first pixels of an id differ from later ones in sheet 20 only (62 kB later), but for bytes
            // between rows. Every MiB costs 256 page faults, as much time as drawing it: of 8, 4 and 2 MiB the
            // last takes 10 to 25 % less CPU on video, xterm and mupdf than the first, and 1 MiB gains no more.
            image_cache_bytes: 2 << 20,
        }
    }
}

/// Why a command draws nothing. The state is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The surface was never created.
    NoSurface {
        /// The id.
        id: SurfaceId,
    },
    /// The surface does not exist any more.
    SurfaceDestroyed {
        /// The id.
        id: SurfaceId,
    },
    /// A new surface exceeds a limit.
    SurfaceTooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// An image exceeds a limit.
    ImageTooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A bitmap cannot be read.
    Bitmap(BitmapError),
    /// The bounding box leaves the surface.
    BoxOutside {
        /// The box.
        bbox: Rect,
        /// Columns of the surface.
        width: u32,
        /// Rows of the surface.
        height: u32,
    },
    /// The clip takes more rectangles than allowed.
    Clip {
        /// Rectangles allowed.
        limit: usize,
    },
    /// The operation has no source.
    NoSource,
    /// The source area is inverted, negative, or beyond the bitmap.
    SourceArea {
        /// The area.
        area: Rect,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSurface { id } => write!(f, "surface {id} was never created"),
            Self::SurfaceDestroyed { id } => write!(f, "surface {id} does not exist any more"),
            Self::SurfaceTooLarge { width, height } => {
                write!(f, "surface of {width}x{height} pixels exceeds the limits")
            }
            Self::ImageTooLarge { width, height } => {
                write!(f, "image of {width}x{height} pixels exceeds the limits")
            }
            Self::Bitmap(error) => error.fmt(f),
            Self::BoxOutside { bbox, width, height } => write!(
                f,
                "bounding box {},{} to {},{} leaves its {width}x{height} surface",
                bbox.left, bbox.top, bbox.right, bbox.bottom
            ),
            Self::Clip { limit } => write!(f, "clip takes more than {limit} rectangles"),
            Self::NoSource => write!(f, "operation has no source image"),
            Self::SourceArea { area } => write!(
                f,
                "source area {},{} to {},{} is not inside the image",
                area.left, area.top, area.right, area.bottom
            ),
        }
    }
}

impl std::error::Error for Refusal {}
