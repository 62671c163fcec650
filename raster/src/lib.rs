//! Pixels: surfaces, regions and the drawing operations of the QXL set, bit-exact with SPICE's own clients.
//!
//! The crate knows nothing of QXL commands, clients or files. Rectangles are half-open, in pixels, y downwards.
//! Operations are methods of [`Raster`]; each draws through a writable band of rows ([`SurfaceMut`]) inside a clip
//! ([`Region`]), both in the surface's coordinates, and leaves every other pixel alone.

// Most of it is right on such machines; COMPOSITE is not, and wrong pixels are worse than none.
#[cfg(target_endian = "big")]
compile_error!("spice-raster is bit-exact on little-endian machines only");

mod aligned;
mod bitmap;
mod blend;
mod blocks;
mod brush;
mod composite;
mod copy;
#[cfg(test)]
mod draw_tests;
mod fill;
mod geom;
mod grid;
mod kernels;
mod pixel;
mod plain;
mod put;
mod region;
mod rop;
mod rop3;
mod rows;
mod sample;
mod simd;
mod stroke;
mod surface;
#[cfg(test)]
mod test_util;
mod text;
mod transparent;

pub use bitmap::{BitmapError, BitmapPixelFormat, BitmapRef};
pub use brush::Rop3Brush;
pub use composite::{CompositeFilter, CompositeOp, CompositeRepeat, CompositeSource, Composition};
pub use geom::{Point, Rect};
pub use region::{Region, TooManyRects};
pub use rop::Rop2;
pub use sample::Filter;
pub use simd::Raster;
pub use stroke::{DashStyle, StrokeBrush, StrokeClip, StrokeSegment, curves_end};
pub use surface::{Surface, SurfaceFormat, SurfaceMut, SurfaceRef, TooLarge};
pub use text::{GlyphDepth, GlyphRef, TextBrush, text_bounds};
