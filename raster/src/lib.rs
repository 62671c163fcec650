//! Pixels: surfaces, regions and the drawing operations of the QXL set, bit-exact with SPICE's own clients.
//!
//! The crate knows nothing of QXL commands, clients or files. Rectangles are half-open, in pixels, y downwards.

mod geom;
mod simd;
mod surface;

pub use geom::{Point, Rect};
pub use simd::Raster;
pub use surface::{Surface, SurfaceFormat, SurfaceMut, SurfaceRef, TooLarge};
