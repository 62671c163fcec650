//! Blending by alpha.

use crate::geom::{Point, Rect};
use crate::kernels::over::{load_argb, over_faint_row, over_row, store_argb};
use crate::kernels::with_level;
use crate::pixel::Blend;
use crate::plain;
use crate::region::Region;
use crate::rop::Rop2;
use crate::rows::{SourceRows, each_row, whole_bytes};
use crate::sample::{Filter, Sampler};
use crate::simd::Raster;
use crate::surface::{SurfaceFormat, SurfaceMut, SurfaceRef};
use bytemuck::{cast_slice, cast_slice_mut};

impl Raster {
    /// Lays `src_area` of a picture over `bbox`: premultiplied source, made fainter by `alpha` / 255, over the
    /// target. Formats without alpha are opaque; read an x8r8g8b8 picture as a8r8g8b8
    /// ([`SurfaceRef::with_format`]) if its fourth byte is alpha. Scales by nearest pixel; pixels outside the
    /// picture are transparent.
    ///
    /// On x8r8g8b8 the x byte is blended as if it were alpha. `dest_has_alpha` says that it is one: then opaque
    /// sources set it to 0xff, else they copy their own x byte, and the caller calls
    /// [`Raster::clear_dest_alpha`] afterwards. `QXL_DRAW_ALPHA_BLEND`; `SEMANTICS.md` 8.
    #[expect(clippy::too_many_arguments, reason = "they are the operation's own")]
    pub fn alpha_blend(
        &self,
        dst: &mut SurfaceMut<'_>,
        clip: &Region,
        bbox: Rect,
        src: SurfaceRef<'_>,
        src_area: Rect,
        alpha: u8,
        dest_has_alpha: bool,
    ) {
        if alpha == 0 {
            return;
        }
        let copy_raw = alpha == 255
            && !dest_has_alpha
            && src.format() == SurfaceFormat::X8R8G8B8
            && dst.format() == SurfaceFormat::X8R8G8B8
            && src.bounds().contains(&src_area);
        let read_as = if copy_raw { SurfaceFormat::X8R8G8B8 } else { SurfaceFormat::A8R8G8B8 };
        let src = Sampler::new(src, src_area, bbox, Filter::Nearest, read_as);
        let clip = clip.cut(bbox);
        let clip = src.reachable(&clip);
        if copy_raw {
            return self.copy_sampled(dst, &clip, &src, Rop2::PUT);
        }
        let (format, alpha) = (dst.format(), u32::from(alpha));
        if !whole_bytes(format) {
            return plain::alpha_blend(dst, &clip, &src, Blend { alpha, copy_raw });
        }
        let mut source = SourceRows::new(self.level, &src, clip.bounds().intersect(&dst.bounds()));
        let mut argb = Vec::new();
        with_level!(self.level, simd => {
            let lay = |dst: &mut [u32], src: &[u32]| match alpha {
                255 => over_row(simd, dst, src),
                _ => over_faint_row(simd, dst, src, alpha),
            };
            each_row(dst, &clip, |y, left, right, row| {
                let from = cast_slice(source.row(y, left, right));
                if format.bits_per_pixel() == 32 {
                    return lay(cast_slice_mut(row), from);
                }
                load_argb(simd, format, row, &mut argb);
                lay(&mut argb, from);
                store_argb(simd, format, &argb, row);
            });
        });
    }

    /// Clears the x bytes of `area` if that of its first pixel is 0xff, as SPICE clients do after text and blends
    /// on x8r8g8b8 surfaces; nothing happens on other formats. `area` is cut to the surface, no clip applies.
    /// Needs a view that holds all rows of `area`: rows outside the band are not changed, and nothing is if the
    /// band does not hold the first one. `SEMANTICS.md` 7, end.
    pub fn clear_dest_alpha(&self, dst: &mut SurfaceMut<'_>, area: Rect) {
        let area = area.intersect(&dst.surface_bounds());
        if dst.format() != SurfaceFormat::X8R8G8B8 || area.is_empty() {
            return;
        }
        if !dst.bounds().contains_point(Point::new(area.left, area.top)) {
            return;
        }
        let columns = area.left as usize..area.right as usize;
        if dst.row(area.top as u32)[columns.start] >> 24 != 0xff {
            return;
        }
        for y in area.top..area.bottom.min(dst.bounds().bottom) {
            dst.row(y as u32)[columns.clone()].iter_mut().for_each(|p| *p &= 0x00ff_ffff);
        }
    }
}
