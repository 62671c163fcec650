//! The QXL command vocabulary: owned, plain data, named by the protocol's own terms (`qxl_dev.h`, `spice.proto`).
//!
//! A value of these types is well-formed (lists have their lengths, enumerations their meaning) but not yet known
//! to make sense: a bounding box may lie outside its surface, a surface may not exist, a bitmap's stride may be
//! too small. The renderer decides what such a command does to the picture.
//!
//! Everything that can hold an image is generic over the image type `I`, because a display channel carries the
//! same operations with other images (compressed, from a cache).

pub(crate) mod blob;
mod command;
mod data;
mod drawable;
pub mod guest;
mod image;
mod images;
mod surface_format;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use command::{
    Command, CursorCmd, CursorShape, Event, PrimaryCreate, SurfaceCmd, SurfaceCreate, UpdateCmd,
    WorkerMessage,
};
pub use data::{BitmapData, Piece, Storage, Stored};
pub use drawable::{
    Brush, Clip, Composite, Drawable, Glyph, LineAttr, Op, OpKind, PathSegment, QMask, Ropd, ScaleMode, Str,
    SurfaceDep, SurfaceDeps, Transform,
};
pub use image::{Bitmap, BitmapError, BitmapFormat, Image, ImageData, Palette};
pub use images::ImageRole;
pub use spice_raster::{Point, Rect, SurfaceFormat};
pub use surface_format::{surface_format_from_number, surface_format_name, surface_format_number};

/// A surface number as the guest uses it; 0 is the primary surface.
pub type SurfaceId = u32;
