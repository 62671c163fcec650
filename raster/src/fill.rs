//! Fills with one colour or a pattern.

use crate::geom::Point;
use crate::plain;
use crate::region::Region;
use crate::rop::Rop2;
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};

impl Raster {
    /// Fills the clip with one raw pixel value (its low bits on surfaces of fewer bits) through `rop`, whose
    /// source is that colour. `QXL_DRAW_FILL` with a solid brush; `SEMANTICS.md` 2 and 3.
    pub fn fill(&self, dst: &mut SurfaceMut<'_>, clip: &Region, color: u32, rop: Rop2) {
        plain::fill(dst, clip, color, rop);
    }

    /// Fills the clip with a repeated tile through `rop`: pixel (x, y) takes tile pixel ((x − origin.x) mod w,
    /// (y − origin.y) mod h). A tile of another format is converted; one without pixels draws nothing.
    pub fn fill_pattern(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        tile: SurfaceRef<'_>,
        origin: Point,
        rop: Rop2,
    ) {
        if tile.width() > 0 && tile.height() > 0 {
            plain::fill_pattern(dst, clip, tile, origin, rop);
        }
    }
}
