//! Fills with one colour or a pattern.

use crate::brush::TileStart;
use crate::geom::{Point, Rect};
use crate::grid::cells;
use crate::kernels::bits::{fill_row, rop2_kernel};
use crate::kernels::with_level;
use crate::pixel::splat;
use crate::plain;
use crate::put;
use crate::region::Region;
use crate::rop::Rop2;
use crate::rows::{TileRows, each_row, whole_bytes};
use crate::sample::raw_view;
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};

impl Raster {
    /// Fills the clip with one raw pixel value (its low bits on surfaces of fewer bits) through `rop`, whose
    /// source is that colour. `QXL_DRAW_FILL` with a solid brush; `SEMANTICS.md` 2 and 3.
    pub fn fill(&self, dst: &mut SurfaceMut<'_>, clip: &Region, color: u32, rop: Rop2) {
        let format = dst.format();
        if !whole_bytes(format) {
            return plain::fill(dst, clip, color, rop);
        }
        let (a, x) = match rop {
            Rop2::PUT => (0, splat(format, color)),
            _ => rop.masks(splat(format, color)),
        };
        if a == 0 {
            match clip.one_in(dst.bounds()) {
                Some(rect) => self.fill_rect(dst, rect, x),
                None => self.fill_rects(dst, clip, x),
            }
            return;
        }
        self.fill_masked(dst, clip, (a, x));
    }

    /// Fills the clip with a word that repeats whole pixels.
    #[inline(never)]
    fn fill_rects(&self, dst: &mut SurfaceMut<'_>, clip: &Region, word: u32) {
        clip.rects_in(dst.bounds()).for_each(|rect| self.fill_rect(dst, rect, word));
    }

    /// Fills a rectangle inside the band with a word that repeats whole pixels.
    #[inline(always)]
    fn fill_rect(&self, dst: &mut SurfaceMut<'_>, rect: Rect, word: u32) {
        let pixel = dst.format().bits_per_pixel() as usize / 8;
        let (width, height) = cells(rect);
        put::fill(self.level, dst.bytes_of(rect, pixel), word, (width * pixel, height));
    }

    /// Keeps the bits in `a` and flips those in `x`.
    #[inline(never)]
    fn fill_masked(&self, dst: &mut SurfaceMut<'_>, clip: &Region, (a, x): (u32, u32)) {
        with_level!(self.level, simd => {
            if let Some(kernel) = fill_row(a, x) {
                each_row(dst, clip, |_, _, _, row| kernel(simd, row, a, x));
            }
        });
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
        if tile.width() == 0 || tile.height() == 0 || rop == Rop2::Nop {
            return;
        }
        if !rop.reads_source() {
            return self.fill(dst, clip, 0, rop);
        }
        let tile = raw_view(tile, dst.format());
        if !whole_bytes(dst.format()) || tile.format() != dst.format() {
            return plain::fill_pattern(dst, clip, tile, origin, rop);
        }
        let mut tiles = TileRows::new(tile);
        with_level!(self.level, simd => {
            let kernel = rop2_kernel(rop);
            for r in clip.rects_in(dst.bounds()) {
                let column = TileStart::from_origin(r.left, origin.x, tile.width());
                let row = TileStart::from_origin(r.top, origin.y, tile.height());
                tiles.each(r, &column, &row, (r.left, r.top), |y, brush| {
                    kernel(simd, dst.bytes(y, r.left, r.right), brush);
                });
            }
        });
    }
}
