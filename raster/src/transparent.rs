//! Copies that leave out one colour.

use crate::geom::Rect;
use crate::kernels::key::{key_row8, key_row16, key_row32};
use crate::kernels::with_level;
use crate::pixel::color_key;
use crate::plain;
use crate::region::Region;
use crate::rows::{SourceRows, each_row, whole_bytes};
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceMut, SurfaceRef};
use bytemuck::{cast_slice, cast_slice_mut};

impl Raster {
    /// Copies `src_area` of a picture to `bbox`, but for the pixels of the colour `true_color` (0xRRGGBB), under
    /// which the target shows. Other pixels are stored raw. Scales by nearest pixel; scaled pixels outside the
    /// picture are 0 (which may be the colour), unscaled ones are left alone. `QXL_DRAW_TRANSPARENT`;
    /// `SEMANTICS.md` 6.
    pub fn transparent(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: SurfaceRef<'_>,
        src_area: Rect,
        true_color: u32,
    ) {
        let src = Sampler::new(raw_view(src, dst.format()), src_area, bbox, Filter::Nearest, dst.format());
        let clip = clip.cut(bbox);
        let clip = src.reachable(&clip);
        let format = dst.format();
        if !whole_bytes(format) {
            return plain::transparent(dst, &clip, &src, true_color);
        }
        let (mask, key) = color_key(format, true_color);
        let mut source = SourceRows::new(self.level, &src, clip.bounds().intersect(&dst.bounds()));
        with_level!(self.level, simd => each_row(dst, &clip, |y, left, right, row| {
            let from = source.row(y, left, right);
            match format.bits_per_pixel() {
                32 => key_row32(simd, cast_slice_mut(row), cast_slice(from), mask, key),
                16 => key_row16(simd, cast_slice_mut(row), cast_slice(from), key as u16),
                _ => key_row8(simd, row, from, key as u8),
            }
        }));
    }
}
