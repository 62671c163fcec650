//! Copies that leave out one colour.

use crate::geom::Rect;
use crate::pixel::from_argb;
use crate::plain;
use crate::region::Region;
use crate::sample::{Filter, Sampler, raw_view};
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};

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
        plain::transparent(dst, &clip.cut(bbox), &src, true_color);
    }
}

/// The bits of a raw pixel that are compared, and the value that they have where the target shows through.
pub(crate) fn color_key(format: SurfaceFormat, true_color: u32) -> (u32, u32) {
    match format {
        SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8 => (0x00ff_ffff, true_color & 0x00ff_ffff),
        SurfaceFormat::X1R5G5B5 | SurfaceFormat::R5G6B5 => (0xffff, from_argb(format, true_color)),
        SurfaceFormat::A8 => (0xff, 0),
        SurfaceFormat::A1 => (1, 0),
    }
}
